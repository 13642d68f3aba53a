"""A folder of files becomes what the database holds, in one transaction, and says what it did."""

import gc
import os
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from cms.auth.users import User
from cms.content import registry
from cms.content.articles import ArticleService
from cms.crud.policy import Actor, Role
from cms.crud.schemas import create_schema
from cms.database import Database
from cms.exchange.apply import apply
from cms.exchange.layout import ordered
from cms.exchange.report import FolderError, summarise
from cms.outages import DatabaseUnavailable
from tests.exchange.desk import DEMO, Desk, files_of, picture, sentences
from tests.statements import recorded

ARTICLE = """\
    ---
    title: Slow Tides
    author: ada@example.org
    category: news
    published_at: 2026-08-13T07:30:00Z
    ---

    The sea takes its time.
    """
PIXEL = picture()


async def test_the_demo_content_applies_completely_and_then_changes_nothing(desk: Desk) -> None:
    first = await desk.apply(DEMO)
    assert sentences(first) == []
    assert len(first.created) > 80
    assert sorted(first.passwords) == [
        "ines.carvalho@example.org", "marit.solheim@example.org", "owen.pascoe@example.org",
    ]  # fmt: skip
    before = {table: await desk.rows(table) for table in ("articles", "comments", "users", "media", "site", "events")}
    second = await desk.apply(DEMO)
    assert (second.created, second.updated, second.refused, second.passwords) == ([], [], [], {})
    assert second.unchanged == len(first.created)
    assert before == {table: await desk.rows(table) for table in before}


async def test_demo_records_are_what_their_files_say(desk: Desk) -> None:
    await desk.apply(DEMO)
    found = await desk.row("articles", slug="a-beach-is-a-river")
    author = await desk.row("users", email="marit.solheim@example.org")
    cover = await desk.row("media", path="shore.webp")
    assert (found["title"], found["author_id"], found["cover_id"]) == ("A Beach Is a River", author["id"], cover["id"])
    assert "<strong>longshore drift</strong>" in found["content_html"]
    tags = {row["id"]: row["slug"] for row in await desk.rows("tags")}
    given = {tags[row["tag_id"]] for row in await desk.rows("article_tags") if row["article_id"] == found["id"]}
    assert given == {"tides", "physics"}
    commented = await desk.row("articles", slug="the-rule-of-twelfths")
    depths = sorted(row["depth"] for row in await desk.rows("comments") if row["article_id"] == commented["id"])
    assert depths[:3] == [1, 1, 2]
    assert commented["comment_count"] > 0
    assert (await desk.row("site"))["title"] == "Slack Water"
    assert (await desk.row("categories", slug="boats"))["path"] == "/craft/boats"


