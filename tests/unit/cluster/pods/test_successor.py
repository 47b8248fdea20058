"""Which pod takes another's place: what its controllers say, which of several is the best, and when there will be none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from podtui.cluster.connection.connection import Connection
from podtui.cluster.forward.forward import Meter
from podtui.cluster.forward.route import Route
from podtui.cluster.pods.lineage import Lineage, OwnerReference, lineage_of, selector_text
from podtui.cluster.pods.successor import PodCandidate, best_first, changes, find
from podtui.errors import ApiError, PodLost, PodtuiError, ServerError
from podtui.kube.resources import ObjectRef
from podtui.kube.selectors import parse
from tests.support.api_server import ApiServer, connected, page

Object = dict[str, Any]
CORE, APPS, BATCH = "/api/v1/namespaces/shop", "/apis/apps/v1/namespaces/shop", "/apis/batch/v1/namespaces/shop"


def owned(kind: str, name: str, uid: str, api_version: str = "apps/v1") -> list[Object]:
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": "other"},
        {"apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": True},
    ]


def pod(name: str, owners: list[Object] | None = None, *, ready: str = "", phase: str = "Running", **metadata: Any) -> Object:
    """`ready` is since when it is ready."""
    conditions = [{"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": ready or None}]
    described = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "labels": {"app": "web"}, "ownerReferences": owners, **metadata}
    return {"metadata": described, "spec": {"nodeName": "n1"}, "status": {"phase": phase, "conditions": conditions}}


def made(name: str, owners: list[Object], **more: Any) -> Object:
    """A pod to which the server gave its name."""
    return pod(name, owners, generateName=name.rpartition("-")[0] + "-", **more)


def replica_set(name: str, revision: int, deployment: str = "d-1") -> Object:
    annotations = {"deployment.kubernetes.io/revision": str(revision)}
    metadata = {"name": name, "uid": f"uid-{name}", "annotations": annotations, "ownerReferences": owned("Deployment", "web", deployment)}
    return {"metadata": metadata, "spec": {"selector": {"matchLabels": {"app": "web", "pod-template-hash": name}}}}


@asynccontextmanager
async def served(api: ApiServer) -> AsyncIterator[Connection]:
    async with connected(api) as connection:
        try:
            yield connection
        finally:
            api.events.put_nowait(None)


def shop() -> ApiServer:
    """A Deployment with an old and a new ReplicaSet, and another one's beside them."""
    api = ApiServer()
    api.objects = {
        f"{APPS}/deployments/web": {"metadata": {"name": "web", "uid": "d-1"}, "spec": {"replicas": 2}},
        f"{APPS}/replicasets/web-old": replica_set("web-old", 1),
        f"{APPS}/replicasets": [replica_set("web-old", 1), replica_set("web-new", 2), replica_set("cart", 9, "d-2")],
        f"{CORE}/pods": [],
    }
    for each in api.objects[f"{APPS}/replicasets"]:
        each["metadata"]["labels"] = {"app": "web"}
    return api


OLD, NEW = owned("ReplicaSet", "web-old", "uid-web-old"), owned("ReplicaSet", "web-new", "uid-web-new")


# -- what the controllers say -----------------------------------------------------------------------------------------
async def test_a_pod_that_nobody_controls_has_no_successor() -> None:
    async with served(ApiServer()) as connection:
        lineage = await lineage_of(connection, pod("web-1", owned("ReplicaSet", "web", "u")[:1]))
    assert not lineage.follows


async def test_a_deployments_pods_are_known_by_the_deployment_and_without_the_templates_hash() -> None:
    async with served(shop()) as connection:
        lineage = await lineage_of(connection, made("web-old-1", OLD))
    assert (lineage.owner, lineage.parent) == (
        OwnerReference("apps/v1", "ReplicaSet", "web-old", "uid-web-old", True),
        OwnerReference("apps/v1", "Deployment", "web", "d-1", True),
    )
    assert (lineage.selector, str(lineage), lineage.note) == ("app=web", "a pod of deployment/web", "")


