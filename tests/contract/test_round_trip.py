"""Every content type over REST: made, listed, read, changed, replaced and deleted, with the refusals on the way."""

from typing import Any

import httpx
import pytest

from cms.content import registry
from cms.crud.content_type import ContentType
from cms.crud.policy import Role
from cms.crud.schemas import create_schema
from tests.documents import Document
from tests.installation import API, Installation
from tests.problems import assert_problem
from tests.samples import SAMPLES, make_sample, post_sample

TYPES = [pytest.param(content_type, id=content_type.name) for content_type in registry]
KEYED = [pytest.param(content_type, id=content_type.name) for content_type in registry if content_type.name != "site"]
BY_JSON = [parameter for parameter in KEYED if parameter.id != "media"]
NOWHERE = "01a205d0-73e4-7308-bf85-5f083ee8aa18"
ANY: dict[str, str] = {"If-Match": "*"}


async def send(
    installation: Installation, method: str, path: str, role: Role = Role.ADMIN, **options: Any
) -> httpx.Response:
    return await installation.send(method, path, role, **options)


def path_of(content_type: ContentType[Any], record: Any) -> str:
    return "/site" if content_type.name == "site" else f"/{content_type.name}/{record.id}"


def test_every_type_has_a_sample() -> None:
    missing = [content_type.name for content_type in registry if content_type.name not in SAMPLES]
    assert missing == [], "Give each a valid record in tests/samples.py; its contract tests then run by themselves."


@pytest.mark.parametrize("content_type", KEYED)
async def test_what_is_made_is_found_by_its_address_its_id_and_its_name(
    installation: Installation, content_type: ContentType[Any]
) -> None:
    made = await post_sample(installation, content_type.name)
    assert made.status_code == 201, made.text
    record = made.json()
    assert made.headers["location"] == f"{API}/{content_type.name}/{record['id']}"
    assert made.headers["etag"].startswith('"v1-')
    keys = [record["id"], record["id"].upper()]
    if SAMPLES[content_type.name].named:
        keys.append(record[str(content_type.key_field)])
    for key in keys:
        found = await send(installation, "GET", f"/{content_type.name}/{key}")
        assert found.json() == record, key
        assert found.headers["etag"] == made.headers["etag"]
        assert found.headers["content-type"] == "application/json"


@pytest.mark.parametrize("content_type", TYPES)
async def test_an_answer_has_the_declared_members_in_their_order(
    installation: Installation, content_type: ContentType[Any]
) -> None:
    record = await make_sample(installation, content_type)
    answer = (await send(installation, "GET", path_of(content_type, record))).json()
    assert tuple(answer) == content_type.read_fields
    for name in ("created_at", "updated_at"):
        assert answer[name].endswith("Z")


@pytest.mark.parametrize("content_type", KEYED)
async def test_a_list_leaves_long_members_out_unless_asked(
    installation: Installation, content_type: ContentType[Any]
) -> None:
    record = await make_sample(installation, content_type)
    page = (await send(installation, "GET", f"/{content_type.name}")).json()
    assert list(page) == ["items", "total", "next", "previous"]
    shown = next(item for item in page["items"] if item["id"] == str(record.id))
    assert tuple(shown) == content_type.short_fields
    names = ",".join(content_type.read_fields)
    whole = (await send(installation, "GET", f"/{content_type.name}?fields={names}")).json()
    assert [tuple(item) for item in whole["items"]] == [content_type.read_fields] * len(whole["items"])


@pytest.mark.parametrize("content_type", TYPES)
async def test_answers_are_what_the_document_says(installation: Installation, content_type: ContentType[Any]) -> None:
    document = Document(installation.app.openapi())
    record = await make_sample(installation, content_type)
    path = path_of(content_type, record)
    one = f"{API}/site" if content_type.name == "site" else f"{API}/{content_type.name}/{{key}}"
    answer = await send(installation, "GET", path)
    assert document.faults(answer.json(), document.body_schema(one, "GET")) == []
    change = await send(installation, "PATCH", path, headers=ANY, json=SAMPLES[content_type.name].change)
    assert document.faults(change.json(), document.body_schema(one, "PATCH")) == []
    if content_type.name == "site":
        return
    listing = f"{API}/{content_type.name}"
    shapes = ["", f"?fields={content_type.read_fields[-1]}", "?total=none&limit=1"]
    shapes += [f"?include={name}" for name in content_type.include_fields]
    for shape in shapes:
        page = await send(installation, "GET", f"/{content_type.name}{shape}")
        assert document.faults(page.json(), document.body_schema(listing, "GET")) == [], shape


