"""The trash: what hangs on a record goes with it and comes back with it, slugs are free meanwhile, and it empties."""

from datetime import timedelta
from typing import Any

import pytest
from loguru import logger
from sqlalchemy import MetaData, update
from sqlalchemy.orm import Mapped

from cms.content.articles import Article, article
from cms.content.categories import category
from cms.content.comments import CommentStatus, comment
from cms.content.pages import Page, page
from cms.crud.conditional import ANY_VERSION
from cms.crud.content_type import ContentType
from cms.crud.cursor import Cursors
from cms.crud.fields import Name, utc_now
from cms.crud.models import NAMING_CONVENTION, Record
from cms.crud.plan import Reader
from cms.crud.policy import SYSTEM, Action, Policy, Role
from cms.crud.problems import Conflict, NotFound
from cms.crud.registry import Registry
from cms.crud.schemas import create_schema
from cms.crud.service import UnitOfWork
from cms.database import Database
from cms.editorial.behaviours import Trashable
from cms.editorial.emptying import BATCH, empty_trash
from cms.editorial.trash import TrashingService
from cms.editorial.tree import TreeService
from cms.editorial.visibility import PublishedOrStaff
from cms.media.records import media
from tests.databases import Server, create_tables
from tests.editorial.dumps import dump
from tests.installation import Installation
from tests.problems import assert_problem
from tests.samples import make_sample

ANY = {"If-Match": "*"}
MONTH = timedelta(days=30)


class Slip(Record):
    """Base of a toy whose table stands apart from the application's."""

    __abstract__ = True

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Memo(Trashable, Slip):
    """What nothing but its id names."""

    __tablename__ = "memos"

    text: Mapped[Name]


memo = ContentType(
    Memo,
    name="memos",
    read_fields=("id", "text", "version"),
    write_fields=("text",),
    reference_fields=("id", "text"),
    sort_fields=("created_at",),
    service=TrashingService,
    policy=PublishedOrStaff(),
)


async def delete(installation: Installation, path: str, role: Role = Role.EDITOR) -> Any:
    return await installation.send("DELETE", path, role, headers=ANY)


async def restore(installation: Installation, path: str, role: Role = Role.EDITOR, **body: Any) -> Any:
    return await installation.send("POST", f"{path}/restore", role, **({"json": body} if body else {}))


async def listed(installation: Installation, query: str, role: Role = Role.EDITOR, name: str = "articles") -> list[str]:
    """The titles that a list answers, sorted; the total has to agree."""
    response = await installation.send("GET", f"/{name}?{query}", role)
    assert response.status_code == 200, response.text
    items = response.json()["items"]
    assert response.json()["total"] == len(items)
    return sorted(item["title"] for item in items)


async def tree(installation: Installation, *paths: str) -> dict[str, Any]:
    """Published pages at these paths, parents first, by the last word of each."""
    pages: dict[str, Any] = {}
    for path in paths:
        *above, title = path.strip("/").split("/")
        parent: dict[str, Any] = {"parent": str(pages[above[-1]].id)} if above else {}
        pages[title] = await installation.make(page, title=title, published_at=utc_now(), **parent)
    return pages


async def alive(installation: Installation) -> list[str]:
    """The paths of the pages that are not in the trash."""
    return sorted(row["path"] for row in await installation.rows("pages") if row["trashed_at"] is None)


async def age(installation: Installation, days: int = 31) -> None:
    """Let everything in the trash have been there for so long."""
    async with installation.database.session() as session:
        for model in (Article, Page):
            aged = (
                update(model).where(model.trashed_at.is_not(None)).values(trashed_at=utc_now() - timedelta(days=days))
            )
            await session.execute(aged.execution_options(synchronize_session=False))


async def empty(installation: Installation) -> int:
    return await empty_trash(installation.database, installation.app.state.reader, MONTH)