async def test_a_replica_set_that_may_not_be_read_is_reported_and_only_its_own_pods_are_followed() -> None:
    api = shop()
    api.forbidden.add(f"{APPS}/replicasets/web-old")
    async with served(api) as connection:
        lineage = await lineage_of(connection, made("web-old-1", OLD))
    assert (lineage.parent, lineage.selector, str(lineage)) == (None, "", "a pod of replicaset/web-old")
    assert lineage.note == f"replicaset/web-old could not be read ({APPS}/replicasets/web-old is forbidden): only its own pods are followed"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (made("db-0", owned("StatefulSet", "db", "s-1")), "pod/db-0 of statefulset/db"),
        (pod("pg-1", owned("Cluster", "pg", "c-1", "postgresql.cnpg.io/v1")), "pod/pg-1 of cluster/pg"),
        (pod("etcd-n1", owned("Node", "n1", "n-1", "v1")), "pod/etcd-n1 of node/n1"),
        (made("log-x", owned("DaemonSet", "log", "ds-1")), "a pod of daemonset/log on n1"),
        (made("run-0-x", owned("Job", "run", "j-1", "batch/v1"), annotations={"batch.kubernetes.io/job-completion-index": "0"}),
         "a pod of job/run with the completion index 0"),
        (made("x-1", owned("Rollout[b]\x1b", "x", "r-1", "argoproj.io/v1alpha1")), "a pod of rollout[b]␛/x"),
    ],
)  # fmt: skip
async def test_the_place_of_a_pod_is_what_its_controller_keeps(body: Object, words: str) -> None:
    api = ApiServer()
    api.objects = {
        f"{APPS}/daemonsets/log": {"metadata": {"uid": "ds-1"}, "spec": {"selector": {"matchLabels": {"app": "log"}}}},
        f"{BATCH}/jobs/run": {"metadata": {"uid": "j-1"}, "spec": {"selector": {"matchLabels": {"job": "run"}}}},
    }
    async with served(api) as connection:
        lineage = await lineage_of(connection, body)
    assert (str(lineage), lineage.follows) == (words, True)


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ({}, ""),
        ({"app": "web"}, "app=web"),
        ({"matchLabels": {"a": "1", "rollouts-pod-template-hash": "x"}}, "a=1"),
        (
            {
                "matchExpressions": [
                    {"key": "a", "operator": "In", "values": ["1", "2"]},
                    {"key": "b", "operator": "NotIn", "values": ["3"]},
                    {"key": "c", "operator": "Exists"},
                    {"key": "d", "operator": "DoesNotExist", "values": None},
                ]
            },
            "a in (1,2),b notin (3),c,!d",
        ),
    ],
)
def test_a_label_selector_is_written_as_the_api_server_reads_it(selector: Object, text: str) -> None:
    assert selector_text(selector, without="pod-template-hash") == text
    parse(text)


# -- which of several -------------------------------------------------------------------------------------------------
def test_pods_are_ranked_as_kubectl_ranks_them() -> None:
    pods = [
        pod("leaving", ready="2026-01-01T00:00:00Z", deletionTimestamp="2026-01-02T00:00:00Z"),
        {**pod("unassigned", phase="Pending"), "spec": {}},
        pod("pending", phase="Pending"),
        pod("finished", phase="Succeeded"),
        pod("unready"),
        pod("young", ready="2026-01-03T00:00:00Z"),
        pod("newer", ready="2026-01-01T00:00:00Z", creationTimestamp="2026-01-01T00:00:00Z"),
        pod("older", ready="2026-01-01T00:00:00Z", creationTimestamp="2025-01-01T00:00:00Z"),
        {
            **pod("restarted", ready="2026-01-01T00:00:00Z"),
            "status": {
                **pod("x", ready="2026-01-01T00:00:00Z")["status"],
                "containerStatuses": [{"restartCount": 0}, {"restartCount": 3}],
            },
        },
    ]
    candidates = [decoded(each) for each in pods]
    names = [each.metadata.name for each in best_first(candidates)]
    assert names == ["older", "newer", "restarted", "young", "unready", "pending", "finished", "unassigned", "leaving"]
    assert best_first(candidates, prefer="uid-young")[0].metadata.name == "young"
    assert best_first(candidates, prefer="uid-unready")[0].metadata.name == "older"


def decoded(body: Object) -> PodCandidate:
    import msgspec

    return msgspec.convert(body, PodCandidate)


