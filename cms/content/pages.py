"""Pages: the lasting parts of a site, in a tree."""

from sqlalchemy.orm import Mapped, mapped_column

from cms.content.writing import Seo, WritingService, Written
from cms.crud.content_type import ContentType
from cms.crud.fields import Title, structured
from cms.crud.models import Record
from cms.crud.search import Searchable
from cms.editorial.behaviours import Nested, Publishable, Reviewable, Slugged, Trashable
from cms.editorial.tree import TreeService
from cms.editorial.visibility import PublishedOrStaff


class Page(Publishable, Trashable, Reviewable, Nested, Slugged, Written, Searchable, Record):
    """A page."""

    __tablename__ = "pages"

    title: Mapped[Title] = mapped_column(index=True)
    seo: Mapped[Seo | None] = structured(Seo)


class PageService(WritingService[Page], TreeService[Page]):
    """Writes pages."""


page = ContentType(
    Page,
    name="pages",
    read_fields=(
        "id", "slug", "path", "title", "content", "content_html", "status", "is_published", "published_at",
        "unpublish_at", "parent", "position", "reading_minutes", "seo", "version", "created_at", "updated_at",
    ),
    write_fields=("title", "slug", "content", "parent", "position", "seo", "published_at", "unpublish_at"),
    detail_fields=("content", "content_html"),
    reference_fields=("id", "title", "slug", "path"),
    list_fields=("title", "path", "status", "published_at"),
    search_fields=("title", "content"),
    filter_fields=("id", "slug", "path", "title", "status", "is_published", "parent", "published_at"),
    sort_fields=("path", "title", "published_at", "created_at", "updated_at"),
    service=PageService,
    policy=PublishedOrStaff(),
)  # fmt: skip