async def test_a_page_goes_and_comes_back_with_all_below_it(installation: Installation) -> None:
    """R42: exactly that, and nothing else."""
    paths = ("/a", "/a/b", "/a/b/c", "/a/d", "/ab")
    pages = await tree(installation, *paths)
    await delete(installation, f"/pages/{pages['d'].id}")
    before = await dump(installation)
    assert (await delete(installation, f"/pages/{pages['a'].id}")).status_code == 204
    assert await alive(installation) == ["/ab"]
    for slug in ("a", "b", "c"):
        assert_problem(await installation.send("GET", f"/pages/{slug}"), 404)
    assert (await restore(installation, "/pages/a")).status_code == 200
    assert await alive(installation) == ["/a", "/a/b", "/a/b/c", "/ab"]
    assert await dump(installation) == before
    assert (await restore(installation, f"/pages/{pages['d'].id}")).json()["path"] == "/a/d"


async def test_every_page_that_goes_along_is_told_of(installation: Installation) -> None:
    pages = await tree(installation, "/a", "/a/b")
    await delete(installation, "/pages/a")
    await restore(installation, "/pages/a")
    told = [(row["kind"], row["record_id"]) for row in await installation.rows("events")]
    for kind in ("page.trashed", "page.restored"):
        assert {found for what, found in told if what == kind} == {pages["a"].id, pages["b"].id}


async def test_what_went_before_in_the_same_instant_stays(installation: Installation) -> None:
    """PostgreSQL's clock stands still in a transaction."""
    pages = await tree(installation, "/a", "/a/b")
    async with installation.work() as work:
        service = work.service(page)
        for name in ("b", "a"):
            await service.delete(await service.get(pages[name].id, Action.DELETE), ANY_VERSION)
    await restore(installation, "/pages/a")
    assert await alive(installation) == ["/a"]


async def test_below_what_is_in_the_trash_nothing_comes_back(installation: Installation) -> None:
    pages = await tree(installation, "/a", "/a/b")
    await delete(installation, "/pages/a")
    refused = assert_problem(await restore(installation, f"/pages/{pages['b'].id}"), 409)
    assert refused["detail"] == "The page above it is in the trash; restore that first."


async def test_a_page_comes_back_to_where_its_parent_is_now(installation: Installation) -> None:
    await tree(installation, "/a", "/a/b", "/a/b/c", "/z")
    await delete(installation, "/pages/b")
    moved = await installation.send("PATCH", "/pages/a", Role.EDITOR, headers=ANY, json={"parent": "z"})
    assert moved.json()["path"] == "/z/a"
    assert (await restore(installation, "/pages/b")).json()["path"] == "/z/a/b"
    assert "/z/a/b/c" in await alive(installation)


async def test_a_page_that_would_come_back_too_deep_is_refused(installation: Installation) -> None:
    deep = [f"l{number}" for number in range(9)]
    paths = ["/" + "/".join(deep[:length]) for length in range(1, 10)]
    await tree(installation, *paths, "/a", "/a/b", "/a/b/c")
    await delete(installation, "/pages/b")
    await installation.send("PATCH", "/pages/a", Role.EDITOR, headers=ANY, json={"parent": "l8"})
    assert_problem(await restore(installation, "/pages/b"), 422, "/parent")


async def test_a_slug_in_the_trash_is_free(installation: Installation) -> None:
    for number in (1, 2, 3):
        made = await installation.send("POST", "/articles", Role.EDITOR, json={"title": "Tide"})
        assert made.json()["slug"] == "tide"
        assert (await installation.send("GET", "/articles/tide", Role.EDITOR)).json()["id"] == made.json()["id"]
        assert len(await installation.rows("articles")) == number
        await delete(installation, "/articles/tide")
    again = {"title": "New", "slug": "tide"}
    assert (await installation.send("POST", "/articles", Role.EDITOR, json=again)).status_code == 201
    detail = assert_problem(await installation.send("POST", "/articles", Role.EDITOR, json=again), 409, "/slug")
    assert detail["detail"] == "Another article already has the slug “tide”; choose another one."


