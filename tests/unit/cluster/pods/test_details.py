"""What describe() reads out of a Pod, and how the details say it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.cluster.pods.containers import PortConflict, State, probe_text
from podtui.cluster.pods.details import PodDetails, describe
from podtui.ui.details.annotations import annotation_lines
from podtui.ui.details.describe_container import state_words
from podtui.ui.details.describe_pod import pod_text
from podtui.ui.details.text import moment, size
from podtui.ui.widgets.text_document import Line

NOW = 1_800_000_000.0
STARTED = "2027-01-15T07:58:00Z"  # 2 minutes before NOW


def pod(
    *containers: dict[str, Any], init: Iterable[dict[str, Any]] = (), spec: Any = None, status: Any = None, meta: Any = None
) -> dict[str, Any]:
    return {
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "u1", **(meta or {})},
        "spec": {"containers": list(containers), "initContainers": list(init), **(spec or {})},
        "status": status or {},
    }


def text(lines: Iterable[Line]) -> str:
    return "\n".join(line if isinstance(line, str) else "".join(part for part, _ in line) for line in lines)


def shown(obj: dict[str, Any], width: int = 0) -> str:
    return text(pod_text(describe(obj), NOW, width).lines)


def port(number: int, **more: Any) -> dict[str, Any]:
    return {"containerPort": number, **more}


# -- ports --------------------------------------------------------------------------------------------------------


def test_a_port_that_two_containers_declare_is_a_conflict() -> None:
    found = describe(pod({"name": "web", "ports": [port(8080)]}, {"name": "proxy", "ports": [port(8080, protocol="TCP")]}))
    assert found.conflicts == (PortConflict(8080, "TCP", ("web", "proxy")),)
    assert "share one IP" in found.conflicts[0].words and "web and proxy" in found.conflicts[0].words


def test_the_same_number_with_another_protocol_is_no_conflict() -> None:
    assert describe(pod({"name": "a", "ports": [port(53)]}, {"name": "b", "ports": [port(53, protocol="UDP")]})).conflicts == ()


def test_one_container_that_names_a_port_twice_is_no_conflict() -> None:
    assert describe(pod({"name": "a", "ports": [port(80, name="x"), port(80, name="y")]})).conflicts == ()


def test_a_sidecar_clashes_with_containers_and_with_later_init_containers() -> None:
    sidecar = {"name": "mesh", "restartPolicy": "Always", "ports": [port(80)]}
    later = {"name": "setup", "ports": [port(80)]}
    assert describe(pod({"name": "web", "ports": [port(80)]}, init=[sidecar])).conflicts[0].containers == ("mesh", "web")
    assert describe(pod({"name": "web"}, init=[sidecar, later])).conflicts[0].containers == ("mesh", "setup")


def test_an_init_container_has_ended_before_the_others_start() -> None:
    sidecar = {"name": "mesh", "restartPolicy": "Always", "ports": [port(80)]}
    init = {"name": "setup", "ports": [port(80)]}
    assert describe(pod({"name": "web", "ports": [port(80)]}, init=[init])).conflicts == ()
    assert describe(pod({"name": "web"}, init=[init, sidecar])).conflicts == ()


def test_a_conflict_stands_on_top_and_at_the_port() -> None:
    words = shown(pod({"name": "web", "ports": [port(80)]}, {"name": "proxy", "ports": [port(80)]}))
    assert "! Conflict: port 80/TCP is declared by web and proxy" in words
    assert words.count("80/TCP  ! another container declares it too") == 2


# -- containers ---------------------------------------------------------------------------------------------------


def test_containers_come_in_the_order_in_which_they_start() -> None:
    obj = pod(
        {"name": "web"},
        init=[{"name": "setup"}, {"name": "mesh", "restartPolicy": "Always"}],
        spec={"ephemeralContainers": [{"name": "dbg"}]},
    )
    assert [(found.name, found.kind) for found in describe(obj).containers] == [
        ("setup", "init"),
        ("mesh", "sidecar"),
        ("web", "container"),
        ("dbg", "ephemeral"),
    ]


def test_a_status_without_image_id_is_read_all_the_same() -> None:
    status = {"containerStatuses": [{"name": "web", "ready": True, "restartCount": 2, "state": {"running": {"startedAt": STARTED}}}]}
    found = describe(pod({"name": "web", "image": "a"}, status=status)).containers[0]
    assert (found.image_id, found.ready, found.restarts, found.state.kind) == ("", True, 2, "running")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State("running", started=NOW - 120), "Running for 2m"),
        (State("waiting", "CrashLoopBackOff"), "Waiting: CrashLoopBackOff"),
        (State("waiting"), "Waiting: no reason given"),
        (
            State("terminated", "Completed", "", NOW - 90, NOW - 60, 0),
            f"Terminated: Completed, exit code 0, ran 30s from {moment(NOW - 90)}, ended 60s ago ({moment(NOW - 60)})",
        ),
        (State("terminated", "OOMKilled", "", None, NOW - 1, 137), "exit code 137 (SIGKILL)"),
        (State("terminated", "Error", "", None, None, 1, 15), "exit code 1 (SIGTERM)"),
        (State("terminated", "Error", "", None, None, 255), "Terminated: Error, exit code 255"),
        (State(), "no state reported yet"),
    ],
)
def test_a_state_says_what_happened_why_and_when(state: State, words: str) -> None:
    assert words in state_words(state, NOW)[0]


def test_last_state_restarts_and_messages_are_described() -> None:
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    last = {"terminated": {"exitCode": 3, "reason": "Error", "startedAt": STARTED, "finishedAt": STARTED}}
    status = {"containerStatuses": [{"name": "web", "restartCount": 4, "state": waiting, "lastState": last}]}
    words = shown(pod({"name": "web"}, status=status))
    assert "Waiting: CrashLoopBackOff, not ready" in words and "back-off 10s" in words
    assert "Last state   Terminated: Error, exit code 3" in words and "Restarts     4" in words


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        ({"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}}, "http-get http://:8080/healthz"),
        ({"httpGet": {"path": "x", "port": "web", "host": "::1", "scheme": "HTTPS"}}, "http-get https://[::1]:web/x"),
        ({"exec": {"command": ["cat", "/tmp/x"]}}, "exec [cat /tmp/x]"),
        ({"tcpSocket": {"port": 80}}, "tcp-socket :80"),
        ({"grpc": {"port": 5000, "service": "a"}}, "grpc <pod>:5000 a"),
        ({"unheardOf": {}}, "unknown"),
    ],
)
def test_a_probe_is_one_line_as_in_kubectl_describe(probe: dict[str, Any], words: str) -> None:
    assert probe_text(probe) == f"{words} delay=0s timeout=1s period=10s successThreshold=1 failureThreshold=3"


def test_the_times_of_a_probe_are_its_own() -> None:
    probe = {
        "tcpSocket": {"port": 1},
        "initialDelaySeconds": 1,
        "timeoutSeconds": 2,
        "periodSeconds": 3,
        "successThreshold": 4,
        "failureThreshold": 5,
    }
    assert probe_text(probe) == "tcp-socket :1 delay=1s timeout=2s period=3s successThreshold=4 failureThreshold=5"


def test_requests_commands_variables_and_mounts_are_described() -> None:
    container = {
        "name": "web",
        "image": "busybox:1",
        "command": ["sh", "-c"],
        "args": ["echo 'a'\nexit"],
        "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": 64}},
        "env": [{"name": "A", "value": "one\ntwo"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "envFrom": [{"configMapRef": {"name": "cfg"}}, {"prefix": "K_", "secretRef": {"name": "key", "optional": True}}],
        "volumeMounts": [{"name": "data", "mountPath": "/d", "subPath": "logs", "readOnly": True}],
    }
    words = shown(pod(container))
    assert 'Command      ["sh", "-c"]' in words
    assert "Arguments    [\"echo 'a'\\nexit\"]" in words
    assert "Requests     cpu 10m" in words and "Limits       memory 64" in words
    assert "Environment  all of ConfigMap/cfg\n" in words and "all of Secret/key with prefix 'K_' (optional)\n" in words
    assert "A: one\n" in words and "  two\n" in words and "B: web-1 (v1:metadata.name)" in words
    assert '/d from data (ro,path="logs")' in words


# -- what they share ----------------------------------------------------------------------------------------------


def test_a_volume_says_its_type_and_who_mounts_it_where() -> None:
    mount = {"name": "data", "mountPath": "/data"}
    spec = {
        "volumes": [
            {"name": "data", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
            {"name": "cfg", "configMap": {"name": "app", "optional": True}},
            {"name": "all", "projected": {"sources": [{"serviceAccountToken": {}}, {"configMap": {"name": "ca"}}]}},
            {"name": "claim", "persistentVolumeClaim": {"claimName": "pvc", "readOnly": True}},
            {"name": "new", "fromNextYear": {"x": 1}},
        ]
    }
    found = describe(
        pod({"name": "a", "volumeMounts": [mount]}, {"name": "b", "volumeMounts": [mount, {"name": "lost", "mountPath": "/x"}]}, spec=spec)
    )
    assert [(volume.name, volume.type, volume.detail, len(volume.mounts)) for volume in found.volumes] == [
        ("data", "emptyDir", "Memory, at most 1Mi", 2),
        ("cfg", "configMap", "app, optional", 0),
        ("all", "projected", "service account token, ConfigMap ca", 0),
        ("claim", "persistentVolumeClaim", "pvc, read-only", 0),
        ("new", "fromNextYear", "", 0),
        ("lost", "", "", 1),
    ]
    assert found.volumes[0].shared and not found.volumes[5].shared
    assert "the pod has no such volume" in text(pod_text(found, NOW).lines)


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({}, "web-1"),
        ({"hostname": "www"}, "www"),
        ({"hostNetwork": True, "nodeName": "n7"}, "n7"),
        ({"hostname": "www", "subdomain": "sub", "setHostnameAsFQDN": True}, "www.sub.shop.svc.<cluster domain>"),
    ],
)
def test_the_host_name_is_what_the_containers_see(spec: dict[str, Any], name: str) -> None:
    assert describe(pod({"name": "a"}, spec=spec)).host_name == name


def test_a_long_pod_name_is_cut_to_a_host_name_as_the_kubelet_does() -> None:
    assert describe(pod(meta={"name": "a" * 62 + "-" + "b" * 20})).host_name == "a" * 62


def test_all_addresses_of_a_pod_are_described() -> None:
    assert describe(pod(status={"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]})).ips == ("10.0.0.1", "fd00::1")
    assert describe(pod(status={"podIP": "10.0.0.1"})).ips == ("10.0.0.1",)
    assert describe(pod()).ips == ()


# -- the pod ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "status", "words"),
    [
        (
            {},
            {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3"}]},
            "Unschedulable: 0/3",
        ),
        ({"schedulingGates": [{"name": "a.b/c"}]}, {"phase": "Pending"}, "held back by scheduling gates: a.b/c"),
        ({}, {"phase": "Pending"}, "no node has been chosen yet"),
        (
            {"nodeName": "n"},
            {"phase": "Pending", "containerStatuses": [{"name": "a", "state": {"waiting": {"reason": "ErrImagePull", "message": "no"}}}]},
            "container a: ErrImagePull: no",
        ),
        (
            {"nodeName": "n"},
            {"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"running": {}}}]},
            "init container i is running",
        ),
        ({"nodeName": "n"}, {"phase": "Running"}, ""),
    ],
)
def test_a_pending_pod_says_why(spec: Any, status: Any, words: str) -> None:
    assert describe(pod({"name": "a"}, init=[{"name": "i"}], spec=spec, status=status)).pending == words


def test_a_terminating_pod_says_how_long_it_still_has() -> None:
    meta = {"deletionTimestamp": "2027-01-15T08:00:10Z", "deletionGracePeriodSeconds": 30, "finalizers": ["a.b/c"]}
    words = shown(pod({"name": "a"}, meta=meta))
    assert "Terminating, 30s of grace, 10s left" in words and "waits for its finalizers: a.b/c" in words
    overdue = {**meta, "deletionTimestamp": "2027-01-15T07:59:00Z"}
    assert "overdue for 60s" in shown(pod({"name": "a"}, meta=overdue))


def test_conditions_owners_and_times_are_described() -> None:
    condition = {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "a", "lastTransitionTime": STARTED}
    meta = {"creationTimestamp": STARTED, "ownerReferences": [{"kind": "ReplicaSet", "name": "web"}]}
    words = shown(pod({"name": "a"}, meta=meta, status={"conditions": [condition], "qosClass": "Burstable"}))
    assert "ReplicaSet/web" in words and "Burstable" in words and "ContainersNotReady: a" in words
    assert f"2m ago ({moment(NOW - 120)})" in words


def test_a_time_is_iso_8601_with_an_offset() -> None:
    assert moment(NOW)[:10] in ("2027-01-14", "2027-01-15", "2027-01-16") and moment(NOW)[-6] in "+-"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from("metadata spec status containers name ports state running env volumes conditions labels".split()), inner
            )
        ),
        max_leaves=20,
    )
)
def test_no_shape_of_an_object_makes_describe_fail(obj: Any) -> None:
    found = describe(obj if isinstance(obj, dict) else {"spec": obj, "status": obj, "metadata": obj})
    assert isinstance(found, PodDetails)
    assert pod_text(found, NOW, 80).lines


def test_prose_is_folded_at_the_width() -> None:
    obj = pod({"name": "a"}, status={"phase": "Failed", "message": "word " * 60})
    assert max(map(len, shown(obj, 60).split("\n"))) <= 60


# -- labels and annotations ---------------------------------------------------------------------------------------


def test_annotations_tell_their_size_beside_the_limit() -> None:
    words = text(annotation_lines({"metadata": {"labels": {"app": "web"}, "annotations": {"a": "é" * 1023}}}))
    assert "app  web" in words and "Annotations  1, 2.0 KiB of 256 KiB" in words


def test_json_in_an_annotation_is_shown_indented_with_its_tokens_as_they_are() -> None:
    value = json.dumps({"n": 1.50, "list": [1], "u": "é"})
    words = text(annotation_lines({"metadata": {"annotations": {"cfg": value.replace("1.5", "1.50")}}}))
    assert '        "n": 1.50,' in words and "JSON" in words and "\\u00e9" in words


@pytest.mark.parametrize("value", ["{broken", "[", "{{ template }}", "[a]"])
def test_what_only_looks_like_json_is_shown_as_it_is(value: str) -> None:
    assert value in text(annotation_lines({"metadata": {"annotations": {"cfg": value}}}))


def test_a_value_of_several_lines_stands_under_its_key() -> None:
    words = text(annotation_lines({"metadata": {"annotations": {"script": "#!/bin/sh\necho\n"}}}))
    assert "script  15 B, 2 lines\n      #!/bin/sh\n      echo" in words


def test_no_labels_and_no_annotations_are_said() -> None:
    assert text(annotation_lines({})) == "Labels  none\n\nAnnotations  none"


def test_annotations_near_the_limit_are_warned_of() -> None:
    assert "nearly full" in text(annotation_lines({"metadata": {"annotations": {"a": "x" * 260_000}}}))


def test_sizes_are_kib_and_mib() -> None:
    assert [size(count) for count in (0, 1023, 1024, 1536, 1 << 20)] == ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB"]
