"""What the tab Describe tells beside the object itself: what it follows, and how long texts are kept short."""

from __future__ import annotations

import json
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from podtui.cluster.pods.details import describe
from podtui.cluster.pods.environment import variables
from podtui.cluster.pods.nodes import describe_node, device_pools, pod_rows, read_lease
from podtui.cluster.pods.volumes import volumes
from podtui.errors import Forbidden
from podtui.kube.resource_requests import limits
from podtui.kube.resources import NODES, ObjectRef
from podtui.kube.scheduling import label_selector_text, toleration_text
from podtui.ui.details.describe import add_annotations
from podtui.ui.details.describe_namespace import DescribeNamespaceTab
from podtui.ui.details.describe_node import DescribeNodeTab, node_text
from podtui.ui.details.describe_pod import pod_text
from podtui.ui.details.events import live_event_lines
from podtui.ui.details.text import LineCollector
from podtui.ui.widgets.text_document import Line
from tests.support.api_server import not_found, not_served, page
from tests.unit.cluster.pods.test_details import NOW, pod

Object = dict[str, Any]


def text(lines: Iterable[Line]) -> str:
    return "\n".join(line if isinstance(line, str) else "".join(part for part, _ in line) for line in lines)


@pytest.mark.parametrize(
    ("toleration", "words"),
    [
        ({"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}, "a:NoExecute op=Exists for 300s"),
        ({"key": "a", "operator": "Equal", "value": "b", "effect": "NoSchedule"}, "a=b:NoSchedule"),
        ({"key": "a", "value": "b"}, "a=b"),
        ({"operator": "Exists"}, "op=Exists"),
        ({"operator": "Exists", "tolerationSeconds": 0}, "op=Exists for 0s"),
        ({"key": "a", "operator": "Lt", "value": "5"}, "a=5 op=Lt"),
    ],
)
def test_a_toleration_is_written_as_kubectl_writes_it(toleration: Object, words: str) -> None:
    assert toleration_text(toleration) == words


def test_a_selector_of_labels_is_written_as_its_query() -> None:
    expressions = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "x", "operator": "NotIn", "values": ["1"]},
        {"key": "y", "operator": "Exists"},
        {"key": "canary", "operator": "DoesNotExist"},
    ]
    assert label_selector_text({"matchLabels": {"app": "web"}, "matchExpressions": expressions}) == (
        "app=web,tier in (a,b),x notin (1),y,!canary"
    )


