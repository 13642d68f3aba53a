"""Media: what is known about an uploaded file; its bytes lie in the storage under a key of their own."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, ForeignKey, inspect, literal
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cms.auth.users import User
from cms.crud.content_type import ContentType
from cms.crud.fields import Rules, Summary, text
from cms.crud.models import Record
from cms.crud.policy import Action, Policy
from cms.crud.problems import Conflict, FieldError, Invalid
from cms.crud.search import Searchable
from cms.crud.service import Service
from cms.media.references import texts_naming

MEDIA_PATH = "/media/"
"""Where files are served; a file's address is this and its storage key."""
PATH_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*$"


def media_url(storage_key: str) -> str:
    """The address of a stored file."""
    return MEDIA_PATH + storage_key


class Media(Searchable, Record):
    """An uploaded file."""

    __tablename__ = "media"
    __natural_key__ = "path"

    path: Mapped[str] = text(
        200,
        Rules(
            minimum=1,
            pattern=PATH_PATTERN,
            hint="The name by which texts and files refer to it.",
            derived=True,
        ),
        unique=True,
    )
    storage_key: Mapped[str] = text(120)
    sha256: Mapped[str] = text(64, unique=True)
    mime_type: Mapped[str] = text(100, index=True)
    size: Mapped[int] = mapped_column(index=True)
    width: Mapped[int | None]
    height: Mapped[int | None]
    alt: Mapped[Summary] = mapped_column(default="")
    caption: Mapped[Summary] = mapped_column(default="")
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    owner: Mapped[User | None] = relationship(lazy="raise")

    @hybrid_property
    def url(self) -> str:
        """Where the file is served."""
        return media_url(self.storage_key)

    @url.inplace.expression
    @classmethod
    def _url(cls) -> ColumnElement[Any]:
        return literal(MEDIA_PATH).concat(cls.storage_key)


class MediaService(Service[Media]):
    """Describes, renames and deletes files; `cms.media.uploads` takes new ones in."""

    async def create(self, data: BaseModel, blank: Media | None = None) -> Media:
        """Refuse: a record without a file is none.

        :raises Invalid: always, for those who may upload.
        """
        self.require(Action.CREATE)
        detail = "Upload the file itself; its record is made from it."
        raise Invalid(detail, errors=[FieldError(detail, "/file")])

    async def usages(self, record: Media) -> list[str]:
        """Where the file is used: by relations, and in texts."""
        texts = await texts_naming(self.work, record.path, record.storage_key)
        return [*await super().usages(record), *texts]

    async def prepare(self, record: Media, changed: frozenset[str]) -> None:
        """Keep the path as long as texts refer to it.

        :raises Conflict: saying which texts.
        """
        await super().prepare(record, changed)
        for old in inspect(record).attrs.path.history.deleted:
            with self.session.no_autoflush:
                places = await texts_naming(self.work, old)
            if places:
                named = "; ".join(places)
                detail = f"Texts refer to this file as “media:{old}”. Change these first: {named}."
                raise Conflict(detail, errors=[FieldError(detail, "/path")], usages=places)


media = ContentType(
    Media,
    name="media",
    read_fields=(
        "id", "path", "url", "mime_type", "size", "width", "height", "sha256", "alt", "caption", "owner",
        "version", "created_at", "updated_at",
    ),
    write_fields=("path", "alt", "caption"),
    reference_fields=("id", "path", "url", "alt", "width", "height"),
    list_fields=("path", "mime_type", "size", "alt", "created_at"),
    search_fields=("path", "alt", "caption"),
    filter_fields=("id", "path", "sha256", "mime_type", "size", "owner", "created_at"),
    sort_fields=("-created_at", "path", "size", "updated_at"),
    service=MediaService,
    policy=Policy(own="owner_id"),
)  # fmt: skip
