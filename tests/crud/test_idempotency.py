"""`Idempotency-Key`: one change and one answer, however often a request is sent (R12, R13)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from sqlalchemy import Connection, func, insert, select, update

from cms.crud.answers import written
from cms.crud.bodies import JsonRoute, SecretRoute
from cms.crud.cursor import Cursors
from cms.crud.fields import utc_now
from cms.crud.idempotency import HEADER, KEPT, REPLAYED, Attempts, KeptAnswer, keep, once
from cms.crud.plan import Reader
from cms.crud.policy import Role
from cms.crud.problem_handler import add_problem_handler
from cms.crud.router import add_routes
from cms.crud.service import Service, UnitOfWork
from cms.database import Database
from tests.problems import assert_problem
from tests.statements import recorded
from tests.toys import EDITOR, SECRET, Star, actor_of, get_work, registry, signed_in, star

VEGA = {"name": "Vega"}
Work = Annotated[UnitOfWork, Depends(get_work, scope="function")]
KEY = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"


async def post(client: httpx.AsyncClient, key: str | None = KEY, **options: Any) -> httpx.Response:
    """Make a star; with a key, unless there is none."""
    headers = {**EDITOR, **({HEADER: key} if key is not None else {}), **options.pop("headers", {})}
    return await client.post("/stars", **{"json": VEGA, **options}, headers=headers)


async def count(database: Database, model: Any = Star) -> int:
    return await database.read(lambda connection: connection.scalar(select(func.count()).select_from(model)) or 0)


async def grow_old(database: Database, age: timedelta) -> None:
    """Make every kept answer that old."""
    async with database.session() as session:
        await session.execute(update(KeptAnswer).values(created_at=utc_now() - age))


def stated(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """All of an answer but the mark of a replay."""
    return answer.status_code, answer.content, {k: v for k, v in answer.headers.items() if k != REPLAYED.lower()}


class TestSentAgain:
    async def test_the_same_request_gets_the_same_answer_and_changes_nothing(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        """R13: status, bytes, Location and ETag."""
        first = await post(client)
        again = [await post(client) for _ in range(3)]
        assert first.status_code == 201
        assert REPLAYED not in first.headers
        assert {"location", "etag", "cache-control", "content-type", "content-length"} <= first.headers.keys()
        for answer in again:
            assert stated(answer) == stated(first)
            assert answer.headers[REPLAYED] == "true"
        assert await count(database) == 1

    async def test_what_changed_meanwhile_is_not_in_the_answer(self, client: httpx.AsyncClient) -> None:
        """R13: the answer tells what the first request did, not how things stand."""
        first = await post(client)
        await client.patch("/stars/vega", json={"name": "Wega"}, headers={**EDITOR, "If-Match": "*"})
        assert (await post(client)).content == first.content

    async def test_another_body_is_refused(self, client: httpx.AsyncClient, database: Database) -> None:
        """R13."""
        await post(client)
        problem = assert_problem(await post(client, json={"name": "Deneb"}), 422, parameter=HEADER)
        assert "new key" in problem["detail"]
        assert await count(database) == 1

    async def test_another_address_is_refused(self, client: httpx.AsyncClient) -> None:
        """R13: the same body can be meant for two types."""
        await post(client)
        other = await client.post("/missions", json=VEGA, headers={**EDITOR, HEADER: KEY})
        assert_problem(other, 422, parameter=HEADER)

    async def test_another_key_is_another_request(self, client: httpx.AsyncClient, database: Database) -> None:
        """R13."""
        slugs = [(await post(client, key)).json()["slug"] for key in ("one", "two")]
        assert slugs == ["vega", "vega-2"]
        assert await count(database) == 2

    async def test_another_user_has_keys_of_its_own(self, client: httpx.AsyncClient, database: Database) -> None:
        """R13: nobody gets what was answered to somebody else."""
        first = await post(client)
        other = await post(client, headers=signed_in(Role.EDITOR, UUID(int=8)))
        assert REPLAYED not in other.headers
        assert (first.json()["slug"], other.json()["slug"]) == ("vega", "vega-2")
        assert await count(database) == 2

    async def test_who_may_not_any_more_is_told_nothing(self, client: httpx.AsyncClient) -> None:
        """R13: the same user, who is a reader by now."""
        await post(client)
        assert_problem(await post(client, headers=signed_in(Role.READER, UUID(int=7))), 403)

    @pytest.mark.parametrize("key", ["", " ", "a\tb", "ä", "x" * 256, "\x7f"])
    async def test_what_can_not_be_a_key_is_refused(
        self, client: httpx.AsyncClient, database: Database, key: str
    ) -> None:
        """R13: before anything is done."""
        answer = await post(client, key=None, headers={HEADER: key.encode("latin-1")})
        assert_problem(answer, 400, parameter=HEADER)
        assert await count(database) == 0

    async def test_two_keys_are_none(self, client: httpx.AsyncClient) -> None:
        """R13."""
        headers = [*EDITOR.items(), (HEADER, "one"), (HEADER, "two")]
        assert_problem(await client.post("/stars", json=VEGA, headers=headers), 400, parameter=HEADER)

    @pytest.mark.parametrize("key", ["0", "x" * 255, '"8e03978e-40d5"', "a key of words"])
    async def test_what_can_be_a_key_is_one(self, client: httpx.AsyncClient, key: str) -> None:
        """R13."""
        assert (await post(client, key)).content == (await post(client, key)).content

    async def test_other_methods_do_not_know_keys(self, client: httpx.AsyncClient, database: Database) -> None:
        """R13: they name the version that they are made from."""
        await post(client, None)
        for name in ("Wega", "Weka"):
            headers = {**EDITOR, HEADER: "", "If-Match": "*"}
            answer = await client.patch("/stars/vega", json={"name": name}, headers=headers)
            assert answer.json()["name"] == name
        assert await count(database, KeptAnswer) == 0


class TestFailures:
    async def test_after_a_refusal_the_key_can_be_used_again(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        """R13: for whatever the right request turns out to be."""
        assert_problem(await post(client, json={"nmae": "Vega"}), 422, "/nmae")
        assert_problem(await post(client, json={**VEGA, "slug": "no slug"}), 422, "/slug")
        assert_problem(await post(client, headers=signed_in(Role.READER, UUID(int=7))), 403)
        assert_problem(await post(client, json=None, content=b"{", headers={"Content-Type": "application/json"}), 422)
        assert await count(database, KeptAnswer) == 0
        assert (await post(client)).status_code == 201

    async def test_after_a_conflict_the_key_can_be_used_again(self, client: httpx.AsyncClient) -> None:
        """R13."""
        body = {"name": "Vega", "slug": "vega"}
        await post(client, None, json=body)
        assert_problem(await post(client, json=body), 409, "/slug")
        assert (await client.delete("/stars/vega", headers={**EDITOR, "If-Match": "*"})).status_code == 204
        assert (await post(client, json=body)).status_code == 201

    async def test_after_a_crash_the_key_can_be_used_again(
        self, client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """R13: and what the crash interrupted left nothing."""

        async def crash(*_: Any) -> None:
            raise RuntimeError

        with monkeypatch.context() as patched:
            patched.setattr(Service, "after_save", crash)
            assert_problem(await post(client), 500)
        assert (await count(database), await count(database, KeptAnswer)) == (0, 0)
        assert (await post(client)).status_code == 201
        assert (await count(database), await count(database, KeptAnswer)) == (1, 1)

    async def test_an_answer_that_can_not_be_kept_takes_the_change_with_it(
        self, client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """R12: there are both or neither."""

        def fail() -> None:
            raise RuntimeError

        with monkeypatch.context() as patched:
            patched.setattr("cms.crud.idempotency._sweep", fail)
            assert_problem(await post(client), 500)
        assert await count(database) == 0


class TestTime:
    async def test_after_a_day_a_key_is_new(self, client: httpx.AsyncClient, database: Database) -> None:
        """R13."""
        first = await post(client)
        await grow_old(database, KEPT - timedelta(minutes=1))
        assert (await post(client)).content == first.content
        await grow_old(database, KEPT)
        second = await post(client)
        assert REPLAYED not in second.headers
        assert second.json()["slug"] == "vega-2"
        assert (await post(client)).content == second.content
        assert await count(database, KeptAnswer) == 1

    async def test_after_a_day_answers_are_deleted_in_passing(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        """R13: a few at a time, whoever writes."""
        values = {"fingerprint": "", "status": 201, "headers": [], "body": b"", "created_at": utc_now() - KEPT}
        async with database.session() as session:
            await session.execute(insert(KeptAnswer), [{**values, "id": str(number)} for number in range(50)])
        left = []
        for number in range(4):
            await post(client, f"key {number}")
            left.append(await count(database, KeptAnswer))
        assert left == [31, 12, 3, 4]


@dataclass(frozen=True)
class Pause:
    """Stops a handler between its change and its answer."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)


