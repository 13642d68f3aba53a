"""Logging: one set-up for the console, the files and every library that speaks through the standard library.

What users send is data, never layout: control characters are escaped, so that no value can forge a line or
steer a terminal. What looks like a secret is struck out, in messages, bound values and traces alike.
"""

import json
import logging
import re
import sys
import traceback
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

if TYPE_CHECKING:
    from loguru import Record, RecordException

STRUCK_OUT = "[redacted]"

_NAMES = r"(?:password|passwd|passphrase|secret|token|authorization|cookie|api[_-]?key|credential)"
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
# Every repetition beside a name is bounded: strangers write in our log, and it must be read in linear time.
_SECRETS = (
    (
        re.compile(
            rf"({_NAMES}[\w-]{{0,30}}[\"']?\s{{0,3}}(?:=>|[=:])\s{{0,3}}(?:(?:Bearer|Basic|SecretStr)\b[\s(]{{0,3}})?)"
            r"(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s,;&)}\]\"']+)",
            re.IGNORECASE,
        ),
        rf"\1{STRUCK_OUT}",
    ),
    (re.compile(r"\b(Bearer|Basic)\s{1,3}[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {STRUCK_OUT}"),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*"), STRUCK_OUT),
    (re.compile(r"\$argon2[^\s'\",)]+"), STRUCK_OUT),
    (re.compile(r"(://[^\s:/@]{0,100}:)[^\s/@]+@"), rf"\1{STRUCK_OUT}@"),
    (re.compile(r"(\[parameters: ).*"), rf"\1{STRUCK_OUT}]"),
)
_SIGNS = (
    *("pass", "secret", "token", "authorization", "cookie", "key", "credential"),
    *("bearer", "basic", "eyj", "$argon2", "://", "[parameters"),
)
"""One of these stands, in some case, in whatever the patterns above could match."""

_CONSOLE = (
    "<green>{time:HH:mm:ss.SSS}</green> <level>{level: <8}</level> <dim>{extra[request_id]}</dim> "
    "<cyan>{name}</cyan> <level>{message}</level>"
)


def configure_logging(level: str = "INFO", directory: Path | None = None) -> None:
    """Send every log line to the console and, as one JSON object a line, to a new file each midnight.

    :param level: the least level the console shows, such as "INFO"; the files always begin at DEBUG.
    :param directory: where the files `cms-YYYY-MM-DD.log` are kept for 30 days; None writes no files.
    :raises ValueError: the level is not one that loguru knows.
    :raises OSError: the directory can't be made or written.
    """
    logger.remove()
    logger.configure(extra={"request_id": "-"}, patcher=_clean)
    logger.add(sys.stderr, level=level, format=_console_line, backtrace=False, diagnose=False)
    if directory is not None:
        logger.add(
            # The date stands in the name, so that several worker processes meet in one file and none renames
            # it under another. Lines are flushed one by one; a queue would cost each more than its write.
            directory / "cms-{time:YYYY-MM-DD}.log",
            level="DEBUG",
            format=_file_line,
            rotation="00:00",
            retention="30 days",
            encoding="utf-8",
            backtrace=False,
            diagnose=False,
        )
    _listen_to_the_standard_library()


def redact(text: str) -> str:
    """Return the text with every value struck out that is named, or looks, like a secret."""
    if text.isascii():  # other alphabets have letters that match ours in any case
        lowered = text.lower()
        for sign in _SIGNS:
            if sign in lowered:
                break
        else:
            return text
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def escape(text: str) -> str:
    """Return the text on one line, everything unprintable (controls, ANSI, direction marks) as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


class InterceptHandler(logging.Handler):
    """Hands the records of the standard library's loggers to loguru, with the place they came from."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record through loguru at the level of the same name (or number)."""

        def keep_origin(target: "Record") -> None:
            target["name"] = record.name
            target["function"] = record.funcName
            target["line"] = record.lineno

        error = record.exc_info[1] if record.exc_info else None
        known = record.levelname in logging.getLevelNamesMapping()
        level = record.levelname if known else record.levelno
        logger.patch(keep_origin).opt(exception=error).log(level, record.getMessage())


def _listen_to_the_standard_library() -> None:
    # INFO and not DEBUG: at DEBUG database drivers print every statement together with its values.
    logging.basicConfig(handlers=[InterceptHandler()], level=logging.INFO, force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "sqlalchemy", "alembic"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.disabled = False
    # Requests are logged by our own middleware, with their id and without their query string.
    logging.getLogger("uvicorn.access").disabled = True


def _clean(record: "Record") -> None:
    record["message"] = escape(redact(record["message"]))
    extra = record["extra"]
    for name, value in extra.items():
        if _is_secret(name):
            extra[name] = STRUCK_OUT
        elif not isinstance(value, int | float | None):
            extra[name] = escape(redact(str(value)))
    if record["exception"] is not None:
        extra["trace"] = _trace(record["exception"])
        # Left in place, the exception would be formatted once more, by loguru and without our care.
        record["exception"] = None


@lru_cache(256)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _trace(error: "RecordException") -> str:
    lines = "".join(traceback.format_exception(error.type, error.value, error.traceback))
    # Indented, no line of a trace can pass for a line of the log.
    return "\n".join(f"    {escape(line)}" for line in redact(lines).splitlines())


def _console_line(record: "Record") -> str:
    return _CONSOLE + ("\n{extra[trace]}\n" if "trace" in record["extra"] else "\n")


_LINE = "line"
_as_json = json.JSONEncoder(ensure_ascii=False).encode  # `json.dumps` would make an encoder for every line


def _file_line(record: "Record") -> str:
    event = {
        "time": record["time"].isoformat(timespec="milliseconds"),
        "level": record["level"].name,
        "where": f"{record['name']}:{record['function']}:{record['line']}",
        "message": record["message"],
        **record["extra"],
    }
    # A format is parsed for fields and colours, so the line comes as a field of one that is always the same.
    record["extra"][_LINE] = _as_json(event)
    return f"{{extra[{_LINE}]}}\n"
