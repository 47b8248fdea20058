"""The kubectl commands that the dialogs show."""

from __future__ import annotations

import shlex

from hypothesis import given
from hypothesis import strategies as st

from podtui.kube.kubectl import distinct, kubectl_create, kubectl_delete, kubectl_label
from podtui.kube.label_changes import LabelChanges, parse
from podtui.kube.resources import NAMESPACES, PODS, ObjectRef, Resource


def pods(*names: str, namespace: str = "default") -> list[ObjectRef]:
    return [ObjectRef(PODS, name, namespace) for name in names]


def test_labels_are_set_overwritten_and_removed_in_one_command() -> None:
    made = parse("env=prod canary-")
    together = distinct(kubectl_label(pods("a", "b"), made, overwrite=True))
    assert together == ["kubectl label pod -n default a b env=prod canary- --overwrite"]
    there = distinct(kubectl_label(pods("a"), made, options=("--context", "prod eu")))
    assert there == ["kubectl --context 'prod eu' label pod -n default a env=prod canary-"]


def test_several_namespaces_and_kinds_need_several_commands() -> None:
    deployment = Resource("apps", "v1", "deployments", "Deployment")
    refs = [*pods("a"), *pods("b", namespace="x"), *pods("c"), ObjectRef(NAMESPACES, "x"), ObjectRef(deployment, "web", "x")]
    assert distinct(kubectl_label(refs, parse("k=v"))) == [
        "kubectl label pod -n default a c k=v",
        "kubectl label pod -n x b k=v",
        "kubectl label namespace x k=v",
        "kubectl label deployment.apps -n x web k=v",
    ]


def test_many_objects_take_several_commands_that_a_line_of_a_shell_can_hold() -> None:
    refs = pods(*(f"p{number:02}" for number in range(45)))
    commands = kubectl_delete(refs)
    assert list(commands) == refs
    assert [len(command.split()) - len("kubectl delete pod -n default".split()) for command in distinct(commands)] == [20, 20, 5]
    assert all(ref.name in command.split() for ref, command in commands.items())


@given(st.text(min_size=1, max_size=30))
def test_an_annotation_survives_the_shell(value: str) -> None:
    (command,) = distinct(kubectl_label(pods("a"), LabelChanges({"note": value}, (), "annotations"), overwrite=True))
    assert shlex.split(command) == ["kubectl", "annotate", "pod", "-n", "default", "a", f"note={value}", "--overwrite"]


def test_delete_takes_a_grace_period_or_force() -> None:
    assert distinct(kubectl_delete(pods("a", "b"))) == ["kubectl delete pod -n default a b"]
    assert distinct(kubectl_delete(pods("a"), grace_seconds=5)) == ["kubectl delete pod -n default a --grace-period=5"]
    assert distinct(kubectl_delete(pods("a"), force=True)) == ["kubectl delete pod -n default a --grace-period=0 --force"]


def test_the_kubectl_command_of_a_creation_names_its_file() -> None:
    assert kubectl_create("my pod.yaml", "default") == "kubectl create -n default -f 'my pod.yaml'"
    there = ("--kubeconfig", "my file", "--context", "c")
    assert kubectl_create("a.yaml", options=there) == "kubectl --kubeconfig 'my file' --context c create -f a.yaml"
