"""The screens of a content type: list, create, edit, details, lookup, and the steps that change many records.

SQLAdmin gives a view its identity, its place in the menu and its permissions; what is shown comes from the read plan,
and what is changed goes through the services.
"""

import types
from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from sqladmin import ModelView
from sqlalchemy import Connection
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from admin.auth import actor_of, open_work
from admin.cells import cell_of
from admin.changes import ACTIONS, MOST_AT_ONCE, VERBS, Target, Verb, change_records, read_target
from admin.editing import Editor
from admin.fields import Choice, label_of
from admin.forms import shown_fields
from admin.lists import UNKNOWN_ADDRESS, Control, ListAddress, read_address
from admin.notices import Notice
from admin.reading import Row, list_records, may, open_record, search_choices, titles_of
from admin.security import form_of
from admin.shell import shell_of
from cms.crud.content_type import ContentType
from cms.crud.plan import Page, Reader
from cms.crud.policy import Action, Actor, Role
from cms.crud.problems import BadQuery, Forbidden, NotFound, Problem
from cms.crud.registry import Registry
from cms.crud.rights import refusal
from cms.crud.values import MAX_SEARCH, is_uuid
from cms.editorial.behaviours import Publishable, Trashable
from cms.editorial.recorder import change_left_by
from cms.editorial.snapshots import is_secret
from cms.editorial.workflow import EditorialService


