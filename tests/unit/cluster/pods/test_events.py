"""The events of an object: read from what the server sends, and put in order."""

from __future__ import annotations

from podtui.cluster.pods.events import read_event, read_events


def test_within_a_second_events_stand_in_the_order_in_which_they_were_written() -> None:
    told = [  # the scheduler writes microseconds, the kubelet whole seconds
        {"reason": "Started", "lastTimestamp": "2026-11-25T20:26:10Z", "metadata": {"resourceVersion": "1003"}},
        {"reason": "Scheduled", "eventTime": "2026-11-25T20:26:10.731000Z", "metadata": {"resourceVersion": "999"}},
        {"reason": "Later", "lastTimestamp": "2026-11-25T20:26:11Z", "metadata": {"resourceVersion": "7"}},
        {"reason": "Pulled", "lastTimestamp": "2026-11-25T20:26:10Z", "metadata": {"resourceVersion": "1002"}},
    ]
    assert [event.reason for event in read_events(told)] == ["Scheduled", "Pulled", "Started", "Later"]


def test_a_series_tells_when_and_how_often_it_was_seen() -> None:
    series = {"count": 5, "lastObservedTime": "2026-11-25T20:30:00.000000Z"}
    event = read_event({"reason": "FailedScheduling", "eventTime": "2026-11-25T20:26:10.5Z", "series": series})
    assert (event.count, event.last - event.first) == (5, 229.5)
