"""Routes of a content type: lists, single records and writes, as clients see them."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from cms.crud.policy import Role
from cms.database import Database
from tests.crud.conftest import Make, Sky
from tests.problems import assert_problem
from tests.statements import recorded
from tests.toys import EDITOR, Planet, explorer, mission, signed_in, star, station

ADMIN = signed_in(Role.ADMIN)


class TestCreating:
    """POST."""

    async def test_a_record_is_made_and_answered_whole(self, client: httpx.AsyncClient, sky: Sky) -> None:
        body = {"name": "Mars", "star": "sun", "orbit": {"distance": 1.5}, "mass": 0.1, "codename": "red"}
        response = await client.post("/planets", json=body, headers=EDITOR)
        assert response.status_code == 201, response.text
        planet = response.json()
        assert response.headers["location"] == f"/api/v1/planets/{planet['id']}"
        assert response.headers["etag"].startswith('"v1-')
        assert planet["slug"] == "mars"
        assert planet["version"] == 1
        assert planet["orbit"] == {"distance": 1.5, "inclination": 0.0, "resonances": []}
        assert planet["star"] == {"id": planet["star"]["id"], "name": "Sun", "slug": "sun"}
        assert planet["kind"] == "rocky"
        assert planet["missions"] == []
        assert "codename" not in planet
        read = await client.get(response.headers["location"].removeprefix("/api/v1"))
        assert read.json() == planet
        assert read.headers["etag"] == response.headers["etag"]

    async def test_a_second_record_of_a_name_gets_a_slug_of_its_own(
        self, client: httpx.AsyncClient, sky: Sky, make: Make
    ) -> None:
        await make(mission, name="Grand tour")
        body = {"name": "Ópik", "star": "sun", "missions": ["grand-tour"]}
        slugs = []
        for _ in range(3):
            response = await client.post("/planets", json=body, headers=EDITOR)
            slugs.append(response.json()["slug"])
            assert [m["slug"] for m in response.json()["missions"]] == ["grand-tour"]
        assert slugs == ["opik", "opik-2", "opik-3"]

    async def test_a_slug_that_was_chosen_is_kept_or_refused(self, client: httpx.AsyncClient, sky: Sky) -> None:
        await sky.planet("Mars", slug="red")
        response = await client.post("/planets", json={"name": "Eris", "star": "sun", "slug": "red"}, headers=EDITOR)
        problem = assert_problem(response, 409, "/slug")
        assert problem["detail"] == "Another planet already has the slug “red”; choose another one."

    async def test_a_slug_is_made_where_a_name_has_no_letters(self, client: httpx.AsyncClient, sky: Sky) -> None:
        response = await client.post("/planets", json={"name": "…", "star": "sun"}, headers=EDITOR)
        assert response.json()["slug"] == "planet"

    async def test_a_long_name_makes_a_slug_that_fits(self, client: httpx.AsyncClient) -> None:
        for ending in ("", "-2"):
            response = await client.post("/stars", json={"name": "x" * 100, "slug": None}, headers=EDITOR)
            assert response.json()["slug"] == "x" * 100 + ending

    @pytest.mark.parametrize(("role", "status"), [(Role.ANONYMOUS, 401), (Role.READER, 403), (Role.AUTHOR, 403)])
    async def test_who_may_not_is_told_so_before_the_body_is_read(
        self, client: httpx.AsyncClient, role: Role, status: int
    ) -> None:
        problem = assert_problem(await client.post("/stars", json={"x": 1}, headers=signed_in(role)), status)
        assert "errors" not in problem
        if status == 403:
            assert problem["detail"] == f"Your role, {role.value}, may not create this star."

    async def test_the_anonymous_are_told_how_to_sign_in(self, client: httpx.AsyncClient) -> None:
        response = await client.post("/stars", json={"name": "Vega"})
        assert_problem(response, 401)
        assert response.headers["www-authenticate"] == "Bearer"

    async def test_related_records_are_named_by_id_or_key(
        self, client: httpx.AsyncClient, sky: Sky, make: Make, sun: Any
    ) -> None:
        voyager = await make(mission, name="Voyager")
        await make(mission, name="Cassini")
        owner = await make(explorer, name="Ada", email="ada@example.org", pin="1")
        body = {
            "name": "Saturn", "star": str(sun.id).upper(), "owner": str(owner.id),
            "missions": [str(voyager.id).upper(), "cassini", "cassini"],
        }  # fmt: skip
        response = await client.post("/planets", json=body, headers=EDITOR)
        assert response.status_code == 201, response.text
        assert response.json()["owner"] == {"id": str(owner.id), "name": "Ada"}
        assert [m["name"] for m in response.json()["missions"]] == ["Cassini", "Voyager"]

    async def test_relations_that_lead_nowhere_are_all_named(self, client: httpx.AsyncClient, sky: Sky) -> None:
        body = {"name": "X", "star": "vega", "missions": ["a", str(UUID(int=5))], "owner": str(UUID(int=6))}
        problem = assert_problem(await client.post("/planets", json=body, headers=EDITOR), 422)
        assert problem["errors"] == [
            {"detail": "There is no star “vega”.", "pointer": "/star"},
            {"detail": f"There is no explorer “{UUID(int=6)}”.", "pointer": "/owner"},
            {"detail": "There is no mission “a”.", "pointer": "/missions/0"},
            {"detail": f"There is no mission “{UUID(int=5)}”.", "pointer": "/missions/1"},
        ]

    async def test_a_related_record_cannot_be_written_through_another(
        self, client: httpx.AsyncClient, sky: Sky, sun: Any
    ) -> None:
        """B04: relations are named, never nested."""
        body = {"name": "X", "star": {"id": str(sun.id), "name": "Moon"}}
        assert_problem(await client.post("/planets", json=body, headers=EDITOR), 422, "/star")
        assert (await client.get("/stars/sun")).json()["name"] == "Sun"


class TestReading:
    """GET of one record."""

    async def test_a_record_is_found_by_id_and_by_slug(self, client: httpx.AsyncClient, sky: Sky) -> None:
        mars = await sky.planet("Mars")
        by_slug = await client.get("/planets/mars")
        assert by_slug.status_code == 200
        for key in (str(mars.id), str(mars.id).upper()):
            assert (await client.get(f"/planets/{key}")).content == by_slug.content

    @pytest.mark.parametrize("key", ["nowhere", str(UUID(int=9)), "Mars", "%00", "x" * 255, "a%2Fb"])
    async def test_what_is_not_there_is_not_found(self, client: httpx.AsyncClient, sky: Sky, key: str) -> None:
        await sky.planet("Mars")
        response = await client.get(f"/planets/{key}")
        assert_problem(response, 400 if key in {"%00", "x" * 255} else 404)

    async def test_a_type_without_a_natural_key_is_found_by_id_alone(self, client: httpx.AsyncClient, sky: Sky) -> None:
        mars = await sky.planet("Mars")
        phobos = await sky.moon("Phobos", mars.id)
        assert (await client.get(f"/moons/{phobos.id}")).json()["planet"]["slug"] == "mars"
        assert_problem(await client.get("/moons/Phobos"), 404)
        response = await client.patch("/moons/Phobos", json={"version": 1}, headers=EDITOR)
        assert_problem(response, 404)

    async def test_fields_are_answered_as_asked_for(self, client: httpx.AsyncClient, sky: Sky) -> None:
        mars = await sky.planet("Mars")
        await sky.moon("Phobos", mars.id)
        response = await client.get("/planets/mars", params={"fields": "slug,star,is_giant"})
        assert list(response.json()) == ["slug", "star", "is_giant"]
        response = await client.get("/planets/mars", params={"fields": "missions", "include": "moons"})
        assert list(response.json()) == ["missions", "moons"]
        assert [m["name"] for m in response.json()["moons"]] == ["Phobos"]

    async def test_an_unchanged_record_is_not_sent_again(self, client: httpx.AsyncClient, sky: Sky) -> None:
        await sky.planet("Mars")
        first = await client.get("/planets/mars")
        tag = first.headers["etag"]
        for held in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await client.get("/planets/mars", headers={"If-None-Match": held})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
            assert again.headers["cache-control"] == "public, no-cache"
            assert again.headers["vary"] == "Authorization"
        changed = await client.get("/planets/mars", headers={"If-None-Match": '"v1-0000"'})
        assert changed.status_code == 200

    async def test_the_tag_follows_what_is_shown(self, client: httpx.AsyncClient, sky: Sky) -> None:
        """A related record's change is a change of the answer."""
        await sky.planet("Mars")
        tag = (await client.get("/planets/mars")).headers["etag"]
        assert (await client.get("/planets/mars", params={"fields": "id"})).headers["etag"] != tag
        await client.patch("/stars/sun", json={"name": "Sol", "version": 1}, headers=EDITOR)
        assert (await client.get("/planets/mars")).headers["etag"] != tag

    async def test_answers_to_the_signed_in_are_private(self, client: httpx.AsyncClient, sky: Sky) -> None:
        await sky.planet("Mars")
        for path in ("/planets", "/planets/mars"):
            response = await client.get(path, headers=EDITOR)
            assert response.headers["cache-control"] == "private, no-cache"
            assert (await client.get(path)).headers["cache-control"] == "public, no-cache"


