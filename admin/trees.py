"""The tree of a content type whose records stand in one: shown whole, each record moved by hand or by key."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from admin.auth import actor_of, open_work
from admin.bodies import read_body
from admin.shell import shell_of
from admin.type_screens import TypeScreens
from cms.crud.conditions import visible
from cms.crud.content_type import ContentType
from cms.crud.policy import Action, Actor
from cms.editorial.behaviours import MAX_DEPTH, Publishable
from cms.editorial.recorder import change_left_by
from cms.editorial.tree import TreeService, in_order

MOST = 2_000
"""How many records a tree shows; beyond that their list is what they are found by."""


class Move(BaseModel):
    """Where a record is to stand.

    :param version: the version of it that was seen. :param parent: what it stands below; None for the top.
    :param after: the sibling that it follows; None where it comes first.
    """

    model_config = ConfigDict(extra="forbid")

    version: int
    parent: UUID | None
    after: UUID | None


class Node(NamedTuple):
    """A record in a tree.

    :param status: where it stands, if its type is published. :param is_movable: whether the actor may move it.
    """

    id: UUID
    title: str
    path: str
    version: int
    status: str | None
    is_movable: bool
    below: list["Node"]


class TreeScreens(TypeScreens):
    """The tree of one content type."""

    async def show_tree(self, request: Request) -> Response:
        """All records, each below its parent.

        :raises NotFound: where the type has no tree.
        """
        self._require_tree()
        actor = actor_of(request)
        nodes: list[Node] | None = await request.app.state.database.read(read_tree, self.content_type, actor)
        context = {
            "view": self,
            "nodes": nodes,
            "count": None if nodes is None else _count(nodes),
            "most": MOST,
            "levels": MAX_DEPTH,
            "can_create": self.may_create(actor),
        }
        return await shell_of(request).render(request, "tree.html", context)

    async def move(self, request: Request) -> Response:
        """Put a record somewhere else, and tell the page's script which versions there are now.

        :raises Problem: if it can't stand there.
        """
        self._require_tree()
        pk, order = self.pk(request), await read_body(request, Move)
        async with open_work(request, actor_of(request)) as work:
            service = work.service(self.content_type)
            assert isinstance(service, TreeService)  # noqa: S101 - nested types declare such a service
            record = await service.get(pk, Action.UPDATE)
            changed = await service.move(record, order.parent, order.after, order.version)
        change_id = change_left_by(work.session)
        versions = {str(record.id): record.version for record in changed}
        return JSONResponse({"change": str(change_id) if change_id else None, "versions": versions})

    def _require_tree(self) -> None:
        if not self.has_tree:
            raise self.missing()


def read_tree(connection: Connection, content_type: ContentType[Any], actor: Actor) -> list[Node] | None:
    """What stands at the top, with all below it, as far as the actor may see it; None where that is too much.

    What stands below something that is not shown stands at the top.
    """
    table: Any = content_type.model
    own = content_type.policy.own
    is_published = issubclass(table, Publishable)
    columns = [
        table.id, table.parent_id, table.path, table.version,
        getattr(table, content_type.title_field).label("title"),
        *([table.status.label("status"), table.published_at] if is_published else []),
        *([getattr(table, own)] if own else []),
    ]  # fmt: skip
    shown = visible(content_type, table, actor.role)
    statement = select(*columns).where(*shown).order_by(*in_order(content_type)).limit(MOST + 1)
    rows = connection.execute(statement, {"actor_id": actor.id}).mappings().all()
    if len(rows) > MOST:
        return None
    nodes = {row["id"]: _node(content_type, row, actor) for row in rows}
    top: list[Node] = []
    for row in rows:
        above = nodes.get(row["parent_id"])
        (top if above is None else above.below).append(nodes[row["id"]])
    return top


def _node(content_type: ContentType[Any], row: Any, actor: Actor) -> Node:
    is_movable = content_type.policy.can(actor, Action.UPDATE, SimpleNamespace(**row))
    status = str(row["status"]) if "status" in row else None
    return Node(row["id"], row["title"] or "Untitled", row["path"], row["version"], status, is_movable, [])


def _count(nodes: Sequence[Node]) -> int:
    return sum(1 + _count(node.below) for node in nodes)
