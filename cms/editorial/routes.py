"""The generated routes of a content type, with what an editorial office adds: working drafts and merged changes."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Request, Response
from pydantic import ValidationError, WrapValidator
from sqlalchemy.orm import Session

from cms.crud.answers import answer_record, cache_headers, written
from cms.crud.conditional import expected_version
from cms.crud.content_type import ContentType
from cms.crud.doors import Doors, Handler, json_body
from cms.crud.filters import Parameter
from cms.crud.nodes import Item
from cms.crud.policy import Action, Actor
from cms.crud.problems import invalid_from
from cms.crud.query import parse
from cms.crud.router import Routes
from cms.crud.schemas import update_schema
from cms.crud.service import UnitOfWork
from cms.crud.values import boolean, one_of
from cms.editorial.behaviours import Publishable
from cms.editorial.drafts import DraftingService, draft_schema
from cms.editorial.merging import merge_change
from cms.editorial.previews import preview_schema, read_draft
from cms.editorial.trash import TrashingService

MERGE = Parameter(
    "merge",
    boolean,
    {"type": "boolean", "default": False},
    "Whether to merge the change where the version it was made from is not the current one; what both sides changed "
    "is a conflict (409), and nothing is written.",
    example=True,
)
DRAFT = Parameter(
    "draft",
    boolean,
    {"type": "boolean", "default": False},
    "Whether to keep the change in the working draft, which the public does not see. Nothing has to be complete, or "
    "unique, before it is published. If-Match names the draft's version, once there is one.",
    example=True,
)
VERSION = Parameter(
    "version",
    one_of(("public", "draft")),
    {"type": "string", "enum": ["public", "draft"], "default": "public"},
    "`draft`: the record as its working draft makes it, for those who may edit it.",
    example="public",
)
PERMANENT = Parameter(
    "permanent",
    boolean,
    {"type": "boolean", "default": False},
    "Whether to delete for good what is in the trash, with all that hangs on it. Where there is no trash, every "
    "deletion is one for good.",
    example=True,
)


class EditorialRoutes(Routes):
    """The routes of a content type; of one whose records are published, with working drafts."""

    def __init__(self, content_type: ContentType[Any], doors: Doors, dependencies: Sequence[Any] = ()) -> None:
        super().__init__(content_type, doors, dependencies)
        self.has_drafts = issubclass(content_type.model, Publishable)
        self.update_parameters = {"merge": MERGE}
        self.delete_parameters = {"permanent": PERMANENT}
        if self.has_drafts:
            self.update_parameters = {"draft": DRAFT, **self.update_parameters}
            self.detail_parameters: Mapping[str, Parameter] = {**self.detail_parameters, "version": VERSION}
            self.view_model = preview_schema(content_type, doors.registry)

    async def _one(self, request: Request, key: str, actor: Actor, shape: dict[str, Any]) -> tuple[Item, int]:
        """The record as the public gets it, or as its working draft makes it."""
        if shape.pop("version", "public") == "public":
            return await super()._one(request, key, actor, shape)
        state = request.app.state
        found: tuple[Item, int] = await state.database.read(
            read_draft, state.reader, self.content_type, key, actor, **shape
        )
        return found

    def _update(self) -> Handler:
        content_type, parameters = self.content_type, self.update_parameters
        schema = update_schema(content_type)

        async def update_record(
            request: Request, key: str, work: UnitOfWork, data: Any, if_match: str | None = None
        ) -> Response:
            chosen = parse(request.query_params.multi_items(), parameters)
            if chosen.get("draft"):
                return await _save_draft(work, content_type, key, data, if_match, merges=chosen.get("merge", False))
            change = _read(schema, data)
            service = work.service(content_type)
            record = await service.get(key, Action.UPDATE)
            expected = expected_version(if_match, change.version)
            if chosen.get("merge"):
                await merge_change(service, record, change, expected)
            else:
                await service.update(record, change, expected)
            return await written(work, content_type, record.id)

        # Which schema a body has to meet is known once the parameters are; the document shows the stricter one.
        return self._keyed(update_record, data=json_body(_unchecked(schema)))

    def _delete(self) -> Handler:
        content_type, parameters = self.content_type, self.delete_parameters
        move_or_delete = super()._delete()

        async def delete_record(request: Request, key: str, work: UnitOfWork, if_match: str | None = None) -> Response:
            service = work.service(content_type)
            is_permanent = parse(request.query_params.multi_items(), parameters).get("permanent", False)
            if not is_permanent or not isinstance(service, TrashingService):
                return await move_or_delete(key, work, if_match)
            record = await service.get_doomed(key)
            await service.purge(record, expected_version(if_match))
            return Response(status_code=HTTPStatus.NO_CONTENT)

        return self._keyed(delete_record)


async def answer_draft(work: UnitOfWork, content_type: ContentType[Any], record_id: UUID) -> Response:
    """The answer to a change of a working draft: the record as the draft makes it."""
    item, version = await draft_of(work, content_type, record_id)
    return answer_record(item, version, cache_headers(work.actor))


async def draft_of(work: UnitOfWork, content_type: ContentType[Any], record_id: UUID) -> tuple[Item, int]:
    """A record as its working draft makes it, in the transaction at hand; and the draft's version."""

    def read(session: Session) -> tuple[Item, int]:
        return read_draft(session.connection(), work.reader, content_type, record_id, work.actor)

    return await work.session.run_sync(read)


async def _save_draft(
    work: UnitOfWork, content_type: ContentType[Any], key: str, data: Any, if_match: str | None, *, merges: bool
) -> Response:
    change = _read(draft_schema(content_type), data)
    service = work.service(content_type)
    assert isinstance(service, DraftingService)  # noqa: S101 - publishable types declare such a service
    record = await service.get(key, Action.DRAFT)
    await service.save_draft(record, change, expected_version(if_match, change.version), merges=merges)
    return await answer_draft(work, content_type, record.id)


def _unchecked(schema: Any) -> Any:
    """The annotation of a body that is documented by a schema, and read by the handler."""
    return Annotated[schema, WrapValidator(lambda value, _: value)]


def _read(schema: Any, data: Any) -> Any:
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        raise invalid_from(error, schema) from error
