"""Bodies: JSON that two readers could understand differently, fields that are wrong, texts that can't be stored."""

from time import process_time
from typing import Any

import httpx
import pytest
from fastapi import Depends, Request, Response

from cms.crud.bodies import PlainRoute, parse_json
from cms.crud.problems import Invalid
from tests.crud.conftest import Sky
from tests.problems import assert_problem
from tests.toys import EDITOR

JSON = {**EDITOR, "Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (
            b'{"a": [1, -0, 1.5e3, null, true], "b": {"a": "\xc3\xa9"}}',
            {"a": [1, 0, 1500.0, None, True], "b": {"a": "é"}},
        ),
        (b' "\\ud83d\\ude00" ', "😀"),
        (b"9007199254740993", 9007199254740993),
        (b"[" * 100 + b"]" * 100, None),
    ],
)
def test_well_formed_json_is_read(body: bytes, value: Any) -> None:
    found = parse_json(body)
    assert found == value or value is None


BROKEN = {
    "not a number": b'{"name": NaN}',
    "infinity": b'{"mass": Infinity}',
    "negative infinity": b'{"mass": -Infinity}',
    "a number too large": b'{"mass": 1e400}',
    "6,000 digits": b'{"rank": ' + b"9" * 6_000 + b"}",
    "100,000 levels": b"[" * 100_000,
    "1,000 levels": b'{"marks":' * 1_000 + b"1" + b"}" * 1_000,
    "a byte order mark": b'\xef\xbb\xbf{"name": "x"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "UTF-16 without its mark": '{"name": "x"}'.encode("utf-16-le"),
    "Latin-1": '{"name": "é"}'.encode("latin-1"),
    "a lone surrogate": b'{"name": "\\ud800"}',
    "a lone surrogate as a key": b'{"\\udfff": 1}',
    "a raw control character": b'{"name": "a\x00b"}',
    "an end too early": b'{"name": "x"',
    "a comma too many": b'{"name": "x",}',
    "single quotes": b"{'name': 'x'}",
    "more behind": b'{"name": "x"} {}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_well_formed_is_refused(name: str) -> None:
    """H11."""
    with pytest.raises(Invalid):
        parse_json(BROKEN[name])


async def test_a_broken_body_is_refused_at_once(client: httpx.AsyncClient, sky: Sky) -> None:
    """H11: never a 500, never stored, and quick."""
    for method, path in (("POST", "/planets"), ("PATCH", "/stars/sun"), ("PUT", "/stars/sun")):
        for name, body in BROKEN.items():
            start = process_time()
            response = await client.request(method, path, content=body, headers=JSON)
            assert process_time() - start < 1, name
            problem = assert_problem(response, 422)
            assert "JSON" in problem["detail"] or "number" in problem["detail"], name
    assert (await client.get("/planets")).json()["total"] == 0


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"name": "a", "star": "sun", "name": "b"}', "/name"),
        (b'{"name": "a", "star": "sun", "orbit": {"distance": 1, "distance": 2}}', "/distance"),
    ],
)
async def test_a_key_that_stands_twice_is_refused(
    client: httpx.AsyncClient, sky: Sky, body: bytes, pointer: str
) -> None:
    """H11: one reader takes the first, another the last."""
    problem = assert_problem(await client.post("/planets", content=body, headers=JSON), 422, pointer)
    assert problem["detail"] == f"The key “{pointer[1:]}” stands there twice; keep one."


async def test_a_whole_number_beyond_64_bits_is_refused(client: httpx.AsyncClient, sky: Sky) -> None:
    """H11."""
    for number in (2**31, -(2**31) - 1, 2**63, 2**64, 10**300):
        body = {"name": "x", "star": "sun", "rank": number}
        assert_problem(await client.post("/planets", json=body, headers=EDITOR), 422, "/rank")
    for number in (2**31 - 1, -(2**31), -0):
        body = {"name": "x", "star": "sun", "rank": number}
        response = await client.post("/planets", json=body, headers=EDITOR)
        assert response.json()["rank"] == number


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"[{}]", b"true"])
async def test_a_body_that_is_no_object_is_refused(client: httpx.AsyncClient, sky: Sky, body: bytes) -> None:
    assert_problem(await client.post("/planets", content=body, headers=JSON), 422)
    assert_problem(await client.patch("/stars/sun", content=body, headers=JSON), 422)


