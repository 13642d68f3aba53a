"""Invitations and the profile: accounts that are offered once, and what ends the sessions of one's own."""

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from loguru import logger
from sqlalchemy import delete, update

from admin.devices import device_of
from cms.auth import passwords
from cms.auth.invitations import Invitation
from cms.auth.passwords import Hasher
from cms.auth.sessions import BROWSER_IDLE, SessionKind, UserSession, open_session
from cms.auth.users import User
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.admin.browsing import Page, Visitor
from tests.admin.conftest import Visit
from tests.installation import Installation

PASSWORD = "plum kettle orbit 41"  # noqa: S105 - of a test
NEW = "velvet gravel teapot"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same argon2 at a thousandth of its cost."""
    monkeypatch.setattr(passwords, "HASHER", Hasher(memory=64, rounds=1))


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged."""
    written: list[str] = []
    sink = logger.add(written.append, format="{message} {extra}")
    yield written
    logger.remove(sink)


async def invited(admin: Visitor, email: str = "new@example.org", role: str = "author") -> str:
    """The path of a new invitation."""
    page = await admin.post("/invitations", email=email, role=role)
    assert page.status == 200, page.text
    found = re.search(r'value="http://[^/"]+(/admin/invitation/[^"]+)"', page.html)
    assert found is not None
    return found[1]


async def accepted(guest: Visitor, path: str, name: str = "New", password: str = NEW) -> Page:
    """Open an invitation and accept it."""
    page = await guest.get(path)
    return await guest.send(page.form(path), name=name, password=password, repeated=password)


async def test_an_invitation_makes_one_account_and_signs_it_in(
    installation: Installation, admin: Visitor, visit: Visit, lines: list[str]
) -> None:
    """C19, C10, H16."""
    path, guest = await invited(admin, " New@Example.org ", "editor"), visit(Role.ANONYMOUS)
    assert "new@example.org" in (await guest.get(path)).text
    before = dict(guest.cookies)
    assert (await accepted(guest, path)).status == 303
    home = await guest.get("/")
    assert "Welcome. Your account is made" in home.text
    assert "/admin/moderation" in home.links
    assert "/admin/user/list" not in home.links
    assert set(guest.cookies.values()).isdisjoint(before.values()), "the session is a new one"
    rows = [row for row in await installation.rows("users") if row["email"] == "new@example.org"]
    assert [(row["role"], row["is_active"]) for row in rows] == [("editor", True)]
    again = await visit(Role.ANONYMOUS).get(path)
    assert (again.status, "accepted already" in again.text) == (404, True)
    token = path.rpartition("/")[2]
    assert token not in str(await installation.rows("invitations"))
    assert token not in "".join(lines), "no log holds a token"
    assert any("/admin/invitation/[redacted]" in line for line in lines)


async def test_of_two_who_accept_at_once_one_does(installation: Installation, admin: Visitor, visit: Visit) -> None:
    """C19: an invitation works once, whoever is quick."""
    path = await invited(admin)
    guests = [visit(Role.ANONYMOUS), visit(Role.ANONYMOUS)]
    pages = await asyncio.gather(*(accepted(guest, path, f"Guest {n}") for n, guest in enumerate(guests)))
    assert sorted(page.status for page in pages) == [303, 404]
    assert len([row for row in await installation.rows("users") if row["email"] == "new@example.org"]) == 1


@pytest.mark.parametrize("end", ["expired", "withdrawn", "replaced", "demoted", "switched off", "mistyped"])
async def test_an_invitation_ends(installation: Installation, admin: Visitor, visit: Visit, end: str) -> None:
    """C19."""
    path, guest = await invited(admin), visit(Role.ANONYMOUS)
    form = (await guest.get(path)).form(path)
    if end == "withdrawn":
        page = await admin.get("/invitations")
        assert (await admin.send(page.form("/invitations/revoke"))).status == 303
        assert "Nobody is invited" in (await admin.get("/invitations")).text
        assert (await admin.send(page.form("/invitations/revoke"))).status == 404
    elif end == "replaced":
        await invited(admin)
    elif end == "mistyped":
        form.action = path = path[:-1]
    async with installation.database.session() as session:
        if end == "expired":
            await session.execute(update(Invitation).values(expires_at=utc_now() - timedelta(seconds=1)))
        elif end in {"demoted", "switched off"}:
            values = {"role": Role.EDITOR} if end == "demoted" else {"is_active": False}
            await session.execute(update(User).where(User.role == Role.ADMIN).values(**values))
    shown = await guest.get(path)
    sent = await guest.send(form, name="New", password=NEW, repeated=NEW)
    assert (shown.status, sent.status) == (404, 404), sent.text
    assert not [row for row in await installation.rows("users") if row["email"] == "new@example.org"]


