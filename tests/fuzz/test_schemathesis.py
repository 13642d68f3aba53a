"""The whole document, fuzzed by schemathesis against a real server as everybody: a short run, and a long one."""

import subprocess
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from cms.crud.policy import Role
from tests.fuzz.serving import BIN, ROOT, serving
from tests.installation import Person

pytestmark = pytest.mark.skipif(
    find_spec("schemathesis") is None, reason="needs schemathesis: install requirements-test.txt"
)
SHORT = ("--phases", "fuzzing,stateful", "--max-examples", "2", "--max-time", "4")
LONG = ("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "50")
ROLES = pytest.mark.parametrize("role", Role, ids=str)

Site = tuple[str, Mapping[Role, Person]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that these tests may do anything to."""
    with serving(tmp_path_factory.mktemp("fuzzed")) as site:
        yield site


def test_no_check_is_left_out() -> None:
    """The configuration alone makes all checks; `--checks all` would make those too that it says are no errors."""
    schemathesis = import_module("schemathesis")
    document = schemathesis.openapi.from_path(
        ROOT / "tests" / "openapi.json",
        config=schemathesis.config.SchemathesisConfig.from_path(ROOT / "schemathesis.toml"),
    )
    known = import_module("schemathesis.checks")
    known.load_all_checks()
    made = document.config.checks_config_for()
    assert known.CHECKS.get_all_names()
    assert [name for name in known.CHECKS.get_all_names() if not made.get_by_name(name=name).enabled] == []


@ROLES
def test_a_short_run_finds_nothing(site: Site, role: Role, tmp_path: Path) -> None:
    fuzz(site, role, tmp_path, *SHORT)


@pytest.mark.long
@ROLES
def test_a_long_run_finds_nothing(role: Role, tmp_path: Path) -> None:
    with serving(tmp_path) as site:
        fuzz(site, role, tmp_path, *LONG)


def fuzz(site: Site, role: Role, folder: Path, *options: str) -> None:
    """Run schemathesis as somebody of that role; fail with what it prints if it finds anything."""
    url, people = site
    signed_in: tuple[str, ...] = ()
    if person := people.get(role):
        # Signing out would make the rest of the run an anonymous one, which has a run of its own.
        signed_in = ("--header", f"Authorization: Bearer {person.token}", "--exclude-operation-id", "logout")
    command: list[str | Path] = [
        BIN / "schemathesis", "--config-file", ROOT / "schemathesis.toml", "run", f"{url}/openapi.json",
        "--seed", "1", "--no-color", *signed_in, *options,
    ]  # fmt: skip
    settings = {"PYTHONPATH": str(ROOT), "HOME": str(folder)}
    ran = subprocess.run(command, env=settings, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert ran.returncode == 0, ran.stdout + ran.stderr
