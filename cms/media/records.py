"""Media: what is known about an uploaded file; its bytes lie in the storage under a key of their own."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    String,
    case,
    cast,
    delete,
    func,
    insert,
    inspect,
    literal,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cms.auth.users import User
from cms.crud.conditional import check_version
from cms.crud.conflicts import in_use
from cms.crud.content_type import ContentType
from cms.crud.fields import Model, Rules, Summary, structured, text
from cms.crud.models import Record
from cms.crud.policy import Action
from cms.crud.problems import Conflict, FieldError, Invalid
from cms.crud.search import Searchable
from cms.crud.usages import Use, name_uses
from cms.editorial.behaviours import STATUS, Status, Trashable
from cms.editorial.trash import NO_SLUGS, Slugs, TrashingService
from cms.editorial.visibility import OutsideOfTrash
from cms.media.pending import KeptFile, RenditionJob
from cms.media.references import uses_in_drafts, uses_in_texts

MEDIA_PATH = "/media/"
"""Where files are served; a file's address is this and its storage key."""
PATH_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*$"


def media_url(storage_key: str) -> str:
    """The address of a stored file."""
    return MEDIA_PATH + storage_key


class FocalPoint(Model):
    """The spot of a picture that every crop of it shows, as shares of its width and height."""

    x: float = Field(ge=0, le=1, description="From 0, the left edge, to 1, the right one.")
    y: float = Field(ge=0, le=1, description="From 0, the upper edge, to 1, the lower one.")


class Rendition(BaseModel):
    """A smaller version of a picture: what an entry of `srcset` is made of."""

    url: str = Field(description="Its address, at which nothing ever changes.")
    width: int = Field(description="In pixels.")
    height: int = Field(description="In pixels.")
    type: str = Field(description="`image/webp` or `image/avif`.")


class Crop(Rendition):
    """A part of a picture around its focal point, in a shape that layouts need."""

    name: str = Field(description="`wide` is 16:9, `square` is 1:1.")


CENTRE = FocalPoint(x=0.5, y=0.5)


class Media(Trashable, Searchable, Record):
    """An uploaded file."""

    __tablename__ = "media"
    __natural_key__ = "path"
    __recorded__ = ("storage_key",)

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
    focal_point: Mapped[FocalPoint | None] = structured(FocalPoint)
    renditions: Mapped[list[Rendition]] = structured(list[Rendition], default=list, sort_order=98)
    crops: Mapped[list[Crop]] = structured(list[Crop], default=list, sort_order=99)
    drawn_from: Mapped[str] = text(100, default="", sort_order=97)
    """What `renditions` and `crops` were made of; see `drawn_from`."""
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

    @hybrid_property
    def permalink(self) -> str:
        """Where the file is served that the record has at the time, whatever files it had before."""
        return permalink(self.id, self.path)

    @permalink.inplace.expression
    @classmethod
    def _permalink(cls) -> ColumnElement[Any]:
        name = func.replace(cls.path, "/", "-")
        return literal(MEDIA_PATH).concat(func.replace(cast(cls.id, String), "-", "")).concat("/").concat(name)

    @hybrid_property
    def status(self) -> Status:
        """Whether the record is in the trash; all others are public."""
        return Status.PUBLISHED if self.trashed_at is None else Status.TRASHED

    @status.inplace.expression
    @classmethod
    def _status(cls) -> ColumnElement[Any]:
        where = case((cls.trashed_at.is_not(None), Status.TRASHED.value), else_=Status.PUBLISHED.value)
        return type_coerce(where, STATUS)


def permalink(media_id: UUID, path: str) -> str:
    """The address of whatever file a record has; the name in it is for people, the id decides."""
    return f"{MEDIA_PATH}{media_id.hex}/{path.replace('/', '-')}"


def source_of(record: Media) -> str:
    """What the pictures of a record are made of, in short: its file, and the focal point for crops."""
    point = FocalPoint.model_validate(record.focal_point or CENTRE, from_attributes=True)
    return f"{record.sha256}:{point.x:.4f},{point.y:.4f}"


FACTS = ("storage_key", "sha256", "mime_type", "size", "width", "height")
"""What a record says about its file."""


def take_file(record: Media, facts: Mapping[str, Any]) -> None:
    """Have a record be of another file; what was drawn of the one before is not of this one."""
    for name in FACTS:
        setattr(record, name, facts[name])
    record.renditions, record.crops, record.drawn_from = [], [], ""


def _kept_for(record: Media) -> tuple[ColumnElement[bool], ...]:
    """That a kept file is the record's own, and what the record says about it is known."""
    return KeptFile.media_id == record.id, KeptFile.storage_key == record.storage_key, KeptFile.facts.is_not(None)


