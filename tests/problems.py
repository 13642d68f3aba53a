"""What every refusal looks like."""

from typing import Any

import httpx


def assert_problem(
    response: httpx.Response, status: int, pointer: str | None = None, parameter: str | None = None
) -> dict[str, Any]:
    """Check that a response is a problem (RFC 9457) that a person can act on.

    :param pointer: the field that has to be named as being at fault, such as `/title`.
    :param parameter: or the query parameter.
    :returns: the problem, for whatever else a test wants to know of it.
    """
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["type"] == "about:blank"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"].endswith((".", "?")), problem["detail"]
    assert "request_id" in problem
    errors = problem.get("errors", [])
    assert all(error["detail"].endswith((".", "?")) for error in errors), errors
    if pointer is not None:
        assert pointer in [error.get("pointer") for error in errors], errors
    if parameter is not None:
        assert parameter in [error.get("parameter") for error in errors], errors
    return problem
