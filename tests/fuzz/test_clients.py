"""Typed clients compile from the document, and the linter of Redocly has nothing to say: no error, no warning."""

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from fastapi import FastAPI

NODE = shutil.which("npm") and shutil.which("node")
CLIENTS = Path(__file__).parent / "clients"
PYTHON_TOOLS = ("openapi-python-client==0.29.1", "mypy==2.4.1", "ruff==0.17.6")

pytestmark = pytest.mark.long
needs_node = pytest.mark.skipif(NODE is None, reason="needs node and npm: install Node.js 20 or newer")


@pytest.fixture(scope="module")
def document(assembled: FastAPI) -> str:
    """The document as it is served."""
    return json.dumps(assembled.openapi())


@pytest.fixture(scope="module")
def workshop(document: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the document, the tools of Node.js, and programs that use what these make."""
    folder = tmp_path_factory.mktemp("workshop")
    shutil.copytree(CLIENTS, folder, dirs_exist_ok=True)
    (folder / "openapi.json").write_text(document, encoding="utf-8")
    run(folder, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts")
    return folder


@needs_node
def test_the_linter_has_nothing_to_say(workshop: Path) -> None:
    lint = run(workshop, "npx", "redocly", "lint", "--extends", "recommended", "--format", "json", "openapi.json")
    assert json.loads(lint)["totals"] == {"errors": 0, "warnings": 0, "ignored": 0}


@needs_node
def test_clients_in_typescript_compile_strictly(workshop: Path) -> None:
    run(workshop, "npx", "openapi-typescript", "openapi.json", "--output", "paths.ts")
    run(workshop, "npx", "openapi-ts", "--input", "openapi.json", "--output", "sdk", "--silent")
    run(workshop, "npx", "tsc", "--project", ".")


def test_a_client_in_python_is_typed_strictly(document: str, tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(document, encoding="utf-8")
    venv.create(tmp_path / "tools", with_pip=True)
    tools = tmp_path / "tools" / ("Scripts" if sys.platform == "win32" else "bin")
    run(tmp_path, tools / "pip", "install", "--quiet", "--disable-pip-version-check", *PYTHON_TOOLS)
    run(
        tmp_path, "env", f"PATH={tools}", tools / "openapi-python-client", "generate", "--path", "openapi.json",
        "--output-path", "client", "--config", CLIENTS / "python.yaml", "--fail-on-warning",
    )  # fmt: skip
    shutil.copy(CLIENTS / "use.py.txt", tmp_path / "client" / "use.py")  # .txt: only here is there a client to import
    run(tmp_path / "client", tools / "mypy", "--strict", "use.py", "masthead_client")


def run(folder: Path, *command: str | Path) -> str:
    """What a command prints; a test that runs one fails with all of it where the command does."""
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
