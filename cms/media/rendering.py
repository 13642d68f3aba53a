"""Make renditions of pictures where rows say that they are due: off the path of every request, in any process, once.

A picture is claimed by moving its time into the future, in a transaction of its own; it is drawn by a program of its
own (see `cms.media.drawing`) while no transaction is open; what came of it is written down in another one. Whoever dies
between them leaves a picture that another process takes up when its time has come again.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from loguru import logger
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cms.crud.fields import now
from cms.database import Database
from cms.media.containers import KINDS
from cms.media.pending import KeptFile, RenditionJob
from cms.media.records import CENTRE, FocalPoint, Media, media_url, source_of
from cms.media.storage import Storage, storage_key

WIDTHS = (320, 640, 1024, 1600)
"""The widths in pixels that a picture is drawn in, as far as it has them."""
CROPS = (("wide", 640, 360), ("wide", 1280, 720), ("square", 320, 320), ("square", 640, 640))
"""The parts around the focal point: name, width, height."""
EVERY = 0.5
"""Seconds between two looks."""
LEASE = timedelta(minutes=3)
"""How long a picture is left to who has claimed it; a drawing is stopped before that."""
PATIENCE = 150
"""Seconds that one drawing may take."""
MOST_ATTEMPTS = 3
AT_A_TIME = 5.0
"""Seconds for which one look goes on drawing, so that a process that is to stop need not wait for all that is due."""
_PROGRAM = Path(__file__).with_name("drawing.py")
_FORMATS = {kind.mime_type: kind.decoder for kind in KINDS}


class DrawingFailed(Exception):
    """A picture can't be drawn; the text says why, to whoever reads the log."""


