"""A Jekyll site's posts become articles, or are refused with a reason."""

from pathlib import Path

import pytest

from cms.crud.policy import Role
from tests.exchange.desk import Desk, sentences

CORPORA = Path(__file__).parent.parent.parent.parent / "shared" / "corpora"
POSTS = CORPORA / "md-jekyll-posts" / "_posts"
EDGE = CORPORA / "md-jekyll-edge" / "source" / "_posts"


def post(front: str, body: str = "Text.") -> str:
    return f"---\n{front}\n---\n\n{body}\n"


async def test_a_post_becomes_an_article(desk: Desk) -> None:
    await desk.enrol("ada@example.org", Role.AUTHOR, "Ada")
    front = 'title: "Hello: World"\ndate: 2013-05-06 02:12:52 +0200\nauthor: ada\n'
    text = post(front + "categories: [Release Notes, team]\ntags: one two")
    desk.put("_posts/2013-05-05-hello-World_1.markdown", "\ufeff" + text.replace("\n", "\r\n"))
    report = await desk.apply(desk.folder / "_posts")
    assert sentences(report) == []
    assert report.warnings == []
    found = await desk.row("articles")
    assert (found["slug"], found["title"], found["content"]) == ("hello-world-1", "Hello: World", "Text.")
    assert found["published_at"].isoformat() == "2013-05-06T00:12:52+00:00"
    assert found["author_id"] == (await desk.row("users"))["id"]
    category = await desk.row("categories")
    assert (category["slug"], category["name"], found["category_id"]) == (
        "release-notes",
        "Release Notes",
        category["id"],
    )
    assert sorted(row["slug"] for row in await desk.rows("tags")) == ["one", "team", "two"]


async def test_applying_again_changes_nothing_even_names_that_were_changed_meanwhile(desk: Desk) -> None:
    await desk.enrol("ada@example.org", Role.ADMIN, "Ada")
    desk.put("_posts/2013-05-05-hello.md", post("category: release"))
    await desk.apply(desk.folder / "_posts")
    await desk.change("categories", "release", name="Releases")
    report = await desk.apply(desk.folder / "_posts")
    assert (report.has_changes, report.unchanged) == (False, 1)
    assert (await desk.row("categories"))["name"] == "Releases"


async def test_who_is_no_user_is_stood_in_for_and_named(desk: Desk) -> None:
    await desk.enrol("zoe@example.org", Role.READER, "Zoe")
    await desk.enrol("ed@example.org", Role.EDITOR, "Ed")
    for number in range(3):
        desk.put(f"_posts/2013-05-0{number + 1}-p{number}.md", post("author: parkr"))
    report = await desk.apply(desk.folder / "_posts")
    assert [str(note) for note in report.warnings] == [
        "2013-05-01-p0.md:2: There is no user “parkr”; what is new of 3 such posts goes to “Ed”."
    ]
    editor = await desk.row("users", name="Ed")
    assert {row["author_id"] for row in await desk.rows("articles")} == {editor["id"]}


async def test_without_anybody_who_may_write_posts_are_refused(desk: Desk) -> None:
    desk.put("_posts/2013-05-05-hello.md", post("title: A"))
    assert sentences(await desk.apply(desk.folder / "_posts")) == [
        "2013-05-05-hello.md: “author” is missing; name a user (“cms user create” makes one)."
    ]


