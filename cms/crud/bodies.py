"""JSON bodies, read strictly: what two readers could understand differently is refused (RFC 8259, RFC 7493)."""

import json
from collections.abc import Callable, Coroutine
from functools import cached_property
from typing import Any, ClassVar

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from cms.crud.idempotency import PARAMETER, answering_once
from cms.crud.problems import FieldError, Invalid


class JsonRoute(APIRoute):
    """A route that reads its JSON strictly; its path is the whole one, as it stands in the application's own table.

    A `POST` is done once for each `Idempotency-Key`.
    """

    keeps_answers: ClassVar[bool] = True

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        if self._answers_once:
            described = self.openapi_extra or {}
            self.openapi_extra = {**described, "parameters": [*described.get("parameters", ()), PARAMETER]}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the route is asked for; most are ruled out by how the path begins."""
        if not scope.get("root_path") and not scope["path"].startswith(self._start):
            return Match.NONE, {}
        return super().matches(scope)

    @cached_property
    def _start(self) -> str:
        return self.path.partition("{")[0]

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Hand the usual handler a strict request."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return answering_once(handle_strictly) if self._answers_once else handle_strictly

    @property
    def _answers_once(self) -> bool:
        return self.keeps_answers and "POST" in (self.methods or ())


class PlainRoute(JsonRoute):
    """A route whose handler takes its request alone: FastAPI describes it, and costs it nothing.

    :raises TypeError: if anything else is asked of it, which nobody would look at.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Hand out the handler as it is."""
        if self.dependant.dependencies or self.body_field or self.methods != {"GET"}:
            raise TypeError(f"{self.path} takes more than its request.")
        return self.endpoint


class SecretRoute(JsonRoute):
    """A route whose answers are secrets: they are never kept, and an `Idempotency-Key` means nothing here."""

    keeps_answers = False


class _StrictRequest(Request):
    async def json(self) -> Any:
        return parse_json(await self.body())


def parse_json(body: bytes) -> Any:
    """The value of a JSON body.

    :param body: UTF-8, without a byte order mark.
    :raises Invalid: if it is not well-formed, too deep, or names a key of an object twice.
    """
    try:
        orjson.loads(body)  # knows no other encoding, no NaN, no lone surrogates, no bottomless depth
        return json.loads(body, object_pairs_hook=_distinct)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Invalid(f"The body is not well-formed JSON in UTF-8; look at {place}.") from None
    except (ValueError, RecursionError):
        raise Invalid("The body has a number too long, or levels too deep, to be read.") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)[:100]
    detail = f"The key “{twice}” stands there twice; keep one."
    raise Invalid(detail, errors=[FieldError(detail, f"/{twice}")])
