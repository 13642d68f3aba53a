"""The form of a record, from opening it to saving it: nothing typed is lost, and nobody's change is overwritten."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, ClassVar

from anyio import to_thread
from pydantic_core import to_json
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from admin.auth import actor_of
from admin.changes import SAVE, create_record, read_target, save_record
from admin.fields import ContentField, RelationField
from admin.former_address import former_address, read_choice
from admin.forms import ContentForm, Group, refuse_unknown, shown_fields
from admin.merging import NOTHING, Merge
from admin.notices import Notice
from admin.offers import offer, proposed_times
from admin.publishing import NOTICES, read_intent
from admin.quick import offer_making
from admin.reading import Opened, label_choices, may, may_open, open_draft
from admin.shell import shell_of
from admin.slugs import is_made
from cms.crud.content_type import ContentType
from cms.crud.fields import Control, utc_now
from cms.crud.policy import Action
from cms.crud.problems import NotFound, PreconditionFailed, Problem
from cms.crud.registry import Registry
from cms.crud.rights import refusal
from cms.editorial.merging import Overlap
from cms.outages import DatabaseUnavailable

GONE = "This was deleted while you wrote. What you typed is below: creating it makes a new one of it."
_LARGE = frozenset({Control.MARKDOWN, Control.HTML})


class Editor:
    """One request of a content type's form.

    A type whose page shows more than its form names another template, and says in `further` what that draws.

    :param groups: what its fields stand in. :param can_delete: whether the type's records can be deleted at all.
    """

    template: ClassVar[str] = "form.html"

    def __init__(
        self,
        request: Request,
        content_type: ContentType[Any],
        registry: Registry,
        groups: Sequence[Group] = (),
        *,
        can_delete: bool = True,
    ) -> None:
        self.request = request
        self.content_type = content_type
        self.registry = registry
        self.actor = actor_of(request)
        self.state = request.app.state
        self.groups = groups
        self.can_delete = can_delete

    async def blank(self) -> Response:
        """The form of a new record."""
        return await self._page(self._form(shown_fields(self.content_type, self.actor)))

    async def create(self, sent: FormData) -> Response:
        """Make a record of a form, and do what its button asks for besides."""
        form = self._form(self._names(sent), sent=sent)
        try:
            refuse_unknown(self.content_type, sent)
            intent = read_intent(sent)
            saved = await create_record(self.request, self.content_type, form, intent)
        except (Problem, DatabaseUnavailable) as error:
            return await self._refused(form, error)
        notice = "created" if intent.verb == "save" else NOTICES[intent.verb]
        return shell_of(self.request).go(self._path(saved.record.id), Notice(notice))

    async def autosave(self, sent: FormData, pk: str | None = None) -> Response:
        """Save what was typed so far, and tell the page's script what it has to know to go on.

        :param pk: None for a record that is not made yet.
        :raises Problem: as saving does; the script tells, and keeps what was typed.
        """
        form = self._form(self._names(sent), sent=sent)
        refuse_unknown(self.content_type, sent)
        if pk is None:
            saved = await create_record(self.request, self.content_type, form)
        else:
            target, changed = read_target(pk, sent.get("_version", "")), form.changed_since(str(sent.get("_base", "")))
            target = target._replace(leads_on=read_choice(sent))
            saved = await save_record(self.request, self.content_type, target, form, changed, SAVE)
        opened = await self._read(str(saved.record.id))
        current = self._form(tuple(form.content_fields), opened.item)
        theirs = [name for name in current.changed_since(form.base) if name != self.content_type.key_field]
        offered = offer(self.content_type, self.actor, opened)
        return _json(
            {
                "id": opened.item["id"],
                "url": self._path(opened.item["id"]),
                "version": saved.version,
                "base": form.base,
                "fields": {name: _shown(current.content_fields[name]) for name in theirs},
                "primary": offered.primary,
                "verbs": sorted(offered.verbs),
                "sentence": offered.sentence,
                "time": offered.time,
                "is_merged": saved.is_merged,
                "is_draft": opened.draft is not None,
            }
        )

    async def open(self, pk: str) -> Response:
        """The form of a record.

        :raises NotFound: if there is none that the actor may see. :raises Forbidden: if they may only read it.
        """
        opened = await self._read(pk)
        if not may_open(self.content_type, self.actor, opened.item, has_draft=opened.draft is not None):
            raise refusal(self.actor, Action.UPDATE, self.content_type, SimpleNamespace(**opened.item))
        return await self._page(self._form(shown_fields(self.content_type, self.actor), opened.item), opened)

    async def save(self, pk: str, sent: FormData, verb: str | None = None) -> Response:
        """Change a record to what a form says, and do what its button asks for besides.

        :param verb: what the address asks for, where it does.
        """
        form = self._form(self._names(sent), sent=sent)
        decided = tuple(name for name in str(sent.get("_decided", "")).split() if name in form.content_fields)
        target = read_target(pk, sent.get("_version", ""))._replace(decided=decided, leads_on=read_choice(sent))
        changed = list(dict.fromkeys([*form.changed_since(str(sent.get("_base", ""))), *decided]))
        try:
            refuse_unknown(self.content_type, sent)
            intent, saved = read_intent(sent, verb), None
            if changed or intent.verb != "save":
                saved = await save_record(self.request, self.content_type, target, form, changed, intent)
        except (PreconditionFailed, Overlap) as error:
            return await self._conflict(pk, form, sent, error)
        except NotFound:
            form.summary.append(GONE)
            return await self._page(form, status=404)
        except (Problem, DatabaseUnavailable) as error:
            return await self._refused(form, error, pk, sent)
        undo = str(saved.change_id) if saved is not None and saved.change_id else None
        notice = NOTICES[intent.verb] if saved is not None else "unchanged"
        return shell_of(self.request).go(self._path(pk), Notice(notice, change_id=undo))

    async def _conflict(self, pk: str, form: ContentForm, sent: FormData, error: Problem) -> Response:
        """The same form over the record as it now stands: what was typed stays, the rest is brought up to date."""
        opened = await self._read(pk)
        names = tuple(form.content_fields)
        theirs, result = (self._form(names, opened.item) for _ in range(2))
        before, base = self._form(names), theirs.base
        merged = error.merged if isinstance(error, Overlap) else NOTHING
        merge = Merge(form, str(sent.get("_base", "")), theirs, result, before, merged)
        for shown in (form, theirs, before):
            await self._label(shown)
        rows = await to_thread.run_sync(merge.differences)  # long texts are compared
        # A form of the draft as it stands met what is public; a stale one met the draft, which says nothing of that.
        decided = merge.decided if sent.get("_version") == str(opened.item["version"]) else ""
        context = {"differences": rows, "base": base, "decided": decided, "discard": self._path(pk)}
        return await self._page(result, opened, status=error.status, context=context)

    async def _refused(
        self, form: ContentForm, error: Exception, pk: str | None = None, sent: FormData | None = None
    ) -> Response:
        """The form once more, as it was typed, with what is wrong with it."""
        errors = error.errors if isinstance(error, Problem) else ()
        if not form.show(errors) and not form.summary:
            form.summary.append(str(error))
        opened = await self._read(pk) if pk is not None else None
        context = (
            {name: sent.get(f"_{name}", "") for name in ("base", "version", "decided")} if sent is not None else {}
        )
        status = int(error.status) if isinstance(error, Problem) else 503
        return await self._page(form, opened, status=status, context=context)

    async def _page(
        self,
        form: ContentForm,
        opened: Opened | None = None,
        *,
        status: int = 200,
        context: Mapping[str, Any] | None = None,
    ) -> Response:
        await self._label(form)
        offer_making(form, self.registry, self.actor)
        beside = _beside(self.content_type, form)
        offered = offer(self.content_type, self.actor, opened)
        shared = {
            "content_type": self.content_type,
            "identity": self.content_type.singular,
            "form": form,
            "beside": beside,
            "groups": form.grouped(self.groups) if self.groups else [],
            "main": [field for field in form.content_fields.values() if field not in beside],
            "item": opened.item if opened else None,
            "version": opened.version if opened else "",
            "public_version": (opened.public or opened.item)["version"] if opened else "",
            "base": form.base,
            "offer": offered,
            "can_delete": self._can_delete(opened),
            "draft": opened.draft if opened else None,
            "times": proposed_times(offered, utc_now()),
            "is_slug_made": self._is_slug_made(opened),
            "differences": None,
            "decided": "",
            "address": self._address(opened),
            "former": former_address(self.content_type, opened),
        }
        context = {**shared, **await self.further(opened), **(context or {})}
        return await shell_of(self.request).render(self.request, self.template, context, status)

    async def further(self, opened: Opened | None) -> Mapping[str, Any]:
        """What the template draws beside the form.

        :param opened: None for a record that is not made yet.
        """
        return {}

    def _can_delete(self, opened: Opened | None) -> bool:
        return opened is not None and self.can_delete and may(self.content_type, self.actor, Action.DELETE, opened.item)

    def _is_slug_made(self, opened: Opened | None) -> bool:
        """Whether the slug follows the title still: nobody chose it, and no reader has seen it."""
        if opened is None or opened.item.get("published_at") is not None or "slug" not in opened.item:
            return opened is None
        item = opened.item
        return is_made(self.content_type, str(item[self.content_type.title_field] or ""), str(item["slug"]))

    def _address(self, opened: Opened | None) -> str | None:
        """Where the public finds the record, over REST; None while it does not."""
        if opened is None or opened.item.get("is_published") is False:
            return None
        return f"/api/v1/{self.content_type.name}/{opened.item['id']}"

    async def _read(self, pk: str) -> Opened:
        opened = await self.state.database.read(open_draft, self.state.reader, self.content_type, pk, self.actor)
        if opened is None:
            raise NotFound(f"There is no such {self.content_type.label.lower()}. It may have been deleted.")
        found: Opened = opened
        return found

    async def _label(self, form: ContentForm) -> None:
        with suppress(DatabaseUnavailable):  # ids stand for titles then: what was typed is worth more than its looks
            await self.state.database.read(label_choices, self.state.reader, form, self.actor)

    def _form(
        self, names: tuple[str, ...], item: Mapping[str, Any] | None = None, sent: FormData | None = None
    ) -> ContentForm:
        return ContentForm(self.content_type, self.registry, names, item, sent)

    def _names(self, sent: FormData) -> tuple[str, ...]:
        """The fields of a form that was sent: those that it was drawn with, and any that were sent besides."""
        keys = {key.partition(".")[0] for key in sent}
        drawn = shown_fields(self.content_type, self.actor) if "_base" in sent else ()
        return tuple(name for name in self.content_type.write_fields if name in drawn or name in keys)

    def _path(self, pk: object) -> str:
        return f"/admin/{self.content_type.singular}/edit/{pk}"


def _beside(content_type: ContentType[Any], form: ContentForm) -> list[ContentField]:
    """The fields that stand beside a title and a text; none where there is no text to write."""
    fields = list(form.content_fields.values())
    if not any(field.info.rules.control is Control.MARKDOWN for field in fields):
        return []
    return [f for f in fields if f.name != content_type.title_field and f.info.rules.control not in _LARGE]


def _shown(field: ContentField) -> dict[str, Any]:
    """What a field says since somebody else, or the server, changed it; and the fingerprint of that."""
    chosen = [choice._asdict() for choice in field.data] if isinstance(field, RelationField) else None
    return {"value": field.payload, "digest": field.digest, "choices": chosen}


def _json(content: Mapping[str, Any]) -> Response:
    """An answer for the page's script; times and ids as texts."""
    return Response(to_json(content), media_type="application/json")
