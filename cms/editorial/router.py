"""Routes of the publishing verbs, for every content type whose records are published."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from cms.crud.answers import written
from cms.crud.bodies import JsonRoute
from cms.crud.content_type import ContentType
from cms.crud.doors import WRITE_PROBLEMS, Doors, Handler, key_parameter, refuse_parameters, require_json, typed
from cms.crud.fields import Model, Time
from cms.crud.policy import Action
from cms.crud.problems import NotFound, responses
from cms.crud.schemas import read_schema
from cms.crud.service import UnitOfWork
from cms.editorial.behaviours import Publishable, Trashable
from cms.editorial.workflow import EditorialService


class Moment(Model):
    """When a change of visibility takes effect."""

    at: Time | None = Field(
        None, description="A time with a zone; now, if left out.", examples=["2027-01-01T08:00:00Z"]
    )


def build_workflow_router(content_type: ContentType[Any], doors: Doors) -> APIRouter:
    """The workflow routes of a content type; none where its records are neither published nor trashed."""
    router = APIRouter(prefix=f"/{content_type.name}", tags=[content_type.name], route_class=JsonRoute)
    if issubclass(content_type.model, Publishable):
        for verb in ("publish", "unpublish"):
            _add(
                router,
                content_type,
                doors,
                verb,
                _visibility(content_type, doors, verb),
                [Depends(_json_if_any)],
            )
    if issubclass(content_type.model, Trashable):
        _add(router, content_type, doors, "restore", _restore(content_type, doors), [])
    return router


def _add(
    router: APIRouter,
    content_type: ContentType[Any],
    doors: Doors,
    verb: str,
    handler: Handler,
    dependencies: list[Any],
) -> None:
    router.add_api_route(
        f"/{{key}}/{verb}",
        handler,
        methods=["POST"],
        operation_id=f"{verb}_{content_type.singular}",
        summary=f"{verb.capitalize()} {content_type.label.lower()}",
        response_model=read_schema(content_type, doors.registry),
        responses=responses(*WRITE_PROBLEMS, NotFound),
        dependencies=[Depends(refuse_parameters), *dependencies],
    )


def _visibility(content_type: ContentType[Any], doors: Doors, verb: str) -> Handler:
    async def change_visibility(key: str, work: UnitOfWork, moment: Moment | None = None) -> Response:
        service = work.service(content_type)
        assert isinstance(service, EditorialService)  # noqa: S101 - publishable types declare such a service
        record = await service.get(key, Action.PUBLISH)
        change = service.publish if verb == "publish" else service.unpublish
        await change(record, moment.at if moment else None)
        return await written(work, content_type, record.id)

    return typed(change_visibility, key=key_parameter(content_type), work=doors.work)


def _restore(content_type: ContentType[Any], doors: Doors) -> Handler:
    async def restore_record(key: str, work: UnitOfWork) -> Response:
        service = work.service(content_type)
        assert isinstance(service, EditorialService)  # noqa: S101 - trashable types declare such a service
        record = await service.restore(key)
        return await written(work, content_type, record.id, HTTPStatus.OK)

    return typed(restore_record, key=key_parameter(content_type), work=doors.work)


async def _json_if_any(request: Request) -> None:
    if await request.body():
        require_json(request)
