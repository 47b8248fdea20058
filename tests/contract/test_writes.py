"""Creating, patching, applying and deleting: the same answers and the same words from every API server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from podtui.cluster.connection.connection import Connection
from podtui.errors import ApiError, NotFound
from podtui.kube.resources import NAMESPACES, PODS, Resource

NAMESPACE_PREFIX = "writes-"
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
JOBS = Resource("batch", "v1", "jobs", "Job")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"

Object = dict[str, Any]


class Api:
    """Requests in one namespace."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        self.connection = connection
        self.namespace = namespace

    async def create(self, resource: Resource, body: Object, **query: str) -> Object:
        made: Object = await self.connection.json("POST", resource.path(self.namespace), body=body, query=list(query.items()))
        return made

    async def patch(self, resource: Resource, patch: Any, kind: str = MERGE, name: str = "x", **query: str) -> Object:
        path, body = resource.path(self.namespace, name), patch
        made: Object = await self.connection.json("PATCH", path, body=body, content_type=kind, query=list(query.items()))
        return made

    async def apply(self, data: dict[str, str], manager: str, **query: str) -> Object:
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data}
        return await self.patch(CONFIG_MAPS, config, APPLY, fieldManager=manager, **query)

    async def get(self, resource: Resource, name: str = "x") -> Object:
        found: Object = await self.connection.json("GET", resource.path(self.namespace, name))
        return found

    async def delete(self, resource: Resource, name: str = "x", **options: Any) -> Object:
        body = {"kind": "DeleteOptions", "apiVersion": "v1", **options}
        gone: Object = await self.connection.json("DELETE", resource.path(self.namespace, name), body=body)
        return gone

    async def gone(self, resource: Resource, name: str = "x") -> bool:
        """Whether it goes within ten seconds."""
        for _ in range(100):
            try:
                await self.get(resource, name)
            except NotFound:
                return True
            await asyncio.sleep(0.1)
        return False


@pytest.fixture
def api(connection: Connection, namespace: str) -> Api:
    return Api(connection, namespace)


def pod(**spec: Any) -> Object:
    """A pod that nothing schedules and nothing changes but the test."""
    containers = [{"name": "a", "image": "example:1"}]
    return {"metadata": {"name": "x"}, "spec": {"schedulerName": "nobody", "containers": containers, **spec}}


def container(**fields: Any) -> Object:
    return pod(containers=[{"name": "a", "image": "example:1", **fields}])


def owners(obj: Object) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"]["managedFields"]}


