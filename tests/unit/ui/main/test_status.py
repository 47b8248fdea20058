"""The states of a list in words, for the history of messages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from podtui.cluster.live.store import Health
from podtui.errors import ConnectionFailed
from podtui.ui.main.kinds import POD_LIST
from podtui.ui.main.status import StateNews


def test_each_new_reason_for_which_a_list_is_not_live_is_told_whole_and_once_and_so_is_its_end() -> None:
    session: Any = SimpleNamespace(connection=object(), error=None)
    log, told = StateNews(), []
    refused = ConnectionFailed("127.0.0.1:1 refuses the connection", "Is it running?")
    page = ConnectionFailed("127.0.0.1:1 answered with a web page")
    for health in (
        Health("live"),
        Health("stale", 1.0, refused),
        Health("stale", 1.0, refused),
        Health("loading"),
        Health("polling", 2.0, page),
        Health("live"),
        Health("live"),
        Health("failed", 3.0, refused),
    ):
        store: Any = SimpleNamespace(health=health)
        if news := log.news(session, store, POD_LIST):
            told.append(news)
    assert told == [
        (f"pods: stale: {refused}", "warning"),
        (f"pods: polling: {page}", "warning"),
        ("pods: live again", "information"),
        (f"pods: unreachable: {refused}", "warning"),
    ]
