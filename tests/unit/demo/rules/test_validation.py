"""What the built-in cluster refuses, in the words that the real API server (1.37) has for it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.demo.rules.schema import DecodeError, decode
from podtui.demo.storage.kinds import CONFIGMAPS, DEPLOYMENTS, JOBS, NAMESPACES, PODDISRUPTIONBUDGETS, PODS, ROLES, SERVICES
from podtui.kube.quantities import canonical, value
from tests.support.demo_writes import Cluster, pod, refused

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def causes(kind: Any, obj: dict[str, Any]) -> list[str]:
    """What is invalid, as FIELD: MESSAGE."""
    error = refused(422, Cluster().create, kind, obj)
    return [f"{cause['field']}: {cause['message']}" for cause in (error.details or {})["causes"]]


def container(**fields: Any) -> list[str]:
    return causes(PODS, pod(containers=[{"name": "main", "image": "x", **fields}]))


def test_a_bad_name_is_refused_with_the_rule() -> None:
    error = refused(422, Cluster().create, PODS, pod("Not_Valid"))
    assert error.message == f'Pod "Not_Valid" is invalid: metadata.name: Invalid value: "Not_Valid": {SUBDOMAIN}'
    assert error.status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": error.message,
        "reason": "Invalid",
        "details": {
            "name": "Not_Valid",
            "kind": "Pod",
            "causes": [{"reason": "FieldValueInvalid", "message": f'Invalid value: "Not_Valid": {SUBDOMAIN}', "field": "metadata.name"}],
        },
        "code": 422,
    }


def test_a_missing_name_is_asked_for() -> None:
    assert causes(PODS, {"metadata": {}, "spec": pod()["spec"]}) == ["metadata.name: Required value: name or generateName is required"]


def test_a_namespace_has_no_dots() -> None:
    assert causes(NAMESPACES, {"metadata": {"name": "a.b"}}) == ['metadata.name: Invalid value: "a.b": must not contain dots']


def test_several_faults_stand_in_brackets() -> None:
    error = refused(422, Cluster().create, PODS, {"metadata": {"name": "x"}, "spec": {"containers": [{}]}})
    assert error.message == ('Pod "x" is invalid: [spec.containers[0].name: Required value, spec.containers[0].image: Required value]')


def test_a_pod_needs_containers() -> None:
    assert causes(PODS, {"metadata": {"name": "x"}, "spec": {}}) == ["spec.containers: Required value"]


def test_containers_have_different_names() -> None:
    one = {"name": "a", "image": "x"}
    assert causes(PODS, pod(containers=[one, one])) == ['spec.containers[1].name: Duplicate value: "a"']


def test_ports_are_in_range_and_have_names_of_their_own() -> None:
    ports = [{"containerPort": 70000}, {"containerPort": 0}, {"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]
    at = "spec.containers[0].ports"
    assert container(ports=ports) == [
        f"{at}[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        f"{at}[1].containerPort: Required value",
        f'{at}[3].name: Duplicate value: "a"',
    ]


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ({"restartPolicy": "Often"}, 'spec.restartPolicy: Unsupported value: "Often": supported values: "Always", "OnFailure", "Never"'),
        ({"nodeSelector": {"a": "b c"}}, 'spec.nodeSelector: Invalid value: "b c": a valid label must be an empty string or consist of'),
        ({"activeDeadlineSeconds": 0}, "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"),
        ({"tolerations": [{"value": "x"}]}, 'spec.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty'),
        ({"volumes": [{"name": "v"}, {"name": "v"}]}, 'spec.volumes[1].name: Duplicate value: "v"'),
    ],
)
def test_a_pods_spec_is_checked(spec: dict[str, Any], fault: str) -> None:
    (told,) = causes(PODS, pod(**spec))
    assert told.startswith(fault)


def test_a_mount_needs_its_volume() -> None:
    assert container(volumeMounts=[{"name": "v", "mountPath": "/v"}]) == ['spec.containers[0].volumeMounts[0].name: Not found: "v"']


def test_requests_stay_within_limits() -> None:
    assert container(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "1500m"}}) == [
        'spec.containers[0].resources.requests: Invalid value: "1500m": must be less than or equal to cpu limit of 1'
    ]


def test_all_annotations_together_have_a_limit() -> None:
    cluster = Cluster()
    fits = {"n": "x" * (262_144 - 1)}
    cluster.create(CONFIGMAPS, {"metadata": {"name": "x", "annotations": fits}})
    over = {"metadata": {"name": "y", "annotations": {**fits, "m": ""}}}
    error = refused(422, cluster.create, CONFIGMAPS, over)
    assert error.message == 'ConfigMap "y" is invalid: metadata.annotations: Too long: may not be more than 262144 bytes'


def test_a_selector_fits_its_template() -> None:
    template = {"metadata": {"labels": {"a": "c"}}, "spec": pod()["spec"]}
    assert causes(DEPLOYMENTS, {"metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}) == [
        'spec.template.metadata.labels: Invalid value: {"a":"c"}: `selector` does not match template `labels`'
    ]


def test_the_mistakes_of_each_kind_are_in_the_servers_words() -> None:
    assert causes(JOBS, {"metadata": {"name": "x"}, "spec": {"template": {"spec": pod()["spec"]}}}) == [
        'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
    ]
    assert causes(SERVICES, {"metadata": {"name": "x"}}) == ["spec.ports: Required value"]
    (told,) = causes(PODDISRUPTIONBUDGETS, {"metadata": {"name": "x"}, "spec": {"minAvailable": 1, "maxUnavailable": 2}})
    assert told.endswith(": minAvailable and maxUnavailable cannot be both set")
    assert causes(ROLES, {"metadata": {"name": "x"}, "rules": [{"verbs": ["get"], "apiGroups": [""]}]}) == [
        "rules[0].resources: Required value: resource rules must supply at least one resource"
    ]


# -- reading


def test_a_wrong_type_is_refused_in_the_words_of_gos_decoder() -> None:
    told = 'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field '
    body = pod(containers=[{"name": "a", "image": "b", "ports": [{"containerPort": "8080"}]}])
    error = refused(400, Cluster().create, PODS, body)
    assert error.message == f"{told}ContainerPort.spec.containers.ports.containerPort of type int32"
    assert error.reason == "BadRequest"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"containers": {}}, "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container"),
        ({"hostNetwork": "yes"}, "json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool"),
        ({"priority": 1.5}, "json: cannot unmarshal number into Go struct field PodSpec.spec.priority of type int32"),
        ({"nodeSelector": {"a": 1}}, "json: cannot unmarshal number into Go struct field PodSpec.spec.nodeSelector of type string"),
        ({"overhead": {"cpu": "x"}}, "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
    ],
)
def test_each_wrong_type_is_named(spec: dict[str, Any], words: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode("Pod", pod(**spec))
    assert str(caught.value) == words


def test_unknown_fields_are_refused_or_warned_of_or_passed_over() -> None:
    cluster = Cluster()
    body = pod(containers=[{"name": "a", "image": "b", "port": []}], foo=1)
    told = 'strict decoding error: unknown field "spec.containers[0].port", unknown field "spec.foo"'
    error = refused(400, cluster.create, PODS, body, field_validation="Strict")
    assert error.message == f'Pod in version "v1" cannot be handled as a Pod: {told}'
    made, warnings = cluster.writes.create(PODS, "default", body, dry_run=True)
    assert warnings == ['unknown field "spec.containers[0].port"', 'unknown field "spec.foo"'] and "foo" not in made["spec"]
    assert cluster.writes.create(PODS, "default", body, dry_run=True, field_validation="Ignore")[1] == []


def test_empty_fields_of_an_object_are_not_stored() -> None:
    found, _ = decode("Pod", {"metadata": {"labels": {}}, "spec": {"hostNetwork": False, "nodeName": "", "priority": 0}})
    assert found == {"metadata": {}, "spec": {"containers": None, "priority": 0}, "status": {}}


def test_times_are_kept_in_utc() -> None:
    event = {"firstTimestamp": "2024-01-01T01:00:00+01:00", "eventTime": "2024-01-01T00:00:00.1Z"}
    found, _ = decode("Event", event)
    assert (found["firstTimestamp"], found["eventTime"]) == ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00.100000Z")


@pytest.mark.parametrize(
    ("given_", "kept"),
    [("0.5", "500m"), ("1000m", "1"), ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("0.5Ki", "512"), ("1e3", "1e3"), ("100M", "100M")],
)
def test_quantities_are_written_as_the_server_writes_them(given_: str, kept: str) -> None:
    assert canonical(given_) == kept


@given(st.integers(-(10**6), 10**6), st.sampled_from(["", "n", "u", "m", "k", "M", "Ki", "Mi", "Gi", "e3", "E-3"]))
def test_a_quantity_keeps_its_worth(number: int, suffix: str) -> None:
    text = f"{number}{suffix}"
    assert value(canonical(text)) == value(text)
    assert canonical(canonical(text)) == canonical(text)
