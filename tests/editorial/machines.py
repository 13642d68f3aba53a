"""What Hypothesis' state machines need to drive a whole installation."""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from cms.auth.throttle import Throttle
from cms.crud.models import Base
from tests.installation import Installation

F = TypeVar("F", bound=Callable[..., Any])


def step(**drawn: Any) -> Callable[[F], F]:
    """Let machines take a method as a step, of arguments from these strategies.

    Hypothesis leaves most rules out of each run, which takes thousands of runs to make up for; so steps are no rules.
    """

    def mark(method: F) -> F:
        method.drawn = drawn  # type: ignore[attr-defined]  # a mark
        return method

    return mark


class Machine(RuleBasedStateMachine):
    """A machine over an installation.

    It runs in a thread of its own, since Hypothesis knows no coroutines; what it asks runs on the test's event loop.
    """

    site: ClassVar[Installation]
    loop: ClassVar[asyncio.AbstractEventLoop]
    steps: ClassVar[Any] = count()
    """Counts the steps of all runs that were more than looking."""
    numbers: ClassVar[Any] = count()
    """For what has to be unique."""

    @rule(data=st.data())
    def take_a_step(self, data: Any) -> None:
        """Any one of those there are."""
        names = [name for name in dir(type(self)) if hasattr(getattr(type(self), name), "drawn")]
        method = getattr(self, data.draw(st.sampled_from(names), "step"))
        method(**{name: data.draw(strategy, name) for name, strategy in method.drawn.items()})

    def run(self, asked: Coroutine[Any, Any, Any]) -> Any:
        """What a coroutine comes to."""
        return asyncio.run_coroutine_threadsafe(asked, self.loop).result(60)


async def drive(machine: type[Machine], installation: Installation, examples: int, steps: int) -> int:
    """Run a machine, always in the same way.

    :param examples: how many runs. :param steps: the steps of each.
    :returns: how many steps it counted.
    """
    members = {"site": installation, "loop": asyncio.get_running_loop(), "numbers": count(), "steps": count()}
    # Shrinking takes minutes, of a whole application: name that phase, too, once there is something to shrink.
    chosen = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck), phases=(Phase.generate,),
    )  # fmt: skip
    driven = type(machine.__name__, (machine,), members)
    await asyncio.to_thread(run_state_machine_as_test, driven, settings=chosen)
    return int(next(members["steps"]))  # type: ignore[call-overload]  # a count


async def clear(installation: Installation) -> None:
    """Leave no content, nor history of it, but the people and the settings; nobody has asked too often."""
    installation.app.state.throttle = Throttle(None)
    kept = {"users", "sessions", "tokens", "site", "alembic_version"}
    async with installation.database.engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name not in kept:
                if {"parent_id"} <= set(table.columns.keys()):
                    await connection.execute(table.update().values(parent_id=None))
                await connection.execute(table.delete())
