"""Routes of media: uploads beside the generated ones, and the files themselves."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from cms.crud.answers import written
from cms.crud.conditional import expected_version
from cms.crud.doors import VERSION_PROBLEMS, WRITE_PROBLEMS, Doors, Handler, refuse_parameters, typed
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
from cms.media.records import MEDIA_PATH, media
from cms.media.serving import RangeNotSatisfiable, answer_file, current_key
from cms.media.uploads import replace_file, store_upload

_Folder = Annotated[str, Path(description="Two digits of the hash.", examples=["0f"])]
_Name = Annotated[str, Path(description="The hash of the content (SHA-256), and the file's extension.")]
_MediaId = Annotated[str, Path(description="The id of the record, with or without hyphens.", max_length=40)]
_AnyName = Annotated[str, Path(description="The name of the file, for people: any will do.", max_length=250)]
_TEXTS = ("alt", "caption")
_NAMES = ("file", *_TEXTS)
_MOST_PARTS = 16  # more than any form of ours has, so that what is wrong with it can be told by name
_MOST_TEXT = 16 * 1024  # bytes of one text; 500 characters are allowed
_FORM: dict[str, Any] = {
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

_DOCUMENTED: dict[str, Any] = {
    "response_class": Response,
    "openapi_extra": {"parameters": _FILE_HEADERS},
    "responses": {
        200: {"description": "The file.", "content": _FILE_ANSWER},
        206: {"description": "The part that `Range` asked for.", "content": _FILE_ANSWER},
        304: {"description": "The caller's copy is current."},
        **responses(NotFound, RangeNotSatisfiable, Unavailable),
    },
}


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
        **_DOCUMENTED,
    )
    router.add_api_route(path, get_file, methods=["HEAD"], include_in_schema=False)

    current = MEDIA_PATH + "{media_id}/{name}"

    async def get_current_file(request: Request, media_id: _MediaId, name: _AnyName) -> Response:  # noqa: ARG001 - for people
        key = await request.app.state.database.read_soon(current_key, media_id)
        if key is None:
            raise NotFound(f"There is no file at {request.url.path[:200]}.")
        return await answer_file(request.app.state.storage, key, request, is_current=True)

    router.add_api_route(
        current,
        get_current_file,
        methods=["GET"],
        operation_id="get_current_file",
        summary="Get the file that a record has now, or a part of it",
        **_DOCUMENTED,
    )
    router.add_api_route(current, get_current_file, methods=["HEAD"], include_in_schema=False)
    return router


class Upload(NamedTuple):
    """What the form of an upload holds."""

    file: UploadFile
    texts: dict[str, str]


class _MediaRoutes(EditorialRoutes):
    """Media comes in as files, and a file can be replaced by another one."""

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
            async with sent_form(request) as upload:
                name, storage = upload.file.filename or "", request.app.state.storage
                record, is_new = await store_upload(work, storage, upload.file.file, name, **upload.texts)
            location = f"{request.scope['path']}/{record.id}"
            status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
            return await written(work, media, record.id, status, {"Location": location})

        return typed(create_media, work=self.doors.work)

    def add_changes(self, router: APIRouter) -> None:
        super().add_changes(router)
        form = {**_FORM, "title": "MediaFile", "properties": {"file": _FORM["properties"]["file"]}}
        router.add_api_route(
            "/{key}/file",
            self._replace_file(),
            methods=["PUT"],
            operation_id="replace_media_file",
            summary="Replace the file, and keep all that refers to it",
            response_model=self.read_model,
            responses=responses(*WRITE_PROBLEMS, *VERSION_PROBLEMS, ContentTooLarge),
            dependencies=[*self._gate(Action.UPDATE), Depends(refuse_parameters), Depends(require_multipart)],
            openapi_extra={
                "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}},
            },
        )

    def _replace_file(self) -> Handler:
        async def replace_media_file(
            request: Request, key: str, work: UnitOfWork, if_match: str | None = None
        ) -> Response:
            async with sent_form(request, ("file",)) as upload:
                storage, expected = request.app.state.storage, expected_version(if_match)
                record = await replace_file(work, storage, key, upload.file.file, expected)
            return await written(work, media, record.id)

        return self._keyed(replace_media_file)


def require_multipart(request: Request) -> None:
    """Refuse a body that is no multipart form, before reading it.

    :raises UnsupportedMedia: for any other type, and for none.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise UnsupportedMedia("Send the file as multipart/form-data, in a field named “file”.")


@asynccontextmanager
async def sent_form(request: Request, names: Sequence[str] = _NAMES) -> AsyncIterator[Upload]:
    """The form of a request, its file open as long as the block lasts.

    :param names: what the form may hold.
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
        yield read_upload(form, names)
    finally:
        await form.close()


def read_upload(form: FormData, names: Sequence[str] = _NAMES) -> Upload:
    """What the form of an upload holds.

    :param names: what it may hold. :raises Invalid: naming every field at fault.
    """
    errors = [_unknown(name, names) for name in form if name not in names]
    errors += [_fault(name, "is given more than once") for name in names if len(form.getlist(name)) > 1]
    texts = {name: form[name] for name in names if name in form and name != "file"}
    errors += [_fault(name, "is a text, not a file") for name, value in texts.items() if not isinstance(value, str)]
    file = form.get("file")
    if not isinstance(file, UploadFile):
        errors.append(FieldError("Choose a file: the form has none in its field “file”.", "/file"))
    if errors or not isinstance(file, UploadFile):
        raise Invalid(" ".join(error.detail for error in errors[:3]), errors=errors)
    return Upload(file, {name: str(value) for name, value in texts.items()})


def _unknown(name: str, names: Sequence[str]) -> FieldError:
    return FieldError(f"There is no field “{name[:100]}”.{suggestion(name, names)}", f"/{name[:100]}")


def _fault(name: str, what: str) -> FieldError:
    return FieldError(f"The field “{name}” {what}.", f"/{name}")
