"""`scale:N[,churn=R]`: N pods in 50 namespaces, on as many nodes as they need, running from the first moment.

The pods are stored in the state that a kubelet would have brought them to, and share every part that is alike, so that
10,000 of them cost little time and memory.
"""

from __future__ import annotations

import difflib
import random
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from podtui.demo.kubelet.nodes import node
from podtui.demo.scenarios.model import Scenario
from podtui.demo.storage.kinds import NAMESPACES, PODS, Kind
from podtui.errors import UsageError
from podtui.text import harmless

NAMESPACE_COUNT = 50
MOST = 200_000
_PER_NODE = 110
_APPS = ("web", "api", "db", "worker", "cache", "queue", "search", "mail")
_TIERS = {"web": "front", "api": "back", "db": "data", "worker": "back", "cache": "data", "queue": "back", "search": "back", "mail": "back"}
_ENVIRONMENTS = ("prod", "staging", "debug")


def scale(text: str) -> Scenario:
    """The scenario of `scale:10000` or `scale:10000,churn=20` (20 pods a second are replaced). Raises UsageError."""
    head, *options = text.split(",")
    number = re.fullmatch(r"scale:(\d{1,9})", head)
    if number is None or not 1 <= int(number[1]) <= MOST:
        raise UsageError(
            f"--scenario: {harmless(text)!r} is not a scale", f"write scale:N with 1 to {MOST:,} pods, such as scale:10000,churn=20"
        )
    churn = 0.0
    for option in options:
        key, _, value = option.partition("=")
        if key != "churn":
            hint = ", did you mean churn=R?" if difflib.get_close_matches(key, ["churn"], cutoff=0.5) else " (known: churn=R)"
            raise UsageError(f"--scenario: there is no {harmless(key)!r} in scale:N{hint}")
        if not re.fullmatch(r"\d+(\.\d+)?", value) or float(value) > 1000:
            raise UsageError(
                f"--scenario: churn={harmless(value)} is not a number of pods a second", "write 0 to 1000: scale:10000,churn=20"
            )
        churn = float(value)
    pods = int(number[1])
    return Scenario(
        name=text,
        title=f"{pods:,} pods" + (f", {churn:g} replaced every second" if churn else ""),
        show="all",
        nodes=partial(_nodes, pods),
        ready=partial(_objects, pods),
        churn=churn,
    )


def node_count(pods: int) -> int:
    """How many nodes `pods` pods need, with a little room for those that come before others have gone."""
    return max(3, -(-pods // (_PER_NODE - 10)))


def _nodes(pods: int, now: str) -> Iterator[dict[str, Any]]:
    count = node_count(pods)
    for number in range(count):
        labels = {"disktype": "ssd" if number % 3 == 0 else "hdd", "topology.kubernetes.io/zone": f"zone-{'abc'[number % 3]}"}
        yield node(f"node-{number + 1:0{len(str(count))}}", number, now, labels=labels, cpu=32, memory="128Gi", pods=_PER_NODE)


def namespace_of(number: int) -> str:
    return f"ns-{number % NAMESPACE_COUNT + 1:02}"


def _objects(pods: int, now: float) -> Iterator[tuple[Kind, dict[str, Any]]]:
    """The namespaces and then the pods; `now` in Unix seconds is the start, before which they were made."""
    chance = random.Random(0)
    for number in range(min(pods, NAMESPACE_COUNT)):
        name = namespace_of(number)
        metadata = {"name": name, "labels": {"kubernetes.io/metadata.name": name}}
        state = {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
        yield NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata, **state}
    nodes = [one["metadata"]["name"] for one in _nodes(pods, "")]
    makers = {app: PodMaker(app) for app in _APPS}
    for number in range(pods):
        app = _APPS[number // NAMESPACE_COUNT % len(_APPS)]
        made = int(now - chance.expovariate(1 / 86400.0) - 60)
        place = number % len(nodes), number // len(nodes)
        yield PODS, makers[app].running(number, nodes[place[0]], place, made)


class PodMaker:
    """Makes the running pods of one application."""

    def __init__(self, app: str) -> None:
        self.app = app
        container: dict[str, Any] = {
            "name": app,
            "image": f"example/{app}:1.4",
            "imagePullPolicy": "IfNotPresent",
            "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        }
        self._containers = [container]
        self._tolerations = [
            {"effect": "NoExecute", "key": f"node.kubernetes.io/{key}", "operator": "Exists", "tolerationSeconds": 300}
            for key in ("not-ready", "unreachable")
        ]
        self._spec = {
            "containers": self._containers,
            "dnsPolicy": "ClusterFirst",
            "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority",
            "priority": 0,
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "serviceAccount": "default",
            "serviceAccountName": "default",
            "terminationGracePeriodSeconds": 1,
            "tolerations": self._tolerations,
        }
        self._labels = {
            environment: {"app": app, "tier": _TIERS[app], "env": environment, "release": "stable" if environment == "prod" else "canary"}
            for environment in _ENVIRONMENTS
        }

    def fresh(self, name: str, namespace: str, environment: str) -> dict[str, Any]:
        """A pod as a user creates it, for the scheduler to place."""
        spec = {"terminationGracePeriodSeconds": 1, "containers": [{"name": self.app, "image": f"example/{self.app}:1.4"}]}
        metadata = {"name": name, "namespace": namespace, "labels": dict(self._labels[environment])}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    def running(self, number: int, node_name: str, place: tuple[int, int], made: int) -> dict[str, Any]:
        """Pod `number`, running since `made` (Unix seconds) as the `place[1]`th pod of node `place[0]`."""
        time = datetime.fromtimestamp(made, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        address = f"10.{64 + place[0] // 250}.{place[0] % 250}.{place[1] % 250 + 2}"
        host = f"192.168.{10 + place[0] // 250}.{place[0] % 250 + 2}"
        conditions = [
            {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": time}
            for kind in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
        ]
        status = {
            "phase": "Running",
            "conditions": conditions,
            "hostIP": host,
            "hostIPs": [{"ip": host}],
            "podIP": address,
            "podIPs": [{"ip": address}],
            "qosClass": "Burstable",
            "startTime": time,
            "containerStatuses": [
                {
                    "containerID": f"podtui-demo://{number:064x}",
                    "image": f"example/{self.app}:1.4",
                    "imageID": f"example/{self.app}@sha256:{zlib.crc32(self.app.encode()):064x}",
                    "lastState": {},
                    "name": self.app,
                    "ready": True,
                    "restartCount": 0,
                    "started": True,
                    "state": {"running": {"startedAt": time}},
                }
            ],
        }
        labels = self._labels[_ENVIRONMENTS[number % len(_ENVIRONMENTS)]]
        metadata = {"name": f"{self.app}-{number:05}", "namespace": namespace_of(number), "labels": labels, "creationTimestamp": time}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**self._spec, "nodeName": node_name}, "status": status}