async def test_an_unknown_field_is_named_with_the_nearest_known_one(client: httpx.AsyncClient, sky: Sky) -> None:
    """H17."""
    for method, path in (("POST", "/planets"), ("PUT", "/planets/x"), ("PATCH", "/planets/x")):
        body = {"name": "X", "star": "sun", "sumary": "…", "a/b~c": 1}
        problem = assert_problem(await client.request(method, path, json=body, headers=EDITOR), 422)
        errors = {error["pointer"]: error["detail"] for error in problem["errors"]}
        assert errors["/sumary"] == "There is no field “sumary”. Did you mean “summary”?"
        assert errors["/a~1b~0c"].startswith("There is no field “a/b~c”. Known are: ")
        assert problem["detail"] == "The request body was not accepted: see /sumary, /a~1b~0c."


@pytest.mark.parametrize(
    "field",
    [
        "id", "version_", "created_at", "updated_at", "owner_id", "star_id", "launch_code", "search_text", "is_giant",
        "moons", "__class__", "pin",
    ],
)  # fmt: skip
async def test_a_field_that_is_not_declared_writable_is_refused(
    client: httpx.AsyncClient, sky: Sky, field: str
) -> None:
    """B03, H17: mass assignment."""
    mars = await sky.planet("Mars")
    values = {"name": "X", "star": "sun", field: "1"}
    assert_problem(await client.post("/planets", json=values, headers=EDITOR), 422, f"/{field}")
    for method in ("PATCH", "PUT"):
        response = await client.request(method, "/planets/mars", json=values, headers={**EDITOR, "If-Match": "*"})
        assert_problem(response, 422, f"/{field}")
    read = (await client.get(f"/planets/{mars.id}")).json()
    assert (read["name"], read["version"]) == ("Mars", 1)


async def test_an_unknown_key_inside_a_structured_value_is_refused(client: httpx.AsyncClient, sky: Sky) -> None:
    body = {"name": "X", "star": "sun", "orbit": {"distance": 1, "colour": "red"}}
    assert_problem(await client.post("/planets", json=body, headers=EDITOR), 422, "/orbit/colour")


@pytest.mark.parametrize(
    ("field", "value", "detail"),
    [
        ("name", "", "String should have at least 1 character."),
        ("name", "  ", "String should have at least 1 character."),
        ("name", "x" * 101, "String should have at most 100 characters."),
        ("name", 5, "Input should be a valid string."),
        ("name", ["x"], "Input should be a valid string."),
        ("summary", "x" * 501, "String should have at most 500 characters."),
        ("notes", "x" * 400_001, "String should have at most 400000 characters."),
        ("slug", "Not A Slug", "That does not fit here. Lower-case letters"),
        ("slug", "x" * 121, "String should have at most 120 characters."),
        ("homepage", "javascript:alert(1)", "That does not fit here."),
        ("homepage", "//evil.example", "That does not fit here."),
        ("kind", "cheese", "Input should be 'rocky', 'gas' or 'ice'."),
        ("mass", "heavy", "Input should be a valid number, unable to parse string as a number."),
        ("rank", 1.5, "Input should be a valid integer, got a number with a fractional part."),
        ("is_habitable", "perhaps", "Input should be a valid boolean, unable to interpret input."),
        ("discovered_at", "2026-01-01T00:00:00", "a time with a zone is expected, such as 2026-11-22T08:00:00Z."),
        ("discovered_at", "2026-01-01", "a time with a zone is expected, such as 2026-11-22T08:00:00Z."),
        ("discovered_at", "2026-02-30T00:00:00Z", "“2026-02-30T00:00:00Z” is no date."),
        ("discovered_at", "0001-01-01T00:00:00+14:00", "“0001-01-01T00:00:00+14:00” is no date."),
        ("discovered_at", "9999-12-31T23:59:59-14:00", "“9999-12-31T23:59:59-14:00” is no date."),
        ("discovered_at", 1_700_000_000, "A time with a zone is expected, such as 2026-11-22T08:00:00Z."),
        ("discovered_at", True, "A time with a zone is expected, such as 2026-11-22T08:00:00Z."),
        ("orbit", "round", "Input should be a valid dictionary or object to extract fields from."),
        ("marks", "abc", "Input should be a valid list."),
        ("star", 5, "Input should be a valid string."),
        ("star", "", "String should have at least 1 character."),
        ("missions", "voyager", "Input should be a valid list."),
    ],
)  # fmt: skip
async def test_a_value_of_the_wrong_kind_is_refused(
    client: httpx.AsyncClient, sky: Sky, field: str, value: Any, detail: str
) -> None:
    body = {"name": "X", "star": "sun", field: value}
    problem = assert_problem(await client.post("/planets", json=body, headers=EDITOR), 422, f"/{field}")
    (error,) = problem["errors"]
    assert error["detail"].startswith(detail)