class MediaService(TrashingService[Media]):
    """Describes, renames and deletes files; `cms.media.uploads` takes new ones in."""

    async def create(self, data: BaseModel, blank: Media | None = None) -> Media:
        """Refuse: a record without a file is none.

        :raises Invalid: always, for those who may upload.
        """
        self.require(Action.CREATE)
        detail = "Upload the file itself; its record is made from it."
        raise Invalid(detail, errors=[FieldError(detail, "/file")])

    def uses(self, record: Media) -> list[Use]:
        """Where the file may be used: by relations, in texts, and in working drafts of both."""
        registry, marks = self.work.registry, (record.storage_key, record.id.hex)
        texts = uses_in_texts(registry, record.path, *marks)
        drafts = uses_in_drafts(registry, f"media:{record.path}", *marks, str(record.id))
        return [use.aside_from(self.alongside) for use in (*super().uses(record), *texts, *drafts)]

    async def delete(self, record: Media, expected: int) -> None:
        """Move a file to the trash that is used nowhere.

        :raises Conflict: saying where it is used. :raises PreconditionFailed: if `expected` is not its version.
        """
        self.require(Action.DELETE, record)
        check_version(expected, record.version)
        if record.trashed_at is None and (usages := await self.usages(record)):
            raise in_use(self.content_type, usages)
        await super().delete(record, expected)

    async def take_out(self, record: Media, slugs: Slugs = NO_SLUGS) -> None:
        """Take a file out of the trash.

        :raises Conflict: if another record has its bytes, or its path, by now.
        """
        is_taken = or_(Media.sha256 == record.sha256, Media.path == record.path), Media.trashed_at.is_(None)
        others = select(Media.path, Media.sha256).where(*is_taken).order_by(Media.sha256 != record.sha256)
        if other := (await self.session.execute(others.limit(1))).first():
            if other.sha256 == record.sha256:
                raise Conflict(f"This very file was uploaded again since, as “{other.path}”. Use that one.")
            raise Conflict(f"Another file is called “{other.path}” by now. Give that one another path first.")
        await super().take_out(record, slugs)

    async def after_save(self, record: Media) -> None:
        """Have pictures drawn where they are not, or not of this file around this point; keep note of its file."""
        await super().after_save(record)
        is_kept = _kept_for(record)
        if (await self.session.execute(select(KeptFile.id).where(*is_kept).limit(1))).first() is None:
            facts = {name: getattr(record, name) for name in FACTS}
            values = {"media_id": record.id, "storage_key": record.storage_key, "facts": facts}
            await self.session.execute(insert(KeptFile).values(**values))
        if record.width is not None and record.drawn_from != source_of(record):
            await self.session.execute(delete(RenditionJob).where(RenditionJob.media_id == record.id))
            await self.session.execute(insert(RenditionJob).values(media_id=record.id))

    async def prepare(self, record: Media, changed: frozenset[str]) -> None:
        """Keep the path as long as texts refer to it; take a former file back whole.

        :raises Conflict: saying which texts, or why the file can't come back.
        """
        await super().prepare(record, changed)
        if "storage_key" in changed:
            with self.session.no_autoflush:
                take_file(record, await self._former_file(record))
        for old in inspect(record).attrs.path.history.deleted:
            with self.session.no_autoflush:
                places = await name_uses(self.session, uses_in_texts(self.work.registry, old), self.actor)
            if places:
                named = "; ".join(places)
                detail = f"Texts refer to this file as “media:{old}”. Change these first: {named}."
                raise Conflict(detail, errors=[FieldError(detail, "/path")], usages=places)

    async def _former_file(self, record: Media) -> Mapping[str, Any]:
        """What the record said about the file whose key it was given again."""
        kept = select(KeptFile.facts).where(*_kept_for(record)).limit(1)
        facts: Mapping[str, Any] | None = await self.session.scalar(kept)
        if facts is None:
            raise Conflict(f"The former file of “{record.path}” is not known any more, so it can't come back.")
        is_taken = Media.sha256 == facts["sha256"], Media.id != record.id, Media.trashed_at.is_(None)
        if other := await self.session.scalar(select(Media.path).where(*is_taken).limit(1)):
            raise Conflict(f"The former file was uploaded again since, as “{other}”. Use that one, or delete it first.")
        return facts


media = ContentType(
    Media,
    name="media",
    read_fields=(
        "id", "path", "url", "permalink", "mime_type", "size", "width", "height", "sha256", "alt", "caption",
        "focal_point", "renditions", "crops", "status", "owner", "version", "created_at", "updated_at",
    ),
    write_fields=("path", "alt", "caption", "focal_point"),
    reference_fields=("id", "path", "url", "alt", "width", "height", "focal_point", "renditions"),
    list_fields=("path", "mime_type", "size", "alt", "created_at"),
    search_fields=("path", "alt", "caption"),
    filter_fields=("id", "path", "sha256", "mime_type", "size", "status", "owner", "created_at"),
    sort_fields=("-created_at", "path", "size", "updated_at"),
    service=MediaService,
    policy=OutsideOfTrash(own="owner_id"),
)  # fmt: skip