class TestChanging:
    """PATCH and PUT, and the versions that they need."""

    @pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
    async def test_a_write_without_a_version_is_refused(self, client: httpx.AsyncClient, sky: Sky, method: str) -> None:
        await sky.planet("Mars")
        body: dict[str, Any] = {} if method == "DELETE" else {"json": {"name": "Ares", "star": "sun"}}
        assert_problem(await client.request(method, "/planets/mars", headers=EDITOR, **body), 428)
        assert (await client.get("/planets/mars")).json()["name"] == "Mars"

    @pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
    async def test_a_stale_write_is_refused_with_the_current_version(
        self, client: httpx.AsyncClient, sky: Sky, method: str
    ) -> None:
        """R01."""
        await sky.planet("Mars")
        await client.patch("/planets/mars", json={"rank": 4, "version": 1}, headers=EDITOR)
        body: dict[str, Any] = {} if method == "DELETE" else {"json": {"name": "Ares", "star": "sun"}}
        headers = {**EDITOR, "If-Match": '"v1"'}
        problem = assert_problem(await client.request(method, "/planets/mars", headers=headers, **body), 412)
        assert problem["current_version"] == 2
        assert problem["detail"].startswith("This was changed meanwhile: you have version 1, the current one is 2.")
        planet = (await client.get("/planets/mars")).json()
        assert (planet["name"], planet["rank"], planet["version"]) == ("Mars", 4, 2)

    async def test_the_version_can_be_given_in_every_form(self, client: httpx.AsyncClient, sky: Sky) -> None:
        await sky.planet("Mars")
        tag = (await client.get("/planets/mars")).headers["etag"]
        forms: list[tuple[dict[str, str], dict[str, Any]]] = [
            ({"If-Match": tag}, {}),
            ({"If-Match": '"v2"'}, {}),
            ({"If-Match": "*"}, {}),
            ({}, {"version": 4}),
            ({"If-Match": '"v5"'}, {"version": 5}),
            ({"If-Match": "*"}, {"version": 6}),
        ]
        for rank, (headers, body) in enumerate(forms, 1):
            response = await client.patch("/planets/mars", json={"rank": rank, **body}, headers={**EDITOR, **headers})
            assert response.status_code == 200, response.text
            assert response.json()["version"] == rank + 1

    @pytest.mark.parametrize(("if_match", "version"), [('"7"', None), ("v1", None), ('"v1"', 2), ("", None)])
    async def test_a_version_that_says_nothing_is_refused(
        self, client: httpx.AsyncClient, sky: Sky, if_match: str, version: int | None
    ) -> None:
        await sky.planet("Mars")
        body = {"rank": 1} if version is None else {"rank": 1, "version": version}
        response = await client.patch("/planets/mars", json=body, headers={**EDITOR, "If-Match": if_match})
        assert_problem(response, 400)

    async def test_a_patch_changes_what_it_names_and_no_more(
        self, client: httpx.AsyncClient, sky: Sky, make: Make
    ) -> None:
        await make(mission, name="Voyager")
        await sky.planet("Mars", summary="Red.", mass=0.1, missions=["voyager"], orbit={"distance": 1.5})
        before = (await client.get("/planets/mars")).json()
        response = await client.patch("/planets/mars", json={"mass": None, "version": 1}, headers=EDITOR)
        after = response.json()
        assert after == before | {"mass": None, "version": 2, "updated_at": after["updated_at"]}
        assert after["updated_at"] > before["updated_at"]

    async def test_a_put_gives_what_it_leaves_out_its_default(
        self, client: httpx.AsyncClient, sky: Sky, make: Make
    ) -> None:
        await make(mission, name="Voyager")
        await sky.planet("Mars", slug="red", summary="Red.", rank=4, missions=["voyager"], marks=["a"])
        response = await client.put("/planets/red", json={"name": "Ares", "star": "sun", "version": 1}, headers=EDITOR)
        assert response.status_code == 200, response.text
        planet = response.json()
        assert (planet["name"], planet["summary"], planet["rank"]) == ("Ares", None, 0)
        assert (planet["missions"], planet["marks"]) == ([], [])
        assert planet["slug"] == "red", "a slug is made once and kept: addresses last"

    async def test_a_put_without_a_required_field_is_refused(self, client: httpx.AsyncClient, sky: Sky) -> None:
        await sky.planet("Mars")
        response = await client.put("/planets/mars", json={"name": "Ares", "version": 1}, headers=EDITOR)
        assert_problem(response, 422, "/star")

    async def test_saying_the_same_again_changes_nothing(self, client: httpx.AsyncClient, sky: Sky, make: Make) -> None:
        for name in ("Cassini", "Voyager"):
            await make(mission, name=name)
        await sky.planet("Mars", missions=["voyager", "cassini"], marks=["a"], orbit={"distance": 1})
        before = await client.get("/planets/mars")
        same = {
            "name": "Mars", "star": "sun", "missions": ["cassini", "voyager"], "marks": ["a"],
            "orbit": {"distance": 1.0, "inclination": 0}, "version": 1,
        }  # fmt: skip
        response = await client.patch("/planets/mars", json=same, headers=EDITOR)
        assert response.content == before.content
        assert response.headers["etag"] == before.headers["etag"]

    async def test_a_change_of_related_records_alone_is_a_new_version(
        self, client: httpx.AsyncClient, sky: Sky, make: Make
    ) -> None:
        await make(mission, name="Voyager")
        await sky.planet("Mars")
        response = await client.patch("/planets/mars", json={"missions": ["voyager"], "version": 1}, headers=EDITOR)
        assert response.json()["version"] == 2
        assert [m["slug"] for m in response.json()["missions"]] == ["voyager"]

    @pytest.mark.parametrize("also", [{}, {"missions": []}, {"star": "sun"}])
    async def test_a_slug_that_is_taken_is_refused_whatever_else_is_sent(
        self, client: httpx.AsyncClient, sky: Sky, make: Make, also: dict[str, Any]
    ) -> None:
        """R41: relations are looked up between the slug and the write."""
        await make(mission, name="Voyager")
        await sky.planet("Mars", missions=["voyager"])
        await sky.planet("Venus")
        response = await client.patch("/planets/mars", json={"slug": "venus", "version": 1, **also}, headers=EDITOR)
        problem = assert_problem(response, 409, "/slug")
        assert problem["detail"] == "Another planet already has the slug “venus”; choose another one."

    async def test_a_change_with_many_parts_is_one_version(
        self, client: httpx.AsyncClient, sky: Sky, make: Make
    ) -> None:
        await make(mission, name="Voyager")
        await sky.planet("Mars")
        body = {"slug": "ares", "name": "Ares", "star": "sun", "missions": ["voyager"], "version": 1}
        response = await client.patch("/planets/mars", json=body, headers=EDITOR)
        assert (response.json()["version"], response.json()["slug"]) == (2, "ares")

    async def test_a_refused_change_leaves_nothing_behind(
        self, client: httpx.AsyncClient, sky: Sky, make: Make
    ) -> None:
        await sky.planet("Mars")
        before = await client.get("/planets/mars")
        body = {"name": "Ares", "missions": ["nowhere"], "version": 1}
        response = await client.patch("/planets/mars", json=body, headers=EDITOR)
        assert_problem(response, 422, "/missions/0")
        assert (await client.get("/planets/mars")).content == before.content

    async def test_a_required_field_cannot_be_emptied(self, client: httpx.AsyncClient, sky: Sky) -> None:
        await sky.planet("Mars")
        for field in ("name", "rank", "star", "missions", "slug", "is_habitable"):
            body = {field: None, "version": 1}
            response = await client.patch("/planets/mars", json=body, headers=EDITOR)
            assert_problem(response, 422, f"/{field}")

    async def test_a_search_follows_what_was_written(self, client: httpx.AsyncClient, sky: Sky) -> None:
        await sky.planet("Mars", notes="rust")
        await client.patch("/planets/mars", json={"notes": "Ócean", "version": 1}, headers=EDITOR)
        found = {q: (await client.get("/planets", params={"q": q})).json()["total"] for q in ("rust", "OCEAN", "mars")}
        assert found == {"rust": 0, "OCEAN": 1, "mars": 1}


