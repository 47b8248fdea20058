"""JSON laid out for an editor: what is not edited stays as it was, to the byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.kube.manifests.json_layout import edited_back, flattened, indented, is_document

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6) | st.sampled_from(['a "b', "{,:}", "\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
).filter(lambda value: isinstance(value, (dict, list)))
STYLES = st.sampled_from([(",", ":"), (", ", ": ")])


@given(DOCUMENTS, STYLES, st.booleans(), st.sampled_from(["", "\n"]))
def test_what_is_laid_out_goes_back_to_the_byte(value: object, style: tuple[str, str], ascii: bool, end: str) -> None:
    line = json.dumps(value, separators=style, ensure_ascii=ascii) + end
    shown = indented(line)
    assert json.loads(shown) == json.loads(line)
    assert flattened(shown, line) == line
    assert edited_back(shown, shown, line) == line


@given(DOCUMENTS)
def test_json_is_indented_as_python_does(value: object) -> None:
    assert indented(json.dumps(value)) == json.dumps(value, indent=2)


def test_only_the_edited_parts_of_json_differ() -> None:
    line = '{"a":1.0,"b":[1e5,"\\u00e9"],"c":{}}\n'
    shown = indented(line)
    assert shown == '{\n  "a": 1.0,\n  "b": [\n    1e5,\n    "\\u00e9"\n  ],\n  "c": {}\n}'
    assert edited_back(shown, shown.replace("1.0", "2"), line) == '{"a":2,"b":[1e5,"\\u00e9"],"c":{}}\n'


@pytest.mark.parametrize("text", ["", "plain", "two\nlines\n", '"a text"', "12", "{broken", '{\n "a": 1\n}\n', "[" * 100_000])
def test_what_is_not_json_in_one_line_is_shown_and_taken_as_it_is(text: str) -> None:
    assert indented(text) == text
    assert edited_back(text, text + "x\n y", text) == text + "x\n y"


def test_json_that_was_broken_in_the_editor_is_taken_as_it_was_typed() -> None:
    assert edited_back('{\n  "a": 1\n}', '{\n  "a": \n}', '{"a":1}') == '{\n  "a": \n}'
    assert not is_document('{\n  "a": \n}')


def test_irregular_white_space_is_kept_while_nothing_is_edited() -> None:
    line = '{"a":1, "b" :2}'
    assert edited_back(indented(line), indented(line), line) == line
    assert edited_back(indented(line), indented(line).replace("2", "3"), line) == '{"a":1, "b":3}'
