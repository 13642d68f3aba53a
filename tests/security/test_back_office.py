"""The back office: every role at every view, forged forms, reading that changes nothing, and what pages never hold."""

from typing import Any

import pytest

from cms.auth.users import User
from cms.content import registry
from cms.content.articles import article
from cms.content.comments import comment
from cms.crud.content_type import ContentType
from cms.crud.policy import Role
from cms.media.records import media
from tests.admin.browsing import Page, Visitor
from tests.installation import API, SECRET, Installation
from tests.permissions import permissions
from tests.samples import HOST, make_host, make_sample
from tests.security.attacks import NOWHERE, SOME_OR_ALL, fingerprint, gets, sampled
from tests.security.test_hidden import Stranger

STOCK = (
    ("GET", "/{identity}/export/csv"), ("GET", "/{identity}/export/json"), ("POST", "/{identity}/import"),
    ("GET", "/{identity}/import/template"), ("GET", "/{identity}/ajax/lookup?name=author&term=a"),
    ("DELETE", "/{identity}/delete?pks={pk}"), ("GET", "/{identity}/{pk}/content/download/"),
    ("GET", "/{identity}/{pk}/content/preview/"), ("GET", "/{identity}/action/publish?pks={pk}"),
    ("POST", "/{identity}/action/publish?pks={pk}"), ("GET", "/{identity}/report"),
)  # fmt: skip
"""Doors that SQLAdmin opens by itself. Ours, which have other names, stand in tests/permissions.py."""
FORGERIES: dict[str, dict[str, str]] = {
    "no token": {},
    "a foreign origin": {"Origin": "https://evil.example"},
    "no origin at all": {"Origin": "null"},
    "from another site": {"Sec-Fetch-Site": "cross-site"},
}


async def records_of_all(site: Installation) -> dict[str, Any]:
    """A record of every type."""
    await make_host(site)
    return {t.name: await make_sample(site, t, number) for number, t in enumerate(registry)}


@SOME_OR_ALL
async def test_b13_no_role_finds_a_stock_door_open(installation: Installation, most: int | None) -> None:
    """B13: list, details, edit, create, delete, lookup and actions are in the table of test_permissions; export,
    import, download, preview and the rest do not exist, for no view and no role."""
    records = await records_of_all(installation)
    before = await fingerprint(installation)
    cases = [(role, kind, *stock) for role in Role for kind in registry for stock in STOCK]
    for role, kind, method, path in sampled(cases, most):
        person = installation.people.get(role)
        visitor = Visitor(installation.client, person.cookie if person else None)
        headers = {"X-CSRF-Token": await visitor.token()} if method != "GET" else {}
        place = path.format(identity=kind.singular, pk=records[kind.name].id)
        page = await visitor.call(method, place, headers=headers)
        is_sent_away = page.status == 303 and "/admin/login" in page.response.headers["location"]
        assert page.status in {403, 404, 405} or is_sent_away, (role, method, place)
        assert not is_sent_away or role in {Role.ANONYMOUS, Role.READER}
    assert await fingerprint(installation) == before


class Forger(Stranger):
    """Sends what the administrator might have sent, from somewhere else."""

    forgery = ""

    async def change(self) -> str:
        """The change that was made last; nothing is made for the sake of a request that is refused."""
        return str((await self.installation.rows("change_sets"))[-1]["id"])

    async def request(self, method: str, place: str, options: dict[str, Any]) -> Any:
        """Send the request without its token, or with a header that tells where it comes from."""
        headers = dict(options.get("headers", {}))
        if self.forgery == "no token":
            headers.pop("X-CSRF-Token", None)
            if "data" in options:
                options["data"] = {name: value for name, value in options["data"].items() if name != "csrf_token"}
        options["headers"] = {**headers, **FORGERIES.get(self.forgery, {})}
        return await super().request(method, place, options)


@SOME_OR_ALL
async def test_d01_no_forged_form_changes_anything(installation: Installation, most: int | None) -> None:
    """D01: each route that changes something, of every type, as the administrator would use it but for where it comes
    from: 403, and the database is as it was."""
    forger = Forger(installation, Role.ADMIN, await records_of_all(installation))
    before = await fingerprint(installation)
    changing = [where for where in sorted(permissions()) if where[1].startswith("/admin") and where[0] != "GET"]
    cases = [(forgery, method, path) for method, path in changing for forgery in FORGERIES]
    assert len(cases) > 200
    for forger.forgery, method, path in sampled(cases, most):
        answer, _ = await forger.call(method, path)
        assert answer.status_code == 403, (forger.forgery, path)
        assert "Nothing was changed" in answer.text, (forger.forgery, path)
    assert await fingerprint(installation) == before
    forger.forgery = "none"
    answer, _ = await forger.call("POST", "/admin/tag/edit/{pk}")
    assert answer.status_code == 303, "what was refused is right but for where it came from"


@SOME_OR_ALL
async def test_d02_no_get_changes_anything(installation: Installation, most: int | None) -> None:
    """D02: every GET route of the API and of the back office, twice, as ADMIN; links are followed in
    tests/admin/test_guard.py."""
    records = await records_of_all(installation)
    visitor = Visitor(installation.client, installation.people[Role.ADMIN].cookie)
    before = await fingerprint(installation)
    paths = gets(installation.app)
    assert len(paths) > 70
    for path in sampled(paths, most) * 2:
        place = about(records, path)
        if path.startswith("/admin"):
            assert (await visitor.get(place)).status < 500, path
        else:
            signed = {"Authorization": f"Bearer {installation.people[Role.ADMIN].token}"}
            assert (await installation.client.get(place, headers=signed)).status_code < 500, path
    assert await fingerprint(installation) == before


