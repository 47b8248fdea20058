"""Hypothesis strategies: selectors and labels over a small alphabet, so that they meet, and texts that are nearly selectors."""

from __future__ import annotations

from hypothesis import strategies as st

from podtui.kube.selectors import Operator, Requirement, Selector

KEYS = ("app", "tier", "rev", "in", "notin", "x", "example.com/app", "a.b-c.d/N_m.e", "A-1")
VALUES = ("", "web", "db", "in", "notin", "1", "2", "10", "007", "9223372036854775807", "9223372036854775808", "v1.2_3-x", "Web")
NUMBERS = ("0", "1", "2", "7", "10", "007", "9223372036854775807")

_LISTS = (Operator.IN, Operator.NOT_IN)
_ONE = (Operator.EQUALS, Operator.DOUBLE_EQUALS, Operator.NOT_EQUALS)

keys = st.sampled_from(KEYS)
values = st.sampled_from(VALUES)
labels = st.dictionaries(keys, values, max_size=6)

requirements = st.one_of(
    st.builds(Requirement, keys, st.sampled_from([Operator.EXISTS, Operator.NOT_EXISTS])),
    st.builds(Requirement, keys, st.sampled_from(_ONE), values.map(lambda value: (value,))),
    st.builds(Requirement, keys, st.sampled_from(_LISTS), st.sets(values, min_size=1, max_size=4).map(lambda found: tuple(sorted(found)))),
    st.builds(Requirement, keys, st.sampled_from([Operator.GREATER, Operator.LESS]), st.sampled_from(NUMBERS).map(lambda value: (value,))),
)
selectors = st.lists(requirements, max_size=4).map(lambda found: Selector(tuple(sorted(found, key=lambda one: one.key))))

_space = st.sampled_from(["", "", "", " ", "  ", "\t", "\n", "\r"])


@st.composite
def spellings(draw: st.DrawFn) -> str:
    """A selector as a person may write it: in any order, with white space, values repeated."""
    parts = []
    for one in draw(st.permutations(draw(selectors).requirements)):
        space = [draw(_space) for _ in range(6)]
        if one.operator is Operator.EXISTS:
            text = one.key
        elif one.operator is Operator.NOT_EXISTS:
            text = f"!{space[0]}{one.key}"
        elif one.operator in _LISTS:
            listed = draw(st.permutations(one.values + one.values[:1])) if len(one.values) > 1 else list(one.values)
            joined = f"{space[2]},{space[3]}".join(listed) if listed != [""] else draw(st.sampled_from(["", ",", ",,"]))
            text = f"{one.key} {space[0]}{one.operator.value}{space[1]}({space[4]}{joined}{space[5]})"
        else:
            text = f"{one.key}{space[0]}{one.operator.value}{space[1]}{one.values[0]}"
        parts.append(draw(_space) + text + draw(_space))
    return ",".join(parts)


_PIECES = (
    *"=!(),<> \t\n\r\0\v",
    *("==", "!=", "in", "notin", " in ", " notin ", "()", "(,)", "a", "b.c/d", "1", "-1", "+1", "0x1", "1_0", "9223372036854775808"),
    *("x" * 63, "x" * 64, "p" * 63 + "/n", "p" * 64 + "/n", ("q" * 49 + ".") * 5 + "abc/n", ("q" * 49 + ".") * 5 + "abcd/n"),
    *("-x", "x-", "_", ".", "a/b/c", "/a", "a/", "B/c", "a..b/c", "a-.b/c", "한", "é", '"a"', "a*", "\u00a0", "IN", "a:b", "a&&b"),
)
pieces = st.sampled_from(_PIECES)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Anything from a right selector to noise: spellings with a few pieces put in or characters taken out, or pieces alone."""
    if draw(st.booleans()):
        return "".join(draw(st.lists(pieces, max_size=8)))
    text = draw(spellings())
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + text[at + 1 :] if draw(st.booleans()) else text[:at] + draw(pieces) + text[at:]
    return text
