"""What crossing edits of a record have to come to, said without the code that merges them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Values = dict[str, Any]
"""`title`, `category`, `seo`; `content` as lines of which each is written only once; `tags` sorted."""

FIELDS = ("title", "content", "tags", "category", "seo")


@dataclass
class Line:
    """The versions of the record, or of its working draft: every one that there ever was, and the present one."""

    history: dict[int, Values] = field(default_factory=dict)
    version: int = 0

    @property
    def values(self) -> Values:
        """What it is now."""
        return self.history[self.version]

    def push(self, version: int, values: Values) -> None:
        """It is this from now on."""
        self.history[version], self.version = values, version


def overlaps(base: Values, mine: Values, theirs: Values) -> tuple[set[str], set[str]]:
    """The fields that both sides changed, each in its way: those that nobody can combine, and perhaps others."""
    both = {
        name
        for name, value in mine.items()
        if name != "tags" and value not in (base[name], theirs[name]) and theirs[name] != base[name]
    }
    sure = {name for name in both if name != "content" and (name != "seo" or _clash(base, mine, theirs))}
    return sure, sure | (both & {"content"})


def check_merged(base: Values, mine: Values, theirs: Values, found: Values) -> str | None:
    """Whether what is there now is what two edits come to; what is wrong with it, otherwise.

    :param mine: the fields that were sent. :param theirs: what was there when they came.
    """
    for name in FIELDS:
        if name not in mine:
            right = found[name] == theirs[name]
        elif name == "content":
            right = _holds_both(base[name], mine[name], theirs[name], found[name])
        else:
            right = found[name] == _merged(name, base[name], mine[name], theirs[name])
        if not right:
            return f"“{name}” is {found[name]!r}: of {base[name]!r} one made {mine.get(name)!r}, one {theirs[name]!r}"
    return None


def _merged(name: str, base: Any, mine: Any, theirs: Any) -> Any:
    if name == "tags":
        return sorted((set(theirs) - (set(base) - set(mine))) | (set(mine) - set(base)))
    if mine == base:
        return theirs
    if name == "seo" and theirs != base and mine is not None and theirs is not None:
        return {key: _merged(key, (base or {}).get(key), mine[key], theirs[key]) for key in mine}
    return mine


def _clash(base: Values, mine: Values, theirs: Values) -> bool:
    """Whether both set a member of `seo`, or one did and the other dropped all of it."""
    one, other = mine["seo"], theirs["seo"]
    if one is None or other is None:
        return True
    former = base["seo"] or {"title": _NONE, "description": _NONE}
    return any(one[key] not in (former[key], other[key]) and other[key] != former[key] for key in one)


_NONE = object()
"""No member at all."""


def _holds_both(base: Sequence[str], mine: Sequence[str], theirs: Sequence[str], found: Sequence[str]) -> bool:
    """Whether a text has the lines that either side added, those that both kept, no others, and in their order."""
    former, one, other = set(base), set(mine), set(theirs)
    wanted = (one - former) | (other - former) | (former & one & other)
    in_order = all([line for line in found if line in side] == [line for line in side if line in wanted]
                   for side in (mine, theirs))  # fmt: skip
    return set(found) == wanted and len(found) == len(wanted) and in_order


@dataclass
class Held:
    """What a working draft holds: values, and what each was when somebody gave the draft one of its own."""

    values: Values
    base: Values

    @property
    def changes(self) -> Values:
        """The values that are its own."""
        return {name: value for name, value in self.values.items() if value != self.base[name]}

    def take(self, given: Values, public: Values) -> None:
        """It has these values from now on; whoever gave them to a field that had none of its own saw what is public."""
        for name, value in given.items():
            if name not in self.changes or value == self.base[name]:
                self.base = {**self.base, name: public[name]}
            self.values = {**self.values, name: value}


def sent_of(values: Mapping[str, Any], *, cr: bool = False) -> Values:
    """Values as a body has them.

    :param cr: whether lines end as browsers end them.
    """
    body = dict(values)
    if "content" in body:
        body["content"] = ("\r\n" if cr else "\n").join(body["content"])
    return body


def read_of(item: Mapping[str, Any]) -> Values:
    """Values of an answer."""
    return {
        "title": item["title"],
        "content": item["content"].replace("\r\n", "\n").split("\n") if item["content"] else [],
        "tags": sorted(tag["id"] for tag in item["tags"]),
        "category": item["category"] and item["category"]["id"],
        "seo": item["seo"],
    }


def recorded_of(values: Mapping[str, Any]) -> Values:
    """Values of a revision."""
    return {
        **{name: values[name] for name in FIELDS},
        "content": values["content"].split("\n") * bool(values["content"]),
        "tags": sorted(values["tags"]),
    }
