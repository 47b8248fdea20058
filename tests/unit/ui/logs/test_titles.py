"""The words of the logs' title and foot for many sources at once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from podtui.cluster.logs.follower import LogStatus, State
from podtui.cluster.logs.group import LogTarget
from podtui.ui.logs.titles import status_of


def status(*states: State) -> LogStatus:
    sources = [SimpleNamespace(status=LogStatus(state), final=False) for state in states]
    return status_of(SimpleNamespace(sources=sources, target=LogTarget()))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("states", "state", "why"),
    [
        (["following"] * 12, "following", ""),
        ([*["following"] * 12, "ended", "ended", "waiting"], "following", "12 of 15, 1 waiting, 2 ended"),
        (["ended", "failed"], "failed", "1 of 2, 1 ended"),
    ],
)
def test_the_status_of_many_sources_is_the_liveliest_and_counts_the_others(states: list[State], state: State, why: str) -> None:
    assert (status(*states).state, status(*states).why) == (state, why)
