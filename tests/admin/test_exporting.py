"""Exports: exactly the rows of a list, readable fields alone, and nothing that a spreadsheet would run."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

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

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "＝1", "＋1", "'quoted", "plain", 'say "no"', "a,b")


def rows_of(page: Page) -> list[dict[str, str]]:
    """The lines of a CSV file, as whoever reads it back has them."""
    assert page.response.headers["content-type"].startswith("text/csv")
    text = page.response.content.decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    return [{name: value.removeprefix("'") for name, value in line.items()} for line in lines]


async def test_d09_no_cell_is_a_formula_and_all_come_back(installation: Installation, editor: Visitor) -> None:
    for number, title in enumerate(FORMULAS):
        await installation.make(article, title=title, slug=f"slug-{number}", content="\t=2+2\n")
    page = await editor.get("/article/export?format=csv&sort=slug")
    raw = list(csv.reader(io.StringIO(page.response.content.decode("utf-8-sig"), newline="")))
    risky = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
    assert [cell for line in raw[1:] for cell in line if cell.startswith(risky)] == []
    assert [row["title"] for row in rows_of(page)] == list(FORMULAS)
    stored = {row["slug"]: row["content"] for row in await installation.rows("articles")}
    assert {row["slug"]: row["content"] for row in rows_of(page)} == stored


async def test_a_file_has_the_rows_of_the_list_and_what_rest_tells_of_them(
    installation: Installation, editor: Visitor
) -> None:
    tides = await installation.make(category, name="Tides")
    await installation.make(tag, name="Rope")
    made = []
    for number in range(120):
        is_out: Any = {"published_at": utc_now() - timedelta(hours=number)} if number % 2 else {}
        record = await installation.make(
            article, title=f"No {number:03}", category=str(tides.id), tags=["rope"], **is_out
        )
        made.append(record)
    query = "status=published&category=tides&sort=title"
    exported = await editor.get(f"/article/export?format=json&{query}")
    names = ",".join(article.read_fields)
    rest = await installation.send("GET", f"/articles?{query}&fields={names}", Role.EDITOR)
    assert json.loads(exported.response.content) == rest.json()["items"]
    assert len(rest.json()["items"]) == 60
    assert 'filename="articles-' in exported.response.headers["content-disposition"]
    lines = rows_of(await editor.get("/article/export?format=csv&sort=-title&q=no"))
    assert [line["title"] for line in lines] == [f"No {number:03}" for number in range(119, -1, -1)]
    assert (lines[0]["category"], lines[0]["tags"], lines[0]["author"]) == ("tides", "rope", "Admin")
    ids = ",".join(str(record.id) for record in made[:3])
    few = json.loads((await editor.get(f"/article/export?format=json&records={ids}&sort=title")).response.content)
    assert [item["title"] for item in few] == ["No 000", "No 001", "No 002"]


async def test_d04_a_file_holds_no_secret_and_nothing_hidden(
    installation: Installation, admin: Visitor, author: Visitor
) -> None:
    about = await installation.make(article, title="Slow tides", published_at=utc_now())
    await installation.make(article, title="Hidden", content="canaryword")
    await installation.make(comment, article=str(about.id), content="Nice.", name="Bo", email="canary@example.com")
    for kind in ("csv", "json"):
        people = (await admin.get(f"/user/export?format={kind}")).response.text
        assert "password" not in people
        assert "admin@example.org" in people
        assert "password" not in user.read_fields
        assert "canary@example.com" not in (await admin.get(f"/comment/export?format={kind}")).response.text
        theirs = (await author.get(f"/article/export?format={kind}")).response.text
        assert "Slow tides" in theirs
        assert "canaryword" not in theirs


async def test_an_empty_list_is_an_empty_file(editor: Visitor) -> None:
    assert (await editor.get("/tag/export?format=json")).response.json() == []
    assert len((await editor.get("/tag/export?format=csv")).response.text.strip().splitlines()) == 1


async def test_what_can_not_be_exported_is_said(editor: Visitor) -> None:
    for query in ("format=xlsx", "", "format=csv&password=x", "format=csv&records=x", "format=csv&records="):
        refused = await editor.get(f"/article/export?{query}")
        assert refused.status == 400, query


async def test_d16_a_file_is_read_in_pages(installation: Installation, editor: Visitor) -> None:
    """What is held in memory is a page, whatever the length; a statement and one for tags each."""

    async def cost(rows: int) -> int:
        with recorded() as statements:
            found: list[Any] = (await editor.get("/tag/export?format=json")).response.json()
        assert len(found) == rows
        return len(statements)

    for number in range(250):
        await installation.make(tag, name=f"Tag {number:03}")
    assert await cost(250) == 1 + 3