async def test_long_texts_are_rendered_where_they_stand_and_nothing_stays_set_aside(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hop to a thread for each text costs more than it spares where nobody waits for the event loop."""
    monkeypatch.setattr("cms.content.writing.to_thread", None)
    await desk.apply(DEMO)
    assert "<p>" in (await desk.row("articles", slug="a-beach-is-a-river"))["content_html"]
    assert gc.get_freeze_count() == 0


async def test_a_plan_says_what_would_change_and_writes_nothing(desk: Desk) -> None:
    desk.people()
    path = desk.put("articles/slow-tides.md", ARTICLE)
    report = await desk.plan()
    assert [change.path for change in report.created] == [
        "users/ada.yaml",
        "categories/news.yaml",
        "articles/slow-tides.md",
    ]
    assert report.passwords == {}
    assert await desk.rows("users") == await desk.rows("events") == []
    await desk.apply()
    desk.put("categories/old.yaml", "name: Old\n")
    desk.put("tags/sea.yaml", "name: Sea\n")
    text = (
        path.read_text().replace("Slow Tides", "Slower Tides").replace("category: news", "category: old\ntags: [sea]")
    )
    path.write_text(text.replace("its time", "all the time that it wants, and then some more of it"))
    report = await desk.plan()
    (change,) = report.updated
    assert change.lines == (
        "title: “Slow Tides” → “Slower Tides”",
        "content: 1 lines out, 1 in",
        "category: “news” → “old”",
        "tags: +sea",
    )  # fmt: skip
    assert "~ articles/slow-tides.md\n    title: “Slow Tides” → “Slower Tides”" in summarise(report)
    assert (await desk.row("articles"))["title"] == "Slow Tides"


async def test_only_what_changed_is_written(desk: Desk) -> None:
    desk.people()
    path = desk.put("articles/slow-tides.md", ARTICLE)
    desk.put("articles/other.md", ARTICLE)
    await desk.apply()
    path.write_text(path.read_text().replace("Slow Tides", "Slower Tides"))
    report = await desk.apply()
    assert [change.path for change in report.updated] == ["articles/slow-tides.md"]
    versions = {row["slug"]: row["version"] for row in await desk.rows("articles")}
    assert versions == {"slow-tides": 2, "other": 1}
    kinds = [row["kind"] for row in await desk.rows("events") if row["record_type"] == "articles"]
    assert sorted(kinds) == [*["article.created"] * 2, *["article.published"] * 2, "article.updated"]


async def test_a_file_is_the_whole_record_and_what_it_leaves_out_returns_to_its_default(desk: Desk) -> None:
    desk.people()
    path = desk.put("articles/slow-tides.md", ARTICLE.replace("category: news", "category: news\n    excerpt: Mine."))
    await desk.apply()
    assert (await desk.row("articles"))["excerpt"] == "Mine."
    path.write_text(path.read_text().replace("category: news\nexcerpt: Mine.\n", ""))
    await desk.apply()
    found = await desk.row("articles")
    assert found["category_id"] is None
    assert (found["excerpt"], found["has_own_excerpt"]) == ("The sea takes its time.", False)
    assert not (await desk.apply()).has_changes


async def test_a_title_may_be_a_number_or_look_like_anything_else(desk: Desk) -> None:
    desk.put("tags/year.yaml", "name: 1984\n")
    desk.put("tags/yes.yaml", "name: yes\n")
    desk.put("tags/true.yaml", "name: true\n")
    assert sentences(await desk.apply()) == []
    assert sorted(row["name"] for row in await desk.rows("tags")) == ["1984", "true", "yes"]
    assert not (await desk.apply()).has_changes


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("titel: A", "articles/x.md:4: There is no field “titel”. Did you mean “title”?"),
        ("slug: x", "articles/x.md:4: “slug” is the name of the file; leave it out here."),
        ("content: x", "articles/x.md:4: “content” is the text below the front matter; leave it out here."),
        ("category: nwes", "articles/x.md:4: There is no category “nwes”. Did you mean “news”?"),
        ("tags: [sea, land]", "articles/x.md:4: There is no tag “sea”. There is no tag “land”."),
        ("cover: sea.png", "articles/x.md:4: There is no media “sea.png”."),
        (
            "published_at: 2026-08-13T07:30:00",
            "articles/x.md:4: “published_at”: a time with a zone is expected, such as 2026-11-22T08:00:00Z.",
        ),
        (
            "published_at: 2026",
            "articles/x.md:4: “published_at”: a time with a zone is expected, such as 2026-11-22T08:00:00Z.",
        ),
        ("published_at: 2026-02-30T00:00:00Z", "articles/x.md:4: “published_at”: “2026-02-30T00:00:00Z” is no date."),
        ("seo: {titel: x}", "articles/x.md:4: There is no field “seo/titel”."),
        ("title: B", "articles/x.md:4: “title” stands here a second time; keep one of them."),
        ("tags: [", "articles/x.md:5: This is not well-formed YAML: "),
        (
            "published_at: 2026-08-13T07:30:00Z\nunpublish_at: 2026-08-12T07:30:00Z",
            "articles/x.md:5: “unpublish_at” has to come after “published_at”.",
        ),
    ],
)
async def test_a_wrong_line_is_named_with_what_to_do(desk: Desk, line: str, sentence: str) -> None:
    desk.people()
    desk.put("articles/x.md", f"---\ntitle: A\nauthor: ada@example.org\n{line}\n---\n\nText.\n")
    report = await desk.apply()
    (refused,) = sentences(report)
    assert refused.startswith(sentence)
    assert await desk.rows("articles") == []
    assert len(report.created) == 2


@pytest.mark.parametrize(
    ("path", "text", "sentence"),
    [
        ("tags/Big Sea.yaml", "name: Sea\n", "tags/Big Sea.yaml: The name of the file can't be the slug of the record"),
        ("tags/sea.yaml", "", "tags/sea.yaml: “name” is missing."),
        ("tags/sea.txt", "name: Sea\n", "tags/sea.txt: Files in “tags” end in .yaml; rename it, or move it elsewhere."),
        ("tags/deep/sea.yaml", "name: Sea\n", "tags/deep: Folders in here are not read; move the files up."),
        ("tag/sea.yaml", "name: Sea\n", "tag/: “tag” is no content type. Did you mean “tags”?"),
        ("tags/sea.yaml", b"\xff\xfen\x00", "tags/sea.yaml: The file is UTF-16; save it as UTF-8."),
        ("tags/sea.yaml", "name: " + "x" * 2_100_000, "tags/sea.yaml: The file is larger than 2 MB."),
        ("tags/sea.yaml", "name: " + "x" * 101, "tags/sea.yaml:1: “name”: String should have at most 100 characters."),
        ("users/eve.yaml", "email: eve@example.org\nname: Eve\npassword: x\n", "users/eve.yaml:3: “password” is never"),
        ("users/eve.yaml", "email: eve\nname: Eve\n", "users/eve.yaml:1: “email”: "),
        ("articles/x.md", "title: A\n", "articles/x.md:1: The file has to begin with front matter"),
        ("articles/x.md", "---\ntitle: A\n---\n", "articles/x.md: “author” is missing; name a user"),
        ("media/x.png", "not a picture", "media/x.png: "),
        ("media/x.png.yaml", "alt: A\n", "media/x.png.yaml: It describes “x.png”, which is not beside it."),
        ("redirects/loop.yaml", "source: /a\ntarget: /a\n", "redirects/loop.yaml:2: A redirect can't lead to itself."),
    ],
)  # fmt: skip
async def test_an_odd_file_is_refused_and_no_other_one(desk: Desk, path: str, text: str | bytes, sentence: str) -> None:
    desk.put("tags/land.yaml", "name: Land\n")
    desk.put(path, text)
    report = await desk.apply()
    (refused,) = sentences(report)
    assert refused.startswith(sentence)
    assert [change.path for change in report.created] == ["tags/land.yaml"]
    assert report.total == 2


async def test_files_that_are_one_to_many_computers_are_all_refused(desk: Desk) -> None:
    desk.put("redirects/A.yaml", "source: /a\ntarget: /b\n")
    desk.put("redirects/a.yaml", "source: /c\ntarget: /d\n")
    report = await desk.apply()
    assert [note.path for note in report.refused] == ["redirects/A.yaml", "redirects/a.yaml"]
    assert "“redirects/A.yaml” and “redirects/a.yaml” are one name to many computers" in sentences(report)[0]


async def test_two_files_of_one_user_are_not_both_applied(desk: Desk) -> None:
    desk.people()
    desk.put("users/zoe.yaml", "email: Ada@example.org\nname: Zoe\n")
    assert sentences(await desk.apply()) == [
        "users/zoe.yaml: “users/ada.yaml” is the same user, “ada@example.org”; keep one of them."
    ]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs symbolic links")
async def test_links_that_lead_out_of_the_folder_are_refused(desk: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("name: Secret\n")
    desk.put("tags/land.yaml", "name: Land\n")
    (desk.folder / "tags" / "secret.yaml").symlink_to(secret)
    (desk.folder / "tags" / "also-land.yaml").symlink_to(desk.folder / "tags" / "land.yaml")
    report = await desk.apply()
    assert sentences(report) == ["tags/secret.yaml: This link leads out of the folder; put the file itself here."]
    assert len(report.created) == 2


async def test_files_that_need_a_refused_one_are_refused_in_turn(desk: Desk) -> None:
    desk.put("categories/top.yaml", "nam: Top\n")
    desk.put("categories/below.yaml", "name: Below\nparent: top\n")
    desk.put("categories/deep.yaml", "name: Deep\nparent: below\n")
    desk.put("categories/other.yaml", "name: Other\n")
    report = await desk.apply()
    assert sentences(report) == [
        "categories/below.yaml:2: It needs “categories/top.yaml”, which was refused.",
        "categories/deep.yaml:2: It needs “categories/below.yaml”, which was refused.",
        "categories/top.yaml:1: There is no field “nam”. Did you mean “name”? “name” is missing.",
    ]
    assert [row["slug"] for row in await desk.rows("categories")] == ["other"]


async def test_parents_that_form_a_circle_are_refused(desk: Desk) -> None:
    desk.put("categories/a.yaml", "name: A\nparent: b\n")
    desk.put("categories/b.yaml", "name: B\nparent: a\n")
    desk.put("categories/c.yaml", "name: C\n")
    report = await desk.apply()
    assert [note.path for note in report.refused] == ["categories/a.yaml", "categories/b.yaml"]
    assert sentences(report)[0] == "categories/a.yaml:2: Following its parents leads in a circle; break it."
    assert len(report.created) == 1


async def test_a_whole_branch_moves(desk: Desk) -> None:
    desk.put("categories/a.yaml", "name: A\n")
    desk.put("categories/b.yaml", "name: B\nparent: a\n")
    desk.put("categories/c.yaml", "name: C\nparent: b\n")
    desk.put("categories/d.yaml", "name: D\n")
    await desk.apply()
    desk.put("categories/b.yaml", "name: B\nparent: d\n")
    desk.put("categories/c.yaml", "name: See\nparent: b\n")
    report = await desk.apply()
    assert len(report.updated) == 2
    assert (await desk.row("categories", slug="c"))["path"] == "/d/b/c"
    desk.put("categories/c.yaml", "name: See\n")
    desk.put("categories/d.yaml", "name: D\nparent: a\n")
    await desk.apply()
    paths = sorted(row["path"] for row in await desk.rows("categories"))
    assert paths == ["/a", "/a/d", "/a/d/b", "/c"]
    assert not (await desk.apply()).has_changes


async def test_one_refusal_by_the_database_leaves_the_rest_of_its_batch_alone(desk: Desk) -> None:
    for number in range(30):
        desk.put(f"redirects/r{number}.yaml", f"source: /old/{number}\ntarget: /new\n")
    desk.put("redirects/twin.yaml", "source: /old/7\ntarget: /new\n")
    report = await desk.apply()
    assert len(report.created) == 30
    assert sentences(report) == [
        "redirects/twin.yaml:1: Another redirect already has the source “/old/7”; choose another one."
    ]
    assert len([row for row in await desk.rows("events") if row["record_type"] == "redirects"]) == 30


async def test_a_refused_change_leaves_the_record_as_it_was(desk: Desk) -> None:
    desk.put("redirects/a.yaml", "source: /a\ntarget: /x\n")
    desk.put("redirects/b.yaml", "source: /b\ntarget: /x\n")
    await desk.apply()
    desk.put("redirects/a.yaml", "source: /a\ntarget: /y\n")
    desk.put("redirects/b.yaml", "source: /a\ntarget: /y\n")
    report = await desk.apply()
    assert (len(report.updated), len(report.refused)) == (1, 1)
    assert {row["source"]: row["target"] for row in await desk.rows("redirects")} == {"/a": "/y", "/b": "/x"}


async def test_a_crash_leaves_nothing_behind(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def crash(self: ArticleService, record: Any, changed: frozenset[str]) -> None:
        raise RuntimeError("a defect, not a refusal")

    desk.people()
    desk.put("articles/slow-tides.md", ARTICLE)
    monkeypatch.setattr(ArticleService, "prepare", crash)
    with pytest.raises(RuntimeError, match="a defect"):
        await desk.apply()
    for table in ("users", "categories", "articles", "events"):
        assert await desk.rows(table) == []


async def test_records_without_a_name_are_known_by_their_files(desk: Desk) -> None:
    desk.people()
    desk.put("articles/slow-tides.md", ARTICLE)
    own_id = uuid4()
    comment = "article: slow-tides\nname: Bo\nemail: bo@example.org\nstatus: approved\n"
    desk.put("comments/one.yaml", comment + "content: First.\ncreated_at: 2026-01-02T03:04:05Z\n")
    desk.put("comments/two.yaml", comment + "parent: one\ncontent: Second.\n")
    desk.put(f"comments/{own_id}.yaml", comment + "parent: two\ncontent: Third.\n")
    assert sentences(await desk.apply()) == []
    first, second, third = [await desk.row("comments", content=f"{text}.") for text in ("First", "Second", "Third")]
    assert (second["parent_id"], third["parent_id"], third["id"]) == (first["id"], second["id"], own_id)
    assert first["created_at"].isoformat() == "2026-01-02T03:04:05+00:00"
    assert (await desk.row("articles"))["comment_count"] == 3
    assert not (await desk.apply()).has_changes
    desk.put("comments/one.yaml", comment + "content: First.\ncreated_at: 2026-01-02T03:04:06Z\n")
    assert [change.path for change in (await desk.apply()).updated] == ["comments/one.yaml"]
    assert (await desk.row("comments", content="First."))["created_at"].second == 6


async def test_the_settings_are_one_record_whatever_its_file_is_called(desk: Desk) -> None:
    desk.put("site/site.yaml", "title: Mine\ntimezone: Europe/Lisbon\n")
    assert len((await desk.apply()).created) == 1
    desk.put("site/site.yaml", "title: Yours\ntimezone: Nowhere\n")
    assert sentences(await desk.apply()) == [
        "site/site.yaml:2: “Nowhere” is no time zone; name one such as Europe/Lisbon."
    ]
    desk.put("site/site.yaml", "title: Yours\n")
    assert len((await desk.apply()).updated) == 1
    assert [(row["id"], row["title"], row["timezone"]) for row in await desk.rows("site")] == [
        (UUID(int=1), "Yours", "UTC")
    ]


async def test_users_get_a_password_once_and_keep_theirs(desk: Desk) -> None:
    desk.people()
    report = await desk.apply()
    assert len(report.passwords["ada@example.org"]) >= 20
    assert report.passwords["ada@example.org"] not in summarise(report)
    kept = (await desk.row("users"))["hashed_password"]
    desk.put("users/ada.yaml", "email: ada@example.org\nname: Ada L.\nrole: editor\n")
    report = await desk.apply()
    assert report.passwords == {}
    found = await desk.row("users")
    assert (found["name"], found["role"], found["hashed_password"]) == ("Ada L.", Role.EDITOR, kept)


async def test_an_applying_user_is_the_author_of_what_names_none(desk: Desk) -> None:
    await desk.enrol("ed@example.org", Role.ADMIN, "Ed")
    ed = await desk.row("users")
    desk.put("articles/x.md", "---\ntitle: A\n---\n")
    report = await desk.apply(actor=Actor(ed["id"], Role.ADMIN, "Ed"))
    assert sentences(report) == []
    assert (await desk.row("articles"))["author_id"] == ed["id"]
    assert (await desk.row("events", record_type="articles"))["actor_id"] == ed["id"]


async def test_an_actor_may_do_here_no_more_than_elsewhere(desk: Desk) -> None:
    desk.people()
    desk.put("tags/sea.yaml", "name: Sea\n")
    report = await desk.apply(actor=Actor(uuid4(), Role.EDITOR, "Ed"))
    assert sentences(report) == ["users/ada.yaml: Your role, editor, may not create this user."]
    assert len(report.created) == 2


async def test_media_files_are_stored_once_and_described_by_the_file_beside_them(desk: Desk) -> None:
    desk.people()
    desk.put("media/dots/dot.png", PIXEL)
    desk.put("media/dots/dot.png.yaml", "alt: A dot.\n")
    desk.put("media/copy.png", PIXEL)
    desk.put("articles/x.md", ARTICLE.replace("category: news", "cover: dots/dot.png"))
    report = await desk.apply()
    assert sentences(report) == []
    assert [str(note).split(",")[0] for note in report.warnings] == [
        "media/dots/dot.png: It is the same file as “copy.png”"
    ]
    kept = await desk.row("media")
    assert kept["path"] == "copy.png"
    assert (await desk.row("articles"))["cover_id"] == kept["id"]
    assert await desk.storage.exists(kept["storage_key"])
    desk.put("media/copy.png.yaml", "alt: A copy.\n")
    assert [change.path for change in (await desk.apply()).updated] == ["media/copy.png"]
    assert (await desk.row("media"))["alt"] == "A copy."
    assert not (await desk.apply()).has_changes


async def test_other_bytes_under_the_name_of_a_stored_file_are_refused(desk: Desk) -> None:
    desk.put("media/dot.png", PIXEL)
    await desk.apply()
    desk.put("media/dot.png", (DEMO / "media" / "shore.webp").read_bytes())
    assert sentences(await desk.apply()) == [
        "media/dot.png: Another file is stored under this name; give the new one a name of its own."
    ]


async def test_a_plan_stores_no_file(desk: Desk) -> None:
    desk.put("media/dot.png", PIXEL)
    report = await desk.plan()
    assert len(report.created) == 1
    assert not desk.storage.root.exists() or files_of(desk.storage.root) == {}


async def test_a_trashed_record_is_not_brought_back_by_its_file(desk: Desk) -> None:
    desk.people()
    desk.put("articles/slow-tides.md", ARTICLE)
    await desk.apply()
    async with desk.work() as work:
        service = work.service(registry.by_name("articles"))
        await service.delete(await service.get("slow-tides"), 0)
    assert sentences(await desk.apply()) == [
        "articles/slow-tides.md: The article “slow-tides” is in the trash; restore it, or delete it for good, first."
    ]


async def test_a_file_is_about_the_record_that_is_not_in_the_trash(desk: Desk) -> None:
    """Where another one has the same name."""
    desk.people()
    desk.put("articles/slow-tides.md", ARTICLE)
    await desk.apply()
    async with desk.work() as work:
        service = work.service(registry.by_name("articles"))
        await service.delete(await service.get("slow-tides"), 0)
        author = str((await desk.rows("users"))[0]["id"])
        body = {"title": "Another", "slug": "slow-tides", "author": author}
        await service.create(create_schema(registry.by_name("articles"))(**body))
    report = await desk.apply()
    assert (len(report.updated), report.refused) == (1, [])
    assert not (await desk.apply()).has_changes
    by_state = {row["trashed_at"] is None: row["title"] for row in await desk.rows("articles")}
    assert by_state[True] == by_state[False]


async def test_nothing_is_deleted(desk: Desk) -> None:
    desk.put("tags/sea.yaml", "name: Sea\n").unlink()
    desk.put("tags/land.yaml", "name: Land\n")
    await desk.apply()
    (desk.folder / "tags" / "land.yaml").unlink()
    assert not (await desk.apply()).has_changes
    assert len(await desk.rows("tags")) == 1


async def test_a_folder_that_is_not_there_is_said_to_be_missing(desk: Desk) -> None:
    with pytest.raises(FolderError, match=r"There is no folder “.*nowhere”"):
        await desk.apply(desk.folder / "nowhere")


async def test_progress_ends_with_every_file(desk: Desk) -> None:
    seen: list[tuple[int, int]] = []
    for number in range(250):
        desk.put(f"tags/t{number}.yaml", f"name: T{number}\n")
    desk.put("tags/bad.yaml", "")
    await desk.apply(progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (251, 251)


async def test_the_number_of_statements_does_not_grow_with_the_number_of_files(desk: Desk) -> None:
    desk.people()
    for number in range(150):
        desk.put(f"tags/t{number}.yaml", f"name: T{number}\n")
        desk.put(f"articles/a{number}.md", ARTICLE.replace("category: news", f"category: news\n    tags: [t{number}]"))
    with recorded() as creating:
        await desk.apply()
    assert len(creating) < 60
    with recorded() as comparing:
        assert (await desk.apply()).unchanged == 302
    assert len(comparing) < 20
    assert not any(statement.startswith(("INSERT", "UPDATE")) for statement in comparing)


def test_types_come_after_those_that_they_refer_to() -> None:
    names = [layout.name for layout in ordered(registry)]
    assert names[:2] == ["users", "media"]
    assert names.index("categories") < names.index("articles") < names.index("comments")
    assert len(names) == len(registry)
    assert {layout.name for layout in ordered(registry) if layout.body} == {"articles", "pages"}
    assert issubclass(ordered(registry)[0].content_type.model, User)


async def test_a_database_without_tables_is_said_to_be_unmigrated(desk: Desk, tmp_path: Path) -> None:
    desk.people()
    bare = Database(f"sqlite+aiosqlite:///{tmp_path / 'bare.db'}")
    with pytest.raises(DatabaseUnavailable, match="has not been migrated; run “cms migrate”"):
        await apply(bare, registry, desk.reader, desk.storage, desk.folder)
    await bare.dispose()
