"""Pods, nodes and namespaces within and outside the API's promises, through diagnosis, description and effects: never an exception, and
never an escape sequence on the screen."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from podtui.cluster.diagnose.diagnose import diagnose
from podtui.cluster.diagnose.findings import Facts
from podtui.cluster.impact.effects import deletion, relabelling
from podtui.cluster.impact.finalizers import what_holds_namespace
from podtui.cluster.impact.objects import Pod
from podtui.cluster.impact.related import Surroundings
from podtui.cluster.pods.details import describe
from podtui.cluster.pods.events import read_events
from podtui.cluster.pods.nodes import describe_node, device_pools, pod_rows, read_lease
from podtui.kube.resource_requests import loads
from podtui.kube.resources import NAMESPACES, NODES, PODS
from podtui.ui.details.describe_node import node_text
from podtui.ui.details.describe_pod import pod_text
from podtui.ui.details.events import event_lines
from podtui.ui.details.kinds import tabs_of
from podtui.ui.details.why import diagnosis_lines
from podtui.ui.widgets.text_document import Document, Line

Object = dict[str, Any]
NOW = 1_800_000_000.0
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

WORDS = """Running Pending Succeeded Failed Unknown Never Always True False In NotIn n app 2026-01-01T00:00:00Z 0001-01-01T00:00:00Z
    9999-12-31T23:59:59+14:00 10m 1e9999 -1Ki windows CrashLoopBackOff ErrImagePull OOMKilled ContainerStatusUnknown Evicted Restart
    [b]markup[/] status.podIP metadata.labels['x'] limits.cpu""".split()
LONGER = ["", "9" * 400, "\x1b[31mred\x1b]0;t\x07", "\x9b2J", "\u202eevil", "a\nb\tc", "0/3 nodes are available: 3 node(s) had taints."]
texts = st.one_of(st.sampled_from([*WORDS, *LONGER]), st.text(max_size=6))
numbers = st.one_of(st.integers(-5, 300), st.sampled_from([2**31, -(2**63), 2**64, 10**400]), st.floats())
KEYS = """metadata spec status name namespace uid labels annotations finalizers deletionTimestamp creationTimestamp ownerReferences
    containers initContainers ephemeralContainers containerStatuses initContainerStatuses state lastState running waiting
    terminated exitCode signal reason message startedAt finishedAt restartCount restartPolicy restartPolicyRules exitCodes
    operator values action phase conditions type nodeName nodeSelector os volumes projected sources configMap items path
    fieldRef resourceFieldRef env valueFrom envFrom resources requests limits cpu memory ports containerPort tolerations
    topologySpreadConstraints labelSelector matchExpressions capacity allocatable nodeInfo addresses taints podCIDRs overhead
    readinessGates schedulingGates resize""".split()
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | texts, inner, max_size=5),
    max_leaves=25,
)
parts = {"metadata": values, "spec": values, "status": values}


def near(valid: Object) -> st.SearchStrategy[Object]:
    """An object as the API promises it, with a few values replaced by anything."""

    def broken(choices: list[tuple[int, Any]]) -> Object:
        made = msgspec.json.decode(msgspec.json.encode(valid))
        places = list(_places(made))
        for number, value in choices:
            holder, key = places[number % len(places)]
            holder[key] = value
        return dict(made)

    return st.lists(st.tuples(st.integers(0, 10_000), values), max_size=4).map(broken)


def _places(value: Any) -> Iterable[tuple[Any, Any]]:
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from _places(inner)


ENDED = {"terminated": {"exitCode": 137, "reason": "Error", "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:01:00Z"}}
CONTAINER: Object = {
    "name": "app",
    "image": "i",
    "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
    "ports": [{"containerPort": 1}],
    "env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}}],
    "envFrom": [{"configMapRef": {"name": "c"}}],
    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    "command": ["a"],
    "livenessProbe": {"httpGet": {"port": 80}},
    "restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}],
}
POD: Object = {
    "metadata": {
        "name": "p",
        "namespace": "shop",
        "uid": "u",
        "labels": {"a": "b"},
        "annotations": {"x": "y"},
        "finalizers": ["a/b"],
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "ownerReferences": [{"kind": "Job", "name": "j", "uid": "o", "controller": True}],
    },
    "spec": {
        "nodeName": "n",
        "restartPolicy": "OnFailure",
        "tolerations": [{"key": "a", "operator": "Exists", "tolerationSeconds": 3}],
        "initContainers": [{"name": "side", "image": "i", "restartPolicy": "Always"}],
        "containers": [CONTAINER],
        "volumes": [{"name": "v", "projected": {"sources": [{"configMap": {"items": [{"key": "k", "path": "p", "mode": 1}]}}]}}],
        "topologySpreadConstraints": [{"topologyKey": "z", "maxSkew": 1, "labelSelector": {"matchLabels": {"a": "b"}}}],
    },
    "status": {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        "containerStatuses": [{"name": "app", "state": ENDED, "lastState": ENDED, "restartCount": 1}],
        "initContainerStatuses": [{"name": "side", "state": ENDED}],
        "podIPs": [{"ip": "10.0.0.1"}],
    },
}
NODE: Object = {
    "metadata": {"name": "n", "labels": {"a": "b"}, "annotations": {"x": "y"}},
    "spec": {"podCIDRs": ["10.0.0.0/24"], "taints": [{"key": "a", "effect": "NoSchedule"}]},
    "status": {"capacity": {"cpu": "4", "memory": "8Gi"}, "allocatable": {"cpu": "3900m"}, "nodeInfo": {"bootID": "b"},
               "addresses": [{"type": "Hostname", "address": "n"}],
               "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}]},
}  # fmt: skip
pods = near(POD) | st.fixed_dictionaries({}, optional=parts)
nodes = near(NODE) | st.fixed_dictionaries({}, optional=parts)


def harmless_on_screen(lines: Iterable[Line]) -> None:
    document = Document(list(lines))
    for number in range(len(document)):
        for text in (document.text(number), document.prepared(number).text):
            assert not UNSAFE.search(text), text


@settings(max_examples=120, deadline=None)
@given(pods, nodes)
def test_no_pod_makes_its_diagnosis_fail_or_escape(pod: Object, node: Object) -> None:
    found = diagnose(Facts(pod, NOW, events=read_events([pod, node]), nodes=[node, pod], loads={}, node=node))
    assert found.findings
    harmless_on_screen(diagnosis_lines(found, 80))


@settings(max_examples=120, deadline=None)
@given(pods, nodes)
def test_no_object_makes_its_description_fail_or_escape(pod: Object, node: Object) -> None:
    harmless_on_screen(pod_text(describe(pod), NOW, 80).lines)
    harmless_on_screen(node_text(describe_node(node, pod_rows([pod, pod])), pod_rows([pod, node]), "", 80, NOW).lines)
    harmless_on_screen(event_lines(read_events([pod, node]), NOW, 80))
    loads([pod, node])
    read_lease(node)
    device_pools([pod, node])
    host: Any = SimpleNamespace(key_of=lambda tab: "a", key_of_command=lambda command: "a", refresh_tab=lambda: None)
    for resource in (PODS, NODES, NAMESPACES):
        description = tabs_of(resource).find("describe")
        assert description is not None
        harmless_on_screen(description.make(host).text(node if resource == NODES else pod, 80).lines)


@settings(max_examples=120, deadline=None)
@given(pods, st.dictionaries(texts, st.none() | texts, max_size=3))
def test_the_effects_of_a_pod_that_can_be_read_have_no_escapes(pod: Object, changes: dict[str, str | None]) -> None:
    for words in what_holds_namespace(pod):
        assert not UNSAFE.search(words)
    try:
        read = msgspec.json.decode(msgspec.json.encode(pod), type=Pod)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeEncodeError):
        return  # the request for it raises UnreadableAnswer
    around = Surroundings("shop", pods=[read, read])
    for effect in [*deletion(around), *relabelling(around, changes)]:
        assert not UNSAFE.search(str(effect))