async def test_in_a_rollout_the_pods_of_the_newest_replica_set_come_first_and_those_of_others_do_not_count() -> None:
    api = shop()
    api.objects[f"{CORE}/pods"] = [
        made("cart-1", owned("ReplicaSet", "cart", "uid-cart"), ready="2020-01-01T00:00:00Z"),
        pod("free", ready="2020-01-01T00:00:00Z"),
        made("web-old-1", OLD, ready="2024-01-01T00:00:00Z"),
        made("web-new-1", NEW),
        made("web-new-2", NEW, ready="2026-01-01T00:00:00Z"),
    ]
    api.page = 2
    async with served(api) as connection:
        lineage = await lineage_of(connection, made("web-old-1", OLD))
        found = await find(connection, lineage)
        assert found.pod is not None and found.pod.metadata.name == "web-new-2"
        api.forbidden.add(f"{APPS}/replicasets")  # who may not list them follows the pods of the same one
        found = await find(connection, lineage)
        assert found.pod is not None and found.pod.metadata.name == "web-old-1"
        found = await find(connection, lineage, other_than="uid-web-old-1")
        assert found.pod is None and found.words == "there is no pod of deployment/web yet"


async def test_a_successor_must_be_ready_as_the_pod_before_it_was() -> None:
    api = shop()
    api.objects[f"{CORE}/pods"] = [made("web-new-1", NEW)]
    async with served(api) as connection:
        lineage = await lineage_of(connection, made("web-old-1", OLD))
        found = await find(connection, lineage)
        assert (found.pod, found.words) == (None, "pod/web-new-1 runs and is not ready")
        found = await find(connection, lineage, ready=False)
        assert found.pod is not None
        api.objects[f"{CORE}/pods"] = [made("web-new-1", NEW, phase="Pending")]
        found = await find(connection, lineage, ready=False)
        assert (found.pod, found.words) == (None, "pod/web-new-1 is Pending")


async def test_a_pod_of_a_stateful_set_is_followed_by_its_name_and_its_owner() -> None:
    api = ApiServer()
    api.objects[f"{APPS}/statefulsets/db"] = {"metadata": {"uid": "s-1"}, "spec": {"replicas": 2}}
    async with served(api) as connection:
        lineage = await lineage_of(connection, made("db-0", owned("StatefulSet", "db", "s-1")))
        assert (await find(connection, lineage)).words == "there is no pod/db-0 of statefulset/db yet"
        api.objects[f"{CORE}/pods/db-0"] = made("db-0", owned("StatefulSet", "db", "s-2"), ready="2026-01-01T00:00:00Z")
        assert (await find(connection, lineage)).pod is None
        api.objects[f"{CORE}/pods/db-0"] = made("db-0", owned("StatefulSet", "db", "s-1"), ready="2026-01-01T00:00:00Z")
        assert (await find(connection, lineage)).pod is not None
        assert (await find(connection, lineage, other_than="uid-db-0")).pod is None


async def test_only_the_pod_of_the_same_node_or_index_takes_the_place() -> None:
    api = ApiServer()
    owners = owned("DaemonSet", "log", "ds-1")
    other, same = made("log-2", owners, ready="2020-01-01T00:00:00Z"), made("log-3", owners, ready="2026-01-01T00:00:00Z")
    other["spec"]["nodeName"] = "n2"
    api.objects[f"{CORE}/pods"] = [other, same]
    async with served(api) as connection:
        lineage = Lineage("shop", OwnerReference("apps/v1", "DaemonSet", "log", "ds-1", True), node="n1")
        found = await find(connection, lineage)
        assert found.pod is not None and found.pod.metadata.name == "log-3"
        indexed = Lineage("shop", OwnerReference("apps/v1", "DaemonSet", "log", "ds-1", True), index="1")
        same["metadata"]["annotations"] = {"batch.kubernetes.io/job-completion-index": "1"}
        found = await find(connection, indexed)
        assert found.pod is not None and found.pod.metadata.name == "log-3"


@pytest.mark.parametrize(
    ("path", "controller", "words"),
    [
        (f"{APPS}/deployments/web", None, "deployment/web is gone"),
        (f"{APPS}/deployments/web", {"metadata": {"uid": "d-9"}}, "deployment/web was replaced by another one of the same name"),
    ],
)
async def test_a_controller_that_is_gone_makes_no_successor(path: str, controller: Object | None, words: str) -> None:
    api = shop()
    async with served(api) as connection:
        lineage = await lineage_of(connection, made("web-old-1", OLD))
        api.objects[path] = controller
        with pytest.raises(PodLost, match=words):
            await find(connection, lineage)


