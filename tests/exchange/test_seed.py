"""`python seed.py` fills a database and says what it did, in words."""

import subprocess
import sys
from pathlib import Path

import pytest

from cms.upgrade import upgrade

ROOT = Path(__file__).parent.parent.parent


def seed(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "CMS_DATABASE_URL": f"sqlite+aiosqlite:///{home / 'cms.db'}",
        "CMS_MEDIA_URL": str(home / "media"),
        "CMS_LOG_DIRECTORY": "",
        "PYTHONUTF8": "1",
    }
    command = [sys.executable, str(ROOT / "seed.py"), *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own


def test_the_demo_content_is_applied_once(tmp_path: Path) -> None:
    upgrade(f"sqlite+aiosqlite:///{tmp_path / 'cms.db'}")
    first = seed(tmp_path)
    assert first.returncode == 0, first.stderr
    assert "0 refused" in first.stdout
    assert "ines.carvalho@example.org" in first.stdout
    second = seed(tmp_path)
    assert second.returncode == 0, second.stderr
    assert "0 created, 0 updated" in second.stdout
    assert "password" not in second.stdout


def test_a_refused_file_is_named_and_exits_1(tmp_path: Path) -> None:
    upgrade(f"sqlite+aiosqlite:///{tmp_path / 'cms.db'}")
    (tmp_path / "content" / "tags").mkdir(parents=True)
    (tmp_path / "content" / "tags" / "sea.yaml").write_text("nam: Sea\n")
    done = seed(tmp_path, str(tmp_path / "content"))
    assert done.returncode == 1
    assert "tags/sea.yaml:1: There is no field “nam”. Did you mean “name”?" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        ([], "The database has not been migrated; run “cms migrate”.", 1),
        (["nowhere"], "There is no folder nowhere.", 1),
        (["a", "b"], "Usage: python seed.py [DIR]", 2),
    ],
)
def test_what_can_not_work_is_one_sentence(tmp_path: Path, arguments: list[str], sentence: str, code: int) -> None:
    done = seed(tmp_path, *arguments)
    assert (done.returncode, done.stderr.strip()) == (code, sentence)
