"""What fuzzing found once, each as a test of its own."""

import pytest

from cms.content.articles import article
from cms.content.comments import comment
from cms.crud.policy import Role
from tests.installation import Installation
from tests.problems import assert_problem

ANY = {"If-Match": "*"}


async def test_an_included_comment_names_its_own_author(installation: Installation) -> None:
    """The columns of comments and of users have the same names; the author was made of the comment's own."""
    host = await installation.make(article, title="Tide")
    written = await installation.make(comment, article=str(host.id), content="Yes.", status="approved")
    known = {"id": str(installation.actor(Role.ADMIN).id), "name": "Admin"}
    unnamed = await installation.make(
        comment, article=str(host.id), content="No.", name="Ann", email="ann@example.org", status="approved"
    )
    path = f"/articles/{host.id}?include=comments"
    response = await installation.send("GET", path, Role.EDITOR)
    authors = {included["id"]: included["author"] for included in response.json()["comments"]}
    assert authors == {str(written.id): known, str(unnamed.id): None}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/users/me", "GET, PATCH"),
        ("/users/x", "GET, PUT, PATCH, DELETE"),
        ("/auth/login", "POST"),
        ("/site", "GET, PATCH"),
    ],
)
@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
async def test_the_methods_of_a_resource_are_the_documented_ones(
    installation: Installation, method: str, path: str, allowed: str
) -> None:
    """`/users/me` also looks like a user whose key is “me”; it is none."""
    response = await installation.send(method, path)
    assert_problem(response, 405)
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize("language", ["Slow tides", "e", "en_GB", "en-", "<en>"])
async def test_a_language_that_is_none_is_refused(installation: Installation, language: str) -> None:
    """It stands in every page, where readers and screen readers go by it."""
    response = await installation.send("PATCH", "/site", Role.ADMIN, headers=ANY, json={"language": language})
    assert_problem(response, 422, "/language")
    for tag in ("pt-BR", "zh-Hant-TW", "gsw"):
        response = await installation.send("PATCH", "/site", Role.ADMIN, headers=ANY, json={"language": tag})
        assert response.json()["language"] == tag


@pytest.mark.parametrize(("name", "value"), [("status", 300), ("status", 309), ("status", 304)])
async def test_a_redirect_has_the_status_of_one(installation: Installation, name: str, value: int) -> None:
    redirect = {"source": "/old", "target": "/new", name: value}
    assert_problem(await installation.send("POST", "/redirects", Role.ADMIN, json=redirect), 422, f"/{name}")
