"""What the routes of history answer and take, for the OpenAPI document and for bodies."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from cms.crud.fields import Model
from cms.crud.policy import Door
from cms.crud.problems import ANY_VALUE
from cms.editorial.diffs import Change, Edit

_ID = "01a205d0-73e4-7308-bf85-5f083ee8aa18"


class Person(BaseModel):
    """Who acted."""

    id: UUID = Field(description="The id of the user.", examples=[_ID])
    name: str | None = Field(description="The user's name now; null once the account is gone.", examples=["Ann"])


class Misfit(BaseModel):
    """A recorded value that does not fit any more."""

    field: str = Field(description="The field.", examples=["cover"])
    detail: str = Field(description="Why it does not fit.", examples=["There is no field “cover” any more."])


class RevisionHead(BaseModel):
    """A save of a record."""

    number: int = Field(description="Counts the saves of the record, from 1.", examples=[3])
    version: int = Field(description="The record's version; a working draft counts its own.", examples=[3])
    verb: str = Field(description="What was done.", examples=["updated"])
    is_draft: bool = Field(description="Whether it is a save of the working draft.", examples=[False])
    fields: list[str] = Field(description="The names of the fields that changed.", examples=[["title"]])
    actor: Person | None = Field(description="Who did it; null for the public and the system.")
    door: Door = Field(description="Which way it came in.", examples=["rest"])
    occurred_at: datetime = Field(description="When.", examples=["2026-11-22T08:00:00Z"])
    change: UUID = Field(description="The id of the change-set that it belongs to.", examples=[_ID])
    undoes: UUID | None = Field(description="The id of the change-set that it took back, if any.", examples=[None])


class RevisionPage(BaseModel):
    """A page of a record's revisions, the newest first."""

    items: list[RevisionHead] = Field(description="The revisions.")
    total: int | None = Field(description="How many there are; null unless counted.", examples=[12])
    next: str | None = Field(description="The cursor of the page after this one.", examples=["eyJ2IjoxfQ"])
    previous: str | None = Field(description="The cursor of the page before this one.", examples=[None])


class RevisionRead(RevisionHead):
    """A save of a record, with all that was saved."""

    values: dict[str, Any] = Field(
        description="Every field as it was; related records by id, and in short form where they are still there; "
        "`***` for what is never read."
    )
    misfits: list[Misfit] = Field(description="The values that do not fit any more, and why.")


class WordsDocument(BaseModel):
    """Words in a row of which the same became."""

    edit: Edit = Field(description="Whether they were kept, removed or added.", examples=["added"])
    text: str = Field(description="The words.", examples=["slow "])


class HunkDocument(BaseModel):
    """Lines of a long text that changed."""

    before_line: int = Field(description="The number of the first line before, from 1.", examples=[3])
    after_line: int = Field(description="The number of the first line after.", examples=[3])
    before: list[str] = Field(description="The lines that went.", examples=[["Water waits."]])
    after: list[str] = Field(description="The lines that came in their place.", examples=[["Water does not wait."]])
    words: list[WordsDocument] = Field(description="What changed inside; empty where lines only came or only went.")


class TextDocument(BaseModel):
    """How a long text changed."""

    hunks: list[HunkDocument] = Field(description="The lines that changed, from top to bottom.")
    endings: bool = Field(description="Whether lines, or the text, end otherwise.", examples=[False])


class ElementsDocument(BaseModel):
    """What came into a set, and what went."""

    added: list[str] = Field(description="The ids that came.", examples=[[_ID]])
    removed: list[str] = Field(description="The ids that went.", examples=[[]])


class DifferenceDocument(BaseModel):
    """A field, or a member of a structured value, that is not what it was."""

    name: str = Field(description="Its name.", examples=["title"])
    change: Change = Field(description="Whether it is there on both sides.", examples=["changed"])
    before: Any = Field(description="The value before.", json_schema_extra=ANY_VALUE, examples=["Tide"])
    after: Any = Field(description="The value after.", json_schema_extra=ANY_VALUE, examples=["Ebb"])
    text: TextDocument | None = Field(description="Of a long text, what changed in it.")
    elements: ElementsDocument | None = Field(description="Of a set, what came and went.")
    members: list["DifferenceDocument"] | None = Field(description="Of a structured value, the members that changed.")


class DiffDocument(BaseModel):
    """What changed between two revisions."""

    before: RevisionHead = Field(alias="from", description="The one that `from` named.")
    after: RevisionHead = Field(alias="to", description="The one that `to` named.")
    fields: list[DifferenceDocument] = Field(description="The fields that differ.")


class ValueChange(BaseModel):
    """What became of a field."""

    old: Any = Field(description="The value before.", json_schema_extra=ANY_VALUE, examples=["Tide"])
    new: Any = Field(description="The value after.", json_schema_extra=ANY_VALUE, examples=["Ebb"])
    is_excerpt: bool = Field(
        description="Whether a value is longer than what is shown; the revision holds all of it.", examples=[False]
    )


class RecordChange(BaseModel):
    """What a change did to one record."""

    type: str = Field(description="The content type.", examples=["articles"])
    id: UUID = Field(description="The id of the record.", examples=[_ID])
    title: str | None = Field(description="What the record was called after it.", examples=["Slow tides"])
    verb: str = Field(description="What was done.", examples=["updated"])
    version: int = Field(description="The version that the record, or its working draft, then had.", examples=[3])
    number: int = Field(description="The number of the revision that holds all of it.", examples=[3])
    is_draft: bool = Field(description="Whether it was done to the working draft.", examples=[False])
    fields: dict[str, ValueChange] = Field(description="What changed, by field; `***` stands for what is never read.")


class ChangeRead(BaseModel):
    """All that one transaction changed."""

    id: UUID = Field(description="Names the change, to undo it for instance.", examples=[_ID])
    actor: Person | None = Field(description="Who did it; null for the public and the system.")
    door: Door = Field(description="Which way it came in.", examples=["rest"])
    request_id: str | None = Field(description="The request that asked for it.", examples=["0f8fad5bd9cb469fa165"])
    occurred_at: datetime = Field(description="When.", examples=["2026-11-22T08:00:00Z"])
    undoes: UUID | None = Field(description="The change that this one reversed, if any.", examples=[None])
    undone_by: UUID | None = Field(description="The newest change that reversed this one, if any.", examples=[None])
    is_pruned: bool = Field(description="Whether it is too old to be undone.", examples=[False])
    record_count: int = Field(description="How many records it changed, as far as you may edit them.", examples=[1])
    records: list[RecordChange] = Field(description="The first hundred of these.")


class ChangePage(BaseModel):
    """A page of the log of changes, the newest first."""

    items: list[ChangeRead] = Field(description="The changes.")
    next: str | None = Field(description="The cursor of the page after this one.", examples=["eyJ2IjoxfQ"])
    previous: str | None = Field(description="The cursor of the page before this one.", examples=[None])


class Restoration(Model):
    """What to restore of a revision."""

    version: int | None = Field(
        None, ge=1, le=2**31 - 1, description="The version of the record now; If-Match may say it too.", examples=[3]
    )
    fields: list[str] | None = Field(
        None, min_length=1, max_length=100, description="The fields to restore; all, if left out.", examples=[["title"]]
    )
