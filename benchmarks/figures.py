"""How a figure is told: one line that people read, and one that machines do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value.

    :param name: such as `sqlite.list`.
    :param limit: what was promised; None where the value is only told.
    :param is_least: whether the limit is the least that is allowed, not the most.
    """

    name: str
    value: float
    unit: str = ""
    limit: float | None = None
    is_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the promise is kept."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.is_least else self.value <= self.limit

    def line(self) -> str:
        """`BENCH name=… value=… limit=… ok=1`."""
        limit = "-" if self.limit is None else f"{self.limit:g}"
        return (
            f"BENCH name={self.name} value={self.value:.4g} unit={self.unit or '-'} limit={limit} ok={int(self.is_met)}"
        )


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns under their heads, the first to the left, the others to the right."""
    lines = [list(heads), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    text = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    return "\n".join([title, *(f"  {line}" for line in text), ""])
