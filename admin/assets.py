"""Our styles and scripts: compressed once, and kept by browsers for good where their addresses change with them."""

import gzip
import re
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

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
"""For whoever asks for a file without saying which state of it."""
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_IMPORT: Final = re.compile(r'(\b(?:from ?|import\()"\./)([a-z-]+\.js)(?=")')


class Assets(StaticFiles):
    """The files of a folder, and the sheets that are joined from some of them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file or a sheet as it was when this process first read it, or that the browser's copy is current."""
        if path not in fingerprints() or scope["method"] not in {"GET", "HEAD"}:
            return await super().get_response(path, scope)
        request = Headers(scope=scope)
        headers = {
            "ETag": f'"{fingerprints()[path]}"',
            "Vary": "Accept-Encoding",
            # Of another state than ours, which another process may have, nothing is to be kept under its address.
            "Cache-Control": _IMMUTABLE
            if scope["query_string"] == f"v={fingerprints()[path]}".encode()
            else _REVALIDATED,
        }
        if self.is_not_modified(Headers(headers), request):
            return NotModifiedResponse(Headers(headers))
        content = _packed(path)
        if "gzip" in request.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            content = gzip.decompress(content)
        return Response(content, headers=headers, media_type=_TYPES[Path(path).suffix])


@cache
def fingerprints() -> Mapping[str, str]:
    """What tells one state of a file or sheet from another, by the name that it is asked for with."""
    names = {path.name for path in STATIC.iterdir() if path.suffix in _TYPES}
    return {name: _fingerprint(name) for name in names | set(SHEETS)}


@cache
def _fingerprint(name: str) -> str:
    return blake2b(_content(name), digest_size=6).hexdigest()


@cache
def _packed(name: str) -> bytes:
    """The content, compressed as far as gzip goes."""
    return gzip.compress(_content(name), 9, mtime=0)


@cache
def _content(name: str) -> bytes:
    """What a browser gets: scripts import each other under addresses that change with what is imported."""
    if parts := SHEETS.get(name):
        return b"".join((STATIC / part).read_bytes() for part in parts)
    content = (STATIC / name).read_bytes()
    if name.endswith(".js"):
        return _IMPORT.sub(lambda found: f"{found[1]}{found[2]}?v={_fingerprint(found[2])}", content.decode()).encode()
    return content
