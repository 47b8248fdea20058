"""Creating, changing and deleting in the built-in cluster, as the real API server does it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from podtui.demo.api.rbac import ADMIN, Authorizer, impersonated
from podtui.demo.api.reviews import review
from podtui.demo.storage.kinds import (
    CONFIGMAPS,
    DEPLOYMENTS,
    JOBS,
    NAMESPACES,
    PODDISRUPTIONBUDGETS,
    PODS,
    REPLICASETS,
    ROLEBINDINGS,
    ROLES,
    SERVICEACCOUNTS,
    SERVICES,
    Kind,
)
from podtui.demo.writes import patches
from tests.support.demo_writes import Cluster, Object, pod, refused

Labels = dict[str, str | None]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def merge(cluster: Cluster, kind: Kind, patch: Object, name: str = "x", **options: Any) -> Object:
    namespace = "default" if kind.namespaced else ""
    return cluster.writes.patch(kind, namespace, name, patches.MERGE_PATCH, json.dumps(patch).encode(), **options)[0]


def apply(cluster: Cluster, data: dict[str, str], manager: str = "one", **options: Any) -> Object:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data}
    body = yaml.safe_dump(config).encode()
    return cluster.writes.patch(CONFIGMAPS, "default", "x", patches.APPLY_PATCH, body, field_manager=manager, **options)[0]


def owners(obj: Object) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"].get("managedFields", ())}


def condition(obj: Object, type_: str) -> Object:
    return next(one for one in obj["status"]["conditions"] if one["type"] == type_)


# -- create


def test_a_pod_is_filled_in_as_on_a_real_server(cluster: Cluster) -> None:
    made = cluster.create(PODS, {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "a", "image": "nginx"}]}})
    token = made["spec"]["volumes"][0]["name"]
    assert token.startswith("kube-api-access-") and len(token) == len("kube-api-access-") + 5
    away = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    sources = made["spec"]["volumes"][0].pop("projected")
    assert [list(source) for source in sources["sources"]] == [["serviceAccountToken"], ["configMap"], ["downwardAPI"]]
    assert made["spec"] == {
        "volumes": [{"name": token}],
        "containers": [
            {
                "name": "a",
                "image": "nginx",
                "resources": {},
                "volumeMounts": [{"name": token, "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "imagePullPolicy": "Always",
            }
        ],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "tolerations": [{"key": f"node.kubernetes.io/{why}", **away} for why in ("not-ready", "unreachable")],
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert made["metadata"]["generation"] == 1 and made["metadata"]["creationTimestamp"] == "2027-01-15T08:00:00Z"


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1", "IfNotPresent"),
        ("host:5000/nginx", "Always"),
        ("a@sha256:0", "IfNotPresent"),
    ],
)
def test_an_image_without_a_fixed_tag_is_always_pulled(cluster: Cluster, image: str, policy: str) -> None:
    made = cluster.pod(containers=[{"name": "a", "image": image}])
    assert made["spec"]["containers"][0]["imagePullPolicy"] == policy


@pytest.mark.parametrize(
    ("resources", "qos"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
    ],
)
def test_the_class_of_service_follows_from_the_resources(cluster: Cluster, resources: Object, qos: str) -> None:
    made = cluster.pod(containers=[{"name": "a", "image": "x", "resources": resources}])
    assert made["status"]["qosClass"] == qos


def test_a_name_is_taken_once(cluster: Cluster) -> None:
    cluster.pod()
    error = refused(409, cluster.pod)
    assert (error.message, error.reason) == ('pods "x" already exists', "AlreadyExists")
    assert error.details == {"name": "x", "kind": "pods"}


def test_a_generated_name_ends_in_five_letters(cluster: Cluster) -> None:
    made = cluster.create(CONFIGMAPS, {"metadata": {"generateName": "made-"}})
    assert made["metadata"]["name"].startswith("made-") and len(made["metadata"]["name"]) == len("made-") + 5
    assert cluster.has(CONFIGMAPS, made["metadata"]["name"])


def test_a_dry_run_answers_but_keeps_nothing(cluster: Cluster) -> None:
    before = cluster.state.version
    made = cluster.create(CONFIGMAPS, {"metadata": {"name": "x"}}, dry_run=True)
    assert made["metadata"]["uid"] and "resourceVersion" not in made["metadata"]
    assert cluster.state.version == before and not cluster.has(CONFIGMAPS)


def test_what_only_the_server_sets_is_not_taken_from_the_request(cluster: Cluster) -> None:
    body = pod()
    body["metadata"].update(uid="mine", creationTimestamp="2001-01-01T00:00:00Z", deletionTimestamp="2001-01-01T00:00:00Z")
    made = cluster.create(PODS, {**body, "status": {"phase": "Running"}})
    assert made["metadata"]["uid"] != "mine" and "deletionTimestamp" not in made["metadata"]
    assert made["status"]["phase"] == "Pending"


@pytest.mark.parametrize(
    ("obj", "code", "words"),
    [
        ({"apiVersion": "v2", "kind": "Pod"}, 400, 'no kind "Pod" is registered for version "v2" in scheme "pkg/runtime/scheme.go:111"'),
        ({"apiVersion": "v1", "kind": "Service"}, 400, "converting (v1.Service) to (core.Pod): unknown conversion"),
        ({"metadata": {"name": "x", "namespace": "b"}}, 400, "the namespace of the provided object does not match the namespace sent"),
        ({"spec": {"serviceAccountName": "n"}}, 403, 'error looking up service account default/n: serviceaccount "n" not found'),
        ({"spec": {"priorityClassName": "n"}}, 403, 'pods "x" is forbidden: no PriorityClass with name n was found'),
    ],
)
def test_what_does_not_belong_there_is_refused(cluster: Cluster, obj: Object, code: int, words: str) -> None:
    body = {**pod(), **obj, "metadata": obj.get("metadata", {"name": "x"})}
    body["spec"] = {**pod()["spec"], **obj.get("spec", {})}
    assert words in refused(code, cluster.create, PODS, body).message


def test_a_namespace_that_is_not_there_is_said_so(cluster: Cluster) -> None:
    assert refused(404, cluster.pod, namespace="nope").message == 'namespaces "nope" not found'


def test_a_new_namespace_has_a_service_account_at_once(cluster: Cluster) -> None:
    cluster.create(NAMESPACES, {"metadata": {"name": "new"}})
    found = cluster.get(NAMESPACES, "new")
    assert (found["spec"], found["status"]) == ({"finalizers": ["kubernetes"]}, {"phase": "Active"})
    assert found["metadata"]["labels"] == {"kubernetes.io/metadata.name": "new"}
    assert cluster.has(SERVICEACCOUNTS, "default", "new") and cluster.has(CONFIGMAPS, "kube-root-ca.crt", "new")


def test_a_service_gets_an_address_of_its_own(cluster: Cluster) -> None:
    spec = {"type": "NodePort", "ports": [{"port": 80}]}
    made = [cluster.create(SERVICES, {"metadata": {"name": name}, "spec": spec})["spec"] for name in "abc"]
    assert len({one["clusterIP"] for one in made}) == len({one["ports"][0]["nodePort"] for one in made}) == 3
    assert made[0]["ports"][0]["targetPort"] == 80 and made[0]["sessionAffinity"] == "None"


def test_a_job_selects_its_own_pods(cluster: Cluster) -> None:
    template = {"spec": {"restartPolicy": "Never", **pod()["spec"]}}
    made = cluster.create(JOBS, {"metadata": {"name": "x"}, "spec": {"template": template}})
    selector = made["spec"]["selector"]["matchLabels"]
    assert selector == {"batch.kubernetes.io/controller-uid": made["metadata"]["uid"]}
    assert selector.items() <= made["spec"]["template"]["metadata"]["labels"].items()
    assert made["spec"]["backoffLimit"] == 6 and made["spec"]["completions"] == 1


def test_deprecated_labels_of_nodes_are_warned_of(cluster: Cluster) -> None:
    _, warnings = cluster.writes.create(PODS, "default", pod(nodeSelector={"beta.kubernetes.io/os": "linux"}))
    assert warnings == ['spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead']


def test_built_in_clusters_with_the_same_seed_have_the_same_history() -> None:
    def history() -> list[Object]:
        cluster = Cluster()
        cluster.pod()
        cluster.create(SERVICES, {"metadata": {"generateName": "s"}, "spec": {"ports": [{"port": 1}]}})
        return cluster.state.list(PODS) + cluster.state.list(SERVICES)

    assert history() == history()


# -- change


def test_a_patch_that_changes_nothing_keeps_the_version(cluster: Cluster) -> None:
    made = cluster.settings(a="1")
    changes = cluster.changes()
    assert merge(cluster, CONFIGMAPS, {"data": {"a": "1"}}, field_manager="other") is made
    assert cluster.writes.replace(CONFIGMAPS, "default", "x", made)[0] is made
    assert changes == []


def test_a_stale_version_is_a_conflict(cluster: Cluster) -> None:
    made = cluster.settings(a="1")
    merge(cluster, CONFIGMAPS, {"data": {"a": "2"}})
    error = refused(409, cluster.writes.replace, CONFIGMAPS, "default", "x", made)
    assert error.message == (
        'Operation cannot be fulfilled on configmaps "x": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"], "labels": {"a": "b"}}}
    assert refused(409, merge, cluster, CONFIGMAPS, stale).reason == "Conflict"


def test_a_replacement_without_a_version_overwrites(cluster: Cluster) -> None:
    made = cluster.settings(a="1")
    after, _ = cluster.writes.replace(CONFIGMAPS, "default", "x", {"metadata": {"name": "x"}, "data": {"a": "2"}})
    assert after["data"] == {"a": "2"} and after["metadata"]["uid"] == made["metadata"]["uid"]


def test_another_uid_is_another_object(cluster: Cluster) -> None:
    made = cluster.settings(a="1")
    other = {**made, "metadata": {"name": "x", "uid": "other"}}
    words = refused(409, cluster.writes.replace, CONFIGMAPS, "default", "x", other).message
    assert f"Precondition failed: UID in precondition: other, UID in object meta: {made['metadata']['uid']}" in words
    error = refused(422, merge, cluster, CONFIGMAPS, {"metadata": {"uid": "other"}})
    assert error.message == 'ConfigMap "x" is invalid: metadata.uid: Invalid value: "other": field is immutable'


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"name": "y"}, "the name of the object (y) does not match the name on the URL (x)"),
        ({"name": None}, "the name of the object (x based on URL) was undeterminable: name must be provided"),
        ({"namespace": "y"}, "the namespace of the provided object does not match the namespace sent on the request"),
    ],
)
def test_an_object_keeps_its_name(cluster: Cluster, metadata: Object, words: str) -> None:
    cluster.settings()
    assert refused(400, merge, cluster, CONFIGMAPS, {"metadata": metadata}).message == words


def test_the_refusal_of_a_wrong_patch_quotes_the_patch(cluster: Cluster) -> None:
    cluster.settings(a="1")
    body = json.dumps({"data": {"a": 1}})
    for kind in (patches.MERGE_PATCH, patches.STRATEGIC_MERGE_PATCH):
        error = refused(422, cluster.writes.patch, CONFIGMAPS, "default", "x", kind, body.encode())
        assert error.message.startswith(f' "" is invalid: patch: Invalid value: {json.dumps(body)}: ')
        assert error.message.endswith("json: cannot unmarshal number into Go struct field ConfigMap.data of type string")


def test_generation_counts_the_changes_of_the_spec(cluster: Cluster) -> None:
    cluster.pod()
    assert merge(cluster, PODS, {"metadata": {"labels": {"a": "b"}}})["metadata"]["generation"] == 1
    cluster.writes.bind("default", "x", {"target": {"kind": "Node", "name": "n"}})
    assert cluster.get(PODS)["metadata"]["generation"] == 1
    image = [{"name": "main", "image": "other"}]
    changed = cluster.writes.patch(
        PODS, "default", "x", patches.STRATEGIC_MERGE_PATCH, json.dumps({"spec": {"containers": image}}).encode()
    )[0]
    assert changed["metadata"]["generation"] == 2


def test_of_a_running_pod_only_little_may_change(cluster: Cluster) -> None:
    cluster.pod()
    error = refused(422, merge, cluster, PODS, {"spec": {"nodeSelector": {"a": "b"}}})
    assert error.message.startswith(
        'Pod "x" is invalid: spec: Forbidden: pod updates may not change fields other than '
        "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
        "`spec.tolerations` (only additions to existing tolerations),"
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n@@ "
    )
    assert '\n+ "NodeSelector": {\n+  "a": "b"\n+ },\n' in error.message
    more = [*cluster.get(PODS)["spec"]["containers"], {"name": "b", "image": "c"}]
    error = refused(422, merge, cluster, PODS, {"spec": {"containers": more}})
    assert error.message == 'Pod "x" is invalid: spec.containers: Forbidden: pod updates may not add or remove containers'


def test_status_is_written_through_its_subresource_only(cluster: Cluster) -> None:
    cluster.pod()
    change = {"status": {"phase": "Running"}, "spec": {"nodeName": "n"}}
    assert merge(cluster, PODS, {"status": {"phase": "Running"}})["status"]["phase"] == "Pending"
    after = merge(cluster, PODS, change, subresource="status", field_manager="kubelet")
    assert after["status"]["phase"] == "Running" and "nodeName" not in after["spec"]
    (entry,) = [one for one in after["metadata"]["managedFields"] if one["manager"] == "kubelet"]
    assert (entry["subresource"], entry["fieldsV1"]) == ("status", {"f:status": {"f:phase": {}}})


def test_a_selector_is_immutable(cluster: Cluster) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]}
    cluster.create(DEPLOYMENTS, {"metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}})
    labels = {"a": "c"}
    patch = {"spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}}
    error = refused(422, merge, cluster, DEPLOYMENTS, patch)
    assert error.message == 'Deployment.apps "x" is invalid: spec.selector: Invalid value: {"matchLabels":{"a":"c"}}: field is immutable'


def test_a_pod_is_bound_once(cluster: Cluster) -> None:
    cluster.pod()
    target = {"target": {"kind": "Node", "name": "n"}}
    assert cluster.writes.bind("default", "x", target)["status"] == "Success"
    assert condition(cluster.get(PODS), "PodScheduled")["status"] == "True"
    error = refused(409, cluster.writes.bind, "default", "x", target)
    assert error.message == 'Operation cannot be fulfilled on pods/binding "x": pod x is already assigned to node "n"'


# -- who owns which field


def test_the_fields_of_a_new_pod_are_its_creators(cluster: Cluster) -> None:
    body = pod(containers=[{"name": "a", "image": "x:1", "ports": [{"containerPort": 80}]}])
    made = cluster.create(PODS, {**body, "metadata": {"name": "x", "labels": {"app": "x"}}}, field_manager="kubectl-create")
    port: Object = {".": {}, "f:containerPort": {}, "f:protocol": {}}
    container = {
        **{".": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {}},
        "f:ports": {".": {}, 'k:{"containerPort":80,"protocol":"TCP"}': port},
        **{"f:resources": {}, "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {}},
    }
    filled = ("dnsPolicy", "enableServiceLinks", "restartPolicy", "schedulerName", "securityContext", "terminationGracePeriodSeconds")
    assert owners(made) == {
        "kubectl-create": {
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {"f:containers": {'k:{"name":"a"}': container}, **{f"f:{name}": {} for name in filled}},
        }
    }


def test_who_changes_a_field_takes_it_over(cluster: Cluster) -> None:
    cluster.create(CONFIGMAPS, {"metadata": {"name": "x"}, "data": {"a": "1", "b": "1"}}, field_manager="one")
    after = merge(cluster, CONFIGMAPS, {"data": {"a": "2"}}, field_manager="two")
    assert owners(after) == {"one": {"f:data": {".": {}, "f:b": {}}}, "two": {"f:data": {"f:a": {}}}}
    after = merge(cluster, CONFIGMAPS, {"data": {"b": None}}, field_manager="two")
    assert owners(after) == {"one": {"f:data": {}}, "two": {"f:data": {"f:a": {}}}}


def test_applying_creates_and_takes_away_what_is_no_longer_named(cluster: Cluster) -> None:
    assert owners(apply(cluster, {"a": "1", "b": "2"})) == {"one": {"f:data": {"f:a": {}, "f:b": {}}}}
    assert apply(cluster, {"b": "3"})["data"] == {"b": "3"}


def test_another_value_is_a_conflict_and_the_same_one_is_shared(cluster: Cluster) -> None:
    apply(cluster, {"a": "1", "b": "1"})
    error = refused(409, apply, cluster, {"a": "2"}, "two")
    assert error.message == 'Apply failed with 1 conflict: conflict with "one": .data.a'
    assert error.details == {"causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.a"}]}
    error = refused(409, apply, cluster, {"a": "2", "b": "2"}, "two")
    assert error.message == 'Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\n- .data.b'
    shared = owners(apply(cluster, {"a": "1"}, "two"))
    assert shared == {"one": {"f:data": {"f:a": {}, "f:b": {}}}, "two": {"f:data": {"f:a": {}}}}
    assert apply(cluster, {"b": "1"})["data"] == {"a": "1", "b": "1"}  # `a` is still the other's


def test_applying_by_force_takes_over_the_fields_of_others(cluster: Cluster) -> None:
    apply(cluster, {"a": "1", "b": "1"})
    after = apply(cluster, {"a": "2"}, "two", force=True)
    assert after["data"] == {"a": "2", "b": "1"}
    assert owners(after) == {"one": {"f:data": {"f:b": {}}}, "two": {"f:data": {"f:a": {}}}}


def test_a_conflict_with_an_update_names_the_version(cluster: Cluster) -> None:
    apply(cluster, {"a": "1"})
    merge(cluster, CONFIGMAPS, {"data": {"a": "2"}}, field_manager="kubectl-edit")
    assert refused(409, apply, cluster, {"a": "1"}).message == (
        'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.a'
    )


def test_applying_again_changes_nothing(cluster: Cluster) -> None:
    made = apply(cluster, {"a": "1"})
    cluster.clock.advance(60)
    assert apply(cluster, {"a": "1"}) is made


def test_applying_needs_a_manager_and_only_applying_can_be_forced(cluster: Cluster) -> None:
    error = refused(422, apply, cluster, {}, "")
    assert error.message == 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    error = refused(422, merge, cluster, CONFIGMAPS, {}, force=True)
    assert error.message == 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch'


# -- delete


def test_a_pod_without_a_node_goes_at_once(cluster: Cluster) -> None:
    cluster.pod()
    answer = cluster.writes.delete(PODS, "default", "x")
    assert answer["kind"] == "Pod" and answer["metadata"]["deletionGracePeriodSeconds"] == 0
    assert not cluster.has(PODS)


def test_a_pod_on_a_node_gets_its_grace_and_may_only_be_hurried(cluster: Cluster) -> None:
    cluster.pod(nodeName="n")
    delete = cluster.writes.delete
    marked = delete(PODS, "default", "x")["metadata"]
    assert (marked["deletionGracePeriodSeconds"], marked["deletionTimestamp"]) == (30, "2027-01-15T08:00:30Z")
    assert marked["generation"] == 2
    cluster.clock.advance(5)
    assert delete(PODS, "default", "x", {"gracePeriodSeconds": 60})["metadata"] == marked
    hurried = delete(PODS, "default", "x", {"gracePeriodSeconds": 10})["metadata"]
    assert (hurried["deletionGracePeriodSeconds"], hurried["deletionTimestamp"]) == (10, "2027-01-15T08:00:10Z")
    delete(PODS, "default", "x", {"gracePeriodSeconds": 0})
    assert not cluster.has(PODS)


def test_a_pod_that_has_ended_needs_no_grace(cluster: Cluster) -> None:
    cluster.pod(nodeName="n")
    merge(cluster, PODS, {"status": {"phase": "Succeeded"}}, subresource="status")
    cluster.writes.delete(PODS, "default", "x")
    assert not cluster.has(PODS)


def test_other_kinds_are_answered_with_a_status(cluster: Cluster) -> None:
    made = cluster.settings()
    answer = cluster.writes.delete(CONFIGMAPS, "default", "x")
    details = {"name": "x", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    assert answer == {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    assert refused(404, cluster.writes.delete, CONFIGMAPS, "default", "x").message == 'configmaps "x" not found'


def test_preconditions_protect_a_new_object_of_the_same_name(cluster: Cluster) -> None:
    uid = cluster.pod()["metadata"]["uid"]
    error = refused(409, cluster.writes.delete, PODS, "default", "x", {"preconditions": {"uid": "old"}})
    assert error.message == (
        f'Operation cannot be fulfilled on Pod "x": the UID in the precondition (old) does not match the UID in record ({uid}). '
        "The object might have been deleted and then recreated"
    )
    error = refused(409, cluster.writes.delete, PODS, "default", "x", {"preconditions": {"resourceVersion": "1"}})
    assert "the ResourceVersion in the precondition (1) does not match the ResourceVersion in record" in error.message
    assert cluster.has(PODS)


def test_a_deletion_as_a_dry_run_deletes_nothing(cluster: Cluster) -> None:
    cluster.pod(nodeName="n")
    assert "deletionTimestamp" in cluster.writes.delete(PODS, "default", "x", dry_run=True)["metadata"]
    assert "deletionTimestamp" not in cluster.get(PODS)["metadata"]


def test_finalizers_hold_an_object_until_the_last_is_gone(cluster: Cluster) -> None:
    cluster.create(CONFIGMAPS, {"metadata": {"name": "x", "finalizers": ["a/b", "a/c"]}})
    assert "deletionTimestamp" in cluster.writes.delete(CONFIGMAPS, "default", "x")["metadata"]
    error = refused(422, merge, cluster, CONFIGMAPS, {"metadata": {"finalizers": ["a/b", "a/c", "a/d"]}})
    assert 'found new finalizers []string{"a/d"}' in error.message
    merge(cluster, CONFIGMAPS, {"metadata": {"finalizers": ["a/c"]}})
    assert cluster.has(CONFIGMAPS)
    merge(cluster, CONFIGMAPS, {"metadata": {"finalizers": None}})
    assert not cluster.has(CONFIGMAPS)


def test_of_a_collection_those_are_deleted_that_are_chosen(cluster: Cluster) -> None:
    for name, app in (("a", "web"), ("b", "web"), ("c", "db")):
        cluster.create(CONFIGMAPS, {"metadata": {"name": name, "labels": {"app": app}}})
    chosen = [one for one in cluster.state.list(CONFIGMAPS, "default") if one["metadata"].get("labels") == {"app": "web"}]
    answer = cluster.writes.deletion.delete_collection(CONFIGMAPS, chosen)
    assert answer["kind"] == "ConfigMapList" and [one["metadata"]["name"] for one in answer["items"]] == ["a", "b"]
    assert [one["metadata"]["name"] for one in cluster.state.list(CONFIGMAPS, "default")] == ["c", "kube-root-ca.crt"]


def test_a_namespace_drains_and_then_goes(cluster: Cluster) -> None:
    cluster.create(NAMESPACES, {"metadata": {"name": "n"}})
    cluster.create(CONFIGMAPS, {"metadata": {"name": "x"}}, "n")
    cluster.pod(namespace="n", nodeName="somewhere")
    answer = cluster.writes.delete(NAMESPACES, "", "n")
    assert answer["status"]["phase"] == "Terminating" and answer["spec"]["finalizers"] == ["kubernetes"]
    error = refused(403, cluster.create, CONFIGMAPS, {"metadata": {"name": "late"}}, "n")
    assert error.message == ('configmaps "late" is forbidden: unable to create new content in namespace n because it is being terminated')
    cluster.clock.advance(10)
    assert not cluster.state.list(CONFIGMAPS, "n")
    told = condition(cluster.get(NAMESPACES, "n"), "NamespaceContentRemaining")
    assert told["message"] == "Some resources are remaining: pods. has 1 resource instances"
    cluster.writes.delete(PODS, "n", "x", {"gracePeriodSeconds": 0})  # as its kubelet does
    cluster.clock.advance(10)
    assert not cluster.has(NAMESPACES, "n")


def test_a_namespace_can_be_made_again(cluster: Cluster) -> None:
    for _ in range(2):
        cluster.create(NAMESPACES, {"metadata": {"name": "n"}})
        cluster.writes.delete(NAMESPACES, "", "n")
        cluster.clock.advance(10)
        assert not cluster.has(NAMESPACES, "n")


def test_some_namespaces_are_immortal(cluster: Cluster) -> None:
    error = refused(403, cluster.writes.delete, NAMESPACES, "", "default")
    assert error.message == 'namespaces "default" is forbidden: this namespace may not be deleted'


# -- owners


@pytest.fixture
def owned(cluster: Cluster) -> Cluster:
    """A ReplicaSet `x` and its pod `x`."""
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]}
    made = cluster.create(REPLICASETS, {"metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}})
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "x", "uid": made["metadata"]["uid"]}
    body = pod()
    body["metadata"]["ownerReferences"] = [{**owner, "controller": True, "blockOwnerDeletion": True}]
    cluster.create(PODS, body)
    return cluster


def test_what_is_owned_goes_after_its_owner(owned: Cluster) -> None:
    owned.writes.delete(REPLICASETS, "default", "x")
    assert not owned.has(REPLICASETS) and owned.has(PODS)
    owned.clock.advance(1)
    assert not owned.has(PODS)


def test_an_orphan_stays_without_its_owner(owned: Cluster) -> None:
    answer = owned.writes.delete(REPLICASETS, "default", "x", {"propagationPolicy": "Orphan"})
    assert answer["metadata"]["finalizers"] == ["orphan"]
    owned.clock.advance(1)
    assert not owned.has(REPLICASETS)
    assert "ownerReferences" not in owned.get(PODS)["metadata"]


def test_in_the_foreground_the_owner_waits_for_what_it_owns(owned: Cluster) -> None:
    owned.writes.bind("default", "x", {"target": {"name": "n"}})
    answer = owned.writes.delete(REPLICASETS, "default", "x", {"propagationPolicy": "Foreground"})
    assert answer["metadata"]["finalizers"] == ["foregroundDeletion"]
    owned.clock.advance(1)
    assert owned.has(REPLICASETS) and "deletionTimestamp" in owned.get(PODS)["metadata"]
    owned.writes.delete(PODS, "default", "x", {"gracePeriodSeconds": 0})
    owned.clock.advance(1)
    assert not owned.has(REPLICASETS)


def test_an_owner_that_never_was_does_not_keep_anything(cluster: Cluster) -> None:
    body = pod()
    body["metadata"]["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "gone", "uid": "u"}]
    cluster.create(PODS, body)
    cluster.clock.advance(1)
    assert not cluster.has(PODS)


def test_an_unknown_policy_is_refused(cluster: Cluster) -> None:
    cluster.settings()
    error = refused(422, cluster.writes.delete, CONFIGMAPS, "default", "x", {"propagationPolicy": "Later"})
    assert error.message == (
        'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Later": '
        'supported values: "Foreground", "Background", "Orphan", "nil"'
    )


# -- evict


def guarded(cluster: Cluster, allowed: int) -> None:
    """A running pod `x` that a budget with so many allowed disruptions takes in."""
    body = pod(nodeName="n")
    body["metadata"]["labels"] = {"a": "b"}
    cluster.create(PODS, body)
    running = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    merge(cluster, PODS, {"status": running}, subresource="status")
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}
    cluster.create(PODDISRUPTIONBUDGETS, {"metadata": {"name": "b"}, "spec": spec})
    status = {"observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": 1 + allowed, "desiredHealthy": 1}
    merge(cluster, PODDISRUPTIONBUDGETS, {"status": status}, "b", subresource="status")


def test_a_budget_refuses_an_eviction(cluster: Cluster) -> None:
    guarded(cluster, 0)
    error = refused(429, cluster.writes.evict, "default", "x", {"metadata": {"name": "x"}})
    assert error.message == "Cannot evict pod as it would violate the pod's disruption budget."
    assert (error.details or {})["causes"] == [
        {"reason": "DisruptionBudget", "message": "The disruption budget b needs 1 healthy pods and has 1 currently"}
    ]
    assert "deletionTimestamp" not in cluster.get(PODS)["metadata"]


def test_an_eviction_uses_up_the_budget(cluster: Cluster) -> None:
    guarded(cluster, 1)
    assert cluster.writes.evict("default", "x", {"metadata": {"name": "x"}})["status"] == "Success"
    found = cluster.get(PODS)
    assert "deletionTimestamp" in found["metadata"] and condition(found, "DisruptionTarget")["reason"] == "EvictionByEvictionAPI"
    status = cluster.get(PODDISRUPTIONBUDGETS, "b")["status"]
    assert status["disruptionsAllowed"] == 0 and list(status["disruptedPods"]) == ["x"]


def test_a_pod_that_does_not_run_is_evicted_without_asking(cluster: Cluster) -> None:
    guarded(cluster, 0)
    merge(cluster, PODS, {"status": {"phase": "Failed"}}, subresource="status")
    cluster.writes.evict("default", "x", {})
    assert not cluster.has(PODS)


# -- rights


def access(cluster: Cluster, user: str, verb: str, resource: str = "pods") -> bool:
    spec = {"resourceAttributes": {"verb": verb, "resource": resource, "namespace": "default"}}
    answer = review(Authorizer(cluster.state), impersonated(user, ()), "selfsubjectaccessreviews", {"spec": spec})
    return bool(answer["status"]["allowed"])


def test_a_user_has_the_rights_that_bindings_grant(cluster: Cluster) -> None:
    assert access(cluster, "", "delete") and not access(cluster, "somebody", "list")
    cluster.create(ROLES, {"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]})
    binding = {"metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "somebody"}]}
    made = cluster.create(ROLEBINDINGS, binding)
    assert made["subjects"][0]["apiGroup"] == made["roleRef"]["apiGroup"] == "rbac.authorization.k8s.io"
    assert access(cluster, "somebody", "list") and not access(cluster, "somebody", "delete")
    rules = review(Authorizer(cluster.state), impersonated("somebody", ()), "selfsubjectrulesreviews", {"spec": {"namespace": "default"}})
    assert rules["status"]["resourceRules"][0] == {"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}


def test_a_review_asks_for_one_thing(cluster: Cluster) -> None:
    error = refused(422, review, Authorizer(cluster.state), ADMIN, "selfsubjectaccessreviews", {"spec": {}})
    assert "exactly one of nonResourceAttributes or resourceAttributes must be specified" in error.message
