"""How the lines of a log are counted over time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from podtui.ui.logs.histogram import Histogram
from podtui.ui.logs.lines.buffer import LogBuffer

MIDNIGHT = int(datetime(2026, 11, 29, tzinfo=UTC).timestamp())


@pytest.mark.parametrize("seconds", [(0,), (0, 1), (0, 750), (-1, 0), (-86_400 * 40, 0), (-86_400 * 4000, 86_400)])
@pytest.mark.parametrize("most", [1, 2, 7, 100])
def test_every_line_is_in_one_of_at_most_so_many_buckets_whatever_days_they_span(seconds: tuple[int, ...], most: int) -> None:
    buffer = LogBuffer(1 << 20)
    buffer.append([str(at) for at in seconds], times=[(MIDNIGHT + at) * 10**9 for at in seconds])
    histogram = Histogram(buffer)
    assert not histogram.count(60)
    buckets = histogram.buckets(most)
    assert 1 <= len(buckets) <= most and sum(bucket.lines for bucket in buckets) == len(seconds)
    for at in seconds:
        assert any(bucket.begin <= MIDNIGHT + at < bucket.begin + bucket.size for bucket in buckets)