async def test_what_is_wrong_is_said_and_what_was_typed_stays(admin: Visitor, editor: Visitor, visit: Visit) -> None:
    """B08: nobody but administrators invites, and nobody to more than there is."""
    for data, sentence in (
        ({"email": "nobody", "role": "author"}, "no e-mail address"),
        ({"email": "a@example.org", "role": "reader"}, "Invite an author"),
        ({"email": "a@example.org", "role": "editor", "days": "9999"}, "Choose how long"),
        ({"email": "author@example.org", "role": "editor"}, "has an account already"),
    ):
        page = await admin.post("/invitations", **data)
        assert (page.status in {409, 422}, sentence in page.text) == (True, True), page.text
        assert page.form("/invitations").fields["email"] == [data["email"]]
    assert (await editor.post("/invitations", email="a@example.org", role="admin")).status == 403
    assert (await admin.post("/invitations/revoke", invitation="none")).status == 404
    path, guest = await invited(admin), visit(Role.ANONYMOUS)
    form = (await guest.get(path)).form(path)
    for name, first, second, sentence in (
        ("Ada", NEW, "another one", "The two passwords differ"),
        ("Ada", "password1234", "password1234", "password"),
        ("Admin", NEW, NEW, "Admin"),
    ):
        page = await guest.send(form, name=name, password=first, repeated=second, role="admin", email="b@example.org")
        assert (page.status in {409, 422}, sentence in page.text) == (True, True), page.text
        assert page.form(path).fields["name"] == [name]
    assert (await guest.send(form, name="Ada", password=NEW, repeated=NEW, csrf_token="x")).status == 403, "D01"  # noqa: S106 - of a forger


async def with_password(installation: Installation, role: Role) -> None:
    """Have the one of that role sign in with what can be typed."""
    async with installation.database.session() as session:
        account = await session.get(User, installation.actor(role).id)
        assert account is not None
        account.password = await passwords.hash_password(PASSWORD)


async def test_a_new_password_asks_for_the_present_one_and_ends_other_sessions(
    installation: Installation, author: Visitor, visit: Visit
) -> None:
    """C11, C05."""
    await with_password(installation, Role.AUTHOR)
    other = await second_device(installation, visit)
    profile = await author.get("/profile")
    form = profile.form("/profile/password")
    changes = {"password": NEW, "repeated": NEW}
    for change, sentence in (
        ({"current_password": "wrong", **changes}, "not your present password"),
        ({"current_password": PASSWORD, **changes, "repeated": "x"}, "The two passwords differ"),
        ({"current_password": PASSWORD, "password": "short", "repeated": "short"}, "password"),
        ({"current_password": PASSWORD, **changes, "version": "x"}, "in another window"),
    ):
        page = await author.send(form, **change)
        assert (page.status in {412, 422}, sentence in page.text) == (True, True), page.text
    assert (await other.get("/profile")).status == 200
    assert (await author.send(form, current_password=PASSWORD, **changes)).status == 303
    assert "all other devices are signed out" in (await author.get("/profile")).text
    assert (await other.get("/profile")).status == 303
    token = installation.people[Role.AUTHOR].token
    held = await installation.client.get("/api/v1/users/me", headers={"Authorization": f"Bearer {token}"})
    assert held.status_code == 401


async def test_name_and_address_change_and_the_address_asks_for_the_password(
    installation: Installation, author: Visitor
) -> None:
    """C11."""
    await with_password(installation, Role.AUTHOR)
    form = (await author.get("/profile")).form("/profile")
    refused = await author.send(form, name="Ada", email="ada@example.org")
    assert (refused.status, "present password" in refused.text) == (422, True)
    assert refused.form("/profile").fields["email"] == ["ada@example.org"], "what was typed stays"
    assert (await author.send(form, name="Ada", email="no address")).status == 422
    assert (await author.send(form, name="Ada", role="admin")).status == 303
    stale = await author.send(form, name="Bea")
    assert (stale.status, "in another window" in stale.text) == (412, True)
    form = (await author.get("/profile")).form("/profile")
    assert (await author.send(form, email="ada@example.org", current_password=PASSWORD)).status == 303
    row = next(r for r in await installation.rows("users") if r["id"] == installation.actor(Role.AUTHOR).id)
    assert (row["name"], row["email"], row["role"]) == ("Ada", "ada@example.org", "author")


async def second_device(installation: Installation, visit: Visit) -> Visitor:
    """Another browser of the author's."""
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
    async with installation.database.session() as session:
        author_id = installation.people[Role.AUTHOR].actor.id
        assert author_id is not None
        opened = await open_session(session, author_id, SessionKind.BROWSER, agent)
    other = visit(Role.ANONYMOUS)
    other.cookies = {"masthead": opened.secret}
    return other


