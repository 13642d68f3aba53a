"""A newsroom at work: the demo magazine, and around it what people have under way."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import cms.content
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from cms.exchange.apply import apply
from tests.admin.browsing import Visitor
from tests.installation import Installation

DEMO = Path(cms.content.__file__).parent / "demo"
LIVE = "how-to-read-a-lighthouse"
"""The slug of a live article with a history, and with a working draft over it."""
TRASHED = "salt-by-the-square-metre"
"""The slug of an article in the trash; a comment on it waits."""
QUESTION, THANKS = (
    "The one at our harbour mouth was changed to green last spring. Is the list of 2024 still good?",
    "I have taught evening classes with less in them than this. Thank you.",
)
WAITING = (
    (LIVE, "Agnes Rourke", QUESTION),
    (LIVE, "Tom Hale", THANKS),
    ("forty-flags", "Joy Okafor", "“Understood” is the only word my father ever signalled home."),
    ("the-rule-of-twelfths", "Petra Lind", "It fails in the Solent, where high water stands for two hours."),
    ("the-rule-of-twelfths", "Lamp Supplier", "Amazing post dear! Visit our shop for best LED lamps of all."),
    (TRASHED, "Rui Sampaio", "My grandfather raked these pans."),
)


async def furnish_newsroom(installation: Installation) -> None:
    """Fill an empty installation."""
    state = installation.app.state
    report = await apply(state.database, state.registry, state.reader, state.storage, DEMO)
    assert not report.refused
    await _write(installation)
    await _schedule(installation)
    await _review(installation)
    await _answer(installation)
    for slug in ("cloth-that-lifts", TRASHED):
        await send(installation, "DELETE", f"/articles/{slug}", Role.EDITOR, headers={"If-Match": "*"})
    editor = Visitor(installation.client, installation.people[Role.EDITOR].cookie)
    await editor.post("/article/views", verb="save", name="In the open", query="status=published")


async def send(installation: Installation, method: str, path: str, role: Role, **rest: Any) -> Any:
    """Call the API as somebody who may; the body of its answer."""
    answer = await installation.send(method, path, role, **rest)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


async def _write(installation: Installation) -> None:
    """Drafts, and changes of what is live: made, made again, and still being thought about."""
    for role, title in (
        (Role.EDITOR, "The Harbour Master’s Notebook"),
        (Role.EDITOR, "What a Buoy Is Tied To"),
        (Role.AUTHOR, "Sounding With a Lead Line"),
        (Role.AUTHOR, "A Pilot’s Winter"),
    ):
        await _draft(installation, role, title)
    for query, change in (
        ("", {"excerpt": "By day a building, by night a sentence."}),
        ("", {"excerpt": "By day a lighthouse is a building; by night it speaks."}),
        ("?draft=true", {"title": "How to Read Any Lighthouse"}),
    ):
        await send(
            installation, "PATCH", f"/articles/{LIVE}{query}", Role.EDITOR, json=change, headers={"If-Match": "*"}
        )


async def _schedule(installation: Installation) -> None:
    for days, title in ((2, "The Last Lamp Changer"), (9, "Paint That Keeps the Weed Away")):
        made = await _draft(installation, Role.EDITOR, title)
        at = {"at": (utc_now() + timedelta(days=days)).isoformat()}
        await send(installation, "POST", f"/articles/{made['id']}/publish", Role.EDITOR, json=at)


async def _review(installation: Installation) -> None:
    """One that waits for its review, and one that was returned."""
    waiting, returned = [
        await _draft(installation, Role.AUTHOR, title) for title in ("Ice on the Breakwater", "Twelve Knots and a Bend")
    ]
    for made in (waiting, returned):
        await send(installation, "POST", f"/articles/{made['id']}/submit", Role.AUTHOR)
    note = {"note": "Lovely. The bend wants a drawing, and the second half could be shorter."}
    await send(installation, "POST", f"/articles/{returned['id']}/return", Role.EDITOR, json=note)


async def _answer(installation: Installation) -> None:
    """Comments that wait, and one that answers another."""
    for slug, name, content in WAITING:
        email = f"{name.split()[-1].lower()}@example.com"
        body = {"article": slug, "name": name, "email": email, "content": content}
        await send(installation, "POST", "/comments", Role.ANONYMOUS, json=body)
    query = "/comments?article__slug=the-rule-of-twelfths&limit=1"
    (above,) = (await send(installation, "GET", query, Role.ANONYMOUS))["items"]
    body = {"article": "the-rule-of-twelfths", "parent": above["id"], "content": "So do the tables for Southampton."}
    await send(installation, "POST", "/comments", Role.READER, json=body)


async def _draft(installation: Installation, role: Role, title: str) -> Any:
    body = {
        "title": title,
        "excerpt": "Notes from a quay in the north, and from the people who keep it.",
        "content": "The wind had gone round in the night.\n\n## At the quay\n\nNobody hurried, and nobody waited.",
        "category": "harbours",
        "tags": ["boats", "tools"],
    }
    return await send(installation, "POST", "/articles", role, json=body)
