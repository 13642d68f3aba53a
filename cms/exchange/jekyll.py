"""The posts of a Jekyll site as articles: another dialect of front matter, and names of files that hold a date.

What has no place here is named in a warning and left out; only what would give a wrong article is refused.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

from slugify import slugify
from sqlalchemy import func, or_, select

from cms.auth.users import User, normalise_email
from cms.crud.policy import Role
from cms.crud.registry import Registry
from cms.crud.service import UnitOfWork
from cms.crud.slugs import SLUG_LENGTH
from cms.exchange.drafts import Draft, Invalid, locate, make_draft
from cms.exchange.folder import Source, open_folder, walk
from cms.exchange.frontmatter import NO_MATTER, FileError, Matter, load, split, unwrap
from cms.exchange.intake import Intake, open_intake, without_twins
from cms.exchange.layout import Layout, layout_of
from cms.exchange.report import Note

_NAME = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})-(.+)\.(?:md|markdown|mkdown|mkdn|mkd)\Z", re.ASCII)
_DATE = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[Tt ] *(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?"
    r" *(?:(Z|z|UTC)|([-+])(\d\d):?(\d\d))?\Z",
    re.ASCII,
)
_USED = {"title", "date", "category", "categories", "tag", "tags", "author", "published", "excerpt"}


def is_posts(directory: Path, registry: Registry) -> bool:
    """Whether the folder holds the posts of a Jekyll site, and the registry has a place for them."""
    if not directory.is_dir() or not {"articles", "categories", "tags"} <= {t.name for t in registry}:
        return False
    return directory.name == "_posts" or any(_NAME.match(path.name) for path in directory.iterdir() if path.is_file())


def read_posts(directory: Path, registry: Registry) -> Intake:
    """Read the posts, with the categories and tags that they name.

    :raises FolderError: if there is no such folder.
    """
    root = open_folder(directory)
    intake = open_intake(registry)
    articles, categories, tags = (layout_of(registry.by_name(name)) for name in ("articles", "categories", "tags"))
    posts: list[Draft] = []
    unused: dict[str, list[Draft]] = {}
    for source in walk(root, root, intake.refused, is_deep=True):
        try:
            post = _Post(source)
            posts.append(make_draft(post.source, articles, post.values, post.matter))
        except Invalid as invalid:
            intake.refused.append(invalid.note)
            continue
        intake.warnings += post.warnings
        intake.authors[posts[-1]] = post.author
        for key in post.unused:
            unused.setdefault(key, []).append(posts[-1])
        for layout, names in ((categories, post.categories), (tags, post.tags)):
            intake.drafts[layout] += _implied(layout, names, intake)
    for key, drafts in unused.items():
        more = f" here and in {len(drafts) - 1} more" if len(drafts) > 1 else ""
        intake.warnings.append(drafts[0].note(f"ignored: {key}{more}", key))
    intake.total = len(posts) + len(intake.refused)
    intake.drafts[articles] += without_twins(posts, intake)
    for layout in (categories, tags):
        intake.drafts[layout][:] = without_twins(intake.drafts[layout], intake)
    return intake


async def attribute(work: UnitOfWork, intake: Intake) -> None:
    """Find the users whom the posts name as authors.

    Where there is none of that name, a new article is the actor's own, or else the first administrator's (or editor's,
    or author's); a warning says so, once for each name.
    """
    if not intake.authors:
        return
    users = await _users(work, set(intake.authors.values()))
    fallback = await _fallback(work)
    strangers: dict[str, list[Draft]] = {}
    for draft, name in intake.authors.items():
        if found := users.get(name.casefold()):
            draft.data = draft.data.model_copy(update={"author": found})
        elif fallback is not None:
            draft.on_create["author"], stand_in = fallback
            strangers.setdefault(name, []).append(draft)
    for name, drafts in strangers.items():
        if name:
            sentence = f"There is no user “{name}”; what is new of {len(drafts)} such posts goes to “{stand_in}”."
            intake.warnings.append(drafts[0].note(sentence, "author"))


class _Post:
    """What a post says, in our words."""

    def __init__(self, source: Source) -> None:
        match = _NAME.match(source.location.name)
        if match is None:
            raise Invalid(
                Note(source.path, None, "The name of a post is its date and title: 2026-11-23-slow-tides.md.")
            )
        self.matter, loaded = _read(source)
        self._path = source.path
        self._given = {key: unwrap(value, as_text=True) for key, value in loaded.items()}
        self.warnings: list[Note] = []
        slug = slugify(match[4], max_length=SLUG_LENGTH, word_boundary=True) or "post"
        self.source = Source(source.path, source.location, slug)
        words = [*_words([self._given.get("category")]), *_words(self._given.get("categories"))]
        self.categories = dict(_named(words[:1]))
        self.tags = dict(_named([*words[1:], *_words(self._given.get("tags") or self._given.get("tag"))]))
        self.author = _author(self._given.get("author"))
        self.values = self._values(match)
        self.unused = [key for key in self._given if key not in _USED]

    def _values(self, match: re.Match[str]) -> dict[str, Any]:
        published_at = self._published_at(match)
        title = self._given.get("title") or match[4].replace("-", " ").strip().capitalize()
        values = {"title": title, "category": next(iter(self.categories), None), "tags": list(self.tags)}
        if isinstance(excerpt := self._given.get("excerpt"), str):
            values["excerpt"] = excerpt
        if str(self._given.get("published")).lower() != "false":
            values["published_at"] = published_at.isoformat()
        return values

    def _published_at(self, match: re.Match[str]) -> datetime:
        given = self._given.get("date")
        text = str(given) if given is not None else "-".join(match.groups()[:3])
        time = _moment(text)
        if time is None:
            if given is None:
                raise Invalid(Note(self._path, None, f"Its name begins with “{text}”, which is no date."))
            sentence = f"“date”: “{text[:60]}” is no time; write one such as 2026-11-23 08:00:00 +0100."
            raise Invalid(Note(self._path, locate(self.matter, ("date",)), sentence))
        if time.tzinfo is None:
            if ":" in text:
                self._warn("“date” has no zone and was taken as UTC.", "date")
            time = time.replace(tzinfo=UTC)
        return time

    def _warn(self, sentence: str, key: str) -> None:
        self.warnings.append(Note(self._path, locate(self.matter, (key,)), sentence))


def _read(source: Source) -> tuple[Matter, dict[str, Any]]:
    try:
        matter = split(source.read())
        return matter, load(matter.yaml, matter.first_line)
    except FileError as error:
        raise Invalid(Note(source.path, error.line, str(error))) from error


def _moment(text: str) -> datetime | None:
    """The time that a text means, naive if it says no zone; None if it is no time."""
    match = _DATE.match(text.strip())
    if match is None:
        return None
    zone = UTC if match[7] else None
    if match[8]:
        offset = timedelta(hours=int(match[9]), minutes=int(match[10]))
        if offset >= timedelta(hours=24):
            return None
        zone = timezone(-offset if match[8] == "-" else offset)
    try:
        return datetime(*(int(part or 0) for part in match.groups()[:6]), tzinfo=zone)  # type: ignore[arg-type, misc]  # six numbers
    except ValueError:
        return None


def _words(value: Any) -> list[str]:
    """Names from a list, or from a text with spaces between them, as Jekyll has it."""
    if isinstance(value, str):
        return value.split()
    return [str(item).strip() for item in value if item not in (None, "")] if isinstance(value, list) else []


def _named(words: list[str]) -> Iterator[tuple[str, str]]:
    """Slugs and the names that they come from."""
    for word in words:
        if slug := slugify(word, max_length=SLUG_LENGTH, word_boundary=True):
            yield slug, word


def _author(value: Any) -> str:
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("email") or value.get("name")
    return str(value) if value else ""


def _implied(layout: Layout, names: dict[str, str], intake: Intake) -> Iterator[Draft]:
    for slug, name in names.items():
        source = Source(f"{layout.name}/{slug}", Path(), slug)
        try:
            draft = make_draft(source, layout, {layout.content_type.title_field: name}, NO_MATTER)
        except Invalid as invalid:
            intake.refuse(layout, slug, invalid.note)
        else:
            draft.is_implied = True
            yield draft


async def _users(work: UnitOfWork, names: set[str]) -> dict[str, str]:
    """The ids of users, by name and by e-mail in lower case."""
    lowered = {name.casefold() for name in names}
    emails = {normalise_email(name) for name in names}
    wanted = or_(func.lower(User.name).in_(lowered), User.email.in_(emails))
    found = await work.session.execute(select(User.id, User.name, User.email).where(wanted))
    return {key.casefold(): str(user_id) for user_id, *keys in found for key in keys}


async def _fallback(work: UnitOfWork) -> tuple[UUID, str] | None:
    """Whose articles are that nobody here wrote: id and name; None where nobody may write any."""
    if work.actor.id is not None:
        return work.actor.id, work.actor.name
    statement = select(User.id, User.name).where(User.is_active).order_by(User.created_at, User.id).limit(1)
    for role in (Role.ADMIN, Role.EDITOR, Role.AUTHOR):
        if found := (await work.session.execute(statement.where(User.role == role))).first():
            return found[0], found[1]
    return None