@pytest.fixture
async def pause() -> Pause:
    """For the route `/slow`."""
    return Pause()


class TestAtOnce:
    async def test_while_the_first_still_runs_others_are_told_so(self, shapes: httpx.AsyncClient, pause: Pause) -> None:
        """R12: 409, and the first answer as soon as there is one."""
        first = asyncio.create_task(shapes.post("/slow"))
        await pause.begun.wait()
        meanwhile = await shapes.post("/slow")
        pause.may_end.set()
        answer = await first
        assert "still running" in assert_problem(meanwhile, 409)["detail"]
        assert meanwhile.headers["Retry-After"] == "1"
        assert stated(await shapes.post("/slow")) == stated(answer)

    async def test_fifty_at_once_make_one_row(self, client: httpx.AsyncClient, database: Database) -> None:
        """R12: the others get its answer, or are told that it is running."""
        answers = await asyncio.gather(*(post(client) for _ in range(50)))
        codes = Counter(answer.status_code for answer in answers)
        assert set(codes) <= {201, 409}, codes
        assert await count(database) == 1
        assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
        for answer in answers:
            if answer.status_code == 409:
                assert "still running" in assert_problem(answer, 409)["detail"]
                assert answer.headers["Retry-After"] == "1"
        assert (await post(client)).headers[REPLAYED] == "true"

    async def test_fifty_at_once_in_processes_that_do_not_know_of_each_other(
        self, app: FastAPI, client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """R12: the database decides."""

        class Forgetful(set[str]):
            def add(self, element: str) -> None:
                """Nothing: as if it ran elsewhere."""

        monkeypatch.setattr(app.state.attempts, "running", Forgetful())
        answers = await asyncio.gather(*(post(client) for _ in range(50)))
        codes = Counter(answer.status_code for answer in answers)
        assert set(codes) <= {201, 409}, codes
        assert database.is_sqlite <= (codes[201] == 50), "SQLite's writers queue"
        assert all("still running" in answer.text for answer in answers if answer.status_code == 409)
        assert (await count(database), await count(database, KeptAnswer)) == (1, 1)

    async def test_other_keys_do_not_wait(self, client: httpx.AsyncClient, database: Database) -> None:
        """R13."""
        answers = await asyncio.gather(*(post(client, str(uuid4())) for _ in range(10)))
        assert [answer.status_code for answer in answers] == [201] * 10
        assert await count(database) == 10


async def make(work: Work) -> Response:
    """A star that nobody named."""
    record = Star(name="Vega", slug=uuid4().hex)
    work.session.add(record)
    await work.session.flush()
    return await written(work, star, record.id)


async def refused(work: Work) -> Response:
    """A star, and an answer that is no success all the same."""
    await make(work)
    return Response("Look elsewhere.", 303)


async def secret(work: Work) -> Response:
    """A star that nobody else may know of."""
    answer = await make(work)
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def cookie(work: Work) -> Response:
    """A star, and a cookie."""
    answer = await make(work)
    answer.set_cookie("session", "secret")
    return answer


async def alone(request: Request) -> Response:
    """A star in a transaction of its own."""
    actor, state = actor_of(Role.ANONYMOUS), request.app.state
    async with once(request, actor, state.database.session()) as session:
        answer = await make(UnitOfWork(session, actor, state.reader))
        await keep(request, answer)
    return answer


async def upload(request: Request, work: Work) -> Response:
    """A star for each form."""
    async with request.form() as form:
        assert form
    return await make(work)


async def idle(work: Work) -> dict[str, str]:
    """Nothing at all, but a new word for it each time."""
    return {"id": uuid4().hex}


async def slow(request: Request, work: Work) -> Response:
    """A star whose answer waits."""
    answer = await make(work)
    request.app.state.pause.begun.set()
    await request.app.state.pause.may_end.wait()
    return answer


@pytest.fixture
async def shapes(database: Database, pause: Pause) -> AsyncIterator[httpx.AsyncClient]:
    """Routes of other shapes than the generated ones, open to everybody."""
    app, router = FastAPI(), APIRouter(route_class=JsonRoute)
    app.state.database, app.state.attempts = database, Attempts(SECRET)
    app.state.reader, app.state.pause = Reader(registry, Cursors(SECRET)), pause
    add_problem_handler(app)
    for handler in (make, refused, secret, cookie, alone, upload, idle, slow):
        router.add_api_route(f"/{handler.__name__}", handler, methods=["POST"], response_model=None)
    router.add_api_route("/hidden", make, methods=["POST"], response_model=None, route_class_override=SecretRoute)
    add_routes(app, router)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers={HEADER: KEY}) as client:
        yield client


