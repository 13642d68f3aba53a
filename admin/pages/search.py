"""Search over everything that the actor works on: for the palette of every page, and as a page without scripts."""

from typing import Any, NamedTuple

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from admin.auth import actor_of, is_open
from admin.menu import place_of
from admin.reading import decided_by, screen_of
from admin.screens import Page
from admin.security import wants_json
from admin.shell import shell_of
from cms.crud.content_type import ContentType
from cms.crud.folding import fold
from cms.crud.plan import Reader
from cms.crud.policy import Actor
from cms.crud.problems import BadQuery
from cms.crud.query import Query
from cms.crud.values import MAX_SEARCH
from cms.editorial.behaviours import Publishable

MOST_OF_A_TYPE = 5
MOST_WORDS = 8


class Found(NamedTuple):
    """A record that a search found.

    :param type: the singular name of its type. :param label: what people call that.
    :param url: where it is edited, or read by who may not.
    :param public_url: where readers get it; None while they don't.
    """

    type: str
    label: str
    icon: str
    title: str
    status: str | None
    url: str
    public_url: str | None
    id: str
    slug: str | None


async def search(request: Request) -> Response:
    """What a term finds, a few of each type: as JSON where that is asked for, else as a page.

    :raises BadQuery: for a term that is too long, or a type that there is not.
    """
    state, actor = request.app.state, actor_of(request)
    term = request.query_params.get("q", "").replace("\x00", "")
    if len(term) > MAX_SEARCH:
        raise BadQuery(f"A search has at most {MAX_SEARCH} characters.")
    types = _types(request, actor)
    found: list[Found] = await state.database.read(find, state.reader, types, term, actor) if term.strip() else []
    if wants_json(request):
        return JSONResponse({"results": [result._asdict() for result in found]})
    return await shell_of(request).render(request, "search.html", {"term": term, "found": found})


def find(connection: Connection, reader: Reader, types: list[ContentType[Any]], term: str, actor: Actor) -> list[Found]:
    """The first records of each type that a search finds; a statement a type."""
    words = tuple(dict.fromkeys(fold(term).split()))[:MOST_WORDS]
    return [found for content_type in types for found in _of_type(connection, reader, content_type, words, actor)]


def _of_type(
    connection: Connection, reader: Reader, content_type: ContentType[Any], words: tuple[str, ...], actor: Actor
) -> list[Found]:
    is_published = issubclass(content_type.model, Publishable)
    names = ["id", content_type.title_field, *decided_by(content_type)]
    names += [name for name in ("slug", "path") if name in content_type.read_fields]
    query = Query(tuple(dict.fromkeys(names)), words=words, limit=MOST_OF_A_TYPE, total=False)
    items = reader.page(connection, content_type, query, actor).items
    return [_found(content_type, item, is_published, actor) for item in items]


def _found(content_type: ContentType[Any], item: Any, is_published: bool, actor: Actor) -> Found:
    status = str(item["status"]) if is_published else None
    slug = item.get("slug")
    is_public = slug is not None and status in {None, "published"}
    return Found(
        content_type.singular,
        content_type.label,
        place_of(content_type).icon,
        str(item[content_type.title_field] or ""),
        status,
        screen_of(content_type, item, actor),
        _public_url(content_type, item) if is_public else None,
        str(item["id"]),
        slug,
    )


def _public_url(content_type: ContentType[Any], item: Any) -> str:
    """The path under which a front end is expected to show a record; pages of a tree by their own path."""
    path = item.get("path")
    return str(path) if path else f"/{content_type.name}/{item['slug']}"


def _types(request: Request, actor: Actor) -> list[ContentType[Any]]:
    registry = request.app.state.registry
    known = [t for t in registry if t.search_fields and is_open(t, actor)]
    names = [name for name in request.query_params.get("types", "").split(",") if name]
    if unknown := set(names) - {t.singular for t in registry}:
        raise BadQuery(f"There is no type “{min(unknown)[:60]}” to search.")
    return [t for t in known if not names or t.singular in names]


PAGES = (Page("/search", search),)
