"""Routes of history: a record's revisions, what changed between two, the way back; the log of changes, and undo."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field, create_model

from cms.crud.answers import answer_record, cache_headers, to_bytes
from cms.crud.bodies import JsonRoute
from cms.crud.conditional import check_version, entity_tag, expected_version
from cms.crud.content_type import ContentType
from cms.crud.doors import (
    READ_PROBLEMS,
    VERSION_PROBLEMS,
    WRITE_PROBLEMS,
    Database,
    Doors,
    Handler,
    IfMatch,
    json_router,
    key_parameter,
    refuse_parameters,
    require_json_if_any,
    typed,
)
from cms.crud.filters import Parameter
from cms.crud.plan import Reader
from cms.crud.policy import Action, Actor
from cms.crud.problems import BadQuery, FieldError, NotFound, responses
from cms.crud.query import paging, parse, parse_list
from cms.crud.schemas import read_schema
from cms.crud.service import UnitOfWork
from cms.crud.values import boolean, whole_number
from cms.editorial.behaviours import Publishable
from cms.editorial.changes import Changes, parameters
from cms.editorial.diffs import diff
from cms.editorial.disclosure import mask_change, mask_differences, mask_values
from cms.editorial.history_documents import (
    ChangePage,
    ChangeRead,
    DiffDocument,
    Misfit,
    Restoration,
    RevisionPage,
    RevisionRead,
)
from cms.editorial.merge import kinds_of
from cms.editorial.restoring import restore_into_draft, restore_revision
from cms.editorial.revisions import Histories
from cms.editorial.routes import draft_of
from cms.editorial.undo import undo

LAST_NUMBER = 2**31 - 1
INTO_DRAFT = Parameter(
    "draft",
    boolean,
    {"type": "boolean", "default": False},
    "Whether to put the values into the working draft, which the public does not see; only so, those of a draft come "
    "back. The version is the draft's, once there is one.",
    example=True,
)
Number = Annotated[int, Path(description="The number of the revision.", ge=1, le=LAST_NUMBER, examples=[3])]


def build_history_router(
    content_type: ContentType[Any], doors: Doors, people: ContentType[Any], only: UUID | None = None
) -> APIRouter:
    """The routes of the history of a content type's records.

    :param people: the content type of those who act. :param only: the id of the one record, whose routes need no key.
    """
    router = json_router(content_type, doors)
    noun, singular, reads = content_type.label.lower(), content_type.singular, responses(*READ_PROBLEMS, NotFound)
    of, key = ("", _only(only)) if only is not None else ("/{key}", key_parameter(content_type))
    pages = {p.name: p for p in paging()}
    router.add_api_route(
        f"{of}/revisions",
        typed(_list(content_type, doors, people, pages), key=key),
        methods=["GET"],
        operation_id=f"list_{singular}_revisions",
        summary=f"List the revisions of a {noun}",
        response_model=RevisionPage,
        responses=reads,
        openapi_extra={"parameters": [p.document() for p in pages.values()]},
    )
    router.add_api_route(
        f"{of}/revisions/{{number}}",
        typed(_get(content_type, doors, people), key=key),
        methods=["GET"],
        operation_id=f"get_{singular}_revision",
        summary=f"Get one revision of a {noun}",
        response_model=RevisionRead,
        responses=reads,
        dependencies=[Depends(refuse_parameters)],
    )
    _add_diff(router, content_type, doors, people, (of, key))
    _add_restore(router, content_type, doors, (of, key))
    return router


def _add_diff(
    router: APIRouter, content_type: ContentType[Any], doors: Doors, people: ContentType[Any], which: tuple[str, Any]
) -> None:
    of, key = which
    ends = {name: _end(name) for name in ("from", "to")}
    router.add_api_route(
        f"{of}/diff",
        typed(_diff(content_type, doors, people, ends), key=key),
        methods=["GET"],
        operation_id=f"diff_{content_type.singular}",
        summary=f"Compare two revisions of a {content_type.label.lower()}",
        response_model=DiffDocument,
        responses=responses(*READ_PROBLEMS, NotFound),
        openapi_extra={"parameters": [{**p.document(), "required": True} for p in ends.values()]},
    )


def _add_restore(router: APIRouter, content_type: ContentType[Any], doors: Doors, which: tuple[str, Any]) -> None:
    of, key = which
    known = {"draft": INTO_DRAFT} if issubclass(content_type.model, Publishable) else {}
    router.add_api_route(
        f"{of}/revisions/{{number}}/restore",
        typed(_restore(content_type, doors, known), key=key),
        methods=["POST"],
        operation_id=f"restore_{content_type.singular}_revision",
        summary=f"Restore a revision of a {content_type.label.lower()}",
        response_model=_restored(content_type, doors),
        responses=responses(*WRITE_PROBLEMS, *VERSION_PROBLEMS),
        dependencies=[Depends(require_json_if_any)],
        openapi_extra={"parameters": [p.document() for p in known.values()]},
    )


def _only(record_id: UUID) -> Any:
    """The annotation of the key that no path names."""
    return Annotated[str, Depends(lambda: str(record_id))]


def _restored(content_type: ContentType[Any], doors: Doors) -> type[BaseModel]:
    """A record as restored, with what was not."""
    members: Any = {"left_alone": (list[Misfit], Field(description="The fields that were not restored, and why."))}
    name = f"{content_type.model.__name__}Restored"
    return create_model(
        name,
        __base__=read_schema(content_type, doors.registry),
        __cls_kwargs__={"title": name},
        __doc__=f"{content_type.label}: as restored, and what was left alone.",
        **members,
    )


def build_changes_router(doors: Doors, people: ContentType[Any]) -> APIRouter:
    """The routes of the log of changes."""
    router = APIRouter(prefix=f"{doors.prefix}/changes", tags=["changes"], route_class=JsonRoute)
    known = parameters(doors.registry)
    router.add_api_route(
        "",
        _changes(doors, people, known),
        methods=["GET"],
        operation_id="list_changes",
        summary="List changes",
        response_model=ChangePage,
        responses=responses(*READ_PROBLEMS),
        openapi_extra={"parameters": [p.document() for p in known.values()]},
    )
    router.add_api_route(
        "/{id}/undo",
        _undo(doors, people),
        methods=["POST"],
        operation_id="undo_change",
        summary="Undo a change",
        response_model=ChangeRead,
        responses=responses(*WRITE_PROBLEMS, NotFound),
        dependencies=[Depends(refuse_parameters)],
    )
    return router


def _list(
    content_type: ContentType[Any], doors: Doors, people: ContentType[Any], known: dict[str, Parameter]
) -> Handler:
    async def list_revisions(request: Request, key: str, actor: Actor) -> Response:
        query = parse_list(request.query_params.multi_items(), known)
        database, histories = _read(request, people)
        return _answer(await database.read_soon(histories.page, content_type, key, actor, query), actor)

    return typed(list_revisions, actor=doors.actor)


def _get(content_type: ContentType[Any], doors: Doors, people: ContentType[Any]) -> Handler:
    async def get_revision(request: Request, key: str, number: Number, actor: Actor) -> Response:
        database, histories = _read(request, people)
        revision = await database.read_soon(histories.one, content_type, key, actor, number)
        return _answer({**revision, "values": mask_values(content_type, revision["values"])}, actor)

    return typed(get_revision, actor=doors.actor)


def _diff(
    content_type: ContentType[Any], doors: Doors, people: ContentType[Any], known: dict[str, Parameter]
) -> Handler:
    async def compare_revisions(request: Request, key: str, actor: Actor) -> Response:
        ends = parse(request.query_params.multi_items(), known)
        _require_all(ends, known)
        database, histories = _read(request, people)
        numbers = ends["from"], ends["to"]
        heads, (before, after) = await database.read_soon(histories.pair, content_type, key, actor, numbers)
        fields = await to_thread.run_sync(diff, before, after, kinds_of(content_type))  # long texts take a while
        told = mask_differences(content_type, fields)
        return _answer({"from": heads[0], "to": heads[1], "fields": told}, actor)

    return typed(compare_revisions, actor=doors.actor)


def _restore(content_type: ContentType[Any], doors: Doors, known: Mapping[str, Parameter]) -> Handler:
    async def restore(
        request: Request,
        key: str,
        number: Number,
        work: UnitOfWork,
        data: Restoration | None = None,
        if_match: str | None = None,
    ) -> Response:
        wanted = data or Restoration()
        into_draft = parse(request.query_params.multi_items(), known).get("draft", False)
        record = await work.service(content_type).get(key, Action.DRAFT if into_draft else Action.UPDATE)
        expected = expected_version(if_match, wanted.version)
        if into_draft:
            misfits = await restore_into_draft(work, content_type, record, number, expected, wanted.fields)
            item, version = await draft_of(work, content_type, record.id)
        else:
            check_version(expected, record.version)
            misfits = await restore_revision(work, content_type, record, number, wanted.fields)
            item, version = await work.read(content_type, record.id)
        left = [{"field": name, "detail": detail} for name, detail in misfits.items()]
        answer = answer_record({**item, "left_alone": left}, version, cache_headers(work.actor))
        answer.headers["ETag"] = entity_tag(version, to_bytes(item))  # of the record, as it can now be read
        return answer

    return typed(restore, work=doors.work, if_match=IfMatch)


def _changes(doors: Doors, people: ContentType[Any], known: dict[str, Parameter]) -> Handler:
    async def list_changes(request: Request, actor: Actor) -> Response:
        changes = _log(request, people)
        changes.types_for(actor)
        values = parse(request.query_params.multi_items(), known)
        database: Database = request.app.state.database
        page = await database.read_soon(changes.page, actor, values)
        items = [mask_change(changes.registry, item) for item in page["items"]]
        return _answer({**page, "items": items}, actor)

    return typed(list_changes, actor=doors.actor)


def _undo(doors: Doors, people: ContentType[Any]) -> Handler:
    async def undo_change(request: Request, id: UUID, work: UnitOfWork) -> Response:
        changes = _log(request, people)
        undone_by = await undo(work, changes, id)
        session = work.session
        item = await session.run_sync(lambda sync: changes.one(sync.connection(), work.actor, undone_by))
        return _answer(mask_change(changes.registry, item), work.actor)

    which = Annotated[UUID, Path(description="The id of the change.")]
    return typed(undo_change, id=which, work=doors.work)


def _read(request: Request, people: ContentType[Any]) -> tuple[Database, Histories]:
    state = request.app.state
    reader: Reader = state.reader
    return state.database, Histories(state.registry, people, reader.cursors)


def _log(request: Request, people: ContentType[Any]) -> Changes:
    reader: Reader = request.app.state.reader
    return Changes(reader.registry, people, reader.cursors)


def _answer(item: Any, actor: Actor) -> Response:
    return Response(to_bytes(item), HTTPStatus.OK, cache_headers(actor), "application/json")


def _end(name: str) -> Parameter:
    schema = {"type": "integer", "minimum": 1, "maximum": LAST_NUMBER}
    described = f"The number of the revision to compare {'from' if name == 'from' else 'with'}."
    return Parameter(name, whole_number(1, LAST_NUMBER), schema, described, example=1)


def _require_all(ends: dict[str, Any], known: dict[str, Parameter]) -> None:
    """Refuse a comparison that lacks a side.

    :raises BadQuery: naming it.
    """
    missing = [FieldError(f"Say the number of a revision as “{n}”.", parameter=n) for n in known if n not in ends]
    if missing:
        raise BadQuery(" ".join(error.detail for error in missing), errors=missing)
