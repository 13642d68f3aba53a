"""Signing somebody else out everywhere, from the form of their account."""

from starlette.requests import Request
from starlette.responses import Response

from admin.auth import actor_of, open_work
from admin.notices import Notice
from admin.screens import Page
from admin.shell import shell_of
from cms.auth.users import UserService, user


async def sign_out_everywhere(request: Request) -> Response:
    """End all sessions of an account, as those may do who may change it."""
    async with open_work(request, actor_of(request)) as work:
        account = await UserService(work, user).sign_out(request.path_params["pk"])
    return shell_of(request).go(f"/admin/user/edit/{account.id}", Notice("user_signed_out"))


PAGES = (Page("/user/sign-out/{pk}", sign_out_everywhere, methods=("POST",)),)
