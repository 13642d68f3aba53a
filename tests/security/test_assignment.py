"""Writing more than one may: by fields that nobody offered, through relations, upwards, and under what is closed."""

from typing import Any

import pytest

from cms.auth import passwords
from cms.auth.passwords import Hasher
from cms.auth.throttle import Throttle
from cms.content.articles import article
from cms.content.comments import CommentStatus, comment
from cms.content.pages import page
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Action, Role
from tests.admin.browsing import Visitor
from tests.installation import Installation
from tests.problems import assert_problem
from tests.samples import HOST, make_host
from tests.security.attacks import ANY, NOWHERE, fingerprint

PASSWORD = "velvet gravel teapot"  # noqa: S105 - of these tests
PRIVILEGES: dict[str, Any] = {
    "is_superuser": True, "is_verified": True, "is_active": True, "role": "admin", "roles": ["admin"], "id": NOWHERE,
    "hashed_password": "x", "created_at": "2020-01-01T00:00:00Z", "permissions": ["*"],
}  # fmt: skip


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same argon2 at a thousandth of its cost."""
    monkeypatch.setattr(passwords, "HASHER", Hasher(memory=64, rounds=1))


async def account(site: Installation, role: Role) -> dict[str, Any]:
    """The row of somebody."""
    return next(row for row in await site.rows("users") if row["id"] == site.actor(role).id)


async def test_b01_nobody_registers_as_more_than_a_reader(installation: Installation) -> None:
    """B01: each key alone and all at once, as JSON, form and query; refused, or the row has the defaults."""
    known = {"email": "new@example.org", "password": PASSWORD, "name": "New"}
    count = len(await installation.rows("users"))
    for more in (*({key: value} for key, value in PRIVILEGES.items()), PRIVILEGES):
        assert_problem(await installation.send("POST", "/auth/register", json={**known, **more}), 422)
        assert_problem(await installation.send("POST", "/auth/register", data={**known, **_text(more)}), 415)
        assert_problem(await installation.send("POST", "/auth/register", json=known, params=_text(more)), 400)
    assert len(await installation.rows("users")) == count
    assert (await installation.send("POST", "/auth/register", json=known)).status_code == 201
    made = next(row for row in await installation.rows("users") if row["email"] == known["email"])
    assert (made["role"], made["is_active"], made["version"]) == (Role.READER, True, 1)


@pytest.mark.parametrize("role", [Role.READER, Role.AUTHOR, Role.EDITOR])
async def test_b02_nobody_gives_themselves_more(installation: Installation, role: Role) -> None:
    """B02: the same keys as JSON, form and query; the row does not change."""
    before = await account(installation, role)
    for key, value in PRIVILEGES.items():
        send = installation.send
        as_json = await send("PATCH", "/users/me", role, headers=ANY, json={key: value, "name": "Other"})
        assert_problem(as_json, 422, f"/{key}")
        assert_problem(await send("PATCH", "/users/me", role, headers=ANY, data=_text({key: value})), 415)
        by_query = await send(
            "PATCH", "/users/me", role, headers=ANY, json={"name": "Other"}, params=_text({key: value})
        )
        assert_problem(by_query, 400, parameter=key)
    assert await account(installation, role) == before


def _text(values: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


async def test_b03_authors_set_no_protected_field(installation: Installation) -> None:
    """B03: neither when they write nor when they change."""
    send = installation.send
    await send("POST", "/articles", Role.EDITOR, json={"title": "Other", "slug": "other"})
    mine = (await send("POST", "/articles", Role.AUTHOR, json={"title": "Mine"})).json()
    before = await fingerprint(installation)
    other = str(installation.actor(Role.EDITOR).id)
    protected: dict[str, Any] = {
        "status": "published", "is_published": True, "author_id": other, "author": other, "slug": "other",
        "published_at": "2020-01-01T00:00:00Z", "unpublish_at": "2030-01-01T00:00:00Z", "view_count": 7,
        "is_pinned": True, "revision": 7, "created_by": other, "updated_by": other, "comment_count": 7, "id": NOWHERE,
    }  # fmt: skip
    for name, value in protected.items():
        made = await send("POST", "/articles", Role.AUTHOR, json={"title": "New", name: value})
        changed = await send("PATCH", f"/articles/{mine['id']}", Role.AUTHOR, headers=ANY, json={name: value})
        replaced = await send(
            "PUT", f"/articles/{mine['id']}", Role.AUTHOR, headers=ANY, json={"title": "Mine", name: value}
        )
        expected = {409} if name == "slug" else {403, 422}
        for answer in (made, changed, replaced):
            assert answer.status_code in expected, (name, answer.text)
            assert_problem(answer, answer.status_code, f"/{name}")
    assert await fingerprint(installation) == before


async def test_b04_nothing_is_written_through_a_relation(installation: Installation) -> None:
    """B04: neither a nested object, nor connecting and disconnecting, nor a link to what one can't read."""
    send = installation.send
    await make_host(installation)
    hidden = await installation.make(article, title="Hidden")
    root = await installation.make(page, title="Hidden root")
    await installation.make(tag, name="Rope")
    mine = (await send("POST", "/articles", Role.AUTHOR, json={"title": "Mine", "tags": ["rope"]})).json()
    before = await fingerprint(installation)
    boss = str(installation.actor(Role.ADMIN).id)
    nested: list[dict[str, Any]] = [
        {"author": {"id": str(installation.actor(Role.AUTHOR).id), "is_superuser": True, "role": "admin"}},
        {"author": {"connect": boss}}, {"author": {"connect": {"id": boss}}}, {"author": boss},
        {"category": {"name": "New"}}, {"category": {"create": {"name": "New"}}}, {"category": NOWHERE},
        {"tags": {"connect": [NOWHERE]}}, {"tags": {"disconnect": ["rope"]}}, {"tags": [{"id": NOWHERE}]},
        {"tags": {"set": []}}, {"tags": ["rope", NOWHERE]}, {"cover": {"create": {}}}, {"cover": NOWHERE},
    ]  # fmt: skip
    for values in nested:
        for method, path, body in (
            ("POST", "/articles", {"title": "New", **values}),
            ("PATCH", f"/articles/{mine['id']}", values),
            ("PUT", f"/articles/{mine['id']}", {"title": "Mine", **values}),
        ):
            answer = await send(method, path, Role.AUTHOR, headers=ANY, json=body)
            assert answer.status_code in {403, 422}, (method, values, answer.text)
    for role in (Role.ANONYMOUS, Role.READER, Role.AUTHOR):
        values = {"article": str(hidden.id), "name": "Ann", "email": "ann@example.org", "content": "Hm."}
        assert_problem(await send("POST", "/comments", role, json=values), 422, "/article")
        below = await send("POST", "/pages", role, json={"title": "Below", "parent": str(root.id)})
        assert below.status_code in {401, 403}
    assert await fingerprint(installation) == before


