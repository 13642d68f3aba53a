"""Serves what ours is held against: `python -m benchmarks.serve baseline <port> <url>` or `constant <port> <size>…`."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from benchmarks import baseline


def constant(sizes: list[int]) -> Starlette:
    """Bare Starlette: `/0`, `/1` … answer so many constant bytes of JSON."""
    routes = []
    for place, size in enumerate(sizes):
        body = b'"' + b"a" * (size - 2) + b'"'

        async def answer(_: Request, body: bytes = body) -> Response:
            return Response(body, media_type="application/json")

        routes.append(Route(f"/{place}", answer))
    return Starlette(routes=routes)


def serve(app: ASGIApp, port: int) -> None:
    """One process, quiet: neither of the two writes an access log."""
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    kind, port, *rest = sys.argv[1:]
    serve(baseline.create_app(rest[0]) if kind == "baseline" else constant([int(size) for size in rest]), int(port))