async def test_a_slug_that_was_taken_meanwhile_is_refused_with_a_free_one(installation: Installation) -> None:
    old = await installation.make(article, title="Tide")
    await delete(installation, "/articles/tide")
    await installation.make(article, title="Tide")
    await installation.make(article, title="Tide")
    refused = assert_problem(await restore(installation, f"/articles/{old.id}"), 409, "/slug")
    assert refused["proposed"] == "tide-3"
    assert_problem(await restore(installation, f"/articles/{old.id}", slug="tide-2"), 409, "/slug")
    for wrong in ("Not a slug", "01a205f6-4b72-774d-a8c9-f580822cc263", ""):
        assert_problem(await restore(installation, f"/articles/{old.id}", slug=wrong), 422, "/slug")
    restored = await restore(installation, f"/articles/{old.id}", slug=refused["proposed"])
    assert (restored.status_code, restored.json()["slug"]) == (200, "tide-3")
    assert_problem(await restore(installation, f"/articles/{old.id}", slug="tide-9"), 404)


async def test_a_proposed_slug_fits(installation: Installation) -> None:
    slug = "x" * 120
    old = await installation.make(article, title="X", slug=slug)
    await delete(installation, f"/articles/{old.id}")
    await installation.make(article, title="X", slug=slug)
    refused = assert_problem(await restore(installation, f"/articles/{old.id}"), 409, "/slug")
    assert (await restore(installation, f"/articles/{old.id}", slug=refused["proposed"])).status_code == 200


async def test_slugs_taken_below_are_refused_with_free_ones(installation: Installation) -> None:
    await tree(installation, "/a", "/a/b", "/a/c")
    below = {row["slug"]: str(row["id"]) for row in await installation.rows("pages")}
    await delete(installation, "/pages/a")
    await tree(installation, "/a", "/b")
    refused = assert_problem(await restore(installation, f"/pages/{below['a']}"), 409, f"/slugs/{below['b']}")
    assert [error["proposed"] for error in refused["errors"]] == ["a-2", "b-2"]
    slugs = {below["b"]: "b-2"}
    refused = assert_problem(await restore(installation, f"/pages/{below['a']}", slugs=slugs), 409, "/slug")
    assert refused["proposed"] == "a-2"
    elsewhere = "01a205f6-4b72-774d-a8c9-f580822cc263"
    for wrong in ({elsewhere: "x"}, {below["b"]: "Not a slug"}, {"b": "b-2"}):
        (name,) = wrong
        answer = await restore(installation, f"/pages/{below['a']}", slug="a-2", slugs=wrong)
        assert assert_problem(answer, 422)["errors"][0]["pointer"].startswith(f"/slugs/{name}")
    assert (await restore(installation, f"/pages/{below['a']}", slug="a-2", slugs=slugs)).json()["path"] == "/a-2"
    assert await alive(installation) == ["/a", "/a-2", "/a-2/b-2", "/a-2/c", "/b"]


async def test_what_comes_back_together_gets_slugs_of_its_own_each(installation: Installation) -> None:
    """Also where the next number is that of the one below."""
    above = await installation.make(page, title="Team")
    below = await installation.make(page, title="Team", parent=str(above.id))
    assert below.slug == "team-2"
    await delete(installation, f"/pages/{above.id}")
    await tree(installation, "/team")
    refused = assert_problem(await restore(installation, f"/pages/{above.id}"), 409, "/slug")
    assert refused["proposed"] == "team-3"
    same = {str(below.id): "team-3"}
    again = assert_problem(await restore(installation, f"/pages/{above.id}", slug="team-3", slugs=same), 409)
    assert [error["pointer"] for error in again["errors"]] == [f"/slugs/{below.id}"]
    assert (await restore(installation, f"/pages/{above.id}", slug="team-3")).status_code == 200
    assert await alive(installation) == ["/team", "/team-3", "/team-3/team-2"]


