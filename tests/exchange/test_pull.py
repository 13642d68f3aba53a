"""The database becomes a folder of files in canonical form, and nothing is lost on the way there and back."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms.content import registry
from cms.exchange.canonical import text_of
from cms.exchange.drafts import make_draft
from cms.exchange.folder import Source
from cms.exchange.frontmatter import Matter, load, split
from cms.exchange.layout import layout_of
from cms.exchange.report import FolderError
from cms.exchange.rows import Row, is_same, stored
from tests.exchange.desk import DEMO, Desk, files_of, picture, sentences

ARTICLE = """\
    ---
    title: 'Slow: Tides'
    excerpt: An excerpt that goes on and on until it is so long that a line of a hundred characters can not
      hold it any more.
    author: ada@example.org
    category: news
    tags:
    - land
    - sea
    seo:
      title: 'yes'
    published_at: 2026-08-13T07:30:00Z
    ---

    The sea takes its time.

    ---

    And then some.
    """


async def test_a_canonical_folder_is_pulled_without_a_byte_of_difference(desk: Desk) -> None:
    desk.people()
    desk.put("tags/sea.yaml", "name: Sea\n")
    desk.put("tags/land.yaml", "name: Land\n")
    desk.put("articles/slow-tides.md", ARTICLE)
    desk.put("articles/empty.md", "---\ntitle: Empty\nauthor: ada@example.org\n---\n")
    desk.put(
        "comments/one.yaml",
        "article: slow-tides\ncontent: |-\n  First.\n\n  Second.\ncreated_at: 2026-01-02T03:04:05Z\n",
    )
    desk.put(
        "comments/two.yaml",
        "article: slow-tides\nparent: one\ncontent: Yes.\ncreated_at: 2026-01-02T03:04:05.678000Z\n",
    )
    desk.put("media/dot.png", picture())
    desk.put("media/dot.png.yaml", "alt: A dot.\n")
    desk.put(
        "menus/main.yaml", "title: Main\nitems:\n- label: One\n  url: /one\n  items:\n  - label: Two\n    url: /two\n"
    )
    desk.put("redirects/old.yaml", "source: /old\ntarget: /new\nstatus: 302\n")
    desk.put("site/site.yaml", "title: Mine\n")
    desk.put("README.txt", "not content\n")
    before = files_of(desk.folder)
    assert sentences(await desk.apply()) == []
    report = await desk.pull()
    assert files_of(desk.folder) == before
    assert (report.created, report.updated, report.unchanged) == ([], [], len(before) - 1)


async def test_the_demo_content_survives_the_way_there_and_back(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(DEMO, folder)
    await desk.apply(folder)
    assert sentences(await desk.pull(folder)) == []
    canonical = files_of(folder)
    assert canonical.keys() == files_of(DEMO).keys()
    assert not (await desk.apply(folder)).has_changes
    assert not (await desk.pull(folder)).has_changes
    assert files_of(folder) == canonical


async def test_an_empty_folder_is_filled(desk: Desk, tmp_path: Path) -> None:
    await desk.apply(DEMO)
    folder = tmp_path / "made" / "here"
    report = await desk.pull(folder)
    assert len(report.created) == len(files_of(folder)) > 80
    assert {path.name for path in folder.iterdir()} == {path.name for path in DEMO.iterdir()}
    assert (folder / "users" / "ines-carvalho.yaml").is_file()
    assert not (await desk.apply(folder)).has_changes
    assert not (await desk.pull(folder)).has_changes


async def test_what_changed_elsewhere_is_written_and_nothing_else(desk: Desk) -> None:
    desk.people()
    desk.put("tags/sea.yml", "name: Sea\n")
    await desk.apply()
    kept = desk.put("tags/draft.yaml", "name: A file that was never applied\n")
    await desk.change("tags", "sea", name="The Sea")
    report = await desk.pull()
    assert [change.path for change in report.updated] == ["tags/sea.yml"]
    assert (desk.folder / "tags" / "sea.yml").read_text() == "name: The Sea\n"
    assert kept.read_text() == "name: A file that was never applied\n"


async def test_two_users_of_one_name_slug_get_files_of_their_own(desk: Desk) -> None:
    desk.put("users/x.yaml", "email: x@example.org\nname: Ada B\n")
    await desk.apply()
    desk.put("users/x.yaml", "email: y@example.org\nname: Ada-B\n")
    await desk.apply()
    (desk.folder / "users" / "x.yaml").unlink()
    await desk.pull()
    assert sorted(path.name for path in (desk.folder / "users").iterdir()) == ["ada-b-2.yaml", "ada-b.yaml"]


async def test_trash_and_passwords_stay_in_the_database(desk: Desk) -> None:
    desk.people()
    desk.put("articles/x.md", "---\ntitle: A\nauthor: ada@example.org\n---\n")
    await desk.apply()
    async with desk.work() as work:
        service = work.service(registry.by_name("articles"))
        await service.delete(await service.get("x"), 0)
    shutil.rmtree(desk.folder)
    await desk.pull()
    assert sorted(files_of(desk.folder)) == ["categories/news.yaml", "users/ada.yaml"]
    assert (desk.folder / "users" / "ada.yaml").read_text() == "email: ada@example.org\nname: Ada\nrole: author\n"


async def test_windows_line_ends_from_a_form_are_no_difference(desk: Desk) -> None:
    desk.people()
    desk.put("articles/x.md", "---\ntitle: A\nauthor: ada@example.org\n---\n\nOne.\n\nTwo.\n")
    await desk.apply()
    await desk.change("articles", "x", content="One.\r\n\r\nTwo.")
    assert not (await desk.pull()).has_changes
    assert not (await desk.apply()).has_changes


async def test_a_file_that_the_storage_lost_is_named(desk: Desk) -> None:
    desk.put("media/dot.png", picture())
    await desk.apply()
    shutil.rmtree(desk.storage.root)
    assert sentences(await desk.pull()) == ["media/dot.png: The file of this record is not in the storage any more."]


async def test_nothing_is_written_through_a_link_that_leads_out(desk: Desk, tmp_path: Path) -> None:
    desk.put("tags/sea.yaml", "name: Sea\n")
    await desk.apply()
    shutil.rmtree(desk.folder / "tags")
    outside = tmp_path / "outside"
    outside.mkdir()
    (desk.folder / "tags").symlink_to(outside)
    assert sentences(await desk.pull()) == ["tags/sea.yaml: A link leads out of the folder here; nothing was written."]
    assert list(outside.iterdir()) == []


async def test_a_folder_that_can_not_be_made_is_said_so(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="can't be written"):
        await desk.pull(tmp_path / "file" / "below")


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)
LINE = TEXT.map(str.strip).filter(bool)
TIME = st.datetimes(min_value=datetime(1, 1, 2, tzinfo=None), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive
MENU: Any = st.recursive(
    st.just([]),
    lambda below: st.lists(
        st.fixed_dictionaries({"label": LINE.filter(lambda t: len(t) < 50), "items": below}), max_size=3
    ),
    max_leaves=3,
)


def round_trip(name: str, given_values: dict[str, Any], relations: dict[str, Any]) -> None:
    """Write a record as a file and read it again."""
    layout = layout_of(registry.by_name(name))
    made = layout.schema.model_validate({**given_values, **relations})
    fields = layout.content_type.fields
    values = {field: stored(fields[field], getattr(made, field)) for field in layout.values}
    row = Row(UUID(int=1), "a", values, frozenset(), datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), is_trashed=False)
    text = text_of(layout, row, relations)
    text.encode()
    matter = split(text) if layout.body else Matter(text, "", 1)
    read = make_draft(Source("a", Path("a"), "a"), layout, load(matter.yaml), matter)
    for field in layout.values:
        assert is_same(fields[field], values[field], stored(fields[field], getattr(read.data, field))), text
    if layout.is_dated:
        assert read.created_at == row.created_at


@given(title=LINE, excerpt=TEXT, content=TEXT, seo=st.none() | LINE, published_at=st.none() | TIME, tags=st.sets(LINE))
def test_any_article_survives(
    title: str, excerpt: str, content: str, seo: str | None, published_at: datetime | None, tags: set[str]
) -> None:
    values = {"title": title, "slug": "a", "excerpt": excerpt, "content": content, "published_at": published_at}
    round_trip("articles", {**values, "seo": seo and {"title": seo}}, {"author": "a@example.org", "tags": sorted(tags)})


@given(content=LINE, name=st.none() | LINE, status=st.sampled_from(["pending", "approved", "spam"]))
def test_any_comment_survives(content: str, name: str | None, status: str) -> None:
    round_trip("comments", {"content": content, "name": name, "status": status}, {"article": "a", "parent": "b-c"})


@given(title=LINE, items=MENU)
def test_any_menu_survives(title: str, items: list[Any]) -> None:
    round_trip("menus", {"title": title, "slug": "a", "items": items}, {})