class TestDeleting:
    """DELETE."""

    async def test_a_deleted_record_is_gone(self, client: httpx.AsyncClient, sky: Sky, make: Make) -> None:
        await make(mission, name="Voyager")
        await sky.planet("Mars", missions=["voyager"])
        response = await client.delete("/planets/mars", headers={**EDITOR, "If-Match": '"v1"'})
        assert (response.status_code, response.content) == (204, b"")
        assert_problem(await client.get("/planets/mars"), 404)
        assert (await client.get("/missions/voyager")).status_code == 200

    async def test_a_record_in_use_says_where(self, client: httpx.AsyncClient, sky: Sky) -> None:
        mars = await sky.planet("Mars")
        await sky.moon("Phobos", mars.id)
        response = await client.delete("/planets/mars", headers={**EDITOR, "If-Match": "*"})
        problem = assert_problem(response, 409)
        assert problem["usages"] == ["moon “Phobos”"]
        assert problem["detail"] == ("This planet is in use and was not deleted. Change these first: moon “Phobos”.")
        assert (await client.get("/planets/mars")).status_code == 200

    async def test_a_relation_that_may_be_empty_lets_go(self, client: httpx.AsyncClient, sky: Sky, make: Make) -> None:
        ada = await make(explorer, name="Ada", email="ada@example.org", pin="1")
        await sky.planet("Mars", owner=str(ada.id))
        response = await client.delete(f"/explorers/{ada.id}", headers={**ADMIN, "If-Match": '"v1"'})
        assert response.status_code == 204, response.text
        assert (await client.get("/planets/mars")).json()["owner"] is None


