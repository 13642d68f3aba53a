"""A record on a closer look, from its list: what it is about, how it stands, who changed it last."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from admin.cells import cell_of
from admin.fields import label_of
from admin.reading import SHOWN, decided_by, may, picture_field, picture_of, screen_of
from cms.auth.users import User
from cms.crud.content_type import ContentType
from cms.crud.plan import Reader
from cms.crud.policy import Action, Actor
from cms.editorial.history import ChangeSet, Revision

MOST_CHARACTERS = 400


def peek_at(
    connection: Connection, reader: Reader, content_type: ContentType[Any], pk: UUID, actor: Actor
) -> dict[str, Any] | None:
    """What a list shows of a record on a closer look; None if there is none that the actor may see."""
    picture = picture_field(content_type, reader.registry)
    text = next((name for name in ("excerpt", "content", "caption") if name in content_type.read_fields), None)
    names = ["id", *content_type.list_fields, "created_at", "updated_at", *filter(None, (text, picture))]
    names += decided_by(content_type)
    names += list(SHOWN) if picture == "" else []
    found = reader.one(connection, content_type, pk, actor, fields=tuple(dict.fromkeys(names)))
    if found is None:
        return None
    item, _ = found
    facts = [
        (label_of(n), cell_of(reader.registry, content_type.fields[n], item[n]).text) for n in content_type.list_fields
    ]
    is_editable = may(content_type, actor, Action.UPDATE, item)
    return {
        "title": facts[0][1],
        "text": " ".join(str(item[text] or "").split())[:MOST_CHARACTERS] if text else "",
        "facts": facts[1:],
        "picture": picture_of(item, picture),
        "changed_at": item["updated_at"].isoformat(),
        "changed_by": _changed_by(connection, content_type, pk) if is_editable else None,
        "url": screen_of(content_type, item, actor),
    }


def _changed_by(connection: Connection, content_type: ContentType[Any], pk: UUID) -> str | None:
    """Who changed the record last, for those who may read its history."""
    of_record = Revision.record_id == pk, Revision.record_type == content_type.name
    last = select(Revision.change_set_id).where(*of_record).order_by(Revision.number.desc()).limit(1)
    by = select(User.name).join(ChangeSet, ChangeSet.actor_id == User.id)
    return connection.execute(by.where(ChangeSet.id == last.scalar_subquery())).scalar_one_or_none()
