"""What a text looks like while it is being written, by the renderer that the site's readers get theirs from."""

from functools import partial

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from admin.bodies import read_body
from admin.screens import Page
from cms.content.writing import read_media_urls
from cms.crud.fields import MAX_TEXT
from cms.crud.problems import Invalid
from cms.editorial.markdown import THREAD_ABOVE_CHARACTERS, MarkdownTooComplex, parse

AT_ONCE = CapacityLimiter(2)
"""Long texts that are rendered at the same time; writers wait for each other rather than hold up readers."""


class Text(BaseModel):
    """A text that nobody has saved yet, to the last space: its lines are counted."""

    model_config = {"extra": "forbid"}

    text: str = Field(max_length=MAX_TEXT)


async def preview_markdown(request: Request) -> Response:
    """A text as HTML whose blocks know their lines, its words, and the minutes it takes to read; nothing is kept.

    :raises Invalid: for a text that could not be saved either.
    """
    text = (await read_body(request, Text)).text.replace("\0", "\ufffd")
    urls = await request.app.state.database.read(read_media_urls, text)
    render = partial(parse, text, media_url=urls.get if urls else None, with_lines=True)
    try:
        is_long = len(text) > THREAD_ABOVE_CHARACTERS
        shown = await to_thread.run_sync(render, limiter=AT_ONCE) if is_long else render()
    except MarkdownTooComplex as error:
        raise Invalid(str(error)) from error
    return JSONResponse({"html": shown.html, "words": shown.words, "minutes": shown.minutes})


PAGES = (Page("/preview-markdown", preview_markdown, methods=("POST",)),)
