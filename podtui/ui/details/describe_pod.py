"""Everything that `kubectl describe` says about a pod: first how it is, then its containers and what they share, then the rest."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from podtui.cluster.live.live_objects import LiveObjects
from podtui.cluster.pods.details import PodDetails, describe
from podtui.cluster.pods.volumes import Volume
from podtui.kube.ages import age
from podtui.kube.resources import ObjectRef
from podtui.text import counted
from podtui.ui.details.describe import EVENTS, DescribeTab, add_annotations, add_conditions, add_labels
from podtui.ui.details.describe_container import add_container, amounts
from podtui.ui.details.tabs import TabHost, TabText
from podtui.ui.details.text import LineCollector, moment, since

_BAD = ("DisruptionTarget", "PodResizePending", "PodResizeInProgress")  # conditions of which False is the good status
_OVER = ("Ready", "ContainersReady")  # which are False when a pod has completed


class DescribePodTab(DescribeTab):
    def __init__(self, host: TabHost) -> None:
        super().__init__(host)
        self._described: tuple[Mapping[str, Any], PodDetails] | None = None  # a version of the pod, and its details

    def forget(self) -> None:
        super().forget()
        self._described = None

    def sources(self, about: ObjectRef) -> Mapping[str, LiveObjects]:
        return {EVENTS: self.events(about)}

    def text(self, obj: Mapping[str, Any], width: int) -> TabText:
        if self._described is None or self._described[0] is not obj:
            self._described = obj, describe(obj)
        out = pod_text(self._described[1], width=width, why=self.host.key_of("why"), annotations=self.host.key_of("annotations"))
        self.add_events(out, width)
        return TabText(out.lines)


def pod_text(pod: PodDetails, now: float | None = None, width: int = 0, why: str = "", annotations: str = "") -> LineCollector:
    """What the pod itself says, without its events; prose folded at `width` columns (0: not at all).

    `why` and `annotations` are the keys of those tabs, which the text mentions; "" for none.
    """
    now = time.time() if now is None else now
    out = LineCollector(width)
    _summary(out, pod, now)
    if why and pod.is_troubled:
        out.lines.append([(f"{why} ", "label.key"), ("explains why, and what to do", "dim")])
    for container in pod.containers:
        clashing = {(conflict.number, conflict.protocol) for conflict in pod.conflicts if container.name in conflict.containers}
        windows, over = pod.operating_system == "windows", pod.phase == "Succeeded"
        add_container(out, container, now, clashing, windows=windows, over=over)
    _shared(out, pod)
    _pod(out, pod, now)
    _scheduling(out, pod)
    if pod.conditions:
        out.title("Conditions")
        good = {kind: "False" for kind in (*_BAD, *(_OVER if pod.phase == "Succeeded" else ()))}
        add_conditions(out, pod.conditions, now, good)
    add_labels(out, pod.labels)
    add_annotations(out, pod.annotations, annotations)
    return out


def _summary(out: LineCollector, pod: PodDetails, now: float) -> None:
    lasting = [container for container in pod.containers if container.kind in ("container", "sidecar")]
    words = [f"{sum(container.ready for container in lasting)} of {len(lasting)} ready"] if lasting else []
    restarts = sum(container.restarts for container in pod.containers)
    words.append(counted(restarts, "restart"))
    if pod.created is not None:
        words.append(f"created {since(pod.created, now)}")
    status = ": ".join(filter(None, [pod.phase, pod.reason])) or "no status yet"
    out.lines.append([(status, _phase_style(pod)), ("  " + ", ".join(words), "dim")])
    if pod.deleted is not None:
        left = pod.deleted - now  # deletionTimestamp is when the grace period ends
        grace = f", {pod.grace_period}s of grace" if pod.grace_period is not None else ""
        when = f"{age(left)} left" if left > 0 else f"overdue for {age(-left)}"
        out.text(f"Terminating{grace}, {when} (until {moment(pod.deleted)})", "warn", 0)
        if pod.finalizers:
            out.text(f"waits for its finalizers: {', '.join(pod.finalizers)}", "warn", 0)
    if pod.message:
        out.text(pod.message, "warn", 0)
    if pod.pending:
        out.text(f"Pending: {pod.pending}", "warn", 0)
    for conflict in pod.conflicts:
        out.text(f"! Conflict: {conflict.words}", "error", 0)


def _phase_style(pod: PodDetails) -> str:
    if pod.deleted is not None:
        return "status.gone"
    styles = {"Running": "status.ok", "Succeeded": "status.done", "Failed": "status.error", "Pending": "status.wait"}
    return styles.get(pod.phase, "status.warn")


def _shared(out: LineCollector, pod: PodDetails) -> None:
    out.title("Shared by the containers")
    out.entry("Pod IP", ", ".join(pod.ips) or "none yet", "" if pod.ips else "dim")
    note = " (the node's network: hostNetwork)" if pod.host_network else ""
    out.entry("Host name", (pod.host_name or "not known yet") + note)
    out.entry("Subdomain", pod.subdomain)
    out.entry("Namespaces", ", ".join(pod.shared_namespaces))
    for conflict in pod.conflicts:
        out.entry("Conflict", conflict.words, "error")
    for volume in pod.volumes:
        out.entry("Volume", _volume(volume), "" if volume.type else "error")
        for fact in volume.facts:
            out.entry("", f"  {fact}", "dim")
        for container, mount in volume.mounts:
            extra = [f"only {mount.sub_path}"] * bool(mount.sub_path) + ["read-only"] * mount.read_only
            out.entry("", f"  {container} at {mount.path}" + (f" ({', '.join(extra)})" if extra else ""))


def _volume(volume: Volume) -> str:
    kind = f"{volume.type} {volume.detail}".rstrip() if volume.type else "the pod has no such volume"
    by = "shared" if volume.shared else "" if volume.mounts else "mounted by no container"
    return f"{volume.name}: {kind}" + (f", {by}" if by else "")


def _pod(out: LineCollector, pod: PodDetails, now: float) -> None:
    out.title("Pod")
    out.entry("Namespace", pod.namespace)
    out.entry("Node", pod.node + (f" ({', '.join(pod.host_ips)})" if pod.host_ips else "") if pod.node else "not scheduled yet")
    out.entry("Nominated", pod.nominated_node)
    out.entry("QoS class", pod.qos)
    out.entry("Owner", ", ".join(pod.owners) or "none: nothing recreates it")
    out.entry("Account", pod.service_account)
    out.entry("Restarted", pod.restart_policy)
    out.entry("Priority", pod.priority)
    out.entry("Requests", amounts(pod.requests))
    out.entry("Limits", amounts(pod.limits))
    out.entry("Seccomp", pod.seccomp)
    out.entry("System", pod.operating_system)
    out.entry("Runtime", pod.runtime_class)
    out.entry("Finalizers", ", ".join(pod.finalizers))
    out.entry("Created", since(pod.created, now))
    out.entry("Started", since(pod.started, now))
    out.entry("UID", pod.uid, "dim")


def _scheduling(out: LineCollector, pod: PodDetails) -> None:
    """What decides about its node."""
    selector = [f"{key}={text}" for key, text in sorted(pod.node_selector.items())]
    gates = [f"{kind}: {status or 'not set yet'}" for kind, status in pod.readiness_gates]
    own = pod.scheduler if pod.scheduler != "default-scheduler" else ""
    if not (selector or pod.tolerations or pod.spread or gates or pod.scheduling_group or own):
        return
    out.title("Scheduling")
    out.listed("Selector", selector)
    out.listed("Tolerations", pod.tolerations)
    out.listed("Spread", pod.spread)
    out.entry("Group", pod.scheduling_group)
    out.entry("Scheduler", own)
    out.listed("Gates", gates)