@pytest.mark.parametrize("content_type", TYPES)
async def test_a_copy_that_is_held_is_not_sent_again(
    installation: Installation, content_type: ContentType[Any]
) -> None:
    path = path_of(content_type, await make_sample(installation, content_type))
    first = await send(installation, "GET", path)
    again = await send(installation, "GET", path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    await send(installation, "PATCH", path, headers=ANY, json=SAMPLES[content_type.name].change)
    changed = await send(installation, "GET", path, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("content_type", TYPES)
async def test_a_change_needs_the_version_it_was_made_from(
    installation: Installation, content_type: ContentType[Any]
) -> None:
    path = path_of(content_type, await make_sample(installation, content_type))
    change = SAMPLES[content_type.name].change
    first = await send(installation, "GET", path)
    assert_problem(await send(installation, "PATCH", path, json=change), 428)
    saved = await send(installation, "PATCH", path, headers={"If-Match": first.headers["etag"]}, json=change)
    assert saved.status_code == 200, saved.text
    assert saved.json() == {**saved.json(), **change, "version": 2}
    stale = await send(installation, "PATCH", path, headers={"If-Match": first.headers["etag"]}, json=change)
    assert assert_problem(stale, 412)["current_version"] == 2
    by_body = await send(installation, "PATCH", path, json={**change, "version": 1})
    assert assert_problem(by_body, 412)["current_version"] == 2
    assert (await send(installation, "PATCH", path, json={**change, "version": 2})).status_code == 200


@pytest.mark.parametrize("content_type", BY_JSON)
async def test_a_replacement_is_the_whole_record(installation: Installation, content_type: ContentType[Any]) -> None:
    record = await make_sample(installation, content_type)
    path, sample = path_of(content_type, record), SAMPLES[content_type.name]
    assert_problem(await send(installation, "PUT", path, json=sample.create(0)), 428)
    await send(installation, "PATCH", path, headers=ANY, json=sample.change)
    replaced = await send(installation, "PUT", path, json={**sample.create(0), "version": 2})
    assert replaced.status_code == 200, replaced.text
    before = (await send(installation, "GET", path)).json()
    assert replaced.json() == before
    assert all(before[name] == value for name, value in sample.create(0).items() if name in {"title", "name", "target"})
    required = [name for name, field in create_schema(content_type).model_fields.items() if field.is_required()]
    assert required
    for name in required:
        assert_problem(await send(installation, "PUT", path, headers=ANY, json={}), 422, f"/{name}")


@pytest.mark.parametrize("content_type", KEYED)
async def test_what_is_deleted_is_gone_for_who_asks(installation: Installation, content_type: ContentType[Any]) -> None:
    path = path_of(content_type, await make_sample(installation, content_type))
    assert_problem(await send(installation, "DELETE", path), 428)
    assert_problem(await send(installation, "DELETE", path, headers={"If-Match": '"v7"'}), 412)
    gone = await send(installation, "DELETE", path, headers={"If-Match": '"v1"'})
    assert (gone.status_code, gone.content) == (204, b"")
    assert_problem(await send(installation, "GET", path), 404)
    assert_problem(await send(installation, "DELETE", path, headers=ANY), 404)


@pytest.mark.parametrize("content_type", TYPES)
async def test_wrong_addresses_methods_and_bodies_are_told_apart(
    installation: Installation, content_type: ContentType[Any]
) -> None:
    """H12: a body that a plain form of another site could send is not taken for JSON."""
    path, base = path_of(content_type, await make_sample(installation, content_type)), f"/{content_type.name}"
    refused = await send(installation, "DELETE", base)
    assert_problem(refused, 405)
    assert "GET" in refused.headers["allow"]
    assert_problem(await send(installation, "GET", f"{base}/{NOWHERE}/nothing"), 404)
    if content_type.name != "site":
        assert_problem(await send(installation, "GET", f"{base}/{NOWHERE}"), 404)
        assert_problem(await send(installation, "PATCH", f"{base}/{NOWHERE}", headers=ANY, json={}), 404)
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        headers = {**ANY, "Content-Type": kind}
        assert_problem(await send(installation, "PATCH", path, headers=headers, content=b"{}"), 415)
    as_json = {**ANY, "Content-Type": "application/json"}
    for body in (b"", b"{", b"[]", b'"x"', b"null"):
        assert_problem(await send(installation, "PATCH", path, headers=as_json, content=body), 422)


@pytest.mark.parametrize("content_type", TYPES)
async def test_a_key_that_a_body_may_not_have_is_refused(
    installation: Installation, content_type: ContentType[Any]
) -> None:
    """H17, B02: computed and internal fields included; the nearest name is suggested."""
    path = path_of(content_type, await make_sample(installation, content_type))
    internal = {*content_type.fields, "is_superuser"} - {*content_type.write_fields, "version"}
    for name in sorted(internal):
        response = await send(installation, "PATCH", path, headers=ANY, json={name: "x"})
        assert_problem(response, 422, f"/{name}")
    near = content_type.write_fields[0]
    response = await send(installation, "PATCH", path, headers=ANY, json={f"{near}s": "x"})
    assert f"Did you mean “{near}”?" in response.json()["errors"][0]["detail"]
    unchanged = await send(installation, "GET", path)
    assert unchanged.json()["version"] == 1


JSON_TRAPS = {
    "not a number": b'{"version": NaN}',
    "infinity": b'{"version": Infinity}',
    "a number without end": b'{"version": ' + b"9" * 6_000 + b"}",
    "an exponent": b'{"version": 1e400}',
    "a version too large": b'{"version": 9223372036854775808}',
    "depth": b'{"seo": ' + b"[" * 100_000,
    "a key twice": b'{"version": 1, "version": 2}',
    "a byte order mark": b'\xef\xbb\xbf{"version": 1}',
    "UTF-16": '{"version": 1}'.encode("utf-16"),
    "half a surrogate pair": b'{"version": "\\ud800"}',
    "not UTF-8": b'{"version": "\xff"}',
}


@pytest.mark.parametrize("path", ["/articles/{id}", "/articles/{id}/publish", "/site", "/users/me"])
async def test_json_that_readers_disagree_about_is_refused(installation: Installation, path: str) -> None:
    """H11: by every kind of route."""
    record = await make_sample(installation, registry.by_name("articles"))
    method = "POST" if path.endswith("publish") else "PATCH"
    headers = {**ANY, "Content-Type": "application/json"}
    for trap, body in JSON_TRAPS.items():
        response = await send(installation, method, path.format(id=record.id), headers=headers, content=body)
        assert response.status_code == 422, (trap, response.text)
        assert_problem(response, 422)
