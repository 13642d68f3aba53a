"""Lists: what they show of which records, how they are searched, narrowed, ordered and paged, and what they cost."""

from datetime import timedelta

import pytest

from cms.auth.users import user
from cms.content.articles import article
from cms.content.categories import category
from cms.content.comments import comment
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.admin.browsing import Page, Visitor
from tests.installation import Installation
from tests.statements import recorded


def ticked(page: Page) -> list[str]:
    """The titles of the rows, in their order."""
    return [part.partition("”")[0] for part in page.html.split("Tick “")[1:]]


async def test_a_list_shows_the_declared_columns(installation: Installation, editor: Visitor) -> None:
    tides = await installation.make(category, name="Tides")
    time = utc_now() - timedelta(days=1)
    await installation.make(article, title="Slow tides", category=str(tides.id), published_at=time)
    page = await editor.get("/article/list")
    for text in ("Slow tides", "Tides", "Admin", "Published", time.strftime("%Y-%m-%d %H:%M"), "Updated at"):
        assert text in page.text
    assert ticked(page) == ["Slow tides"]


async def test_what_was_changed_last_comes_first(installation: Installation, editor: Visitor) -> None:
    """A draft has no place in the order by publication: there it would be on the last page."""
    first = await installation.make(article, title="Published", published_at=utc_now() - timedelta(days=1))
    await installation.make(article, title="Draft")
    page = await editor.get("/article/list")
    assert ticked(page) == ["Draft", "Published"]
    assert 'aria-sort="descending"><a href="?sort=updated_at"' in page.html
    await editor.send((await editor.get(f"/article/edit/{first.id}")).edit, _then="unpublish")
    assert ticked(await editor.get("/article/list")) == ["Published", "Draft"]


async def test_an_empty_list_says_what_to_do(installation: Installation, editor: Visitor) -> None:
    page = await editor.get("/tag/list")
    assert "There are no tags yet" in page.text
    assert "/admin/tag/create" in page.links
    nothing = await editor.get("/tag/list?q=rope")
    assert "Nothing matches" in nothing.text


async def test_search_filters_and_order_are_those_of_rest(installation: Installation, editor: Visitor) -> None:
    tides = await installation.make(category, name="Tides")
    for number, title in enumerate(("Ebb", "Flood", "Slack")):
        await installation.make(
            article,
            title=title,
            content="Of the sea." if number else "Of rope.",
            category=str(tides.id) if number == 1 else None,
            published_at=utc_now() - timedelta(days=number) if number else None,
        )
    cases = {
        "q=sea": ["Flood", "Slack"],
        "q=ROPE": ["Ebb"],
        "status=draft": ["Ebb"],
        "category=tides": ["Flood"],
        f"category={tides.id}&status=published": ["Flood"],
        "sort=title": ["Ebb", "Flood", "Slack"],
        "sort=-title": ["Slack", "Flood", "Ebb"],
        f"published_at__lte={(utc_now() - timedelta(days=2)).date()}": ["Slack"],
        f"published_at__gte={(utc_now() - timedelta(days=1)).date()}": ["Flood"],
        "q=&status=&category=&sort=title": ["Ebb", "Flood", "Slack"],
        "q=%25&sort=title": [],
    }
    for query, titles in cases.items():
        assert sorted(ticked(await editor.get(f"/article/list?{query}"))) == sorted(titles), query
        if "sort" in query:
            assert ticked(await editor.get(f"/article/list?{query}")) == titles
        if titles:
            rest = query.replace("__lte=", "__lt=").replace("q=&status=&category=&", "")
            if "published_at" not in rest:
                answer = await installation.send("GET", f"/articles?{rest}", Role.EDITOR)
                assert {item["title"] for item in answer.json()["items"]} == set(titles), query