async def test_what_has_no_place_here_is_named_once(desk: Desk) -> None:
    await desk.enrol("ada@example.org", Role.ADMIN, "Ada")
    desk.put("_posts/2013-05-05-a.md", post("layout: post\nversion: 1.0.0"))
    desk.put("_posts/2013-05-06-b.md", post("title: B\nlayout: post"))
    report = await desk.apply(desk.folder / "_posts")
    assert [str(note) for note in report.warnings] == [
        "2013-05-05-a.md:2: ignored: layout here and in 1 more",
        "2013-05-05-a.md:3: ignored: version",
    ]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("date: 2013-05-06 02:12:52 +0200", "2013-05-06T00:12:52+00:00"),
        ('date: "2013-05-06T02:12:52Z"', "2013-05-06T02:12:52+00:00"),
        ("date: 2013-05-06 02:12", "2013-05-06T02:12:00+00:00"),
        ("date: 2013-5-6", "2013-05-06T00:00:00+00:00"),
        ("title: A", "2012-01-09T00:00:00+00:00"),
        ("date: 2013-05-06\npublished: false", None),
    ],
)
async def test_dates_are_read_as_they_come(desk: Desk, date: str, expected: str | None) -> None:
    await desk.enrol("ada@example.org", Role.ADMIN, "Ada")
    desk.put("_posts/2012-1-9-a.md", post(date))
    assert sentences(await desk.apply(desk.folder / "_posts")) == []
    published_at = (await desk.row("articles"))["published_at"]
    assert (published_at.isoformat() if published_at else None) == expected


@pytest.mark.parametrize(
    ("path", "text", "sentence"),
    [
        ("2013-05-05-a.md", post("title: A\ndate: 2023-01-29 18:30:22 2023"), "2013-05-05-a.md:3: “date”: “2023-01-"),
        ("2013-02-30-a.md", post("title: A"), "2013-02-30-a.md: Its name begins with “2013-02-30”, which is no date."),
        ("2013-05-05-a.md", "Text.\n", "2013-05-05-a.md:1: The file has to begin with front matter"),
        ("2013-05-05-a.md", post("title: 'A"), "2013-05-05-a.md:3: This is not well-formed YAML"),
        ("2013-05-05-a.md", post("title: A").encode("utf-16"), "2013-05-05-a.md: The file is UTF-16"),
        ("2013-05-05-a.html", post("title: A"), "2013-05-05-a.html: The name of a post is its date and title"),
        ("about.md", post("title: A"), "about.md: The name of a post is its date and title"),
        ("es/2013-05-05-first.md", post("title: A"), "es/2013-05-05-first.md: “2013-01-01-first.md” is the same"),
        ("2013-05-05-a.md", post("title: " + "A" * 300), "2013-05-05-a.md:2: “title”: String should have at most 200"),
    ],
)  # fmt: skip
async def test_what_would_be_a_wrong_article_is_refused(
    desk: Desk, path: str, text: str | bytes, sentence: str
) -> None:
    await desk.enrol("ada@example.org", Role.ADMIN, "Ada")
    desk.put("_posts/2013-01-01-first.md", post("title: First"))
    desk.put(f"_posts/{path}", text)
    report = await desk.apply(desk.folder / "_posts")
    (refused,) = sentences(report)
    assert refused.startswith(sentence)
    assert len(report.created) == 1


@pytest.mark.skipif(not POSTS.is_dir(), reason="needs the corpora beside the repository")
async def test_a_hundred_and_two_real_posts(desk: Desk) -> None:
    await desk.enrol("ada@example.org", Role.ADMIN, "Ada")
    report = await desk.apply(POSTS)
    assert sentences(report) == [
        "2023-01-29-jekyll-3-9-3-released.markdown:3: “date”: “2023-01-29 18:30:22 2023 -0800” is no time; "
        "write one such as 2026-11-23 08:00:00 +0100."
    ]
    assert len(await desk.rows("articles")) == 101
    again = await desk.apply(POSTS)
    assert (again.has_changes, again.unchanged) == (False, 101)


@pytest.mark.skipif(not EDGE.is_dir(), reason="needs the corpora beside the repository")
async def test_the_oddest_posts(desk: Desk) -> None:
    await desk.enrol("ada@example.org", Role.ADMIN, "Ada")
    report = await desk.apply(EDGE)
    assert len(await desk.rows("articles")) + len(report.refused) == 56
    assert not (await desk.apply(EDGE)).has_changes
