"""Lists of a pod with nulls in them, as a careless admission webhook leaves them: everything that reads a pod reads past them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from podtui.cluster.changes import recreate
from podtui.cluster.diagnose.creating import references
from podtui.cluster.diagnose.diagnose import diagnose
from podtui.cluster.diagnose.findings import Facts
from podtui.cluster.diagnose.unscheduled import claims, is_unplaced
from podtui.cluster.pods import running_pod
from podtui.cluster.pods.container_runs import containers_of, default_container, over, runs_of
from podtui.cluster.pods.containers import conflicts, containers
from podtui.cluster.pods.details import describe
from podtui.cluster.pods.nodes import pod_rows
from podtui.cluster.pods.placement import beyond
from podtui.kube.objects import controller_of, is_true
from podtui.kube.ports import container_ports
from podtui.kube.resource_requests import host_ports, is_over, limits, loads, requests
from podtui.kube.resources import PODS, ObjectRef

REF = ObjectRef(PODS, "web", "shop")
EXPRESSION = {"key": "zone", "operator": "In", "values": ["a"]}
CONTAINER: dict[str, Any] = {
    "name": "main",
    "image": "web:1",
    "command": ["web"],
    "args": ["-v"],
    "ports": [{"containerPort": 80, "hostPort": 80, "name": "http"}],
    "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}],
    "envFrom": [{"secretRef": {"name": "s"}}],
    "volumeMounts": [
        {"name": "v", "mountPath": "/v"},
        {"name": "kube-api-access-x", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"},
    ],
    "volumeDevices": [{"name": "v", "devicePath": "/d"}],
    "resources": {"requests": {"cpu": "1"}, "claims": [{"name": "gpu"}]},
    "securityContext": {"capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}},
}
STATUS = {"name": "main", "ready": False, "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
POD: dict[str, Any] = {
    "kind": "Pod",
    "metadata": {
        "name": "web",
        "namespace": "shop",
        "uid": "u",
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web", "uid": "r", "controller": True}],
        "finalizers": ["example.com/f"],
        "managedFields": [{"manager": "m", "operation": "Update", "fieldsV1": {}}],
    },
    "spec": {
        "containers": [CONTAINER],
        "initContainers": [{**CONTAINER, "name": "first", "restartPolicy": "Always"}],
        "ephemeralContainers": [{**CONTAINER, "name": "debug"}],
        "volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "s", "items": [{"key": "k", "path": "p"}]}}]}}],
        "tolerations": [{"key": "k", "operator": "Exists"}],
        "imagePullSecrets": [{"name": "s"}],
        "hostAliases": [{"ip": "1.1.1.1", "hostnames": ["h"]}],
        "readinessGates": [{"conditionType": "x"}],
        "schedulingGates": [{"name": "g"}],
        "resourceClaims": [{"name": "gpu", "resourceClaimName": "c"}],
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "labelSelector": {"matchExpressions": [EXPRESSION]}}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [EXPRESSION], "matchFields": [EXPRESSION]}]
                },
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {"matchExpressions": [EXPRESSION]}}],
            },
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "zone", "labelSelector": {"matchExpressions": [EXPRESSION]}}
                ]
            },
        },
    },
    "status": {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        "containerStatuses": [STATUS],
        "initContainerStatuses": [{**STATUS, "name": "first"}],
        "ephemeralContainerStatuses": [{**STATUS, "name": "debug"}],
        "podIPs": [{"ip": "10.0.0.1"}],
        "hostIPs": [{"ip": "10.0.0.2"}],
    },
}

READERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "ports": container_ports,
    "containers": lambda pod: conflicts(containers(pod)),
    "details": describe,
    "names of containers": lambda pod: [runs_of(pod, name) for name in (*containers_of(pod), default_container(pod))],
    "controller": controller_of,
    "over": lambda pod: (over(pod), is_over(pod), is_true(pod, "Ready"), running_pod.is_leaving(pod)),
    "references": references,
    "why": lambda pod: diagnose(Facts(pod, 1.8e9)),
    "scheduling": lambda pod: (claims(pod), is_unplaced(pod), beyond(pod)),
    "resources": lambda pod: (requests(pod), limits(pod), host_ports(pod), loads([pod])),
    "rows of a node": lambda pod: pod_rows([pod]),
    "made again": lambda pod: (recreate.manifest(pod), recreate.owner(pod), recreate.why_not(REF, pod)),
}


def lists(value: Any, path: str = "") -> Iterator[tuple[str, list[Any]]]:
    if isinstance(value, list):
        yield path, value
    for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ():
        yield from lists(inner, f"{path}.{key}")


@pytest.mark.parametrize("name", READERS)
def test_nulls_in_the_lists_of_a_pod_are_read_past(name: str) -> None:
    read = READERS[name]
    read(copy.deepcopy(POD))
    for index in range(len(list(lists(POD)))):
        for nulls in (slice(0, 0), slice(0, None)):  # before the items, instead of them
            pod = copy.deepcopy(POD)
            path, found = list(lists(pod))[index]
            found[nulls] = [None]
            try:
                read(pod)
            except Exception as error:
                raise AssertionError(f"a null in {path}") from error
