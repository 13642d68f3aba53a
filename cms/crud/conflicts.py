"""The database's verdict as a problem: which constraint a write broke, in words, without a word of SQL."""

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy.exc import IntegrityError

from cms.crud.content_type import ContentType
from cms.crud.problems import Conflict, FieldError, Invalid, Problem

_SQLITE = re.compile(r"(?P<kind>UNIQUE|FOREIGN KEY|NOT NULL|CHECK) constraint failed(?:: (?P<names>.*))?")
_POSTGRESQL = re.compile(r'violates (?P<kind>unique|foreign key|not-null|check) constraint(?: "(?P<names>[^"]+)")?')


def broken_columns(error: IntegrityError, content_type: ContentType[Any]) -> tuple[str, tuple[str, ...]]:
    """Which kind of constraint an error is about (`unique`, `foreign key` …), and which columns it names."""
    text = str(error.orig)
    match = _SQLITE.search(text) or _POSTGRESQL.search(text)
    if match is None:
        return "unknown", ()
    kind = match["kind"].lower()
    names = match["names"] or ""
    table = content_type.model.__tablename__
    columns = [column.key for column in content_type.model.__table__.columns]
    listed = re.findall(rf"\b{table}\.(\w+)", names)
    constrained = names.removeprefix(f"uq_{table}_").removeprefix(f"ix_{table}_")
    return kind, tuple(listed) or tuple(key for key in columns if key == constrained)


def conflict_from(error: IntegrityError, content_type: ContentType[Any], values: Any) -> Problem:
    """The problem that a broken constraint is to the writer.

    :param values: an object with what was to be written, to quote the value at fault. Not the record itself, which
        can't be read any more once its transaction has failed.
    """
    kind, columns = broken_columns(error, content_type)
    label = content_type.label.lower()
    if kind == "unique" and columns:
        quoted = " and ".join(f"“{getattr(values, column, '')}”" for column in columns)
        names = " and ".join(column.replace("_", " ") for column in columns)
        detail = f"Another {label} already has the {names} {quoted}; choose another one."
        return Conflict(detail, errors=[FieldError(detail, f"/{column.removesuffix('_id')}") for column in columns])
    if kind == "foreign key":
        return Conflict(f"Something that this {label} refers to was deleted meanwhile, or still refers to it.")
    if kind == "unique":
        return Conflict(f"This {label} contradicts another one that was saved meanwhile; read it again.")
    return Invalid(f"The {label} is not complete or breaks a rule of its type.")


def in_use(content_type: ContentType[Any], usages: Sequence[str]) -> Conflict:
    """The refusal to delete what others refer to, which says where it is used."""
    label = content_type.label.lower()
    places = "; ".join(usages)
    return Conflict(f"This {label} is in use and was not deleted. Change these first: {places}.", usages=list(usages))