class TestShapes:
    @pytest.mark.parametrize("path", ["/make", "/alone", "/idle"])
    async def test_every_shape_of_a_route_keeps_its_answer(self, shapes: httpx.AsyncClient, path: str) -> None:
        """R12: with a body or without, by the unit of work or by itself."""
        first, again = await shapes.post(path), await shapes.post(path)
        assert stated(again) == stated(first)
        assert (first.status_code, again.headers[REPLAYED]) == (200, "true")
        assert_problem(await shapes.post(path, content=b"more"), 422, parameter=HEADER)
        assert_problem(await shapes.post(path, params={"a": "1"}), 422, parameter=HEADER)
        del shapes.headers[HEADER]
        assert REPLAYED not in (await shapes.post(path)).headers

    @pytest.mark.parametrize("path", ["/secret", "/cookie", "/hidden", "/refused"])
    async def test_secrets_and_refusals_are_not_kept(
        self, shapes: httpx.AsyncClient, database: Database, path: str
    ) -> None:
        """R13: what nobody else may see is not stored, and done again."""
        for _ in range(2):
            assert REPLAYED not in (await shapes.post(path)).headers
        assert (await count(database), await count(database, KeptAnswer)) == (2, 0)

    async def test_the_public_shares_nothing_but_an_address(
        self, shapes: httpx.AsyncClient, database: Database
    ) -> None:
        """R13: who guesses a key has to know the body as well, and to sit at the same address."""
        await shapes.post("/make", content=b"mine")
        assert_problem(await shapes.post("/make", content=b"theirs"), 422, parameter=HEADER)
        app = shapes._transport.app  # type: ignore[attr-defined]  # noqa: SLF001 - httpx has no other way
        for client in (("192.0.2.7", 1), None):
            transport = httpx.ASGITransport(_from(app, client))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as other:
                answer = await other.post("/make", content=b"mine", headers={HEADER: KEY})
            assert REPLAYED not in answer.headers
        assert await count(database) == 3

    async def test_a_form_is_the_same_however_it_is_divided(self, shapes: httpx.AsyncClient) -> None:
        """R13: clients choose a new boundary for each attempt; and a file is never held in memory for this."""
        content = bytes(range(256)) * 2000
        first = await shapes.post("/upload", files={"file": ("a.png", content)})
        assert first.status_code == 200
        again = await shapes.post("/upload", files={"file": ("a.png", content)})
        assert first.request.headers["content-type"] != again.request.headers["content-type"]
        assert stated(again) == stated(first)
        for files in ({"file": ("b.png", content)}, {"file": ("a.png", content[1:])}):
            assert_problem(await shapes.post("/upload", files=files), 422, parameter=HEADER)

    @pytest.mark.parametrize("size", [1, 3, 7, 70_000])
    async def test_a_form_is_the_same_in_whatever_pieces_it_comes(self, shapes: httpx.AsyncClient, size: int) -> None:
        """R13: a boundary may lie across two of them."""

        async def pieces(body: bytes) -> AsyncIterator[bytes]:
            for start in range(0, len(body), size):
                yield body[start : start + size]

        answers = []
        for boundary in ("first", "second-and-longer"):
            body = f'--{boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--{boundary}--\r\n'.encode()
            headers = {"Content-Type": f'multipart/form-data; boundary="{boundary}"'}
            answers.append(await shapes.post("/upload", content=pieces(body), headers=headers))
        assert stated(answers[0]) == stated(answers[1])
        assert answers[1].headers[REPLAYED] == "true"


