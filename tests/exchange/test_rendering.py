"""Texts rendered in other processes: the same as rendered here, and nothing is lost with a process."""

import os
import signal
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from cms.editorial.markdown import MarkdownTooComplex, parse
from cms.exchange import rendering
from cms.exchange.rendering import Ahead, rendering_ahead
from tests.exchange.desk import Desk

TEXTS = [f"# Text {i}\n\nOf the *same* kind as [others](/others).\n" for i in range(30)]
TOO_DEEP = "> " * 5_000 + "x"


async def test_texts_come_back_as_if_rendered_here() -> None:
    with rendering_ahead(rendering.MANY) as ahead:
        ahead.order([*TEXTS, TOO_DEEP, "![of media](media:a.png)"])
        assert [await ahead.take(text) for text in TEXTS] == [parse(text) for text in TEXTS]
        assert await ahead.take(TEXTS[0]) is None
        assert await ahead.take("![of media](media:a.png)") is None
        with pytest.raises(MarkdownTooComplex):
            await ahead.take(TOO_DEEP)


async def test_few_texts_are_left_to_who_needs_them() -> None:
    with rendering_ahead(rendering.MANY - 1) as ahead:
        ahead.order(TEXTS)
        assert await ahead.take(TEXTS[0]) is None
    with rendering_ahead(rendering.MANY) as ahead:
        ahead.order(TEXTS[:2])
        assert await ahead.take(TEXTS[0]) is None


async def test_a_process_that_dies_takes_nothing_with_it() -> None:
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    ahead = Ahead(pool)
    ahead.order(TEXTS)
    os.kill(next(iter(pool._processes)), signal.SIGKILL)  # noqa: SLF001 - as the system would, out of memory
    assert await ahead.take(TEXTS[0]) is None
    pool.shutdown()


async def test_where_none_can_be_started_texts_are_left_to_who_needs_them() -> None:
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=os._exit, initargs=(1,))
    with pytest.raises(BrokenExecutor):
        pool.submit(len, ()).result()
    ahead = Ahead(pool)
    ahead.order(TEXTS)
    assert await ahead.take(TEXTS[0]) is None
    pool.shutdown()


async def test_a_large_folder_is_what_a_small_one_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "MANY", 10)
    for i, text in enumerate([*TEXTS, TOO_DEEP]):
        desk.put(f"pages/page-{i}.md", f"---\ntitle: Page {i}\n---\n\n{text}")
    report = await desk.apply()
    assert len(report.created) == len(TEXTS)
    assert [note.path for note in report.refused] == [f"pages/page-{len(TEXTS)}.md"]
    html = {row["slug"]: row["content_html"] for row in await desk.rows("pages")}
    assert html == {f"page-{i}": parse(text).html for i, text in enumerate(TEXTS)}
