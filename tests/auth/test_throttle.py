"""Counting attempts (C14, C15): together where there is a Redis, alone where it is gone."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from loguru import logger

from cms.auth.throttle import Limit, Throttle
from cms.crud.problems import TooManyRequests

TWO = Limit(2, 60)


@pytest.fixture(params=["memory", "redis"])
async def throttle(request: pytest.FixtureRequest) -> AsyncIterator[Throttle]:
    """A throttle of each kind."""
    throttle = Throttle(request.getfixturevalue("redis_url") if request.param == "redis" else None)
    yield throttle
    await throttle.close()


@pytest.fixture
def key() -> str:
    """A key that nobody counted under."""
    return f"test:{uuid4()}"


async def test_what_is_within_the_limit_passes_and_more_is_told_when_to_return(throttle: Throttle, key: str) -> None:
    assert [await throttle.hit(key, TWO) for _ in range(2)] == [None, None]
    retry_after = await throttle.hit(key, TWO)
    assert retry_after is not None
    assert 55 <= retry_after <= 60


async def test_check_refuses_with_retry_after(throttle: Throttle, key: str) -> None:
    for _ in range(2):
        await throttle.check(key, TWO)
    with pytest.raises(TooManyRequests) as refused:
        await throttle.check(key, TWO)
    assert 55 <= int(refused.value.headers["Retry-After"]) <= 60


async def test_keys_and_limits_are_counted_apart(throttle: Throttle, key: str) -> None:
    for _ in range(3):
        await throttle.hit(key, TWO)
    assert await throttle.hit(key + "x", TWO) is None
    assert await throttle.hit(key, Limit(10, 60)) is None


async def test_a_count_can_be_forgotten_or_given_back(throttle: Throttle, key: str) -> None:
    for _ in range(3):
        await throttle.hit(key, TWO)
    await throttle.give_back(key, TWO)
    await throttle.give_back(key, TWO)
    assert await throttle.hit(key, TWO) is None
    assert await throttle.hit(key, TWO) is not None
    await throttle.reset(key, TWO)
    assert await throttle.hit(key, TWO) is None


async def test_a_window_ends(throttle: Throttle, key: str) -> None:
    short = Limit(1, 1)
    await throttle.hit(key, short)
    assert await throttle.hit(key, short) == 1
    await asyncio.sleep(1.1)
    assert await throttle.hit(key, short) is None


async def test_attempts_at_once_are_all_counted(throttle: Throttle, key: str) -> None:
    """C14."""
    a_day = Limit(2, 86_400)  # a minute may end in between, and begins a new count
    passed = await asyncio.gather(*(throttle.hit(key, a_day) for _ in range(20)))
    assert passed.count(None) == 2


async def test_two_processes_count_together_in_redis(redis_url: str, key: str) -> None:
    one, other = Throttle(redis_url), Throttle(redis_url)
    assert await one.hit(key, TWO) is None
    assert await other.hit(key, TWO) is None
    assert await one.hit(key, TWO) is not None
    await one.close()
    await other.close()


async def test_without_redis_it_counts_alone_and_says_so_once(key: str) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}")
    throttle = Throttle("redis://:canary-password@127.0.0.1:1/0")
    started = time.monotonic()
    results = [await throttle.hit(key, TWO) for _ in range(3)]
    assert time.monotonic() - started < 1
    assert [result is None for result in results] == [True, True, False]
    await throttle.close()
    logger.remove(sink)
    assert len(lines) == 1
    assert "canary" not in lines[0], "H16"


async def test_a_redis_that_hangs_costs_one_short_wait(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cms.auth.redis.SOCKET_TIMEOUT", 0.2)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other side has given up
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    throttle = Throttle(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    started = time.monotonic()
    for _ in range(50):
        await throttle.hit(key, TWO)
    assert time.monotonic() - started < 5, "fifty waits are ten seconds"
    await throttle.close()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.05)


def test_who_has_no_redis_does_not_pay_for_its_client() -> None:
    """It takes 7 MB of a process, and FastAPI Users would import it wherever it is installed."""
    told = [sys.executable, "-c", "import cms.main, sys; print('redis' in sys.modules)"]
    assert subprocess.run(told, capture_output=True, text=True, check=True).stdout == "False\n"  # noqa: S603 - ours
