"""Columns under little room: what stands where, what is cut, and how far they scroll."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from podtui.ui.widgets.columns import GUTTER, WHOLE, Arrangement, TableColumn

NAME = TableColumn("name", "NAME", 63, flexible=True, least=20, frozen=True)
NAMESPACE = TableColumn("namespace", "NAMESPACE", 32, flexible=True, least=10)
READY, STATUS, RESTARTS, AGE = (TableColumn(key, key.upper()) for key in ("ready", "status", "restarts", "age"))
NODE, LABELS = TableColumn("node", "NODE", 63), TableColumn("labels", "LABELS", 400)
WIDTHS = {"namespace": 24, "name": 44, "ready": 6, "status": 16, "restarts": 11, "age": 5, "node": 30, "labels": 200}


def arranged(room: int, *columns: TableColumn, at: tuple[int, int] = (0, 0)) -> Arrangement:
    return Arrangement(columns, tuple(WIDTHS[column.key] for column in columns), room, at)


def shown(arrangement: Arrangement) -> list[str]:
    """The columns from the left; with `~` one that is cut."""
    return [
        arrangement.columns[place.index].key + ("" if place.width == arrangement.fitted[place.index] else "~")
        for place in arrangement.places
    ]


PODS = (NAMESPACE, NAME, READY, STATUS, RESTARTS, AGE)
WIDE = (*PODS, NODE)


def test_with_room_for_all_nothing_is_cut_or_moved() -> None:
    every = arranged(200, *WIDE)
    assert shown(every) == ["namespace", "name", "ready", "status", "restarts", "age", "node"]
    assert every.more == (False, False)
    assert arranged(200, *WIDE, at=every.scrolled(1)).position == (0, 0)


def test_at_80_columns_names_give_way_and_the_age_is_whole() -> None:
    every = arranged(80, *PODS)
    assert shown(every) == ["namespace", "name", "ready", "status", "restarts", "age"]
    assert every.more == (False, False)


def test_columns_move_together_where_that_brings_all_of_them_into_view() -> None:
    assert [arranged(room, *PODS).gap for room in (200, 80, 79, 75, 74)] == [2, 2, 1, 1, 2]
    assert shown(arranged(75, *PODS))[-1] == "age" and arranged(75, *PODS).more == (False, False)


def test_a_short_column_is_shown_whole_or_not_at_all_and_a_sign_says_that_there_is_more() -> None:
    assert shown(arranged(74, *PODS)) == ["namespace", "name", "ready", "status", "restarts"]
    assert arranged(74, *PODS).more == (False, True)


def test_a_wide_column_is_cut() -> None:
    assert shown(arranged(100, *WIDE))[-1] == "node~"
    assert shown(arranged(88, *WIDE))[-1] == "age"


def test_the_name_stays_when_the_others_are_scrolled_out() -> None:
    one = arranged(80, *WIDE)
    two = replace(one, wanted=one.scrolled(1))
    assert shown(two) == ["name", "ready", "status", "restarts", "age"]
    assert two.more == (True, True)
    three = replace(two, wanted=two.scrolled(1))
    assert shown(three)[:2] == ["name", "status"]
    four = replace(three, wanted=three.scrolled(1))
    assert shown(four) == ["name", "restarts", "age", "node"]
    assert four.more == (True, False)
    assert replace(four, wanted=four.scrolled(1)).position == four.position, "the last column is in view"
    assert replace(four, wanted=four.scrolled(-1)).position == three.position


def test_what_was_asked_for_comes_after_the_name_if_not_all_have_room() -> None:
    label = replace(NODE, key="node", asked=True)
    columns = (NAMESPACE, NAME, READY, STATUS, RESTARTS, AGE, label)
    assert shown(arranged(80, *columns))[:3] == ["namespace", "name", "node"]
    assert shown(arranged(200, *columns))[-1] == "node"


def test_a_position_beyond_the_last_column_is_made_legal() -> None:
    assert arranged(80, *WIDE, at=(99, 500)).position == (3, 0)
    assert arranged(200, *WIDE, at=(3, 0)).position == (0, 0)
    assert arranged(80, at=(2, 3)).position[0] <= 0


def test_a_column_wider_than_the_screen_is_scrolled_to_its_end() -> None:
    one = arranged(80, NAME, LABELS)
    ends = []
    for _ in range(10):
        place = one.places[-1]
        ends.append(place.skipped + place.width)
        one = replace(one, wanted=one.scrolled(1))
    assert ends == sorted(ends) and ends[-1] == 200 and one.more == (True, False)
    for _ in range(10):
        one = replace(one, wanted=one.scrolled(-1))
    assert one.position == (0, 0)


COLUMNS = st.lists(
    st.tuples(st.integers(1, 90), st.booleans(), st.booleans()),
    min_size=1,
    max_size=9,
)


@given(COLUMNS, st.integers(0, 9), st.integers(30, 160))
def test_every_column_can_be_scrolled_to_and_none_is_cut_to_a_wrong_value(made: list[tuple[int, bool, bool]], name: int, room: int) -> None:
    columns = tuple(
        TableColumn(f"c{number}", "C", flexible=number == name, least=8, frozen=number == name, asked=asked)
        for number, (_, asked, _) in enumerate(made)
    )
    one = Arrangement(columns, tuple(max(8, width) if number == name else width for number, (width, *_) in enumerate(made)), room)
    seen: set[int] = set()
    for _ in range(200):
        used = GUTTER + sum(place.width for place in one.places) + one.gap * (len(one.places) - 1)
        assert used <= room - one.more[1] and one.places
        for place in one.places:
            whole = place.width + place.skipped == one.fitted[place.index]
            assert whole or one.fitted[place.index] > WHOLE or len(one.places) == 1
            if whole:
                seen.add(place.index)
        if name < len(columns):
            assert name in {place.index for place in one.places}
        further = replace(one, wanted=one.scrolled(1))
        if further.position == one.position:
            break
        assert further.more[0]
        one = further
    assert not one.more[1]
    assert seen == set(range(len(columns)))
