"""What `kubectl describe` says about an object, arranged for reading and live: this tab of every kind that has one."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from podtui.cluster.live.live_objects import LiveObjects
from podtui.cluster.pods.details import Condition
from podtui.cluster.pods.events import events_of
from podtui.errors import Forbidden, NotServed
from podtui.kube.json_values import mapping, string
from podtui.kube.resources import ObjectRef
from podtui.text import counted
from podtui.ui.details.events import live_event_lines
from podtui.ui.details.tabs import Tab, TabHost
from podtui.ui.details.text import LineCollector, moment, since, size

_LONG = 140  # characters of an annotation's value that are shown here, as in kubectl describe
_LINES = 3  # of its lines
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"  # a copy of the object, which kubectl leaves out too
EVENTS = "events"


class DescribeTab(Tab):
    """Follows the object's events, and what else the kind names, while it is shown."""

    ages_when_gone = False

    def __init__(self, host: TabHost) -> None:
        super().__init__(host)
        self._live: Mapping[str, LiveObjects] = {}

    @abstractmethod
    def sources(self, about: ObjectRef) -> Mapping[str, LiveObjects]:
        """What to follow beside the object itself, by names of the kind's own; `EVENTS` are shown last."""

    def topic(self, ref: ObjectRef, obj: Mapping[str, Any]) -> Hashable:
        return about_of(ref, obj)

    def forget(self) -> None:
        self._live = {}

    async def work(self, ref: ObjectRef, obj: Mapping[str, Any]) -> None:
        connection = self.host.session.opened
        self._live = self.sources(about_of(ref, obj))
        async with asyncio.TaskGroup() as group:
            for live in self._live.values():
                group.create_task(live.run(connection))

    def events(self, about: ObjectRef) -> LiveObjects:
        return LiveObjects(*events_of(about), changed=self.host.refresh_tab)

    def items(self, name: str) -> Sequence[Mapping[str, Any]] | None:
        """The objects of a source; None while they are not known."""
        live = self._live.get(name)
        return list(live.items.values()) if live is not None and live.known else None

    def trouble(self, name: str, what: str) -> str:
        """Why a source is not known, "" when it is: `you may not list pods`; what the server does not serve is not missed."""
        live = self._live.get(name)
        if live is None or live.trouble is None:
            return "" if live is not None and live.known else f"loading the {what}…"
        if isinstance(live.trouble, NotServed):
            return ""
        return f"you may not list {what}" if isinstance(live.trouble, Forbidden) else live.trouble.what

    def add_events(self, out: LineCollector, width: int) -> None:
        out.title("Events")
        out.lines += live_event_lines(self._live.get(EVENTS), width)


def about_of(ref: ObjectRef, obj: Mapping[str, Any]) -> ObjectRef:
    """The object that is shown, by its own UID."""
    return ObjectRef(ref.resource, ref.name, ref.namespace, string(mapping(obj.get("metadata")).get("uid")) or ref.uid)


def add_labels(out: LineCollector, labels: Mapping[str, str]) -> None:
    out.title("Labels", str(len(labels)) if labels else "none")
    for name, text in sorted(labels.items()):
        out.lines.append([(f"  {name}", "label.key"), ("=", "dim"), (text, "label.value")])


def add_annotations(out: LineCollector, annotations: Mapping[str, str], key: str) -> None:
    """Annotations in short; `key` opens the tab that shows them in full."""
    shown = {name: text for name, text in sorted(annotations.items()) if name != _APPLIED}
    more = f"{key} shows them in full" if key and annotations else ""
    out.title("Annotations", ", ".join(filter(None, [str(len(annotations)) if annotations else "none", more])))
    for name, text in shown.items():
        lines = text.removesuffix("\n").split("\n")
        first = [line if len(line) <= _LONG else line[: _LONG - 1] + "…" for line in lines[:_LINES]]
        if len(lines) == 1 and len(name) + len(first[0]) < _LONG:
            out.lines.append([(f"  {name}: ", "label.key"), (first[0], "label.value")])
            continue
        out.lines.append([(f"  {name}:", "label.key"), (f"  {size(len(text.encode(errors='replace')))}", "dim")])
        out.lines += [[(f"      {line}", "label.value")] for line in first]
        if len(lines) > _LINES:
            out.lines.append([(f"      … {counted(len(lines) - _LINES, 'more line')}", "dim")])


def add_conditions(out: LineCollector, conditions: Iterable[Condition], now: float, good: Mapping[str, str]) -> None:
    """Each condition with its status and since when; `good` has by type the status that is not worth a look ("" for any other type)."""
    for condition in conditions:
        well = condition.status == good.get(condition.type, good.get("", "True"))
        style = "status.ok" if well else "status.warn"
        line = [(f"  {condition.type:<26} ", "label.key"), (f"{condition.status:<8}", style), (since(condition.changed, now), "dim")]
        out.lines.append(line)
        words = ": ".join(filter(None, [condition.reason, condition.message]))
        heard = f" (reported {moment(condition.heard)})" if condition.heard is not None else ""
        out.text(words + heard if words else heard.strip(), "dim" if well else "warn", 4)
