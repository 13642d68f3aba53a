"""What reaches the console and the log files, and what must never reach them."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from loguru import logger

from cms.logs import InterceptHandler, configure_logging, escape, redact


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    yield
    logger.remove()
    logger.configure(extra={}, patcher=lambda _: None)
    for handler in [h for h in logging.root.handlers if isinstance(h, InterceptHandler)]:
        logging.root.removeHandler(handler)


def events(directory: Path) -> list[dict[str, Any]]:
    (file,) = directory.glob("cms-*.log")
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_console_shows_its_level_and_the_file_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", tmp_path)
    logger.debug("a detail")
    logger.info("an event")
    console = capsys.readouterr().err
    assert "an event" in console
    assert "a detail" not in console
    assert [event["message"] for event in events(tmp_path)] == ["a detail", "an event"]


def test_no_directory_means_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    configure_logging()
    logger.info("an event")
    assert not list(tmp_path.rglob("*"))


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="LOUD"):
        configure_logging("LOUD")


def test_every_line_carries_the_request_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", tmp_path)
    logger.info("outside")
    with logger.contextualize(request_id="0123456789abcdef"):
        logger.info("inside")
        logging.getLogger("uvicorn.error").info("inside a library")
    assert [event["request_id"] for event in events(tmp_path)] == ["-", *["0123456789abcdef"] * 2]
    assert capsys.readouterr().err.count("0123456789abcdef") == 2


@pytest.mark.parametrize(
    "hostile",
    [
        "GET /\r\n2026-01-01 INFO admin signed in",
        "\x1b[2J\x1b[31mred",
        "\x9b31m",
        "line\u2028separator",
        "right-to-left \u202egnp.exe",
        "\x00nul\x7f",
    ],
)
def test_a_value_can_not_forge_a_line_or_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], hostile: str
) -> None:
    configure_logging("INFO", tmp_path)
    logger.bind(agent=hostile).info("seen {}", hostile)
    console = capsys.readouterr().err
    assert console.removesuffix("\n").isprintable()
    (event,) = events(tmp_path)
    assert event["message"].isprintable()
    assert event["agent"] == escape(hostile)


@pytest.mark.parametrize("text", ["{not_a_field} {0} {{}}", "<red>no colour</red> \\<b>", "100 % naïve “quotes”"])
def test_braces_and_markup_in_a_value_stay_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    configure_logging("INFO", tmp_path)
    logger.bind(note=text).info("{}", text)
    assert text in capsys.readouterr().err
    (event,) = events(tmp_path)
    assert event["message"] == event["note"] == text


@pytest.mark.parametrize(
    "line",
    [
        "password=HUNTER2",
        "{'password': 'HUNTER2', 'name': 'x'}",
        '{"new_password": "HUNTER2 and more HUNTER2"}',
        "CMS_SECRET_KEY: HUNTER2",
        "access_token=HUNTER2&x=1",
        "Authorization: Bearer HUNTER2HUNTER2",
        "got header Bearer HUNTER2HUNTER2",
        "Cookie: session=HUNTER2",
        "secret_key=SecretStr('HUNTER2')",
        "eyJhbGciOiJIUzI1NiJ9.HUNTER2.HUNTER2",
        "$argon2id$v=19$m=65536$HUNTER2",
        "postgresql+asyncpg://cms:HUNTER2@db/cms",
        "redis://:HUNTER2@cache:6379/0",
        "[SQL: INSERT …]\n[parameters: ('a', 'HUNTER2')]",
    ],
)
def test_no_secret_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str) -> None:
    configure_logging("INFO", tmp_path)
    logger.bind(payload=line, password="HUNTER2").warning(line)  # noqa: S106 - the secret not to be seen
    try:
        raise ValueError(line)
    except ValueError:
        logger.exception("It failed")
    written = capsys.readouterr().err + json.dumps(events(tmp_path))
    assert "HUNTER2" not in written
    assert "redacted" in written


def test_a_message_without_secrets_is_left_alone() -> None:
    text = "12 articles created, the tokenizer was 3.2 ms late; see https://example.com:8000/a?b=c@d"
    assert redact(text) == text


def test_a_trace_is_logged_without_the_values_of_variables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", tmp_path)

    def fail(argument: str) -> None:
        raise ValueError("first line\n2026-01-01 forged line")

    private = "".join(["what ", "she ", "wrote"])
    try:
        fail(private)
    except ValueError:
        logger.exception("It failed")
    console = capsys.readouterr().err
    event, *others = events(tmp_path)
    assert not others
    assert "ValueError: first line" in event["trace"]
    assert private not in console + event["trace"]
    assert all(line.startswith("    ") for line in console.splitlines()[1:]), (
        "no line of a trace looks like one of the log"
    )


def test_libraries_speak_through_the_same_sinks_with_their_own_name(tmp_path: Path) -> None:
    configure_logging("INFO", tmp_path)
    logging.getLogger("alembic.runtime.migration").info("Running upgrade %s", "a1")
    logging.getLogger("sqlalchemy.engine").debug("SELECT secrets")
    logging.getLogger("uvicorn.access").info("GET /?token=abc")
    logging.addLevelName(27, "NOTABLE")
    logging.getLogger("elsewhere").log(28, "of an unnamed level")
    try:
        raise KeyError("lost")
    except KeyError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    migration, unnamed, crash = events(tmp_path)
    assert migration["message"] == "Running upgrade a1"
    assert migration["where"].startswith("alembic.runtime.migration:")
    assert unnamed["level"] == "Level 28"
    assert "KeyError: 'lost'" in crash["trace"]


@pytest.mark.parametrize(
    "unit",
    [
        "password",
        'password="',
        "password='x",
        "a-",
        "://a:",
        "Bearer ",
        "eyJ",
        "token=Bearer(",
        "[parameters: ",
    ],
)
def test_a_hostile_line_is_redacted_in_linear_time(unit: str) -> None:
    redact(unit)
    started = process_time()
    redact(unit * (100_000 // len(unit)))
    assert process_time() - started < 1
