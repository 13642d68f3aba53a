"""`cms doctor`: a sentence for each thing that is wrong, and silence where nothing is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import AnyHttpUrl, SecretStr
from sqlalchemy import text, update

from cms.auth.throttle import Throttle
from cms.auth.users import User
from cms.config import DEV_SECRET
from cms.crud.policy import Role
from cms.doctor import examine
from tests.installation import Installation, settings_for

SOUND: dict[str, Any] = {"environment": "production", "public_url": AnyHttpUrl("https://example.org")}


@pytest.fixture
def sound(installation: Installation, migrated_url: str, tmp_path: Path) -> Iterator[FastAPI]:
    """An installation with which nothing is wrong."""
    app = installation.app
    before = app.state.settings
    app.state.settings = settings_for(migrated_url, tmp_path / "media", **SOUND)
    yield app
    app.state.settings = before


def choose(app: FastAPI, **values: Any) -> None:
    """Change settings, past their own checks."""
    app.state.settings = app.state.settings.model_copy(update=values)


async def test_a_sound_installation_has_no_findings(sound: FastAPI) -> None:
    """Every filter and every sort field has its index in the database too, as the migrations make them."""
    assert await examine(sound) == []


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("secret_key", SecretStr(DEV_SECRET), "CMS_SECRET_KEY is the development default"),
        ("secret_key", SecretStr("short"), "CMS_SECRET_KEY is weak"),
        ("secret_key", SecretStr("ab" * 40), "CMS_SECRET_KEY is weak"),
        ("public_url", None, "CMS_PUBLIC_URL is not set"),
        ("environment", "development", "CMS_ENVIRONMENT is development"),
        ("log_directory", Path("/dev/null/log"), "The log folder /dev/null/log can't be written to"),
    ],
)
async def test_each_setting_has_its_sentence(sound: FastAPI, setting: str, value: Any, told: str) -> None:
    choose(sound, **{setting: value})
    (finding,) = await examine(sound)
    assert told in finding


async def test_a_redis_that_is_away_is_told(sound: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound.state, "throttle", Throttle("redis://127.0.0.1:1/0"))
    (finding,) = await examine(sound)
    assert "Redis does not answer" in finding


async def test_a_database_without_an_index_or_an_administrator_is_told(sound: FastAPI) -> None:
    async with sound.state.database.session() as session:
        await session.execute(update(User).where(User.role == Role.ADMIN).values(role=Role.EDITOR))
        await session.execute(text("DROP INDEX ix_articles_title"))
    try:
        findings = await examine(sound)
    finally:
        async with sound.state.database.session() as session:
            await session.execute(text("CREATE INDEX ix_articles_title ON articles (title)"))
    assert findings == [
        "articles.title can be filtered or sorted by, but has no index in this database.",
        "There is no administrator; run “cms user create EMAIL --role admin”.",
    ]
