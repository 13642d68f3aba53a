"""People at the back office."""

from collections.abc import Callable

import pytest

from cms.crud.policy import Role
from tests.admin.browsing import Visitor
from tests.installation import Installation

Visit = Callable[[Role], Visitor]


@pytest.fixture
def visit(installation: Installation) -> Visit:
    """Opens a browser in which the one of that role is signed in; for the anonymous, an empty one."""

    def visit(role: Role) -> Visitor:
        person = installation.people.get(role)
        return Visitor(installation.client, person.cookie if person else None)

    return visit


@pytest.fixture
def admin(visit: Visit) -> Visitor:
    """An administrator's browser."""
    return visit(Role.ADMIN)


@pytest.fixture
def editor(visit: Visit) -> Visitor:
    """An editor's browser."""
    return visit(Role.EDITOR)


@pytest.fixture
def author(visit: Visit) -> Visitor:
    """An author's browser."""
    return visit(Role.AUTHOR)
