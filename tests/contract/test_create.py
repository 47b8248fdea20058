"""Creating what a manifest holds, on the real server, and beside kubectl."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from podtui.cluster.changes import creation
from podtui.cluster.changes.objects import Objects
from podtui.cluster.connection.connection import Connection
from podtui.errors import Conflict, Invalid, ManifestError, NotFound, ReadOnlyError, UnknownKind
from podtui.kube.manifests import documents as manifests
from podtui.kube.resources import NAMESPACES, PODS, ObjectRef
from tests.contract.conftest import _kubectl_program
from tests.support import manifest_corpus

Kubectl = Callable[..., str]
NAMESPACE_PREFIX = "act-create-"

KUBIA = """\
# the pod of the textbook
apiVersion: v1
kind: Pod
metadata:
  name: kubia
spec:
  containers:
  - image: luksa/kubia
    name: kubia
    ports:
    - containerPort: 8080
      protocol: TCP
"""


def test_the_answers_kept_of_kubectl_are_still_its_answers(kubeconfig: str) -> None:
    if not (program := _kubectl_program()):
        pytest.skip("there is no kubectl")
    assert manifest_corpus.ask(program, kubeconfig) == manifest_corpus.kept()


def settings(name: str, extra: str = "") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n{extra}data:\n  a: b\n"


async def test_the_pod_of_the_textbook_is_checked_and_then_created(connection: Connection, namespace: str, tmp_path: Path) -> None:
    file = tmp_path / "kubia-manual.yaml"
    file.write_text(KUBIA)
    documents = manifests.load(str(file))
    objects = Objects(connection)
    assert [str(outcome) for outcome in await creation.check(objects, documents, namespace)] == ["pod/kubia created (server dry run)"]
    with pytest.raises(NotFound):
        await objects.get(ObjectRef(PODS, "kubia", namespace))
    outcomes = await creation.create(objects, documents, namespace)
    assert [str(outcome) for outcome in outcomes] == ["pod/kubia created"]
    found = await objects.get(ObjectRef(PODS, "kubia", namespace))
    assert outcomes[0].ref is not None and outcomes[0].ref.uid == found["metadata"]["uid"]
    assert found["spec"]["containers"][0]["ports"][0]["containerPort"] == 8080
    assert {entry["manager"] for entry in found["metadata"]["managedFields"]} >= {"podtui"}
    again = await creation.check(objects, documents, namespace)
    assert (again[0].state, str(again[0])) == ("exists", "pod/kubia already exists")
    assert again[0].preview is not None and again[0].preview.unchanged


async def test_unknown_fields_and_wrong_types_are_refused_with_the_servers_words(connection: Connection, namespace: str) -> None:
    documents = manifests.parse(KUBIA.replace("ports:", "port:") + "---\n" + KUBIA.replace("8080", "'8080'"), "two.yaml")
    unknown, wrong = await creation.check(Objects(connection), documents, namespace)
    assert 'strict decoding error: unknown field "spec.containers[0].port"' in str(unknown) and str(unknown).startswith("two.yaml:2: ")
    assert "cannot unmarshal string" in str(wrong) and str(wrong).startswith("two.yaml:15: ")
    assert isinstance(unknown.error, Invalid)


async def test_documents_are_created_in_order_and_a_refused_one_does_not_hide_what_was_made(connection: Connection, namespace: str) -> None:
    text = "---\n".join([settings("one"), settings("Not_Valid"), settings("three")])
    objects = Objects(connection)
    outcomes = await creation.create(objects, manifests.parse(text, "three.yaml"), namespace)
    assert [outcome.state for outcome in outcomes] == ["created", "refused", "created"]
    assert "metadata.name: Invalid value" in str(outcomes[1])
    again = await creation.create(objects, manifests.parse(text, "three.yaml"), namespace)
    assert [type(outcome.error) for outcome in again] == [Conflict, Invalid, Conflict]


@pytest.mark.real_cluster("there are no CustomResourceDefinitions on the built-in one")
async def test_a_namespace_and_a_definition_in_the_file_excuse_what_needs_them(connection: Connection, namespace: str) -> None:
    group = f"{namespace}.example.com"
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}],
        },
    }
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}}
    text = json.dumps(definition) + json.dumps(widget)
    objects = Objects(connection)
    try:
        assert [one.state for one in await creation.check(objects, manifests.parse(text), namespace)] == ["checked", "unchecked"]
        outcomes = await creation.create(objects, manifests.parse(text), namespace)
        assert [one.state for one in outcomes] == ["created", "created"], outcomes
        assert str(outcomes[1]) == f"widget.{group}/w created"
    finally:
        await connection.request("DELETE", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{group}")


async def test_a_namespace_in_the_file_can_be_filled_when_none_is_asked_for(connection: Connection, namespace: str) -> None:
    other = f"{namespace}-b"
    text = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {other}}}\n---\n" + settings("x", f"  namespace: {other}\n")
    objects = Objects(connection)
    try:
        outcomes = await creation.check(objects, manifests.parse(text), "default", enforce=False)
        assert [one.state for one in outcomes] == ["checked", "unchecked"]
        outcomes = await creation.create(objects, manifests.parse(text), "default", enforce=False)
        assert [str(one) for one in outcomes] == [f"namespace/{other} created", "configmap/x created"]
    finally:
        await objects.delete(ObjectRef(NAMESPACES, other))


async def test_an_unknown_kind_names_the_near_ones(connection: Connection, namespace: str) -> None:
    text = "apiVersion: v1\nkind: Podd\nmetadata: {name: x}\n---\napiVersion: v1\nkind: Deployment\nmetadata: {name: x}\n"
    near, elsewhere = await creation.check(Objects(connection), manifests.parse(text), namespace)
    assert isinstance(near.error, UnknownKind) and near.error.what == 'no matches for kind "Podd" in version "v1"'
    assert "did you mean Pod" in near.error.hint
    assert elsewhere.error is not None and "kind Deployment in version apps/v1" in elsewhere.error.hint


async def test_a_document_with_generate_name_gets_its_name_from_the_server(connection: Connection, namespace: str) -> None:
    documents = manifests.parse(settings("x").replace("name: x", "generateName: made-"))
    objects = Objects(connection)
    (checked,) = await creation.check(objects, documents * 1, namespace)
    assert checked.named == "configmap/made-"
    (made,) = await creation.create(objects, documents, namespace)
    assert made.ref is not None and made.named == f"configmap/{made.ref.name}" and len(made.ref.name) > len("made-")


async def test_the_servers_warnings_come_with_the_created_object(connection: Connection, namespace: str) -> None:
    text = KUBIA.replace("spec:", "spec:\n  nodeSelector:\n    beta.kubernetes.io/os: linux")
    (checked,) = await creation.check(Objects(connection), manifests.parse(text), namespace)
    assert checked.state == "checked"
    assert len(checked.warnings) == 1 and "beta.kubernetes.io/os" in checked.warnings[0]


async def test_read_only_tries_but_never_creates(connection: Connection, namespace: str) -> None:
    connection.read_only = True
    objects = Objects(connection)
    (checked,) = await creation.check(objects, manifests.parse(settings("x")), namespace)
    assert checked.state == "checked"
    (refused,) = await creation.create(objects, manifests.parse(settings("x")), namespace)
    assert isinstance(refused.error, ReadOnlyError)
    with pytest.raises(NotFound):
        await connection.json("GET", f"/api/v1/namespaces/{namespace}/configmaps/x")


async def test_a_document_of_another_namespace_is_refused_in_kubectls_words(
    connection: Connection, namespace: str, kubectl: Kubectl, kubeconfig: str
) -> None:
    text = settings("x", "  namespace: elsewhere\n")
    (refused,) = await creation.check(Objects(connection), manifests.parse(text, "f.yaml"), namespace)
    assert isinstance(refused.error, ManifestError)
    assert kubectl_refuses(kubeconfig, text, "-n", namespace) == f"error: {refused.error.what.removeprefix('f.yaml:1: ')}"


async def test_a_cluster_scoped_document_needs_no_namespace(connection: Connection, namespace: str) -> None:
    text = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}-c}}\n"
    (checked,) = await creation.check(Objects(connection), manifests.parse(text), namespace)
    assert (checked.state, checked.named) == ("checked", f"namespace/{namespace}-c")
    assert checked.ref is not None and checked.ref.namespace == ""


RESOLVED = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: x, namespace: default}
data:
  words: [y, Y, yes, on, Off, n, No, TRUE, True, tRue, ~, null, Null, "", '', !!str 1, !!int "3", !!float "1", =, yup, none]
  numbers: [1, 01, 017, 08, 0x1F, 0o17, 0b11, -0b11, 1_000, +5, -7, 1e3, 1.5, .5, 5., 1.0, 1e400, 123456789012345678901234, 1:30]
  more: [190:20:30, 1_0.5, 0x, -0x1F, 1__2, _1, 1.0e-10, 123456789.123, 1e21, 1e20, ., -, +, 1.2.3, 0x1G, 1e, e1, 0b2, 0o8, -0, +0, 00]
  times: [2001-12-14, 2001-12-14t21:59:43.10-05:00, 2001-12-14 21:59:43.10 -5]
  keys: {1: a, true: b, 1.5: d, 1e3: e, 0x10: f}
  anchor: &x {k: v}
  merged: {<<: *x, l: m}
  over: {k: before, <<: *x, l: m}
  under: {<<: *x, k: after}
  quoted: {'<<': 1}
  binary: !!binary aGVsbG8=
  block: |
    a
     b
  folded: >-
    a
    b
"""


async def test_yaml_is_resolved_as_kubectl_resolves_it(kubectl: Kubectl) -> None:
    told = json.loads(kubectl("create", "--dry-run=client", "-o", "json", "--validate=false", "-f", "-", input=RESOLVED))
    (document,) = manifests.parse(RESOLVED)
    assert document.value["data"] == told["data"]


def kubectl_refuses(kubeconfig: str, text: str, *arguments: str) -> str:
    command = [_kubectl_program(), "create", *arguments, "-f", "-"]
    done = subprocess.run(command, input=text, text=True, capture_output=True, env={**os.environ, "KUBECONFIG": kubeconfig}, check=False)
    assert done.returncode == 1
    return done.stderr.strip()
