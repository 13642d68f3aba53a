"""UUIDs that are read by the hundred."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, SafeUUID

from sqlalchemy import ColumnElement, Dialect, Uuid, type_coerce


def readable(column: Any) -> ColumnElement[Any]:
    """The column as read plans select it: the same values, made with less ado."""
    chosen: ColumnElement[Any] = type_coerce(column, _TrustedUuid()) if isinstance(column.type, Uuid) else column
    return chosen


class _TrustedUuid(Uuid[UUID]):
    """SQLite keeps a UUID's hex digits; `UUID()` would look at them twice, since they may come from anywhere."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], UUID | None] | None:
        """How values are made where the driver makes none of its own."""
        return None if dialect.supports_native_uuid else _uuid_of


_UNKNOWN = SafeUUID.unknown
_assign = object.__setattr__  # a UUID refuses plain assignment


def _uuid_of(digits: str | None) -> UUID | None:
    if digits is None:
        return None
    value = object.__new__(UUID)
    _assign(value, "int", int(digits, 16))
    _assign(value, "is_safe", _UNKNOWN)
    return value