async def test_b08_nobody_rises_and_nobody_reaches_an_administrator(installation: Installation) -> None:
    """B08: by the API and by the back office: role, e-mail address and password of the administrator and one's own."""
    before = await installation.rows("users")
    changes = ({"role": "admin"}, {"role": "reader"}, {"email": "x@example.org"}, {"password": PASSWORD}, {"name": "X"})
    for role in (Role.ANONYMOUS, Role.READER, Role.AUTHOR, Role.EDITOR):
        person = installation.people.get(role)
        visitor = Visitor(installation.client, person.cookie if person else None)
        for target in {installation.actor(Role.ADMIN).id, installation.actor(role).id} - {None}:
            for change in changes:
                whole = {"email": "x@example.org", "name": "X", "password": PASSWORD, **change}
                for method, body in (("PATCH", change), ("PUT", whole)):
                    answer = await installation.send(method, f"/users/{target}", role, headers=ANY, json=body)
                    assert_problem(answer, 403 if person else 401)
                page = await visitor.post(f"/user/edit/{target}", _version="1", **change)
                assert page.status == (403 if role in {Role.AUTHOR, Role.EDITOR} else 303), change
            deleted = await installation.send("DELETE", f"/users/{target}", role, headers=ANY)
            assert_problem(deleted, 403 if person else 401)
            gone = await visitor.post("/user/bulk", action="delete", confirmed="yes", records=f"{target}:1")
            assert gone.status == (403 if role in {Role.AUTHOR, Role.EDITOR} else 303)
    assert await installation.rows("users") == before


