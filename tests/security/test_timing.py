"""Whether the time of an answer tells who has an account."""

import ast

import pytest
from sqlalchemy import delete, update

from cms.auth import passwords
from cms.auth.throttle import Throttle
from cms.auth.users import User
from tests.admin.browsing import Visitor
from tests.installation import Installation
from tests.security.serving import ROOT
from tests.security.timing import Ask, Compared, compare

PAIRS, MOST = 200, 1_000
"""The AUC of 200 pairs that do not differ at all is off by 0.03 as a rule: where it is doubtful, more are taken."""
DOORS = ("login", "register", "back office")


@pytest.fixture
async def site(installation: Installation) -> Installation:
    """Where everybody has a password of the usual cost."""
    kept = await passwords.hash_password("plum kettle orbit 41")
    async with installation.database.session() as session:
        await session.execute(update(User).values(password=kept))
    return installation


async def asking(site: Installation, door: str, email: str) -> Ask:
    """Asks at a door about an address, each time as if for the first time."""
    visitor, wrong = Visitor(site.client), "velvet gravel teapot"
    token = await visitor.token()

    async def ask() -> int:
        if door == "back office":
            form = {"csrf_token": token, "email": email, "password": wrong}
            return (await visitor.call("POST", "/login", data=form)).status
        if door == "login":
            answer = await site.send("POST", "/auth/login", data={"username": email, "password": wrong})
        else:
            body = {"email": email, "name": "Some Body", "password": wrong}
            answer = await site.send("POST", "/auth/register", json=body)
        return answer.status_code

    async def ask_anew() -> None:
        assert await ask() in {201, 401}

    return ask_anew


async def renewed(site: Installation) -> None:
    """Forget what was tried, and whom that made."""
    site.app.state.throttle = Throttle(None)
    async with site.database.session() as session:
        await session.execute(delete(User).where(User.name == "Some Body"))


async def judge(site: Installation, door: str, one: str, other: str) -> Compared:
    """The times of two addresses; of as many pairs as it takes to be sure."""
    known, unknown = await asking(site, door, one), await asking(site, door, other)
    found = Compared([], [])
    while not found.one or (not 0.45 <= found.auc <= 0.55 and len(found.one) < MOST):
        more = await compare(known, unknown, PAIRS, lambda: renewed(site))
        found = Compared(found.one + more.one, found.other + more.other)
    return found


@pytest.mark.long
@pytest.mark.parametrize("door", DOORS)
async def test_c13_the_time_tells_not_who_has_an_account(site: Installation, door: str) -> None:
    """C13: 200 interleaved pairs a route: medians that differ by less than 5 % or 5 ms, and an AUC of 0.45 to 0.55."""
    found = await judge(site, door, "reader@example.org", "nobody@example.org")
    print(f"{door}: {found}")  # noqa: T201 - the figures, where they are asked for with -s
    assert found.share < 0.05 or found.difference < 0.005, str(found)
    assert 0.45 <= found.auc <= 0.55, str(found)


@pytest.mark.long
async def test_c13_the_measure_would_notice(site: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """C13: without the work on the decoy, an unknown address is told from a known one at once."""

    class Hasty(passwords.Hasher):
        def verify(self, password: str, kept: str | None) -> passwords.Verdict:
            return super().verify(password, kept) if kept is not None else passwords.Verdict(False, None)

    monkeypatch.setattr(passwords, "HASHER", Hasty())
    known, unknown = [await asking(site, "login", f"{name}@example.org") for name in ("reader", "nobody")]
    found = await compare(known, unknown, 10, lambda: renewed(site))
    assert found.auc > 0.9
    assert found.share > 0.5


def test_c13_no_mail_is_sent_while_somebody_waits() -> None:
    """C13: no module can send any; when one can, it has to do so off the path of requests."""
    senders = {"smtplib", "aiosmtplib", "fastapi_mail", "emails"}
    for file in (*ROOT.joinpath("cms").rglob("*.py"), *ROOT.joinpath("admin").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not senders & {name.partition(".")[0] for name in names}, file