@pytest.mark.parametrize(
    "query",
    [
        "sort=hashed_password", "sort=-author.email", "sort=password", "sortBy=password", "sort=author__email",
        "password=x", "hashed_password__startswith=$a", "author__email=x", "author__password__startswith=$",
        "fields=password", "include=comments", "order_by=title", "page=0", "page=x", "page=99999999999", "limit=100000",
        "skip=5", "cursor=x", "status=nonsense", "published_at__gte=tomorrow", "search_text__contains=a", "q=a&q=b",
    ],
)  # fmt: skip
async def test_a01_a04_what_the_list_does_not_have_is_refused_alike(
    installation: Installation, admin: Visitor, query: str
) -> None:
    await installation.make(article, title="Slow tides")
    page = await admin.get(f"/article/list?{query}")
    assert page.status == 400
    assert any(words in page.text for words in ("does not have", "given twice", "not one of ours"))
    assert "Slow tides" not in page.text


async def test_a01_no_filter_reaches_a_password(installation: Installation, admin: Visitor) -> None:
    """A right guess, a wrong one and a column that is not there look the same."""
    texts = set()
    for query in ("password__startswith=!", "password__startswith=zz", "hashed_password__isnull=true", "none_such=1"):
        page = await admin.get(f"/user/list?{query}")
        assert page.status == 400
        texts.add(page.text)
    assert len(texts) == 1


async def test_a05_search_looks_into_nothing_that_is_hidden(
    installation: Installation, author: Visitor, admin: Visitor
) -> None:
    await installation.make(article, title="Draft of another", content="canaryword")
    mine = await installation.make(article, Role.AUTHOR, title="My draft", content="ownword")
    await installation.make(comment, article=str(mine.id), content="Nice.", name="Bo", email="canary@example.com")
    assert ticked(await author.get("/article/list?q=canaryword")) == []
    assert ticked(await author.get("/article/list?q=ownword")) == ["My draft"]
    assert ticked(await admin.get("/comment/list?q=canary")) == []
    assert "canary@example.com" in (await admin.get("/comment/list")).text, "moderators see the address"
    assert ticked(await admin.get("/user/list?q=argon2")) == []


async def test_d10_wildcards_are_letters_like_any_other(installation: Installation, editor: Visitor) -> None:
    for title in ("Half of 100%", "snake_case", "back\\slash", "Plain words"):
        await installation.make(article, title=title)
    found = {
        "%25": "Half of 100%",
        "_": "snake_case",
        "%5C": "back\\slash",
        "0%25": "Half of 100%",
        "e_c": "snake_case",
    }
    for term, title in found.items():
        assert ticked(await editor.get(f"/article/list?q={term}")) == [title], term
    for term in ("%25%25", "s%25e", "p_ain", "%25a" * 60):
        assert ticked(await editor.get(f"/article/list?q={term}")) == [], term
    too_long = await editor.get("/article/list?q=" + "%25a" * 500)
    assert too_long.status == 400
    assert "200 characters" in too_long.text


