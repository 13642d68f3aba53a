"""Whether one is signed in still, and as whom: for a page that stayed open over the end of a session."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from admin.auth import actor_of
from admin.screens import Page
from admin.shell import shell_of


async def show_session(request: Request) -> Response:
    """Who is signed in, with the token that forms of this session carry."""
    cookies = shell_of(request).cookies
    token = cookies.token(cookies.seed(request.cookies) or "")
    return JSONResponse({"user": str(actor_of(request).id), "csrf_token": token})


PAGES = (Page("/session", show_session),)