async def test_a_slug_is_nothing_that_every_type_has(installation: Installation) -> None:
    made = await make_sample(installation, media)
    await delete(installation, f"/media/{made.id}")
    refused = assert_problem(await restore(installation, f"/media/{made.id}", slug="buoy"), 422, "/slug")
    assert refused["detail"] == "No media has a slug."


async def test_of_several_in_the_trash_one_is_named_by_its_id(installation: Installation) -> None:
    made = []
    for _ in range(2):
        made.append(await installation.make(article, title="Tide"))
        await delete(installation, "/articles/tide")
    assert "by its id" in assert_problem(await restore(installation, "/articles/tide"), 409)["detail"]
    assert (await restore(installation, f"/articles/{made[0].id}")).status_code == 200


async def test_what_is_trashed_once_is_not_trashed_again(installation: Installation) -> None:
    made = await installation.make(article, title="Tide")
    await delete(installation, "/articles/tide")
    async with installation.work() as work:
        service = work.service(article)
        assert isinstance(service, TrashingService)
        record = await service.get_trashed(made.id, Action.DELETE)
        with pytest.raises(Conflict, match="in the trash already"):
            await service.delete(record, ANY_VERSION)


async def test_comments_of_what_is_in_the_trash_are_out_of_sight(installation: Installation) -> None:
    host = await installation.make(article, title="Tide", published_at=utc_now())
    await installation.make(comment, article=str(host.id), name="Ann", content="Yes.", status=CommentStatus.APPROVED)
    before = (await installation.send("GET", "/comments")).json()
    assert before["total"] == 1
    await delete(installation, "/articles/tide")
    for query in ("", "?article=tide", f"?article={host.id}", "?q=yes"):
        assert (await installation.send("GET", f"/comments{query}")).json()["total"] == 0
    assert (await installation.send("GET", "/comments", Role.EDITOR)).json()["total"] == 1
    await restore(installation, "/articles/tide")
    assert (await installation.send("GET", "/comments")).json() == before


async def test_the_trash_is_listed_for_who_asks_and_may(installation: Installation) -> None:
    tides = await installation.make(category, name="Tides")
    for title, role in (("Gone", Role.EDITOR), ("Mine", Role.AUTHOR), ("Kept", Role.EDITOR)):
        await installation.make(article, role, title=title, category=str(tides.id))
    await installation.make(article, title="Public", published_at=utc_now(), category=str(tides.id))
    for slug in ("gone", "mine"):
        await delete(installation, f"/articles/{slug}")
    trash = "status=trashed"
    for role, titles in {
        Role.ADMIN: ["Gone", "Mine"],
        Role.EDITOR: ["Gone", "Mine"],
        Role.AUTHOR: ["Mine"],
        Role.READER: [],
        Role.ANONYMOUS: [],
    }.items():
        assert await listed(installation, trash, role) == titles
        assert await listed(installation, "status__in=trashed", role) == titles
        assert await listed(installation, f"{trash}&q=gone&include=comments", role) == [
            t for t in titles if t == "Gone"
        ]
    assert await listed(installation, "status__in=trashed,draft") == ["Gone", "Kept", "Mine"]
    assert await listed(installation, "status__in=trashed,published", Role.AUTHOR) == ["Mine", "Public"]
    for query in ("", "status__ne=published", "status__nin=published", "is_published=false", "category=tides"):
        assert not {"Gone", "Mine"} & set(await listed(installation, query))
    (first,) = (await installation.send("GET", f"/articles?{trash}&limit=1", Role.EDITOR)).json()["items"]
    assert (first["status"], first["category"]["slug"]) == ("trashed", "tides")
    assert_problem(await installation.send("GET", f"/articles/{first['id']}", Role.EDITOR), 404)


