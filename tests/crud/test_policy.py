"""Who may do what."""

from types import SimpleNamespace
from uuid import UUID

import pytest

from cms.crud.policy import ANONYMOUS, SYSTEM, Action, Actor, AdminOnly, Policy, Role

ME = UUID(int=7)
MINE, THEIRS = SimpleNamespace(owner_id=ME), SimpleNamespace(owner_id=UUID(int=8))
WRITES = (Action.CREATE, Action.UPDATE, Action.DELETE, Action.PUBLISH)


def somebody(role: Role) -> Actor:
    return Actor(ME, role)


def test_each_role_may_do_what_those_before_it_may() -> None:
    roles = list(Role)
    assert [r.value for r in roles] == ["anonymous", "reader", "author", "editor", "admin"]
    for i, role in enumerate(roles):
        assert [role.at_least(other) for other in roles] == [j <= i for j in range(len(roles))]


def test_staff_works_on_everybodys_content() -> None:
    assert [role for role in Role if somebody(role).is_staff] == [Role.EDITOR, Role.ADMIN]
    assert SYSTEM.is_staff
    assert not ANONYMOUS.is_staff


@pytest.mark.parametrize("role", Role)
def test_by_default_all_read_and_editors_write(role: Role) -> None:
    policy = Policy()
    assert policy.can(somebody(role), Action.READ)
    for action in WRITES:
        assert policy.can(somebody(role), action) is role.at_least(Role.EDITOR)
        assert policy.can(somebody(role), action, MINE) is role.at_least(Role.EDITOR)
    assert policy.visible(object(), role) is None
    assert policy.can_set(somebody(role), "anything", 1)


@pytest.mark.parametrize("role", Role)
def test_owners_write_their_own_but_do_not_publish(role: Role) -> None:
    """A16, B03."""
    policy, actor = Policy(own="owner_id"), somebody(role)
    is_staff, is_author = role.at_least(Role.EDITOR), role.at_least(Role.AUTHOR)
    for action in (Action.CREATE, Action.UPDATE, Action.DELETE):
        assert policy.can(actor, action) is is_author
        assert policy.can(actor, action, MINE) is is_author
        assert policy.can(actor, action, THEIRS) is is_staff
    assert policy.can(actor, Action.PUBLISH, MINE) is is_staff


def test_the_anonymous_own_nothing() -> None:
    """A record without an owner is not that of who has no id."""
    ownerless = SimpleNamespace(owner_id=None)
    assert not Policy(own="owner_id").can(ANONYMOUS, Action.UPDATE, ownerless)
    policy = Policy(own="owner_id", own_write=Role.READER)
    assert not policy.can(somebody(Role.READER), Action.UPDATE, ownerless)


@pytest.mark.parametrize("role", Role)
def test_a_type_may_be_for_administrators_alone(role: Role) -> None:
    for action in Action:
        assert AdminOnly().can(somebody(role), action) is (role is Role.ADMIN)
