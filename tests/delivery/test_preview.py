"""Preview links: the draft of one record, for whoever has the link, while its maker may show it (A13, H16)."""

import re
from datetime import timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest
from loguru import logger
from sqlalchemy import delete, update

from cms.auth.users import User
from cms.content.articles import article
from cms.content.pages import page
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from cms.crud.problems import Forbidden, NotFound
from cms.delivery import router
from cms.delivery.links import MadeLink, PreviewLink, make_link, open_links, revoke_link, tidy_links
from cms.delivery.preview import PREVIEW_PATH, read_preview
from cms.outages import DatabaseUnavailable
from tests.installation import Installation
from tests.samples import picture

ANY = {"If-Match": "*"}
DAY = timedelta(days=1)


async def share(
    installation: Installation,
    record: Any,
    role: Role = Role.EDITOR,
    kind: Any = article,
    lifetime: timedelta = DAY,
    *,
    is_bound: bool = False,
) -> MadeLink:
    """A link that the one of that role makes; `is_bound` to what the draft says now."""
    async with installation.work(role) as work:
        actor, reader = work.actor, installation.app.state.reader
        shown = (await installation.database.read(read_preview, reader, kind, record.id, actor)) if is_bound else None
        return await make_link(work, kind, record.id, lifetime, shown and shown.frozen())


async def visit(installation: Installation, link: MadeLink | str) -> httpx.Response:
    """What somebody without an account gets."""
    token = link if isinstance(link, str) else link.token
    return await installation.client.get(PREVIEW_PATH + token)


async def assert_nothing_is_shown(installation: Installation, link: MadeLink | str, status: int, says: str) -> None:
    answer = await visit(installation, link)
    assert answer.status_code == status
    assert says in answer.text
    assert "Slow tides" not in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert "no-store" in answer.headers["cache-control"]


async def test_a_link_shows_the_draft_and_not_what_readers_see(installation: Installation) -> None:
    media = await installation.send("POST", "/media", Role.EDITOR, files={"file": ("quay.png", picture(1))})
    words = {"title": "Slow tides", "content": "The sea **waits**.", "excerpt": "At the quay."}
    made = await installation.make(article, Role.AUTHOR, **words)
    path = f"/articles/{made.id}"
    assert (await installation.send("POST", f"{path}/publish", Role.EDITOR)).status_code == 200
    body = {"title": "Quick <tides>", "content": "It *runs*. <script>hit()</script>", "cover": media.json()["id"]}
    saved = await installation.send("PATCH", f"{path}?draft=true", Role.EDITOR, headers=ANY, json=body)
    assert saved.status_code == 200, saved.text
    answer = await visit(installation, await share(installation, made))
    assert answer.status_code == 200
    for shown in ("Quick &lt;tides&gt;", "It <em>runs</em>.", "At the quay.", "Author", media.json()["url"]):
        assert shown in answer.text
    for hidden in ("Slow tides", "waits", "<script", str(made.id)):
        assert hidden not in answer.text
    headers = answer.headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-robots-tag"].startswith("noindex")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert style is not None
    assert style[1].startswith(":root"), "what the policy's hash is of is the whole of it, unescaped"
    assert (await installation.client.head(PREVIEW_PATH + "x")).status_code == 404


async def test_what_has_neither_draft_nor_cover_is_shown_too(installation: Installation) -> None:
    made = await installation.make(page, title="About", content="Us.")
    answer = await visit(installation, await share(installation, made, kind=page))
    assert answer.status_code == 200
    assert "Not published yet" in answer.text


async def test_a13_a_token_opens_one_record_and_no_other(installation: Installation) -> None:
    """A13: nothing in an address turns the token of one post into that of another."""
    first = await installation.make(article, title="Slow tides")
    second = await installation.make(article, title="Kept back")
    link = await share(installation, first)
    for query in (f"?id={second.id}", f"?key={second.slug}", f"?record_id={second.id}&record_type=articles"):
        answer = await installation.client.get(f"{PREVIEW_PATH}{link.token}{query}")
        assert "Slow tides" in answer.text
        assert "Kept back" not in answer.text
    for token in (link.token[:-1], f"{link.token}x", link.token.swapcase(), str(link.id), "x" * 5000, "%00", "é"):
        await assert_nothing_is_shown(installation, token, 404, "no such preview")
    async with installation.work(Role.EDITOR) as work:
        with pytest.raises(NotFound):
            await revoke_link(work, article, second.id, link.id)
        with pytest.raises(NotFound):
            await revoke_link(work, article, first.id, second.id)
    assert (await visit(installation, link)).status_code == 200


