"""The first steps on an empty site; each is done once there is what it asks for."""

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from cms.auth.users import User
from cms.content.articles import Article
from cms.content.categories import Category
from cms.content.menus import Menu
from cms.content.site import Site
from cms.crud.policy import Actor, Role
from cms.editorial.behaviours import published
from cms.media.records import Media

_SITE = Site.__table__.columns
GROWN = 5
"""With so many texts out a site is not empty any more, whatever else is still to do."""


class FirstStep(NamedTuple):
    """Something to do first."""

    text: str
    url: str
    is_done: bool


def read_first_steps(connection: Connection, actor: Actor) -> list[FirstStep]:
    """What is to be done on an empty site, as far as the actor may; nothing once all is done, or the site has grown."""
    usual = str(_SITE["title"].default.arg)
    few = select(Article.id).where(published(Article)).limit(GROWN).subquery()
    row = connection.execute(
        select(
            select(func.count()).select_from(few).scalar_subquery().label("out"),
            select(Article.id).exists().label("written"),
            select(Category.id).exists().label("sorted"),
            select(Media.id).exists().label("uploaded"),
            select(Menu.id).exists().label("menu"),
            select(Site.id).where((Site.title != usual) | (Site.tagline != "")).exists().label("named"),
            (select(func.count()).select_from(User).scalar_subquery() > 1).label("invited"),
        )
    ).one()
    steps = [
        (Role.ADMIN, FirstStep("Name the site", "/admin/site/list", bool(row.named))),
        (Role.EDITOR, FirstStep("Make a category", "/admin/category/create", bool(row.sorted))),
        (Role.AUTHOR, FirstStep("Upload a picture", "/admin/media/create", bool(row.uploaded))),
        (Role.AUTHOR, FirstStep("Write an article", "/admin/article/create", bool(row.written))),
        (Role.EDITOR, FirstStep("Publish it", "/admin/article/list?status=draft", bool(row.out))),
        (Role.EDITOR, FirstStep("Make a menu", "/admin/menu/create", bool(row.menu))),
        (Role.ADMIN, FirstStep("Add a colleague", "/admin/user/create", bool(row.invited))),
    ]
    mine = [step for least, step in steps if actor.role.at_least(least)]
    return [] if row.out >= GROWN or all(step.is_done for step in mine) else mine
