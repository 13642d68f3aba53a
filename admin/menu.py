"""The menu: which screens the actor may use, in groups, with counts of what waits for somebody."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select

from admin.auth import is_open
from admin.screens import MenuEntry, Page
from cms.auth.users import User
from cms.content.articles import Article
from cms.content.categories import Category
from cms.content.comments import Comment, CommentStatus
from cms.content.menus import Menu
from cms.content.pages import Page as PageRecord
from cms.content.redirects import Redirect
from cms.content.site import Site
from cms.content.tags import Tag
from cms.crud.content_type import ContentType
from cms.crud.policy import Action, Actor, Role
from cms.crud.registry import Registry
from cms.editorial.behaviours import Publishable, Reviewable
from cms.editorial.reviewing import proposed, submitted
from cms.media.records import Media

GROUPS: Final = ("", "Content", "Media", "Audience", "Site", "System")
"""In this order; what stands in the first has no heading."""
_USUAL: Final = ("Content", "stack-2")
_PLACES: Final[Mapping[type[Any], tuple[str, str]]] = {
    Article: ("Content", "news"),
    PageRecord: ("Content", "file-text"),
    Category: ("Content", "list-tree"),
    Tag: ("Content", "tags"),
    Media: ("Media", "photo"),
    Comment: ("Audience", "message-circle"),
    Menu: ("Site", "menu-3"),
    Redirect: ("Site", "corner-down-right"),
    Site: ("Site", "settings"),
    User: ("System", "users"),
}
"""The group and the icon of the types that the house knows; any other stands with the content."""
_MOVED: Final[Mapping[type[Any], str]] = {
    Comment: "/admin/moderation",
    Media: "/admin/media-library",
}
"""Types whose list is a screen of its own: the path of that, in the place of `/{identity}/list`."""


class Link(NamedTuple):
    """A link of the menu.

    :param section: what the page that it leads to calls itself. :param waiting: how many records wait for somebody;
        None where none ever do.
    """

    label: str
    url: str
    icon: str
    section: str
    waiting: int | None = None


def place_of(content_type: ContentType[Any]) -> MenuEntry:
    """Where a content type stands in the menu."""
    group, icon = _PLACES.get(content_type.model, _USUAL)
    return MenuEntry(content_type.name.replace("_", " ").capitalize(), group, icon)


def menu_of(
    registry: Registry, pages: Iterable[Page], actor: Actor, waiting: Mapping[str, int]
) -> list[tuple[str, list[Link]]]:
    """The groups of the menu and their links, as far as the actor may use them.

    :param waiting: what waits, by the name of its type or page.
    """
    placed = [
        (entry, Link(entry.label, f"/admin{page.path}", entry.icon, page.section, waiting.get(page.section)))
        for page in pages
        if (entry := page.menu) is not None and page.least is not None and actor.role.at_least(page.least)
    ]
    for content_type in registry:
        if is_open(content_type, actor):
            entry, identity = place_of(content_type), content_type.singular
            url = _MOVED.get(content_type.model, f"/admin/{identity}/list")
            placed.append((entry, Link(entry.label, url, entry.icon, identity, waiting.get(content_type.name))))
    placed.sort(key=lambda pair: (GROUPS.index(pair[0].group), pair[0].position))
    groups: dict[str, list[Link]] = {"": [Link("Dashboard", "/admin/", "home", "home")]}
    for entry, link in placed:
        groups.setdefault(entry.group, []).append(link)
    return list(groups.items())


def creatable(registry: Registry, actor: Actor, forms: Sequence[str]) -> list[Link]:
    """What the actor can make, for the menu of new things.

    :param forms: the types that have a form for new records.
    """
    return [
        Link(t.label, f"/admin/{t.singular}/create", place_of(t).icon, t.singular)
        for t in registry
        if t.singular in forms and is_open(t, actor) and t.policy.can(actor, Action.CREATE)
    ]


def read_waiting(connection: Connection, registry: Registry, actor: Actor) -> dict[str, int]:
    """How many records of which types wait for the actor: comments for a moderator, submitted texts for an editor.

    :returns: counts by the types' names, from one statement.
    """
    if not actor.role.at_least(Role.EDITOR):
        return {}
    counts = [
        sum((_count(which) for which in waiting[1:]), _count(waiting[0])).label(t.name)
        for t in registry
        if is_open(t, actor) and (waiting := _waiting(t.model))
    ]
    return dict(connection.execute(select(*counts)).mappings().one()) if counts else {}


def _waiting(model: Any) -> tuple[ColumnElement[bool], ...]:
    """Which records of a type wait for somebody to decide, by columns that are indexed; none where none ever do."""
    if model is Comment:
        return (Comment.status == CommentStatus.PENDING,)
    if not (issubclass(model, Publishable) and issubclass(model, Reviewable)):
        return ()
    return submitted(model), proposed(model)


def _count(which: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.count()).where(which).scalar_subquery()
