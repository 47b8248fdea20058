"""The events of an object, live while shown: oldest first, each with its count and time."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from podtui.cluster.live.live_objects import LiveObjects
from podtui.cluster.pods.events import Event, events_of, read_events
from podtui.errors import Forbidden
from podtui.kube.ages import age
from podtui.kube.json_values import mapping, string
from podtui.kube.resources import ObjectRef
from podtui.ui.details.tabs import Tab, TabHost, TabText
from podtui.ui.widgets.text_document import Line, folded


class EventsTab(Tab):
    at_end = True

    def __init__(self, host: TabHost) -> None:
        super().__init__(host)
        self._live: LiveObjects | None = None

    def topic(self, ref: ObjectRef, obj: Mapping[str, Any]) -> Hashable:
        return ref.resource, ref.namespace, ref.name, _uid(ref, obj)

    def forget(self) -> None:
        self._live = None

    async def work(self, ref: ObjectRef, obj: Mapping[str, Any]) -> None:
        about = ObjectRef(ref.resource, ref.name, ref.namespace, _uid(ref, obj))
        self._live = LiveObjects(*events_of(about), changed=self.host.refresh_tab)
        await self._live.run(self.host.session.opened)

    def text(self, obj: Mapping[str, Any], width: int) -> TabText:
        return TabText(live_event_lines(self._live, width))


def live_event_lines(live: LiveObjects | None, width: int) -> list[Line]:
    """The events that are followed, or why there are none."""
    if live is None or (not live.known and live.error is None):
        return [[("loading the events…", "dim")]]
    lines: list[Line] = []
    if live.trouble is not None:
        what = "you may not read the events here" if isinstance(live.trouble, Forbidden) else f"stale: {live.trouble.what}"
        lines += [[(what, "warn")], ""]
        if not live.known:
            return lines[:1]
    elif live.error is not None:
        lines += [[(f"polling: {live.error.what}", "dim")], ""]
    events = read_events(live.items.values())
    if not events:
        return [*lines, [("no events: the API server keeps each one for a limited time (an hour by default)", "dim")]]
    return lines + event_lines(events, time.time(), width)


def event_lines(events: Sequence[Event], now: float, width: int) -> list[Line]:
    """A line with the reason and time of each event, and its message folded below."""
    lines: list[Line] = []
    for event in events:
        style = "status.warn" if event.is_warning else "status.ok"
        source = " ".join(filter(None, [event.component, event.host and f"on {event.host}", event.part and f"for {event.part}"]))
        when = f"{age(max(0.0, now - event.last))} ago"
        if event.count > 1:
            when += f" (x{event.count} over {age(max(0.0, now - event.first))})"
        sign = "!" if event.is_warning else "·"
        lines.append([(f"{sign} ", style), (event.reason, style), (f"  {when}", ""), (f"  {source}", "dim")])
        for part in event.message.splitlines() or [""]:
            lines += [[("  " + text, "")] for text in folded(part, width - 4)]
    return lines


def _uid(ref: ObjectRef, obj: Mapping[str, Any]) -> str:
    return string(mapping(obj.get("metadata")).get("uid")) or ref.uid
