"""Settings: what an installation can choose, and what it may not."""

from pathlib import Path

import pytest

from cms.config import DEV_SECRET, Settings, SettingsError, load_settings

SECRET = "s3cr3t-of-more-than-thirty-two-characters"  # noqa: S105 - of a test


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the environment nor the folder of whoever runs the tests says anything."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CMS_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def test_a_default_installation_runs_for_trying_out() -> None:
    settings = load_settings()
    assert settings.secret_key.get_secret_value() == DEV_SECRET
    assert settings.database_url == "sqlite+aiosqlite:///var/cms.db"
    assert (settings.is_production, settings.shows_docs, settings.is_https) == (False, True, False)


def test_the_environment_and_a_file_choose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CMS_SITE_NAME=Of the file\nCMS_LOG_DIRECTORY=\n", encoding="utf-8")
    assert load_settings().site_name == "Of the file"
    assert load_settings().log_directory is None
    monkeypatch.setenv("CMS_SITE_NAME", "Of the environment")
    monkeypatch.setenv("CMS_CORS_ORIGINS", "https://a.example, https://b.example/ ,")
    monkeypatch.setenv("CMS_TRUSTED_PROXIES", "10.0.0.0/8,::1")
    settings = load_settings()
    assert settings.site_name == "Of the environment"
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert [str(network) for network in settings.proxy_networks] == ["10.0.0.0/8", "::1/128"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", "staging"),
        ("DATABASE_URL", "mysql://x"),
        ("PUBLIC_URL", "example.org"),
        ("TRUSTED_PROXIES", "everyone"),
        ("LOG_LEVEL", "LOUD"),
        ("DOCS", "perhaps"),
        ("WEBHOOK_URL", "example.org"),
        ("WEBHOOK_SECRET", "whsec_c2hvcnQ="),
        ("WEBHOOK_SECRET", "whsec_no Base64 at all, however long it may be"),
        ("WEBHOOK_SECRET", "b2xk" * 10),
        ("WEBHOOK_SECRET", "whsec_" + "b2xk" * 10 + ",whsec_"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"CMS_{name}", value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value).startswith(f"CMS_{name}: ")
    assert "\n" not in str(refused.value)


def test_a_webhook_is_signed_by_as_many_secrets_as_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMS_WEBHOOK_URL", "https://example.org/hook")
    with pytest.raises(SettingsError, match="CMS_WEBHOOK_SECRET has to be set"):
        load_settings()
    monkeypatch.setenv("CMS_WEBHOOK_SECRET", "whsec_" + "bmV3" * 9 + "//==, whsec_" + "b2xk" * 10)
    settings = load_settings()
    assert settings.webhook_keys == (b"new" * 9 + b"\xff", b"old" * 10)
    assert "bmV3" not in repr(settings)


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ({"PUBLIC_URL": "https://example.org"}, "CMS_SECRET_KEY has to be set"),
        ({"PUBLIC_URL": "https://example.org", "SECRET_KEY": "short"}, "CMS_SECRET_KEY has to be set"),
        ({"PUBLIC_URL": "https://example.org", "SECRET_KEY": DEV_SECRET}, "CMS_SECRET_KEY has to be set"),
        ({"SECRET_KEY": SECRET}, "CMS_PUBLIC_URL has to be set"),
    ],
)
def test_production_refuses_to_run_unsafe(monkeypatch: pytest.MonkeyPatch, choices: dict[str, str], told: str) -> None:
    for name, value in {"ENVIRONMENT": "production", **choices}.items():
        monkeypatch.setenv(f"CMS_{name}", value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert told in str(refused.value)
    assert choices.get("SECRET_KEY", "\x00") not in str(refused.value).replace("CMS_SECRET_KEY", "")


def test_production_is_closed_and_safe_where_all_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {"ENVIRONMENT": "production", "SECRET_KEY": SECRET, "PUBLIC_URL": "https://example.org"}
    for name, value in chosen.items():
        monkeypatch.setenv(f"CMS_{name}", value)
    settings = load_settings()
    assert (settings.is_production, settings.shows_docs, settings.is_https) == (True, False, True)
    assert SECRET not in repr(settings)
