"""Saved views: the lists of the back office as a user keeps them, by name, with their filters, order and columns.

They are nobody else's: each function takes the user whose they are, and knows of no others.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, ForeignKey, UniqueConstraint, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from cms.crud.fields import text, text_type
from cms.crud.models import Base
from cms.crud.problems import Conflict, FieldError, Invalid, NotFound

MOST_VIEWS = 20
"""How many views a user keeps of one type."""
NAME_LENGTH = 40
QUERY_LENGTH = 2_000
COLUMNS_LENGTH = 1_000


class SavedView(Base):
    """A list as a user keeps it."""

    __tablename__ = "saved_views"
    __table_args__ = (UniqueConstraint("user_id", "record_type", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    record_type: Mapped[str] = mapped_column(text_type(60))
    """The plural name of the content type, such as `articles`."""
    name: Mapped[str] = text(NAME_LENGTH)
    """Empty for the list that nobody has named: its columns are kept here, and nothing else."""
    query: Mapped[str] = text(QUERY_LENGTH, default="")
    """Filters, search and order, as the query of the list's address."""
    columns: Mapped[str] = text(COLUMNS_LENGTH, default="")
    """Names of fields, between commas; empty for the usual ones."""
    position: Mapped[int] = mapped_column(default=0)


class View(NamedTuple):
    """A saved view, as read."""

    id: str
    name: str
    query: str
    columns: tuple[str, ...]


def views_of(connection: Connection, user_id: UUID | None, record_type: str) -> list[View]:
    """The views that a user keeps of a type, in their order; the nameless one with the usual columns first, if any."""
    columns = SavedView.id, SavedView.name, SavedView.query, SavedView.columns
    mine = SavedView.user_id == user_id, SavedView.record_type == record_type
    rows = connection.execute(select(*columns).where(*mine).order_by(SavedView.position, SavedView.id))
    return [View(str(row.id), row.name, row.query, tuple(filter(None, row.columns.split(",")))) for row in rows]


async def save_view(session: AsyncSession, user_id: UUID, record_type: str, name: str, query: str) -> SavedView:
    """Keep a list under a name, with the columns that it has.

    :raises Invalid: for a name that is empty or too long, or where there are enough.
    :raises Conflict: where the name is taken.
    """
    views = await _all(session, user_id, record_type)
    if len(views) >= MOST_VIEWS:
        raise _invalid(f"You keep {MOST_VIEWS} views of this list already; delete one first.")
    made = SavedView(user_id=user_id, record_type=record_type, name=_free_name(name, views), query=query)
    made.columns = await _columns(session, user_id, record_type)
    made.position = 1 + max((view.position for view in views), default=0)
    session.add(made)
    try:
        await session.flush()
    except IntegrityError as error:  # another window was quicker
        raise _taken(name) from error
    return made


async def rename_view(session: AsyncSession, user_id: UUID, view_id: UUID, name: str) -> None:
    """Give a view another name.

    :raises NotFound: if the user has no such view. :raises Invalid: :raises Conflict: as `save_view` does.
    """
    view = await _one(session, user_id, view_id)
    views = await _all(session, user_id, view.record_type)
    view.name = _free_name(name, [other for other in views if other is not view])
    await session.flush()


async def update_view(session: AsyncSession, user_id: UUID, view_id: UUID, query: str) -> None:
    """Have a view show something else.

    :raises NotFound: if the user has no such view.
    """
    view = await _one(session, user_id, view_id)
    view.query = query
    await session.flush()


async def move_view(session: AsyncSession, user_id: UUID, view_id: UUID, step: int) -> None:
    """Move a view among the others; at the end it stays where it is.

    :param step: -1 for one place earlier, 1 for one later.
    :raises NotFound: if the user has no such view.
    """
    view = await _one(session, user_id, view_id)
    views = await _all(session, user_id, view.record_type)
    place = views.index(view)
    views.insert(max(0, place + step), views.pop(place))
    for position, other in enumerate(views, 1):
        other.position = position
    await session.flush()


async def delete_view(session: AsyncSession, user_id: UUID, view_id: UUID) -> None:
    """Forget a view.

    :raises NotFound: if the user has no such view.
    """
    await session.delete(await _one(session, user_id, view_id))
    await session.flush()


async def choose_columns(
    session: AsyncSession, user_id: UUID, record_type: str, view_id: UUID | None, columns: Sequence[str]
) -> None:
    """Keep the columns of a view, or those of the list that nobody has named.

    :raises NotFound: if the user has no such view.
    """
    if view_id is not None:
        view = await _one(session, user_id, view_id)
    else:
        nameless = SavedView.user_id == user_id, SavedView.record_type == record_type, SavedView.name == ""
        found = (await session.execute(select(SavedView).where(*nameless))).scalar_one_or_none()
        view = found or SavedView(user_id=user_id, record_type=record_type, name="")
        session.add(view)
    view.columns = ",".join(columns)[:COLUMNS_LENGTH]
    await session.flush()


async def _columns(session: AsyncSession, user_id: UUID, record_type: str) -> str:
    """The columns of the list that nobody has named; empty for the usual ones."""
    mine = SavedView.user_id == user_id, SavedView.record_type == record_type, SavedView.name == ""
    columns: str | None = (await session.execute(select(SavedView.columns).where(*mine))).scalar_one_or_none()
    return columns or ""


async def _all(session: AsyncSession, user_id: UUID, record_type: str) -> list[SavedView]:
    """The views that have a name, in their order."""
    mine = SavedView.user_id == user_id, SavedView.record_type == record_type, func.length(SavedView.name) > 0
    found = await session.execute(select(SavedView).where(*mine).order_by(SavedView.position, SavedView.id))
    return list(found.scalars())


async def _one(session: AsyncSession, user_id: UUID, view_id: UUID) -> SavedView:
    view = await session.get(SavedView, view_id)
    if view is None or view.user_id != user_id:
        raise NotFound("There is no such view; it may have been deleted in another window.")
    return view


def _free_name(name: str, views: Sequence[SavedView]) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= NAME_LENGTH or not name.isprintable():
        raise _invalid(f"A view needs a name of 1 to {NAME_LENGTH} characters.")
    if name.casefold() in {view.name.casefold() for view in views}:
        raise _taken(name)
    return name


def _taken(name: str) -> Conflict:
    detail = f"You have a view “{name}” already; choose another name."
    return Conflict(detail, errors=[FieldError(detail, "/name")])


def _invalid(detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(detail, "/name")])
