"""Everything that `kubectl describe` says about a node: its state, its resources with what its pods request, and those pods."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from podtui.cluster.live.live_objects import LiveObjects
from podtui.cluster.pods.nodes import (
    Lease,
    NodeDetails,
    NodeResource,
    PodRow,
    PodRows,
    describe_node,
    device_pools,
    read_lease,
)
from podtui.cluster.pods.partial_objects import pod_on_node
from podtui.kube.ages import age
from podtui.kube.quantities import amount
from podtui.kube.resources import LEASES, PODS, RESOURCESLICES, ObjectRef
from podtui.ui.details.describe import EVENTS, DescribeTab, add_annotations, add_conditions, add_labels
from podtui.ui.details.tabs import TabHost, TabText
from podtui.ui.details.text import LineCollector, since

_PODS_SHOWN = 500
_LEASES_IN = "kube-node-lease"
_WIDE = 110  # columns from which a pod and its resources share a line
_CALM = 1.0  # seconds between two texts for changed pods: hundreds may change in one, and each text takes 10 ms
_NODE_PODS, _LEASE, _SLICES = "pods", "lease", "slices"


class DescribeNodeTab(DescribeTab):
    ages_when_gone = True

    def __init__(self, host: TabHost) -> None:
        super().__init__(host)
        self._described: tuple[Mapping[str, Any], NodeDetails, list[PodRow] | None] | None = None  # of the node and its pods as they are
        self._rows = PodRows()
        self._told = -_CALM  # when the pods last led to a text, as of time.monotonic()

    def forget(self) -> None:
        super().forget()
        self._described = None
        self._rows = PodRows()
        self._told = -_CALM

    def sources(self, about: ObjectRef) -> Mapping[str, LiveObjects]:
        changed = self.host.refresh_tab
        return {
            _NODE_PODS: LiveObjects(PODS.path(), f"spec.nodeName={about.name}", self._pods_changed, pod_on_node),
            _LEASE: LiveObjects(LEASES.path(_LEASES_IN), f"metadata.name={about.name}", changed),
            _SLICES: LiveObjects(RESOURCESLICES.path(), f"spec.nodeName={about.name}", changed),
            EVENTS: self.events(about),
        }

    def _pods_changed(self) -> None:
        self._described = None
        now = time.monotonic()
        if now - self._told >= _CALM:  # otherwise the pane asks within a second
            self._told = now
            self.host.refresh_tab()

    def text(self, obj: Mapping[str, Any], width: int) -> TabText:
        leases = self.items(_LEASE)
        if self._described is None or self._described[0] is not obj:  # adding up hundreds of pods takes a while
            pods = self.items(_NODE_PODS)
            rows = None if pods is None else self._rows.of(pods)
            self._described = obj, describe_node(obj, rows), rows
        _, node, rows = self._described
        out = node_text(
            node,
            rows,
            self.trouble(_NODE_PODS, "pods in all namespaces"),
            width,
            lease=read_lease(leases[0]) if leases else self.trouble(_LEASE, f"leases in {_LEASES_IN}"),
            devices=device_pools(self.items(_SLICES) or ()),
            annotations=self.host.key_of("annotations"),
        )
        self.add_events(out, width)
        return TabText(out.lines)


def node_text(
    node: NodeDetails,
    pods: list[PodRow] | None,
    note: str,
    width: int,
    now: float | None = None,
    *,
    lease: Lease | str = "",
    devices: Sequence[tuple[str, str, int, int]] = (),
    annotations: str = "",
) -> LineCollector:
    """What the node and its pods say, without events. `pods` is None while they are unknown; `note` says why.

    `lease` is why it is not known, as text; `annotations` the key of that tab, "" for none.
    """
    now = time.time() if now is None else now
    out = LineCollector(width)
    style = "status.ok" if node.status == "Ready" else "status.warn" if node.is_ready else "status.error"
    words = [", ".join(node.roles) or "no role"]
    if node.created is not None:
        words.append(f"created {since(node.created, max(now, node.created))}")
    out.lines.append([(node.status, style), ("  " + ", ".join(words), "dim")])
    _resources(out, node, pods is not None)
    if note:
        out.text(note, "warn")
    for driver, pool, slices, count in devices:
        out.entry("Devices", f"{count} of {driver} in pool {pool} (slices: {slices})")
    out.title("Taints", "" if node.taints else "none")
    for taint in node.taints:
        out.text(taint, "warn")
    add_labels(out, node.labels)
    out.title("Conditions")
    add_conditions(out, node.conditions, now, {"Ready": "True", "": "False"})
    _lease(out, lease, now)
    out.title("Node")
    for key, value in node.facts:
        out.entry(key, value)
    if pods is not None:
        _pods(out, node, pods, now, width)
    add_annotations(out, node.annotations, annotations)
    return out


def _lease(out: LineCollector, lease: Lease | str, now: float) -> None:
    if isinstance(lease, Lease):
        out.title("Lease", "renewed by the kubelet as long as it lives")
        out.entry("Renewed", since(lease.renewed, max(now, lease.renewed or now)) or "never")
        out.entry("Acquired", since(lease.acquired, now))
        out.entry("Holder", lease.holder or "nobody")
    elif lease:
        out.title("Lease")
        out.text(lease, "warn")


def _resources(out: LineCollector, node: NodeDetails, known: bool) -> None:
    """One line for each resource: `cpu  4 of 4  1.2 (30 %)  2 (50 %)  2.8`."""
    out.title("Resources", "allocatable of its capacity" + ("; requests and limits of its pods" if known else ""))
    shown = [one for one in node.resources if one.capacity or one.allocatable or one.requested]
    nothing = [one.resource for one in node.resources if one not in shown]
    rows = [_resource(resource) for resource in shown]
    widths = [max(len(row[column]) for row in rows) for column in range(5)] if rows else []
    if known and rows:
        titles = ("", "allocatable", "requests", "limits", "free")
        widths = [max(width, len(title)) for width, title in zip(widths, titles, strict=True)]
        out.lines.append([("  " + "  ".join(title.ljust(width) for title, width in zip(titles, widths, strict=True)).rstrip(), "dim")])
    for resource, row in zip(shown, rows, strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        style = "warn" if _is_full(resource) else ""
        line = [(f"  {cells[0]}  ", "label.key"), (cells[1], "")]
        out.lines.append([*line, (f"  {cells[2]}", style), (f"  {cells[3]}  {cells[4]}".rstrip(), "")] if known else line)
    if nothing:
        out.text(f"0 of {', '.join(nothing)}", "dim")


def _is_full(resource: NodeResource) -> bool:
    return resource.requested is not None and bool(resource.allocatable) and resource.requested * 10 >= resource.allocatable * 9


def _resource(resource: NodeResource) -> tuple[str, str, str, str, str]:
    name = resource.resource
    whole = f" of {amount(name, resource.capacity)}" if resource.capacity != resource.allocatable else ""
    usable = amount(name, resource.allocatable) + whole
    if resource.requested is None:
        return name, usable, "", "", ""
    free = max(Fraction(0), resource.allocatable - resource.requested)
    limits = "" if name == "pods" else _share(name, resource.limited or Fraction(0), resource.allocatable)
    return name, usable, _share(name, resource.requested, resource.allocatable), limits, amount(name, free)


def _share(name: str, part: Fraction, whole: Fraction) -> str:
    """`1.2 (30 %)`."""
    return amount(name, part) + (f" ({int(part * 100 / whole)} %)" if whole else "")


def _pods(out: LineCollector, node: NodeDetails, pods: list[PodRow], now: float, width: int) -> None:
    """Each pod that has not finished, with its requests and limits of CPU and memory as parts of the node, and its age."""
    out.title("Pods", f"{len(pods)} that have not finished; requests, limits, age")
    whole = {one.resource: one.allocatable for one in node.resources}
    names = [f"{pod.namespace}/{pod.name}" for pod in pods[:_PODS_SHOWN]]
    room = min(max(map(len, names), default=0), 60)
    for name, pod in zip(names, pods, strict=False):
        old = age(max(0.0, now - pod.created)) if pod.created is not None else ""
        asks = ", ".join(_asked(pod, resource, whole.get(resource, Fraction(0))) for resource in ("cpu", "memory"))
        others = [f"{key} {amount(key, value)}" for key, value in pod.requests.items() if value and key not in ("cpu", "memory")]
        words = ", ".join([asks, *others])
        if width >= _WIDE:
            out.lines.append([(f"  {name:<{room}}  ", ""), (f"{old:<6} {pod.phase:<8} ", "dim"), (words, "dim")])
        else:
            out.lines += [[(f"  {name}", ""), (f"  {old}  {pod.phase}", "dim")], [(f"      {words}", "dim")]]
    if len(pods) > _PODS_SHOWN:
        out.text(f"… and {len(pods) - _PODS_SHOWN} more", "dim")


def _asked(pod: PodRow, resource: str, whole: Fraction) -> str:
    """`cpu 100m (2 %), limit 1 (25 %)`."""
    asked, most = pod.requests.get(resource, Fraction(0)), pod.limits.get(resource, Fraction(0))
    limit = f"limit {_share(resource, most, whole)}" if most else "no limit"
    return f"{resource} {_share(resource, asked, whole)}, {limit}" if asked else f"{resource} 0, {limit}"
