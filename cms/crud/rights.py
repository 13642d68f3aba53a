"""What to tell somebody who may not do something."""

from collections.abc import Mapping
from typing import Any

from cms.crud.content_type import ContentType
from cms.crud.policy import Action, Actor, Policy
from cms.crud.problems import FieldError, Forbidden, Problem, Unauthorized

_VERBS = {Action.UPDATE: "change", Action.PURGE: "permanently delete"}


def refusal(actor: Actor, action: Action, content_type: ContentType[Any], record: Any = None) -> Problem:
    """What to tell an actor who may not do that: 401 where signing in could help, 403 where it could not."""
    if actor.id is None:
        return Unauthorized()
    if record is not None and (reason := content_type.policy.reason(actor, action, record)):
        return Forbidden(reason)
    verb = _VERBS.get(action, action.value)
    return Forbidden(f"Your role, {actor.role.value}, may not {verb} this {content_type.label.lower()}.")


def check_fields(policy: Policy, actor: Actor, values: Mapping[str, Any]) -> None:
    """Let an actor pass who may give all these fields these values.

    :raises Forbidden: naming those that it may not set.
    """
    denied = [name for name, value in values.items() if not policy.can_set(actor, name, value)]
    if denied:
        errors = [FieldError(f"You may not set “{name}”.", f"/{name}") for name in denied]
        raise Forbidden(" ".join(error.detail for error in errors), errors=errors)