async def test_b08_the_last_administrator_stays_by_every_door(installation: Installation) -> None:
    """B08: neither demoted nor switched off nor deleted, over REST and at the back office."""
    me = installation.actor(Role.ADMIN).id
    before = await installation.rows("users")
    for change in ({"role": "editor"}, {"role": "reader"}, {"is_active": False}):
        answer = await installation.send("PATCH", f"/users/{me}", Role.ADMIN, headers=ANY, json=change)
        assert_problem(answer, 409)
    assert_problem(await installation.send("DELETE", f"/users/{me}", Role.ADMIN, headers=ANY), 409)
    visitor = Visitor(installation.client, installation.people[Role.ADMIN].cookie)
    form = (await visitor.get(f"/user/edit/{me}")).edit
    for fields in ({"role": "editor"}, {"is_active": None}):
        assert (await visitor.send(form, **fields)).status == 409
    gone = await visitor.post("/user/bulk", action="delete", confirmed="yes", records=f"{me}:1")
    assert gone.status == 409
    assert await installation.rows("users") == before


async def test_b15_nobody_comments_where_they_may_not(installation: Installation) -> None:
    """B15: on a draft, in the trash, where the site is closed, under a comment of elsewhere, approved or as another."""
    send, words = installation.send, {"name": "Ann", "email": "ann@example.org", "content": "Hm."}
    await make_host(installation)
    draft = await installation.make(article, title="Draft")
    trashed = await installation.make(article, title="Trashed", published_at=utc_now())
    async with installation.work() as work:
        service = work.service(article)
        await service.delete(await service.get(trashed.id, Action.DELETE), 0)
    other = await installation.make(article, title="Other", published_at=utc_now())
    elsewhere = await installation.make(comment, article=str(other.id), content="There.", status=CommentStatus.APPROVED)
    boss = str(installation.actor(Role.ADMIN).id)
    attempts: list[dict[str, Any]] = [
        {"article": str(draft.id)}, {"article": "draft"}, {"article": str(trashed.id)}, {"article": "trashed"},
        {"article": HOST, "parent": str(elsewhere.id)}, {"article": HOST, "parent_id": str(elsewhere.id)},
        {"article": HOST, "status": "approved"}, {"article": HOST, "author": boss}, {"article": HOST, "user_id": boss},
        {"article": HOST, "author_id": boss}, {"article": HOST, "is_approved": True}, {"article": NOWHERE},
    ]  # fmt: skip
    before = await fingerprint(installation)
    for role in (Role.ANONYMOUS, Role.READER, Role.AUTHOR):
        installation.app.state.throttle = Throttle(None)  # so that nothing is refused for being tried too often
        for values in attempts:
            answer = await send("POST", "/comments", role, json={**words, **values})
            assert answer.status_code in {403, 404, 422}, (role, values, answer.text)
    assert await fingerprint(installation) == before
    await send("PATCH", "/site", Role.ADMIN, headers=ANY, json={"allow_anonymous_comments": False})
    assert_problem(await send("POST", "/comments", json={**words, "article": HOST}), 401)
    assert len(await installation.rows("comments")) == 1