async def refused(code: int, work: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await work
    assert caught.value.status == code, caught.value.message
    return caught.value


GO = 'Pod in version "v1" cannot be handled as a Pod: '


@pytest.mark.parametrize(
    ("code", "body", "words"),
    [
        (
            422,
            {"metadata": {}, "spec": pod()["spec"]},
            'Pod "" is invalid: metadata.name: Required value: name or generateName is required',
        ),
        (422, pod(containers=[]), 'Pod "x" is invalid: spec.containers: Required value'),
        (422, container(name="A"), 'spec.containers[0].name: Invalid value: "A": a lowercase RFC 1123 label must consist of'),
        (422, container(image=""), "spec.containers[0].image: Required value"),
        (422, container(ports=[{"containerPort": 70000}]), "Invalid value: 70000: must be between 1 and 65535, inclusive"),
        (422, container(volumeMounts=[{"name": "v", "mountPath": "/v"}]), 'spec.containers[0].volumeMounts[0].name: Not found: "v"'),
        (422, container(imagePullPolicy="X"), 'Unsupported value: "X": supported values: "Always", "IfNotPresent", "Never"'),
        (422, pod(restartPolicy="X"), 'spec.restartPolicy: Unsupported value: "X": supported values: "Always", "OnFailure", "Never"'),
        (400, container(ports=[{"containerPort": "80"}]), f"{GO}json: cannot unmarshal string into Go struct field ContainerPort."),
        (
            400,
            pod(nodeSelector={"a": 1}),
            f"{GO}json: cannot unmarshal number into Go struct field PodSpec.spec.nodeSelector of type string",
        ),
        (400, container(resources={"limits": {"cpu": "x"}}), f"{GO}quantities must match the regular expression"),
        (400, {"apiVersion": "v2", "kind": "Pod", **pod()}, 'no kind "Pod" is registered for version "v2"'),
        (403, pod(serviceAccountName="n"), 'serviceaccount "n" not found'),
        (403, pod(priorityClassName="n"), 'pods "x" is forbidden: no PriorityClass with name n was found'),
    ],
)
async def test_a_pod_that_cannot_be_is_refused_in_the_same_words(api: Api, code: int, body: Object, words: str) -> None:
    assert words in (await refused(code, api.create(PODS, body))).message


async def test_a_created_pod_gets_the_defaults_of_a_real_server(api: Api) -> None:
    made = await api.create(PODS, pod())
    spec, token = made["spec"], made["spec"]["volumes"][0]["name"]
    assert token.startswith("kube-api-access-")
    mount = {"name": token, "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    filled = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent"}
    assert spec["containers"] == [{"name": "a", "image": "example:1", "resources": {}, "volumeMounts": [mount], **filled}]
    assert [one["key"] for one in spec["tolerations"]] == ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
    del spec["containers"], spec["volumes"], spec["tolerations"]
    assert spec == {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "securityContext": {},
        "schedulerName": "nobody",
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"} and made["metadata"]["generation"] == 1


async def test_writes_give_fields_the_managers_that_a_real_server_gives(api: Api) -> None:
    made = await api.create(
        CONFIG_MAPS, {"metadata": {"name": "x", "labels": {"l": "1"}}, "data": {"a": "1", "b": "1"}}, fieldManager="one"
    )
    labels: Object = {".": {}, "f:l": {}}
    assert owners(made) == {"one": {"f:metadata": {"f:labels": labels}, "f:data": {".": {}, "f:a": {}, "f:b": {}}}}
    after = await api.patch(CONFIG_MAPS, {"data": {"a": "2"}}, fieldManager="two")
    assert owners(after)["two"] == {"f:data": {"f:a": {}}} and owners(after)["one"]["f:data"] == {".": {}, "f:b": {}}


async def test_a_patch_that_changes_nothing_keeps_the_version(api: Api) -> None:
    made = await api.create(CONFIG_MAPS, {"metadata": {"name": "x"}, "data": {"a": "1"}})
    assert await api.patch(CONFIG_MAPS, {"data": {"a": "1"}}, fieldManager="other") == made


async def test_a_dry_run_answers_and_keeps_nothing(api: Api) -> None:
    made = await api.create(CONFIG_MAPS, {"metadata": {"name": "x"}}, dryRun="All")
    assert made["metadata"]["uid"] and "resourceVersion" not in made["metadata"]
    await refused(404, api.get(CONFIG_MAPS))


async def test_stale_and_other_objects_are_not_written(api: Api) -> None:
    made = await api.create(CONFIG_MAPS, {"metadata": {"name": "x"}})
    error = await refused(409, api.patch(CONFIG_MAPS, {"metadata": {"resourceVersion": "1"}, "data": {"a": "1"}}))
    words = "the object has been modified; please apply your changes to the latest version and try again"
    assert error.message == f'Operation cannot be fulfilled on configmaps "x": {words}'
    error = await refused(422, api.patch(CONFIG_MAPS, {"metadata": {"uid": "other"}}))
    assert error.message == 'ConfigMap "x" is invalid: metadata.uid: Invalid value: "other": field is immutable'
    error = await refused(409, api.delete(CONFIG_MAPS, preconditions={"uid": "other"}))
    uid = made["metadata"]["uid"]
    assert f"the UID in the precondition (other) does not match the UID in record ({uid})." in error.message
    error = await refused(400, api.patch(CONFIG_MAPS, {"metadata": {"name": "y"}}))
    assert error.message == "the name of the object (y) does not match the name on the URL (x)"


async def test_only_a_few_fields_of_a_pods_spec_may_change(api: Api) -> None:
    await api.create(PODS, pod())
    words = "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    assert words in (await refused(422, api.patch(PODS, {"spec": {"nodeSelector": {"a": "b"}}}))).message
    after = await api.patch(PODS, {"spec": {"containers": [{"name": "a", "image": "example:2"}]}}, STRATEGIC)
    assert after["spec"]["containers"][0]["image"] == "example:2" and after["metadata"]["generation"] == 2
    after = await api.patch(PODS, [{"op": "replace", "path": "/spec/containers/0/image", "value": "example:3"}], JSON_PATCH)
    assert after["spec"]["containers"][0]["image"] == "example:3"
    error = await refused(422, api.patch(PODS, [{"op": "test", "path": "/metadata/name", "value": "y"}], JSON_PATCH))
    assert error.message == "the server rejected our request due to an error in our request"
    error = await refused(500, api.patch(PODS, {"spec": {"containers": [{"image": "c"}]}}, STRATEGIC))
    assert error.message == "map: map[image:c] does not contain declared merge key: name"


async def test_lists_are_merged_by_key_in_the_same_order(api: Api) -> None:
    labels = {"app": "x"}
    containers = [{"name": "b", "image": "1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"paused": True, "replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    await api.create(DEPLOYMENTS, {"metadata": {"name": "x"}, "spec": spec})

    async def patched(*containers: Object, **more: Any) -> list[tuple[str, list[str]]]:
        patch = {"spec": {"template": {"spec": {"containers": list(containers), **more}}}}
        found = (await api.patch(DEPLOYMENTS, patch, STRATEGIC))["spec"]["template"]["spec"]["containers"]
        return [(one["name"], [variable["name"] for variable in one.get("env", ())]) for one in found]

    change = {"name": "b", "env": [{"name": "C", "value": "1"}, {"name": "A", "$patch": "delete"}]}
    assert await patched(change) == [("b", ["C", "B"])]
    assert await patched({"name": "c", "image": "1"}) == [("c", []), ("b", ["C", "B"])]
    order = {"$setElementOrder/containers": [{"name": "b"}, {"name": "d"}]}
    assert await patched({"name": "d", "image": "1"}, **order) == [("c", []), ("b", ["C", "B"]), ("d", [])]
    assert await patched({"name": "c", "$patch": "delete"}, {"name": "d", "$patch": "delete"}) == [("b", ["C", "B"])]


async def test_applying_shares_conflicts_and_takes(api: Api) -> None:
    assert owners(await api.apply({"a": "1", "b": "1"}, "one")) == {"one": {"f:data": {"f:a": {}, "f:b": {}}}}
    error = await refused(409, api.apply({"a": "2"}, "two"))
    assert error.message == 'Apply failed with 1 conflict: conflict with "one": .data.a'
    assert error.details["causes"] == [{"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.a"}]
    await api.apply({"a": "1"}, "two")
    assert (await api.apply({"b": "2"}, "one"))["data"] == {"a": "1", "b": "2"}
    after = await api.apply({"b": "3"}, "two", force="true")
    assert after["data"] == {"b": "3"} and owners(after)["two"] == {"f:data": {"f:b": {}}}
    await api.patch(CONFIG_MAPS, {"data": {"b": "4"}}, fieldManager="editor")
    error = await refused(409, api.apply({"b": "5"}, "two"))
    assert error.message == 'Apply failed with 1 conflict: conflict with "editor" using v1: .data.b'
    error = await refused(422, api.apply({}, ""))
    assert error.message == 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'


async def test_who_goes_over_to_server_side_apply_has_no_conflict_with_oneself(api: Api) -> None:
    """As `kubectl apply`, and then `kubectl apply --server-side`, ask."""
    annotation = "kubectl.kubernetes.io/last-applied-configuration"
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1", "b": "<2>"}}
    first = {**config, "metadata": {"name": "x", "annotations": {annotation: json.dumps(config)}}}
    await api.create(CONFIG_MAPS, first, fieldManager="kubectl-client-side-apply")
    await refused(409, api.apply({"a": "2"}, "somebody"))
    after = await api.apply({"a": "2", "b": "<2>"}, "kubectl")
    assert after["data"] == {"a": "2", "b": "<2>"}
    written = '{"apiVersion":"v1","data":{"a":"2","b":"\\u003c2\\u003e"},"kind":"ConfigMap","metadata":{"name":"x"}}\n'
    assert after["metadata"]["annotations"] == {annotation: written}
    entries = [entry for entry in after["metadata"]["managedFields"] if entry["manager"] == "kubectl"]
    alone = await api.patch(CONFIG_MAPS, [{"op": "replace", "path": "/metadata/managedFields", "value": entries}], JSON_PATCH)
    assert set(owners(alone)) == {"kubectl"} and alone["metadata"]["resourceVersion"] != after["metadata"]["resourceVersion"]
    assert (await api.apply({"a": "2"}, "kubectl"))["data"] == {"a": "2"}, "nobody else holds it any more"


@pytest.mark.parametrize(
    ("spec", "field"),
    [  # one in each: the server stops at the first one that it meets, in no order
        ({"contaners": []}, ".spec.contaners"),
        ({"containers": [{"name": "a", "prots": []}]}, '.spec.containers[name="a"].prots'),
        (
            {"containers": [{"name": "a", "ports": [{"containerPort": 80, "protocol": "TCP", "nmae": "x"}]}]},
            '.spec.containers[name="a"].ports[containerPort=80,protocol="TCP"].nmae',
        ),
    ],
)
async def test_an_unknown_field_of_what_is_applied_is_reported_by_the_keys_of_its_lists(api: Api, spec: dict[str, Any], field: str) -> None:
    config = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}
    message = (await refused(500, api.patch(PODS, config, APPLY, fieldManager="m"))).message
    assert f"{field}: field not declared in schema" in message


async def test_what_a_job_counts_is_not_negative(api: Api) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "x"}]}}
    body = {"metadata": {"name": "x"}, "spec": {"completions": -2, "backoffLimit": -1, "template": template}}
    message = (await refused(422, api.create(JOBS, body))).message
    for field, value in (("completions", -2), ("backoffLimit", -1)):
        assert f"spec.{field}: Invalid value: {value}: must be greater than or equal to 0" in message


