"""Retention: what is too many or too old goes; what is published, newest, or under a draft stays."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from cms.config import Settings, SettingsError, load_settings
from cms.content.articles import article
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Door, Role
from cms.editorial import retention
from cms.editorial.history import FIRST_DRAFT, ChangeSet, Revision
from cms.editorial.retention import prune
from tests.installation import Installation
from tests.problems import assert_problem

ANY = {"If-Match": "*"}


async def saved(installation: Installation, content_type: Any, times: int, field: str, **values: Any) -> Any:
    """A record that was saved so often."""
    record = await installation.make(content_type, **values)
    for number in range(2, times + 1):
        async with installation.work(Role.EDITOR) as work:
            service = work.service(content_type)
            await service.change(await service.get(record.id), {field: f"Save {number}"})
    return record


async def numbers(installation: Installation, record: Any) -> list[int]:
    rows = await installation.rows("revisions")
    return [row["number"] for row in rows if row["record_id"] == record.id]


async def make_old(installation: Installation, record: Any, days: int, *of: int) -> None:
    time = utc_now() - timedelta(days=days)
    async with installation.database.session() as session:
        of_record = Revision.record_id == record.id, Revision.number.in_(of)
        await session.execute(update(Revision).where(*of_record).values(occurred_at=time))


async def test_the_newest_are_kept(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    much, little = [await saved(installation, tag, times, "name", name=f"Rope {times}") for times in (7, 2)]
    assert await prune(installation.database, 3, None) == 4
    assert await numbers(installation, much) == [5, 6, 7]
    assert await numbers(installation, little) == [1, 2]
    assert await prune(installation.database, 3, None) == 0
    await installation.send("PATCH", f"/tags/{much.id}", Role.EDITOR, headers=ANY, json={"name": "Knot"})
    assert await numbers(installation, much) == [5, 6, 7, 8]


async def test_what_was_saved_in_passing_goes_before_what_is_older(installation: Installation) -> None:
    """An afternoon of autosaves leaves yesterday's text where it was."""
    record = await saved(installation, tag, 8, "name", name="Rope")
    async with installation.database.session() as session:
        for number in range(1, 9):
            hours = 48 if number <= 2 else 5 if number <= 6 else 0
            time = utc_now() - timedelta(hours=hours) + timedelta(seconds=number)
            of_save = Revision.record_id == record.id, Revision.number == number
            await session.execute(update(Revision).where(*of_save).values(occurred_at=time))
        await session.execute(update(ChangeSet).values(door=Door.ADMIN))
    assert await prune(installation.database, 4, None) == 3
    assert await numbers(installation, record) == [1, 2, 6, 7, 8]
    assert await prune(installation.database, 3, None) == 1
    assert await numbers(installation, record) == [2, 6, 7, 8], "what was passed within the hour takes nobody's place"


async def test_the_old_go_but_for_what_stands(installation: Installation) -> None:
    record = await saved(installation, tag, 4, "name", name="Rope")
    await make_old(installation, record, 40, 1, 2, 3, 4)
    await make_old(installation, record, 20, 3)
    assert await prune(installation.database, 0, timedelta(days=30)) == 2
    assert await numbers(installation, record) == [3, 4]


async def test_nothing_goes_where_all_is_kept(installation: Installation) -> None:
    record = await saved(installation, tag, 3, "name", name="Rope")
    await make_old(installation, record, 4_000, 1, 2, 3)
    assert await prune(installation.database, 0, None) == 0
    assert await numbers(installation, record) == [1, 2, 3]


async def test_what_is_published_and_what_is_drafted_on_it_stays(installation: Installation) -> None:
    record = await saved(installation, article, 3, "title", title="Tide", published_at=utc_now())
    path = f"/articles/{record.id}"
    for title in ("Ebb", "Flow"):
        await installation.send("PATCH", f"{path}?draft=true", Role.EDITOR, headers=ANY, json={"title": title})
    async with installation.work(Role.EDITOR) as work:
        service = work.service(article)
        await service.change(await service.get(record.id), {"excerpt": "Short."})
    rows = await installation.rows("revisions")
    stands = [row["number"] for row in rows if row["record_id"] == record.id and row["version"] >= FIRST_DRAFT]
    (last,) = {row["number"] for row in rows if row["record_id"] == record.id and row["verb"] == "updated"} - {1, 2, 3}
    assert await prune(installation.database, 1, None) == 4
    assert await numbers(installation, record) == sorted([3, stands[-1], last])
    assert (await installation.send("DELETE", f"{path}/draft", Role.EDITOR, headers=ANY)).status_code == 204
    await prune(installation.database, 1, None)
    assert await numbers(installation, record) == [last, 8]


async def test_what_was_pruned_is_told_and_not_undone(installation: Installation) -> None:
    record = await saved(installation, tag, 3, "name", name="Rope")
    log = (await installation.send("GET", "/changes", Role.EDITOR)).json()["items"]
    await prune(installation.database, 1, None)
    gone = await installation.send("GET", f"/tags/{record.id}/revisions/1", Role.EDITOR)
    assert_problem(gone, 404)
    assert "too old to be kept" in gone.json()["detail"]
    for item in log[1:3]:
        refused = await installation.send("POST", f"/changes/{item['id']}/undo", Role.EDITOR)
        assert_problem(refused, 409)
        assert "too old" in refused.json()["detail"]
    listed = (await installation.send("GET", "/changes", Role.EDITOR)).json()["items"]
    assert [item["id"] for item in listed] == [log[0]["id"]]


async def test_a_change_of_which_a_part_is_gone_is_not_undone_in_part(installation: Installation) -> None:
    first, second = [await installation.make(tag, name=name) for name in ("Rope", "Knot")]
    async with installation.work(Role.EDITOR) as work:
        service = work.service(tag)
        for record in (first, second):
            await service.change(await service.get(record.id), {"name": f"{record.name}s"})
    (both, *_) = (await installation.send("GET", "/changes", Role.EDITOR)).json()["items"]
    await installation.send("PATCH", f"/tags/{first.id}", Role.EDITOR, headers=ANY, json={"name": "Sail"})
    await prune(installation.database, 1, None)
    listed = (await installation.send("GET", "/changes", Role.EDITOR)).json()["items"]
    assert [(item["is_pruned"], item["record_count"]) for item in listed[:2]] == [(False, 1), (True, 1)]
    assert_problem(await installation.send("POST", f"/changes/{both['id']}/undo", Role.EDITOR), 409)


def test_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (Settings().revisions_kept, Settings().revisions_days) == (100, 0)
    monkeypatch.setenv("CMS_REVISIONS_KEPT", "-1")
    with pytest.raises(SettingsError, match="CMS_REVISIONS_KEPT"):
        load_settings()
