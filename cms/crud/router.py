"""REST routes of a content type, generated from its declaration.

Handlers are short: parsed in, one call, bytes out. `response_model` serves the OpenAPI document alone, since every
handler answers finished bytes; a test holds the two together.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from pydantic import BaseModel

from cms.crud.answers import answer_unless_held, cache_headers, to_bytes, written
from cms.crud.bodies import JsonRoute, PlainRoute
from cms.crud.conditional import expected_version
from cms.crud.content_type import ContentType
from cms.crud.doors import (
    READ_PROBLEMS,
    VERSION_PROBLEMS,
    WRITE_PROBLEMS,
    Database,
    Doors,
    Handler,
    IfMatch,
    IfNoneMatch,
    PlainParameter,
    gate,
    json_body,
    json_router,
    key_parameter,
    only_parameters,
    refuse_parameters,
    require_json,
    typed,
)
from cms.crud.filters import Parameter
from cms.crud.nodes import Item
from cms.crud.plan import Reader
from cms.crud.policy import Action, Actor
from cms.crud.problems import NotFound, Problem, responses
from cms.crud.query import detail_parameters, list_parameters, parse, parse_list
from cms.crud.rights import refusal
from cms.crud.schemas import (
    create_schema,
    page_schema,
    read_schema,
    replace_schema,
    update_schema,
    view_schema,
)
from cms.crud.service import UnitOfWork


def build_router(content_type: ContentType[Any], doors: Doors, dependencies: Sequence[Any] = ()) -> APIRouter:
    """The routes of a content type: list and get; create, update, replace and delete where anything is writable.

    :param dependencies: of each route, such as a limit.
    """
    return Routes(content_type, doors, dependencies).build()


def add_routes(app: FastAPI, *routers: APIRouter) -> None:
    """Put routes in the application's own table, as they stand.

    A router that is included keeps a table of its own, and FastAPI then looks for each request in both, twice.
    """
    for router in routers:
        app.router.routes.extend(router.routes)


class Routes:
    """The handlers of one content type; a type with a route of its own shape overrides the method that makes it."""

    def __init__(self, content_type: ContentType[Any], doors: Doors, dependencies: Sequence[Any] = ()) -> None:
        self.content_type = content_type
        self.doors = doors
        self.dependencies = dependencies
        self.noun = content_type.label.lower()
        self.read_model = read_schema(content_type, doors.registry)
        self.view_model = view_schema(content_type, doors.registry)
        self.key: PlainParameter[str] = PlainParameter("key", "path", key_parameter(content_type))
        self.detail_parameters = detail_parameters(content_type)
        self.update_parameters: Mapping[str, Parameter] = {}
        self.delete_parameters: Mapping[str, Parameter] = {}

    def build(self) -> APIRouter:
        """The routes: reads always, writes where anything is writable."""
        router = json_router(self.content_type, self.doors, self.dependencies)
        self.add_reads(router)
        if self.content_type.write_fields:
            self.add_create(router)
            self.add_changes(router)
        return router

    def add_reads(self, router: APIRouter) -> None:
        """`GET` of the list and of one record."""
        content_type, registry = self.content_type, self.doors.registry
        parameters = list_parameters(content_type, registry)
        plain = [self.key.document(), _IF_NONE_MATCH.document()]
        route = JsonRoute if self.dependencies else PlainRoute
        router.add_api_route(
            "",
            self._list(),
            methods=["GET"],
            operation_id=f"list_{content_type.name}",
            summary=f"List {content_type.name}",
            response_model=page_schema(content_type, registry),
            responses=responses(*READ_PROBLEMS),
            openapi_extra=self._read_extra([p.document() for p in parameters.values()]),
            route_class_override=route,
        )
        router.add_api_route(
            "/{key}",
            self._get(),
            methods=["GET"],
            operation_id=f"get_{content_type.singular}",
            summary=f"Get one {self.noun}",
            response_model=self.view_model,
            responses={
                **responses(*READ_PROBLEMS, NotFound),
                304: {"description": "The caller's copy is current."},
            },
            openapi_extra=self._read_extra([*plain, *(p.document() for p in self.detail_parameters.values())]),
            route_class_override=route,
        )

    def _read_extra(self, parameters: list[dict[str, Any]]) -> dict[str, Any]:
        """What FastAPI can't tell of handlers that read their request themselves: a tenth of the cost of a record."""
        security = {"security": list(self.doors.security)} if self.doors.security else {}
        return {"parameters": parameters, **security}

    def add_create(self, router: APIRouter) -> None:
        """`POST` of a new record."""
        dependencies = [*self._gate(Action.CREATE), Depends(refuse_parameters), Depends(require_json)]
        self._add(router, "", self._create(), "POST", f"create_{self.content_type.singular}", (), dependencies)

    def add_changes(self, router: APIRouter) -> None:
        """`PATCH`, `PUT` and `DELETE` of one record."""
        singular = self.content_type.singular
        json_only = [Depends(refuse_parameters), Depends(require_json)]
        self._add(
            router,
            "/{key}",
            self._update(),
            "PATCH",
            f"update_{singular}",
            VERSION_PROBLEMS,
            [Depends(only_parameters(self.update_parameters)), Depends(require_json)],
            self.update_parameters,
        )
        self._add(
            router,
            "/{key}",
            self._change(replace_schema(self.content_type), replaces=True),
            "PUT",
            f"replace_{singular}",
            VERSION_PROBLEMS,
            json_only,
        )
        self._add(
            router,
            "/{key}",
            self._delete(),
            "DELETE",
            f"delete_{singular}",
            VERSION_PROBLEMS,
            [Depends(only_parameters(self.delete_parameters))],
            self.delete_parameters,
        )

    def _add(  # noqa: PLR0913, PLR0917 - one line per route above reads best
        self,
        router: APIRouter,
        path: str,
        handler: Handler,
        method: str,
        operation_id: str,
        problems: tuple[type[Problem], ...],
        dependencies: list[Any],
        parameters: Mapping[str, Parameter] | None = None,
    ) -> None:
        deletes = method == "DELETE"
        status = HTTPStatus.NO_CONTENT if deletes else HTTPStatus.CREATED if method == "POST" else HTTPStatus.OK
        router.add_api_route(
            path,
            handler,
            methods=[method],
            status_code=status,
            operation_id=operation_id,
            summary=f"{operation_id.partition('_')[0].capitalize()} {self.noun}",
            response_model=None if deletes else self.read_model,
            responses=responses(*WRITE_PROBLEMS, *problems),
            dependencies=dependencies,
            openapi_extra={"parameters": [p.document() for p in (parameters or {}).values()]},
        )

    def _gate(self, action: Action) -> list[Any]:
        return [gate(self.content_type, self.doors, action)]

    def _list(self) -> Handler:
        content_type = self.content_type
        parameters, get_actor = list_parameters(content_type, self.doors.registry), self.doors.get_actor

        async def list_records(request: Request) -> Response:
            actor = await get_actor(request)
            _require_read(actor, content_type)
            query = parse_list(request.query_params.multi_items(), parameters)
            database: Database = request.app.state.database
            reader: Reader = request.app.state.reader
            page = await database.read_soon(reader.page, content_type, query, actor)
            members = {"items": page.items, "total": page.total, "next": page.next, "previous": page.previous}
            return Response(to_bytes(members), headers=cache_headers(actor), media_type="application/json")

        return list_records

    def _get(self) -> Handler:
        content_type = self.content_type
        parameters, get_actor = self.detail_parameters, self.doors.get_actor

        async def get_record(request: Request) -> Response:
            actor = await get_actor(request)
            key, if_none_match = self.key.read(request), _IF_NONE_MATCH.read(request)
            _require_read(actor, content_type)
            shape = parse(request.query_params.multi_items(), parameters)
            item, version = await self._one(request, key, actor, shape)
            return answer_unless_held(item, version, actor, if_none_match)

        return get_record

    async def _one(self, request: Request, key: str, actor: Actor, shape: dict[str, Any]) -> tuple[Item, int]:
        """The record that is asked for, with its version.

        :param shape: the query's parameters. :raises NotFound: if there is none that the actor may see.
        """
        database: Database = request.app.state.database
        reader: Reader = request.app.state.reader
        found: tuple[Item, int] | None = await database.read_soon(reader.one, self.content_type, key, actor, **shape)
        if found is None:
            raise NotFound(f"There is no {self.noun} “{key}”.")
        return found

    def _create(self) -> Handler:
        content_type = self.content_type

        async def create_record(request: Request, work: UnitOfWork, data: BaseModel) -> Response:
            record = await work.service(content_type).create(data)
            location = f"{request.scope['path']}/{record.id}"
            return await written(work, content_type, record.id, HTTPStatus.CREATED, {"Location": location})

        return typed(create_record, work=self.doors.work, data=json_body(create_schema(content_type)))

    def _update(self) -> Handler:
        return self._change(update_schema(self.content_type), replaces=False)

    def _change(self, schema: type[BaseModel], *, replaces: bool) -> Handler:
        content_type = self.content_type

        async def change_record(key: str, work: UnitOfWork, data: BaseModel, if_match: str | None = None) -> Response:
            service = work.service(content_type)
            record = await service.get(key, Action.UPDATE)
            expected = expected_version(if_match, getattr(data, "version", None))
            change = service.replace if replaces else service.update
            await change(record, data, expected)
            return await written(work, content_type, record.id)

        return self._keyed(change_record, data=json_body(schema))

    def _delete(self) -> Handler:
        content_type = self.content_type

        async def delete_record(key: str, work: UnitOfWork, if_match: str | None = None) -> Response:
            service = work.service(content_type)
            record = await service.get(key, Action.DELETE)
            await service.delete(record, expected_version(if_match))
            return Response(status_code=HTTPStatus.NO_CONTENT)

        return self._keyed(delete_record)

    def _keyed(self, handler: Handler, **annotations: Any) -> Handler:
        key = key_parameter(self.content_type)
        return typed(handler, key=key, work=self.doors.work, if_match=IfMatch, **annotations)


_IF_NONE_MATCH: PlainParameter[str | None] = PlainParameter("if-none-match", "header", IfNoneMatch)


def _require_read(actor: Actor, content_type: ContentType[Any]) -> None:
    if not content_type.policy.can(actor, Action.READ):
        raise refusal(actor, Action.READ, content_type)
