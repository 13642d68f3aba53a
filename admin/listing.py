"""The list of a content type: its page, what a row is on a closer look, and the rows as a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from admin.auth import actor_of
from admin.boards import Entry, proposals
from admin.cells import cell_of
from admin.changes import MOST_AT_ONCE
from admin.choices import Choice
from admin.exporting import export
from admin.fields import label_of
from admin.filters import Control, stages_of
from admin.forms import shown_fields
from admin.lists import COUNTED, ListAddress, column_names, read_address
from admin.peeking import peek_at
from admin.reading import Row, list_records, titles_of
from admin.shell import shell_of
from admin.steps import STEPS, related_fields
from admin.type_screens import TypeScreens
from cms.auth.saved_views import View, views_of
from cms.crud.plan import Page, Reader
from cms.crud.policy import Action, Actor
from cms.editorial.behaviours import Publishable, Status

_TABS = ("draft", "in_review", "scheduled", "published", "pending", "approved", "rejected", "spam", "trashed")
"""The stages that have a tab of their own."""
_STAGES = {"draft": "Drafts", "trashed": "Trash"}
MOST_PROPOSALS = 50


class ListScreens(TypeScreens):
    """The list of one content type."""

    async def show_list(self, request: Request) -> Response:
        """The records that the actor may see, narrowed and ordered by the address."""
        actor, state = actor_of(request), request.app.state
        address = self._address(request)
        listed: _Listed = await state.database.read(_read, state.reader, address, actor)
        if not listed.rows and address.page > 1:
            last = address.last_page(listed.page.total or 0)
            return shell_of(request).go(self.path(f"list{address.with_(page=last)}"))
        context = {
            "view": self,
            "address": address,
            "controls": listed.controls,
            "columns": address.columns(listed.columns),
            "all_columns": [(name, label_of(name)) for name in column_names(self.content_type)],
            "rows": listed.rows,
            "total": listed.page.total or 0,
            "most": COUNTED,
            "most_at_once": MOST_AT_ONCE,
            "earlier": address.step(listed.page, -1),
            "later": address.step(listed.page, 1),
            "tabs": self._tabs(actor),
            "views": [view for view in listed.views if view.name],
            "verbs": self.verbs(actor, is_trash=address.is_trash),
            "related": related_fields(self.content_type, dict.fromkeys(shown_fields(self.content_type, actor))),
            "steps": STEPS,
            "proposals": listed.proposals,
            "can_create": self.may_create(actor),
            "cell": cell_of,
            "label": label_of,
            **await self.further(request, listed.rows),
        }
        return await shell_of(request).render(request, self.list_template, context)

    async def further(self, request: Request, rows: Sequence[Row]) -> Mapping[str, Any]:
        """What the list's template draws beside the columns, for a type that names one of its own."""
        return {}

    async def peek(self, request: Request) -> Response:
        """A record on a closer look, for the list's script."""
        state, pk = request.app.state, self.pk(request)
        found = await state.database.read(peek_at, state.reader, self.content_type, UUID(pk), actor_of(request))
        if found is None:
            raise self.missing()
        return JSONResponse(found)

    async def matching(self, request: Request) -> Response:
        """The records of all pages of a list, with their versions: as many as one step may change."""
        state, address = request.app.state, self._address(request)
        query = replace(address.query, limit=MOST_AT_ONCE, skip=0, cursor=None)
        page, rows = await state.database.read(list_records, state.reader, self.content_type, query, actor_of(request))
        chosen = [f"{row.item['id']}:{row.item['version']}" for row in rows if row.is_editable or address.is_trash]
        return JSONResponse({"records": chosen, "total": page.total, "is_all": page.next is None})

    async def export(self, request: Request) -> Response:
        """The rows of the list, or those that are named, as a file."""
        params = request.query_params
        rest = type(params)([(n, v) for n, v in params.multi_items() if n not in {"format", "records"}])
        address = read_address(self.content_type, self.registry, rest, self.usual_sort)
        return export(request, self.content_type, address.query, params.get("format", ""), params.get("records"))

    def verbs(self, actor: Actor, *, is_trash: bool = False) -> list[str]:
        """What the actor may do to records of this type, many at once."""
        if is_trash:
            return ["restore"] if self.content_type.policy.can(actor, Action.DELETE) else []
        is_published = issubclass(self.content_type.model, Publishable)
        rights = {"publish": Action.PUBLISH, "unpublish": Action.PUBLISH, "delete": Action.DELETE}
        fitting = [verb for verb in rights if (self.can_delete if verb == "delete" else is_published)]
        return [verb for verb in fitting if self.content_type.policy.can(actor, rights[verb])]

    def _address(self, request: Request) -> ListAddress:
        return read_address(self.content_type, self.registry, request.query_params, self.usual_sort)

    def _tabs(self, actor: Actor) -> list[tuple[str, str]]:
        """The stages by which the list is mostly narrowed; the trash for those alone who may take out of it."""
        can_restore = self.content_type.policy.can(actor, Action.DELETE)
        stages = [(value, label) for value, label in stages_of(self.content_type) if value in _TABS]
        return [(v, _STAGES.get(v, label)) for v, label in stages if v != "trashed" or can_restore]


@dataclass(frozen=True, slots=True)
class _Listed:
    """All that a list shows, read in one snapshot."""

    page: Page
    rows: list[Row]
    controls: list[Control]
    views: list[View]
    columns: tuple[str, ...]
    proposals: list[Entry]


def _read(connection: Connection, reader: Reader, address: ListAddress, actor: Actor) -> _Listed:
    views = views_of(connection, actor.id, address.content_type.name)
    chosen = next((view.columns for view in views if _is_open(view, address)), ())
    names = tuple(column.info.name for column in address.columns(chosen))
    page, rows = list_records(connection, reader, address.content_type, address.query, actor, names)
    controls = [_labelled(connection, reader, address, control, actor) for control in address.controls]
    return _Listed(page, rows, controls, views, chosen, _proposals(connection, address, actor))


def _proposals(connection: Connection, address: ListAddress, actor: Actor) -> list[Entry]:
    """What is published and has changes in review: its status is another, so the list of what is in review lacks it."""
    is_of_review = address.values.get("status") == Status.IN_REVIEW and actor.is_staff
    return proposals(connection, [address.content_type], actor, MOST_PROPOSALS) if is_of_review else []


def _is_open(view: View, address: ListAddress) -> bool:
    return view.id == address.view if address.view else not view.name


def _labelled(connection: Connection, reader: Reader, address: ListAddress, control: Control, actor: Actor) -> Control:
    """A filter with the title of the record that it names."""
    if control.kind != "relation" or not control.is_set:
        return control
    target = address.registry.target_of(address.content_type.fields[control.name])
    known = titles_of(connection, reader, target, [control.value], actor)
    return control._replace(chosen=known.get(control.value, Choice(control.value, control.value)))
