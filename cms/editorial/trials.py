"""Trying changes out: what would follow from them, and what would stand in their way, with nothing written."""

from typing import Any
from uuid import UUID

from sqlalchemy import inspect
from sqlalchemy.exc import NoResultFound

from cms.crud.problems import NotFound, Problem
from cms.crud.service import Service
from cms.crud.structure import Shape
from cms.editorial.snapshots import Values, revive


async def try_out(service: Service[Any], record: Any, changes: Values) -> tuple[Any, Problem | None]:
    """Give a copy of a record values as recorded, as far as they fit, and let its service derive the rest.

    :returns: the copy, which is in no session, and what its service has against it.
    """
    copy, content_type = _copy_of(record), service.content_type
    fitting, _ = revive(content_type, changes)
    for name, value in fitting.items():
        info = content_type.fields[name]
        if info.shape is Shape.TO_ONE and info.column is not None:
            setattr(copy, info.column.key, value and UUID(value))
        elif info.shape is Shape.COLUMN and (value is not None or info.nullable):
            setattr(copy, name, value)
    trial = await service.session.begin_nested()  # a service may move other rows along, which is not meant yet
    try:
        with service.session.no_autoflush:
            await service.prepare(copy, frozenset(changes))
    except (Problem, NoResultFound) as error:
        return copy, error if isinstance(error, Problem) else NotFound("Something that it refers to is gone.")
    finally:
        await trial.rollback()
    return copy, None


def _copy_of(record: Any) -> Any:
    names = [attribute.key for attribute in inspect(type(record)).column_attrs]
    return type(record)(**{name: getattr(record, name) for name in names})
