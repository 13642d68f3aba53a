"""What screens read: records with the fields that a screen shows, choices for relations. All through the read plan.

Each function takes a connection first and runs inside `database.read`, so a screen is one snapshot.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select

from admin.choices import Choice, choice_of, thumbnail_of, tile_of
from admin.fields import RelationField
from admin.forms import ContentForm
from admin.steps import steps_of
from cms.crud.content_type import ContentType
from cms.crud.fields import Control
from cms.crud.filters import Filter
from cms.crud.folding import fold
from cms.crud.nodes import Item
from cms.crud.plan import Page, Reader
from cms.crud.policy import Action, Actor
from cms.crud.query import MAX_LIMIT, Query
from cms.crud.registry import Registry
from cms.crud.structure import FieldInfo, Shape
from cms.crud.values import is_uuid
from cms.editorial.behaviours import Publishable, Review, Reviewable, Status
from cms.editorial.pending import Draft
from cms.editorial.previews import read_draft

MOST_CHOICES = 20
"""How many records a search for a relation offers."""
SHOWN = ("url", "alt", "width", "height", "renditions", "focal_point")
"""What a picture is drawn from."""
_PICTURE = (*SHOWN, "mime_type")
"""What a picture is known by."""
_FACTS = ("id", "version", "created_at", "updated_at")


class Working(NamedTuple):
    """The working draft of a record.

    :param publish_at: when it takes the place of what is public. :param problem: why it could not, when it was due.
    :param keeps_address: whether the address that readers know then leads on, if it is another.
    """

    version: int
    publish_at: datetime | None
    review: Review | None
    review_note: str | None
    problem: str | None
    keeps_address: bool


class Opened(NamedTuple):
    """A record as a form opens it.

    :param item: its fields by name, as its working draft makes them where there is one.
    :param version: the version that these are of.
    :param draft: that draft. :param public: the fields as they are without it, where there is one.
    """

    item: Item
    version: int
    draft: Working | None = None
    public: Item | None = None


class Row(NamedTuple):
    """A record in a list.

    :param url: where it is edited, or read by who may not.
    :param is_editable: whether the actor may change it at once, together with others.
    :param steps: what the actor may do to it at once, by name.
    :param picture: one that shows it, if its type has any.
    """

    item: Item
    url: str
    is_editable: bool
    steps: tuple[str, ...] = ()
    picture: Item | None = None


def open_record(
    connection: Connection, reader: Reader, content_type: ContentType[Any], pk: str, actor: Actor
) -> Opened | None:
    """A record with all that its form and its page show; None if there is none that the actor may see."""
    if not is_uuid(pk):
        return None
    review = ("review", "review_note") if issubclass(content_type.model, Reviewable) else ()
    shown = (content_type.write_fields, content_type.read_fields, _FACTS, review)
    names = _named(content_type, *shown, decided_by(content_type))
    found = reader.one(connection, content_type, UUID(pk), actor, fields=names)
    return None if found is None else Opened(*found)


def open_draft(
    connection: Connection, reader: Reader, content_type: ContentType[Any], pk: str, actor: Actor
) -> Opened | None:
    """A record as its form opens it: as its working draft makes it, where there is one that the actor may edit."""
    opened = open_record(connection, reader, content_type, pk, actor)
    if opened is None or not issubclass(content_type.model, Publishable):
        return opened
    draft = _working_draft(connection, UUID(pk))
    if draft is None or not may(content_type, actor, Action.DRAFT, opened.item):
        return opened
    names = tuple(opened.item)
    shown = read_draft(connection, reader, content_type, UUID(pk), actor, fields=names)
    return Opened(*shown, draft, opened.item)


def _working_draft(connection: Connection, record_id: UUID) -> Working | None:
    columns = [getattr(Draft, name) for name in Working._fields]
    found = select(*columns).where(Draft.record_id == record_id, Draft.values.is_not(None))
    row = connection.execute(found).first()
    return Working(*row) if row is not None else None


def list_records(
    connection: Connection,
    reader: Reader,
    content_type: ContentType[Any],
    query: Query,
    actor: Actor,
    columns: tuple[str, ...] = (),
) -> tuple[Page, list[Row]]:
    """A page of a list, its rows with what the actor may do to them.

    :param columns: fields to read beside those that each row needs; the type's own where none are named.
    """
    shown = columns or content_type.list_fields
    picture = picture_field(content_type, reader.registry)
    drawn = _PICTURE if picture == "" else (picture,) if picture else ()
    title = content_type.list_fields[:1]
    names = _named(content_type, title, shown, ("id", "version"), drawn, decided_by(content_type))
    page = reader.page(connection, content_type, replace(query, fields=names), actor)
    return page, [_row(content_type, item, actor, picture) for item in page.items]


def open_rows(
    connection: Connection, reader: Reader, content_type: ContentType[Any], ids: Iterable[UUID], actor: Actor
) -> list[Row]:
    """The records of these ids that the actor may see, as rows of a list."""
    query = Query(filters=((Filter("id", None, "in"), tuple(ids)),), total=False)
    return list_records(connection, reader, content_type, query, actor)[1]


def picture_field(content_type: ContentType[Any], registry: Registry) -> str | None:
    """Where the picture of a record is found: the name of a relation, or the empty one for the record itself."""
    if set(_PICTURE) <= content_type.fields.keys():
        return ""
    for name in content_type.read_fields:
        info = content_type.fields[name]
        if info.shape is Shape.TO_ONE and set(SHOWN) <= set(registry.target_of(info).reference_fields):
            return name
    return None


def picture_of(item: Item, field: str | None) -> Item | None:
    """The picture of a record that was read with it; None where it has none.

    :param field: as `picture_field` has it.
    """
    drawn = item if field == "" else item.get(field) if field else None
    if drawn is None or drawn.get("width") is None:  # other files have no size
        return None
    return {"url": thumbnail_of(drawn), "alt": drawn["alt"], "tile": tile_of(drawn)}


def _row(content_type: ContentType[Any], item: Item, actor: Actor, picture: str | None) -> Row:
    is_editable = may(content_type, actor, Action.UPDATE, item)
    url = screen_of(content_type, item, actor)
    return Row(item, url, is_editable, steps_of(content_type, actor, item), picture_of(item, picture))


def titles_of(
    connection: Connection, reader: Reader, content_type: ContentType[Any], ids: Iterable[str], actor: Actor
) -> dict[str, Choice]:
    """The records of these ids that the actor may see, as choices by id."""
    known = tuple(UUID(id_) for id_ in ids if is_uuid(id_))[:MAX_LIMIT]
    if not known:
        return {}
    query = Query(_short(content_type), filters=((Filter("id", None, "in"), known),), total=False)
    return {choice.id: choice for choice in _choices(connection, reader, content_type, query, actor)}


def search_choices(
    connection: Connection, reader: Reader, content_type: ContentType[Any], term: str, actor: Actor
) -> list[Choice]:
    """Records that the actor may see and that a search finds, as choices.

    Who may not read the type finds its records by the title that others show of them, and by nothing else.
    """
    query = Query(_short(content_type), limit=MOST_CHOICES, total=False)
    if content_type.search_fields and content_type.policy.can(actor, Action.READ):
        query = replace(query, words=tuple(dict.fromkeys(fold(term).split()))[:8])
    elif term:
        query = replace(query, filters=((Filter(content_type.title_field, None, "icontains"), term),))
    return _choices(connection, reader, content_type, query, actor)


def label_choices(connection: Connection, reader: Reader, form: ContentForm, actor: Actor) -> None:
    """Give chosen records their titles where a form that was sent knows their ids alone."""
    for field in form.content_fields.values():
        if isinstance(field, RelationField) and any(choice.id == choice.label for choice in field.data):
            target = reader.registry.target_of(field.info)
            known = titles_of(connection, reader, target, (choice.id for choice in field.data), actor)
            field.data = [known.get(choice.id, choice) for choice in field.data]


def may(content_type: ContentType[Any], actor: Actor, action: Action, item: Mapping[str, Any]) -> bool:
    """Whether the actor may do that to a record that was read."""
    return content_type.policy.can(actor, action, SimpleNamespace(**item))


def may_open(content_type: ContentType[Any], actor: Actor, item: Mapping[str, Any], *, has_draft: bool = False) -> bool:
    """Whether the actor may open the form of a record: what readers see is edited in a working draft."""
    is_drafted = has_draft or item.get("status") == Status.PUBLISHED
    return may(content_type, actor, Action.DRAFT if is_drafted else Action.UPDATE, item)


def screen_of(content_type: ContentType[Any], item: Mapping[str, Any], actor: Actor) -> str:
    """Where a record that was read is edited, or only shown to who may not."""
    screen = "edit" if may_open(content_type, actor, item) else "details"
    return f"/admin/{content_type.singular}/{screen}/{item['id']}"


def _choices(
    connection: Connection, reader: Reader, content_type: ContentType[Any], query: Query, actor: Actor
) -> list[Choice]:
    page = reader.page(connection, content_type, query, actor)
    return [choice_of(item, content_type.title_field) for item in page.items]


def _named(content_type: ContentType[Any], *names: tuple[str, ...]) -> tuple[str, ...]:
    """Fields by name, each once, and none that is a secret."""
    unique = dict.fromkeys(name for group in names for name in group)
    return tuple(name for name in unique if not _is_secret(content_type.fields[name]))


def _is_secret(info: FieldInfo) -> bool:
    return info.rules.control is Control.PASSWORD


def decided_by(content_type: ContentType[Any]) -> tuple[str, ...]:
    """The fields by which `may` and `may_open` decide."""
    own = content_type.policy.own
    stage = ("status", "published_at") if issubclass(content_type.model, Publishable) else ()
    return (own, *stage) if own is not None else stage


def _short(content_type: ContentType[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("id", *content_type.reference_fields)))
