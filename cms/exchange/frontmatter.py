"""Reading text files: UTF-8, front matter and a strict, harmless YAML.

The YAML is the part that people write by hand: mappings, lists and scalars. No tags, no anchors and aliases (so no
bombs), no key twice; of plain scalars only null, true, false and decimal numbers are anything but text, so that
`no`, `12:30` and `010` stay what was written.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import yaml

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 20
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPENING = re.compile(r"---[ \t]*\n")
_CLOSING = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE)
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\Z", re.ASCII)
_FLOAT = re.compile(r"[-+]?[0-9]{1,17}\.[0-9]{0,17}\Z", re.ASCII)
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


class FileError(Exception):
    """A file can't be read; `str()` is a sentence. `line` counts from 1, None is the whole file."""

    def __init__(self, sentence: str, line: int | None = None) -> None:
        super().__init__(sentence)
        self.line = line


class Plain(NamedTuple):
    """A scalar without quotes that means more than its text.

    Which of the two counts depends on the field that it is for: a title may be 1984.
    """

    text: str
    value: bool | int | float | None


class Matter(NamedTuple):
    """A Markdown file in its two parts.

    :param first_line: on which line of the file the YAML begins.
    """

    yaml: str
    body: str
    first_line: int


NO_MATTER = Matter("", "", 1)
"""Of what was read from no front matter."""


def decode(data: bytes) -> str:
    """The text of a file, with `\\n` between its lines.

    :raises FileError: for anything but UTF-8.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileError("The file is UTF-16; save it as UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError("The file is no UTF-8 text; save it as UTF-8.", line) from error
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def split(text: str) -> Matter:
    """Front matter and body. One empty line between them, and the last end of line, belong to neither.

    :raises FileError: if there is no front matter, or no end of it.
    """
    opening = _OPENING.match(text)
    if opening is None:
        raise FileError("The file has to begin with front matter: a line “---”, YAML, and a line “---”.", 1)
    closing = _CLOSING.search(text, opening.end())
    if closing is None:
        raise FileError("The front matter has no end; put a line “---” below it.", 1)
    body = text[closing.end() :].removeprefix("\n").removesuffix("\n")
    return Matter(text[opening.end() : closing.start()], body, 2)


def load(text: str, first_line: int = 1) -> dict[str, Any]:
    """The mapping that a YAML text holds; {} for an empty one. Values are str, `Plain`, lists and dicts of them.

    :param first_line: the number of the text's first line, for errors.
    :raises FileError: for anything else, with the line.
    """
    builder = _Builder(first_line)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + mark.line if mark else None
        raise FileError(f"This is not well-formed YAML: {error.problem or error.context}.", line) from error
    except yaml.reader.ReaderError as error:
        raise FileError("This is no YAML: it holds a control character.", _line_of_control(text, first_line)) from error
    return builder.root


def unwrap(value: Any, *, as_text: bool = False) -> Any:
    """A loaded value without `Plain`: the text of each where the field is a text, what it means otherwise."""
    if isinstance(value, Plain):
        return value.text if as_text and value.value is not None else value.value
    if isinstance(value, list):
        return [unwrap(item, as_text=as_text) for item in value]
    if isinstance(value, dict):
        return {key: unwrap(item) for key, item in value.items()}
    return value


def line_of(text: str, first_line: int, path: Iterable[Any]) -> int:
    """The line on which the value at that path stands, or the nearest thing above it that there is."""
    node: Any = yaml.compose(text, Loader=_LOADER)
    line = first_line
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == str(step)), None)
            if found is None:
                break
            line, node = first_line + found[0].start_mark.line, found[1]
        elif isinstance(node, yaml.SequenceNode) and str(step).isdecimal() and int(step) < len(node.value):
            node = node.value[int(step)]
            line = first_line + node.start_mark.line
        else:
            break
    return line


class _Builder:
    """Puts a document together from parser events: without recursion, and without following anything."""

    def __init__(self, first_line: int) -> None:
        self.root: dict[str, Any] = {}
        self._first_line = first_line
        self._documents = 0
        self._open: list[Any] = []
        self._keys: list[str | None] = []

    def take(self, event: Any) -> None:
        """Take the next event."""
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._check(event)
            self._scalar(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._check(event)
            self._start({} if kind is yaml.MappingStartEvent else [], event)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._open.pop()
            self._keys.pop()
        elif kind is yaml.AliasEvent:
            raise self._error("Aliases (“*name”) are not taken; write the value out.", event)
        elif kind is yaml.DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                raise self._error("There is a second document in this YAML; a file holds one.", event)

    def _check(self, event: Any) -> None:
        if event.anchor is not None:
            raise self._error("Anchors (“&name”) are not taken; write the value out.", event)
        if event.tag is not None and event.tag != "!":
            raise self._error(f"Tags such as “{event.tag[:60]}” are not taken; leave it out.", event)

    def _scalar(self, event: Any) -> None:
        if not self._open:
            if event.value or not event.implicit[0]:
                raise self._error("This has to be a mapping: “name: value”, a line for each.", event)
        elif isinstance(self._open[-1], dict) and self._keys[-1] is None:
            self._keys[-1] = self._new_key(event)
        else:
            self._put(_plain(event.value) if event.implicit[0] else event.value)

    def _new_key(self, event: Any) -> str:
        key = str(event.value)
        if key in self._open[-1]:
            raise self._error(f"“{key[:100]}” stands here a second time; keep one of them.", event)
        return key

    def _start(self, container: Any, event: Any) -> None:
        if not self._open:
            if isinstance(container, list):
                raise self._error("This has to be a mapping: “name: value”, a line for each.", event)
            self.root = container
        elif isinstance(self._open[-1], dict) and self._keys[-1] is None:
            raise self._error("A name has to be a text.", event)
        else:
            self._put(container)
        if len(self._open) >= MAX_DEPTH:
            raise self._error(f"This is more than {MAX_DEPTH} levels deep.", event)
        self._open.append(container)
        self._keys.append(None)

    def _put(self, value: Any) -> None:
        container = self._open[-1]
        if isinstance(container, list):
            container.append(value)
        else:
            container[self._keys[-1]] = value
            self._keys[-1] = None

    def _error(self, sentence: str, event: Any) -> FileError:
        return FileError(sentence, self._first_line + event.start_mark.line)


def _plain(text: str) -> str | Plain:
    if text in _WORDS:
        return Plain(text, _WORDS[text])
    if text[0] in "-+0123456789":
        if _INTEGER.match(text):
            return Plain(text, int(text))
        if _FLOAT.match(text):
            return Plain(text, float(text))
    return text


def _line_of_control(text: str, first_line: int) -> int | None:
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    return first_line + text.count("\n", 0, found.start()) if found else None
