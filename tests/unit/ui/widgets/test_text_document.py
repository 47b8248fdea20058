"""Folding by cells: nothing is wider than it may be, and nothing is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from podtui.ui.widgets.text_document import folded


def test_english_and_korean_are_folded_at_the_same_width() -> None:
    assert folded("the scheduler says why not", 24) == ["the scheduler says why", "not"]
    assert folded("스케줄러가 왜 아닌지 알려 줍니다", 24) == ["스케줄러가 왜 아닌지", "알려 줍니다"]
    assert folded("", 40) == [""]


@given(st.text(st.sampled_from("ab -한글漢字é "), max_size=120), st.integers(0, 60))
def test_no_line_is_too_wide_and_no_word_is_lost(text: str, width: int) -> None:
    lines = folded(text, width)
    assert lines and all(cell_len(line) <= max(24, width) for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
