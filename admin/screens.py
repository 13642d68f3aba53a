"""Screens that are no list and no form: their addresses, who may open them, their places in the menu."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from cms.crud.policy import Role

Endpoint = Callable[[Request], Awaitable[Response]]


class MenuEntry(NamedTuple):
    """A place in the menu.

    :param label: what it is called there. :param group: one of `admin.menu.GROUPS`.
    :param icon: a symbol of `static/icons.svg`.
    :param position: the order within the group; content types stand at 50.
    """

    label: str
    group: str
    icon: str
    position: int = 50


class Page(NamedTuple):
    """A screen at an address of its own.

    :param path: below `/admin`, as Starlette's routes have it.
    :param endpoint: answers it; what the actor may see of what it shows is its own to decide.
    :param methods: the HTTP methods that it takes.
    :param least: the least role that it opens to; None opens it to those who are not signed in.
    :param menu: where the menu leads to it, if it does.
    """

    path: str
    endpoint: Endpoint
    methods: tuple[str, ...] = ("GET",)
    least: Role | None = Role.AUTHOR
    menu: MenuEntry | None = None

    @property
    def section(self) -> str:
        """What the menu calls the page that is open."""
        return self.path.strip("/") or "home"
