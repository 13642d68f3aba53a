"""Records that are made of a title alone, from the picker of a form that lacks them."""

from typing import Any

from pydantic import ValidationError
from starlette.requests import Request

from admin.auth import actor_of, open_work
from admin.choices import Choice
from admin.fields import RelationField
from admin.forms import ContentForm
from cms.crud.content_type import ContentType
from cms.crud.policy import Action, Actor
from cms.crud.problems import invalid_from
from cms.crud.registry import Registry
from cms.crud.schemas import create_schema
from cms.editorial.behaviours import Publishable


def is_quick(content_type: ContentType[Any]) -> bool:
    """Whether a title is all that a record of this type needs; a text to publish wants a form of its own."""
    fields = create_schema(content_type).model_fields
    required = {name for name, field in fields.items() if field.is_required()}
    return required == {content_type.title_field} and not issubclass(content_type.model, Publishable)


def offer_making(form: ContentForm, registry: Registry, actor: Actor) -> None:
    """Let each picker of a form make what it lacks, where the actor may."""
    for field in form.content_fields.values():
        if isinstance(field, RelationField):
            target = registry.target_of(field.info)
            if is_quick(target) and target.policy.can(actor, Action.CREATE):
                field.maker = f"/admin/{target.singular}/quick-create"


async def make_quickly(request: Request, content_type: ContentType[Any], title: str) -> Choice:
    """Make a record of a title, by the service that REST uses; the record as a choice.

    :raises Invalid: if the title can't be accepted.
    """
    schema = create_schema(content_type)
    try:
        data = schema.model_validate({content_type.title_field: " ".join(title.split())})
    except ValidationError as error:
        raise invalid_from(error, schema) from None
    async with open_work(request, actor_of(request)) as work:
        record = await work.service(content_type).create(data)
    return Choice(str(record.id), str(getattr(record, content_type.title_field)))
