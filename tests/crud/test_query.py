"""Queries: every parameter of the tables, read and refused. No database is asked."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from cms.crud.filters import Filter
from cms.crud.problems import BadQuery
from cms.crud.query import Query, detail_parameters, list_parameters, parse, parse_list
from tests.toys import Kind, explorer, moon, planet, region, registry, star, station

PLANETS = list_parameters(planet, registry)


def read(*pairs: tuple[str, str]) -> Query:
    return parse_list(pairs, PLANETS)


def refused(*pairs: tuple[str, str]) -> tuple[str, list[str | None]]:
    """The sentence of the refusal, and the parameters that it names."""
    with pytest.raises(BadQuery) as caught:
        read(*pairs)
    return str(caught.value), [error.parameter for error in caught.value.errors]


def test_a_query_that_says_nothing_has_the_usual_page() -> None:
    assert read() == Query(limit=100, skip=0, total=True)


def test_every_part_of_a_query_is_read() -> None:
    query = read(
        ("fields", "id,name"),
        ("include", "moons"),
        ("sort", "-mass,name"),
        ("q", "Ré  re deux"),
        ("limit", "20"),
        ("skip", "40"),
        ("total", "none"),
        ("mass__gte", "1e3"),
    )
    assert query == Query(
        fields=("id", "name"),
        include=("moons",),
        filters=((Filter("mass", None, "gte"), 1000.0),),
        words=("re", "deux"),
        sort=(("mass", True), ("name", False)),
        limit=20,
        skip=40,
        total=False,
    )


WHOLE = {"ne", "lt", "lte", "gt", "gte", "in", "nin"}
TEXT = WHOLE | {"contains", "icontains", "startswith", "endswith"}
RELATED = {"ne", "in", "nin", "isnull"}


@pytest.mark.parametrize(
    ("name", "operators"),
    [
        ("id", {"ne", "in", "nin"}),
        ("name", TEXT),
        ("slug", TEXT),
        ("kind", {"ne", "in", "nin"}),
        ("mass", WHOLE | {"isnull"}),
        ("rank", WHOLE),
        ("rings", WHOLE | {"isnull"}),
        ("is_habitable", {"ne"}),
        ("is_giant", {"ne"}),
        ("discovered_at", WHOLE | {"isnull"}),
        ("star", RELATED),
        ("star__slug", TEXT),
        ("star__name", TEXT),
        ("star__id", {"ne", "in", "nin"}),
        ("owner", RELATED),
        ("owner__name", TEXT),
        ("missions", RELATED | {"all"}),
        ("missions__slug", TEXT | {"all"}),
        ("moons__name", TEXT | {"all"}),
    ],
)
def test_each_field_has_the_operators_of_its_type(name: str, operators: set[str]) -> None:
    offered = {key.removeprefix(f"{name}__") for key in PLANETS if key.startswith(f"{name}__")}
    sub_fields = {"id", "name", "slug"} if name in {"star", "owner", "missions"} else set()
    assert name in PLANETS
    assert {o for o in offered if "__" not in o and o not in sub_fields} == operators


def test_what_is_in_no_allow_list_has_no_parameter() -> None:
    """A01, A02: secret and private columns, of the type and of related ones."""
    secrets = {"launch_code", "codename", "summary", "notes", "is_classified", "search_text", "owner_id", "star_id"}
    assert not {key.partition("__")[0] for key in PLANETS} & secrets
    assert not [key for key in PLANETS if "email" in key or "pin" in key or "is_classified" in key]
    assert not [key for key in list_parameters(moon, registry) if key.startswith(("planet__star", "planet__mass"))]


@pytest.mark.parametrize(
    "name",
    [
        "launch_code", "launch_code__startswith", "owner__pin", "owner__email__startswith", "owner__launch_code__in",
        "star__planets__name", "missions__is_classified", "where[id][$lt]", "_connector", "filter", "populate",
        "limit[]",
        "name__regex", "name__", "__class__", "name__eq", "", "NAME", "name ", "orbit__distance",
    ],
)  # fmt: skip
def test_an_unknown_parameter_is_refused_and_named(name: str) -> None:
    """A01, A02, A03: a secret column is answered just like one that does not exist."""
    sentence, parameters = refused((name, "1"))
    assert sentence.startswith(f"There is no parameter “{name}”.")
    assert parameters == [name]


def test_a_secret_is_answered_like_what_does_not_exist() -> None:
    """A01: the words are the same but for the name."""
    secret, unknown = refused(("launch_code", "a"))[0], refused(("xaunch_code", "a"))[0]
    assert secret.replace("launch", "xaunch") == unknown


def test_the_nearest_parameter_is_suggested() -> None:
    assert refused(("nmae", "x"))[0] == "There is no parameter “nmae”. Did you mean “name”?"
    assert refused(("missions__slug__al", "x"))[0].endswith("Did you mean “missions__slug__all”?")


def test_where_parameters_are_few_they_are_listed() -> None:
    with pytest.raises(BadQuery, match=r"There is no parameter “xyzzy”\. Known are: fields\."):
        parse([("xyzzy", "1")], detail_parameters(station))


def test_a_long_name_is_quoted_in_part() -> None:
    sentence, parameters = refused(("x" * 5_000, "1"))
    assert len(sentence) < 200
    assert parameters == ["x" * 100]


def test_a_parameter_given_twice_is_refused() -> None:
    """I01."""
    assert refused(("limit", "1"), ("limit", "2")) == ("The parameter “limit” is given twice.", ["limit"])
    assert refused(("name", "a"), ("name", "a"))[1] == ["name"]


def test_all_faults_are_named_at_once() -> None:
    sentence, parameters = refused(("limit", "x"), ("skip", "x"), ("total", "x"), ("nope", "x"))
    assert parameters == ["limit", "skip", "total", "nope"]
    assert sentence.count("can't be read") == 3


INT = "a whole number from -2147483648 to 2147483647 is expected."
TIME = "a time with a zone is expected, such as 2026-11-22T08:00:00Z."
NOT_OF_ITS_TYPE = {
    "limit": (
        "a whole number from 1 to 100 is expected.",
        *("-1", "0", "101", "100000000", "9223372036854775808", "1e3", "", " 5", "5 ", "+5", "0x10", "1.0", "1_0"),
        *("\N{ARABIC-INDIC DIGIT THREE}", "NaN", "5\n"),
    ),
    "skip": ("a whole number from 0 to 1000000 is expected.", "-1", "1000001", "1e3", "", "9" * 30),
    "rank": (INT, "2147483648", "-2147483649", "9223372036854775808", "1.5", "", "abc", "1;2"),
    "mass": (
        "a number is expected, such as 1.5.",
        *("nan", "inf", "-Infinity", "1e400", "1_0", "", " 1", "0x1p3", "1e", "abc"),
    ),
    "is_habitable": ("true or false is expected.", "1", "TRUE", "yes", "", "null"),
    "mass__isnull": ("true or false is expected.", "1", "", "none"),
    "id": ("a UUID is expected.", "1", "", "0" * 32, "{00000000-0000-0000-0000-000000000000}", "' OR 1=1"),
    "discovered_at": (
        TIME,
        *("2026-01-01", "2026-01-01T00:00:00", "now", "", "1700000000", "2026-01-01T00:00Z"),
    ),
}


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        *[(name, text, reason) for name, (reason, *texts) in NOT_OF_ITS_TYPE.items() for text in texts],
        ("discovered_at", "2026-02-30T00:00:00Z", "“2026-02-30T00:00:00Z” is no date."),
        ("discovered_at", "0000-01-01T00:00:00Z", "“0000-01-01T00:00:00Z” is no date."),
        ("discovered_at", "0001-01-01T00:00:00+14:00", "“0001-01-01T00:00:00+14:00” is no date."),
        ("discovered_at", "2026-01-01T00:00:60Z", "“2026-01-01T00:00:60Z” is no date."),
        ("kind", "rock", "“rock” is none of rocky, gas, ice. Did you mean “rocky”?"),
        ("kind", "", "“” is none of rocky, gas, ice."),
        ("kind__in", "gas,xx", "“xx” is none of rocky, gas, ice."),
        ("total", "estimate", "“estimate” is none of exact, none."),
        ("name", "a\x00b", "NUL characters and lone surrogates are not text."),
        ("name", "a\ud800", "NUL characters and lone surrogates are not text."),
        ("name__contains", "\x00", "NUL characters and lone surrogates are not text."),
        ("q", "a\x00b", "NUL characters and lone surrogates are not text."),
        ("name", "x" * 2_001, "that is too long."),
        ("name__icontains", "x" * 201, "at most 200 characters can be looked for."),
        ("q", "x" * 201, "at most 200 characters can be looked for."),
        ("q", "a b c d e f g h i", "at most 8 words can be looked for at once."),
        ("name__in", ",".join("abcdefghij" * 11), "at most 100 values can be given."),
        ("id__in", ",", "a UUID is expected."),
        ("rank__in", "1,,2", INT),
        ("fields", "", "there is no “” here. Known are: created_at, designation,"),
        ("fields", "id,nmae", "there is no “nmae” here. Did you mean “name”?"),
        ("fields", "*", "there is no “*” here."),
        ("fields", "owner.*", "there is no “owner.*” here."),
        ("fields", "launch_code", "there is no “launch_code” here."),
        ("fields", "codename", "there is no “codename” here."),
        ("fields", "id,id", "each name may stand there once."),
        ("include", "star", "there is no “star” here. Known are: missions, moons."),
        ("include", "moons.planet", "there is no “moons.planet” here."),
        ("include", "moons,moons", "each name may stand there once."),
        ("include", "owner.planets.owner.planets", "there is no “owner.planets.owner.planets” here."),
        ("sort", "launch_code", "there is no “launch_code” here."),
        ("sort", "-owner.email", "there is no “-owner.email” here."),
        ("sort", "--name", "there is no “--name” here."),
        ("sort", "name;DROP TABLE planets", "there is no “name;DROP TABLE planets” here."),
        ("sort", "(CASE WHEN 1=1 THEN 1 END)", "there is no “(CASE WHEN 1=1 THEN 1 END)” here."),
        ("sort", "name,-name", "each name may stand there once."),
        ("sort", "", "there is no “” here."),
        ("cursor", "", "that is no cursor of ours; start again without one."),
        ("cursor", "x" * 2_001, "that is no cursor of ours; start again without one."),
    ],
)
def test_a_value_that_cannot_be_read_is_refused(name: str, text: str, reason: str) -> None:
    """I01, E01, E14, A04, A08."""
    sentence, parameters = refused((name, text))
    assert sentence.startswith(f"“{name}” can't be read: {reason}")
    assert parameters == [name]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("rank", "-2147483648", -(2**31)),
        ("rank", "-0", 0),
        ("mass", "-1.5e-3", -0.0015),
        ("mass", "5", 5.0),
        ("name", "", ""),
        ("name", " % _ \\ ' \" ; -- ", " % _ \\ ' \" ; -- "),
        ("name__contains", "100%", "100%"),
        ("is_habitable", "false", False),
        ("kind", "gas", Kind.GAS),
        ("kind__nin", "gas,ice,gas", (Kind.GAS, Kind.ICE)),
        ("id", "0190A8B4-0000-7000-8000-000000000000", UUID("0190a8b4-0000-7000-8000-000000000000")),
        ("discovered_at__lt", "2026-01-01t01:00:00.1234567+01:00", datetime(2026, 1, 1, 0, 0, 0, 123456, UTC)),
        ("name__in", "a,b,a", ("a", "b")),
        ("name__in", "", ()),
        ("name__nin", "", ()),
        ("rank__in", "3,1", (3, 1)),
        ("missions__all", "a,b", ("a", "b")),
        ("missions__isnull", "true", True),
        ("star", "sun", "sun"),
        ("moons", str(UUID(int=1)), UUID(int=1)),
    ],
)
def test_a_value_is_read_as_its_type(name: str, text: str, value: Any) -> None:
    """A21: an empty list stays one."""
    ((_, found),) = read((name, text)).filters
    assert found == value
    assert type(found) is type(value)


def test_a_search_of_spaces_is_none() -> None:
    assert read(("q", "  \t ")).words == ()


def test_at_most_twenty_filters_are_combined() -> None:
    """I03."""
    names = [
        name
        for name, parameter in PLANETS.items()
        if parameter.filter and parameter.schema.get("type") == "string" and parameter.schema.get("maxLength") == 200
    ]
    assert len(names) > 20
    assert len(read(*[(name, "x") for name in names[:20]]).filters) == 20
    assert refused(*[(name, "x") for name in names[:21]])[0] == "At most 20 filters can be combined; this has 21."


def test_a_cursor_and_a_skip_contradict_each_other() -> None:
    sentence, parameters = refused(("cursor", "x"), ("skip", "5"))
    assert sentence == "A cursor already says where to start; leave “skip” out."
    assert parameters == ["skip"]


def test_the_order_of_filters_does_not_make_a_new_plan() -> None:
    """A query's shape follows the table's order: as many plans as shapes, not as many as spellings."""
    one, other = read(("rank", "1"), ("name", "a")), read(("name", "a"), ("rank", "1"))
    assert one == other


def test_only_searchable_types_take_a_search() -> None:
    assert "q" in PLANETS
    assert "q" not in list_parameters(star, registry)


def test_only_types_with_something_to_include_take_it() -> None:
    assert "include" in detail_parameters(planet)
    assert set(detail_parameters(star)) == {"fields"}


def test_a_relation_to_people_is_filtered_by_id_alone() -> None:
    """A02: an e-mail address is a key for writers, and no oracle for readers."""
    with pytest.raises(BadQuery, match="a UUID is expected"):
        read(("owner", "ada@example.org"))
    assert "by id." in PLANETS["owner"].description
    assert "by id or slug." in PLANETS["star"].description
    assert "email" in list_parameters(explorer, registry)


def test_relations_in_a_tree_are_filtered_both_ways() -> None:
    names = list_parameters(region, registry)
    assert {"parent", "parent__name", "children", "children__name__all", "children__isnull"} <= set(names)
    assert "parent__note" not in names, "no index serves it"
