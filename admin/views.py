"""The screens of a content type: create, edit, details and lookup here, the list and its steps mixed in.

SQLAdmin gives a view its identity, its place in the menu and its permissions; what is shown comes from the read plan,
and what is changed goes through the services.
"""

import types
from typing import Any, ClassVar
from uuid import UUID

from sqladmin import ModelView
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from admin.auth import actor_of, open_work
from admin.cells import cell_of
from admin.choices import Choice
from admin.editing import Editor
from admin.fields import label_of
from admin.forms import shown_fields
from admin.keeping import KeepingScreens
from admin.lists import UNKNOWN_ADDRESS
from admin.notices import Notice
from admin.quick import is_quick, make_quickly
from admin.reading import may_open, open_record, search_choices
from admin.security import form_of
from admin.shell import shell_of
from admin.slugs import free_slug
from admin.stepping import StepScreens
from admin.trees import TreeScreens
from cms.crud.content_type import ContentType
from cms.crud.policy import Action, Actor, Role
from cms.crud.problems import BadQuery, Forbidden
from cms.crud.registry import Registry
from cms.crud.rights import refusal
from cms.crud.values import MAX_SEARCH, is_uuid
from cms.editorial.behaviours import Publishable
from cms.editorial.recorder import change_left_by
from cms.editorial.trash import TrashingService


class ContentView(StepScreens, KeepingScreens, TreeScreens, ModelView):
    """The screens of one content type."""

    editor: ClassVar[type[Editor]] = Editor
    can_export = False
    can_import = False

    async def show_details(self, request: Request) -> Response:
        """A record to read."""
        state, pk = request.app.state, request.path_params["pk"]
        opened = await state.database.read(open_record, state.reader, self.content_type, pk, actor_of(request))
        if opened is None:
            raise self.missing()
        context = {
            "view": self,
            "item": opened.item,
            "fields": [self.content_type.fields[name] for name in self.content_type.read_fields],
            "is_editable": may_open(self.content_type, actor_of(request), opened.item),
            "cell": cell_of,
            "label": label_of,
        }
        return await shell_of(request).render(request, "details.html", context)

    async def lookup(self, request: Request) -> Response:
        """Records that a relation of this type can name, found by a term: for pickers.

        :raises BadQuery: for a field that is no relation. :raises Forbidden: for one that the actor may not use.
        """
        name, term = request.query_params.get("field", ""), request.query_params.get("term", "")
        info = self.content_type.fields.get(name)
        used = {*self.content_type.filter_fields, *self.content_type.write_fields}
        if info is None or not info.is_relation or name not in used or len(term) > MAX_SEARCH:
            raise BadQuery(UNKNOWN_ADDRESS)
        settable = shown_fields(self.content_type, actor_of(request))
        if name not in settable and name not in self.content_type.filter_fields:
            raise Forbidden("You may not choose this.")
        state, target = request.app.state, self.registry.target_of(info)
        found: list[Choice] = await state.database.read(
            search_choices, state.reader, target, term.replace("\x00", ""), actor_of(request)
        )
        return JSONResponse({"results": [choice._asdict() for choice in found]})

    async def quick_create(self, request: Request) -> Response:
        """Make a record of its title alone: for pickers."""
        if not is_quick(self.content_type):
            raise self.missing()
        self.require_create(actor_of(request))
        made = await make_quickly(request, self.content_type, str(form_of(request).get("title", "")))
        return JSONResponse(made._asdict(), 201)

    async def show_create(self, request: Request) -> Response:
        """The form of a new record."""
        self.require_create(actor_of(request))
        return await self._editor(request).blank()

    async def create(self, request: Request) -> Response:
        """Make a record of a form."""
        self.require_create(actor_of(request))
        return await self._editor(request).create(form_of(request))

    async def show_edit(self, request: Request) -> Response:
        """The form of a record."""
        return await self._editor(request).open(self.pk(request))

    async def edit(self, request: Request) -> Response:
        """Save a record."""
        return await self._editor(request).save(self.pk(request), form_of(request))

    async def propose_slug(self, request: Request) -> Response:
        """The slug that a title would make now."""
        if "slug" not in self.content_type.write_fields:
            raise self.missing()
        title, own = request.query_params.get("title", "").replace("\x00", ""), request.query_params.get("id", "")
        if len(title) > MAX_SEARCH:
            raise BadQuery("That title is too long.")
        pk = UUID(own) if is_uuid(own) else None
        slug = await request.app.state.database.read(free_slug, self.content_type, title, pk)
        return JSONResponse({"slug": slug})

    async def autosave(self, request: Request) -> Response:
        """Save what was typed so far."""
        if not issubclass(self.content_type.model, Publishable):
            raise self.missing()
        pk = request.path_params.get("pk")
        if pk is None:
            self.require_create(actor_of(request))
        return await self._editor(request).autosave(form_of(request), self.pk(request) if pk else None)

    async def publish(self, request: Request) -> Response:
        """Save a record and make it public."""
        return await self._editor(request).save(self.pk(request), form_of(request), "publish")

    async def unpublish(self, request: Request) -> Response:
        """Save a record and make it a draft again."""
        return await self._editor(request).save(self.pk(request), form_of(request), "unpublish")

    async def restore(self, request: Request) -> Response:
        """Take a record out of the trash."""
        pk = self.pk(request)
        async with open_work(request, actor_of(request)) as work:
            service = work.service(self.content_type)
            if not isinstance(service, TrashingService) or not self.has_trash:
                raise self.missing()
            await service.restore(pk)
        change_id = change_left_by(work.session)
        notice = Notice("restored", change_id=str(change_id) if change_id else None)
        return shell_of(request).go(f"/admin/{self.identity}/edit/{pk}", notice)

    def _editor(self, request: Request) -> Editor:
        return self.editor(request, self.content_type, self.registry, self.groups, can_delete=self.can_delete)

    def require_create(self, actor: Actor) -> None:
        """Let the actor pass who may make records of this type here.

        :raises Forbidden: for everybody else.
        """
        if not self.may_create(actor):
            raise refusal(actor, Action.CREATE, self.content_type)


def build_view(
    content_type: ContentType[Any], registry: Registry, kind: type[ContentView] = ContentView
) -> type[ContentView]:
    """The screens of a content type, as a view that SQLAdmin can be given."""
    options = {
        "content_type": content_type,
        "registry": registry,
        "name": content_type.label,
        "name_plural": label_of(content_type.name),
        "category": "Administration" if content_type.policy.write is Role.ADMIN else "Content",
        "usual_sort": kind.usual_sort or _editors_sort(content_type),
    }
    view: type[ContentView] = types.new_class(
        f"{content_type.model.__name__}View", (kind,), {"model": content_type.model}, lambda body: body.update(options)
    )
    view.identity = content_type.singular  # SQLAdmin would spell it with hyphens
    return view


def _editors_sort(content_type: ContentType[Any]) -> str | None:
    """Readers meet first what was published last, and editors what was changed last: drafts come last in the former."""
    is_by_publication = content_type.sort_fields[0] == "-published_at"
    return "-updated_at" if is_by_publication and "updated_at" in content_type.sort_names else None
