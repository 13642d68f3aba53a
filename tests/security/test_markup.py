"""Hostile Markdown through the doors, as anonymous readers are handed it."""

from cms.content.articles import article
from cms.content.comments import comment
from cms.crud.policy import Role
from tests.editorial.test_sanitising import (
    ALLOWED_ATTRIBUTES,
    ALLOWED_TAGS,
    ATTACKS,
    COMMENT_ATTRIBUTES,
    COMMENT_TAGS,
    assert_harmless,
)
from tests.installation import Installation
from tests.samples import HOST, make_host

LONG_AGO = "2026-01-01T00:00:00Z"


async def test_no_attack_in_an_article_reaches_a_reader(installation: Installation) -> None:
    """E03: the whole corpus, stored and read again; tests/editorial/test_sanitising.py tries each piece alone."""
    texts = [attack.replace("\0", "") for attack in ATTACKS]
    for number in range(0, len(texts), 8):
        content = "\n\n".join(texts[number : number + 8])
        made = await installation.make(article, title=f"Attack {number}", content=content, published_at=LONG_AGO)
        answer = await installation.send("GET", f"/articles/{made.slug}")
        assert answer.status_code == 200
        assert_harmless(answer.json()["content_html"], ALLOWED_TAGS, ALLOWED_ATTRIBUTES)


async def test_no_attack_in_a_comment_reaches_a_reader(installation: Installation) -> None:
    """E03."""
    await make_host(installation)
    for number in range(0, len(ATTACKS), 8):
        content = "\n\n".join(ATTACKS[number : number + 8])[:1900]
        await installation.make(comment, Role.EDITOR, article=HOST, content=content, status="approved")
    items = (await installation.send("GET", "/comments", params={"limit": 100})).json()["items"]
    assert len(items) == len(range(0, len(ATTACKS), 8))
    for item in items:
        assert_harmless(item["content_html"], COMMENT_TAGS, COMMENT_ATTRIBUTES)