class TestRights:
    """Who may do what to which record."""

    @pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
    @pytest.mark.parametrize("role", [Role.ANONYMOUS, Role.READER, Role.AUTHOR])
    async def test_a_record_of_others_is_seen_but_not_changed(
        self, client: httpx.AsyncClient, sky: Sky, make: Make, database: Database, method: str, role: Role
    ) -> None:
        """A16."""
        ada = await make(explorer, name="Ada", email="ada@example.org", pin="1")
        await sky.planet("Mars", owner=str(ada.id))
        headers = {**signed_in(role, None if role is Role.ANONYMOUS else uuid4()), "If-Match": '"v1"'}
        body: dict[str, Any] = {} if method == "DELETE" else {"json": {"name": "Ares", "star": "sun"}}
        response = await client.request(method, "/planets/mars", headers=headers, **body)
        assert_problem(response, 401 if role is Role.ANONYMOUS else 403)
        async with database.session() as session:
            assert (await session.execute(select(Planet.name, Planet.version))).one() == ("Mars", 1)

    async def test_an_author_changes_and_deletes_their_own(
        self, client: httpx.AsyncClient, sky: Sky, make: Make
    ) -> None:
        ada = await make(explorer, name="Ada", email="ada@example.org", pin="1")
        await sky.planet("Mars", owner=str(ada.id), is_classified=True)
        author = signed_in(Role.AUTHOR, ada.id)
        response = await client.patch("/planets/mars", json={"name": "Ares", "version": 1}, headers=author)
        assert response.json()["name"] == "Ares"
        response = await client.delete("/planets/mars", headers={**author, "If-Match": '"v2"'})
        assert response.status_code == 204

    async def test_a_type_that_a_role_may_not_read_is_closed_to_it(self, client: httpx.AsyncClient, make: Make) -> None:
        """A25: people are no public list."""
        ada = await make(explorer, name="Ada", email="ada@example.org", pin="1")
        for path in ("/explorers", f"/explorers/{ada.id}", "/explorers/ada@example.org"):
            assert_problem(await client.get(path), 401)
            problem = assert_problem(await client.get(path, headers=EDITOR), 403)
            assert problem["detail"] == "Your role, editor, may not read this explorer."
            assert (await client.get(path, headers=ADMIN)).status_code == 200

    async def test_a_type_without_writable_fields_is_read_only(self, client: httpx.AsyncClient, make: Make) -> None:
        response = await client.post("/stations", json={"name": "Mir"}, headers=ADMIN)
        assert_problem(response, 405)
        assert response.headers["allow"] == "GET"
        assert (await client.get("/stations")).json()["items"] == []


