"""A small application around media: the real content types, databases and storage; the actor is a header."""

import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI, Header, Request
from PIL import Image

from cms.auth.users import User
from cms.content import registry
from cms.content.articles import Article, article
from cms.crud.cursor import Cursors
from cms.crud.doors import Doors
from cms.crud.models import Base
from cms.crud.plan import Reader
from cms.crud.policy import ANONYMOUS, Actor, Role
from cms.crud.problem_handler import add_problem_handler
from cms.crud.problems import Unavailable
from cms.crud.router import add_routes
from cms.crud.schemas import create_schema
from cms.crud.service import UnitOfWork
from cms.database import Database
from cms.editorial.router import build_workflow_router
from cms.media.records import media
from cms.media.router import build_files_router, build_media_router
from cms.media.storage import DirectoryStorage
from cms.outages import DatabaseUnavailable
from tests.databases import Server, create_tables

ACTORS = {role: Actor(UUID(int=number), role, role.value) for number, role in enumerate(Role, 1)}
ACTORS[Role.ANONYMOUS] = ANONYMOUS


async def get_actor(request: Request) -> Actor:
    return ACTORS[Role(request.headers.get("x-role", Role.ANONYMOUS))]


async def get_work(request: Request, x_role: Annotated[Role, Header()] = Role.ANONYMOUS) -> AsyncIterator[UnitOfWork]:
    async with request.app.state.database.session() as session:
        yield UnitOfWork(session, ACTORS[x_role], request.app.state.reader)


@dataclass(frozen=True)
class Site:
    """The application, and what lies beneath it."""

    app: FastAPI
    client: httpx.AsyncClient
    database: Database
    storage: DirectoryStorage

    def stored(self) -> list[str]:
        """Every file below the storage's parent folder: what leaves the root is seen as well."""
        folder = self.storage.root.parent
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

    @asynccontextmanager
    async def work(self, role: Role = Role.AUTHOR) -> AsyncIterator[UnitOfWork]:
        """A unit of work on behalf of that role's actor."""
        async with self.database.session() as session:
            yield UnitOfWork(session, ACTORS[role], self.app.state.reader)

    async def upload(
        self, content: bytes, name: str = "picture.png", role: Role = Role.AUTHOR, **texts: str
    ) -> httpx.Response:
        """Send a file as a browser does."""
        files = {"file": (name, content)}
        return await self.client.post("/api/v1/media", files=files, data=texts, headers={"X-Role": role.value})

    async def write_article(self, title: str, role: Role = Role.EDITOR, **values: Any) -> Article:
        """Save a draft."""
        async with self.work(role) as work:
            return await work.service(article).create(create_schema(article)(title=title, **values))


@pytest.fixture
def database_url(server: Server) -> str:
    """A database with every table; made outside of the event loop, which making it needs for itself."""
    return server.empty("media", create_tables(Base.metadata))


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    database = Database(database_url)
    app = FastAPI(redirect_slashes=False)
    app.state.database = database
    app.state.reader = Reader(registry, Cursors("secret"))
    app.state.storage = DirectoryStorage(tmp_path / "files" / "media")
    doors = Doors(registry, get_actor, get_work, "/api/v1")
    add_routes(app, build_media_router(doors), build_workflow_router(media, doors), build_files_router())
    add_problem_handler(app, {DatabaseUnavailable: Unavailable})
    await _add_users(database)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Site(app, client, database, app.state.storage)
    await database.dispose()


async def _add_users(database: Database) -> None:
    async with database.session() as session:
        for actor in ACTORS.values():
            if actor.id is not None:
                email = f"{actor.name}@example.org"
                session.add(User(id=actor.id, email=email, name=actor.name, role=actor.role, password="!"))  # noqa: S106 - nobody signs in


def png(number: int = 0) -> bytes:
    """A small picture, another one for each number."""
    target = BytesIO()
    Image.new("RGB", (6, 4), (number % 256, number // 256, 7)).save(target, "PNG")
    return target.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    """A block of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
SCRIPT = b"<script>alert(1)</script>"
DISGUISED = {
    "a page": b"<!doctype html><html>" + SCRIPT,
    "an SVG": b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>",
    "a script": b"alert(document.cookie)",
    "PHP": b"<?php system($_GET['x']);",
    "XML": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "a GIF that is a script": b"GIF89a/*" + bytes(20) + b"*/=alert(1);",
    "the wrong magic": b"\x89PNX\r\n\x1a\n" + bytes(40),
    "a PDF that holds a page": PDF.replace(b"<<>>\nendobj", SCRIPT + b"\nendobj"),
    "a TIFF": b"II*\0\x08\0\0\0\x01\0" + bytes(40),
    "a Photoshop file": b"8BPS\0\x01" + bytes(40),
    "a ZIP": b"PK\x03\x04" + bytes(40),
}
