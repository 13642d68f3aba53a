"""Liveness and readiness: what a load balancer asks."""

from pathlib import Path

import httpx
from alembic.script import ScriptDirectory
from sqlalchemy import text

from cms.main import create_app
from cms.upgrade import alembic_config
from tests.installation import Installation, settings_for
from tests.problems import assert_problem

HEAD = ScriptDirectory.from_config(alembic_config("sqlite+aiosqlite:///unused.db")).get_current_head()


async def test_it_lives_and_is_ready(installation: Installation) -> None:
    for path in ("/healthz", "/readyz"):
        response = await installation.client.get(path)
        assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_it_is_not_ready_before_the_database_is_migrated(installation: Installation) -> None:
    async with installation.database.session() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = 'another'"))
    try:
        response = await installation.client.get("/readyz")
        assert "cms migrate" in assert_problem(response, 503)["detail"]
        assert response.headers["retry-after"]
        assert (await installation.client.get("/healthz")).status_code == 200
    finally:
        async with installation.database.session() as session:
            await session.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": HEAD})


async def test_a_database_that_does_not_answer_is_told_without_its_address(tmp_path: Path) -> None:
    """H13."""
    app = create_app(settings_for("postgresql+asyncpg://nobody:hunter2@127.0.0.1:1/none", tmp_path))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for path in ("/readyz", "/api/v1/articles", "/api/v1/site"):
            response = await client.get(path)
            assert_problem(response, 503)
            assert not {word for word in ("hunter2", "127.0.0.1", "nobody", "asyncpg") if word in response.text}
        assert (await client.get("/healthz")).status_code == 200
    await app.state.database.dispose()


async def test_a_database_without_tables_is_told_too(tmp_path: Path) -> None:
    """H13: on every route, in words that help."""
    app = create_app(settings_for(f"sqlite+aiosqlite:///{tmp_path}/empty.db", tmp_path / "media"))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        await client.get("/healthz")
        (tmp_path / "empty.db").touch()
        for path in ("/readyz", "/api/v1/articles", "/api/v1/site"):
            assert "cms migrate" in assert_problem(await client.get(path), 503)["detail"]
    await app.state.database.dispose()
