"""Form fields of structured values: a value of plain texts has an input for each, any other is typed as YAML.

Of a menu's links a page's script makes a tree.
"""

from typing import Any

import yaml
from pydantic import BaseModel

from admin.fields import ContentField, label_of, normalise_lines
from cms.content.menus import MAX_LEVELS, MenuItem
from cms.crud.structure import FieldInfo

LONGEST = 100_000
"""The most characters of a structured value that is typed as text."""


class PartsField(ContentField):
    """A structured value of plain texts, typed into one input each."""

    control = "parts"

    def __init__(self, info: FieldInfo, **options: Any) -> None:
        super().__init__(info, **options)
        model: type[BaseModel] = info.python_type
        self.parts = [(name, label_of(name), part.description or "") for name, part in model.model_fields.items()]
        self.part_messages: dict[str, str] = {}

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        """Show a stored value, or take what was typed."""
        self.process_errors = []
        stored = data if isinstance(data, dict) else {}
        self.data = {name: str(stored.get(name) or "") for name, *_ in self.parts}
        if formdata is not None:
            typed = {name: formdata.getlist(f"{self.name}.{name}") for name, *_ in self.parts}
            self.data = {name: normalise_lines(str(values[0])) if values else "" for name, values in typed.items()}

    @property
    def payload(self) -> dict[str, str | None] | None:
        """The parts; nothing where all are empty and that may be."""
        if self.info.nullable and not any(self.data.values()):
            return None
        return {name: value or None for name, value in self.data.items()}

    @property
    def shown(self) -> str:
        """The parts that are filled in, one a line."""
        return "\n".join(f"{label}: {self.data[name]}" for name, label, _ in self.parts if self.data[name])

    @property
    def faults(self) -> list[str]:
        """What is wrong with the whole, and with its parts."""
        return [*self.messages, *self.part_messages.values()]

    def add_message(self, message: str, path: tuple[str, ...]) -> None:
        """Note what is wrong, beside the part at fault where it is one."""
        if path and path[0] in self.data:
            self.part_messages[path[0]] = message
        else:
            self.messages.append(message)


class StructureField(ContentField):
    """A structured value of any shape, typed as YAML (of which JSON is a part)."""

    control = "structure"

    def process_data(self, value: Any) -> None:
        """Show a stored value."""
        self.data = _written(value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take typed YAML.

        :raises ValueError: with a sentence, if it is none.
        """
        self.data = normalise_lines(str(valuelist[0])) if valuelist else ""
        read_yaml(self.data)

    @property
    def payload(self) -> Any:
        """The value."""
        try:
            value = read_yaml(self.data)
        except ValueError:
            return self.data
        return [] if value is None and not self.info.nullable else value

    @property
    def shown(self) -> str:
        """The YAML, in one form however it was typed."""
        value = self.payload
        return value if isinstance(value, str) else _written(value)

    def add_message(self, message: str, path: tuple[str, ...]) -> None:
        """Note what is wrong, and where: `items › 2 › url`."""
        places = [str(int(part) + 1) if part.isdecimal() else part for part in path]
        self.messages.append(f"{' › '.join(places)}: {message}" if places else message)


class LinksField(StructureField):
    """The links of a menu: a page's script makes a tree of them, without it they are typed."""

    control = "links"
    levels = MAX_LEVELS

    def __init__(self, info: FieldInfo, **options: Any) -> None:
        super().__init__(info, **options)
        self.faults_by_path: list[dict[str, Any]] = []

    @property
    def links(self) -> list[Any] | None:
        """The links, where they are such that the tree can show all of them; what is typed is shown as such, else."""
        value = self.payload
        return value if _are_links(value) else None

    def add_message(self, message: str, path: tuple[str, ...]) -> None:
        """Note what is wrong, and where."""
        super().add_message(message, path)
        self.faults_by_path.append({"path": path, "detail": message})


def _are_links(value: Any) -> bool:
    return isinstance(value, list) and all(_is_link(item) for item in value)


def _is_link(item: Any) -> bool:
    if not isinstance(item, dict) or not item.keys() <= MenuItem.model_fields.keys():
        return False
    texts = item.get("label", ""), item.get("url") or ""
    return all(isinstance(text, str) for text in texts) and _are_links(item.get("items", []))


def _written(value: Any) -> str:
    return "" if value in (None, []) else yaml.safe_dump(value, allow_unicode=True, sort_keys=False)


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases, by which a short text can stand for a value of any size."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse aliases; compose everything else."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("Aliases (*name) can't be used here; write the value out.")
        return super().compose_node(parent, index)


def read_yaml(text: str) -> Any:
    """The value that a YAML text stands for.

    :raises ValueError: with a sentence that names the line.
    """
    if len(text) > LONGEST:
        raise ValueError(f"At most {LONGEST:,} characters fit here.")
    try:
        return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except RecursionError:
        raise ValueError("This is nested too deeply.") from None
    except yaml.MarkedYAMLError as error:
        line = f"Line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ValueError(f"{line}this is not well-formed YAML ({error.problem}).") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"This is not well-formed YAML: {str(error).splitlines()[0]}") from None
