"""What articles and pages have in common: Markdown, and all that is derived from it when it is saved."""

from collections.abc import Mapping
from uuid import UUID

from anyio import to_thread
from pydantic import Field
from sqlalchemy import Connection, Result, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from cms.content.redirects import RedirectService, redirect
from cms.crud.content_type import M
from cms.crud.fields import Html, Markdown, Model
from cms.crud.problems import FieldError, Invalid
from cms.editorial.behaviours import not_trashed
from cms.editorial.markdown import THREAD_ABOVE_CHARACTERS, MarkdownTooComplex, Rendered, parse
from cms.editorial.workflow import EditorialService
from cms.media.records import Media, media, permalink
from cms.media.references import paths_in


class Seo(Model):
    """What search engines and shared links show instead of title and excerpt."""

    title: str | None = Field(None, max_length=70, description="At most 70 characters.")
    description: str | None = Field(None, max_length=160, description="At most 160 characters.")


class Written:
    """A record with a Markdown text."""

    # Long texts come last in the table: SQLite reads a row from its start, and lists need none of them.
    content: Mapped[Markdown] = mapped_column(default="", sort_order=97)
    content_html: Mapped[Html] = mapped_column(default="", sort_order=98)
    reading_minutes: Mapped[int] = mapped_column(default=1, sort_order=22)


class WritingService(EditorialService[M]):
    """A service of `Written` records."""

    async def prepare(self, record: M, changed: frozenset[str]) -> None:
        """Render the text where it changed."""
        await super().prepare(record, changed)
        if isinstance(record, Written) and "content" in changed:
            rendered = await self._render(record.content)
            record.content_html = rendered.html
            record.reading_minutes = rendered.minutes
            await self.rendered(record, rendered)

    async def rendered(self, record: M, rendered: Rendered) -> None:
        """Use what else a parsed text gives."""

    async def missing_from(self, record: M) -> list[str]:
        """Files that its text names count, too."""
        missing = await super().missing_from(record)
        if isinstance(record, Written) and (paths := paths_in(record.content)):
            lost = paths - (await self._media_urls(record.content)).keys()
            missing += await self.trashed(media, Media.path.in_(lost))
        return list(dict.fromkeys(missing))

    async def lead_on(self, old: str, new: str) -> None:
        """By a redirect."""
        await RedirectService(self.work, redirect).follow(old, new)

    async def _render(self, markdown: str) -> Rendered:
        try:
            if self.work.ahead is not None and (rendered := await self.work.ahead(markdown)):
                return rendered  # type: ignore[no-any-return]  # the core knows no texts
        except MarkdownTooComplex as error:
            raise _too_complex(error) from error
        urls = await self._media_urls(markdown)

        def parse_text() -> Rendered:
            return parse(markdown, media_url=urls.get if urls else None)

        is_long = len(markdown) > THREAD_ABOVE_CHARACTERS and self.work.ahead is None
        try:
            return await to_thread.run_sync(parse_text) if is_long else parse_text()
        except MarkdownTooComplex as error:
            raise _too_complex(error) from error

    async def _media_urls(self, markdown: str) -> Mapping[str, str]:
        """The addresses of the media files that a text names as `media:<path>`."""
        named = _named_in(markdown)
        return {} if named is None else _urls_of(await self.session.execute(named))


def read_media_urls(connection: Connection, markdown: str) -> dict[str, str]:
    """The addresses of the media files that a text names as `media:<path>`, by their paths."""
    named = _named_in(markdown)
    return {} if named is None else _urls_of(connection.execute(named))


def _named_in(markdown: str) -> Select[str, UUID] | None:
    paths = paths_in(markdown)
    return select(Media.path, Media.id).where(Media.path.in_(paths), *not_trashed(Media)) if paths else None


def _urls_of(found: Result[str, UUID]) -> dict[str, str]:
    return {path: permalink(media_id, path) for path, media_id in found}


def _too_complex(error: MarkdownTooComplex) -> Invalid:
    return Invalid(str(error), errors=[FieldError(str(error), "/content")])
