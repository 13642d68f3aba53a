"""Bodies and lists that are made to break something: on every route that takes one, whichever the document names."""

import json
import re
from time import process_time
from typing import Any

import httpx
import pytest

from cms.content import registry
from cms.crud.policy import Role
from cms.crud.query import list_parameters
from tests.installation import API, Installation
from tests.samples import SAMPLES, make_host, make_sample
from tests.security.attacks import ANY, NOWHERE, all_lists, document_of, json_writes, lists, type_of
from tests.statements import recorded

TRAPS = {
    "NaN": b'{"version": NaN}',
    "Infinity": b'{"version": Infinity}',
    "1e400": b'{"version": 1e400}',
    "6,000 digits": b'{"version": ' + b"9" * 6_000 + b"}",
    "100,000 levels": b'{"version": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "2^63": b'{"version": 9223372036854775808}',
    "minus nought": b'{"version": -0}',
    "a key twice": b'{"version": 1, "version": 2}',
    "a byte order mark": b'\xef\xbb\xbf{"version": 1}',
    "UTF-16": '{"version": 1}'.encode("utf-16"),
}
SLOWEST = 0.05
"""Seconds of processor time for a body that is refused."""
MANY = ",".join(str(number) for number in range(10_000))
KINDS = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "")


@pytest.fixture
async def site(installation: Installation) -> Installation:
    """With the article that comments belong to."""
    await make_host(installation)
    return installation


async def places(site: Installation) -> list[tuple[str, str]]:
    """Method and address of every write that takes JSON, about a record that is there."""
    records = {t.name: str((await make_sample(site, t, number)).id) for number, t in enumerate(registry)}
    found = [
        (method, path.replace("{key}", records.get(path.split("/")[1], "")).replace("{number}", "1"))
        for method, path in json_writes(site.app)
    ]
    assert not [path for _, path in found if "{" in path]
    assert len(found) > 30
    return found


async def send(
    site: Installation, method: str, path: str, body: bytes, kind: str = "application/json"
) -> httpx.Response:
    return await site.send(method, path, Role.ADMIN, headers={**ANY, "Content-Type": kind}, content=body)


async def test_h11_no_json_that_readers_disagree_about_is_taken(site: Installation) -> None:
    """H11: 4xx and never 500, within 50 ms, by every route that reads JSON."""
    for method, path in await places(site):
        for trap, body in TRAPS.items():
            costs = []
            for _ in range(3):
                started = process_time()
                answer = await send(site, method, path, body)
                costs.append(process_time() - started)
                assert 400 <= answer.status_code < 500, (method, path, trap, answer.text)
                if costs[-1] <= SLOWEST:
                    break
            assert min(costs) <= SLOWEST, (method, path, trap)


async def test_h12_json_in_the_clothes_of_a_form_is_refused(site: Installation) -> None:
    """H12: what a page elsewhere may send without asking is not taken for JSON, by any route."""
    for method, path in await places(site):
        for kind in KINDS:
            answer = await send(site, method, path, b"{}", kind)
            assert answer.status_code in {415, 422}, (method, path, kind, answer.text)
    for path in ("/auth/login", "/media"):
        answer = await send(site, "POST", path, b'{"username": "a", "password": "b"}', "text/plain")
        assert answer.status_code in {415, 422}, path


async def test_h17_no_write_ignores_a_key(site: Installation) -> None:
    """H17: one more key on each route that writes, beside a body that is right: 422, and it is named."""
    for method, path in await places(site):
        answer = await site.send(method, path, Role.ADMIN, headers=ANY, json={**right_body(method, path), "zq": 1})
        assert answer.status_code == 422, (method, path, answer.text)
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/zq"], (method, path, answer.text)
    files = {"file": ("p.png", b"x")}
    for path, options in (
        ("/auth/login", {"data": {"username": "a", "password": "b", "zq": "1"}}),
        ("/media", {"data": {"zq": "1"}, "files": files}),
    ):
        answer = await site.send("POST", path, Role.ADMIN, **options)
        assert answer.status_code == 422, (path, answer.text)
        assert "/zq" in [error["pointer"] for error in answer.json()["errors"]]


