"""Which record an address of a screen is about."""

from typing import Any

from starlette.requests import Request

from admin.auth import actor_of, is_open
from cms.crud.content_type import ContentType
from cms.crud.problems import Forbidden, NotFound
from cms.crud.values import is_uuid


def type_of(request: Request) -> ContentType[Any]:
    """The content type that an address names, if the actor works on it at all; the address has to name a record too.

    :raises NotFound: :raises Forbidden: otherwise.
    """
    actor, identity = actor_of(request), request.path_params["identity"]
    found = next((known for known in request.app.state.registry if known.singular == identity), None)
    if found is None or not is_uuid(str(request.path_params["pk"])):
        raise NotFound("There is nothing at this address. It may be mistyped, or what was here is gone.")
    if not is_open(found, actor):
        raise Forbidden(f"Your role, {actor.role.value}, does not work on this.")
    content_type: ContentType[Any] = found
    return content_type


def words_of(content_type: ContentType[Any]) -> dict[str, Any]:
    """What templates call a record of that type, and its screens."""
    return {"content_type": content_type, "identity": content_type.singular, "noun": content_type.label.lower()}
