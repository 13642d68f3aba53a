"""The media library: every file in a grid or a list, uploaded by dropping, described in place, replaced, trashed.

The page draws itself from JSON, and so does the picker of other screens; each answer that is about a file has the same
members. Changes name the version that was seen, as everywhere.
"""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from admin.auth import actor_of, open_work
from admin.bodies import read_body
from admin.changes import MOST_AT_ONCE, Target, run_bulk
from admin.choices import thumbnail_of
from admin.lists import as_sent
from admin.reading import decided_by, may, screen_of
from admin.screens import Page
from admin.security import form_of
from admin.shell import shell_of
from cms.crud.content_type import ContentType
from cms.crud.filters import Filter
from cms.crud.plan import Reader
from cms.crud.policy import Action, Actor
from cms.crud.problems import BadQuery, FieldError, Invalid, NotFound, PreconditionRequired, invalid_from
from cms.crud.query import Query, list_parameters, parse_list
from cms.crud.schemas import update_schema
from cms.crud.service import UnitOfWork
from cms.crud.structure import Shape
from cms.crud.values import is_uuid
from cms.editorial.recorder import change_left_by
from cms.media.inspection import DEFAULT_LIMITS
from cms.media.records import CENTRE, FocalPoint, Media, media
from cms.media.references import text_columns
from cms.media.uploads import replace_file, store_upload

ADDRESS: Final = "/media-library"
PAGE_SIZE: Final = 60
MOST_PLACES: Final = 20
"""How many records of a kind are named where a file is used."""
_FIELDS: Final = (
    "id", "version", "path", "url", "permalink", "mime_type", "size", "width", "height", "alt", "caption",
    "focal_point", "renditions", "owner", "owner_id", "created_at",
)  # fmt: skip
_UNDESCRIBED: Final = ((Filter("alt", None, "eq"), ""), (Filter("mime_type", None, "startswith"), "image/"))


class Described(BaseModel):
    """What is to change about a file; what is left out stays.

    :param version: the version that was seen.
    """

    model_config = ConfigDict(extra="forbid")

    version: int
    path: str | None = None
    alt: str | None = None
    caption: str | None = None
    focal_point: FocalPoint | None = None


class Seen(BaseModel):
    """A file, and the version of it that was seen."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    version: int


class Chosen(BaseModel):
    """Files that something is to be done to: to all of them, or to none."""

    model_config = ConfigDict(extra="forbid")

    items: list[Seen] = Field(min_length=1, max_length=MOST_AT_ONCE)


async def show_library(request: Request) -> Response:
    """The page, with the first files in it, so that nothing is asked for a second time."""
    context = {"limits": DEFAULT_LIMITS, "first": await _list(request)}
    return await shell_of(request).render(request, "media_library.html", context)


async def list_files(request: Request) -> Response:
    """A page of files: REST's parameters, and `undescribed=true` for pictures without an alternative text."""
    return JSONResponse(await _list(request))


async def show_file(request: Request) -> Response:
    """A file, and where it is used."""
    state, actor = request.app.state, actor_of(request)
    item = await _read(request, _pk(request))
    async with AsyncSession(state.database.read_engine) as session:
        work = UnitOfWork(session, actor, state.reader)
        service = work.service(media)
        usages = await service.usages(await service.get(_pk(request)))
    places = await state.database.read(find_places, state.reader, item, actor) if usages else []
    return JSONResponse({**item, "usages": usages, "places": places})


async def describe_file(request: Request) -> Response:
    """Change what is said about a file, if the version that was seen is still the current one."""
    body = await read_body(request, Described)
    data, pk = _change(body), _pk(request)
    async with open_work(request, actor_of(request)) as work:
        service = work.service(media)
        await service.update(await service.get(pk, Action.UPDATE), data, body.version)
    return await _answer(request, pk, work)


async def replace_in_place(request: Request) -> Response:
    """Give a record another file."""
    form, pk = form_of(request), _pk(request)
    version = str(form.get("version", ""))
    if not (version.isascii() and version.isdecimal() and len(version) < 10):
        raise PreconditionRequired("Say which version of the file you have seen.")
    async with open_work(request, actor_of(request)) as work:
        await replace_file(work, request.app.state.storage, pk, _file_of(request).file, int(version))
    return await _answer(request, pk, work)


async def upload(request: Request) -> Response:
    """Take a file in. Its bytes may be here already: then the record that has them is answered, with 200."""
    form = form_of(request)
    texts = {name: str(form.get(name, "")) for name in ("alt", "caption")}
    file = _file_of(request)
    async with open_work(request, actor_of(request)) as work:
        record, is_new = await store_upload(work, request.app.state.storage, file.file, file.filename or "", **texts)
    return await _answer(request, str(record.id), work, HTTPStatus.CREATED if is_new else HTTPStatus.OK)


