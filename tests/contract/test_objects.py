"""Labels, annotations and deletion on the real server, beside kubectl: never another object than the one that was meant."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podtui.cluster.changes.objects import Objects
from podtui.cluster.connection.access import Access
from podtui.cluster.connection.connection import Connection
from podtui.cluster.connection.discovery import Discovery
from podtui.errors import Changed, Invalid, NotFound, Replaced
from podtui.kube.kubectl import distinct, kubectl_delete, kubectl_label
from podtui.kube.label_changes import ANNOTATIONS_SIZE, parse
from podtui.kube.names import key_faults, value_faults
from podtui.kube.resources import NODES, PODS, ObjectRef, Resource
from tests.contract.conftest import _kubectl_program

Kubectl = Callable[..., str]
NAMESPACE_PREFIX = "act-objects-"
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
PATCH = "application/merge-patch+json"


async def made(connection: Connection, namespace: str, name: str = "x", **metadata: Any) -> ObjectRef:
    body = {"metadata": {"name": name, **metadata}}
    found = await connection.json("POST", CONFIG_MAPS.path(namespace), body={"apiVersion": "v1", "kind": "ConfigMap", **body})
    return ref_of(found, CONFIG_MAPS)


async def pod(connection: Connection, namespace: str, name: str, **metadata: Any) -> ObjectRef:
    """A pod that no scheduler finds a node for, so that it stays as it is and goes at once."""
    spec = {"containers": [{"name": "a", "image": "none"}], "nodeSelector": {"nowhere": "at-all"}}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec}
    return ref_of(await connection.json("POST", PODS.path(namespace), body=body), PODS)


def ref_of(value: dict[str, Any], resource: Resource) -> ObjectRef:
    found = value["metadata"]
    return ObjectRef(resource, found["name"], found["namespace"], found["uid"], found["resourceVersion"])


async def test_labels_are_set_overwritten_and_removed(connection: Connection, namespace: str) -> None:
    ref = await made(connection, namespace, labels={"env": "debug", "canary": "true", "app": "kubia"})
    changes = parse("env=prod tier=web canary- never-")
    after = await Objects(connection).patch_metadata(ref, labels=changes.patch())
    assert after["metadata"]["labels"] == {"env": "prod", "tier": "web", "app": "kubia"}


async def test_an_annotation_takes_any_text_as_its_value(connection: Connection, namespace: str) -> None:
    ref = await made(connection, namespace)
    changes = parse("note='two words\n\x1b[31m' A.B/c=x=y empty=", "annotations")
    after = await Objects(connection).patch_metadata(ref, annotations=changes.patch())
    assert after["metadata"]["annotations"] == {"note": "two words\n\x1b[31m", "A.B/c": "x=y", "empty": ""}


async def test_a_changed_object_is_not_overwritten_unseen(connection: Connection, namespace: str) -> None:
    ref = await made(connection, namespace)
    objects = Objects(connection)
    await objects.patch_metadata(ref, labels={"a": "1"})
    with pytest.raises(Changed):
        await objects.patch_metadata(ref, labels={"a": "2"})
    assert (await objects.metadata(ref))["labels"] == {"a": "1"}


async def test_a_recreated_object_is_neither_labelled_nor_deleted(connection: Connection, namespace: str) -> None:
    old = await made(connection, namespace)
    objects = Objects(connection)
    await objects.delete(old)
    new = await made(connection, namespace)
    without_version = ObjectRef(CONFIG_MAPS, old.name, namespace, old.uid)
    for ref in (old, without_version):
        with pytest.raises(Replaced):
            await objects.patch_metadata(ref, labels={"a": "1"})
        with pytest.raises(Replaced):
            await objects.delete(ref)
    assert "labels" not in await objects.metadata(new)
    await objects.delete(new)
    for work in (objects.delete(new), objects.patch_metadata(new, labels={"a": "1"}), objects.get(new)):
        with pytest.raises(NotFound):
            await work


async def test_a_pod_is_deleted_with_grace_and_by_force(connection: Connection, namespace: str) -> None:
    objects = Objects(connection)
    gentle, forced = await pod(connection, namespace, "gentle"), await pod(connection, namespace, "forced")
    await objects.delete(gentle, grace_seconds=1)
    await objects.delete(forced, force=True)
    for ref in (gentle, forced):
        for _ in range(100):
            try:
                await objects.get(ref)
            except NotFound:
                break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError(f"{ref} is still there")


async def test_a_node_is_labelled_as_a_pod_is(connection: Connection, real_node: str) -> None:
    objects, ref = Objects(connection), ObjectRef(NODES, real_node)
    after = await objects.patch_metadata(ref, labels={"act-objects.podtui.test/mark": "x"})
    assert after["metadata"]["labels"]["act-objects.podtui.test/mark"] == "x"
    after = await objects.patch_metadata(ref, labels={"act-objects.podtui.test/mark": None})
    assert "act-objects.podtui.test/mark" not in after["metadata"]["labels"]


NEARLY = (
    st.text("aA0-_./ é", max_size=8)
    | st.text("a", min_size=60, max_size=66)
    | st.text("aB-.", min_size=250, max_size=256).map("{}/x".format)
)


async def test_metadata_is_valid_exactly_where_the_server_takes_it(connection: Connection, namespace: str) -> None:
    ref = await made(connection, namespace)
    loop = asyncio.get_running_loop()

    async def verdict(metadata: dict[str, Any]) -> str:
        """The server's words on this metadata in a dry run; "" when it accepts."""
        try:
            await connection.json("PATCH", ref.path, query=[("dryRun", "All")], body={"metadata": metadata}, content_type=PATCH)
        except Invalid as error:
            return "; ".join(cause["message"] for cause in error.details["causes"])
        return ""

    def server(metadata: dict[str, Any]) -> str:
        return asyncio.run_coroutine_threadsafe(verdict(metadata), loop).result(30)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(NEARLY, NEARLY)
    def compare(key: str, value: str) -> None:
        for kind in ("labels", "annotations"):
            told = server({kind: {key: "x"}})
            faults = key_faults(key, kind)
            assert bool(told) == bool(faults), (key, told)
            assert all(fault in told for fault in faults), (told, faults)
        told, faults = server({"labels": {"x": value}}), value_faults(value)
        assert bool(told) == bool(faults), (value, told)
        assert all(fault in told for fault in faults), (told, faults)

    await asyncio.to_thread(compare)
    assert await verdict({"annotations": {"n": "x" * (ANNOTATIONS_SIZE - 1)}}) == ""
    assert "Too long: may not be more than 262144 bytes" in await verdict({"annotations": {"n": "x" * ANNOTATIONS_SIZE}})