async def test_what_answers_404_in_place_of_the_api_server_does_not_say_that_there_will_be_no_successor() -> None:
    for answer in (web.Response(status=404, text="<html>"), web.Response(status=404, text="404 page not found\n")):
        api = shop()
        async with served(api) as connection:
            lineage = await lineage_of(connection, made("web-old-1", OLD))
            api.objects[f"{APPS}/deployments/web"] = answer
            with pytest.raises(ApiError, match="answered 404"):
                await find(connection, lineage)
            api.objects[f"{APPS}/replicasets/web-old"] = page()
            with pytest.raises(ServerError):
                await lineage_of(connection, made("web-old-1", OLD))


async def test_a_job_that_has_finished_makes_no_successor_and_one_scaled_to_0_none_now() -> None:
    api = shop()
    job = {"metadata": {"uid": "j-1"}, "spec": {}, "status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    api.objects[f"{BATCH}/jobs/run"] = job
    async with served(api) as connection:
        with pytest.raises(PodLost, match=r"job/run has finished \(Complete\)"):
            await find(connection, Lineage("shop", OwnerReference("batch/v1", "Job", "run", "j-1", True)))
        lineage = await lineage_of(connection, made("web-old-1", OLD))
        api.objects[f"{APPS}/deployments/web"]["spec"]["replicas"] = 0
        assert (await find(connection, lineage)).words == "deployment/web is scaled to 0"


async def test_an_answer_that_is_not_a_list_of_pods_is_an_error_in_words() -> None:
    api = ApiServer()
    api.objects[f"{CORE}/pods"] = {"items": 5}
    async with served(api) as connection:
        with pytest.raises(PodtuiError, match="cannot be read"):
            await find(connection, Lineage("shop", selector="app=web"))


# -- waiting ----------------------------------------------------------------------------------------------------------
async def test_a_change_wakes_who_waits_and_without_the_right_to_watch_nothing_breaks() -> None:
    api = shop()
    async with served(api) as connection:
        async with changes(connection, Lineage("shop", selector="app=web")) as changed:
            async with asyncio.timeout(20):
                while not any("labelSelector=app%3Dweb" in each and "watch=1" in each for each in api.asked):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                changed.clear()
                api.events.put_nowait(b'{"type": "MODIFIED", "object": {"metadata": {"uid": "u", "resourceVersion": "7"}}}\n')
                await changed.wait()
        api.forbidden.add(f"{CORE}/pods")
        async with changes(connection, Lineage("shop", name="db-0")) as changed:
            asked = len(api.asked)
            async with asyncio.timeout(20):
                while len(api.asked) == asked:  # noqa: ASYNC110 - the server sets no event
                    await asyncio.sleep(0.01)
            assert "fieldSelector=metadata.name%3Ddb-0" in api.asked[-1]


async def test_two_forwards_of_one_pod_go_on_with_the_same_one() -> None:
    """Which of two equal pods is taken first, the other forward takes too."""
    api = shop()
    api.objects[f"{CORE}/pods"] = [made(f"web-new-{i}", NEW, ready="2026-01-01T00:00:00Z") for i in range(3)]
    async with served(api) as connection:
        lineage = await lineage_of(connection, made("web-old-1", OLD))
        found = await find(connection, lineage, prefer="uid-web-new-2")
        assert found.pod is not None and found.pod.metadata.name == "web-new-2"


async def test_a_route_that_has_gone_on_does_not_care_for_the_pod_before() -> None:
    class Owner_:
        def pod_alive(self, ref: ObjectRef) -> bool | None:
            return None

    from podtui.kube.resources import PODS

    ref = ObjectRef(PODS, "web-1", "shop", "uid-1")
    route = Route(ref, Owner_(), lambda: None)  # type: ignore[arg-type]
    route.lost(ObjectRef(PODS, "web-0", "shop", "uid-0"), PodLost("pod/web-0 is gone"))
    assert not route.waiting
    with pytest.raises(PodLost):
        route.lost(ref, PodLost("pod/web-1 is gone"))


# -- bytes a second ---------------------------------------------------------------------------------------------------
def test_a_rate_is_the_mean_of_the_last_two_whole_seconds() -> None:
    now = [100.2]
    meter = Meter(lambda: now[0])
    meter.add(1000)
    assert (meter.total, meter.rate) == (1000, 0.0)
    now[0] = 101.0
    meter.add(500)
    meter.add(500)
    assert meter.rate == 500.0
    now[0] = 102.9
    assert meter.rate == 1000.0
    now[0] = 104.0
    assert (meter.total, meter.rate) == (2000, 0.0)
