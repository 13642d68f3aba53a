"""What is logged while something is done."""

from collections.abc import Iterator
from contextlib import contextmanager

from loguru import logger


@contextmanager
def logged() -> Iterator[list[str]]:
    """The lines that are logged until the block ends, each with its exception."""
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message} {exception}")
    yield lines
    logger.remove(sink)
