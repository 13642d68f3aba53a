"""What scripts of our pages send: JSON, read by a schema."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from cms.crud.problems import UnsupportedMedia, invalid_from

S = TypeVar("S", bound=BaseModel)


async def read_body(request: Request, schema: type[S]) -> S:
    """The JSON body of a request, as the schema understands it.

    :raises UnsupportedMedia: for anything but JSON. A form has been read by the guard by then, and waiting for it once
        more would never end.
    :raises Invalid: naming every field at fault.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMedia("This address takes what a script of our pages sends, as application/json.")
    try:
        return schema.model_validate_json(await request.body())
    except ValidationError as error:
        raise invalid_from(error, schema) from None