class TestTransport:
    """What every route has in common."""

    @pytest.mark.parametrize(
        ("path", "allowed"),
        [("/planets", "GET, POST"), ("/planets/mars", "GET, PUT, PATCH, DELETE"), ("/stations/x", "GET")],
    )
    async def test_a_method_that_is_not_possible_names_those_that_are(
        self, client: httpx.AsyncClient, path: str, allowed: str
    ) -> None:
        response = await client.request("TRACE", path)
        assert response.headers["allow"] == allowed
        assert assert_problem(response, 405)["detail"] == f"TRACE is not possible here; use {allowed}."

    async def test_an_address_that_leads_nowhere_is_a_problem(self, client: httpx.AsyncClient) -> None:
        problem = assert_problem(await client.get("/comets/halley"), 404)
        assert problem["detail"] == "There is nothing at /api/v1/comets/halley."

    @pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
    @pytest.mark.parametrize(("method", "path"), [("POST", "/stars"), ("PATCH", "/stars/sun"), ("PUT", "/stars/sun")])
    async def test_a_body_that_is_not_declared_as_json_is_refused(
        self, client: httpx.AsyncClient, sun: Any, method: str, path: str, kind: str | None
    ) -> None:
        """H12."""
        headers = {**EDITOR, **({"Content-Type": kind} if kind else {})}
        response = await client.request(method, path, content=b'{"name": "x", "version": 1}', headers=headers)
        assert_problem(response, 415)
        assert (await client.get("/stars")).json()["total"] == 1

    @pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/ld+json"])
    async def test_json_in_any_spelling_of_its_type_is_taken(self, client: httpx.AsyncClient, kind: str) -> None:
        headers = {**EDITOR, "Content-Type": kind}
        response = await client.post("/stars", content=b'{"name": "Vega"}', headers=headers)
        assert response.status_code == 201

    async def test_a_body_that_is_missing_is_asked_for(self, client: httpx.AsyncClient) -> None:
        headers = {**EDITOR, "Content-Type": "application/json"}
        problem = assert_problem(await client.post("/stars", headers=headers), 422)
        assert problem["detail"] == "This needs a JSON body: send one with Content-Type: application/json."

    @pytest.mark.parametrize(
        ("method", "path"),
        [("POST", "/stars"), ("PATCH", "/stars/sun"), ("PUT", "/stars/sun"), ("DELETE", "/stars/sun")],
    )
    async def test_a_parameter_where_there_are_none_is_refused(
        self, client: httpx.AsyncClient, sun: Any, method: str, path: str
    ) -> None:
        """A03."""
        body: dict[str, Any] = {} if method == "DELETE" else {"json": {"name": "Sol"}}
        headers = {**EDITOR, "If-Match": "*"}
        response = await client.request(method, f"{path}?force=1", headers=headers, **body)
        problem = assert_problem(response, 400, parameter="force")
        assert problem["detail"] == "There is no parameter “force”."
        assert (await client.get("/stars/sun")).json()["name"] == "Sun"


