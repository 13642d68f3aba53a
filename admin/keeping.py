"""Saved views of a list, made and changed by whose they are; and the columns that they show."""

from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from admin.auth import actor_of, open_work
from admin.lists import UNKNOWN_ADDRESS, column_names, read_address
from admin.notices import Notice
from admin.security import form_of, wants_json
from admin.shell import shell_of
from admin.type_screens import TypeScreens
from cms.auth.saved_views import (
    QUERY_LENGTH,
    choose_columns,
    delete_view,
    move_view,
    rename_view,
    save_view,
    update_view,
)
from cms.crud.problems import BadQuery, NotFound, Unauthorized
from cms.crud.values import is_uuid


class KeepingScreens(TypeScreens):
    """What people keep of the lists of one content type."""

    async def keep(self, request: Request) -> Response:
        """Do something to a saved view of whoever is signed in, and show it.

        :raises Problem: if that can't be.
        """
        form, user_id = form_of(request), _user(request)
        verb, query, name = str(form.get("verb", "")), self._query(form), str(form.get("name", ""))
        view_id = _view(form)
        async with open_work(request, actor_of(request)) as work:
            if verb == "save":
                made = await save_view(work.session, user_id, self.content_type.name, name, query)
                view_id = made.id
            elif view_id is None:
                raise NotFound("There is no such view.")
            elif verb == "rename":
                await rename_view(work.session, user_id, view_id, name)
            elif verb == "update":
                await update_view(work.session, user_id, view_id, query)
            elif verb in {"earlier", "later"}:
                await move_view(work.session, user_id, view_id, 1 if verb == "later" else -1)
            elif verb == "delete":
                await delete_view(work.session, user_id, view_id)
            else:
                raise BadQuery("That can't be done to a view.")
        kept = None if verb == "delete" else view_id
        return self._answer(request, query, kept, Notice(f"view_{_DONE[verb]}"))

    async def choose_columns(self, request: Request) -> Response:
        """Keep which columns whoever is signed in wants to see."""
        form = form_of(request)
        known, chosen = column_names(self.content_type), {str(name) for name in form.getlist("columns")}
        if not chosen <= set(known):
            raise BadQuery(UNKNOWN_ADDRESS)
        columns = [] if form.get("verb") == "usual" else [name for name in known if name in {known[0], *chosen}]
        view_id = _view(form)
        async with open_work(request, actor_of(request)) as work:
            await choose_columns(work.session, _user(request), self.content_type.name, view_id, columns)
        return self._answer(request, self._query(form), view_id, None)

    def _answer(self, request: Request, query: str, view_id: UUID | None, notice: Notice | None) -> Response:
        view = urlencode({"view": str(view_id)}) if view_id else ""
        address = "&".join(filter(None, (view, query)))
        url = self.path("list") + (f"?{address}" if address else "")
        return JSONResponse({"url": url}) if wants_json(request) else shell_of(request).go(url, notice)

    def _query(self, form: FormData) -> str:
        """Filters, search and order that a form sends along, if they are such of this list.

        :raises BadQuery: otherwise.
        """
        text = str(form.get("query", ""))
        if len(text) > QUERY_LENGTH:
            raise BadQuery("This list is narrowed by too much to be kept.")
        address = read_address(self.content_type, self.registry, QueryParams(parse_qsl(text)), self.usual_sort)
        return address.kept


_DONE = {
    "save": "saved",
    "rename": "renamed",
    "update": "saved",
    "earlier": "moved",
    "later": "moved",
    "delete": "deleted",
}


def _user(request: Request) -> UUID:
    user_id = actor_of(request).id
    if user_id is None:
        raise Unauthorized()
    return user_id


def _view(form: FormData) -> UUID | None:
    text = str(form.get("view", ""))
    if text and not is_uuid(text):
        raise NotFound("There is no such view.")
    return UUID(text) if text else None