class TestWhatIsStored:
    async def test_neither_the_key_nor_the_body_can_be_guessed_by_what_is_stored(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        """R13: bodies may have passwords, which are stored nowhere, not even hashed; so the hash has a secret."""
        await post(client)

        def read(connection: Connection) -> Any:
            return connection.execute(select(KeptAnswer.id, KeptAnswer.fingerprint, KeptAnswer.body)).one()

        row = await database.read(read)
        assert len({row.id, row.fingerprint}) == 2
        assert KEY.encode() not in row.body
        one, other = (Attempts(secret).hash(b"a", b"b").hexdigest() for secret in ("one", "other"))
        assert one != other

    async def test_without_a_key_there_is_no_statement_more(self, client: httpx.AsyncClient) -> None:
        """R12: with one there are a look, and what keeps the answer; on PostgreSQL the lock too."""
        with recorded() as without:
            await post(client, None)
        with recorded() as with_key:
            await post(client)
        assert not [statement for statement in without if "kept_answers" in statement or "advisory" in statement]
        assert len([s for s in with_key if "kept_answers" in s]) == 3
        assert len([s for s in with_key if "advisory" in s]) <= 1


def _from(app: Any, address: tuple[str, int] | None) -> Any:
    """The application as reached from an address."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "client": address}, receive, send)

    return call