class TestCost:
    """How many statements an answer costs: PostgreSQL puts related rows inside of rows, SQLite asks for them after."""

    async def test_a_list_costs_the_same_however_long_the_page(
        self, client: httpx.AsyncClient, sky: Sky, make: Make, database: Database
    ) -> None:
        """I03."""
        for name in ("Voyager", "Cassini"):
            await make(mission, name=name)
        for number in range(12):
            planet = await sky.planet(f"P{number}", missions=["voyager", "cassini"])
            await sky.moon(f"M{number}", planet.id)
        costs = {}
        for limit in (1, 2, 12):
            with recorded() as statements:
                response = await client.get("/planets", params={"limit": limit, "include": "moons", "sort": "name"})
            assert len(response.json()["items"]) == limit
            costs[limit] = len(statements)
        cost = 3 if database.is_sqlite else 1
        assert costs == {1: cost, 2: cost, 12: cost}, "the rows with their count, and one for each to-many relation"

    async def test_what_is_not_asked_for_costs_nothing(self, client: httpx.AsyncClient, sky: Sky) -> None:
        await sky.planet("Mars")
        with recorded() as statements:
            await client.get("/planets", params={"total": "none", "fields": "name,star"})
        assert len(statements) == 1

    async def test_a_single_record_costs_one_statement_and_one_per_to_many_relation(
        self, client: httpx.AsyncClient, sky: Sky, database: Database
    ) -> None:
        await sky.planet("Mars")
        with recorded() as statements:
            assert (await client.get("/planets/mars")).status_code == 200
        assert len(statements) == (2 if database.is_sqlite else 1)
        with recorded() as statements:
            assert (await client.get("/planets/nowhere")).status_code == 404
        assert len(statements) == 1

    async def test_a_page_of_nothing_costs_no_more(self, client: httpx.AsyncClient) -> None:
        with recorded() as statements:
            response = await client.get("/planets", params={"include": "moons"})
        assert response.json() == {"items": [], "total": 0, "next": None, "previous": None}
        assert len(statements) == 2