async def test_a13_a_token_is_bound_to_one_revision(installation: Installation) -> None:
    """A13: what is written later is seen by those alone whose link goes along with the draft."""
    media = await installation.send("POST", "/media", Role.EDITOR, files={"file": ("quay.png", picture(1))})
    words = {"title": "Slow tides", "content": "The sea **waits**.", "excerpt": "At the quay."}
    made = await installation.make(article, Role.EDITOR, **words, published_at=utc_now(), cover=media.json()["id"])
    bound, along = await share(installation, made, is_bound=True), await share(installation, made)
    first = (await visit(installation, bound)).text
    assert "A preview of " in first
    assert "A preview: " in (await visit(installation, along)).text
    for seen in ("Slow tides", "<strong>waits</strong>", "At the quay.", media.json()["url"], "Not published yet"):
        assert (seen in first) is (seen != "Not published yet"), seen
    body = {"title": "Kept back", "content": "Secret.", "excerpt": "Later.", "cover": None}
    saved = await installation.send("PATCH", f"/articles/{made.id}?draft=true", Role.EDITOR, headers=ANY, json=body)
    assert saved.status_code == 200
    assert (await visit(installation, bound)).text == first
    later = (await visit(installation, along)).text
    assert "Kept back" in later
    assert "Slow tides" not in later
    opened = await installation.database.read(open_links, article, made.id)
    assert [link.goes_along for link in opened] == [True, False]
    assert (await installation.send("DELETE", f"/articles/{made.id}", Role.EDITOR, headers=ANY)).status_code == 204
    await assert_nothing_is_shown(installation, bound, 410, "not shared any more")


async def test_a13_a_token_ends_with_its_time(installation: Installation) -> None:
    """A13."""
    made = await installation.make(article, title="Slow tides")
    link = await share(installation, made, lifetime=timedelta(days=7))
    left = link.expires_at - utc_now()
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    async with installation.database.session() as session:
        await session.execute(update(PreviewLink).values(expires_at=utc_now() - timedelta(seconds=1)))
    await assert_nothing_is_shown(installation, link, 410, "has expired")
    assert await installation.database.read(open_links, article, made.id) == []
    async with installation.database.session() as session:
        await session.execute(update(PreviewLink).values(expires_at=utc_now() - timedelta(days=31)))
    await share(installation, made)
    await tidy_links(installation.database, installation.registry)
    assert len(await installation.rows("preview_links")) == 1, "what nobody asks for any more is forgotten"


async def test_what_no_link_shows_any_more_is_not_kept(installation: Installation) -> None:
    """Not once it is revoked or has expired, and not once its record is gone for good."""
    made, gone = [await installation.make(article, title=title) for title in ("Slow tides", "Neap tides")]
    ended, revoked = [await share(installation, made, is_bound=True) for _ in range(2)]
    await share(installation, gone, is_bound=True)
    async with installation.work(Role.EDITOR) as work:
        await revoke_link(work, article, made.id, revoked.id)
    async with installation.database.session() as session:
        past = {"expires_at": utc_now() - timedelta(seconds=1)}
        await session.execute(update(PreviewLink).where(PreviewLink.id == ended.id).values(past))
    works = await share(installation, made, is_bound=True)
    assert (await installation.send("DELETE", f"/articles/{gone.id}", Role.EDITOR, headers=ANY)).status_code == 204
    await tidy_links(installation.database, installation.registry)
    assert len(await installation.rows("preview_links")) == 4, "what is in the trash may come back"
    path = f"/articles/{gone.id}?permanent=true"
    assert (await installation.send("DELETE", path, Role.ADMIN, headers=ANY)).status_code == 204
    await tidy_links(installation.database, installation.registry)
    kept = {row["id"]: row["shown"] is not None for row in await installation.rows("preview_links")}
    assert kept == {ended.id: False, revoked.id: False, works.id: True}
    assert "Slow tides" in (await visit(installation, works)).text


async def test_a13_a_token_ends_when_it_is_revoked(installation: Installation) -> None:
    """A13: that one, and not those beside it."""
    made = await installation.make(article, title="Slow tides")
    link, other = [await share(installation, made) for _ in range(2)]
    for _ in range(2):
        async with installation.work(Role.EDITOR) as work:
            await revoke_link(work, article, made.id, link.id)
    await assert_nothing_is_shown(installation, link, 410, "was withdrawn")
    assert (await visit(installation, other)).status_code == 200
    assert [row.id for row in await installation.database.read(open_links, article, made.id)] == [other.id]