async def test_every_fault_is_named_at_once(client: httpx.AsyncClient, sky: Sky) -> None:
    body = {"name": "", "kind": "cheese", "orbit": {"resonances": [1, "x", 3, 4, 5, 6]}, "missions": ["a", 5]}
    problem = assert_problem(await client.post("/planets", json=body, headers=EDITOR), 422)
    pointers = {error["pointer"] for error in problem["errors"]}
    assert pointers == {
        "/name", "/star", "/kind", "/orbit/distance", "/orbit/resonances/1", "/missions/1",
    }  # fmt: skip


async def test_a_relation_takes_a_hundred_records_at_most(client: httpx.AsyncClient, sky: Sky) -> None:
    body = {"name": "X", "star": "sun", "missions": ["m"] * 101}
    assert_problem(await client.post("/planets", json=body, headers=EDITOR), 422, "/missions")


TEXT_FIELDS: dict[str, Any] = {
    "name": "{}", "summary": "{}", "notes": "{}", "codename": "{}", "homepage": "/{}", "marks": ["{}"],
}  # fmt: skip


def filled(template: Any, text: str) -> Any:
    return [filled(item, text) for item in template] if isinstance(template, list) else template.format(text)


@pytest.mark.parametrize("field", [*TEXT_FIELDS, "star", "slug", "missions"])
async def test_a_nul_is_refused_wherever_a_text_goes(client: httpx.AsyncClient, sky: Sky, field: str) -> None:
    """E14: PostgreSQL has no NUL."""
    value = filled(TEXT_FIELDS.get(field, ["{}"] if field == "missions" else "{}"), "a\x00b")
    body = {"name": "X", "star": "sun", field: value}
    problem = assert_problem(await client.post("/planets", json=body, headers=EDITOR), 422)
    assert problem["errors"][0]["pointer"].startswith(f"/{field}")


ODD_TEXTS = {
    "bidi": "\u202elive",
    "zero width": "a\u200bb",
    "composed": "\u00e9",
    "decomposed": "e\u0301",
    "emoji": "\U0001f9d1\u200d\U0001f680",
    "byte order mark": "\ufeffx",
    "control character": "x\u0085y",
    "noncharacter": "\uffff",
    "tab": "a\tb",
    "SQL": "'; DROP TABLE planets; --",
}


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
async def test_odd_texts_come_back_as_they_were_sent(client: httpx.AsyncClient, sky: Sky, text: str) -> None:
    """E14, E01: bidi, zero width, composed and decomposed, emoji, quotes; the same on every database."""
    fields = ["name", "summary", "notes", "marks"]
    body = {"star": "sun", **{field: filled(TEXT_FIELDS[field], text) for field in fields}}
    response = await client.post("/planets", json=body, headers=EDITOR)
    assert response.status_code == 201, response.text
    read = (await client.get(f"/planets/{response.json()['id']}")).json()
    stripped = text.strip()
    assert (read["name"], read["summary"], read["notes"]) == (stripped, stripped, text)
    assert read["marks"] == [text]
    found = await client.get("/planets", params={"name": stripped})
    assert found.json()["total"] == 1


async def test_times_are_told_in_utc(client: httpx.AsyncClient, sky: Sky) -> None:
    times = {
        "2026-01-01T01:30:00+05:30": "2025-12-31T20:00:00Z",
        "2026-01-01t00:00:00z": "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.123456789Z": "2026-01-01T00:00:00.123456Z",
        "0001-01-01T00:00:00Z": "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999999Z",
    }
    for sent, told in times.items():
        body = {"name": "X", "star": "sun", "discovered_at": sent}
        response = await client.post("/planets", json=body, headers=EDITOR)
        assert response.json()["discovered_at"] == told
        found = await client.get("/planets", params={"discovered_at": sent, "id": response.json()["id"]})
        assert found.json()["total"] == 1


async def test_numbers_come_back_as_they_were_sent(client: httpx.AsyncClient, sky: Sky) -> None:
    for number in (0.1, -1.5, 1e308, 5e-324, 123456789.123456789, 0.0, 2**53):
        body = {"name": "X", "star": "sun", "mass": number, "orbit": {"distance": number}}
        response = await client.post("/planets", json=body, headers=EDITOR)
        read = (await client.get(f"/planets/{response.json()['id']}")).json()
        assert (read["mass"], read["orbit"]["distance"]) == (number, number)


@pytest.mark.parametrize("more", [{"methods": ["POST"]}, {"dependencies": [Depends(lambda: None)]}])
def test_a_plain_route_takes_its_request_and_nothing_else(more: dict[str, Any]) -> None:
    """Or nobody would look at what else is asked of it."""

    async def answer(request: Request) -> Response:
        return Response(request.url.path)

    with pytest.raises(TypeError, match="/tides takes more than its request"):
        PlainRoute("/tides", answer, **{"methods": ["GET"], **more})