class ContentView(ModelView):
    """The screens of one content type."""

    content_type: ClassVar[ContentType[Any]]
    registry: ClassVar[Registry]
    can_export = False
    can_import = False
    usual_sort: ClassVar[str | None] = None
    """The order of the list that nobody has ordered, where it is another than REST's."""
    list_template = "list.html"
    marks: ClassVar[Mapping[str, Verb]] = {}
    """Steps of this type's own, by name; they can be taken back, so nobody is asked whether they are sure."""

    @property
    def is_deleting_final(self) -> bool:
        """Whether nobody can give a deleted record back: it went past the trash, and a secret of it is not kept."""
        fields = (self.content_type.fields[name] for name in self.content_type.write_fields)
        return not issubclass(self.content_type.model, Trashable) and any(is_secret(info) for info in fields)

    async def show_list(self, request: Request) -> Response:
        """The records that the actor may see, narrowed and ordered by the address."""
        actor, state = actor_of(request), request.app.state
        address = read_address(self.content_type, self.registry, request.query_params, self.usual_sort)
        page, rows, controls = await state.database.read(_read_list, state.reader, address, actor)
        total = page.total or 0
        if not rows and address.page > 1:
            return shell_of(request).go(f"/admin/{self.identity}/list{address.with_(page=address.last_page(total))}")
        context = {
            "view": self,
            "address": address,
            "controls": controls,
            "rows": rows,
            "total": total,
            "last_page": address.last_page(total),
            "verbs": self._verbs(actor),
            "can_create": self.may_create(actor),
            "cell": cell_of,
        }
        return await shell_of(request).render(request, self.list_template, context)

    async def show_details(self, request: Request) -> Response:
        """A record to read."""
        state, pk = request.app.state, request.path_params["pk"]
        opened = await state.database.read(open_record, state.reader, self.content_type, pk, actor_of(request))
        if opened is None:
            raise self._missing()
        context = {
            "view": self,
            "item": opened.item,
            "fields": [self.content_type.fields[name] for name in self.content_type.read_fields],
            "is_editable": may(self.content_type, actor_of(request), Action.UPDATE, opened.item),
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
        return await self._editor(request).open(self._pk(request))

    async def edit(self, request: Request) -> Response:
        """Save a record."""
        return await self._editor(request).save(self._pk(request), form_of(request))

    async def publish(self, request: Request) -> Response:
        """Save a record and make it public."""
        return await self._editor(request).save(self._pk(request), form_of(request), "publish")

    async def unpublish(self, request: Request) -> Response:
        """Save a record and make it a draft again."""
        return await self._editor(request).save(self._pk(request), form_of(request), "unpublish")

    async def restore(self, request: Request) -> Response:
        """Take a record out of the trash."""
        pk = self._pk(request)
        async with open_work(request, actor_of(request)) as work:
            service = work.service(self.content_type)
            if not isinstance(service, EditorialService) or not issubclass(self.content_type.model, Trashable):
                raise self._missing()
            await service.restore(pk)
        change_id = change_left_by(work.session)
        notice = Notice("restored", change_id=str(change_id) if change_id else None)
        return shell_of(request).go(f"/admin/{self.identity}/edit/{pk}", notice)

    async def bulk(self, request: Request) -> Response:
        """Do one thing to the records that were chosen in the list: to all or to none.

        Only what can't be taken back is asked about first.
        """
        form = form_of(request)
        verb, chosen = _chosen(form)
        if verb not in {*self.marks, *self._verbs(actor_of(request))}:
            raise Forbidden("You may not do that here.")
        targets = [read_target(*text.partition(":")[::2]) for text in dict.fromkeys(chosen)]
        if not targets:
            return shell_of(request).go(f"/admin/{self.identity}/list", Notice("none_chosen"))
        if len(targets) > MOST_AT_ONCE:
            raise BadQuery(f"At most {MOST_AT_ONCE} records can be changed at once.")
        if verb == "delete" and self.is_deleting_final and form.get("confirmed") != "yes":
            return await self._ask(request, verb, targets)
        try:
            action = ACTIONS.get(verb, Action.UPDATE)
            step = self.marks.get(verb) or VERBS[verb]
            done = await change_records(request, self.content_type, targets, step, action)
        except Problem as problem:
            return await self._ask(request, verb, targets, problem)
        await self.after(request, verb, done.records)
        return shell_of(request).go(f"/admin/{self.identity}/list", self._notice(verb, targets, done.change_id))

    async def after(self, request: Request, verb: str, records: list[Any]) -> None:
        """Do what has to wait until a step over many records is committed."""

    async def _ask(
        self, request: Request, verb: str, targets: list[Target], problem: Problem | None = None
    ) -> Response:
        """Ask whether somebody is sure, or say why nothing was done."""
        state, ids = request.app.state, [str(target.pk) for target in targets]
        titles = await state.database.read(titles_of, state.reader, self.content_type, ids, actor_of(request))
        at = titles.get(problem.extensions.get("record_id", "")) if problem else None
        context = {
            "view": self,
            "verb": verb,
            "records": [(target, titles.get(str(target.pk))) for target in targets],
            "problem": problem,
            "at": at,
        }
        return await shell_of(request).render(request, "confirm.html", context, problem.status if problem else 200)

    def _notice(self, verb: str, targets: list[Target], change_id: UUID | None) -> Notice:
        count = len(targets) if len(targets) > 1 else None
        is_trash = verb == "delete" and issubclass(self.content_type.model, Trashable)
        is_final = verb == "delete" and self.is_deleting_final
        undo = str(change_id) if change_id and not is_final else None
        return Notice("trashed" if is_trash else _DONE.get(verb, "marked"), many=count, change_id=undo)

    def _verbs(self, actor: Actor) -> list[str]:
        """What the actor may do to records of this type, many at once."""
        is_published = issubclass(self.content_type.model, Publishable)
        fitting = [verb for verb in VERBS if (self.can_delete if verb == "delete" else is_published)]
        return [verb for verb in fitting if self.content_type.policy.can(actor, ACTIONS[verb])]

    def _editor(self, request: Request) -> Editor:
        return Editor(request, self.content_type, self.registry, can_delete=self.can_delete)

    def _pk(self, request: Request) -> str:
        pk = str(request.path_params["pk"])
        if not is_uuid(pk):
            raise self._missing()
        return pk

    def _missing(self) -> NotFound:
        return NotFound(f"There is no such {self.content_type.label.lower()}. It may have been deleted.")

    def may_create(self, actor: Actor) -> bool:
        """Whether the actor may make records of this type here."""
        return self.can_create and self.content_type.policy.can(actor, Action.CREATE)

    def require_create(self, actor: Actor) -> None:
        """Let the actor pass who may make records of this type here.

        :raises Forbidden: for everybody else.
        """
        if not self.may_create(actor):
            raise refusal(actor, Action.CREATE, self.content_type)


_DONE = {"publish": "published", "unpublish": "unpublished", "delete": "deleted"}


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
    }
    view: type[ContentView] = types.new_class(
        f"{content_type.model.__name__}View", (kind,), {"model": content_type.model}, lambda body: body.update(options)
    )
    view.identity = content_type.singular  # SQLAdmin would spell it with hyphens
    return view


def _chosen(form: FormData) -> tuple[str, list[str]]:
    """The step that was asked for, and the records: those that were ticked, or the one whose own button it was."""
    if only := str(form.get("only", "")):
        verb, _, record = only.partition(" ")
        return verb, [record]
    return str(form.get("action", "")), [str(value) for value in form.getlist("records")]


def _read_list(
    connection: Connection, reader: Reader, address: ListAddress, actor: Actor
) -> tuple[Page, list[Row], list[Control]]:
    page, rows = list_records(connection, reader, address.content_type, address.query, actor)
    controls = []
    for control in address.controls:
        chosen = None
        if control.kind == "relation" and control.value:
            target = address.registry.target_of(address.content_type.fields[control.name])
            known = titles_of(connection, reader, target, [control.value], actor)
            chosen = known.get(control.value, Choice(control.value, control.value))
        controls.append(control._replace(chosen=chosen))
    return page, rows, controls