@dataclass(frozen=True, slots=True)
class Order:
    """A picture that this process has claimed, and what it was then.

    :param claimed_until: the time that the claim ends; it names the claim.
    """

    media_id: UUID
    storage_key: str
    mime_type: str
    focal: FocalPoint
    source: str
    attempt: int
    claimed_until: datetime


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture that was drawn, and what is said about it over REST."""

    key: str
    content: bytes
    members: dict[str, Any]


class Renderer:
    """Makes the renditions that are due.

    :param storage: where the pictures are, and where renditions go.
    """

    def __init__(self, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage

    async def work(self) -> None:
        """Draw what is due, for a few seconds at the most."""
        loop = asyncio.get_running_loop()
        until = loop.time() + AT_A_TIME
        while loop.time() < until and await self._database.read_soon(_is_due):
            if not await self.draw_next():
                break

    async def draw_next(self) -> bool:
        """Draw the renditions of one picture.

        :returns: whether there was one that nobody else had claimed.
        """
        async with self._database.session() as session:
            order = await _claim(session)
        if order is None:
            return False
        try:
            drawings = await self._draw(order)
            await self._keep(drawings)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one picture is not to stop the others
            await self._give_up(order, error)
            return True
        async with self._database.session() as session:
            is_current = await _write(session, order, drawings)
        if is_current:
            await self._keep(drawings)  # once more, now that they are certain: see `sweep`
        return True

    async def _draw(self, order: Order) -> list[Drawing]:
        stored = await self._storage.open(order.storage_key)
        content = b"".join([piece async for piece in stored.read()])
        asked = {"format": _FORMATS[order.mime_type], "widths": WIDTHS, "crops": CROPS}
        return await draw(content, {**asked, "focal": (order.focal.x, order.focal.y)})

    async def _keep(self, drawings: list[Drawing]) -> None:
        for drawing in drawings:
            if not await self._storage.exists(drawing.key):
                await self._storage.write(drawing.key, drawing.content)

    async def _give_up(self, order: Order, error: Exception) -> None:
        """Try again after a while, but not for ever."""
        logger.error("The renditions of {} were not made (attempt {}): {}", order.media_id, order.attempt, error)
        async with self._database.session() as session:
            later = (await session.execute(select(now()))).scalar_one() + timedelta(minutes=order.attempt)
            failed = update(RenditionJob).where(*_is_claim(order)).values(due_at=later, problem=str(error)[:500])
            await session.execute(failed)


async def draw(content: bytes, order: dict[str, Any]) -> list[Drawing]:
    """Have a program of its own draw pictures.

    :param content: the file. :param order: see `cms.media.drawing`.
    :raises DrawingFailed: if that program fails, or takes too long.
    """
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(_PROGRAM), stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        sent = json.dumps(order).encode() + b"\n" + content
        output, errors = await asyncio.wait_for(program.communicate(sent), PATIENCE)
    except TimeoutError:
        raise DrawingFailed(f"It took longer than {PATIENCE} seconds.") from None
    finally:
        with suppress(ProcessLookupError):
            program.kill()
        await program.wait()
    if program.returncode:
        last = errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise DrawingFailed(f"The program ended with {program.returncode}: {last[:300]}")
    return await asyncio.to_thread(_read, output)


def _read(output: bytes) -> list[Drawing]:
    head, _, rest = output.partition(b"\n")
    return list(_drawings(json.loads(head), rest))


def _drawings(head: list[dict[str, Any]], rest: bytes) -> Iterator[Drawing]:
    from_ = 0
    for picture in head:
        content = rest[from_ : from_ + picture["bytes"]]
        from_ += picture["bytes"]
        key = storage_key(sha256(content).hexdigest(), picture["extension"])
        width, height = picture["size"]
        name = {} if picture["name"] is None else {"name": picture["name"]}
        members = {"url": media_url(key), "width": width, "height": height, "type": f"image/{picture['extension']}"}
        yield Drawing(key, content, members | name)


def _is_due(connection: Connection) -> bool:
    due = select(RenditionJob.media_id).where(RenditionJob.due_at <= now(), RenditionJob.attempts < MOST_ATTEMPTS)
    return connection.execute(due.limit(1)).first() is not None


async def _claim(session: AsyncSession) -> Order | None:
    """Take the picture that waits the longest, unless others have taken all of them."""
    is_due = RenditionJob.due_at <= now(), RenditionJob.attempts < MOST_ATTEMPTS
    first = select(RenditionJob).where(*is_due).order_by(RenditionJob.due_at).limit(1)
    job = (await session.execute(first.with_for_update(skip_locked=True))).scalar_one_or_none()
    if job is None:
        return None
    record = await session.get_one(Media, job.media_id)
    job.due_at = (await session.execute(select(now()))).scalar_one() + LEASE
    job.attempts += 1
    focal = FocalPoint.model_validate(record.focal_point or CENTRE, from_attributes=True)
    members = (record.id, record.storage_key, record.mime_type, focal, source_of(record))
    return Order(*members, job.attempts, job.due_at)


async def _write(session: AsyncSession, order: Order, drawings: list[Drawing]) -> bool:
    """Put down what was drawn, unless the file or its focal point is another one by now; the job then waits anew.

    The version of the record stays: it counts what people change.
    """
    found = await session.execute(select(Media).where(Media.id == order.media_id).with_for_update())
    record = found.scalar_one_or_none()
    if record is None or source_of(record) != order.source:
        return False
    whole = [drawing.members for drawing in drawings if "name" not in drawing.members]
    parts = [drawing.members for drawing in drawings if "name" in drawing.members]
    values = {"renditions": whole, "crops": parts, "drawn_from": order.source, "updated_at": Media.updated_at}
    drawn = update(Media).where(Media.id == order.media_id).values(**values)
    await session.execute(drawn.execution_options(synchronize_session=False))
    known = set((await session.execute(select(KeptFile.storage_key).where(KeptFile.media_id == record.id))).scalars())
    if new := sorted({drawing.key for drawing in drawings} - known):
        await session.execute(insert(KeptFile), [{"media_id": record.id, "storage_key": key} for key in new])
    await session.execute(delete(RenditionJob).where(*_is_claim(order)))
    return True


def _is_claim(order: Order) -> tuple[Any, ...]:
    return RenditionJob.media_id == order.media_id, RenditionJob.due_at == order.claimed_until
