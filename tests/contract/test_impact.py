"""What is foretold of a change comes true: the controllers and the API server of a cluster are the judges."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from podtui.cluster.changes.objects import Objects
from podtui.cluster.connection.access import Access
from podtui.cluster.connection.connection import Connection
from podtui.cluster.impact.effects import deletion, eviction_refusal, relabelling
from podtui.cluster.impact.namespace_contents import count
from podtui.cluster.impact.related import Surroundings, endpoints, read, unknown
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.errors import NotFound, PodtuiError, Replaced, TooManyRequests
from podtui.kube.kubectl import kubectl_evict
from podtui.kube.resources import DEPLOYMENTS, NAMESPACES, PODDISRUPTIONBUDGETS, PODS, REPLICASETS, SERVICES, ObjectRef
from tests.contract.conftest import _kubectl_program
from tests.support.waiting import until_answer

Kubectl = Callable[..., str]
NAMESPACE_PREFIX = "impact-"


def template(app: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "main", "image": "example/web"}], "terminationGracePeriodSeconds": 1}
    return {"metadata": {"labels": {"app": app}}, "spec": spec}


async def furnish(connection: Connection, namespace: str) -> None:
    """A Deployment `web` of 3 pods and a ReplicaSet `debug` of 1, each behind a Service of its name, and a budget on `web`."""
    for path, value in (
        (SERVICES.path(namespace), {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}),
        (SERVICES.path(namespace), {"metadata": {"name": "debug"}, "spec": {"selector": {"app": "debug"}, "ports": [{"port": 80}]}}),
        (
            PODDISRUPTIONBUDGETS.path(namespace),
            {"metadata": {"name": "web"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}},
        ),
        (DEPLOYMENTS.path(namespace), workload("Deployment", "web", 3)),
        (REPLICASETS.path(namespace), workload("ReplicaSet", "debug", 1)),
    ):
        await connection.json("POST", path, body=value)


def workload(kind: str, app: str, replicas: int) -> dict[str, Any]:
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": app}}, "template": template(app)}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": app}, "spec": spec}


async def look(connection: Connection, namespace: str) -> Surroundings:
    """The surroundings of all pods there."""
    refs = await Objects(connection).select(PODS, [namespace], "")
    found = await read(connection, Access(connection), refs or [ObjectRef(PODS, "none", namespace)])
    return found[0]


async def until_seen(connection: Connection, namespace: str, holds: Callable[[Surroundings], bool]) -> Surroundings:
    """The surroundings of all pods there, once `holds` is true of them."""

    async def seen() -> Surroundings | None:
        found = await look(connection, namespace)
        return found if holds(found) else None

    found = await until_answer(seen)
    assert found is not None
    return found


def settled(found: Surroundings) -> bool:
    """All pods run, the Services have them, and the budget has counted them."""
    pods = [pod for pod in found.pods if pod.active]
    ready = sum(pod.ready for pod in pods)
    return (
        len(pods) == len(found.pods) == ready == 4
        and sum(endpoints(found, "web").values()) == 3
        and sum(endpoints(found, "debug").values()) == 1
        and [budget.status.current_healthy for budget in found.budgets] == [3]
        and all(budget.status.observed_generation == budget.metadata.generation for budget in found.budgets)
        and sorted(one.status.replicas for _, one in found.owners) == [1, 3]
    )


def only(found: Surroundings, *names: str) -> Surroundings:
    """The same surroundings of these pods alone."""
    return Surroundings(**{**{field: getattr(found, field) for field in found.__struct_fields__}, "pods": pods_of(found, *names)})


def pods_of(found: Surroundings, *names: str) -> list[Any]:
    return [pod for pod in found.pods if pod.metadata.name in names]


async def test_labels_move_a_pod_between_owners_and_services_as_foretold(connection: Connection, namespace: str) -> None:
    await furnish(connection, namespace)
    found = await until_seen(connection, namespace, settled)
    moved = next(pod for pod in found.pods if pod.labels["app"] == "web")
    owner = moved.metadata.controller
    assert owner is not None
    told = {effect.about.partition(" ")[0]: effect for effect in relabelling(only(found, moved.metadata.name), {"app": "debug"})}
    assert told["service/web"].words == "loses 1 endpoint: 2 ready endpoints are left"
    assert told["service/debug"].words == "gains 1 endpoint: 2 ready endpoints afterwards"
    assert told[f"replicaset/{owner.name}"].words == "releases it, and creates another"
    assert told["replicaset/debug"].words == "adopts it: with 2 pods and 1 wanted, it deletes 1"
    assert told["poddisruptionbudget/web"].words == "no longer counts it"
    assert "(deployment/web)" in next(effect.about for effect in told.values() if owner.name in effect.about)

    ref = ObjectRef(PODS, moved.metadata.name, namespace, moved.metadata.uid)
    await Objects(connection).patch_metadata(ref, labels={"app": "debug"})
    before = {pod.metadata.uid for pod in found.pods}

    def as_foretold(now: Surroundings) -> bool:
        """There is another `web`, and the one `debug` too many is gone."""
        web = {pod.metadata.uid for pod in now.pods if pod.labels["app"] == "web"}
        return settled(now) and len(web) == 3 and len(web - before) == 1 and moved.metadata.uid not in web

    await until_seen(connection, namespace, as_foretold)


async def test_evictions_are_allowed_and_refused_as_foretold(
    connection: Connection, namespace: str, kubeconfig: str, kubectl: Kubectl
) -> None:
    await furnish(connection, namespace)
    objects = Objects(connection)
    found = await until_seen(connection, namespace, settled)
    first, second, third = [pod for pod in found.pods if pod.labels["app"] == "web"]
    told = deletion(only(found, first.metadata.name))
    assert "counts it: an eviction would be allowed (1 disruption is allowed now)" in [effect.words for effect in told]
    assert "creates another in its place" in [effect.words for effect in told]

    stranger = ObjectRef(PODS, first.metadata.name, namespace, "00000000-0000-0000-0000-000000000000")
    for work in (objects.evict(stranger), objects.delete(stranger)):
        with pytest.raises(Replaced):
            await work
    assert (await objects.metadata(stranger)).get("deletionTimestamp") is None, "another object of the name is not touched"
    (untouched,) = (await look(connection, namespace)).budgets
    assert untouched.status.disruptions_allowed == 1, "nor is its budget"

    await connection.json(
        "PATCH",
        PODDISRUPTIONBUDGETS.path(namespace, "web"),
        body={"spec": {"minAvailable": 3}},
        content_type="application/merge-patch+json",
    )
    strict = await until_seen(connection, namespace, lambda now: settled(now) and now.budgets[0].status.disruptions_allowed == 0)
    words = eviction_refusal(strict.budgets, second)
    assert words == "it needs 3 healthy pods and has 3"
    with pytest.raises(TooManyRequests) as refused:
        await objects.evict(ObjectRef(PODS, second.metadata.name, namespace, second.metadata.uid))
    assert f"The disruption budget web {words.removeprefix('it ')}" in refused.value.what
    assert refused.value.what.startswith("Cannot evict pod as it would violate the pod's disruption budget.")

    await connection.request("DELETE", PODDISRUPTIONBUDGETS.path(namespace, "web"))
    await objects.evict(ObjectRef(PODS, second.metadata.name, namespace, second.metadata.uid), grace_seconds=1)
    ref = ObjectRef(PODS, third.metadata.name, namespace, third.metadata.uid)
    (command,) = kubectl_evict([ref], grace_seconds=1, options=["--kubeconfig", kubeconfig]).values()
    shown = command.replace("| kubectl", f"| {shlex.quote(_kubectl_program())}")
    done = await asyncio.to_thread(subprocess.run, ["sh", "-c", shown], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    gone = {second.metadata.uid, third.metadata.uid}
    await until_seen(connection, namespace, lambda now: not gone & {pod.metadata.uid for pod in now.pods})


async def test_who_holds_a_pod_and_its_namespace_is_told_and_force_changes_nothing(connection: Connection, namespace: str) -> None:
    place = f"{namespace}-held"
    await connection.json("POST", NAMESPACES.path(), body={"metadata": {"name": place}})
    spec = {"containers": [{"name": "a", "image": "none"}], "nodeSelector": {"nowhere": "at-all"}}
    body = {"metadata": {"name": "cow", "finalizers": ["farm.example/vet"]}, "spec": spec}

    async def created() -> dict[str, Any]:
        try:
            return dict(await connection.json("POST", PODS.path(place), body=body))
        except PodtuiError:  # there is no service account yet to run it as
            return {}

    made = await until_answer(created)
    cow, objects = ObjectRef(PODS, "cow", place, made["metadata"]["uid"]), Objects(connection)
    manager = made["metadata"]["managedFields"][0]["manager"]
    (around,) = await read(connection, Access(connection), [cow], adopters=False)
    told = [effect.words for effect in deletion(around)]
    assert (
        f"A finalizer holds it: farm.example/vet (set by {manager}): it stays Terminating until its controller takes it off, "
        "and force does not change that" in told
    )
    await objects.delete(cow, None, True)
    assert (await objects.get(cow))["metadata"]["deletionTimestamp"], "force has not changed it"

    await objects.delete(ObjectRef(NAMESPACES, place))
    found = await count(connection, Access(connection), objects.discovery, place)
    assert found.deleting and found.counts["pods"] == 1 and "finalizer farm.example/vet holds pods/cow" in found.holding

    await connection.json("PATCH", cow.path, body={"metadata": {"finalizers": None}}, content_type="application/merge-patch+json")

    async def gone() -> bool:
        try:
            await objects.get(ObjectRef(NAMESPACES, place))
        except NotFound:
            return True
        return False

    assert await until_answer(gone)


async def test_a_user_of_few_rights_sees_which_effects_are_not_known(connection: Connection, namespace: str, kubeconfig: str) -> None:
    await furnish(connection, namespace)
    rules = [{"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list"]}]
    roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    await connection.json("POST", f"{roles}/roles", body={"metadata": {"name": "little"}, "rules": rules})
    subjects = [{"kind": "User", "name": "little-one", "apiGroup": "rbac.authorization.k8s.io"}]
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "little"}
    await connection.json("POST", f"{roles}/rolebindings", body={"metadata": {"name": "little"}, "subjects": subjects, "roleRef": ref})
    await until_seen(connection, namespace, settled)
    settings = Kubeconfig.load(kubeconfig).settings(impersonate="little-one")
    limited = await Connection.open(settings)
    try:
        access = Access(limited)
        for _ in range(300):  # an authorizer learns of new roles by a watch of its own
            if await access.can("list", "services", namespace):
                break
            access.forget()
            await asyncio.sleep(0.1)
        assert not await access.can("create", "pods", namespace, "eviction")
        assert not await access.can("delete", "pods", namespace) and await access.can("get", "pods", namespace)
        found = await look(limited, namespace)
        assert found.looked_at >= {"Service"} and "EndpointSlice" not in found.looked_at and found.pods
        (line,) = unknown([found])
        assert line.startswith(f"in {namespace} you lack permission to list ")
        for kind in ("endpointslices", "poddisruptionbudgets", "networkpolicies", "replicasets", "statefulsets", "jobs"):
            assert kind in line
        words = [str(effect) for effect in deletion(found)]
        assert any("the number of ready endpoints is unknown" in one for one in words)
        assert any("is unknown" in one for one in words if one.startswith("replicaset/"))
    finally:
        await limited.close()

    everything = await count(connection, Access(connection), Objects(connection).discovery, namespace)
    assert {"pods": 4, "services": 2, "deployments.apps": 1, "replicasets.apps": 2, "poddisruptionbudgets.policy": 1}.items() <= (
        everything.counts.items()
    )
    assert next(iter(everything.counts)) == "pods" and everything.unread == []


async def test_a_selector_chooses_what_the_server_chooses_and_no_more_is_deleted(connection: Connection, namespace: str) -> None:
    objects = Objects(connection)
    for name, labels in (("a", {"app": "x"}), ("b", {"app": "x"}), ("c", {"app": "y"})):
        spec = {"containers": [{"name": "a", "image": "none"}], "nodeSelector": {"nowhere": "at-all"}}
        await connection.json("POST", PODS.path(namespace), body={"metadata": {"name": name, "labels": labels}, "spec": spec})
    refs = await objects.select(PODS, [namespace], "app in (x),app!=z")
    assert [ref.name for ref in refs] == ["a", "b"] and all(ref.uid and ref.namespace == namespace for ref in refs)
    assert [ref.name for ref in await objects.select(PODS, [namespace], "")] == ["a", "b", "c"]

    await objects.delete(refs[0])
    for _ in range(300):
        try:
            await objects.get(refs[0])
        except NotFound:
            break
        await asyncio.sleep(0.1)
    spec = {"containers": [{"name": "a", "image": "none"}], "nodeSelector": {"nowhere": "at-all"}}
    await connection.json("POST", PODS.path(namespace), body={"metadata": {"name": "a", "labels": {"app": "x"}}, "spec": spec})
    with pytest.raises(Replaced):
        await objects.delete(refs[0])
    assert [ref.name for ref in await objects.select(PODS, [namespace], "app=x")] == ["a", "b"]
