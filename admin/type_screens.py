"""What the screens of a content type have in common: which type it is, and what can be done to its records at all."""

from collections.abc import Mapping
from typing import Any, ClassVar

from starlette.requests import Request

from admin.changes import Verb
from admin.forms import Group
from cms.crud.content_type import ContentType
from cms.crud.policy import Action, Actor
from cms.crud.problems import NotFound
from cms.crud.registry import Registry
from cms.crud.values import is_uuid
from cms.editorial.behaviours import Nested, Trashable
from cms.editorial.snapshots import is_secret


class TypeScreens:
    """The screens of one content type; SQLAdmin's view, which they are mixed into, has the rest of these names."""

    content_type: ClassVar[ContentType[Any]]
    registry: ClassVar[Registry]
    identity: ClassVar[str]
    name_plural: ClassVar[str]
    can_create: ClassVar[bool]
    can_delete: ClassVar[bool]
    usual_sort: ClassVar[str | None] = None
    """The order of the list that nobody has ordered, where it is another than REST's."""
    list_template: ClassVar[str] = "list.html"
    groups: ClassVar[tuple[Group, ...]] = ()
    """The groups that a form's fields stand in, where there are many; none where they are few."""
    marks: ClassVar[Mapping[str, Verb]] = {}
    """Steps of this type's own, by name; they can be taken back, so nobody is asked whether they are sure."""

    @property
    def is_deleting_final(self) -> bool:
        """Whether nobody can give a deleted record back: it went past the trash, and a secret of it is not kept."""
        fields = (self.content_type.fields[name] for name in self.content_type.write_fields)
        return not self.has_trash and any(is_secret(info) for info in fields)

    @property
    def has_trash(self) -> bool:
        """Whether records are trashed before they are gone."""
        return issubclass(self.content_type.model, Trashable)

    @property
    def has_tree(self) -> bool:
        """Whether records stand in a tree, in which they are moved."""
        return issubclass(self.content_type.model, Nested)

    def may_create(self, actor: Actor) -> bool:
        """Whether the actor may make records of this type here."""
        return self.can_create and self.content_type.policy.can(actor, Action.CREATE)

    def path(self, rest: str) -> str:
        """An address of these screens."""
        return f"/admin/{self.identity}/{rest}"

    def pk(self, request: Request) -> str:
        """The id of the record that a request is about.

        :raises NotFound: if that is no id.
        """
        pk = str(request.path_params["pk"])
        if not is_uuid(pk):
            raise self.missing()
        return pk

    def missing(self) -> NotFound:
        """What to say where there is no such record."""
        return NotFound(f"There is no such {self.content_type.label.lower()}. It may have been deleted.")
