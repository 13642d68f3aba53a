"""A closed, ordered, validated set of content types."""

from collections.abc import Iterator
from typing import Any

from cms.crud.content_type import ContentType
from cms.crud.structure import FieldInfo


class Registry:
    """The content types of an installation, in menu order; relations between them resolve here.

    :raises TypeError: for two types of one name or one class, and for a relation to a class that is no content type.
    """

    def __init__(self, *content_types: ContentType[Any]) -> None:
        self._by_name = {content_type.name: content_type for content_type in content_types}
        self._by_model = {content_type.model: content_type for content_type in content_types}
        self._check_unique(content_types)
        for content_type in content_types:
            content_type.check_relations()
            self._check_targets(content_type)

    def __iter__(self) -> Iterator[ContentType[Any]]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def by_name(self, name: str) -> ContentType[Any]:
        """The content type of that plural name.

        :raises KeyError: if there is none.
        """
        return self._by_name[name]

    def by_model(self, model: type[Any]) -> ContentType[Any]:
        """The content type of that mapped class.

        :raises KeyError: if there is none.
        """
        return self._by_model[model]

    def target_of(self, field: FieldInfo) -> ContentType[Any]:
        """The content type that a relation leads to."""
        return self._by_model[field.python_type]

    def _check_unique(self, content_types: tuple[ContentType[Any], ...]) -> None:
        names = [content_type.name for content_type in content_types]
        for name in names:
            if names.count(name) > 1:
                raise TypeError(f"Two content types are named “{name}”; a name is a path and has to be unique.")
        if len(self._by_model) < len(content_types):
            raise TypeError("Two content types share one class; declare a class for each.")

    def _check_targets(self, content_type: ContentType[Any]) -> None:
        named = {*content_type.read_fields, *content_type.write_fields, *content_type.filter_fields}
        for name in sorted(named | set(content_type.include_fields)):
            field = content_type.fields[name]
            if field.is_relation and field.python_type not in self._by_model:
                target = field.python_type.__name__
                raise TypeError(f"{content_type.name}.{name} leads to {target}, which is no registered content type.")
