"""Fixtures that all tests share, on every database that the environment offers."""

import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from loguru import logger

from cms.database import POSTGRES_WAITS
from cms.main import create_app
from cms.upgrade import upgrade
from tests.databases import PostgreSQL, Server, Sqlite
from tests.installation import Installation, installed, settings_for

POSTGRES_URL = os.environ.get("CMS_TEST_POSTGRES_URL")
REDIS_URL = os.environ.get("CMS_TEST_REDIS_URL")
NEEDS_POSTGRES = "needs PostgreSQL: set CMS_TEST_POSTGRES_URL"
NEEDS_REDIS = "needs Redis: set CMS_TEST_REDIS_URL"
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")  # a slow one says nothing about an example
SAME_CODE = ("admin", "contract", "delivery", "exchange", "fuzz", "media", "security")
"""Folders whose tests run through the same lines of ours on both databases."""
CRAWLS = (
    "test_axe.py", "test_canaries.py", "test_hidden.py", "test_hostile_texts.py", "test_permissions.py",
    "test_screens.py", "test_visibility.py", "test_whole_panel.py",
)  # fmt: skip
"""Tests that visit every screen or route, each of which others have looked at more closely."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Trace nothing that has been traced: coverage doubles the time that a test takes."""
    root = Path(__file__).parent
    for item in items:
        is_second = "postgresql" in item.name and item.path.relative_to(root).parts[0] in SAME_CODE
        if is_second or item.path.name in CRAWLS:
            item.add_marker("no_cover")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Coroutines run on asyncio, which the drivers of both databases need."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def quiet() -> None:
    """Tests that read the log add a sink of their own."""
    logger.remove()


@pytest.fixture(scope="session", autouse=True)
def patient() -> Iterator[None]:
    """Databases and Redis may take their time: a busy machine says nothing about the application."""
    POSTGRES_WAITS["connect_args"]["timeout"] = POSTGRES_WAITS["pool_timeout"] = 60
    with pytest.MonkeyPatch.context() as patch:
        for wait in ("database.POOL_TIMEOUT", "auth.throttle.LONGEST_CALL", "auth.redis.SOCKET_TIMEOUT"):
            patch.setattr(f"cms.{wait}", 60)
        yield


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Sqlite:
    """SQLite, which is always there."""
    return Sqlite(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql(worker_id: str) -> Iterator[PostgreSQL]:
    """PostgreSQL, where the environment names one."""
    if POSTGRES_URL is None:
        pytest.skip(NEEDS_POSTGRES)
    server = PostgreSQL(POSTGRES_URL, worker_id)
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each kind of database in turn."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def redis_url() -> str:
    """Redis, where the environment names one."""
    if REDIS_URL is None:
        pytest.skip(NEEDS_REDIS)
    return REDIS_URL


@pytest.fixture
def migrated_url(server: Server) -> str:
    """The URL of a database with the tables of the application, as the migrations make them; no rows."""
    return server.empty("installation", upgrade)


@pytest.fixture(scope="session")
def assembled(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The application, put together once: tests give it a database and a storage of their own."""
    folder = tmp_path_factory.mktemp("assembled")
    return create_app(settings_for(f"sqlite+aiosqlite:///{folder}/unused.db", folder))


@pytest.fixture
async def installation(assembled: FastAPI, migrated_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """The whole application, over an empty database; failures of the application reach its client as answers."""
    async with installed(assembled, settings_for(migrated_url, tmp_path / "media")) as installation:
        yield installation


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say plainly what did not run for want of something."""
    reasons = Counter(
        reason
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple) and "needs " in (reason := report.longrepr[2])
    )
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{count} tests were skipped: {reason.removeprefix('Skipped: ')}", yellow=True)
