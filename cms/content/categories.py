"""Categories: the departments of a site, in a tree."""

from sqlalchemy.orm import Mapped, mapped_column

from cms.crud.content_type import ContentType
from cms.crud.fields import Name, Summary
from cms.crud.models import Record
from cms.crud.search import Searchable
from cms.editorial.behaviours import Nested, Slugged
from cms.editorial.tree import TreeService


class Category(Nested, Slugged, Searchable, Record):
    """A category; an article stands in one at the most."""

    __tablename__ = "categories"

    name: Mapped[Name] = mapped_column(index=True)
    description: Mapped[Summary | None]


category = ContentType(
    Category,
    name="categories",
    read_fields=(
        "id",
        "slug",
        "path",
        "name",
        "description",
        "parent",
        "position",
        "version",
        "created_at",
        "updated_at",
    ),
    write_fields=("name", "slug", "description", "parent", "position"),
    reference_fields=("id", "name", "slug"),
    list_fields=("name", "slug", "parent", "position"),
    search_fields=("name", "description"),
    filter_fields=("id", "slug", "path", "name", "parent"),
    sort_fields=("path", "name", "slug", "created_at", "updated_at"),
    service=TreeService,
)
