"""Questions that have no answer: what may not be read can't be asked for, whatever the parameter and the spelling."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fastapi import FastAPI

from cms.auth.users import User
from cms.content import registry
from cms.content.articles import article
from cms.content.comments import CommentStatus, comment
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from cms.crud.query import list_parameters
from tests.installation import Installation
from tests.samples import HOST, make_host
from tests.security.attacks import SOME_OR_ALL, Said, all_lists, ask, hidden_columns, lists, sampled, type_of

CANARY = "zqcanary"
HASH = f"$argon2id$v=19$m=65536,t=3,p=1${CANARY}"
OPERATORS = (
    "", "__eq", "__ne", "__lt", "__lte", "__gt", "__gte", "__in", "__nin", "__isnull", "__like", "__ilike",
    "__contains", "__icontains", "__startswith", "__endswith", "__range", "__regex", "__all", "__exact",
)  # fmt: skip
SECRETS = ("hashed_password", "password", "reset_token", "search_text", "email", "role", "secret_hash")
"""Of people: nobody but an administrator may ask for these, and for the first four nobody at all."""
OF_OTHERS = ("hashed_password", "author.email", "author__email", "owner.email")
UNKNOWN_KEYS = {
    "where[id][$lt]": "-1", "_connector": "OR", "filter": "", "populate": "*", "foo": "1", "limit[]": "1",
}  # fmt: skip


@pytest.fixture
async def site(installation: Installation) -> Installation:
    """Two public articles, a comment, and a canary in every secret column of people and of comments."""
    async with installation.work() as work:
        account = await work.session.get_one(User, installation.actor(Role.EDITOR).id)
        account.password = HASH
        account.email = f"{CANARY}@example.org"
    await installation.make(tag, name="Rope")
    await make_host(installation)
    await installation.make(article, Role.EDITOR, title="Another", tags=["rope"], published_at=utc_now())
    words: dict[str, Any] = {"name": "Ann", "email": f"{CANARY}@example.org", "content": "Yes."}
    await installation.make(comment, article=HOST, status=CommentStatus.APPROVED, **words)
    return installation


@SOME_OR_ALL
async def test_a01_a_hidden_column_is_answered_like_one_that_does_not_exist(
    site: Installation, most: int | None
) -> None:
    """A01: as ADMIN and as ANON, by every operator, for a right guess and for a wrong one, on every list."""
    cases = [
        (path, column, operator, role)
        for path in lists(site.app)
        for column in hidden_columns(type_of(path))
        for operator in OPERATORS
        for role in (Role.ADMIN, Role.ANONYMOUS)
    ]
    for path, column, operator, role in sampled(cases, most):
        absent, known = f"qz{column[2:]}", list_parameters(type_of(path), registry)
        guesses = [
            await ask(site, path, role, params={f"{column}{operator}": guess})
            for guess in (HASH, f"{CANARY}@example.org", "wrong")
        ]
        nothing = await ask(site, path, role, params={f"{absent}{operator}": "$a"})
        assert guesses == guesses[:1] * 3, (path, column, operator)
        assert guesses[0].status == (401 if path == "/users" and role is Role.ANONYMOUS else 400)
        assert without_suggestion(guesses[0].about(column, "…"), known) == without_suggestion(
            nothing.about(absent, "…"), known
        )


def without_suggestion(said: Said, known: Mapping[str, Any]) -> Said:
    """A refusal without the name that it suggests: that follows from how the wrong one is spelled."""
    _, found, rest = said.body.partition(" Did you mean “")
    name = rest.partition("”?")[0]
    assert not found or name in known, "only names that may be asked for are suggested"
    return said.about(f" Did you mean “{name}”?", "") if found else said


@SOME_OR_ALL
async def test_a02_no_relation_leads_to_a_secret(site: Installation, most: int | None) -> None:
    """A02: over one, two and three hops: 400, and not a byte differs between a true guess and a false one."""
    cases = [
        (path, name, role)
        for path in lists(site.app)
        for hops in ("author", "created_by", "updated_by", "owner", *relations_of(path))
        for secret in SECRETS
        for name in (f"{hops}.{secret}", f"{hops}__{secret}")
        for role in (Role.ANONYMOUS, Role.READER, Role.AUTHOR)
    ]
    for path, name, role in sampled(cases, most):
        operator = "__startswith" if len(name) % 2 else "__eq"
        answers = [await ask(site, path, role, params={name + operator: guess}) for guess in (CANARY, "$argon2", "no")]
        assert answers == answers[:1] * 3, (path, name)
        assert answers[0].status == (400 if path != "/users" else 401 if role is Role.ANONYMOUS else 403)
        assert "etag" not in dict(answers[0].headers)


def relations_of(path: str) -> list[str]:
    """One hop, two and three, from every type to people."""
    one = [name for name, info in type_of(path).fields.items() if info.is_relation]
    return [*one, *(f"{name}.author" for name in one), *(f"{name}.articles.author" for name in one)]


async def test_a03_a_key_that_is_unknown_is_refused_by_name_on_every_list(site: Installation) -> None:
    """A03: as the document lists them; never 200 with the key ignored."""
    paths = all_lists(site.app)
    assert len(paths) >= 9
    for path in paths:
        for name, value in UNKNOWN_KEYS.items():
            for params in ({name: value}, {"limit": "1", name: value}):
                said = await ask(site, path, Role.ADMIN, params=params)
                assert said.status == 400, (path, name, said.body)
                assert f'"parameter":"{name}"' in said.body, (path, name, said.body)


@SOME_OR_ALL
@pytest.mark.parametrize("role", [Role.ANONYMOUS, Role.ADMIN])
async def test_a04_no_order_by_what_is_hidden(site: Installation, role: Role, most: int | None) -> None:
    """A04: of any list, of any column that is not shown or of another table, under any name of the parameter."""
    usual = {path: await ask(site, path, role) for path in lists(site.app)}
    cases = [
        (path, name, sign + column)
        for path in usual
        for column in (*hidden_columns(type_of(path)), *OF_OTHERS)
        for name, sign in (("sort", ""), ("sort", "-"), ("order_by", ""), ("sortBy", ""))
    ]
    for path, name, value in sampled(cases, most):
        said = await ask(site, path, role, params={name: value})
        assert said.status == (400 if usual[path].status == 200 else usual[path].status), (path, name, value)
        assert '"items"' not in said.body
    for path, before in usual.items():
        assert await ask(site, path, role) == before, "rows are where they were"


async def test_a04_no_order_by_what_is_hidden_in_the_back_office(site: Installation) -> None:
    """A04: 400, without a single row."""
    cookie = {"Cookie": f"masthead={site.people[Role.ADMIN].cookie}"}
    for identity in ("article", "comment", "user"):
        for name in ("sort", "sortBy", "order_by"):
            for value in ("hashed_password", "-password", "author.email", "-author__email", "search_text"):
                page = await site.client.get(f"/admin/{identity}/list", params={name: value}, headers=cookie)
                assert page.status_code == 400, (identity, name, value)
                assert "<tbody" not in page.text


@SOME_OR_ALL
async def test_a08_no_field_alias_or_star_shows_what_is_hidden(site: Installation, most: int | None) -> None:
    """A08: in lists and in single records; 400 or absent, and the canary never there."""
    single = [f"/articles/{HOST}", "/users/me", f"/users/{site.actor(Role.EDITOR).id}"]
    paths = [*lists(site.app), *single]
    cases = [(path, params) for path in paths for params in field_selections()]
    for path, params in sampled(cases, most):
        said = await ask(site, path, Role.ADMIN, params=params)
        assert said.status == 400, (path, params, said.body)
        assert "argon2" not in said.body
        assert CANARY not in said.body
    plain = [(await ask(site, path, Role.ADMIN)).body for path in paths]
    assert not [body for body in plain if "argon2" in body or "hashed_password" in body]


def field_selections() -> Iterator[dict[str, str]]:
    """Ways to ask for more than there is to see, those of other products among them."""
    for value in (
        "hashed_password", "password", "*", "*.*", "author.*", "author.hashed_password", "id,*", "x:hashed_password",
        "hashed_password as title", "title:hashed_password", "search_text", "-id", "{author{hashed_password}}",
    ):  # fmt: skip
        yield {"fields": value}
    for name in ("fields[]", "alias[x]", "fields[users]", "select", "columns", "deep"):
        yield {name: "hashed_password"}


async def test_a09_no_expansion_reaches_rows_that_are_hidden(site: Installation) -> None:
    """A09: an author with drafts, as ANON: neither by `include` nor by the words of other products."""
    await site.make(article, Role.EDITOR, title=CANARY, content=CANARY)
    for path in ("/articles", f"/articles/{HOST}", "/articles/another", "/pages", "/categories", "/comments"):
        for value in ("author,author.posts", "author.articles", "related,translations,parent,children", "*", "author"):
            for name in ("expand", "include", "populate", "with", "depth"):
                said = await ask(site, path, params={name: value})
                assert said.status == 400, (path, name, value)
                assert CANARY not in said.body
    shown = (await site.send("GET", "/articles/another?include=comments")).json()
    assert shown["author"] == {"id": str(site.actor(Role.EDITOR).id), "name": "Editor"}, "no other field is public"


@SOME_OR_ALL
async def test_a21_an_empty_list_means_none(site: Installation, most: int | None) -> None:
    """A21: of every filter that takes a list: 400, or no row at all."""
    cases = [(p, n) for p in lists(site.app) for n in list_parameters(type_of(p), registry) if n.endswith("__in")]
    assert len(cases) > 40
    for path, name in sampled(cases, most):
        for value in ("", ",", "[]"):
            said = await site.send("GET", path, Role.ADMIN, params={name: value})
            assert said.status_code == 400 or said.json()["items"] == [], (path, name, value)
    for name in ("id__in", "status__in"):
        for value in ("", ",", "[]"):
            said = await site.send("GET", "/articles", params={name: value})
            assert said.status_code == 400 or said.json()["total"] == 0, (name, value)


HALVES = [
    ("(CASE WHEN 1=1 THEN title ELSE id END)", "(CASE WHEN 1=2 THEN title ELSE id END)"),
    ("' OR '1'='1", "' OR '1'='2"),
    ('" OR "1"="1', '" OR "1"="2'),
    ("title) OR 1=1 --", "title) OR 1=2 --"),
    ("title/* 1=1 */", "title/* 1=2 */"),
    ("id; SELECT 1=1", "id; SELECT 1=2"),
    ("id\x00 1=1", "id\x00 1=2"),
    ('title" AS "x\n\t1=1', 'title" AS "x\n\t1=2'),
]
NAMES = ("sort", "fields", "include", "limit", "skip", "cursor", "total", "id", "status", "published_at", "author")
"""Parameters whose values are no free text."""


async def test_e01_both_halves_of_an_injection_are_answered_alike(site: Installation) -> None:
    """E01: in the value of each kind of parameter and in its name: 400; or as text that is sought, the same rows."""
    texts = ("title", "title__contains", "title__in", "slug__nin", "q", "tags__slug__startswith", "category")
    for true, false in HALVES:
        for name in NAMES:
            for half in (true, false):
                said = await ask(site, "/articles", params={name: half})
                assert said.status == 400, (name, half)
        for name in (*NAMES, *texts):
            for half in (true, false):
                said = await ask(site, "/articles", params={f"{name}{half}": "1"})
                assert said.status == 400, (name, half)
        for name in texts:
            one, other = [await ask(site, "/articles", params={name: half, "sort": "title"}) for half in (true, false)]
            assert one.status == (400 if "\x00" in true else 200), (name, true)
            assert one == other, (name, true)


@pytest.mark.long
async def test_e01_every_parameter_of_every_list(site: Installation) -> None:
    """E01: all of them, in value and in name; and nobody has to wait for a `pg_sleep`."""
    for path in lists(site.app):
        for name in list_parameters(type_of(path), registry):
            for true, false in HALVES:
                answers = [await ask(site, path, Role.ADMIN, params={name: half}) for half in (true, false)]
                assert {answer.status for answer in answers} <= {200, 400}, (path, name, true)
                assert answers[0].about(true, "…") == answers[1].about(false, "…"), (path, name, true)
                named = await ask(site, path, Role.ADMIN, params={name + true: "1"})
                assert named.status == 400, (path, name, true)


def test_the_lists_are_those_of_the_document(assembled: FastAPI) -> None:
    """What the tests above walk through is all there is."""
    expected = {f"/{content_type.name}" for content_type in registry} - {"/site"}
    assert set(lists(assembled)) == expected
    others = {path for path in all_lists(assembled) if "/revisions" not in path} - expected
    assert others <= {"/changes"}, "a list of something else: ask it for what is hidden, too"


def test_the_hidden_columns_are_hidden_ones() -> None:
    """A01: the secrets that this product has are among what was asked for."""
    assert {"hashed_password", "search_text"} <= set(hidden_columns(registry.by_name("users")))
    assert {"email", "search_text"} <= set(hidden_columns(registry.by_name("comments")))
