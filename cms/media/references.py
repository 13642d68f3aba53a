"""How texts refer to files: by `media:<path>`, or by the address that this was rendered to."""

import re
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, or_, select

from cms.crud.content_type import ContentType
from cms.crud.fields import Control, as_predicate
from cms.crud.registry import Registry
from cms.crud.search import like_pattern
from cms.crud.structure import Shape
from cms.crud.usages import Use
from cms.editorial.behaviours import Publishable
from cms.editorial.pending import Draft

_NAMED = re.compile(r"media:([^\s)>\"'\]]+)")
_ENDS = (" ", "\n", "\r", "\t", ")", ">", '"', "'", "]")
"""What ends a path in a text; `_NAMED`, for SQL."""
_TEXTS = {Control.MARKDOWN, Control.HTML}


def paths_in(text: str) -> set[str]:
    """The paths of the files that a text names as `media:<path>`."""
    return set(_NAMED.findall(text))


def uses_in_texts(registry: Registry, path: str, *marks: str) -> list[Use]:
    """Where texts of any type name a file. A text that is saved as this is asked may be missed.

    :param path: how they name it in Markdown.
    :param marks: texts that hold one of these, parts of its addresses, count as well.
    """
    uses = []
    for content_type in registry:
        fields = tuple(text_columns(content_type))
        names = [
            as_predicate(test)
            for column in (getattr(content_type.model, name) for name in fields)
            for test in (_names(column, path), *(_contains(column, mark) for mark in marks))
        ]
        if names:
            uses.append(Use(content_type, or_(*names), fields, "the text of"))
    return uses


def uses_in_drafts(registry: Registry, *marks: str) -> list[Use]:
    """Where working drafts hold one of these texts: a path, or part of an address, or an id."""
    uses = []
    for content_type in registry:
        if issubclass(content_type.model, Publishable):
            held = or_(*(_contains(cast(Draft.values, Text), mark) for mark in marks))
            named = select(Draft.record_id).where(Draft.record_type == content_type.name, held)
            model: Any = content_type.model
            uses.append(Use(content_type, model.id.in_(named), place="the working draft of", is_draft=True))
    return uses


def text_columns(content_type: ContentType[Any]) -> list[str]:
    """The fields of a type whose texts may name files; what is rendered from them names no others."""
    return [
        info.name
        for info in content_type.fields.values()
        if info.shape is Shape.COLUMN and info.rules.control in _TEXTS and info.name in content_type.write_fields
    ]


def _names(column: Any, path: str) -> ColumnElement[bool]:
    """That a text has `media:<path>`, and not merely the beginning of a longer path."""
    name = f"media:{path}"
    ended = [_contains(column, name + end) for end in _ENDS]
    return and_(_contains(column, name), or_(*ended, column.like(like_pattern(name, after=""), escape="\\")))


def _contains(column: Any, text: str) -> ColumnElement[bool]:
    return as_predicate(column.like(like_pattern(text), escape="\\"))
