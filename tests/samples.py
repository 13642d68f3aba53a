"""A valid record of every content type, and a valid change to it: what the contract tests send through each door.

A new content type needs an entry here; its contract tests then run by themselves.
"""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image

from cms.content.articles import Article, article
from cms.content.site import SITE_ID
from cms.crud.content_type import ContentType
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from cms.media.uploads import store_upload
from tests.installation import Installation

HOST = "the-host"
"""The slug of the published article that comments of tests belong to."""


class Sample(NamedTuple):
    """What to send.

    :param create: makes the body of a new record; its number keeps what has to be unique apart.
    :param change: a change that every such record can take.
    :param named: whether records are found by their natural key too.
    """

    create: Callable[[int], dict[str, Any]]
    change: dict[str, Any]
    named: bool = True


SAMPLES: Mapping[str, Sample] = {
    "articles": Sample(lambda n: {"title": f"Tide {n}", "content": "Water *waits*."}, {"title": "Ebb"}),
    "pages": Sample(lambda n: {"title": f"About {n}", "content": "We make it."}, {"title": "About us"}),
    "categories": Sample(lambda n: {"name": f"Harbours {n}"}, {"description": "Where boats rest."}),
    "tags": Sample(lambda n: {"name": f"Rope {n}"}, {"name": "Ropes"}),
    "comments": Sample(
        lambda n: {"article": HOST, "name": "Ann", "email": f"ann{n}@example.org", "content": f"*Yes*, {n}."},
        {"content": "No."},
        named=False,
    ),
    "media": Sample(lambda n: {"number": n}, {"alt": "A lighthouse"}),
    "menus": Sample(
        lambda n: {"title": f"Main {n}", "items": [{"label": "Home", "url": "/", "items": []}]}, {"title": "Footer"}
    ),
    "redirects": Sample(lambda n: {"source": f"/old-{n}", "target": "/new"}, {"target": "/newer"}, named=False),
    "site": Sample(lambda _: {}, {"tagline": "Slow news."}, named=False),
    "users": Sample(
        lambda n: {"email": f"u{n}@example.org", "name": f"User {n}", "password": "velvet gravel teapot"},
        {"role": "author"},
    ),
}


async def make_sample(installation: Installation, content_type: ContentType[Any], number: int = 0, **over: Any) -> Any:
    """A new sample record, written by the administrator; the one record, where there is only one.

    :param over: other values for some fields.
    """
    if content_type.name == "site":
        async with installation.work() as work:
            return await work.service(content_type).get(SITE_ID)
    values = {**SAMPLES[content_type.name].create(number), **over}
    if content_type.name == "media":
        async with installation.work() as work:
            content = BytesIO(picture(number))
            record, _ = await store_upload(
                work, installation.app.state.storage, content, f"p{number}.png", alt="A buoy"
            )
            return record
    if content_type.name == "comments":
        await make_host(installation)
    return await installation.make(content_type, **values)


async def make_host(installation: Installation) -> Article:
    """The published article that comments of tests belong to."""
    for row in await installation.rows("articles"):
        if row["slug"] == HOST:
            return Article(**{name: row[name] for name in ("id", "slug")})
    made: Article = await installation.make(article, title="The host", slug=HOST, published_at=utc_now())
    return made


def picture(number: int = 0) -> bytes:
    """A small PNG, another one for each number."""
    target = BytesIO()
    Image.new("RGB", (6, 4), (number % 256, number // 256 % 256, 7)).save(target, "PNG")
    return target.getvalue()


async def post_sample(installation: Installation, name: str, number: int = 0, role: Role = Role.ADMIN) -> Any:
    """Make a sample record over REST; the response."""
    if name == "media":
        files = {"file": ("p.png", picture(number))}
        return await installation.send("POST", "/media", role, files=files)
    if name == "comments":
        await make_host(installation)
    return await installation.send("POST", f"/{name}", role, json=SAMPLES[name].create(number))
