"""Untrusted text cannot reach the terminal as anything but text."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from podtui.text import counted, harmless


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    for character in harmless(text):
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(character) not in ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_printable_ascii_is_left_alone(text: str) -> None:
    assert harmless(text) == text


def test_an_escape_sequence_is_shown_for_what_it_is() -> None:
    assert harmless("\x1b[2Jgone\x07") == "␛[2Jgone␇"
    assert harmless("\x9b2J\u202eevil") == "<9B>2J<U+202E>evil"


def test_tabs_become_spaces_where_columns_matter() -> None:
    assert harmless("a\tb\x00", tab=8) == "a       b␀"


def test_korean_and_emoji_stay() -> None:
    assert harmless("파드 🚀 é") == "파드 🚀 é"


def test_a_count_names_one_or_several_with_thousands_apart() -> None:
    assert [counted(count, "pod") for count in (0, 1, 1200)] == ["0 pods", "1 pod", "1,200 pods"]
