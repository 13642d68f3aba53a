"""Two kinds of request, compared by the processor time of each.

Processor time, unlike that of the clock, does not grow while other programs run. What is compared is asked in turns,
so that whatever warms up or slows down does so for both.
"""

import gc
from collections.abc import Awaitable, Callable
from statistics import median
from time import process_time
from typing import NamedTuple

Ask = Callable[[], Awaitable[object]]


class Compared(NamedTuple):
    """Two samples of the same size, in seconds."""

    one: list[float]
    other: list[float]

    @property
    def difference(self) -> float:
        """Between their medians, in seconds."""
        return abs(median(self.one) - median(self.other))

    @property
    def share(self) -> float:
        """The difference as a part of the larger median."""
        return self.difference / max(median(self.one), median(self.other))

    @property
    def auc(self) -> float:
        """How well one tells them apart: 0.5 is not at all, 0 and 1 is always."""
        larger = sum((x > y) + (x == y) / 2 for x in self.one for y in self.other)
        return larger / (len(self.one) * len(self.other))

    def __str__(self) -> str:
        return (
            f"{len(self.one)} pairs: medians {median(self.one) * 1e3:.2f} and {median(self.other) * 1e3:.2f} ms, "
            f"AUC {self.auc:.3f}"
        )


async def compare(one: Ask, other: Ask, pairs: int, renew: Ask | None = None) -> Compared:
    """Ask both, in turns, each turn beginning with the other one.

    :param renew: makes each question the first one, out of time.
    """
    compared = Compared([], [])
    turns = [(one, compared.one), (other, compared.other)]
    for ask, _ in turns * 3:
        await ask()
        if renew is not None:
            await renew()
    gc.collect()
    gc.disable()  # or one of the two would pay for what both leave behind
    try:
        for _ in range(pairs):
            turns.reverse()
            for ask, taken in turns:
                if renew is not None:
                    await renew()
                started = process_time()
                await ask()
                taken.append(process_time() - started)
    finally:
        gc.enable()
    return compared
