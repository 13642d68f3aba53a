"""The trash: what is in it, for how long, the way back, and the end for who may and is sure."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from cms.content.articles import Article, article
from cms.content.pages import page
from cms.crud.fields import utc_now
from cms.crud.policy import Action, Role
from tests.admin.browsing import Visitor
from tests.admin.conftest import Visit
from tests.installation import Installation

NOTHING = "The trash is empty"


async def trash(installation: Installation, *records: Any, kind: Any = article, role: Role = Role.EDITOR) -> None:
    async with installation.work(role) as work:
        service = work.service(kind)
        for record in records:
            found = await service.get(record.id, Action.DELETE)
            await service.delete(found, found.version)


async def in_trash(installation: Installation, table: str = "articles") -> int:
    return len([row for row in await installation.rows(table) if row["trashed_at"]])


async def test_all_types_lie_together_the_latest_first(installation: Installation, editor: Visitor) -> None:
    tides = await installation.make(article, title="Slow <tides>")
    about = await installation.make(page, title="About")
    await installation.make(article, title="Kept")
    await trash(installation, tides)
    await trash(installation, about, kind=page)
    async with installation.database.session() as session:
        await session.execute(update(Article).where(Article.id == tides.id).values(trashed_at=Article.created_at))
        aged = utc_now() - timedelta(days=20, hours=1)
        await session.execute(update(Article).where(Article.id == tides.id).values(trashed_at=aged))
    shown = await editor.get("/trash")
    assert shown.status == 200
    assert shown.text.index("“About”") < shown.text.index("“Slow <tides>”")
    assert "Kept" not in shown.text
    assert "by Editor" in shown.text
    assert "in 10 days" in shown.text
    assert "in 30 days" in shown.text
    assert f"/admin/history/article/{tides.id}" in shown.links
    assert "About" not in (await editor.get("/trash?type=articles")).text
    assert "About" not in (await editor.get("/trash?q=TIDES")).text
    assert "Slow <tides>" in (await editor.get("/trash?q=TIDES")).text
    assert "Nothing like that" in (await editor.get("/trash?q=%25")).text, "a wildcard means itself"
    assert "no such page" in (await editor.get("/trash?page=9")).text
    for wrong in ("type=users", "type=tags", f"q={'x' * 201}"):
        assert (await editor.get(f"/trash?{wrong}")).status == 400
    for odd in ("page=0", "page=-1", "page=x", "page=99999999999", "q=%00"):
        assert (await editor.get(f"/trash?{odd}")).status == 200


async def test_it_comes_in_pages(installation: Installation, editor: Visitor) -> None:
    await trash(installation, *[await installation.make(article, title=f"Draft {n}") for n in range(51)])
    first = await editor.get("/trash")
    older = next(link for link in first.links if "page=2" in link)
    second = await editor.get(older)
    assert len([form for form in first.forms if form.action.endswith("/restore")]) == 50
    assert len([form for form in second.forms if form.action.endswith("/restore")]) == 1


async def test_a_record_is_restored_and_that_is_undone(installation: Installation, editor: Visitor) -> None:
    await trash(installation, await installation.make(article, title="Slow tides"))
    shown = await editor.get("/trash")
    assert (await editor.send(shown.form("/restore"))).status == 303
    assert await in_trash(installation) == 0
    after = await editor.get("/trash")
    assert "Restored from the trash." in after.text
    await editor.send(after.undo)
    assert await in_trash(installation) == 1
    assert (await editor.send(shown.form("/restore"))).status == 303
    assert (await editor.send(shown.form("/restore"))).status == 404, "it was restored in another tab"


async def test_where_the_slug_is_taken_a_free_one_is_one_click_away(
    installation: Installation, editor: Visitor
) -> None:
    await trash(installation, await installation.make(article, title="Slow tides"))
    await installation.make(article, title="Slow tides")
    refused = await editor.send((await editor.get("/trash")).form("/restore"))
    assert refused.status == 409
    assert "has the slug “slow-tides” by now" in refused.text
    proposed = next(form for form in refused.forms if "slug" in form.fields)
    assert (await editor.send(proposed)).status == 303
    assert sorted(row["slug"] for row in await installation.rows("articles")) == ["slow-tides", "slow-tides-2"]
    assert await in_trash(installation) == 0


async def test_slugs_taken_below_are_one_click_away_too(installation: Installation, editor: Visitor) -> None:
    above = await installation.make(page, title="About")
    await installation.make(page, title="Team", parent=str(above.id))
    await trash(installation, above, kind=page)
    await installation.make(page, title="Team")
    refused = await editor.send((await editor.get("/trash")).form("/restore"))
    assert "give “Team” below it another" in refused.text
    proposed = next(form for form in refused.forms if any(name.startswith("slugs.") for name in form.fields))
    assert (await editor.send(proposed)).status == 303
    paths = sorted(row["path"] for row in await installation.rows("pages"))
    assert paths == ["/about", "/about/team-2", "/team"]


async def test_administrators_delete_for_good_once_they_are_sure(installation: Installation, visit: Visit) -> None:
    editor, admin = visit(Role.EDITOR), visit(Role.ADMIN)
    made = await installation.make(article, title="Slow tides")
    await trash(installation, made)
    assert not [form for form in (await editor.get("/trash")).forms if form.action.endswith(("/delete", "/empty"))]
    for step in ("delete", "empty"):
        refused = await editor.post(f"/trash/{step}", record=f"articles:{made.id}", confirmed="yes")
        assert refused.status == 403
    asked = await admin.send((await admin.get("/trash")).form("/delete"))
    assert "Delete “Slow tides” for good?" in asked.text
    assert len(await installation.rows("articles")) == 1
    assert (await admin.send(asked.form("/delete"))).status == 303
    assert await installation.rows("articles") == []
    after = await admin.get("/trash")
    assert "Deleted for good." in after.text
    assert "/admin/undo/" not in after.html
    live = await installation.make(article, title="Live")
    kept = await admin.post("/trash/delete", record=f"articles:{live.id}", confirmed="yes")
    assert kept.status == 409
    assert len(await installation.rows("articles")) == 1


async def test_the_trash_is_emptied_but_for_what_is_in_use(installation: Installation, admin: Visitor) -> None:
    above = await installation.make(page, title="About")
    await installation.make(page, title="Team", parent=str(above.id))
    await trash(installation, *[await installation.make(article, title=f"Draft {n}") for n in range(3)])
    await trash(installation, above, kind=page)
    live = await installation.make(article, title="Live")
    asked = await admin.send((await admin.get("/trash")).form("/empty"))
    assert "Empty the trash of 5 records?" in asked.text
    assert await in_trash(installation) == 3
    assert (await admin.send(asked.form("/empty"))).status == 303
    assert NOTHING in (await admin.get("/trash")).text
    assert [row["id"] for row in await installation.rows("articles")] == [live.id]
    assert await installation.rows("pages") == []
    who = {row["actor_id"] for row in (await installation.rows("change_sets"))[-2:]}
    assert who == {installation.actor(Role.ADMIN).id}, "the log says who emptied it"


async def test_what_can_not_go_stays_and_that_is_said(
    installation: Installation, admin: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trash(installation, await installation.make(article, title="Slow tides"))

    async def keep(*_: Any) -> int:
        return 0

    monkeypatch.setattr("admin.pages.trash.empty_trash", keep)
    await admin.post("/trash/empty", confirmed="yes")
    assert "but for what is still in use" in (await admin.get("/trash")).text


async def test_authors_find_their_own_and_nobody_elses(installation: Installation, visit: Visit) -> None:
    mine = await installation.make(article, Role.AUTHOR, title="Mine")
    live = await installation.make(article, Role.AUTHOR, title="Was live")
    async with installation.work() as work:
        service = work.service(article)
        await service.change(await service.get(live.id), {"published_at": utc_now()})
    theirs = await installation.make(article, title="Theirs")
    about = await installation.make(page, title="About")
    await trash(installation, mine, live, theirs)
    await trash(installation, about, kind=page)
    author = visit(Role.AUTHOR)
    shown = await author.get("/trash")
    assert "Mine" in shown.text
    assert "An editor can restore it" in shown.text
    for title in ("Theirs", "About"):
        assert title not in shown.text
    assert (await author.post("/trash/restore", record=f"articles:{theirs.id}")).status == 404
    assert (await author.post("/trash/restore", record=f"articles:{live.id}")).status == 403
    assert (await author.post("/trash/restore", record=f"pages:{about.id}")).status == 404
    assert (await author.post("/trash/restore", record=f"articles:{mine.id}")).status == 303
    for wrong in ("", "articles:x", f"tags:{mine.id}", f":{mine.id}"):
        assert (await author.post("/trash/restore", record=wrong)).status == 404


async def test_for_ever_is_said_too(installation: Installation, editor: Visitor) -> None:
    settings = installation.app.state.settings
    installation.app.state.settings = settings.model_copy(update={"trash_days": 0})
    assert NOTHING in (await editor.get("/trash")).text
    await trash(installation, await installation.make(article, title="Slow tides"))
    shown = await editor.get("/trash")
    assert "Nothing is deleted from here by itself." in shown.text
    assert "never" in shown.text
