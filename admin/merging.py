"""What two people made of one record, side by side and passage by passage, and a form that begins with both."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from admin.comparing import Piece, marked
from admin.fields import ContentField, RelationField, TimeField
from admin.forms import ContentForm
from admin.structures import LinksField
from cms.editorial.disclosure import is_private
from cms.editorial.merge import Conflict, Kind, Merged, Region, kind_of

NOTHING = Merged({}, {})
"""Of two edits that can't be merged, since nothing is known of what they began with."""


class Passage(NamedTuple):
    """Lines of a long text that stay together.

    :param is_disputed: whether both sides changed them, each in its way; if not, all three are the merged lines.
    :param theirs_marked: theirs, with what they wrote marked. :param mine_marked: the same of mine.
    """

    is_disputed: bool
    base: str
    theirs: str
    mine: str
    theirs_marked: list[Piece]
    mine_marked: list[Piece]


class Difference(NamedTuple):
    """A field that somebody changed since the sender opened the form.

    :param mine: whether the sender changed it. :param theirs: whether somebody else did.
    :param is_disputed: whether one of both has to be chosen.
    :param sides: what was there before (where that is known), then theirs and mine, as people read them, with what
        was written since then marked.
    :param passages: of a long text that is disputed, all of it.
    :param typed: what a script puts into the field to take either side; nothing where it can't.
    """

    name: str
    label: str
    mine: bool
    theirs: bool
    is_disputed: bool
    sides: dict[str, list[Piece]]
    passages: list[Passage]
    typed: dict[str, Any]


class Merge:
    """A form that was sent, the record as it now stands, and what becomes of the two.

    :param sent: the form. :param base: the fingerprints that it was opened with.
    :param theirs: a form over the record as it now stands. :param result: another one of it, which is to hold both.
    :param before: a third one, which is to show what both began with.
    :param merged: what could be combined, and what not.
    """

    def __init__(
        self,
        sent: ContentForm,
        base: str,
        theirs: ContentForm,
        result: ContentForm,
        before: ContentForm,
        merged: Merged = NOTHING,
    ) -> None:
        self._sent, self._theirs, self.result, self._before = sent, theirs, result, before
        self._merged = merged
        self._by_them, self._by_me = set(theirs.changed_since(base)), set(sent.changed_since(base))
        for name, conflict in merged.conflicts.items():
            _fill(theirs.content_fields[name], conflict.theirs)
            _fill(before.content_fields[name], conflict.base)
            if name not in self._by_me:  # a working draft changed it, not this form
                _fill(sent.content_fields[name], conflict.mine)
        for name in self._by_me | merged.conflicts.keys():
            self._settle(name)

    @property
    def decided(self) -> str:
        """The fields of which the sender sees what others made of them, as a form sends it along."""
        return " ".join(self._merged.conflicts)

    def differences(self) -> list[Difference]:
        """What either changed, in the order of the form; not what both made the same."""
        changed = self._by_them | self._by_me | self._merged.conflicts.keys()
        return [self._difference(name) for name in self._sent.content_fields if name in changed and self._differs(name)]

    def _settle(self, name: str) -> None:
        """Have the form say what is merged; what is disputed is mine until somebody chooses."""
        field, conflict = self.result.content_fields[name], self._merged.conflicts.get(name)
        if conflict is not None and conflict.regions:
            _fill(field, "\n".join(line for region in conflict.regions for line in region.mine))
        elif self._is_combined(name):
            _fill(field, self._merged.values[name])
        else:
            field.data = self._sent.content_fields[name].data

    def _is_combined(self, name: str) -> bool:
        """Whether the merged value may be neither side's: a set, lines, or a value with members."""
        if name not in self._merged.values:
            return False
        kind = kind_of(self._sent.content_type.fields[name])
        return kind is not Kind.PLAIN or isinstance(self._merged.values[name], dict)

    def _differs(self, name: str) -> bool:
        fields = self._theirs.content_fields[name], self._sent.content_fields[name]
        return name not in self._by_me or fields[0].digest != fields[1].digest

    def _difference(self, name: str) -> Difference:
        conflict = self._merged.conflicts.get(name)
        sent, theirs = self._sent.content_fields[name], self._theirs.content_fields[name]
        is_mine, is_theirs = name in self._by_me or conflict is not None, name in self._by_them or conflict is not None
        is_shown = is_mine and not is_private(self._sent.content_type, name)
        return Difference(
            name,
            str(sent.label.text),
            is_mine,
            is_theirs,
            conflict is not None,
            self._sides(name, conflict) if is_shown else {},
            [_passage(region) for region in conflict.regions] if conflict and is_shown else [],
            {"theirs": _typed(theirs), "mine": _typed(sent)} if is_shown and not isinstance(sent, LinksField) else {},
        )

    def _sides(self, name: str, conflict: Conflict | None) -> dict[str, list[Piece]]:
        shown = [form.content_fields[name].shown for form in (self._before, self._theirs, self._sent)]
        before, theirs, mine = shown
        if conflict is None:
            return {"theirs": marked(mine, theirs), "mine": marked(theirs, mine)}
        return {"before": marked(before, before), "theirs": marked(before, theirs), "mine": marked(before, mine)}


def _passage(region: Region) -> Passage:
    base, theirs, mine = ("\n".join(lines) for lines in (region.base, region.theirs, region.mine))
    return Passage(region.disputed, base, theirs, mine, marked(base, theirs), marked(base, mine))


def _fill(field: ContentField, value: Any) -> None:
    """Have a field say a recorded value."""
    if isinstance(field, RelationField):
        ids = value if isinstance(value, list) else [value] if value else []
        value = [{"id": id_} for id_ in ids]
    elif isinstance(field, TimeField) and value is not None:
        value = datetime.fromisoformat(value)
    field.process(None, value)


def _typed(field: ContentField) -> Mapping[str, Any]:
    if isinstance(field, RelationField):
        return {"choices": [choice._asdict() for choice in field.data]}
    return {"value": field.data}