async def test_pages_of_the_trash_follow_each_other(installation: Installation) -> None:
    for number in range(5):
        await installation.make(article, title=f"T{number}")
        await delete(installation, f"/articles/t{number}")
    path, titles = "/articles?status=trashed&limit=2&sort=title", []
    while path:
        answer = (await installation.send("GET", path, Role.EDITOR)).json()
        titles += [item["title"] for item in answer["items"]]
        path = f"/articles?status=trashed&limit=2&cursor={answer['next']}" if answer["next"] else ""
    assert titles == [f"T{number}" for number in range(5)]


async def test_what_lies_in_the_trash_is_not_found_through_others(installation: Installation) -> None:
    """Asking for the trash of one type opens that of no other."""
    pages = await tree(installation, "/a", "/b")
    host = await installation.make(article, title="Tide", published_at=utc_now())
    await installation.make(comment, article=str(host.id), name="Ann", content="Yes.", status=CommentStatus.APPROVED)
    await delete(installation, "/articles/tide")
    (found,) = (await installation.send("GET", "/comments", Role.EDITOR)).json()["items"]
    assert found["article"] is None
    assert (await installation.send("GET", "/comments?article__slug=tide", Role.EDITOR)).json()["total"] == 0
    await delete(installation, f"/pages/{pages['a'].id}")
    assert await listed(installation, "status=trashed&parent__slug=a", name="pages") == []


async def test_permanent_deletion_is_for_administrators_and_from_the_trash_alone(installation: Installation) -> None:
    """R42; and 428, 412 as ever."""
    made = await installation.make(article, Role.AUTHOR, title="Tide")
    path = f"/articles/{made.id}"
    kept = assert_problem(await delete(installation, f"{path}?permanent=true", Role.ADMIN), 409)
    assert kept["detail"] == "This article is not in the trash; move it there before you delete it permanently."
    await delete(installation, path)
    for role, status in ((Role.ANONYMOUS, 401), (Role.READER, 403), (Role.AUTHOR, 403), (Role.EDITOR, 403)):
        assert_problem(await delete(installation, f"{path}?permanent=true", role), status)
    assert_problem(await delete(installation, f"{path}?permanent=maybe", Role.ADMIN), 400, parameter="permanent")
    assert_problem(await delete(installation, f"{path}?forever=true", Role.ADMIN), 400, parameter="forever")
    assert_problem(await installation.send("DELETE", f"{path}?permanent=true", Role.ADMIN), 428)
    stale = {"If-Match": '"v1"'}
    assert_problem(await installation.send("DELETE", f"{path}?permanent=true", Role.ADMIN, headers=stale), 412)
    assert len(await installation.rows("articles")) == 1
    assert (await delete(installation, f"{path}?permanent=true", Role.ADMIN)).status_code == 204
    assert await installation.rows("articles") == []
    assert_problem(await delete(installation, f"{path}?permanent=true", Role.ADMIN), 404)
    assert_problem(await restore(installation, path), 404)


async def test_without_a_trash_every_deletion_is_permanent(installation: Installation) -> None:
    for query in ("", "?permanent=false", "?permanent=true"):
        await installation.make(category, name="Tides")
        assert (await delete(installation, f"/categories/tides{query}")).status_code == 204
    assert await installation.rows("categories") == []
    await installation.make(
        comment, article=str((await installation.make(article, title="T")).id), name="A", content="B"
    )
    (row,) = await installation.rows("comments")
    assert (await delete(installation, f"/comments/{row['id']}?permanent=true")).status_code == 204


async def test_what_hangs_on_a_record_is_deleted_with_it_and_seen_to_go(installation: Installation) -> None:
    host = await installation.make(article, title="Tide", published_at=utc_now())
    parent: dict[str, Any] = {}
    for _ in range(3):
        values = {"article": str(host.id), "name": "Ann", "content": "Yes.", "status": CommentStatus.APPROVED, **parent}
        parent = {"parent": str((await installation.make(comment, **values)).id)}
    other = await installation.make(article, title="Other", published_at=utc_now())
    await installation.make(comment, article=str(other.id), name="B", content="No.", status=CommentStatus.APPROVED)
    await delete(installation, "/articles/tide")
    assert (await delete(installation, "/articles/tide?permanent=true", Role.ADMIN)).status_code == 204
    assert [row["article_id"] for row in await installation.rows("comments")] == [other.id]
    told = [row["kind"] for row in await installation.rows("events")]
    assert told.count("comment.deleted") == 3
    assert told.count("article.deleted") == 1


