"""The `cms` command: thin verbs over the rooms."""

import asyncio
import gc
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Connection, func, select

from cms.auth.accounts import create_user
from cms.auth.passwords import generate_password
from cms.auth.users import User
from cms.config import Settings, SettingsError, load_settings
from cms.connections import TimelyConnection
from cms.crud.policy import SYSTEM, Role
from cms.crud.problems import Problem
from cms.crud.service import UnitOfWork
from cms.doctor import examine
from cms.exchange.apply import apply, plan
from cms.exchange.pull import pull
from cms.exchange.report import FolderError, Report, summarise
from cms.logs import configure_logging
from cms.main import create_app
from cms.media.storage import StorageError
from cms.outages import DatabaseUnavailable

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Masthead, an admin-first CMS.")
users = typer.Typer(no_args_is_help=True, help="People who sign in.")
content = typer.Typer(no_args_is_help=True, help="Content as files: a folder per type, a file per record.")
app.add_typer(users, name="user")
app.add_typer(content, name="content")

Host = Annotated[str, typer.Option(help="The address to listen at.")]
Port = Annotated[int, typer.Option(help="The port to listen at.", min=1, max=65535)]
Folder = Annotated[Path, typer.Argument(help="The folder.", file_okay=False)]

DEMO_ADMIN = "admin@example.org"


@app.command()
def serve(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Serve the site, the API and the back office."""
    settings = _settings()
    configure_logging(settings.log_level, settings.log_directory)
    try:
        site = create_app(settings)
    except (DatabaseUnavailable, ValueError) as error:
        _fail(str(error))
    _serve(site, host, port)


@app.command()
def migrate() -> None:
    """Bring the database's tables up to date."""
    _settings()
    _migrate()
    typer.echo("The database is up to date.")


@users.command("create")
def create(
    email: Annotated[str, typer.Argument(help="The address to sign in with.")],
    role: Annotated[Role, typer.Option(help="What the user may do.")] = Role.READER,
    name: Annotated[str, typer.Option(help="How others see the user; made from the address if left out.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Create a user. Without --password-stdin, a random password is made and printed once."""
    password = sys.stdin.readline().rstrip("\n") if password_stdin else generate_password()

    async def run(site: FastAPI) -> None:
        async with site.state.database.session() as session:
            work = UnitOfWork(session, SYSTEM, site.state.reader)
            await create_user(work, email, role, password, name)

    _run(run)
    typer.echo(f"Created {role.value} {email}." + ("" if password_stdin else f" Password: {password}"))


@content.command("apply")
def apply_command(directory: Folder) -> None:
    """Bring a folder's records into the database, in one transaction. Nothing is deleted."""
    raise typer.Exit(apply_directory(directory))


@content.command("plan")
def plan_command(directory: Folder) -> None:
    """Show what `apply` would change. Exits 2 if anything would."""
    report = _run(lambda site: plan(*_content_of(site), directory))
    typer.echo(summarise(report))
    raise typer.Exit(1 if report.refused else 2 if report.created or report.updated else 0)


@content.command("pull")
def pull_command(directory: Folder) -> None:
    """Write the database's records into a folder, a file each."""
    typer.echo(summarise(_run(lambda site: pull(*_content_of(site), directory))))


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    typer.echo(json.dumps(create_app(_settings()).openapi(), indent=2, ensure_ascii=False))


@app.command()
def doctor() -> None:
    """Say what is wrong with this installation. Exits 1 if anything is."""
    findings = _run(examine)
    for finding in findings:
        typer.echo(f"- {finding}")
    typer.echo(f"{len(findings)} findings." if findings else "Nothing is wrong.")
    raise typer.Exit(1 if findings else 0)


@app.command()
def demo(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Serve a site with demo content, made at the first run; for trying out, with var/ in this folder."""
    settings = _settings()
    listener = _listen(host, port)
    configure_logging(settings.log_level, settings.log_directory)
    _migrate()
    if not _run(lambda site: site.state.database.read(_count_users)):
        _furnish(f"http://{host}:{port}/admin/")
    _serve(create_app(settings), host, port, listener)


def apply_directory(directory: Path | None) -> int:
    """Apply a folder, or the demo content that comes with the package, and say what happened.

    :returns: the exit code: 1 if a file was refused.
    """
    with as_file(files("cms.content") / "demo") as demo_content:
        source = directory or demo_content
        if not source.is_dir():
            _fail(f"There is no folder {source}.")
        # Where somebody watches; nothing elsewhere.
        with typer.progressbar(length=1, label="Applying", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

            def show(done: int, total: int) -> None:
                bar.length = total
                bar.update(done - bar.pos)

            report: Report = _run(lambda site: apply(*_content_of(site), source, progress=show))
    typer.echo(summarise(report))
    for email, password in report.passwords.items():
        typer.echo(f"New user {email} with password {password}")
    return 1 if report.refused else 0


def _migrate() -> None:
    """Migrate in a process of its own; `cms.upgrade` tells why. It reads the same settings."""
    command = [sys.executable, "-P", "-m", "cms.upgrade"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own module, no shell
    if done.returncode:
        _fail(done.stderr.strip())


def _furnish(address: str) -> None:
    """Give a new demo site its content and its administrator."""
    password = generate_password()

    async def make_admin(site: FastAPI) -> None:
        async with site.state.database.session() as session:
            work = UnitOfWork(session, SYSTEM, site.state.reader)
            await create_user(work, DEMO_ADMIN, Role.ADMIN, password, "Admin")

    if apply_directory(None):
        _fail("The demo content was not applied completely.")
    _run(make_admin)
    typer.echo(f"Sign in at {address} as {DEMO_ADMIN} with password {password}")


def _content_of(site: FastAPI) -> tuple[Any, Any, Any, Any]:
    return site.state.database, site.state.registry, site.state.reader, site.state.storage


def _count_users(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(User)).scalar_one())


def _settings() -> Settings:
    try:
        return load_settings()
    except SettingsError as error:
        _fail(str(error))


def _run(work: Callable[[FastAPI], Awaitable[T]]) -> T:
    """Do asynchronous work with an application's connections, and close them."""

    async def run() -> T:
        site = create_app(settings)
        try:
            return await work(site)
        finally:
            await site.state.database.dispose()

    settings = _settings()
    try:
        return asyncio.run(_as_coroutine(run()))
    except Problem as problem:
        _fail("\n".join(error.detail for error in problem.errors) or problem.detail)
    except (DatabaseUnavailable, StorageError, FolderError) as error:
        _fail(str(error))


async def _as_coroutine(awaitable: Coroutine[Any, Any, T]) -> T:
    return await awaitable


def _serve(site: FastAPI, host: str, port: int, listener: socket.socket | None = None) -> None:
    listener = listener or _listen(host, port)
    config = uvicorn.Config(
        site,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=30,
        timeout_keep_alive=30,
        http=partial(TimelyConnection, doorkeeper=site.state.gate),  # type: ignore[arg-type]  # uvicorn calls it, as it would the class
    )
    typer.echo(f"Serving at http://{host}:{port}/ (Ctrl-C stops it)")
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn, once it has stopped, raises it again: that was no failure
    gc.freeze()  # what was made once need not be looked through whenever memory is
    uvicorn.Server(config).run([listener])  # on uvloop, where there is one


def _listen(host: str, port: int) -> socket.socket:
    """Take the port before anything is changed, so that a port in use costs nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        _fail(f"Port {port} at {host} can't be used ({error.strerror}). Choose another one with --port or PORT=…")
    return listener


def _fail(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
