"""Our styles and scripts: compressed once, and kept by browsers for good where their addresses change with them."""

import gzip
from functools import cache
from os import stat_result
from pathlib import Path
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_IMMUTABLE: Final = "private, max-age=31536000, immutable"
_REVALIDATED: Final = "private, no-cache"
"""For scripts that others import: their addresses stay the same when they change."""
_COMPRESSED: Final = frozenset({".css", ".js", ".svg", ".json"})


class Assets(StaticFiles):
    """The files of a folder."""

    def file_response(self, full_path: Any, stat_result: stat_result, scope: Scope, status_code: int = 200) -> Response:
        """A file, or that the browser's copy is current; compressed where the browser takes that."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        path = Path(full_path)
        if path.suffix in _COMPRESSED:
            response.headers["Vary"] = "Accept-Encoding"
            if response.status_code == 200 and "gzip" in Headers(scope=scope).get("accept-encoding", ""):
                response = _compressed(path, stat_result.st_mtime_ns, response)
        is_versioned = scope["query_string"].startswith(b"v=")
        response.headers["Cache-Control"] = _IMMUTABLE if is_versioned else _REVALIDATED
        return response


def _compressed(path: Path, changed: int, plain: Response) -> Response:
    kept = {name: value for name, value in plain.headers.items() if name in {"etag", "last-modified", "vary"}}
    return Response(_gzip(path, changed), headers={**kept, "Content-Encoding": "gzip"}, media_type=plain.media_type)


@cache
def _gzip(path: Path, _changed: int) -> bytes:
    """The file's bytes, compressed as far as gzip goes; once for each state of it."""
    return gzip.compress(path.read_bytes(), 9, mtime=0)