@pytest.mark.parametrize(
    ("source", "value", "words"),
    [
        ({"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}, "10.0.0.1", "v1:status.podIP"),
        ({"fieldRef": {"fieldPath": "metadata.labels['app']"}}, "web", "v1:metadata.labels['app']"),
        ({"fieldRef": {"fieldPath": "spec.unheardOf"}}, "", "v1:spec.unheardOf"),
        ({"resourceFieldRef": {"resource": "limits.cpu"}}, "2", "limits.cpu"),
        ({"resourceFieldRef": {"resource": "requests.memory", "divisor": "1Mi"}}, "64", "requests.memory"),
        ({"resourceFieldRef": {"resource": "limits.memory"}}, "node allocatable", "limits.memory"),
        ({"resourceFieldRef": {"resource": "requests.cpu", "divisor": "nonsense"}}, "0", "requests.cpu"),
        ({"secretKeyRef": {"name": "db", "key": "password"}}, "", "key password of Secret/db"),
        ({"configMapKeyRef": {"name": "cfg", "key": "a", "optional": True}}, "", "key a of ConfigMap/cfg, optional"),
        ({"fileKeyRef": {"volumeName": "v", "path": "a.env", "key": "K"}}, "", "key K of the file a.env in volume v"),
        ({"nextYearRef": {}}, "", "nextYearRef, which podtui does not know"),
    ],
)
def test_a_variable_says_its_value_and_where_it_comes_from(source: Object, value: str, words: str) -> None:
    container = {
        "name": "c",
        "env": [{"name": "V", "valueFrom": source}],
        "resources": {"limits": {"cpu": "1500m"}, "requests": {"memory": "64Mi"}},
    }
    of = {"metadata": {"labels": {"app": "web"}}, "status": {"podIP": "10.0.0.1"}}
    (found,) = variables(container, of)
    assert (found.name, found.value, found.source) == ("V", value, words)


def test_a_volume_of_any_kind_says_everything_that_its_source_says() -> None:
    items = [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "cpu", "resourceFieldRef": {"resource": "limits.cpu"}},
    ]
    listed = [
        {"name": "down", "downwardAPI": {"items": items, "defaultMode": 420}},
        {
            "name": "csi",
            "csi": {"driver": "d.example", "fsType": "ext4", "volumeAttributes": {"a": "b"}, "nodePublishSecretRef": {"name": "s"}},
        },
        {"name": "rbd", "rbd": {"monitors": ["a:1", "b:2"], "image": "i", "keyring": "/k", "readOnly": True}},
        {"name": "all", "projected": {"sources": [{"secret": {"name": "s", "items": [{"key": "k", "path": "p", "mode": 256}]}}]}},
        {"name": "odd", "fromNextYear": {"deep": {"er": [1, {"x": True}]}}},
    ]
    found = {one.name: (one.detail, one.facts) for one in volumes({"volumes": listed}, [])}
    assert found["down"] == ("", ("metadata.labels -> labels", "limits.cpu -> cpu"))
    assert found["csi"] == ("d.example", ("fsType: ext4", "volumeAttributes.a: b", "nodePublishSecretRef.name: s"))
    assert found["rbd"] == ("i, read-only", ("monitors: a:1, b:2", "keyring: /k"))
    assert found["all"] == ("Secret s", ("Secret: name: s; k -> p (mode 0400)",))
    assert found["odd"] == ("", ("deep.er: 1", "deep.er.x: true"))


def test_the_limits_of_a_pod_are_added_up_as_kubectl_does() -> None:
    container = {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}
    spec = {
        "initContainers": [{"resources": {"limits": {"cpu": "3"}}}, {"restartPolicy": "Always", **container}],
        "containers": [container, {"resources": {}}],
        "overhead": {"cpu": "500m", "ephemeral-storage": "1Gi"},
    }
    assert limits({"spec": spec}) == {"cpu": 3.5, "memory": 2 * 1024**3}, "overhead is added to limits that there are"
    whole = {**spec, "resources": {"limits": {"cpu": "2", "example.com/gpu": "1"}}}
    assert limits({"spec": whole})["cpu"] == 2.5 and "example.com/gpu" not in limits({"spec": whole})


def test_annotations_are_short_and_the_copy_of_the_object_is_left_out() -> None:
    out = LineCollector(80)
    add_annotations(
        out, {"a": "x", "long": "y" * 300, "many": "1\n2\n3\n4\n5", "kubectl.kubernetes.io/last-applied-configuration": "{}"}, "a"
    )
    shown = text(out.lines)
    assert shown.startswith("Annotations  4, a shows them in full\n  a: x\n  long:  300 B\n") and "y" * 139 + "…" in shown
    assert "      3\n      … 2 more lines" in shown and "last-applied" not in shown


def test_the_end_of_a_log_that_a_container_left_as_its_message_has_its_lines() -> None:
    message = "reading config\n  db: refused\n" + "word " * 30
    last = {"terminated": {"exitCode": 1, "reason": "Error", "message": message}}
    status = {"name": "app", "restartCount": 1, "state": {"running": {}}, "lastState": last}
    described = describe(pod({"name": "app", "image": "app:1"}, status={"containerStatuses": [status]}))
    shown = text(pod_text(described, NOW, 60).lines).split("\n")
    first = next(place for place, line in enumerate(shown) if line.strip() == "reading config")
    assert shown[first + 1].strip() == "db: refused"
    assert "word" in shown[first + 2] and "word" in shown[first + 3]


def test_scheduling_gates_of_readiness_and_resources_of_the_whole_pod_are_told() -> None:
    spread = {"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1, "labelSelector": {"matchLabels": {"app": "web"}}}
    spec = {
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"operator": "Exists"}],
        "topologySpreadConstraints": [spread],
        "readinessGates": [{"conditionType": "lb/ready"}, {"conditionType": "x/y"}],
        "schedulingGroup": {"podGroupName": "gang"},
        "schedulerName": "other",
        "securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "my.json"}},
        "resources": {"requests": {"cpu": "2"}},
        "os": {"name": "windows"},
    }
    shown = text(
        pod_text(describe(pod({"name": "a"}, spec=spec, status={"conditions": [{"type": "lb/ready", "status": "True"}]})), NOW, 100).lines
    )
    for words in (
        "Selector     disk=ssd",
        "Tolerations  op=Exists",
        "Spread       zone:DoNotSchedule when max skew 1 is exceeded for selector app=web",
        "Group        gang",
        "Scheduler    other",
        "Gates        lb/ready: True\n               x/y: not set yet",
        "Seccomp      Localhost my.json",
        "Requests     cpu 2",
        "System       windows",
    ):
        assert words in shown, shown


