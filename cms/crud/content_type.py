"""The declaration of a content type: one plain value, checked when it is constructed.

Everything that is derived (schemas, read plans, routes, admin screens, files, contract tests) reads this value and
the mapped class in it. Its options are allow-lists of names: what is not named can't be read, filtered, sorted or
written by anybody.
"""

from collections.abc import Collection, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from cms.crud.models import Record
from cms.crud.policy import Policy
from cms.crud.problems import suggestion
from cms.crud.structure import (
    FieldInfo,
    Shape,
    declared_names,
    fields_of,
    is_indexed,
    is_scalar,
    python_type_of,
)

M = TypeVar("M", bound=Record)


@dataclass(frozen=True, eq=False)
class ContentType(Generic[M]):
    """A kind of content.

    :param model: the mapped class.
    :param name: the plural name: the path of its routes and of its folder of files, e.g. `articles`.
    :param read_fields: what readers get, in this order.
    :param write_fields: what writers may set. Names that `read_fields` lacks are kept private: they can be written,
        and seen in the back office, but never read over REST.
    :param detail_fields: those of `read_fields` that lists leave out unless `fields` asks for them.
    :param reference_fields: the short form in which others show a record of this type.
    :param list_fields: the columns of the back office's list.
    :param search_fields: the texts that `q` searches; the model then has a `search_text` column.
    :param filter_fields: what may be filtered by: fields, or relations, which filter by their short form.
    :param sort_fields: what may be sorted by; a leading `-` in the first one makes the default order descending.
    :param include_fields: to-many relations that `include` adds.
    :param service: the class that writes; None means the plain `Service`.
    :param policy: who may do what.
    :raises TypeError: with a sentence, for a name that the model lacks or an option that can't work.
    """

    model: type[M]
    _: KW_ONLY
    name: str
    read_fields: tuple[str, ...]
    write_fields: tuple[str, ...] = ()
    detail_fields: tuple[str, ...] = ()
    reference_fields: tuple[str, ...] = ("id", "name", "slug")
    list_fields: tuple[str, ...] = ()
    search_fields: tuple[str, ...] = ()
    filter_fields: tuple[str, ...] = ()
    sort_fields: tuple[str, ...] = ("-created_at",)
    include_fields: tuple[str, ...] = ()
    service: type[Any] | None = None  # a Service[M], which is itself generic over this declaration
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        for option in ("read", "write", "reference", "list", "filter", "include", "search"):
            self._check_known(f"{option}_fields", getattr(self, f"{option}_fields"))
        self._check_known("sort_fields", self.sort_names)
        self._check_known("detail_fields", self.detail_fields, self.read_fields)
        self._check_search()
        self._check_indexed("filter_fields", self.filter_fields)
        self._check_sortable()
        self._check_indexed("sort_fields", self.sort_names)
        self._check_writable()

    @cached_property
    def fields(self) -> Mapping[str, FieldInfo]:
        """Every field of the model by name."""
        return fields_of(self.model)

    @property
    def singular(self) -> str:
        """The type's singular name: `article`."""
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in self.model.__name__).lstrip("_")

    @property
    def label(self) -> str:
        """The type's name for people, in the singular: `Article`."""
        return self.singular.replace("_", " ").capitalize()

    @property
    def key_field(self) -> str | None:
        """The unique column by which people and files name a record, beside its id."""
        return self.model.__natural_key__

    @property
    def title_field(self) -> str:
        """The field that stands for a record where only one can be shown."""
        return next((f for f in self.reference_fields if f not in {"id", "slug"}), "id")

    @property
    def sort_names(self) -> tuple[str, ...]:
        """The names that `sort` takes."""
        return tuple(name.lstrip("-") for name in self.sort_fields)

    @property
    def short_fields(self) -> tuple[str, ...]:
        """What a list shows of each record unless asked otherwise."""
        return tuple(name for name in self.read_fields if name not in self.detail_fields)

    def check_relations(self) -> None:
        """What can be checked once every class is declared; the registry calls it.

        :raises TypeError: with a sentence, for an option that asks the impossible of a relation.
        """
        for name in self.include_fields:
            if self.fields[name].shape is not Shape.TO_MANY:
                raise TypeError(f"{self.name}.include_fields: “{name}” is not a to-many relation.")
        for name in self.reference_fields:
            if self.fields[name].is_relation:
                raise TypeError(f"{self.name}.reference_fields: “{name}” is a relation; short forms are flat.")
        for name in self.filter_fields:
            if not self.fields[name].is_indexed:
                raise TypeError(f"{self.name}.filter_fields: “{name}” has no index; add one or leave the field out.")

    def _check_known(self, option: str, names: tuple[str, ...], known: Collection[str] | None = None) -> None:
        names_of_model = declared_names(self.model)
        for name in names:
            if name not in (names_of_model if known is None else known):
                hint = suggestion(name, names_of_model if known is None else known)
                raise TypeError(f"{self.name}.{option}: there is no field “{name}” on {self.model.__name__}.{hint}")

    def _check_search(self) -> None:
        if self.search_fields and "search_text" not in declared_names(self.model):
            raise TypeError(f"{self.name}.search_fields: {self.model.__name__} needs the Searchable mixin.")

    def _check_indexed(self, option: str, names: tuple[str, ...]) -> None:
        columns = self.model.__table__.columns
        for name in names:
            column = columns.get(name, columns.get(f"{name}_id"))
            if column is not None and not is_indexed(column):
                raise TypeError(f"{self.name}.{option}: “{name}” has no index; add one or leave the field out.")

    def _check_writable(self) -> None:
        for name in self.write_fields:
            if declared_names(self.model)[name] is Shape.COMPUTED:
                raise TypeError(f"{self.name}.write_fields: “{name}” is computed and can't be written.")

    def _check_sortable(self) -> None:
        for name in self.sort_names:
            column = self.model.__table__.columns.get(name)
            if column is None or not is_scalar(python_type_of(column)):
                raise TypeError(f"{self.name}.sort_fields: “{name}” has no order; name a plain column.")
