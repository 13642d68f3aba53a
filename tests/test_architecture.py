"""The rules of the house that a machine can keep: who may know whom, and what may stand only in one place."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("cms", "admin")

# A longer file needs a reason here; first ask whether it does two things or stands in the wrong room.
LONGEST_FILE = 300
LONGER_FILES: dict[str, str] = {}
LONGEST_FUNCTION = 40

# Names that say nothing: what is put there belongs in a room of its own.
DRAWERS = {"base", "common", "helpers", "manager", "misc", "utils"}
SPEAKS_HTTP = {
    f"cms/crud/{name}.py"
    for name in ("answers", "bodies", "doors", "idempotency", "problem_handler", "problems", "router")
}


def modules(*folders: str) -> list[str]:
    """The paths, below the root, of every module in the folders (or of a file named outright)."""
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    files = [ROOT / folder for folder in folders if (ROOT / folder).is_file()]
    return sorted(path.relative_to(ROOT).as_posix() for path in found + files)


@cache
def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), path)


def places(paths: Iterable[str], breaks_rule: Callable[[ast.AST], bool]) -> list[str]:
    """Every `path:line` at which the rule is broken."""
    return [
        f"{path}:{getattr(node, 'lineno', 1)}" for path in paths for node in ast.walk(tree(path)) if breaks_rule(node)
    ]


def imported(node: ast.AST) -> Iterator[str]:
    """The full names that an import statement brings in."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(*names: str) -> Callable[[ast.AST], bool]:
    """A rule broken by any import of these names or of something inside them."""
    return lambda node: any(
        name == forbidden or name.startswith(forbidden + ".") for name in imported(node) for forbidden in names
    )


def test_who_may_know_whom() -> None:
    # In a process of its own: the linter reconfigures logging, which would silence loggers of other tests.
    lint = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_logo=True))"
    command = [sys.executable, "-c", lint]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert result.returncode == 0, result.stdout + result.stderr


def is_commit(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"


def test_only_the_unit_of_work_commits() -> None:
    committing = {place.split(":")[0] for place in places(modules(*PACKAGES, "seed.py"), is_commit)}
    assert {path for path in committing if not path.startswith("admin/")} <= {"cms/database.py"}
    assert len([path for path in committing if path.startswith("admin/")]) <= 1, "admin has one session context"


def test_only_config_reads_the_environment() -> None:
    def reads(node: ast.AST) -> bool:
        attribute = node.attr if isinstance(node, ast.Attribute) else ""
        return attribute in {"environ", "environb", "getenv"} or imports("os.environ", "os.getenv")(node)

    paths = [path for path in modules(*PACKAGES, "migrations", "seed.py") if path != "cms/config.py"]
    assert places(paths, reads) == []


NAIVE_UNLESS_GIVEN = {"now": 1, "fromtimestamp": 2, "datetime": 8}


def is_naive(node: ast.AST) -> bool:
    """Whether this makes a datetime without a zone, such as `datetime.now()` or `datetime(2026, 1, 1)`."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in {"utcnow", "utcfromtimestamp"}:
        return True
    if name not in {"today", *NAIVE_UNLESS_GIVEN}:
        return False
    owner = ast.unparse(node.func).rpartition(".")[0]
    if name == "today":
        return owner.endswith("datetime")
    is_maker = owner.endswith("datetime") if name in {"now", "fromtimestamp"} else name == "datetime"
    has_zone = {"tz", "tzinfo", None} & {keyword.arg for keyword in node.keywords}
    return is_maker and not has_zone and len(node.args) < NAIVE_UNLESS_GIVEN[name]


def test_no_datetime_is_naive() -> None:
    assert places(modules(*PACKAGES, "migrations", "tests", "seed.py"), is_naive) == []


@pytest.mark.parametrize(
    ("code", "naive"),
    [
        ("datetime.now()", True),
        ("datetime.datetime.utcnow()", True),
        ("datetime.today()", True),
        ("datetime(2026, 1, 1)", True),
        ("datetime.fromtimestamp(0)", True),
        ("datetime.now(UTC)", False),
        ("datetime.now(tz=UTC)", False),
        ("datetime(2026, 1, 1, tzinfo=UTC)", False),
        ("datetime.fromtimestamp(0, UTC)", False),
        ("func.now()", False),
    ],
)
def test_the_rule_on_datetimes_knows_its_cases(code: str, naive: bool) -> None:
    assert is_naive(ast.parse(code, mode="eval").body) is naive


def test_one_column_type_stores_datetimes() -> None:
    paths = [path for path in modules(*PACKAGES) if path != "cms/crud/fields.py"]
    assert places(paths, imports("sqlalchemy.DateTime", "sqlalchemy.types.DateTime", "sqlalchemy.TIMESTAMP")) == []


def test_content_knows_problems_and_not_http() -> None:
    def names_http(node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == "HTTPException"

    assert places(modules("cms/content"), names_http) == []


def test_in_the_core_only_the_router_and_the_problems_speak_http() -> None:
    paths = [path for path in modules("cms/crud") if path not in SPEAKS_HTTP]
    assert places(paths, imports("fastapi", "starlette")) == []


def test_the_core_is_tested_on_toys() -> None:
    assert places(modules("tests/crud", "tests/toys.py"), imports("cms.content")) == []


def test_routes_can_resolve_their_annotations() -> None:
    assert places(modules("cms/crud"), imports("__future__.annotations")) == [], "FastAPI must see the local types"


def test_nothing_is_imported_late() -> None:
    def imports_late(node: ast.AST) -> bool:
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        return is_function and any(isinstance(inner, ast.Import | ast.ImportFrom) for inner in ast.walk(node))

    assert places(modules(*PACKAGES), imports_late) == [], "an import inside a function hides a cycle"


@pytest.mark.parametrize("path", modules(*PACKAGES))
def test_a_module_says_what_it_is_for(path: str) -> None:
    assert ast.get_docstring(tree(path)), "its docstring names its one job"
    assert Path(path).stem not in DRAWERS


@pytest.mark.parametrize("path", modules(*PACKAGES))
def test_a_module_stays_within_its_size(path: str) -> None:
    length = len((ROOT / path).read_text(encoding="utf-8").splitlines())
    assert length <= LONGEST_FILE or path in LONGER_FILES, f"{length} lines"
    too_long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]
    assert too_long == []


def test_every_exception_is_still_needed() -> None:
    lengths = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in LONGER_FILES}
    assert {path for path, length in lengths.items() if length <= LONGEST_FILE} == set()