async def test_pages_are_deleted_from_the_lowest_up(installation: Installation) -> None:
    await tree(installation, "/a", "/a/b", "/a/b/c", "/z")
    await delete(installation, "/pages/c")
    await installation.send("PATCH", "/pages/a", Role.EDITOR, headers=ANY, json={"parent": "z"})
    await delete(installation, "/pages/a")
    assert (await delete(installation, "/pages/a?permanent=true", Role.ADMIN)).status_code == 204
    assert [row["path"] for row in await installation.rows("pages")] == ["/z"]


async def test_the_trash_empties_itself(installation: Installation) -> None:
    """As the system, in batches, children before parents, and nothing that is not due."""
    await tree(installation, "/a", "/a/b")
    for number in range(BATCH + 1):
        await installation.make(article, title=f"T{number}")
        await delete(installation, f"/articles/t{number}")
    await delete(installation, "/pages/a")
    assert await empty(installation) == 0
    await age(installation, 29)
    assert await empty(installation) == 0
    await age(installation)
    await installation.make(article, title="Kept")
    await installation.make(article, title="Young")
    await delete(installation, "/articles/young")
    assert await empty(installation) == BATCH + 2
    assert {row["slug"] for row in await installation.rows("articles")} == {"kept", "young"}
    assert await installation.rows("pages") == []
    last = (await installation.rows("change_sets"))[-1]
    assert (last["door"], last["actor_id"]) == ("system", None)


async def test_what_is_in_use_stays_in_the_trash(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """And holds up nothing else."""

    async def usages(service: TreeService[Any], record: Any) -> list[str]:
        return ["a menu"] if record.title == "a" else []

    await tree(installation, "/a", "/a/b", "/z")
    for slug in ("a", "z"):
        await delete(installation, f"/pages/{slug}")
    await age(installation)
    monkeypatch.setattr(TreeService, "usages", usages)
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}")
    try:
        assert await empty(installation) == 2  # “b”, which is due too, goes without “a”
    finally:
        logger.remove(sink)
    assert ["“a” stays in the trash" in line for line in lines] == [True]
    assert [row["path"] for row in await installation.rows("pages")] == ["/a"]


async def test_a_policy_that_hides_nothing_shows_no_trash(installation: Installation) -> None:
    policy = Policy()
    assert policy.aside(Article, Role.ADMIN) is None
    assert not policy.looks_aside(())
    assert PublishedOrStaff().aside(object(), Role.ADMIN) is None
    async with installation.work() as work:
        service = work.service(article)
        service.policy = policy
        assert isinstance(service, TrashingService)
        with pytest.raises(NotFound):
            await service.get_trashed("tide", Action.DELETE)


@pytest.fixture
def memos_url(server: Server) -> str:
    """The URL of a database of memos."""
    return server.empty("memos", create_tables(Slip.metadata))


async def test_what_has_no_slug_has_a_trash_too(memos_url: str) -> None:
    database = Database(memos_url)
    reader = Reader(Registry(memo), Cursors("a secret of memos"))
    async with database.session() as session:
        service = UnitOfWork(session, SYSTEM, reader).service(memo)
        assert isinstance(service, TrashingService)
        made = await service.create(create_schema(memo)(text="Buy rope"))
        await service.delete(made, made.version)
        restored = await service.restore(made.id)
        assert restored.trashed_at is None
        await service.delete(restored, ANY_VERSION)
        await service.purge(await service.get_doomed(made.id), ANY_VERSION)
        with pytest.raises(NotFound):
            await service.get_doomed(made.id)
    await database.dispose()