async def test_a03_no_operation_ignores_a_parameter(site: Installation) -> None:
    """A03: one that no route knows, at each operation that there is: 400, and it is named."""
    operations = [(m, p) for m, p, _ in document_of(site.app).operations() if p.startswith(f"{API}/")]
    assert len(operations) > 60
    for method, path in operations:
        place = re.sub(r"{\w+}", NOWHERE, path.removeprefix(API).replace("{number}", "1"))
        answer = await site.send(method, place, Role.ADMIN, headers=ANY, params={"zq": "1"})
        assert answer.status_code == 400, (method, path, answer.text)
        assert [error["parameter"] for error in answer.json()["errors"]] == ["zq"], (method, path, answer.text)


def right_body(method: str, path: str) -> dict[str, Any]:
    """A body that the route takes."""
    name, *rest = path.strip("/").split("/")
    if name == "auth":
        return {"email": "new@example.org", "name": "New", "password": "velvet gravel teapot"}
    if rest == ["bulk"]:
        return {"action": "delete", "items": [{"id": NOWHERE, "version": 1}]}
    if len(rest) > 1:
        return {"note": "Not yet."} if rest[1] == "return" else {}  # a step of the workflow, or of history
    if path == "/users/me":
        return {"name": "Other"}
    if name == "media":
        return {"alt": "A buoy"}
    return SAMPLES[name].change if method == "PATCH" else SAMPLES[name].create(77)


async def test_i01_no_page_is_larger_than_a_hundred(site: Installation) -> None:
    """I01: whatever is said to be the limit, on every list: 4xx, never all rows."""
    for path in all_lists(site.app):
        for limit in ("-1", "0", "101", "1e8", "100000000", str(2**63), "1e3", ""):
            answer = await site.send("GET", path, Role.ADMIN, params={"limit": limit})
            assert 400 <= answer.status_code < 500, (path, limit)
            assert "items" not in answer.json()
        twice = await site.send("GET", f"{path}?limit=1&limit=200", Role.ADMIN)
        assert 400 <= twice.status_code < 500


async def test_i03_neither_depth_nor_number_costs_much(site: Installation) -> None:
    """I03: 16 levels, 50 expansions, 200 filters, 10,000 values: refused, with not a statement sent on their behalf."""
    deep, under = ".".join(["author", "posts"] * 8), "__".join(["author", "posts"] * 8)
    known = [name for name in list_parameters(registry.by_name("articles"), registry) if name.startswith("tags__slug")]
    attacks: list[list[tuple[str, str]]] = [
        *([(name, value)] for name in ("include", "expand", "fields", "populate") for value in (deep, under)),
        [("include", ",".join(["comments"] * 50))],
        [("include", ",".join(f"relation{number}" for number in range(50)))],
        [(f"filter{number}", "a") for number in range(200)],
        [(known[number % len(known)], "a") for number in range(200)],
        [(name, "2026-01-01T00:00:00Z" if "_at" in name else "a") for name in parameters(200)],
        [("slug__in", MANY)],
        [("tags__slug__all", MANY)],
    ]  # fmt: skip
    for params in attacks:
        with recorded() as statements:
            query = "&".join(f"{name}={value}" for name, value in params)
            answer = await site.send("GET", f"/articles?{query}", Role.ADMIN)
        assert answer.status_code == 400, (params[0], answer.text)
        assert len(statements) <= 1, "who is asking"


def parameters(count: int) -> list[str]:
    """Names of filters that there are, as many."""
    return [name for name in list_parameters(registry.by_name("articles"), registry) if "__" in name][:count]


async def test_i03_no_request_costs_more_than_twelve_statements(site: Installation) -> None:
    """I03: every list and every record, with all that can be included, sorted and counted: counted by an event hook."""
    for path in lists(site.app):
        kind = type_of(path)
        record = await make_sample(site, kind, 500)
        include = f"include={','.join(kind.include_fields)}" if kind.include_fields else ""
        search = "&q=a" if kind.search_fields else ""
        for place in (f"{path}?limit=100&{include}{search}", f"{path}/{record.id}?{include}", f"{path}/{NOWHERE}"):
            with recorded() as statements:
                answer = await site.send("GET", place.rstrip("?&").replace("&&", "&"), Role.ADMIN)
            assert answer.status_code in {200, 404}, (place, answer.text)
            assert len(statements) <= 12, (place, statements)


def test_the_traps_are_what_they_say() -> None:
    """H11: each is read by some reader of JSON, and not by all alike."""
    assert json.loads(TRAPS["a key twice"]) == {"version": 2}
    assert json.loads(TRAPS["1e400"]) == {"version": float("inf")}