async def trash_files(request: Request) -> Response:
    """Move files to the trash that are used nowhere: all of them or none."""
    body = await read_body(request, Chosen)
    targets = [Target(item.id, item.version) for item in body.items]
    done = await run_bulk(request, media, targets, "trash")
    return JSONResponse({"change_id": None if done.change_id is None else str(done.change_id)})


def find_places(connection: Connection, reader: Reader, item: Mapping[str, Any], actor: Actor) -> list[dict[str, str]]:
    """The records that the actor sees and that show a file, by a relation or in a text; a statement for each field."""
    found: dict[str, dict[str, str]] = {}
    for content_type in reader.registry:
        for condition in _conditions(content_type, item):
            names = ("id", content_type.title_field, *decided_by(content_type))
            query = Query(tuple(dict.fromkeys(names)), filters=(condition,), limit=MOST_PLACES, total=False)
            for each in reader.page(connection, content_type, query, actor).items:
                place = {"label": content_type.label, "title": str(each[content_type.title_field])}
                place["url"] = screen_of(content_type, each, actor)
                found[place["url"]] = place
    return list(found.values())


def _conditions(content_type: ContentType[Any], item: Mapping[str, Any]) -> list[tuple[Filter, Any]]:
    related = [
        (Filter(info.name, "id", "eq"), UUID(str(item["id"])))
        for info in content_type.fields.values()
        if info.shape is Shape.TO_ONE and info.python_type is Media
    ]
    marks = (f"media:{item['path']}", UUID(str(item["id"])).hex)
    named = [(Filter(name, None, "contains"), mark) for name in text_columns(content_type) for mark in marks]
    return [*related, *named]


async def _list(request: Request) -> dict[str, Any]:
    state, actor = request.app.state, actor_of(request)
    pairs, parameters = request.query_params.multi_items(), list_parameters(media, state.registry)
    try:
        sought = [(name, as_sent(parameters.get(name), value)) for name, value in pairs if name != "undescribed"]
    except ValueError:
        raise BadQuery("A day is written like 2026-11-30.") from None
    query = parse_list(sought, parameters)
    further = _UNDESCRIBED if ("undescribed", "true") in pairs else ()
    filters = (*query.filters, *further)
    asked = replace(query, fields=_FIELDS, include=(), filters=filters, limit=min(query.limit, PAGE_SIZE))
    page = await state.database.read(state.reader.page, media, asked, actor)
    return {"items": [_shown(item, actor) for item in page.items], "total": page.total, "next": page.next}


async def _read(request: Request, pk: str) -> dict[str, Any]:
    state, actor = request.app.state, actor_of(request)
    found = await state.database.read(state.reader.one, media, UUID(pk), actor, fields=_FIELDS)
    if found is None:
        raise NotFound("There is no such file. It may have been deleted.")
    return _shown(found[0], actor)


async def _answer(request: Request, pk: str, work: UnitOfWork, status: int = HTTPStatus.OK) -> Response:
    """A file as it now stands, and the change that can be undone."""
    change_id = change_left_by(work.session)
    item = await _read(request, pk)
    return JSONResponse({**item, "change_id": None if change_id is None else str(change_id)}, status)


def _shown(item: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """A file as scripts get it."""
    is_picture = item["width"] is not None
    return {
        **{name: item[name] for name in _FIELDS if name not in {"owner", "owner_id", "renditions"}},
        "id": str(item["id"]),
        "created_at": item["created_at"].isoformat(),
        "name": item["path"].rpartition("/")[2],
        "owner": item["owner"]["name"] if item["owner"] else None,
        "focal_point": item["focal_point"] or CENTRE.model_dump(),
        "is_picture": is_picture,
        "is_drawn": bool(item["renditions"]),
        "thumbnail": thumbnail_of(item) if is_picture else None,
        "is_editable": may(media, actor, Action.UPDATE, item),
    }


def _change(body: Described) -> BaseModel:
    """What is to change, by the rules that every door has."""
    schema = update_schema(media)
    try:
        return schema.model_validate(body.model_dump(include=body.model_fields_set - {"version"}))
    except ValidationError as error:
        raise invalid_from(error, schema) from None


def _file_of(request: Request) -> UploadFile:
    file = form_of(request).get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise Invalid("Choose a file.", errors=[FieldError("Choose a file.", "/file")])
    return file


def _pk(request: Request) -> str:
    pk = str(request.path_params["pk"])
    if not is_uuid(pk):
        raise NotFound("There is no such file. It may have been deleted.")
    return pk


PAGES = (
    Page(ADDRESS, show_library),
    Page(f"{ADDRESS}/items", list_files),
    Page("/media/trash", trash_files, methods=("POST",)),
    Page(f"{ADDRESS}/{{pk}}", show_file),
    Page(f"{ADDRESS}/{{pk}}", describe_file, methods=("POST",)),
    Page(f"{ADDRESS}/{{pk}}/file", replace_in_place, methods=("POST",)),
    Page("/media/upload", upload, methods=("POST",)),
)