def test_a_node_tells_its_lease_its_devices_and_the_limits_of_its_pods() -> None:
    resources = {"requests": {"cpu": "500m", "nvidia.com/gpu": "1"}, "limits": {"memory": "2Gi"}}
    on_it = {
        "metadata": {"name": "p", "namespace": "shop", "creationTimestamp": "2027-01-15T07:58:00Z"},
        "spec": {"containers": [{"resources": resources}]},
        "status": {"phase": "Running"},
    }
    info = {
        "machineID": "m-1",
        "systemUUID": "s-1",
        "bootID": "b-1",
        "osImage": "Debian",
        "operatingSystem": "linux",
        "architecture": "arm64",
    }
    node = {
        "metadata": {"name": "n", "annotations": {"a": "b"}},
        "spec": {"podCIDRs": ["10.0.0.0/24", "fd00::/64"]},
        "status": {"capacity": {"cpu": "2", "memory": "4Gi"}, "nodeInfo": info},
    }
    lease = read_lease({"spec": {"holderIdentity": "n", "renewTime": "2027-01-15T07:59:50.000000Z"}})
    slices = [{"spec": {"driver": "gpu.example", "pool": {"name": "n"}, "devices": [{}, {}]}}] * 2
    out = node_text(describe_node(node, pod_rows([on_it])), pod_rows([on_it]), "", 120, NOW, lease=lease, devices=device_pools(slices))
    shown = text(out.lines)
    for words in (
        "cpu             2            500m (25 %)  0 (0 %)    1.5",
        "memory          4Gi          0 (0 %)      2Gi (50 %)  4Gi",
        "Renewed      10s ago",
        "Holder       n",
        "Devices      4 of gpu.example in pool n (slices: 2)",
        "OS           Debian, linux, arm64",
        "Pod CIDR     10.0.0.0/24, fd00::/64",
        "System UUID  s-1",
        "shop/p  2m     Running  cpu 500m (25 %), no limit, memory 0, limit 2Gi (50 %), nvidia.com/gpu 1",
        "a: b",
    ):
        assert " ".join(words.split()) in " ".join(shown.split()), shown


def test_pods_that_change_in_a_flood_lead_to_one_new_text_of_their_node_a_second() -> None:
    texts: list[str] = []
    host: Any = SimpleNamespace(key_of=lambda tab: "a", refresh_tab=lambda: texts.append("again"))
    tab = DescribeNodeTab(host)
    pods = tab.sources(ObjectRef(NODES, "n"))["pods"]
    for number in range(50):
        metadata = {"name": "p", "uid": "u", "resourceVersion": str(number)}
        pods.take_event(json.dumps({"type": "MODIFIED", "object": {"metadata": metadata}}).encode())
        pods.chunk_taken()
    assert texts == ["again"]
    tab.forget()
    pods.list_done()
    pods.chunk_taken()
    assert texts == ["again", "again"], "another node's pods do not wait"


def test_a_namespace_tells_its_quotas_limits_and_what_it_waits_for() -> None:
    host: Any = SimpleNamespace(key_of=lambda tab: "a", key_of_command=lambda command: "^D", refresh_tab=lambda: None)
    tab = DescribeNamespaceTab(host)
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "10"}}, "status": {"hard": {"pods": "10"}, "used": {"pods": "3"}}}
    limit = {"type": "Container", "max": {"cpu": "2"}, "default": {"cpu": "1"}, "maxLimitRequestRatio": {"memory": "2"}}
    ranges = {"metadata": {"name": "l"}, "spec": {"limits": [limit]}}
    live: Any = {key: SimpleNamespace(items={"u": one}, trouble=None, known=True) for key, one in (("quotas", quota), ("limits", ranges))}
    tab._live = live
    condition = {"type": "NamespaceFinalizersRemaining", "status": "True", "reason": "SomeFinalizersRemain", "message": "a.b/c in 1"}
    obj = {
        "metadata": {"name": "shop", "labels": {"team": "a"}, "deletionTimestamp": "2027-01-15T07:58:00Z"},
        "status": {"phase": "Terminating", "conditions": [condition]},
    }
    shown = text(tab.text(obj, 100).lines)
    for words in (
        "Terminating",
        "It is being deleted for",
        "It is waiting: a.b/c in 1",
        "^D in the list counts what is left in it",
        "SomeFinalizersRemain: a.b/c in 1",
        "pods  3 of 10 used",
        "Container cpu: max 2, default limit 1",
        "Container memory: max limit/request ratio 2",
        "team=a",
        "loading the events",
    ):
        assert words in shown, shown


def test_what_the_server_does_not_serve_is_not_missed_but_a_page_with_404_is_told() -> None:
    tab = DescribeNamespaceTab(cast("Any", None))
    for trouble, words in ((not_served(), ""), (page(), page().what), (not_found("namespaces", "shop"), 'namespaces "shop" not found')):
        tab._live = {"quotas": cast("Any", SimpleNamespace(trouble=trouble, known=False))}
        assert tab.trouble("quotas", "quotas") == words


def test_events_that_are_polled_are_called_neither_stale_nor_forbidden() -> None:
    event = {"reason": "Pulled", "type": "Normal", "message": "it is here"}
    refused = Forbidden(403, "Forbidden", "you may not watch events")
    for trouble, words in ((None, "polling: you may not watch events"), (refused, "you may not read the events here")):
        live: Any = SimpleNamespace(known=True, items={"u": event}, error=refused, trouble=trouble)
        lines = text(live_event_lines(live, 80)).splitlines()
        assert lines[0] == words and "it is here" in lines[-1]