async def test_maps_come_in_the_order_of_their_keys(api: Api) -> None:
    await api.create(CONFIG_MAPS, {"metadata": {"name": "x", "labels": {"b": "1", "c": "1"}}, "data": {"z": "1", "y": "2"}})
    after = await api.patch(CONFIG_MAPS, {"metadata": {"labels": {"a": "1"}}, "data": {"x": "3"}})
    assert list(after["metadata"]["labels"]) == ["a", "b", "c"] and list(after["data"]) == ["x", "y", "z"]


async def test_a_deleted_object_stays_until_its_finalizers_are_gone(api: Api) -> None:
    await api.create(CONFIG_MAPS, {"metadata": {"name": "x", "finalizers": ["example.com/a"]}})
    held = await api.delete(CONFIG_MAPS)
    assert held["kind"] == "ConfigMap" and held["metadata"]["deletionGracePeriodSeconds"] == 0
    assert "deletionTimestamp" in (await api.get(CONFIG_MAPS))["metadata"]
    await api.patch(CONFIG_MAPS, {"metadata": {"finalizers": None}})
    await refused(404, api.get(CONFIG_MAPS))


async def test_an_owner_takes_what_it_owns_along_or_leaves_it(api: Api) -> None:
    for name, policy in (("taken", "Background"), ("left", "Orphan"), ("first", "Foreground")):
        owner = await api.create(CONFIG_MAPS, {"metadata": {"name": f"{name}-owner"}})
        metadata = owner["metadata"]
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": metadata["name"], "uid": metadata["uid"]}
        await api.create(CONFIG_MAPS, {"metadata": {"name": name, "ownerReferences": [reference]}})
        await api.delete(CONFIG_MAPS, f"{name}-owner", propagationPolicy=policy)
        assert await api.gone(CONFIG_MAPS, f"{name}-owner")
    assert await api.gone(CONFIG_MAPS, "taken") and await api.gone(CONFIG_MAPS, "first")
    assert "ownerReferences" not in (await api.get(CONFIG_MAPS, "left"))["metadata"]


async def test_a_terminating_namespace_takes_nothing_in_and_goes(api: Api, connection: Connection) -> None:
    await api.create(CONFIG_MAPS, {"metadata": {"name": "x", "finalizers": ["example.com/a"]}})
    path = NAMESPACES.path(name=api.namespace)
    answer = await connection.json("DELETE", path)
    assert answer["status"]["phase"] == "Terminating"
    error = await refused(403, api.create(CONFIG_MAPS, {"metadata": {"name": "late"}}))
    why = f"unable to create new content in namespace {api.namespace} because it is being terminated"
    assert error.message == f'configmaps "late" is forbidden: {why}'
    for _ in range(200):
        if "deletionTimestamp" in (await api.get(CONFIG_MAPS))["metadata"]:
            break
        await asyncio.sleep(0.1)
    await api.patch(CONFIG_MAPS, {"metadata": {"finalizers": None}})
    await connection.json("POST", NAMESPACES.path(), body={"metadata": {"name": f"{api.namespace}-b"}})
    await connection.request("DELETE", NAMESPACES.path(name=f"{api.namespace}-b"))
    error = await refused(403, connection.json("DELETE", NAMESPACES.path(name="default")))
    assert error.message == 'namespaces "default" is forbidden: this namespace may not be deleted'
