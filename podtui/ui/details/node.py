"""The page of a node: its state, its resources, what its pods request, and those pods; live while shown."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from fractions import Fraction
from typing import Any

from podtui.cluster.live.live_objects import LiveObjects
from podtui.cluster.pods.nodes import NodeDetails, NodeResource, PodRow, describe_node, pod_rows
from podtui.cluster.pods.partial_objects import pod_on_node
from podtui.errors import Forbidden
from podtui.kube.ages import age
from podtui.kube.quantities import amount
from podtui.kube.resources import PODS, ObjectRef
from podtui.ui.details.tabs import Tab, TabHost, TabText
from podtui.ui.details.text import LineCollector, since
from podtui.ui.widgets.text_document import Line

_PODS_SHOWN = 500


class NodeTab(Tab):
    def __init__(self, host: TabHost) -> None:
        super().__init__(host)
        self._live: LiveObjects | None = None

    def topic(self, ref: ObjectRef, obj: Mapping[str, Any]) -> Hashable:
        return ref.name

    def forget(self) -> None:
        self._live = None

    async def work(self, ref: ObjectRef, obj: Mapping[str, Any]) -> None:
        self._live = LiveObjects(PODS.path(), f"spec.nodeName={ref.name}", self.host.refresh_tab, pod_on_node)
        await self._live.run(self.host.session.opened)

    def text(self, obj: Mapping[str, Any], width: int) -> TabText:
        live = self._live
        known = live is not None and live.known
        node = describe_node(obj, list(live.items.values()) if live is not None and known else None)
        note = "loading the pods ..."
        if live is not None and live.error is not None:
            note = "you may not list pods in all namespaces" if isinstance(live.error, Forbidden) else live.error.what
        rows = pod_rows(live.items.values()) if live is not None and known else None
        return TabText(node_lines(node, rows, note, width))


def node_lines(node: NodeDetails, pods: list[PodRow] | None, note: str, width: int, now: float | None = None) -> list[Line]:
    """The page. `pods` is None while they are unknown; `note` says why."""
    now = time.time() if now is None else now
    out = LineCollector(width)
    style = "status.ok" if node.status == "Ready" else "status.warn" if node.is_ready else "status.error"
    words = [", ".join(node.roles) or "no role"]
    if node.created is not None:
        words.append(f"created {since(node.created, max(now, node.created))}")
    out.lines.append([(node.status, style), ("  " + ", ".join(words), "dim")])
    out.title("Resources", "allocatable, requested by its pods, free")
    for resource in node.resources:
        out.lines.append(_resource(resource))
    if pods is None:
        out.text(note, "warn")
    out.title("Taints", "" if node.taints else "none")
    for taint in node.taints:
        out.text(taint, "warn")
    out.title("Labels", str(len(node.labels)))
    for key, value in sorted(node.labels.items()):
        out.lines.append([(f"  {key}", "label.key"), ("=", "dim"), (value, "label.value")])
    out.title("Conditions")
    for condition in node.conditions:
        good = condition.status == ("True" if condition.type == "Ready" else "False")
        lasts = age(max(0.0, now - condition.changed)) if condition.changed is not None else ""
        out.lines.append([(f"  {condition.type:<20} ", "label.key"), (f"{condition.status:<8}", "status.ok" if good else "status.error"),
                          (f"{lasts:<8}", "dim"), ("" if good else f"{condition.reason}: {condition.message}", "warn")])  # fmt: skip
    out.title("Node")
    for key, value in node.facts:
        out.entry(key, value)
    if pods is not None:
        _pods(out, pods, now)
    return out.lines


def _resource(resource: NodeResource) -> Line:
    """`cpu  4 of 4  requested 1.2 (30 %)  free 2.8`."""
    name = resource.resource
    usable = amount(name, resource.allocatable)
    whole = f" of {amount(name, resource.capacity)}" if resource.capacity != resource.allocatable else ""
    if resource.requested is None:
        return [(f"  {name:<20} ", "label.key"), (usable + whole, "")]
    share = f" ({int(resource.requested * 100 / resource.allocatable)} %)" if resource.allocatable else ""
    free = max(Fraction(0), resource.allocatable - resource.requested)
    style = "warn" if resource.allocatable and resource.requested * 10 >= resource.allocatable * 9 else ""
    requested = f"{amount(name, resource.requested)}{share}"
    first = [(f"  {name:<20} ", "label.key"), (f"{usable + whole:<14} ", "")]
    return [*first, (f"requested {requested:<16} ", style), (f"free {amount(name, free)}", "")]


def _pods(out: LineCollector, pods: list[PodRow], now: float) -> None:
    out.title("Pods", str(len(pods)))
    width = max((len(pod.namespace) + len(pod.name) + 1 for pod in pods[:_PODS_SHOWN]), default=0)
    for pod in pods[:_PODS_SHOWN]:
        name = f"{pod.namespace}/{pod.name}"
        asks = ", ".join(f"{key} {amount(key, value)}" for key, value in pod.requests.items() if value)
        out.lines.append([(f"  {name:<{min(width, 60)}}  ", ""), (f"{pod.phase:<10} ", "dim"), (asks or "no requests", "dim")])
    if len(pods) > _PODS_SHOWN:
        out.text(f"... and {len(pods) - _PODS_SHOWN} more", "dim")
