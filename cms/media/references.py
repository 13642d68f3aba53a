"""How texts refer to files: by `media:<path>`, or by the address that this was rendered to."""

import re
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, or_, select

from cms.crud.content_type import ContentType
from cms.crud.fields import Control, as_predicate
from cms.crud.search import like_pattern
from cms.crud.service import UnitOfWork
from cms.crud.structure import Shape
from cms.crud.usages import name_records
from cms.editorial.behaviours import Publishable
from cms.editorial.pending import Draft

_NAMED = re.compile(r"media:([^\s)>\"'\]]+)")
_ENDS = (" ", "\n", "\r", "\t", ")", ">", '"', "'", "]")
"""What ends a path in a text; `_NAMED`, for SQL."""
_TEXTS = {Control.MARKDOWN, Control.HTML}


def paths_in(text: str) -> set[str]:
    """The paths of the files that a text names as `media:<path>`."""
    return set(_NAMED.findall(text))


async def texts_naming(work: UnitOfWork, path: str, *marks: str) -> list[str]:
    """The records of any type whose texts name a file.

    path: how they name it in Markdown. marks: texts that hold one of these, parts of its addresses, count as well.
    Returns a phrase for each type, such as `the text of article “Slow tides”`; titles only of what the actor
    may see. A text that is saved at the same time as the question is asked may be missed.
    """
    phrases: list[str] = []
    for content_type in work.registry:
        names = [
            as_predicate(test)
            for column in _columns(content_type)
            for test in (_names(column, path), *(_contains(column, mark) for mark in marks))
        ]
        if names:
            phrases += await name_records(work.session, content_type, or_(*names), work.actor)
    return [f"the text of {phrase}" for phrase in phrases]


async def drafts_naming(work: UnitOfWork, *marks: str) -> list[str]:
    """The records whose working drafts hold one of these texts: a path, or part of an address, or an id.

    Returns phrases as `texts_naming` does, such as `the working draft of article “Slow tides”`.
    """
    phrases: list[str] = []
    for content_type in work.registry:
        if issubclass(content_type.model, Publishable):
            held = or_(*(_contains(cast(Draft.values, Text), mark) for mark in marks))
            named = select(Draft.record_id).where(Draft.record_type == content_type.name, held)
            model: Any = content_type.model
            phrases += await name_records(work.session, content_type, model.id.in_(named), work.actor)
    return [f"the working draft of {phrase}" for phrase in phrases]


def text_columns(content_type: ContentType[Any]) -> list[str]:
    """The fields of a type whose texts may name files; what is rendered from them names no others."""
    return [
        info.name
        for info in content_type.fields.values()
        if info.shape is Shape.COLUMN and info.rules.control in _TEXTS and info.name in content_type.write_fields
    ]


def _columns(content_type: ContentType[Any]) -> list[Any]:
    return [getattr(content_type.model, name) for name in text_columns(content_type)]


def _names(column: Any, path: str) -> ColumnElement[bool]:
    """That a text has `media:<path>`, and not merely the beginning of a longer path."""
    name = f"media:{path}"
    ended = [_contains(column, name + end) for end in _ENDS]
    return and_(_contains(column, name), or_(*ended, column.like(like_pattern(name, after=""), escape="\\")))


def _contains(column: Any, text: str) -> ColumnElement[bool]:
    return as_predicate(column.like(like_pattern(text), escape="\\"))
