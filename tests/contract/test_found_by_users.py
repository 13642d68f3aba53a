"""What people who tried the product ran into, each kept as a test."""

import pytest

from cms.content.comments import comment
from cms.crud.policy import Role
from tests.installation import Installation
from tests.problems import assert_problem
from tests.samples import HOST, make_host

ANY = {"If-Match": "*"}
NESTED = {"title": "x", "items": [{"label": "a", "items": [{"lable": "b"}]}]}


async def test_an_included_comment_is_the_comment_itself_relations_and_all(installation: Installation) -> None:
    await make_host(installation)
    above = await installation.make(comment, article=HOST, name="Ann", content="Yes.", status="approved")
    await installation.make(comment, article=HOST, name="Bo", content="No.", status="approved", parent=str(above.id))
    answer = await installation.send("GET", f"/articles/{HOST}?fields=title&include=comments")
    assert answer.status_code == 200, answer.text
    included = answer.json()["comments"]
    listed = (await installation.send("GET", f"/comments?article={HOST}")).json()["items"]
    assert included == listed
    assert [one["parent"] and one["parent"]["id"] for one in included] == [None, str(above.id)]


async def test_head_answers_as_get_does_without_the_body(installation: Installation) -> None:
    await make_host(installation)
    for path in (f"/articles/{HOST}", "/articles", "/articles/nowhere"):
        told, asked = await installation.send("GET", path), await installation.send("HEAD", path)
        assert asked.status_code == told.status_code
        assert asked.content == b""
        for name in ("etag", "content-type", "content-length", "cache-control"):
            assert asked.headers.get(name) == told.headers.get(name), name
    assert_problem(await installation.send("GET", "/auth/login"), 405)
    assert (await installation.send("HEAD", "/auth/login")).status_code == 405


@pytest.mark.parametrize(
    ("path", "body", "pointer", "suggested"),
    [
        ("/articles", {"title": "x", "seo": {"titel": "y"}}, "/seo/titel", "title"),
        ("/menus", {"title": "x", "items": [{"label": "a", "itmes": []}]}, "/items/0/itmes", "items"),
        (
            "/menus",
            {"title": "x", "items": [{"label": "a", "items": [{"lable": "b"}]}]},
            "/items/0/items/0/lable",
            "label",
        ),
    ],
)
async def test_an_unknown_key_inside_a_value_gets_a_suggestion_too(
    installation: Installation, path: str, body: dict[str, object], pointer: str, suggested: str
) -> None:
    refused = await installation.send("POST", path, Role.EDITOR, json=body)
    errors = {error["pointer"]: error["detail"] for error in refused.json()["errors"]}
    assert errors[pointer].endswith(f"Did you mean “{suggested}”?")


async def test_a_slug_can_not_look_like_an_id(installation: Installation) -> None:
    like_an_id = "01a205f6-4b72-774d-a8c9-f580822cc263"
    body = {"title": "U", "slug": like_an_id}
    assert_problem(await installation.send("POST", "/articles", Role.EDITOR, json=body), 422, "/slug")
    made = await installation.send("POST", "/articles", Role.EDITOR, json={"title": like_an_id})
    assert made.json()["slug"] == f"article-{like_an_id}"


async def test_a_page_goes_to_the_trash_with_those_below_it(installation: Installation) -> None:
    for body in ({"title": "About"}, {"title": "Team", "parent": "about"}):
        assert (await installation.send("POST", "/pages", Role.EDITOR, json=body)).status_code == 201
    assert (await installation.send("DELETE", "/pages/about", Role.EDITOR, headers=ANY)).status_code == 204
    assert_problem(await installation.send("GET", "/pages/team", Role.EDITOR), 404)


async def test_an_author_is_told_why_a_published_article_is_out_of_reach(installation: Installation) -> None:
    made = (await installation.send("POST", "/articles", Role.AUTHOR, json={"title": "Mine"})).json()
    await installation.send("POST", "/articles/mine/publish", Role.EDITOR)
    refused = await installation.send("PATCH", f"/articles/{made['id']}", Role.AUTHOR, headers=ANY, json={"title": "M"})
    assert_problem(refused, 403)
    assert refused.json()["detail"] == "This is published, or about to be; ask an editor to change it."


async def test_a_short_password_is_told_in_characters(installation: Installation) -> None:
    body = {"email": "new@example.org", "name": "New", "password": "short"}
    refused = await installation.send("POST", "/auth/register", json=body)
    assert refused.json()["errors"] == [{"pointer": "/password", "detail": "At least 12 characters are needed."}]


async def test_a_key_that_no_record_can_have_is_told_in_words(installation: Installation) -> None:
    refused = await installation.send("GET", "/articles/a%00b")
    assert_problem(refused, 400, parameter="key")
    assert "No record goes by such a name." in refused.json()["detail"]


async def test_a_new_record_was_changed_when_it_was_made(installation: Installation) -> None:
    made = (await installation.send("POST", "/tags", Role.EDITOR, json={"name": "Rope"})).json()
    assert made["created_at"] == made["updated_at"]