def kind_of(path: str) -> ContentType[Any] | None:
    """The type that an address is about."""
    names = {name: kind for kind in registry for name in (kind.name, kind.singular)} | {"media-library": media}
    return next((names[part] for part in path.removeprefix(API).split("/") if part in names), None)


def about(records: dict[str, Any], path: str) -> str:
    """An address about the record of its type."""
    kind = kind_of(path)
    key = str(records[kind.name].id) if kind else "x"
    place = path.replace("{key}", key).replace("{pk}", key).replace("{number}", "1")
    return f"{place}?from=1&to=1" if path.endswith("/diff") else place


async def test_d02_every_action_answers_405_to_get(installation: Installation) -> None:
    """D02: what changes something can't be opened, of whatever type."""
    visitor = Visitor(installation.client, installation.people[Role.ADMIN].cookie)
    opened = {path for method, path in permissions() if method == "GET"}
    acted = {path for method, path in permissions() if method == "POST" and path.startswith("/admin")} - opened
    assert len(acted) > 40
    for path in acted:
        assert (await visitor.get(path.replace("{pk}", NOWHERE))).status == 405, path


@SOME_OR_ALL
async def test_d04_no_page_holds_a_secret(installation: Installation, most: int | None) -> None:
    """D04: hashes of passwords and of sessions, the secret of the house, tokens of others: on no page, for no role.

    Reset tokens, API keys, webhooks, second factors, exports and templates of imports do not exist here yet.
    """
    async with installation.database.session() as session:
        for person in installation.people.values():
            account = await session.get_one(User, person.actor.id)
            account.password = "$argon2id$v=19$m=65536,t=3,p=1$zqcanary"  # noqa: S105 - a canary
    records = await records_of_all(installation)
    await installation.make(comment, article=HOST, name="Ann", email="zqann@example.org", content="Yes.")
    sessions = [row["secret_hash"] for row in await installation.rows("sessions") if row["secret_hash"]]
    tokens = [part for person in installation.people.values() for part in (person.token, person.cookie)]
    secrets = ["argon2", "zqcanary", "hashed_password", SECRET, *sessions, *tokens]
    for role in (Role.AUTHOR, Role.EDITOR, Role.ADMIN):
        visitor = Visitor(installation.client, installation.people[role].cookie)
        read = 0
        for path in sampled(pages_about(installation, records), most):
            page = await visitor.get(path)
            told = page.html + str(page.response.headers)
            assert [secret for secret in secrets if secret in told] == [], (role, page.response.url)
            assert role is not Role.AUTHOR or "zqann" not in told
            read += page.status == 200
        fewest = (12 if role is Role.AUTHOR else 60) if most is None else 1
        assert read >= fewest, "of the author's two types, and of all"


def pages_about(installation: Installation, records: dict[str, Any]) -> list[str]:
    """Every address of the back office that can be opened, about these records; and those that SQLAdmin would have."""
    found = [path for path in gets(installation.app) if path.startswith("/admin/")]
    for content_type in registry:
        found += [f"/admin{path}" for _, path in STOCK if path.startswith(f"/{content_type.singular}/")]
    addresses = []
    for path in found:
        kind = kind_of(path)
        addresses.append(path.replace("{pk}", str(records[kind.name].id) if kind else "x"))
    lookups = [f"/admin/{t.singular}/lookup?field={name}&term=" for t in registry for name in ("author", "owner")]
    return [path for path in (*addresses, *lookups) if "{" not in path]


WORDS_OF_DATABASES = (
    "INSERT INTO", "UPDATE ", "DELETE FROM", "SELECT ", "IntegrityError", "UniqueViolation", "ForeignKeyViolation",
    "DataError", "sqlalchemy", "sqlite3", "asyncpg", "parameters", "constraint", "Traceback", "search_text",
)  # fmt: skip


def said_beside(page: Page, name: str) -> str:
    """What stands at a field of a form as its error."""
    _, _, rest = page.html.partition(f'id="field-{name}-errors"')
    return rest.partition("<")[0].partition(">")[2] + rest.partition("</")[0]


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("slug", "taken", 409),
        ("category", NOWHERE, 422),
        ("title", "x" * 300, 422),
        ("published_at", "yesterday", 422),
        ("author", "not an id", 422),
        ("content", "x" * 400_001, 422),
    ],
    ids=["a duplicate", "a foreign key", "too long", "a wrong type", "no id", "a text that is too long"],
)
async def test_d07_an_error_stands_beside_its_field(
    installation: Installation, field: str, value: str, status: int
) -> None:
    """D07: in words of people, with none of the database's."""
    await installation.make(article, title="Taken", slug="taken")
    visitor = Visitor(installation.client, installation.people[Role.EDITOR].cookie)
    form = (await visitor.get("/article/create")).edit
    refused = await visitor.send(form, **{"title": "Another", field: value})
    assert refused.status == status
    assert len(said_beside(refused, field)) > 10, refused.html
    shown = refused.html.replace(value, "")
    assert [word for word in WORDS_OF_DATABASES if word in shown] == []
    assert len(await installation.rows("articles")) == 1


async def test_d07_what_is_in_use_is_said_in_words(installation: Installation) -> None:
    """D07: a foreign key that a deletion would break."""
    await installation.send("POST", "/categories", Role.EDITOR, json={"name": "News"})
    await installation.send("POST", "/articles", Role.EDITOR, json={"title": "Tide", "category": "news"})
    (row,) = await installation.rows("categories")
    visitor = Visitor(installation.client, installation.people[Role.EDITOR].cookie)
    refused = await visitor.post("/category/bulk", action="delete", confirmed="yes", records=f"{row['id']}:1")
    assert refused.status == 409
    assert "“Tide”" in refused.text
    assert [word for word in WORDS_OF_DATABASES if word in refused.html] == []