def run(kubeconfig: str, command: str) -> tuple[int, str, str]:
    """A kubectl command as podtui shows it, run as it stands."""
    program, *arguments = shlex.split(command)
    assert program == "kubectl"
    done = subprocess.run([_kubectl_program(), f"--kubeconfig={kubeconfig}", *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


async def test_the_command_shown_does_the_same_as_podtui(connection: Connection, namespace: str, kubeconfig: str, kubectl: Kubectl) -> None:
    labels = {"env": "debug", "canary": "true"}
    ours = [await pod(connection, namespace, f"ours-{n}", labels=labels, annotations={"old": "1"}) for n in range(2)]
    theirs = [await pod(connection, namespace, f"theirs-{n}", labels=labels, annotations={"old": "1"}) for n in range(2)]
    objects = Objects(connection)
    options = connection.settings.kubectl_options
    for text, kind in (("env=prod tier=web canary-", "labels"), ("note='two words' old-", "annotations")):
        changes = parse(text, kind)  # type: ignore[arg-type]
        (command,) = distinct(kubectl_label(theirs, changes, overwrite=True, options=options))
        code, _, error = await asyncio.to_thread(run, kubeconfig, command)
        assert code == 0, error
        for ref in ours:
            fresh = ObjectRef(PODS, ref.name, namespace, ref.uid)
            patch = changes.patch()
            await (objects.patch_metadata(fresh, labels=patch) if kind == "labels" else objects.patch_metadata(fresh, annotations=patch))
    for one, other in zip(ours, theirs, strict=True):
        mine, kubectls = await objects.metadata(one), await objects.metadata(other)
        assert (mine["labels"], mine["annotations"]) == (kubectls["labels"], kubectls["annotations"])
    (command,) = distinct(kubectl_delete(theirs, force=True, options=options))
    code, told, _ = await asyncio.to_thread(run, kubeconfig, command)
    assert code == 0 and f'pod "theirs-0" force deleted from {namespace} namespace' in told
    for ref in ours:
        await objects.delete(ref, force=True)
    assert (await connection.json("GET", PODS.path(namespace)))["items"] == []


@pytest.mark.parametrize(
    ("typed", "kind"),
    [("env=prod", "labels"), ("env=debug", "labels"), ("a=1 env=prod", "labels"), ("note=2", "annotations"), ("note=1", "annotations")],
)
async def test_overwriting_is_refused_when_kubectl_refuses_it(
    connection: Connection, namespace: str, kubeconfig: str, kubectl: Kubectl, typed: str, kind: Any
) -> None:
    ref = await pod(connection, namespace, "x", labels={"env": "debug"}, annotations={"note": "1"})
    changes = parse(typed, kind)
    current = (await Objects(connection).metadata(ref))[kind]
    (command,) = distinct(kubectl_label([ref], changes))
    code, _, error = await asyncio.to_thread(run, kubeconfig, command)
    refusals = changes.refusals(current, overwrite=False)
    assert (code != 0) == bool(refusals)
    assert error == (f"error: {refusals[0]}" if refusals else "")


@pytest.mark.parametrize("typed", ["a='x y'", "a=b=c", "a=b a-", f"a={'x' * 64}"])
async def test_mistakes_in_label_changes_have_kubectls_words(
    connection: Connection, namespace: str, kubeconfig: str, kubectl: Kubectl, typed: str
) -> None:
    ref = await pod(connection, namespace, "x")
    with pytest.raises(Exception) as caught:
        parse(typed)
    words = getattr(caught.value, "what", "")
    command = shlex.join(["kubectl", "label", "pod", "-n", namespace, ref.name, *shlex.split(typed)])
    _, _, error = await asyncio.to_thread(run, kubeconfig, command)
    assert error.replace('"', "") == f"error: {words}".replace('"', "")


async def test_every_kind_that_is_served_resolves_alike_in_both_discoveries(connection: Connection) -> None:
    class Older:
        """The same server without aggregated discovery."""

        async def json(self, method: str, path: str, *, accept: str = "") -> Any:
            return await connection.json(method, path)

    modern, older = await Discovery(connection).all(), await Discovery(Older()).all()  # type: ignore[arg-type]
    assert {(one.api_version, one.kind, one.plural, one.namespaced) for one in modern} == {
        (one.api_version, one.kind, one.plural, one.namespaced) for one in older
    }
    assert PODS in modern


async def test_an_administrator_may_and_an_unknown_verb_may_be_asked(connection: Connection, namespace: str) -> None:
    rights = Access(connection)
    assert await rights.can("delete", "pods", namespace) is True
    assert await rights.review("get", "pods", namespace, "log") is True
