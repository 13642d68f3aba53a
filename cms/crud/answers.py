"""Records as HTTP answers: JSON bytes, with the entity tag and the cache headers that belong to them."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

import orjson
from fastapi import Response
from pydantic import BaseModel

from cms.crud.conditional import entity_tag, is_unchanged
from cms.crud.content_type import ContentType
from cms.crud.nodes import Item
from cms.crud.policy import Actor
from cms.crud.service import UnitOfWork


def to_bytes(value: Any) -> bytes:
    """A value as JSON: times in UTC with `Z`, ids as text."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z)


def answer_record(item: Item, version: int, headers: Mapping[str, str], status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A single record as an answer, with its entity tag."""
    body = to_bytes(item)
    return Response(body, status, {"ETag": entity_tag(version, body), **headers}, "application/json")


def answer_unless_held(item: Item, version: int, actor: Actor, if_none_match: str | None) -> Response:
    """A single record as an answer, or a 304 to a caller that holds this very one."""
    answer = answer_record(item, version, cache_headers(actor))
    if is_unchanged(if_none_match, answer.headers["etag"]):
        return Response(status_code=304, headers={"ETag": answer.headers["etag"], **cache_headers(actor)})
    return answer


async def written(
    work: UnitOfWork,
    content_type: ContentType[Any],
    record_id: UUID,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer to a write: the record as it now stands, read back in the same transaction."""
    item, version = await work.read(content_type, record_id)
    return answer_record(item, version, {**cache_headers(work.actor), **(headers or {})}, status)


def cache_headers(actor: Actor) -> dict[str, str]:
    """Who may keep an answer: the public's anyone, but asking again each time; a signed-in actor's only its browser."""
    scope = "public" if actor.id is None else "private"
    return {"Cache-Control": f"{scope}, no-cache", "Vary": "Authorization"}


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)  # asyncpg's own subclass, which orjson does not know
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} is not JSON.")
