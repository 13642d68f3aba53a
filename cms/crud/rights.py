"""What to tell somebody who may not do something."""

from typing import Any

from cms.crud.content_type import ContentType
from cms.crud.policy import Action, Actor
from cms.crud.problems import Forbidden, Problem, Unauthorized


def refusal(actor: Actor, action: Action, content_type: ContentType[Any], record: Any = None) -> Problem:
    """What to tell an actor who may not do that: 401 where signing in could help, 403 where it could not."""
    if actor.id is None:
        return Unauthorized()
    if record is not None and (reason := content_type.policy.reason(actor, action, record)):
        return Forbidden(reason)
    verb = "change" if action is Action.UPDATE else action.value
    return Forbidden(f"Your role, {actor.role.value}, may not {verb} this {content_type.label.lower()}.")
