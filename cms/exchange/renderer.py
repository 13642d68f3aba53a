"""What a process does that renders texts for another one. It imports no more than that takes: each starts with it."""

import signal
from collections.abc import Sequence

from cms.editorial.markdown import MarkdownTooComplex, Rendered, parse

Outcome = Rendered | MarkdownTooComplex


def leave_interrupts() -> None:
    """Ctrl-C is for the process that was started by hand, which ends these."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def render_all(texts: Sequence[str]) -> list[Outcome]:
    """What becomes of each text."""
    return [_outcome(text) for text in texts]


def _outcome(text: str) -> Outcome:
    try:
        return parse(text)
    except MarkdownTooComplex as error:
        return error