async def test_a13_a_token_ends_with_its_record(installation: Installation) -> None:
    """A13: in the trash, and deleted for good."""
    made = await installation.make(article, title="Slow tides")
    link = await share(installation, made)
    path = f"/articles/{made.id}"
    assert (await installation.send("DELETE", path, Role.EDITOR, headers=ANY)).status_code == 204
    await assert_nothing_is_shown(installation, link, 410, "not shared any more")
    gone = await installation.send("DELETE", f"{path}?permanent=true", Role.ADMIN, headers=ANY)
    assert gone.status_code == 204
    await assert_nothing_is_shown(installation, link, 410, "not shared any more")


@pytest.mark.parametrize("change", [{"role": Role.READER}, {"role": Role.AUTHOR}, {"is_active": False}])
async def test_a13_a_token_ends_with_its_makers_rights(installation: Installation, change: dict[str, Any]) -> None:
    """A13: who may not see a draft any more shows it to nobody."""
    made = await installation.make(article, title="Slow tides")
    link = await share(installation, made)
    maker = User.id == installation.actor(Role.EDITOR).id
    async with installation.database.session() as session:
        await session.execute(update(User).where(maker).values(**change))
    await assert_nothing_is_shown(installation, link, 410, "not shared any more")
    async with installation.database.session() as session:
        await session.execute(delete(User).where(maker))
    await assert_nothing_is_shown(installation, link, 404, "no such preview")


async def test_a13_who_may_not_edit_a_record_neither_sees_its_draft_nor_shares_it(installation: Installation) -> None:
    """A13: another author, a reader, nobody; and the author whose own it is may."""
    theirs = await installation.make(article, title="Slow tides")
    public = await installation.make(article, title="Slow tides", published_at=utc_now())
    mine = await installation.make(article, Role.AUTHOR, title="Mine")
    reader = installation.app.state.reader
    for role in (Role.AUTHOR, Role.READER, Role.ANONYMOUS):
        for made, problem in ((theirs, NotFound), (public, Exception)):
            with pytest.raises(problem):
                await share(installation, made, role)
            with pytest.raises(problem):
                await installation.database.read(read_preview, reader, article, made.id, installation.actor(role))
    assert await installation.rows("preview_links") == []
    assert (await visit(installation, await share(installation, mine, Role.AUTHOR))).status_code == 200
    with pytest.raises(Forbidden):
        await share(installation, public, Role.AUTHOR)


async def test_what_has_no_page_is_not_previewed(installation: Installation) -> None:
    made = await installation.make(tag, name="Slow tides")
    link = await share(installation, made, kind=tag)
    await assert_nothing_is_shown(installation, link, 410, "not shared any more")
    async with installation.database.session() as session:
        await session.execute(update(PreviewLink).values(record_type="poems"))
    await assert_nothing_is_shown(installation, link, 410, "not shared any more")


async def test_h16_a_token_stands_in_no_log_and_in_no_table(installation: Installation) -> None:
    """H16: whatever becomes of the request."""
    made = await installation.make(article, title="Slow tides")
    link = await share(installation, made)
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(f"{message}{message.record}"), level="DEBUG")
    try:
        await visit(installation, link)
        await installation.client.post(PREVIEW_PATH + link.token)
        await installation.client.get(f"{PREVIEW_PATH}{link.token}/more")
        await installation.client.get(PREVIEW_PATH + link.token, headers={"Host": "evil.example"})
    finally:
        logger.remove(sink)
    assert len(lines) >= 4
    assert "/preview/[redacted]" in lines[0]
    assert link.token not in "".join(lines)
    (row,) = await installation.rows("preview_links")
    assert link.token not in str(row)
    assert row["secret_hash"] == sha256(link.token.encode()).hexdigest()
    assert len(link.token) >= 43, "256 bits"


async def test_who_asks_too_often_is_told_to_wait(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "VISITS", router.VISITS._replace(times=2))
    answers = [await visit(installation, "x") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "Wait" in answers[-1].text


async def test_without_a_database_the_page_says_so(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise DatabaseUnavailable("The database does not answer.")

    monkeypatch.setattr(installation.database, "read", fail)
    answer = await visit(installation, "x")
    assert answer.status_code == 503
    assert "does not answer" in answer.text
