"""The `cms` command: what people type, and what they are told."""

import json
import socket
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cms.auth import passwords
from cms.auth.passwords import Hasher
from cms.cli import app
from cms.config import Settings


@pytest.fixture(autouse=True)
def installation_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of a new installation, in which the command is run; what a default one keeps is below `var`."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CMS_{name.upper()}", raising=False)
    monkeypatch.setenv("CMS_LOG_DIRECTORY", "")
    monkeypatch.setattr(passwords, "HASHER", Hasher(memory=64, rounds=1))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cms(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=typed)


def refused(*arguments: str, typed: str | None = None) -> str:
    """Run a command that has to fail; the sentence that it fails with."""
    result = cms(*arguments, typed=typed)
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    return result.stderr.strip()


def test_the_database_is_migrated_once_and_again(installation_folder: Path) -> None:
    for _ in range(2):
        assert cms("migrate").stdout == "The database is up to date.\n"
    assert (installation_folder / "var" / "cms.db").exists()


def test_a_database_that_does_not_answer_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMS_DATABASE_URL", "postgresql+asyncpg://nobody:hunter2@127.0.0.1:1/none")
    for command in (("migrate",), ("user", "create", "a@example.org")):
        sentence = refused(*command)
        assert sentence
        assert "hunter2" not in sentence


def test_a_database_that_was_not_migrated_is_a_sentence() -> None:
    assert "cms migrate" in refused("user", "create", "ada@example.org")


def test_an_administrator_is_made_with_a_password_that_is_shown_once(installation_folder: Path) -> None:
    cms("migrate")
    result = cms("user", "create", "Ada@example.org", "--role", "admin", "--name", "Ada")
    assert result.exit_code == 0, result.output
    told, _, password = result.stdout.strip().partition(" Password: ")
    assert told == "Created admin Ada@example.org."
    assert len(password) >= 12
    with sqlite3.connect(installation_folder / "var" / "cms.db") as connection:
        rows = connection.execute("SELECT email, name, role, hashed_password FROM users").fetchall()
    connection.close()
    ((email, name, role, kept),) = rows
    assert (email, name, role) == ("ada@example.org", "Ada", "admin")
    assert kept.startswith("$argon2id$")
    assert password not in kept


def test_a_password_can_come_from_elsewhere_and_is_not_repeated() -> None:
    cms("migrate")
    result = cms("user", "create", "ada@example.org", "--password-stdin", typed="velvet gravel teapot\n")
    assert result.stdout == "Created reader ada@example.org.\n"


@pytest.mark.parametrize(
    ("arguments", "typed", "told"),
    [
        (("ada@example.org", "--password-stdin"), "short\n", "12 characters"),
        (("no address",), None, "e-mail"),
        (("ada@example.org", "--role", "anonymous"), None, "reader, author, editor or admin"),
    ],
)
def test_an_account_that_can_not_be_is_a_sentence(arguments: tuple[str, ...], typed: str | None, told: str) -> None:
    cms("migrate")
    assert told in refused("user", "create", *arguments, typed=typed)


def test_an_address_has_one_account() -> None:
    cms("migrate")
    cms("user", "create", "ada@example.org")
    assert "ada@example.org" in refused("user", "create", "ADA@example.org", "--name", "Other")


def test_a_setting_that_makes_no_sense_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMS_ENVIRONMENT", "production")
    monkeypatch.setenv("CMS_PUBLIC_URL", "https://example.org")
    for command in (("serve",), ("migrate",), ("doctor",), ("openapi",), ("demo",)):
        assert "CMS_SECRET_KEY" in refused(*command)


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_in_use_is_a_sentence_and_changes_nothing(installation_folder: Path, command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sentence = refused(command, "--port", str(port))
    assert f"Port {port} at 127.0.0.1 can't be used" in sentence
    assert not (installation_folder / "var" / "cms.db").exists()


def test_the_document_is_printed_as_json_and_nothing_else() -> None:
    document = json.loads(cms("openapi").stdout)
    assert document["openapi"].startswith("3.1")


def test_the_doctor_tells_what_is_wrong() -> None:
    result = cms("doctor")
    assert result.exit_code == 1
    assert "cms migrate" in result.stdout
    cms("migrate")
    result = cms("doctor")
    assert "There is no administrator" in result.stdout
    cms("user", "create", "ada@example.org", "--role", "admin")
    findings = cms("doctor").stdout.splitlines()
    assert "findings." in findings[-1]
    assert all(line.startswith("- CMS_") for line in findings[:-1])


def test_files_are_planned_applied_and_pulled(installation_folder: Path) -> None:
    cms("migrate")
    (installation_folder / "site" / "tags").mkdir(parents=True)
    (installation_folder / "site" / "tags" / "rope.yaml").write_text("name: Rope\n", encoding="utf-8")
    assert cms("content", "plan", "site").exit_code == 2
    assert cms("content", "apply", "site").exit_code == 0
    assert cms("content", "plan", "site").exit_code == 0
    assert cms("content", "pull", "out").exit_code == 0
    assert "name: Rope" in (installation_folder / "out" / "tags" / "rope.yaml").read_text(encoding="utf-8")
    assert "There is no folder" in refused("content", "apply", "nowhere")
