"""The first page: what is mine, what waits, what comes when and what was done, as far as each role may see."""

from datetime import timedelta
from typing import Any

import pytest

from cms.content.articles import article
from cms.content.categories import category
from cms.content.comments import CommentStatus, comment
from cms.content.pages import page as page_type
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Action, Role
from cms.editorial.drafts import draft_schema
from cms.editorial.workflow import EditorialService
from tests.admin.browsing import Page, Visitor
from tests.installation import Installation
from tests.statements import recorded


def part(page: Page, name: str) -> str:
    """The text of a panel, by the id of its head."""
    after = page.html.partition(f'aria-labelledby="{name}-head"')[2]
    return after.partition("</section>")[0]


@pytest.fixture
async def busy(installation: Installation) -> Installation:
    """A magazine at work."""
    time = utc_now()
    out = await installation.make(article, title="Out now", published_at=time - timedelta(days=2))
    await installation.make(page_type, title="About us", published_at=time - timedelta(days=9))
    await installation.make(article, title="Next month", published_at=time + timedelta(days=1))
    await installation.make(article, title="Hidden draft")
    mine = await installation.make(article, Role.AUTHOR, title="Of the author")
    await installation.make(article, Role.AUTHOR, title="Begun")
    async with installation.work(Role.AUTHOR) as work:
        service: Any = work.service(article)
        await service.submit(await service.get(mine.id, Action.DRAFT))
    for text, status in (("Is the quay open?", CommentStatus.PENDING), ("Thank you.", CommentStatus.APPROVED)):
        await installation.make(comment, article=str(out.id), content=text, status=status)
    async with installation.work(Role.EDITOR) as work:
        editorial = work.service(article)
        assert isinstance(editorial, EditorialService)
        record = await editorial.get(out.id, Action.DRAFT)
        await editorial.save_draft(record, draft_schema(article)(title="Out anew"), 0)
        await editorial.publish(record, time + timedelta(days=1))
    return installation


async def test_an_editor_sees_what_waits_and_what_was_done(busy: Installation, editor: Visitor) -> None:
    month = (utc_now() + timedelta(days=1)).strftime("%Y-%m")
    page = await editor.get(f"/?month={month}")
    assert "Of the author" in part(page, "review")
    assert "Author" in part(page, "review")
    assert "Is the quay open?" in part(page, "comments")
    assert "Thank you." not in part(page, "comments")
    for title in ("Next month", "Out anew"):
        assert title in part(page, "calendar")
    assert [title in part(page, "recent") for title in ("Out now", "About us", "Next month")] == [True, True, False]
    assert "Out now" in part(page, "mine")
    assert "Unpublished changes" in part(page, "mine")
    assert "Of the author" not in part(page, "mine")
    assert "Submitted for review" in part(page, "deeds")
    assert "Hidden draft" in part(page, "deeds")


async def test_an_author_sees_what_is_theirs(busy: Installation, author: Visitor) -> None:
    page = await author.get(f"/?month={(utc_now() + timedelta(days=1)).strftime('%Y-%m')}")
    assert [title in part(page, "mine") for title in ("Of the author", "Begun", "Hidden draft")] == [True, True, False]
    for hidden in ("Hidden draft", "Next month", "Out anew", "Is the quay open?", "review-head", "comments-head"):
        assert hidden not in page.html, hidden
    assert "Of the author" in part(page, "deeds")
    assert "Out now" not in part(page, "deeds"), "what others did is for the staff"


async def test_changes_of_today_come_before_drafts_of_yesterday(busy: Installation, editor: Visitor) -> None:
    """However long ago the text was published."""
    old = await busy.make(article, title="Of last year", published_at=utc_now() - timedelta(days=400))
    for number in range(7):
        await busy.make(article, Role.EDITOR, title=f"Draft {number}")
    headers = {"If-Match": "*"}
    body = {"title": "Of this year"}
    assert (
        await busy.send("PATCH", f"/articles/{old.id}?draft=true", Role.EDITOR, headers=headers, json=body)
    ).is_success
    mine = part(await editor.get("/"), "mine")
    assert mine.index("Of last year") < mine.index("Draft 6")
    assert "Draft 0" not in mine


async def test_what_is_saved_again_and_again_is_told_once(busy: Installation, editor: Visitor) -> None:
    made = await busy.make(article, title="Slow tides")
    for number in range(12):
        changed = await busy.send(
            "PATCH", f"/articles/{made.id}", Role.EDITOR, headers={"If-Match": "*"}, json={"excerpt": f"No. {number}"}
        )
        assert changed.status_code == 200
    deeds = part(await editor.get("/"), "deeds")
    assert deeds.count("Slow tides") == 2, "made, and changed"
    assert "Of the author" in deeds


async def test_what_two_save_in_turn_is_told_once_each(busy: Installation, editor: Visitor) -> None:
    texts = [await busy.make(article, title=title) for title in ("Slow tides", "Fast winds")]
    for number in range(5):
        for text in texts:
            path, headers = f"/articles/{text.id}", {"If-Match": "*"}
            sent = await busy.send("PATCH", path, Role.EDITOR, headers=headers, json={"excerpt": f"No. {number}"})
            assert sent.status_code == 200
    deeds = part(await editor.get("/"), "deeds")
    assert [deeds.count(title) for title in ("Slow tides", "Fast winds")] == [2, 2], "made, and changed"


async def test_a_chart_says_what_it_draws(busy: Installation, editor: Visitor) -> None:
    page = await editor.get("/")
    told = page.html.partition('id="chart-told">')[2].partition("</p>")[0]
    counts = [int(week.rpartition(": ")[2]) for week in told.rstrip(". ").split(". ")]
    assert len(counts) == 12
    assert sum(counts) == 2
    assert page.html.count('class="chart-number"') == sum(1 for count in counts if count)


@pytest.mark.parametrize("month", ["2026-13", "x", "0001-01", "9999-12", "%3Cscript%3E", ""])
async def test_d08_a_month_that_there_is_not_is_this_one(
    installation: Installation, editor: Visitor, month: str
) -> None:
    page = await editor.get(f"/?month={month}")
    assert page.status == 200
    assert utc_now().strftime("%B %Y") in part(page, "calendar")
    assert "script>" not in part(page, "calendar").lower()


async def test_first_steps_tick_themselves_off_and_go(
    installation: Installation, admin: Visitor, author: Visitor
) -> None:
    before = part(await admin.get("/"), "steps")
    assert "1 of 7 done" in before, "there are colleagues already"
    await installation.make(category, name="Tides")
    await installation.make(article, title="Slow tides", published_at=utc_now())
    after = part(await admin.get("/"), "steps")
    assert "4 of 7 done" in after
    for text in ("Make a category", "Write an article", "Publish it"):
        assert f"<span>{text}" in after
    theirs = part(await author.get("/"), "steps")
    assert "1 of 2 done" in theirs
    assert "Name the site" not in theirs
    for number in range(4):
        await installation.make(article, title=f"No {number}", published_at=utc_now())
    assert part(await admin.get("/"), "steps") == ""


async def test_the_first_page_costs_the_same_however_much_there_is(busy: Installation, editor: Visitor) -> None:
    async def cost() -> int:
        with recorded() as statements:
            assert (await editor.get("/")).status == 200
        return len(statements)

    await editor.get("/")
    before = await cost()
    assert before <= 15
    for number in range(12):
        await busy.make(tag, name=f"Tag {number}")
        await busy.make(article, title=f"No {number}", published_at=utc_now() - timedelta(days=number))
    assert await cost() == before
