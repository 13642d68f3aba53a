"""Menus: ordered, nested links by which readers find their way."""

from typing import Annotated

from pydantic import Field, model_validator
from sqlalchemy.orm import Mapped, mapped_column

from cms.crud.content_type import ContentType
from cms.crud.fields import URL_HINT, URL_PATTERN, Matching, Model, Title, structured
from cms.crud.models import Record
from cms.editorial.behaviours import Slugged

MAX_LEVELS = 4


class MenuItem(Model):
    """One link of a menu, with those below it in their order."""

    label: Annotated[str, Field(min_length=1, max_length=100, description="What readers see.")]
    url: Annotated[str, Field(max_length=2000), Matching(URL_PATTERN, URL_HINT)] | None = Field(
        None, description="Where it leads; nowhere, if it only holds others."
    )
    items: Annotated[list["MenuItem"], Field(max_length=50, default_factory=list, description="The links below it.")]

    @model_validator(mode="after")
    def _is_shallow(self) -> "MenuItem":
        if levels(self) > MAX_LEVELS:
            raise ValueError(f"A menu has at most {MAX_LEVELS} levels.")
        return self


def levels(item: MenuItem) -> int:
    """How many levels deep a menu item goes, itself included."""
    return 1 + max((levels(below) for below in item.items), default=0)


Items = Annotated[list[MenuItem], Field(max_length=50)]


class Menu(Slugged, Record):
    """A menu."""

    __tablename__ = "menus"

    title: Mapped[Title] = mapped_column(index=True)
    items: Mapped[list[MenuItem]] = structured(Items, default=list)


menu = ContentType(
    Menu,
    name="menus",
    read_fields=("id", "slug", "title", "items", "version", "created_at", "updated_at"),
    write_fields=("title", "slug", "items"),
    reference_fields=("id", "title", "slug"),
    list_fields=("title", "slug"),
    filter_fields=("id", "slug", "title"),
    sort_fields=("title", "slug", "created_at", "updated_at"),
)
