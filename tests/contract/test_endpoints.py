"""Each endpoint that podtui and kubectl use, alike on the built-in cluster and on a real API server."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from typing import Any

import pytest

from podtui.cluster.connection.connection import Connection
from podtui.errors import ApiError, Conflict, Gone, Invalid, NotFound, NotServed, TooManyRequests
from podtui.kube.resources import NODES, PODS
from tests.contract.conftest import _kubectl_program
from tests.support.waiting import until_answer

NAMESPACE_PREFIX = "api-"
MERGE, STRATEGIC, JSON = (f"application/{word}-patch+json" for word in ("merge", "strategic-merge", "json"))
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


def config_map(name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **more}, "data": {"a": "1"}}


def pod(name: str, **labels: str) -> dict[str, Any]:
    """A pod that no scheduler takes."""
    spec = {"schedulerName": "nobody", "containers": [{"name": "main", "image": "example/web"}], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


def maps(namespace: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps" + (f"/{name}" if name else "")


async def create(connection: Connection, namespace: str, *names: str, **labels: str) -> None:
    for name in names:
        await connection.json("POST", maps(namespace), body=config_map(name, labels=labels))


def names(found: Any) -> list[str]:
    """The names in a list, without the ConfigMap that a real cluster puts into every namespace."""
    return [item["metadata"]["name"] for item in found["items"] if item["metadata"]["name"] != "kube-root-ca.crt"]


async def events(connection: Connection, path: str, count: int, query: dict[str, str]) -> list[dict[str, Any]]:
    """The first `count` events of a watch."""
    buffer = b""
    async with asyncio.timeout(30), connection.stream(path, query=[("watch", "true"), *query.items()], idle_timeout=30) as stream:
        async for chunk in stream:
            buffer += chunk
            if buffer.count(b"\n") >= count:
                break
    return [json.loads(line) for line in buffer.split(b"\n")[:count]]


async def is_gone(connection: Connection, path: str) -> bool:
    try:
        await connection.json("GET", path)
    except NotFound:
        return True
    return False


# -- what the server is -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
async def test_the_health_endpoints_answer_ok(connection: Connection, path: str) -> None:
    assert await connection.request("GET", path) == b"ok"


async def test_the_version_endpoint_gives_major_and_minor(connection: Connection) -> None:
    version = await connection.json("GET", "/version")
    assert version["gitVersion"].startswith(f"v{version['major']}.{version['minor']}.")


async def test_discovery_names_the_kinds_with_their_verbs_and_short_names(connection: Connection) -> None:
    resources = {one["name"]: one for one in (await connection.json("GET", "/api/v1"))["resources"]}
    assert resources["pods"]["kind"] == "Pod" and resources["pods"]["shortNames"] == ["po"] and resources["pods"]["namespaced"]
    assert set(resources["pods"]["verbs"]) == {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
    assert {"pods/log", "pods/portforward", "pods/exec", "pods/eviction", "pods/status"} <= resources.keys()
    groups = {group["name"] for group in (await connection.json("GET", "/apis"))["groups"]}
    assert {"apps", "batch", "policy", "discovery.k8s.io", "authorization.k8s.io"} <= groups


async def test_openapi_tells_where_each_group_is(connection: Connection) -> None:
    paths = (await connection.json("GET", "/openapi/v3"))["paths"]
    assert {"api/v1", "apis/apps/v1"} <= paths.keys()
    document = await connection.json("GET", paths["api/v1"]["serverRelativeURL"])
    assert document["openapi"].startswith("3.")


async def test_kubectl_refuses_a_kind_that_the_server_does_not_have(kubeconfig: str) -> None:
    """It looks for it in both versions of OpenAPI."""
    command = [_kubectl_program(), f"--kubeconfig={kubeconfig}", "create", "-f", "-"]
    process = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, errors = await process.communicate(b"{apiVersion: v1, kind: Podd, metadata: {name: x}}")
    words = 'error: resource mapping not found for name: "x" namespace: "" from "STDIN": no matches for kind "Podd" in version "v1"'
    assert (process.returncode, errors.decode().splitlines()[0]) == (1, words)


async def test_an_unknown_path_is_not_found(connection: Connection) -> None:
    for path in ("/nope", "/apis/example.com/v1", "/apis/example.com/v1/widgets"):
        with pytest.raises(NotServed, match="404 page not found"):
            await connection.json("GET", path)
    for path in ("/api/v1/widgets", "/api/v9/pods", "/apis/apps/v9", "/apis/apps/v9/deployments", "/api/v1/namespaces/a/pods/b/c/d/e"):
        with pytest.raises(NotServed, match="the server could not find the requested resource"):
            await connection.json("GET", path)


# -- list -------------------------------------------------------------------------------------------------------------
async def test_a_list_comes_in_pages_of_one_version(connection: Connection, namespace: str) -> None:
    await create(connection, namespace, "a", "b", "c", "d", "e", mark="x")
    first = await connection.json("GET", maps(namespace), query=[("limit", "2"), ("labelSelector", "mark=x")])
    assert names(first) == ["a", "b"] and "remainingItemCount" not in first["metadata"], "it is not known with a selector"
    await create(connection, namespace, "aa", mark="x")
    found, token = names(first), first["metadata"]["continue"]
    while token:
        page = await connection.json("GET", maps(namespace), query=[("limit", "2"), ("labelSelector", "mark=x"), ("continue", token)])
        assert page["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        found, token = found + names(page), page["metadata"].get("continue")
    assert found == ["a", "b", "c", "d", "e"]


async def test_a_page_tells_how_many_are_left(connection: Connection, namespace: str) -> None:
    await create(connection, namespace, "a", "b", "c")
    whole = len((await connection.json("GET", maps(namespace)))["items"])
    page = await connection.json("GET", maps(namespace), query=[("limit", "1")])
    assert page["metadata"]["remainingItemCount"] == whole - 1


async def test_a_list_has_a_kind_and_its_items_have_none(connection: Connection, namespace: str) -> None:
    await create(connection, namespace, "a")
    found = await connection.json("GET", maps(namespace))
    assert (found["kind"], found["apiVersion"]) == ("ConfigMapList", "v1")
    assert all("kind" not in item and "apiVersion" not in item for item in found["items"])


async def test_an_invalid_continue_token_is_refused(connection: Connection, namespace: str) -> None:
    with pytest.raises(Invalid, match="continue key is not valid"):
        await connection.json("GET", maps(namespace), query=[("limit", "1"), ("continue", "nonsense")])


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("metadata.name=a", "a"),
        ("metadata.name!=a", "b"),
        ("spec.nodeName=", "a b"),
        ("status.phase=Pending", "a b"),
        ("status.phase=Running", ""),
    ],
)
async def test_a_field_selector_narrows_the_pods(connection: Connection, namespace: str, selector: str, found: str) -> None:
    for name in ("a", "b"):
        await connection.json("POST", PODS.path(namespace), body=pod(name))
    assert names(await connection.json("GET", PODS.path(namespace), query=[("fieldSelector", selector)])) == found.split()


async def test_a_field_that_is_not_selectable_is_refused(connection: Connection, namespace: str) -> None:
    with pytest.raises(Invalid, match=r"field label not supported: spec\.image"):
        await connection.json("GET", PODS.path(namespace), query=[("fieldSelector", "spec.image=x")])


async def test_a_table_has_columns_cells_and_the_metadata(connection: Connection, namespace: str) -> None:
    await connection.json("POST", PODS.path(namespace), body=pod("a", app="web"))
    table = await connection.json("GET", PODS.path(namespace), accept=TABLE, query=[("includeObject", "Metadata")])
    assert table["kind"] == "Table"
    columns = [column["name"] for column in table["columnDefinitions"]]
    assert columns == ["Name", "Ready", "Status", "Restarts", "Age", "IP", "Node", "Nominated Node", "Readiness Gates"]
    (row,) = table["rows"]
    assert row["cells"][:4] == ["a", "0/1", "Pending", "0"] and row["cells"][5:] == ["<none>"] * 4
    assert row["object"]["kind"] == "PartialObjectMetadata" and row["object"]["metadata"]["labels"] == {"app": "web"}
    assert "spec" not in row["object"]


async def test_a_list_can_come_as_partial_object_metadata(connection: Connection, namespace: str) -> None:
    await create(connection, namespace, "a")
    found = await connection.json("GET", maps(namespace), accept=METADATA)
    assert found["kind"] == "PartialObjectMetadataList"
    assert "a" in names(found) and all(item.keys() <= {"kind", "apiVersion", "metadata"} for item in found["items"])


# -- watch ------------------------------------------------------------------------------------------------------------
async def test_a_watch_replays_from_a_version(connection: Connection, namespace: str) -> None:
    version = (await connection.json("GET", maps(namespace)))["metadata"]["resourceVersion"]
    await create(connection, namespace, "a")
    await connection.json("PATCH", maps(namespace, "a"), body={"data": {"a": "2"}}, content_type=MERGE)
    await connection.request("DELETE", maps(namespace, "a"))
    query = {"resourceVersion": version, "fieldSelector": "metadata.name=a"}
    found = await events(connection, maps(namespace), 3, query)
    assert [one["type"] for one in found] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(one["object"]["metadata"]["resourceVersion"]) for one in found]
    assert versions == sorted(set(versions)) and versions[0] > int(version)
    assert all(one["object"]["kind"] == "ConfigMap" for one in found)


async def test_what_enters_and_leaves_a_selector_is_added_and_deleted(connection: Connection, namespace: str) -> None:
    version = (await connection.json("GET", maps(namespace)))["metadata"]["resourceVersion"]
    await create(connection, namespace, "a")
    for env in ("prod", "dev", "prod"):
        await connection.json("PATCH", maps(namespace, "a"), body={"metadata": {"labels": {"env": env}}}, content_type=MERGE)
    query = {"resourceVersion": version, "labelSelector": "env=prod"}
    assert [one["type"] for one in await events(connection, maps(namespace), 3, query)] == ["ADDED", "DELETED", "ADDED"]


async def test_a_watch_list_sends_what_is_there_and_then_a_bookmark(connection: Connection, namespace: str) -> None:
    await create(connection, namespace, "a", "b", mark="x")
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true", "labelSelector": "mark=x"}
    found = await events(connection, maps(namespace), 3, query)
    assert [one["type"] for one in found] == ["ADDED", "ADDED", "BOOKMARK"]
    assert found[2]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_watch_ends_when_its_time_is_up(connection: Connection, namespace: str) -> None:
    async with asyncio.timeout(20), connection.stream(maps(namespace), query=[("watch", "true"), ("timeoutSeconds", "1")]) as stream:
        async for _ in stream:
            pass


async def test_a_watch_of_tables_tells_the_columns_once(connection: Connection, namespace: str) -> None:
    version = (await connection.json("GET", maps(namespace)))["metadata"]["resourceVersion"]
    await create(connection, namespace, "a", "b")
    query = [("watch", "true"), ("resourceVersion", version), ("labelSelector", "!x")]
    buffer = b""
    async with asyncio.timeout(30), connection.stream(maps(namespace), query=query, accept=TABLE, idle_timeout=30) as stream:
        async for chunk in stream:
            buffer += chunk
            if buffer.count(b"\n") >= 2:
                break
    first, second = (json.loads(line)["object"] for line in buffer.split(b"\n")[:2])
    assert [column["name"] for column in first["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert not second["columnDefinitions"] and second["rows"][0]["cells"][0] == "b"


async def test_a_version_of_the_future_is_refused(connection: Connection, namespace: str) -> None:
    with pytest.raises(ApiError, match="Too large resource version"):
        await connection.json("GET", maps(namespace), query=[("resourceVersion", "999999999999"), ("resourceVersionMatch", "Exact")])


async def test_a_version_that_is_not_a_number_is_refused(connection: Connection, namespace: str) -> None:
    with pytest.raises(ApiError, match='Invalid value: "x"'):
        await connection.json("GET", maps(namespace), query=[("resourceVersion", "x"), ("watch", "true")])


# -- create -----------------------------------------------------------------------------------------------------------
async def test_a_dry_run_is_checked_and_not_kept(connection: Connection, namespace: str) -> None:
    made = await connection.json("POST", maps(namespace), query=[("dryRun", "All")], body=config_map("a"))
    assert made["metadata"]["uid"]
    with pytest.raises(NotFound, match='configmaps "a" not found'):
        await connection.json("GET", maps(namespace, "a"))


async def test_generate_name_gives_a_name_with_that_prefix(connection: Connection, namespace: str) -> None:
    body = {"metadata": {"generateName": "made-"}}
    first, second = [(await connection.json("POST", maps(namespace), body=body))["metadata"]["name"] for _ in range(2)]
    assert first.startswith("made-") and len(first) == len("made-") + 5 and first != second


async def test_what_exists_already_is_a_conflict(connection: Connection, namespace: str) -> None:
    await create(connection, namespace, "a")
    with pytest.raises(Conflict, match='configmaps "a" already exists') as caught:
        await create(connection, namespace, "a")
    assert (caught.value.status, caught.value.reason) == (409, "AlreadyExists")


async def test_creating_in_a_missing_namespace_is_not_found(connection: Connection) -> None:
    with pytest.raises(NotFound, match='namespaces "no-such-namespace" not found'):
        await connection.json("POST", maps("no-such-namespace"), body=config_map("a"))


async def test_a_body_for_another_namespace_is_refused(connection: Connection, namespace: str) -> None:
    with pytest.raises(Invalid, match="the namespace of the provided object does not match the namespace sent on the request"):
        await connection.json("POST", maps(namespace), body=config_map("a", namespace="elsewhere"))


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"containers": []}, "spec.containers", "Required value"),
        ({"restartPolicy": "Sometimes"}, "spec.restartPolicy", 'Unsupported value: "Sometimes"'),
        ({"containers": [{"name": "A_", "image": "x"}]}, "spec.containers[0].name", "a lowercase RFC 1123 label must consist of"),
        ({"containers": [{"name": "a"}]}, "spec.containers[0].image", "Required value"),
        ({"containers": [{"name": "a", "image": "x"}] * 2}, "spec.containers[1].name", 'Duplicate value: "a"'),
        (
            {"containers": [{"name": "a", "image": "x", "ports": [{"containerPort": 70000}]}]},
            "spec.containers[0].ports[0].containerPort",
            "Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        ({"nodeSelector": {"a b": "c"}}, "spec.nodeSelector", 'Invalid value: "a b"'),
    ],
)
async def test_a_pod_that_is_not_valid_is_refused_field_by_field(
    connection: Connection, namespace: str, change: dict[str, Any], field: str, words: str
) -> None:
    body = pod("bad")
    body["spec"].update(change)
    with pytest.raises(Invalid) as caught:
        await connection.json("POST", PODS.path(namespace), body=body)
    assert caught.value.status == 422 and caught.value.message.startswith('Pod "bad" is invalid: ')
    causes = {cause["field"]: cause["message"] for cause in caught.value.details["causes"]}
    assert words in causes[field]


async def test_unknown_fields_are_an_error_when_validation_is_strict(connection: Connection, namespace: str) -> None:
    body = {**config_map("a"), "dta": {}}
    with pytest.raises(Invalid, match='strict decoding error: unknown field "dta"'):
        await connection.json("POST", maps(namespace), query=[("fieldValidation", "Strict")], body=body)
    await connection.json("POST", maps(namespace), query=[("fieldValidation", "Ignore")], body=body)


async def test_a_created_pod_has_the_defaults_filled_in(connection: Connection, namespace: str) -> None:
    made = await connection.json("POST", PODS.path(namespace), body=pod("a"))
    spec, container = made["spec"], made["spec"]["containers"][0]
    assert (spec["restartPolicy"], spec["dnsPolicy"], spec["serviceAccountName"]) == ("Always", "ClusterFirst", "default")
    assert (container["imagePullPolicy"], container["terminationMessagePath"]) == ("Always", "/dev/termination-log")
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert {one["key"] for one in spec["tolerations"]} == {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}


# -- change -----------------------------------------------------------------------------------------------------------
async def test_a_merge_patch_changes_adds_and_removes(connection: Connection, namespace: str) -> None:
    await create(connection, namespace, "a", one="1", two="2")
    body = {"metadata": {"labels": {"one": None, "two": "3", "four": "4"}}}
    after = await connection.json("PATCH", maps(namespace, "a"), body=body, content_type=MERGE)
    assert after["metadata"]["labels"] == {"two": "3", "four": "4"}


async def test_a_strategic_patch_merges_lists_by_their_key(connection: Connection, namespace: str) -> None:
    await connection.json("POST", PODS.path(namespace), body=pod("a"))
    body = {"spec": {"containers": [{"name": "main", "image": "example/web:2"}]}}
    after = await connection.json("PATCH", PODS.path(namespace, "a"), body=body, content_type=STRATEGIC)
    (container,) = after["spec"]["containers"]
    assert container["image"] == "example/web:2" and container["terminationMessagePath"] == "/dev/termination-log"


async def test_a_json_patch_is_done_step_by_step_or_not_at_all(connection: Connection, namespace: str) -> None:
    await create(connection, namespace, "a", one="1")
    steps: Any = [{"op": "test", "path": "/metadata/labels/one", "value": "1"}, {"op": "replace", "path": "/data/a", "value": "2"}]
    after = await connection.json("PATCH", maps(namespace, "a"), body=steps, content_type=JSON)
    assert after["data"] == {"a": "2"}
    steps[0]["value"] = "other"
    with pytest.raises(Invalid):
        await connection.json("PATCH", maps(namespace, "a"), body=steps, content_type=JSON)


async def test_a_server_side_apply_creates_owns_and_meets_conflicts(connection: Connection, namespace: str) -> None:
    query = [("fieldManager", "one")]
    made = await connection.json("PATCH", maps(namespace, "a"), query=query, body=config_map("a"), content_type=APPLY)
    assert [entry["manager"] for entry in made["metadata"]["managedFields"]] == ["one"]
    other = {**config_map("a"), "data": {"a": "2", "b": "3"}}
    with pytest.raises(Conflict, match='conflict with "one"'):
        await connection.json("PATCH", maps(namespace, "a"), query=[("fieldManager", "two")], body=other, content_type=APPLY)
    query = [("fieldManager", "two"), ("force", "true")]
    after = await connection.json("PATCH", maps(namespace, "a"), query=query, body=other, content_type=APPLY)
    assert after["data"] == {"a": "2", "b": "3"}


async def test_a_patch_that_changes_nothing_keeps_the_version(connection: Connection, namespace: str) -> None:
    await create(connection, namespace, "a", one="1")
    before = await connection.json("GET", maps(namespace, "a"))
    body = {"metadata": {"labels": {"one": "1"}}}
    after = await connection.json("PATCH", maps(namespace, "a"), body=body, content_type=MERGE)
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_a_put_with_an_old_resource_version_is_a_conflict(connection: Connection, namespace: str) -> None:
    await create(connection, namespace, "a")
    before = await connection.json("GET", maps(namespace, "a"))
    after = await connection.json("PUT", maps(namespace, "a"), body={**before, "data": {"a": "2"}})
    assert after["data"] == {"a": "2"}
    with pytest.raises(Conflict, match="the object has been modified; please apply your changes to the latest version and try again"):
        await connection.json("PUT", maps(namespace, "a"), body={**before, "data": {"a": "3"}})


async def test_the_nodes_and_images_of_a_pod_alone_can_change(connection: Connection, namespace: str) -> None:
    await connection.json("POST", PODS.path(namespace), body=pod("a"))
    with pytest.raises(Invalid, match="pod updates may not change fields other than"):
        await connection.json("PATCH", PODS.path(namespace, "a"), body={"spec": {"hostname": "x"}}, content_type=MERGE)


async def test_a_patch_of_an_unknown_type_is_refused(connection: Connection, namespace: str) -> None:
    await create(connection, namespace, "a")
    with pytest.raises(ApiError) as caught:
        await connection.json("PATCH", maps(namespace, "a"), body={}, content_type="application/json")
    assert caught.value.status == 415


# -- delete -----------------------------------------------------------------------------------------------------------
async def test_a_deletion_with_another_uid_as_precondition_deletes_nothing(connection: Connection, namespace: str) -> None:
    await create(connection, namespace, "a")
    body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "another"}}
    with pytest.raises(Conflict, match="the UID in the precondition"):
        await connection.request("DELETE", maps(namespace, "a"), body=body)
    assert await connection.json("GET", maps(namespace, "a"))


async def test_a_collection_is_deleted_by_its_selector(connection: Connection, namespace: str) -> None:
    await create(connection, namespace, "a", "b", mark="x")
    await create(connection, namespace, "c")
    await connection.request("DELETE", maps(namespace), query=[("labelSelector", "mark=x")])
    assert names(await connection.json("GET", maps(namespace))) == ["c"]


async def test_a_deletion_as_a_dry_run_deletes_nothing(connection: Connection, namespace: str) -> None:
    await create(connection, namespace, "a")
    await connection.request("DELETE", maps(namespace, "a"), query=[("dryRun", "All")])
    assert names(await connection.json("GET", maps(namespace))) == ["a"]


async def test_a_finalizer_holds_an_object_until_it_is_gone(connection: Connection, namespace: str) -> None:
    await connection.json("POST", maps(namespace), body=config_map("a", finalizers=["example.com/wait"]))
    await connection.request("DELETE", maps(namespace, "a"))
    held = await connection.json("GET", maps(namespace, "a"))
    assert held["metadata"]["deletionTimestamp"]
    await connection.json("PATCH", maps(namespace, "a"), body={"metadata": {"finalizers": None}}, content_type=MERGE)
    with pytest.raises(NotFound):
        await connection.json("GET", maps(namespace, "a"))


async def test_a_running_pod_is_given_its_grace(connection: Connection, namespace: str, real_node: str) -> None:
    body = pod("a")
    body["spec"].update(nodeName=real_node, terminationGracePeriodSeconds=2)
    await connection.json("POST", PODS.path(namespace), body=body)

    async def runs() -> bool:
        return bool((await connection.json("GET", PODS.path(namespace, "a")))["status"]["phase"] == "Running")

    await until_answer(runs)
    ending = await connection.json("DELETE", PODS.path(namespace, "a"))
    assert ending["metadata"]["deletionGracePeriodSeconds"] == 2 and ending["metadata"]["deletionTimestamp"]
    await until_answer(lambda: is_gone(connection, PODS.path(namespace, "a")))


async def test_a_namespace_ends_when_it_is_empty(connection: Connection, namespace: str) -> None:
    other = f"{namespace}-b"
    await connection.json("POST", "/api/v1/namespaces", body={"metadata": {"name": other}})
    await connection.json("POST", maps(other), body=config_map("a", finalizers=["example.com/wait"]))
    ending = await connection.json("DELETE", f"/api/v1/namespaces/{other}")
    assert ending["status"]["phase"] == "Terminating"
    with pytest.raises(ApiError, match="being terminated"):
        await connection.json("POST", maps(other), body=config_map("b"))
    await connection.json("PATCH", maps(other, "a"), body={"metadata": {"finalizers": None}}, content_type=MERGE)
    await until_answer(lambda: is_gone(connection, f"/api/v1/namespaces/{other}"))


# -- eviction, rights, events -----------------------------------------------------------------------------------------
async def test_an_eviction_waits_for_the_disruption_budget(connection: Connection, namespace: str, real_node: str) -> None:
    body = pod("a", app="web")
    body["spec"]["nodeName"] = real_node
    await connection.json("POST", PODS.path(namespace), body=body)
    budget = {"metadata": {"name": "web"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}}
    budgets = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
    await connection.json("POST", budgets, body=budget)

    async def counted() -> bool:
        return bool((await connection.json("GET", f"{budgets}/web")).get("status", {}).get("currentHealthy") == 1)

    await until_answer(counted)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a", "namespace": namespace}}
    with pytest.raises(TooManyRequests, match="Cannot evict pod as it would violate the pod's disruption budget"):
        await connection.json("POST", f"{PODS.path(namespace, 'a')}/eviction", body=eviction)
    await connection.request("DELETE", f"{budgets}/web")
    await connection.json("POST", f"{PODS.path(namespace, 'a')}/eviction", body=eviction)


async def test_access_reviews_answer_for_the_administrator(connection: Connection, namespace: str) -> None:
    group = "/apis/authorization.k8s.io/v1"
    spec = {"resourceAttributes": {"namespace": namespace, "verb": "create", "resource": "pods", "subresource": "portforward"}}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
    assert (await connection.json("POST", f"{group}/selfsubjectaccessreviews", body=review))["status"]["allowed"] is True
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
    rules = (await connection.json("POST", f"{group}/selfsubjectrulesreviews", body=review))["status"]["resourceRules"]
    assert any(rule["verbs"] == ["*"] and rule["resources"] == ["*"] for rule in rules)


async def test_a_pod_that_no_node_takes_has_the_schedulers_event(connection: Connection, namespace: str) -> None:
    body = pod("a")
    del body["spec"]["schedulerName"]
    body["spec"]["nodeSelector"] = {"example.com/none": "true"}
    made = await connection.json("POST", PODS.path(namespace), body=body)
    selector = f"involvedObject.uid={made['metadata']['uid']},reason=FailedScheduling"

    async def told() -> Any:
        return (await connection.json("GET", f"/api/v1/namespaces/{namespace}/events", query=[("fieldSelector", selector)]))["items"]

    (event,) = await until_answer(told)
    assert event["type"] == "Warning" and "didn't match Pod's node affinity/selector" in event["message"]

    async def conditions() -> Any:
        status = (await connection.json("GET", PODS.path(namespace, "a")))["status"]
        return [one for one in status.get("conditions", ()) if one["type"] == "PodScheduled"]

    (condition,) = await until_answer(conditions)
    assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")


async def test_a_replica_set_makes_its_pods_and_replaces_them(connection: Connection, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/replicasets"
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod("")["spec"]}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    made = await connection.json("POST", path, body={"metadata": {"name": "web"}, "spec": spec})

    async def alive() -> list[Any]:
        items = (await connection.json("GET", PODS.path(namespace), query=[("labelSelector", "app=web")]))["items"]
        return [one for one in items if "deletionTimestamp" not in one["metadata"]]

    async def pods(count: int, without: str = "") -> list[Any]:
        async def there() -> bool:
            found = await alive()
            return len(found) == count and without not in {one["metadata"]["uid"] for one in found}

        await until_answer(there)
        return await alive()

    first = await pods(2)
    (owner,) = first[0]["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (made["metadata"]["uid"], True)
    assert all(one["metadata"]["name"].startswith("web-") for one in first)
    gone = first[0]["metadata"]
    await connection.request("DELETE", PODS.path(namespace, gone["name"]), query=[("gracePeriodSeconds", "0")])
    await pods(2, without=gone["uid"])
    orphan = (await pods(2))[0]["metadata"]["name"]
    await connection.json("PATCH", PODS.path(namespace, orphan), body={"metadata": {"labels": {"app": "other"}}}, content_type=MERGE)
    await pods(2)

    async def is_free() -> bool:
        return "ownerReferences" not in (await connection.json("GET", PODS.path(namespace, orphan)))["metadata"]

    await until_answer(is_free)
    await connection.request("DELETE", f"{path}/web", body={"propagationPolicy": "Background"})
    await pods(0)


async def test_nodes_are_ready_and_have_their_labels(connection: Connection, real_node: str) -> None:
    node = await connection.json("GET", NODES.path(name=real_node))
    assert node["metadata"]["labels"]["kubernetes.io/hostname"] == real_node
    assert {one["type"]: one["status"] for one in node["status"]["conditions"]}["Ready"] == "True"


# -- a version that is long gone --------------------------------------------------------------------------------------
async def test_a_continue_token_of_a_forgotten_version_is_gone(connection: Connection, namespace: str) -> None:
    token = base64.urlsafe_b64encode(json.dumps({"v": "meta.k8s.io/v1", "rv": 1, "start": "a\0"}).encode()).decode().rstrip("=")
    try:
        await connection.json("GET", maps(namespace), query=[("limit", "1"), ("continue", token)])
    except Gone as error:
        assert error.status == 410
