"""A record as its public page would be, with its working draft laid over it: for editors, and behind links."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import HTMLResponse, Response

from cms.crud.answers import to_bytes
from cms.crud.content_type import ContentType
from cms.crud.fields import parse_time
from cms.crud.nodes import Item
from cms.crud.plan import Reader
from cms.crud.policy import Actor
from cms.crud.problems import Forbidden, NotFound, Problem
from cms.delivery.links import find_link
from cms.editorial.behaviours import Publishable
from cms.editorial.previews import read_draft

PREVIEW_PATH: Final = "/preview/"
"""Where links lead; what follows is a secret, and stands in no log."""

_HERE: Final = Path(__file__).parent
_STYLE: Final = (_HERE / "preview.css").read_text(encoding="utf-8")
_STYLE_HASH: Final = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_PAGES: Final = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined)
_PAGES.globals["style"] = Markup(_STYLE)  # noqa: S704 - our own file
_SHOWN: Final = ("excerpt", "cover", "author", "published_at", "reading_minutes")


class Gone(Problem):
    """What a link showed is not shown any more."""

    status = HTTPStatus.GONE


class Preview(NamedTuple):
    """What a preview shows.

    :param html: rendered and sanitised when it was saved.
    :param expires_at: when the link ends by which it is seen, if that is how.
    :param shown_of: of when it is, if not of now.
    """

    title: str
    html: str
    item: Item
    expires_at: datetime | None = None
    shown_of: datetime | None = None

    def frozen(self) -> dict[str, Any]:
        """All that is shown, as JSON."""
        shown = {name: self.item[name] for name in _SHOWN}
        frozen: dict[str, Any] = json.loads(to_bytes({"title": self.title, "html": self.html, "item": shown}))
        return frozen

    @classmethod
    def thawed(cls, frozen: Mapping[str, Any]) -> Self:
        """What was frozen."""
        item = {**dict.fromkeys(_SHOWN), **frozen["item"]}
        published_at = item["published_at"] and parse_time(item["published_at"])
        return cls(frozen["title"], frozen["html"], {**item, "published_at": published_at})


def can_be_previewed(content_type: ContentType[Any]) -> bool:
    """Whether records of that type have a page of their own, with a text on it."""
    return issubclass(content_type.model, Publishable) and "content_html" in content_type.read_fields


def read_preview(
    connection: Connection, reader: Reader, content_type: ContentType[Any], key: str | UUID, actor: Actor
) -> Preview:
    """A record as it would be, once its working draft is published.

    :raises NotFound: for one that the actor does not see, or whose type has no pages.
    :raises Forbidden: for one that the actor may not edit.
    """
    if not can_be_previewed(content_type):
        raise NotFound(f"A {content_type.label.lower()} has no page of its own to preview.")
    known = ("id", content_type.title_field, "content_html", *_SHOWN)
    names = tuple(dict.fromkeys(name for name in known if name in content_type.read_fields))
    item, _ = read_draft(connection, reader, content_type, key, actor, fields=names)
    shown = {**dict.fromkeys(_SHOWN), **item}
    return Preview(str(item[content_type.title_field] or "Untitled"), str(item["content_html"] or ""), shown)


def read_linked(connection: Connection, reader: Reader, token: str) -> Preview:
    """What the link of that token shows.

    :raises NotFound: if there is no such link.
    :raises Gone: if it has expired, was revoked, or what it showed is not its maker's to show any more.
    """
    link = find_link(connection, token)
    if link is None:
        raise NotFound("There is no such preview. Check that you have the whole link, or ask for a new one.")
    if link.revoked_at is not None:
        raise Gone("This preview was withdrawn by those who shared it. Ask them for a new link.")
    if link.expires_at <= link.time:
        raise Gone("This preview link has expired. Ask whoever sent it to you for a new one.")
    maker = Actor(link.maker_id, link.role, link.name)
    try:
        if not link.is_active:
            raise Forbidden("The account that made this link is closed.")
        preview = read_preview(connection, reader, _type_of(reader, link.record_type), link.record_id, maker)
    except (NotFound, Forbidden):
        raise Gone("What this link showed is not shared any more. Ask whoever sent it to you.") from None
    if link.shown is not None:
        preview = Preview.thawed(link.shown)._replace(shown_of=link.created_at)
    return preview._replace(expires_at=link.expires_at)


def show_preview(preview: Preview, *, frame_ancestors: str = "'none'") -> Response:
    """The page.

    :param frame_ancestors: who may show it inside of a page, as a Content-Security-Policy says it.
    """
    is_framed = frame_ancestors != "'none'"
    context = {"preview": preview, "item": preview.item, "html": Markup(preview.html), "is_framed": is_framed}  # noqa: S704 - sanitised when saved
    page = _PAGES.get_template("preview.html").render(context)
    framing = {"x-frame-options": "SAMEORIGIN"} if is_framed else {}
    return HTMLResponse(page, headers={**headers_of(frame_ancestors), **framing})


def show_problem(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """A plain page that says why nothing is shown."""
    page = _PAGES.get_template("preview_problem.html").render(title=HTTPStatus(status).phrase, sentence=sentence)
    return HTMLResponse(page, status, headers={**headers_of("'none'"), **(headers or {})})


def headers_of(frame_ancestors: str) -> dict[str, str]:
    """What keeps a preview to those who have its link, and scripts out of it: it has none."""
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src 'self' https:; base-uri 'none'; "
        f"form-action 'none'; frame-ancestors {frame_ancestors}"
    )
    return {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-robots-tag": "noindex, nofollow, noarchive",
    }


def _type_of(reader: Reader, name: str) -> ContentType[Any]:
    try:
        return reader.registry.by_name(name)
    except KeyError:
        raise NotFound("There are no such records any more.") from None
