"""A search finds what its reader may read, and by nothing else; nor does the time tell what is there."""

from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import update

from cms.auth.users import User
from cms.content.articles import article
from cms.content.comments import CommentStatus, comment
from cms.content.pages import page
from cms.crud.policy import Role
from tests.installation import Installation
from tests.samples import HOST, make_host
from tests.security.timing import Compared, compare

CANARIES = {
    "an e-mail address": "zqmail",
    "a hash": "zqhash",
    "a draft's text": "zqdraft",
    "a draft's title": "zqtitle",
    "a note that waits": "zqnote",
    "a commenter's address": "zqann",
}
BLIND = (Role.ANONYMOUS, Role.READER, Role.AUTHOR)
SEARCHED = ("/articles", "/pages", "/comments", "/categories", "/tags", "/media")


@pytest.fixture
async def site(installation: Installation) -> Installation:
    """A canary in each place that a search could look into and may not."""
    async with installation.database.session() as session:
        one = update(User).where(User.id == installation.actor(Role.EDITOR).id)
        values = {"email": "zqmail@example.org", "password": "$argon2id$zqhash", "search_text": "editor zqmail zqhash"}
        await session.execute(one.values(**values))
    await make_host(installation)
    text = "A long text. " * 50
    for number in range(20):
        for kind in (article, page):
            await installation.make(kind, Role.EDITOR, title=f"zqtitle {number}", content=f"{text} zqdraft")
    words: dict[str, Any] = {"name": "Ann", "email": "zqann@example.org"}
    await installation.make(comment, article=HOST, content="Seen.", status=CommentStatus.APPROVED, **words)
    await installation.make(comment, article=HOST, content="zqnote", status=CommentStatus.PENDING, **words)
    return installation


async def test_a05_no_search_looks_into_what_may_not_be_read(site: Installation) -> None:
    """A05: neither e-mail, hash, draft nor note is found by ANON, READER or AUTHOR: no hit, and a total of 0."""
    for role in BLIND:
        for path in SEARCHED:
            for canary in CANARIES.values():
                for term in (canary, canary[:5], f"seen {canary}"):
                    found = await site.send("GET", path, role, params={"q": term})
                    assert (found.status_code, found.json()["items"], found.json()["total"]) == (200, [], 0), term
        for canary in CANARIES.values():
            refused = await site.send("GET", "/users", role, params={"q": canary})
            assert refused.status_code == (401 if role is Role.ANONYMOUS else 403)
            assert canary not in refused.text
    seen = await site.send("GET", "/articles", Role.EDITOR, params={"q": "zqdraft"})
    assert seen.json()["total"] == 20, "who may read them finds them"


async def test_a05_nor_does_the_search_box_of_the_back_office(site: Installation) -> None:
    """A05: of lists and of pickers; e-mail and hash of people are found by nobody who may not read users."""
    for role in (Role.AUTHOR, Role.EDITOR):
        cookie = {"Cookie": f"masthead={site.people[role].cookie}"}
        for canary in CANARIES.values():
            is_readable = role is Role.EDITOR and canary in {"zqdraft", "zqtitle", "zqnote"}
            for box in ("article/list?q=", "media/list?q=", "comment/list?q="):
                answer = await site.client.get(f"/admin/{box}{quote(canary)}", headers=cookie)
                shown = answer.text.replace(f'value="{canary}"', "").replace(f"q={canary}", "")
                assert answer.status_code == (403 if role is Role.AUTHOR and "comment" in box else 200)
                assert is_readable or shown.count("<tr") <= 1, (role, box, canary)
            for picker in ("article/lookup?field=author&term=", "article/lookup?field=category&term="):
                answer = await site.client.get(f"/admin/{picker}{canary}", headers=cookie)
                assert answer.json()["results"] == [], (role, picker, canary)


@pytest.mark.long
@pytest.mark.parametrize("role", BLIND)
async def test_a05_the_time_of_a_search_tells_nothing(site: Installation, role: Role) -> None:
    """A05: medians of 200 searches for what is hidden and for what is nowhere differ by less than 5 ms."""
    for path in ("/articles", "/pages", "/comments"):
        for canary in CANARIES.values():
            hidden = await _compared(site, role, path, canary, f"xq{canary[2:]}")
            assert hidden.difference < 0.005, f"{path} {canary}: {hidden}"


@pytest.mark.long
@pytest.mark.parametrize("box", ["article/list?q=", "article/lookup?field=author&term=", "search?q="])
async def test_a05_nor_does_the_time_of_a_search_in_the_back_office(site: Installation, box: str) -> None:
    """A05: likewise for an author, who may read neither others' drafts nor anybody's address."""
    cookie = {"Cookie": f"masthead={site.people[Role.AUTHOR].cookie}"}

    async def search(term: str) -> None:
        answer = await site.client.get(f"/admin/{box}{term}", headers=cookie)
        assert answer.status_code == 200

    for canary in CANARIES.values():
        compared = await compare(partial(search, canary), partial(search, f"xq{canary[2:]}"), 200)
        assert compared.difference < 0.005, f"{box} {canary}: {compared}"


async def _compared(site: Installation, role: Role, path: str, one: str, other: str) -> Compared:
    async def search(term: str) -> None:
        await site.send("GET", path, role, params={"q": term})

    return await compare(partial(search, one), partial(search, other), 200)
