"""Routes of media: uploads beside the generated ones, and the files themselves."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.background import BackgroundTasks
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from cms.crud.answers import written
from cms.crud.conditional import expected_version
from cms.crud.doors import WRITE_PROBLEMS, Doors, Handler, refuse_parameters, typed
from cms.crud.policy import Action
from cms.crud.problems import (
    BadQuery,
    ContentTooLarge,
    FieldError,
    Invalid,
    NotFound,
    Unavailable,
    UnsupportedMedia,
    responses,
    suggestion,
)
from cms.crud.service import UnitOfWork
from cms.editorial.routes import EditorialRoutes
from cms.media.inspection import MIME_TYPES
from cms.media.records import MEDIA_PATH, Media, media
from cms.media.serving import RangeNotSatisfiable, answer_file
from cms.media.uploads import remove_unused, store_upload

_Folder = Annotated[str, Path(description="Two digits of the hash.", examples=["0f"])]
_Name = Annotated[str, Path(description="The hash of the content (SHA-256), and the file's extension.")]
_TEXTS = ("alt", "caption")
_NAMES = ("file", *_TEXTS)
_MOST_PARTS = 16  # more than any form of ours has, so that what is wrong with it can be told by name
_MOST_TEXT = 16 * 1024  # bytes of one text; 500 characters are allowed
_FORM = {
    "type": "object",
    "title": "MediaUpload",
    "required": ["file"],
    "additionalProperties": False,
    "properties": {
        "file": {
            "type": "string",
            "minLength": 1,
            "contentMediaType": "application/octet-stream",
            "description": "A picture or a PDF of at most 25 MB; its content decides which, not its name.",
        },
        "alt": {
            "type": "string",
            "maxLength": 500,
            "default": "",
            "description": "What the picture shows, for those who do not see it.",
        },
        "caption": {"type": "string", "maxLength": 500, "default": "", "description": "Shown beneath it."},
    },
}
_FILE_ANSWER = {mime_type: {"schema": {"type": "string", "format": "binary"}} for mime_type in MIME_TYPES.values()}
_FILE_HEADERS = [
    {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
    for name, text in (
        ("Range", "One part of the file, such as `bytes=0-1023`."),
        ("If-Range", "The ETag that the part has to belong to; the whole file is answered if it does not."),
        ("If-None-Match", "An ETag that the caller holds."),
    )
]


def build_media_router(doors: Doors) -> APIRouter:
    """The routes of media records: `POST` takes a form with the file, the others are the generated ones."""
    return _MediaRoutes(media, doors).build()


def build_files_router() -> APIRouter:
    """`GET` and `HEAD /media/…`: the stored files, for everybody who has their address."""
    router = APIRouter(tags=["files"])
    path = MEDIA_PATH + "{first}/{second}/{name}"

    async def get_file(request: Request, first: _Folder, second: _Folder, name: _Name) -> Response:
        return await answer_file(request.app.state.storage, f"{first}/{second}/{name}", request)

    router.add_api_route(
        path,
        get_file,
        methods=["GET"],
        operation_id="get_file",
        summary="Get a file, or a part of it",
        response_class=Response,
        openapi_extra={"parameters": _FILE_HEADERS},
        responses={
            200: {"description": "The file.", "content": _FILE_ANSWER},
            206: {"description": "The part that `Range` asked for.", "content": _FILE_ANSWER},
            304: {"description": "The caller's copy is current."},
            **responses(NotFound, RangeNotSatisfiable, Unavailable),
        },
    )
    router.add_api_route(path, get_file, methods=["HEAD"], include_in_schema=False)
    return router


def remove_files(request: Request, records: Sequence[Media]) -> BackgroundTasks:
    """The task that removes the files of deleted records: it runs once the answer is out, which is after the commit."""
    state, tasks = request.app.state, BackgroundTasks()
    for record in records:
        tasks.add_task(remove_unused, state.database, state.storage, record.storage_key)
    return tasks


class Upload(NamedTuple):
    """What the form of an upload holds."""

    file: UploadFile
    texts: dict[str, str]


class _MediaRoutes(EditorialRoutes):
    """Media comes in as files, and a file goes when its record has gone."""

    def add_create(self, router: APIRouter) -> None:
        router.add_api_route(
            "",
            self._create(),
            methods=["POST"],
            status_code=HTTPStatus.CREATED,
            operation_id="create_media",
            summary="Upload a file",
            response_model=self.read_model,
            responses={
                200: {
                    "description": "The same bytes were there already: their record.",
                    "model": self.read_model,
                },
                **responses(*WRITE_PROBLEMS, ContentTooLarge),
            },
            dependencies=[*self._gate(Action.CREATE), Depends(refuse_parameters), Depends(require_multipart)],
            openapi_extra={
                "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}},
            },
        )

    def _create(self) -> Handler:
        async def create_media(request: Request, work: UnitOfWork) -> Response:
            async with _sent(request) as upload:
                name, storage = upload.file.filename or "", request.app.state.storage
                record, is_new = await store_upload(work, storage, upload.file.file, name, **upload.texts)
            location = f"{request.scope['path']}/{record.id}"
            status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
            return await written(work, media, record.id, status, {"Location": location})

        return typed(create_media, work=self.doors.work)

    def _delete(self) -> Handler:
        async def delete_media(request: Request, key: str, work: UnitOfWork, if_match: str | None = None) -> Response:
            service = work.service(media)
            record = await service.get(key, Action.DELETE)
            await service.delete(record, expected_version(if_match))
            return Response(status_code=HTTPStatus.NO_CONTENT, background=remove_files(request, [record]))

        return self._keyed(delete_media)


def require_multipart(request: Request) -> None:
    """Refuse a body that is no multipart form, before reading it.

    :raises UnsupportedMedia: for any other type, and for none.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise UnsupportedMedia("Send the file as multipart/form-data, in a field named “file”.")


@asynccontextmanager
async def _sent(request: Request) -> AsyncIterator[Upload]:
    """The form of a request, its file open as long as the block lasts.

    :raises BadQuery: if it can't be read. :raises Invalid: naming every field at fault.
    """
    try:
        form = await request.form(max_files=_MOST_PARTS, max_fields=_MOST_PARTS, max_part_size=_MOST_TEXT)
    except HTTPException as error:
        if error.status_code != HTTPStatus.BAD_REQUEST:
            raise
        detail = "The form can't be read: send the file as “file”, with “alt” and “caption” as short texts."
        raise BadQuery(detail) from error
    try:
        yield _read(form)
    finally:
        await form.close()


def _read(form: FormData) -> Upload:
    errors = [_unknown(name) for name in form if name not in _NAMES]
    errors += [_fault(name, "is given more than once") for name in _NAMES if len(form.getlist(name)) > 1]
    texts = {name: form[name] for name in _TEXTS if name in form}
    errors += [_fault(name, "is a text, not a file") for name, value in texts.items() if not isinstance(value, str)]
    file = form.get("file")
    if not isinstance(file, UploadFile):
        errors.append(FieldError("Choose a file: the form has none in its field “file”.", "/file"))
    if errors or not isinstance(file, UploadFile):
        raise Invalid(" ".join(error.detail for error in errors[:3]), errors=errors)
    return Upload(file, {name: str(value) for name, value in texts.items()})


def _unknown(name: str) -> FieldError:
    return FieldError(f"There is no field “{name[:100]}”.{suggestion(name, _NAMES)}", f"/{name[:100]}")


def _fault(name: str, what: str) -> FieldError:
    return FieldError(f"The field “{name}” {what}.", f"/{name}")
