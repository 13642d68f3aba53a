"""Our styles and scripts: compressed once, and kept by browsers for good where their addresses change with them."""

import gzip
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from os import stat_result
from pathlib import Path
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

STATIC: Final = Path(__file__).parent / "static"
SHEETS: Final[Mapping[str, tuple[str, ...]]] = {
    "frame.css": ("tokens.css", "admin.css"),
    "editor.css": ("editor-screen.css", "markdown-editor.css", "media.css"),
}
"""Sheets that a screen loads as one: every request that it is spared is a moment less until it is drawn."""
_IMMUTABLE: Final = "private, max-age=31536000, immutable"
_REVALIDATED: Final = "private, no-cache"
"""For scripts that others import: their addresses stay the same when they change."""
_COMPRESSED: Final = frozenset({".css", ".js", ".svg", ".json"})


class Assets(StaticFiles):
    """The files of a folder, and the sheets that are joined from some of them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A sheet, or what the folder has."""
        if path not in SHEETS or scope["method"] not in {"GET", "HEAD"}:
            return await super().get_response(path, scope)
        parts = _parts_of(path)
        content = _join(parts)
        headers = {
            "ETag": f'"{_fingerprint(content)}"',
            "Vary": "Accept-Encoding",
            "Cache-Control": _kept_how(scope),
        }
        plain = Response(content, headers=headers, media_type="text/css")
        if self.is_not_modified(plain.headers, Headers(scope=scope)):
            return NotModifiedResponse(plain.headers)
        changed = max(part.stat().st_mtime_ns for part in parts)
        return _compressed(parts, changed, plain) if _takes_gzip(scope) else plain

    def file_response(self, full_path: Any, stat_result: stat_result, scope: Scope, status_code: int = 200) -> Response:
        """A file, or that the browser's copy is current; compressed where the browser takes that."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        path = Path(full_path)
        response.headers["Cache-Control"] = _kept_how(scope)
        if path.suffix not in _COMPRESSED:
            return response
        response.headers["Vary"] = "Accept-Encoding"
        is_packed = response.status_code == 200 and _takes_gzip(scope)
        return _compressed((path,), stat_result.st_mtime_ns, response) if is_packed else response


def fingerprints() -> dict[str, str]:
    """What tells one state of a file or sheet from another, by the name that it is asked for with."""
    contents = {path.name: path.read_bytes() for path in STATIC.iterdir()}
    contents.update((name, _join(_parts_of(name))) for name in SHEETS)
    return {name: _fingerprint(content) for name, content in contents.items()}


def _fingerprint(content: bytes) -> str:
    return blake2b(content, digest_size=6).hexdigest()


def _parts_of(sheet: str) -> tuple[Path, ...]:
    return tuple(STATIC / name for name in SHEETS[sheet])


def _join(paths: tuple[Path, ...]) -> bytes:
    return b"".join(path.read_bytes() for path in paths)


def _kept_how(scope: Scope) -> str:
    return _IMMUTABLE if scope["query_string"].startswith(b"v=") else _REVALIDATED


def _takes_gzip(scope: Scope) -> bool:
    return "gzip" in Headers(scope=scope).get("accept-encoding", "")


def _compressed(paths: tuple[Path, ...], changed: int, plain: Response) -> Response:
    names = {"etag", "last-modified", "vary", "cache-control"}
    kept = {name: value for name, value in plain.headers.items() if name in names}
    return Response(_gzip(paths, changed), headers={**kept, "Content-Encoding": "gzip"}, media_type=plain.media_type)


@cache
def _gzip(paths: tuple[Path, ...], _changed: int) -> bytes:
    """What the files say, compressed as far as gzip goes; once for each state of them."""
    return gzip.compress(_join(paths), 9, mtime=0)
