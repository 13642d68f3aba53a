"""Hostile Markdown through the doors, as anonymous readers are handed it."""

import pytest

from cms.content.articles import article
from cms.content.comments import comment
from cms.crud.policy import Role
from cms.editorial.markdown import render, render_comment
from tests.admin.chromium import started
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

IN_A_BROWSER = """
(documents) => documents.flatMap((html) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  return [...page.body.querySelectorAll("*")].flatMap((element) => [
    `<${element.localName}`, ...[...element.attributes].map((one) => `${one.name}=${one.value}`)
  ]);
})
"""
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


@pytest.mark.browser
async def test_e03_no_attack_survives_in_the_eyes_of_a_browser() -> None:
    """E03: at least 60 inputs; in the DOM that a browser makes of them: no script, `on…`, style or bad scheme."""
    assert len(set(ATTACKS)) >= 60
    for kind in (
        "<script",
        "javascript:",
        "&#",
        "%0a",
        "\t",
        "JaVa",
        "data:",
        "<svg",
        "<javascript",
        "][r]",
        "![x](x '",
    ):
        assert [attack for attack in ATTACKS if kind in attack], f"nothing tries {kind}"
    for kind in ("```", "[^1]", "|-|", "# ", "<h1 id"):
        assert [attack for attack in ATTACKS if kind in attack], f"nothing tries {kind}"
    async with started() as browser:
        page = await browser.new_page()
        for rendered, tags, attributes in (
            ([render(attack) for attack in ATTACKS], ALLOWED_TAGS, ALLOWED_ATTRIBUTES),
            ([render_comment(attack) for attack in ATTACKS], COMMENT_TAGS, COMMENT_ATTRIBUTES),
        ):
            found = await page.evaluate(IN_A_BROWSER, rendered)
            assert len(found) > 100
            assert {part[1:] for part in found if part.startswith("<")} <= tags
            pairs = [part.partition("=")[::2] for part in found if not part.startswith("<")]
            assert {name for name, _ in pairs} <= attributes
            assert not {name for name, _ in pairs if name.startswith("on") or name == "style"}
            addresses = [value.strip().lower() for name, value in pairs if name in {"href", "src"}]
            assert not [a for a in addresses if a.startswith(("javascript", "vbscript", "data", "file", "feed"))]
        await page.set_content("".join(render(attack) for attack in ATTACKS).replace("alert(1)", "window.hit=1"))
        assert await page.evaluate("window.hit") is None
        await page.close()
