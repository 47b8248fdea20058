"""The times of log lines as numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from podtui.cluster.logs.stamps import Times, nanoseconds, stamp_of
from podtui.ui.logs.lines.text import time_text

STAMPS = st.one_of(
    st.builds(
        "2026-01-0{}T00:00:{:02}{}{}".format,
        st.integers(1, 3),
        st.integers(0, 61),
        st.sampled_from(["", ".5", ".123456789", ".000000001"]),
        st.sampled_from(["Z", "+09:00", "-00:30"]),
    ),
    st.sampled_from(["", "hello", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00.12345678\u0663Z"]),
)


@given(st.integers(1, 4_000_000_000_000_000_000))
def test_what_the_server_writes_is_read_back(time: int) -> None:
    assert nanoseconds(time_text(time)) == time


@given(st.lists(st.tuples(STAMPS, st.text("ab ", max_size=4)), max_size=20))
def test_the_quick_way_reads_what_the_careful_way_reads(pairs: list[tuple[str, str]]) -> None:
    lines = [f"{stamp} {text}" if stamp else text for stamp, text in pairs]
    times, texts = Times().part(lines)
    for line, time, text in zip(lines, times, texts, strict=True):
        stamp = stamp_of(line)
        careful = nanoseconds(stamp)
        known = careful > 0
        assert time == (careful if known else 0)
        assert text == (line[len(stamp) + 1 :] if known else line)


def test_the_pieces_of_a_long_line_have_its_time_over_batches_too() -> None:
    times = Times()
    at, texts = times.part(["2026-01-01T00:00:00.000000001Z a", "2026-01-01T00:00:00.000000002Z b"], {1})
    assert [time % 10**9 for time in at] == [1, 2]
    at, texts = times.part(["2026-01-01T00:00:00Z looks like a time", "c", "d"], {0})
    assert [time % 10**9 for time in at[:2]] == [2, 2]
    assert (at[2], texts) == (0, ["2026-01-01T00:00:00Z looks like a time", "c", "d"])
