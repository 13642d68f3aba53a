"""Rows inside of rows, for PostgreSQL: a whole page with its relations in one statement, each value in its own type."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Select, func, type_coerce
from sqlalchemy.types import TypeEngine, UserDefinedType


def nested_rows(statement: Select[Any]) -> ColumnElement[Any]:
    """The rows of a statement, correlated to the one around it, as one value: a list of tuples."""
    columns = tuple(statement.selected_columns)
    rows = statement.with_only_columns(func.row(*columns))
    return type_coerce(func.array(rows.scalar_subquery()), _Rows(tuple(column.type for column in columns)))


_FLOAT8 = 701
"""PostgreSQL's number of the type that its numbers come in; of all processors those of numbers alone ask for it."""


class _Rows(UserDefinedType[list[tuple[Any, ...]]]):
    """An array of anonymous rows.

    :param types: of their columns.
    """

    cache_ok = True

    def __init__(self, types: tuple[TypeEngine[Any], ...]) -> None:
        self.types = types

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Treat each value as its column would have it treated outside of an array."""
        kinds = [kind.dialect_impl(dialect) for kind in self.types]
        made = [(place, kind.result_processor(dialect, _FLOAT8)) for place, kind in enumerate(kinds)]
        finish = [(place, process) for place, process in made if process is not None]
        return (lambda rows: [_finished(row, finish) for row in rows]) if finish else None


def _finished(row: Sequence[Any], finish: Sequence[tuple[int, Callable[[Any], Any]]]) -> list[Any]:
    values = list(row)
    for place, process in finish:
        values[place] = process(values[place])
    return values
