"""Reading soon: on the event loop under a budget, in a thread where that is spent; the answer is the same."""

import pytest
from sqlalchemy import Connection, text

from cms import database as databases
from tests.installation import Installation


def count(connection: Connection) -> int:
    counted = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT count(*) FROM n"
    return int(connection.execute(text(counted)).scalar_one())


@pytest.mark.parametrize("budget", [0.0, 0.0005, 10.0])
async def test_a_read_whose_budget_is_spent_is_done_in_a_thread(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, budget: float
) -> None:
    """With no budget at all, SQLite is interrupted at its very first step, the BEGIN of the snapshot."""
    monkeypatch.setattr(databases, "BUDGET", budget)
    for _ in range(5):
        assert await installation.database.read_soon(count) == 20000