async def test_what_lies_beyond_the_numbered_pages_is_reached_by_cursors(
    installation: Installation, editor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 50 counted of 60, on pages of ten: every row is met once, there and back."""
    for name, value in (("PAGE_SIZE", 10), ("COUNTED", 30), ("NUMBERED", 3)):
        monkeypatch.setattr(f"admin.lists.{name}", value)
    monkeypatch.setattr("admin.listing.COUNTED", 30)
    names = [f"Tag {number:02}" for number in range(57)]
    for name in names:
        await installation.make(tag, name=name)
    page, seen, path = await editor.get("/tag/list?sort=name"), [], []
    assert "30+" in page.text
    while True:
        seen += ticked(page)
        path.append(ticked(page))
        follows = [link for link in page.links if 'rel="next"' in page.html and "page=" in link]
        if 'rel="next"' not in page.html:
            break
        page = await editor.get(f"/tag/list{follows[-1]}")
    assert seen == names
    assert "Page 6" in page.text
    back = [ticked(page)]
    while 'rel="prev"' in page.html:
        (earlier, *_) = [link for link in page.links if "page=" in link]
        page = await editor.get(f"/tag/list{earlier}")
        back.append(ticked(page))
    assert back == path[::-1]
    (first, *_) = [link for link in (await editor.get("/tag/list?sort=name&page=3")).links if "cursor=" in link]
    assert "page=4" in first
    stolen = first.partition("cursor=")[2]
    assert (await editor.get(f"/category/list?cursor={stolen}")).status == 400
    assert (await editor.get(f"/tag/list?sort=-name&cursor={stolen}")).status == 400


async def test_authors_see_their_own_and_what_is_out(installation: Installation, author: Visitor) -> None:
    await installation.make(article, title="Hidden")
    await installation.make(article, Role.AUTHOR, title="Mine")
    await installation.make(article, title="Out", published_at=utc_now() - timedelta(hours=1))
    page = await author.get("/article/list")
    assert "Hidden" not in page.text
    assert ticked(page) == ["Mine"], "only their own can be ticked"
    assert any("/details/" in link for link in page.links), "the others can be read"


async def test_pages_are_numbered_and_keep_what_was_asked(installation: Installation, editor: Visitor) -> None:
    for number in range(30):
        await installation.make(tag, name=f"Tag {number:02}")
    first = await editor.get("/tag/list?sort=name")
    assert len(ticked(first)) == 25
    assert "Page 1 of 2" in first.text
    (follows,) = [link for link in first.links if "page=2" in link]
    second = await editor.get(f"/tag/list{follows}")
    assert ticked(second) == [f"Tag {number}" for number in range(25, 30)]
    assert not set(ticked(first)) & set(ticked(second))
    beyond = await editor.get("/tag/list?page=9&sort=name")
    assert beyond.status == 303
    assert beyond.response.headers["location"] == "/admin/tag/list?sort=name&page=2"


async def test_a_list_costs_the_same_however_long(installation: Installation, editor: Visitor) -> None:
    async def cost(path: str) -> int:
        await editor.get(path)
        with recorded() as statements:
            assert (await editor.get(path)).status == 200
        return len(statements)

    rope = await installation.make(tag, name="Rope")
    tides = await installation.make(category, name="Tides")

    async def write(number: int) -> None:
        made = await installation.make(article, title=f"Slow {number}", category="tides", tags=["rope"])
        await installation.make(comment, article=str(made.id), content="Nice.")

    for number in range(8):  # a page that is full has to be counted, one that is not counts itself
        await write(number)
    paths = ("/article/list", f"/article/list?category={tides.id}&tags={rope.id}", "/", "/article/create")
    before = [await cost(path) for path in paths]
    for number in range(8, 24):
        await write(number)
    assert [await cost(path) for path in paths] == before
    assert before[0] <= 5
    assert await cost("/comment/list") <= 5
    (made, *_) = await installation.rows("articles")
    busy = f"/article/list?q=slow&status=draft&category={tides.id}&tags={rope.id}&author={made['author_id']}&sort=title"
    others = ("/article/list?q=zzqx", "/article/list?status=trashed", "/tag/list?q=rope", "/media/list")
    for path in (busy, *others, f"/article/edit/{made['id']}"):
        assert await cost(path) <= 15, path


async def test_hidden_fields_of_users_are_not_listed(installation: Installation, admin: Visitor) -> None:
    page = await admin.get("/user/list?role=admin")
    assert ticked(page) == ["Admin"]
    assert "admin@example.org" in page.text
    assert "password" not in user.list_fields


async def test_moderators_meet_the_newest_comments_first(installation: Installation, editor: Visitor) -> None:
    about = await installation.make(article, title="Slow tides", published_at=utc_now())
    for text in ("First", "Second"):
        await installation.make(comment, article=str(about.id), content=text, status="approved")
    page = await editor.get("/comment/list")
    assert ticked(page) == ["Second", "First"]
    assert 'aria-sort="descending"' in page.html
    assert ticked(await editor.get("/comment/list?sort=created_at")) == ["First", "Second"]
    assert "Show all" not in page.text
    rest = (await installation.send("GET", "/comments")).json()["items"]
    assert [item["content"] for item in rest] == ["First", "Second"]
