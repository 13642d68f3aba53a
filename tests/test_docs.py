"""The README tells the truth: its settings exist, its commands exist, and its worked example works as it stands."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cms.config import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

TRIAL = """
import asyncio, json, sys
from pathlib import Path
import httpx
from cms.auth.accounts import create_user
from cms.cli import apply_directory
from cms.config import load_settings
from cms.crud.policy import Role, SYSTEM
from cms.crud.service import UnitOfWork
from cms.main import create_app

Path("files/venues").mkdir(parents=True)
Path("files/venues/old-harbour.yaml").write_text("name: Old harbour\\ncategory: places\\n", encoding="utf-8")
Path("files/categories").mkdir()
Path("files/categories/places.yaml").write_text("name: Places\\n", encoding="utf-8")
assert apply_directory(Path("files")) == 0

async def main():
    app = create_app(load_settings())
    async with app.state.database.session() as session:
        work = UnitOfWork(session, SYSTEM, app.state.reader)
        await create_user(work, "ed@example.org", Role.EDITOR, "nine lighthouses at dusk", "Ed")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        form = {"username": "ed@example.org", "password": "nine lighthouses at dusk"}
        token = (await client.post("/api/v1/auth/login", data=form)).json()["access_token"]
        signed_in = {"Authorization": f"Bearer {token}"}
        made = await client.post("/api/v1/venues", json={"name": "New quay", "category": "places"}, headers=signed_in)
        found = await client.get("/api/v1/venues?category=places&sort=name&q=qu")
        by_file = await client.get("/api/v1/venues/old-harbour")
        document = (await client.get("/openapi.json")).json()
        screen = await client.get("/admin/venue/list")
    await app.state.database.dispose()
    print(json.dumps([made.status_code, [v["slug"] for v in found.json()["items"]], by_file.json()["category"]["slug"],
                      "/api/v1/venues" in document["paths"], screen.status_code]))

asyncio.run(main())
"""


@pytest.mark.parametrize("name", [f"CMS_{name.upper()}" for name in Settings.model_fields])
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"`{name}`" in README


def test_the_worked_example_works_as_it_stands(tmp_path: Path) -> None:
    house = tmp_path / "house"
    left_out = shutil.ignore_patterns(".*", "var", "__pycache__", "tests", "media", "demo")
    shutil.copytree(ROOT, house, ignore=left_out)
    source = ROOT / "cms/media"
    shutil.copytree(source, house / "cms/media", ignore=shutil.ignore_patterns("__pycache__"))
    (house / "cms/content/demo").mkdir()
    (house / "cms/content/venues.py").write_text(_module(), encoding="utf-8")
    _name_it(house / "cms/content/__init__.py")
    _run(house, "-m", "alembic", "upgrade", "head")
    _run(house, "-m", "alembic", "revision", "--autogenerate", "-m", "Venues")
    _run(house, "-m", "alembic", "upgrade", "head")
    _run(house, "-m", "alembic", "check")
    answer = _run(house, "-c", TRIAL).splitlines()[-1]
    assert answer == '[201, ["new-quay"], "places", true, 303]'


def _module() -> str:
    example = README.partition("`cms/content/venues.py`")[2]
    found = re.search(r"```python\n(.*?)```", example, re.DOTALL)
    assert found is not None
    return found[1]


def _name_it(registry: Path) -> None:
    text = registry.read_text(encoding="utf-8")
    text = text.replace("from cms.crud.registry", "from cms.content.venues import venue\nfrom cms.crud.registry")
    registry.write_text(text.replace("Registry(", "Registry(venue, "), encoding="utf-8")


def _run(house: Path, *arguments: str) -> str:
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(house)}
    done = subprocess.run(  # noqa: S603 - our own interpreter, our own arguments
        [sys.executable, *arguments], cwd=house, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
