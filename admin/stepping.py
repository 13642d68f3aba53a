"""Steps from a list: through one record's status in place, and over many records at once, to all or to none."""

from collections.abc import Mapping
from uuid import UUID

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from admin.auth import actor_of
from admin.cells import cell_of
from admin.changes import MOST_AT_ONCE, Done, Target, change_records, read_target, run_bulk
from admin.forms import shown_fields
from admin.listing import ListScreens
from admin.notices import SENTENCES, Notice
from admin.publishing import NOTICES
from admin.reading import open_rows, titles_of
from admin.security import form_of
from admin.shell import shell_of
from admin.steps import STEPS, relate, related_fields, step_verb
from cms.crud.policy import Action
from cms.crud.problems import BadQuery, Forbidden, Problem

_DONE: Mapping[str, str] = {
    "publish": "published",
    "unpublish": "unpublished",
    "delete": "deleted",
    "restore": "restored",
}


class StepScreens(ListScreens):
    """What is done to records from their list."""

    async def step(self, request: Request) -> Response:
        """Take one record a step further, and tell the list how it stands now.

        :raises Problem: if that can't be.
        """
        form, pk, name = form_of(request), self.pk(request), str(request.query_params.get("step", ""))
        verb = step_verb(name, dict(form))
        target = read_target(pk, form.get("version", ""))
        done = await change_records(request, self.content_type, [target], verb, STEPS[name].action)
        state = request.app.state
        (row,) = await state.database.read(open_rows, state.reader, self.content_type, [target.pk], actor_of(request))
        at, fields = row.item["published_at"], self.content_type.fields
        status = cell_of(self.registry, fields["status"], row.item["status"])
        return JSONResponse(
            {
                "status": status.raw,
                "label": status.text,
                "version": row.item["version"],
                "steps": row.steps,
                "published_at": at.isoformat() if at else None,
                "published_text": cell_of(self.registry, fields["published_at"], at).text,
                "text": SENTENCES[NOTICES[name]],
                "change": str(done.change_id) if done.change_id else None,
            }
        )

    async def bulk(self, request: Request) -> Response:
        """Do one thing to the records that were chosen in the list: to all or to none.

        Only what can't be taken back is asked about first.
        """
        form = form_of(request)
        verb, chosen = _chosen(form)
        self._require(request, verb)
        back = self._back(form)
        targets = [read_target(*text.partition(":")[::2]) for text in dict.fromkeys(chosen)]
        if not targets:
            return shell_of(request).go(back, Notice("none_chosen"))
        if len(targets) > MOST_AT_ONCE:
            raise BadQuery(f"At most {MOST_AT_ONCE} records can be changed at once.")
        if verb == "delete" and self.is_deleting_final and form.get("confirmed") != "yes":
            return await self._ask(request, verb, targets)
        try:
            done = await self._run(request, verb, form, targets)
        except Problem as problem:
            return await self._ask(request, verb, targets, problem)
        return shell_of(request).go(back, self._notice(verb, targets, done.change_id))

    def _require(self, request: Request, verb: str) -> None:
        actor = actor_of(request)
        known = {*self.marks, *self.verbs(actor), *self.verbs(actor, is_trash=self.has_trash)}
        related = related_fields(self.content_type, dict.fromkeys(shown_fields(self.content_type, actor)))
        if verb not in known | {f"set-{info.name}" for info in related}:
            raise Forbidden("You may not do that here.")

    async def _run(self, request: Request, verb: str, form: FormData, targets: list[Target]) -> Done:
        step = self.marks.get(verb)
        if name := verb.partition("set-")[2]:
            keys = [str(value) for value in form.getlist(f"to.{name}") if value]
            step = relate(self.content_type, self.content_type.fields[name], keys)
        if step is not None:
            return await change_records(request, self.content_type, targets, step, Action.UPDATE)
        action = "trash" if verb == "delete" and self.has_trash else verb
        return await run_bulk(request, self.content_type, targets, action)

    async def _ask(
        self, request: Request, verb: str, targets: list[Target], problem: Problem | None = None
    ) -> Response:
        """Ask whether somebody is sure, or say why nothing was done."""
        state, ids = request.app.state, [str(target.pk) for target in targets]
        titles = await state.database.read(titles_of, state.reader, self.content_type, ids, actor_of(request))
        context = {
            "view": self,
            "verb": verb,
            "records": [(target, titles.get(str(target.pk))) for target in targets],
            "problem": problem,
            "faults": _faults(problem, targets) if problem else {},
            "back": self._back(form_of(request)),
        }
        return await shell_of(request).render(request, "confirm.html", context, problem.status if problem else 200)

    def _notice(self, verb: str, targets: list[Target], change_id: UUID | None) -> Notice:
        count = len(targets) if len(targets) > 1 else None
        is_trashed = verb == "delete" and self.has_trash
        is_final = verb == "delete" and self.is_deleting_final
        undo = str(change_id) if change_id and not is_final else None
        return Notice("trashed" if is_trashed else _DONE.get(verb, "marked"), many=count, change_id=undo)

    def _back(self, form: FormData) -> str:
        """The list that a step was asked for from."""
        query = str(form.get("back", ""))
        return self.path("list") + (query if query.startswith("?") and query.isprintable() and query.isascii() else "")


def _chosen(form: FormData) -> tuple[str, list[str]]:
    """The step that was asked for, and the records: those that were ticked, or the one whose own button it was."""
    if only := str(form.get("only", "")):
        verb, _, record = only.partition(" ")
        return verb, [record]
    return str(form.get("action", "")), [str(value) for value in form.getlist("records")]


def _faults(problem: Problem, targets: list[Target]) -> dict[str, str]:
    """What stands in the way, by the id of the record that it is about."""
    if (record_id := problem.extensions.get("record_id")) is not None:
        return {str(record_id): problem.detail}
    faults = {}
    for error in problem.errors:
        place = (error.pointer or "").removeprefix("/items/")
        if place.isdecimal() and int(place) < len(targets):
            faults[str(targets[int(place)].pk)] = error.detail
    return faults
