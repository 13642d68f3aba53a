"""People and programs who edit one article: what they have read, what they type, and how it is sent."""

from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from cms.content.articles import article
from cms.content.categories import category
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Door, Role
from tests.admin.browsing import Form, Visitor
from tests.editorial.edits_model import Line, Values, read_of, recorded_of, sent_of
from tests.editorial.machines import Machine

ROLES = (Role.EDITOR, Role.ADMIN)
ACTORS = (0, 1)
ROW, DRAFT = "row", "draft"


@dataclass(frozen=True)
class Copy:
    """What somebody has read, and of which version."""

    version: int
    values: Values


@dataclass(frozen=True)
class Sent:
    """A change that was sent.

    :param where: to the record itself, or to its draft. :param copy: what its sender had seen.
    """

    where: str
    copy: Copy
    mine: Values
    merges: bool


@dataclass(frozen=True)
class Answered:
    """How a change was answered.

    :param version: where it was taken; 0 for a form that found nothing left to do. :param found: the values there.
    """

    sent: Sent
    status: int
    version: int = 0
    found: Values | None = None
    problem: Any = None


class Editors(Machine):
    """An editor at the back office, another one over REST, and a program."""

    path: str
    form: Form
    visitor: Visitor
    row: Line
    drafts: Line
    copies: list[Copy]
    tags: list[str]
    categories: list[str]

    async def make(self) -> str:
        """A public article; its path."""
        tags = [await self.site.make(tag, name=name) for name in ("Rope", "Knot", "Sail")]
        categories = [await self.site.make(category, name=name) for name in ("News", "Tides")]
        self.tags, self.categories = [str(one.id) for one in tags], [str(one.id) for one in categories]
        content = "\n".join(self.word() for _ in range(3))
        record = await self.site.make(article, title="T0", content=content, tags=["rope"], published_at=utc_now())
        return f"/articles/{record.id}"

    async def look(self, actor: int, *, draft: bool) -> Copy:
        """The article as somebody reads it."""
        answer = await self.site.send("GET", self.path + "?version=draft" * draft, ROLES[actor])
        return Copy(answer.json()["version"], read_of(answer.json()))

    async def send(self, actor: int, sent: Sent, method: str = "PATCH") -> Answered:
        """Send a change over REST."""
        options = [f"{name}=true" for name, is_on in (("draft", sent.where == DRAFT), ("merge", sent.merges)) if is_on]
        headers = {"If-Match": f'"v{sent.copy.version}"'}
        path = f"{self.path}?{'&'.join(options)}" if options else self.path
        answer = await self.site.send(method, path, ROLES[actor], headers=headers, json=sent_of(sent.mine))
        if answer.status_code == 200:
            return Answered(sent, 200, answer.json()["version"], read_of(answer.json()))
        return Answered(sent, answer.status_code, problem=answer.json())

    async def send_form(self, edits: Any) -> tuple[Answered, Form | None]:
        """Save at the back office, where what readers see is changed in its draft, and a stale form is merged.

        :returns: the form once more, where it was refused.
        """
        version, typed = int(self.form.fields["_version"][0]), typed_in(self.form)
        copy = Copy(version, {**self.row.history, **self.drafts.history}[version])
        typed |= self.edited(typed, edits)
        mine = {name: value for name, value in typed.items() if value != copy.values[name]}
        sent, before = Sent(DRAFT, copy, mine, merges=True), await self.saved_by_forms()
        page = await self.visitor.send(self.form, **fields_of(typed))
        if page.status != 303:
            return Answered(sent, page.status), page.edit
        made = (await self.saved_by_forms())[len(before) :]
        return Answered(sent, 200, *(made[0] if made else ())), None

    async def saved_by_forms(self) -> list[tuple[int, Values]]:
        """What was saved at the back office, with its versions; a page tells nothing of these."""
        sets = {row["id"] for row in await self.site.rows("change_sets") if row["door"] == Door.ADMIN}
        revisions = [row for row in await self.site.rows("revisions") if row["change_set_id"] in sets]
        return [(row["version"], recorded_of(row["content"])) for row in sorted(revisions, key=itemgetter("number"))]

    def word(self) -> str:
        """What nobody has written before."""
        return f"w{next(self.numbers)}"

    def edited(self, values: Values, edits: Any) -> Values:
        """What somebody changes of what they have before them."""
        made: Values = {}
        for kind, n in edits:
            name, value = self._edit({**values, **made}, kind, n)
            made[name] = value
        return made

    def _edit(self, values: Values, kind: str, n: int) -> tuple[str, Any]:
        lines, word = list(values["content"]), self.word()
        place = n % len(lines) if lines else 0
        if kind == "title":
            return kind, f"T{n % 2}"
        if kind == "tag":
            return "tags", sorted({*values["tags"]} ^ {self.tags[n % 3]})
        if kind == "category":
            return kind, [None, *self.categories][n % 3]
        if kind in {"seo", "no seo"}:
            other = {"title": None, "description": None, **(values["seo"] or {})}
            return "seo", {**other, ("title", "description")[n % 2]: word} if kind == "seo" else None
        lines[place : place + (kind != "insert")] = [] if kind == "cut" else [word]
        return "content", lines


def typed_in(form: Form) -> Values:
    """What stands in a form."""
    fields = {name: values[0] for name, values in form.fields.items() if values}
    seo = {name: fields.get(f"seo.{name}") or None for name in ("title", "description")}
    return {
        "title": fields["title"],
        "content": fields["content"].replace("\r\n", "\n").split("\n") if fields["content"] else [],
        "tags": sorted(form.fields.get("tags", [])),
        "category": fields.get("category") or None,
        "seo": seo if any(seo.values()) else None,
    }


def fields_of(values: Values) -> dict[str, Any]:
    """What a browser sends of it."""
    seo = {f"seo.{name}": value or "" for name, value in (values["seo"] or {"title": "", "description": ""}).items()}
    content = "\r\n".join(values["content"])
    return {
        **values,
        **seo,
        "content": content,
        "category": values["category"] or "",
        "tags": values["tags"] or None,
        "seo": None,
    }