async def test_include_shows_a_relation_once_and_in_its_usual_order(
    client: httpx.AsyncClient, sky: Sky, make: Make
) -> None:
    """A relation that is shown anyway and included is shown whole, not twice."""
    for name in ("Cassini", "Voyager"):
        await make(mission, name=name)
    await sky.planet("Mars", missions=["voyager", "cassini"])
    short = (await client.get("/planets/mars")).json()["missions"]
    assert [list(m) for m in short] == [["id", "name", "slug"]] * 2
    assert [m["name"] for m in short] == ["Cassini", "Voyager"]
    whole = (await client.get("/planets/mars", params={"include": "missions"})).json()["missions"]
    assert [list(m) for m in whole] == [["id", "slug", "name", "version"]] * 2
    assert [m["name"] for m in whole] == ["Voyager", "Cassini"]
    listed = (await client.get("/planets", params={"include": "missions"})).json()["items"][0]["missions"]
    assert listed == whole


async def test_a_tree_is_written_and_read_both_ways(client: httpx.AsyncClient) -> None:
    north = (await client.post("/regions", json={"name": "North"}, headers=EDITOR)).json()
    body = {"name": "Lyra", "parent": north["id"], "note": "small"}
    lyra = (await client.post("/regions", json=body, headers=EDITOR)).json()
    assert lyra["parent"] == {"id": north["id"], "name": "North", "note": ""}
    params = {"include": "children", "children__name": "Lyra"}
    (found,) = (await client.get("/regions", params=params)).json()["items"]
    assert found["name"] == "North"
    assert [child["name"] for child in found["children"]] == ["Lyra"]
    for key in (str(UUID(int=5)), "North"):
        response = await client.patch(f"/regions/{lyra['id']}", json={"parent": key, "version": 1}, headers=EDITOR)
        problem = assert_problem(response, 422, "/parent")
        assert problem["detail"] == f"There is no region “{key}”."
    response = await client.patch(f"/regions/{lyra['id']}", json={"parent": None, "version": 1}, headers=EDITOR)
    assert response.json()["parent"] is None


async def test_a_relation_that_the_service_fills_in_need_not_be_sent(client: httpx.AsyncClient, sky: Sky) -> None:
    for name in ("Mars", "Earth"):
        await sky.planet(name)
    for planet in ({}, {"planet": None}):
        response = await client.post("/probes", json={"name": "Viking", **planet}, headers=EDITOR)
        assert response.json()["planet"]["slug"] == "earth"
    path = f"/probes/{response.json()['id']}"
    moved = await client.patch(path, json={"planet": "mars", "version": 1}, headers=EDITOR)
    assert moved.json()["planet"]["slug"] == "mars"
    for number, rest in enumerate(({}, {"planet": None}), 2):
        body = {"name": f"Viking {number}", "version": number, **rest}
        response = await client.put(path, json=body, headers=EDITOR)
        assert response.json()["planet"]["slug"] == "mars", "what is derived is kept"


async def test_a_station_is_read(client: httpx.AsyncClient, database: Database) -> None:
    """A type of two words has a path and a word of its own."""
    async with database.session() as session:
        mir = station.model(name="Mir", crew=3)
        session.add(mir)
    response = await client.get(f"/stations/{mir.id}")
    assert response.json() == {"id": str(mir.id), "name": "Mir", "crew": 3, "version": 1}
    problem = assert_problem(await client.get("/stations/nowhere"), 404)
    assert problem["detail"] == "There is no space station “nowhere”."
    assert star.label == "Star"