async def test_devices_are_listed_and_signed_out_one_or_all(
    installation: Installation, author: Visitor, editor: Visitor, visit: Visit
) -> None:
    """C05: and nobody ends the sessions of somebody else."""
    other = await second_device(installation, visit)
    profile = await author.get("/profile")
    assert "Firefox on Windows" in profile.text
    assert "this device" in profile.text
    form = profile.form("/profile/end")  # of the latest, which is the other one
    theirs = await editor.post("/profile/end", session=form.fields["session"][0])
    assert theirs.status == 303
    assert (await other.get("/profile")).status == 200, "not theirs to end"
    assert (await author.post("/profile/end", session="none")).status == 404
    assert (await author.send(form)).status == 303
    assert (await other.get("/profile")).status == 303
    other = await second_device(installation, visit)
    assert (await author.send((await author.get("/profile")).form("/profile/end-others"))).status == 303
    assert (await other.get("/profile")).status == 303
    assert (await author.get("/profile")).status == 200
    assert (await editor.get("/profile")).status == 200


async def test_an_administrator_sees_and_ends_all_sessions_of_a_user(
    installation: Installation, admin: Visitor, author: Visitor, editor: Visitor, visit: Visit
) -> None:
    """C05: tokens and cookies are worth nothing at once, and nobody else's end."""
    other = await second_device(installation, visit)
    account = f"/user/edit/{installation.actor(Role.AUTHOR).id}"
    page = await admin.get(account)
    assert "Firefox on Windows signed in just now" in page.text
    assert "last seen just now" in page.text
    assert (page.text.count("signed in just now"), page.text.count("API")) == (3, 1)
    assert "your own account" not in page.text
    assert (await admin.send(page.form("/sign-out/" + account.rpartition("/")[2]))).status == 303
    page = await admin.get(account)
    assert "Signed out everywhere." in page.text
    assert "No device." in page.text
    assert "Sign out everywhere" not in page.html
    for browser in (author, other):
        left = await browser.get("/article/list")
        assert left.response.headers["location"] == "/admin/login?next=/admin/article/list"
    assert (await installation.send("GET", "/users/me", Role.AUTHOR)).status_code == 401
    assert (await installation.send("GET", "/users/me", Role.EDITOR)).status_code == 200
    assert (await editor.get("/profile")).status == 200


async def test_only_who_may_change_an_account_sees_and_ends_its_sessions(
    installation: Installation, admin: Visitor, author: Visitor, editor: Visitor
) -> None:
    """D01 too: nobody ends sessions by having an administrator follow a link."""
    author_id = installation.actor(Role.AUTHOR).id
    address = f"/user/sign-out/{author_id}"
    assert (await editor.get(f"/user/edit/{author_id}")).status == 403
    refused = await editor.post(address)
    assert (refused.status, "may not" in refused.text) == (403, True)
    assert (await admin.call("POST", address, data={"csrf_token": "x"})).status == 403
    assert (await admin.get(address)).status in {404, 405}
    assert (await author.get("/profile")).status == 200, "none of these ended anything"
    missing = await admin.post("/user/sign-out/nobody")
    assert missing.status == 404


async def test_an_administrator_who_signs_themselves_out_is_out_here_too(
    installation: Installation, admin: Visitor
) -> None:
    path = f"/user/edit/{installation.actor(Role.ADMIN).id}"
    page = await admin.get(path)
    assert "This is your own account" in page.text
    assert (await admin.send(page.form(path.replace("edit", "sign-out")))).status == 303
    assert (await admin.get(path)).response.headers["location"] == f"/admin/login?next=/admin{path}"
    assert "Your session has ended" in (await admin.get("/login")).text


async def test_the_list_of_users_tells_when_each_was_last_seen(installation: Installation, admin: Visitor) -> None:
    """By what their sessions tell: a token when it was made, a browser when it was last prolonged."""
    seen = {Role.READER: None, Role.AUTHOR: timedelta(hours=3), Role.EDITOR: timedelta(days=2)}
    async with installation.database.session() as session:
        for role, since in seen.items():
            of_them = UserSession.user_id == installation.actor(role).id
            if since is None:
                await session.execute(delete(UserSession).where(of_them))
                continue
            started, time = utc_now() - timedelta(days=4), utc_now() - since
            ages = {"created_at": started, "expires_at": time + BROWSER_IDLE}
            await session.execute(update(UserSession).where(of_them).values(ages))
    page = await admin.get("/user/list")
    row = r'aria-label="Tick “(\w+)”.*?data-label="Last seen">(.*?)</td>'
    rows = dict(re.findall(row, page.html, re.DOTALL))
    told = {name: re.sub(r"<[^>]*>", " ", cell).split(" (")[0].strip() for name, cell in rows.items()}
    assert told["Author"] == "3 hours ago"
    assert told["Editor"] == "2 days ago", "its session has expired since"
    assert told["Admin"] == "just now"
    assert told["Reader"].startswith("—")


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("python-httpx/0.28", "a Python program"),
        ("<script>", "<script>"),
        ("", "An unnamed device"),
    ],
)
def test_devices_have_words(agent: str, words: str) -> None:
    assert device_of(agent) == words
