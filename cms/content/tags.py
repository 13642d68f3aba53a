"""Tags: words that articles share."""

from sqlalchemy.orm import Mapped, mapped_column

from cms.crud.content_type import ContentType
from cms.crud.fields import Name
from cms.crud.models import Record
from cms.crud.search import Searchable
from cms.editorial.behaviours import Slugged


class Tag(Slugged, Searchable, Record):
    """A tag; deleting one takes it off its articles."""

    __tablename__ = "tags"

    name: Mapped[Name] = mapped_column(index=True)


tag = ContentType(
    Tag,
    name="tags",
    read_fields=("id", "slug", "name", "version", "created_at", "updated_at"),
    write_fields=("name", "slug"),
    list_fields=("name", "slug"),
    search_fields=("name",),
    filter_fields=("id", "slug", "name"),
    sort_fields=("name", "slug", "created_at", "updated_at"),
)
