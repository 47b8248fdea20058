"""What the API server fills in: the defaults of each type, and what its admission adds to a Pod.

The rules are those of `pkg/apis/*/v1/defaults.go` and of the admission plugins ServiceAccount, Priority and DefaultTolerationSeconds. All
functions change the object that they are given, which `schema.decode` has just made.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterable
from typing import Any

from podtui.kube import quantities

Object = dict[str, Any]
SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What the ends of generated names are made of: no vowels, so no words."""
PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


def suffix(randomness: random.Random) -> str:
    return "".join(randomness.choice(SUFFIX_LETTERS) for _ in range(5))


def set_defaults(kind: str, obj: Object) -> None:
    """Fills in what the type itself defaults, for every write."""
    if (function := _DEFAULTS.get(kind)) is not None:
        function(obj)


# -- pods


def _probe(probe: Object) -> None:
    for key, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        if not probe.get(key):
            probe[key] = value
    _handler(probe)
    if (grpc := probe.get("grpc")) is not None:
        grpc.setdefault("service", "")


def _handler(handler: Object) -> None:
    if (http := handler.get("httpGet")) is not None:
        http.setdefault("path", "/")
        http.setdefault("scheme", "HTTP")


def _container(container: Object) -> None:
    image = container.get("image", "")
    name = image.rsplit("/", 1)[-1]
    latest = "@" not in name and (":" not in name or name.endswith(":latest"))
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for key in ("livenessProbe", "readinessProbe", "startupProbe"):
        if key in container:
            _probe(container[key])
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict):
            _handler(hook)
    for variable in container.get("env") or ():
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if reference is not None:
            reference.setdefault("apiVersion", "v1")


_SOURCES_WITH_MODE = ("secret", "configMap", "projected", "downwardAPI")


def _volume(volume: Object) -> None:
    if len(volume) == 1:
        volume["emptyDir"] = {}
    for key in _SOURCES_WITH_MODE:
        if key in volume:
            volume[key].setdefault("defaultMode", 420)
    if (host := volume.get("hostPath")) is not None:
        host.setdefault("type", "")
    sources = (volume.get("projected") or {}).get("sources") or ()
    for source in [*sources, *([{"downwardAPI": volume["downwardAPI"]}] if "downwardAPI" in volume else [])]:
        if (token := source.get("serviceAccountToken")) is not None:
            token.setdefault("expirationSeconds", 3600)
        for item in (source.get("downwardAPI") or {}).get("items") or ():
            if (reference := item.get("fieldRef")) is not None:
                reference.setdefault("apiVersion", "v1")


def containers(spec: Object) -> Iterable[Object]:
    """All containers of a pod: init, regular and ephemeral ones."""
    for key in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(key) or ()


def pod_spec(spec: Object) -> None:
    """The defaults of a pod and of a template."""
    for container in containers(spec):
        _container(container)
    for volume in spec.get("volumes") or ():
        _volume(volume)
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("schedulerName", "default-scheduler")


def _pod(pod: Object) -> None:
    spec = pod["spec"]
    pod_spec(spec)
    if spec["terminationGracePeriodSeconds"] < 0:
        spec["terminationGracePeriodSeconds"] = 1
    spec.setdefault("enableServiceLinks", True)
    for container in containers(spec):
        resources = container.get("resources") or {}
        if limits := resources.get("limits"):
            resources["requests"] = {**limits, **resources.get("requests", {})}
        if spec.get("hostNetwork"):
            for port in container.get("ports") or ():
                port.setdefault("hostPort", port.get("containerPort", 0))


def qos_class(spec: Object) -> str:
    """Guaranteed, Burstable or BestEffort, as `qos.ComputePodQOS` finds it."""
    asked, guaranteed = False, True
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        resources = container.get("resources") or {}
        limits, requests = (
            {name: value for name, value in (resources.get(key) or {}).items() if _counts(value)} for key in ("limits", "requests")
        )
        asked = asked or bool({"cpu", "memory"} & (limits.keys() | requests.keys()))
        for name in ("cpu", "memory"):
            if name not in limits or limits[name] != requests.get(name, limits[name]):
                guaranteed = False
    if not asked:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _counts(text: str) -> bool:
    try:
        return quantities.value(text) > 0
    except ValueError:
        return False


_AWAY = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def admit_pod(pod: Object, randomness: random.Random, automount: bool = True) -> None:
    """What admission adds to a pod: service account and token, priority, and tolerations for a node that is not ready or unreachable."""
    spec = pod["spec"]
    spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = spec["serviceAccountName"]
    if spec.get("automountServiceAccountToken", automount):
        _mount_token(spec, randomness)
    spec["priority"] = PRIORITIES.get(spec.get("priorityClassName", ""), 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerate(spec)


def tolerate(spec: Object) -> None:
    """Tolerations of five minutes for a node that is not ready or unreachable, for a new pod and at every update."""
    tolerations = spec.get("tolerations") or []
    for key in _AWAY:
        if not any(one.get("key", key) == key and one.get("effect", "NoExecute") == "NoExecute" for one in tolerations):
            added = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            spec["tolerations"] = tolerations = [*tolerations, added]


def _mount_token(spec: Object, randomness: random.Random) -> None:
    bare = [
        one
        for one in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
        if not any(mount.get("mountPath") == TOKEN_PATH for mount in one.get("volumeMounts") or ())
    ]
    if not bare:
        return
    name = next((one["name"] for one in spec.get("volumes") or () if one.get("name", "").startswith("kube-api-access-")), "")
    if not name:
        name = f"kube-api-access-{suffix(randomness)}"
        sources = [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
        ]
        volume = {"name": name, "projected": {"sources": sources, "defaultMode": 420}}
        spec["volumes"] = [*(spec.get("volumes") or ()), volume]
    for one in bare:
        one["volumeMounts"] = [*(one.get("volumeMounts") or ()), {"name": name, "readOnly": True, "mountPath": TOKEN_PATH}]


# -- other kinds


def _template(obj: Object) -> Object:
    spec: Object = obj["spec"]
    template = spec.get("template")
    if template is not None:
        pod_spec(template.setdefault("spec", {}))
    return spec


def _deployment(obj: Object) -> None:
    spec = _template(obj)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")


def _replicaset(obj: Object) -> None:
    _template(obj).setdefault("replicas", 1)


def _job(obj: Object) -> None:
    spec = _template(obj)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    for key, value in (
        ("parallelism", 1),
        ("backoffLimit", 6),
        ("completionMode", "NonIndexed"),
        ("suspend", False),
        ("podReplacementPolicy", "TerminatingOrFailed"),
        ("manualSelector", False),
    ):
        spec.setdefault(key, value)
    labels = (spec["template"].get("metadata") or {}).get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(labels)


def label_job(obj: Object) -> None:
    """The selector and the labels that a new Job gets from its UID."""
    metadata, spec = obj["metadata"], obj["spec"]
    if spec.get("manualSelector"):
        return
    uid, name = metadata["uid"], metadata["name"]
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    template = spec["template"].setdefault("metadata", {})
    before = template.get("labels") or {}
    template["labels"] = {**before, **labels}
    if (metadata.get("labels") or {}) in ({}, before):  # the job's own labels are the template's where it has none
        metadata["labels"] = dict(template["labels"])
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}


def _service(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("type", "ClusterIP")
    if spec["sessionAffinity"] == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {"clientIP": {"timeoutSeconds": 10800}})
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port["port"]
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer", "ClusterIP"):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def allocate_service(obj: Object, randomness: random.Random, taken: Callable[[], Iterable[Object]]) -> None:
    """The addresses and node ports of a new Service; `taken` gives the services that there are."""
    spec = obj["spec"]
    if spec["type"] == "ExternalName":
        return
    others = [one["spec"] for one in taken()]
    if not spec.get("clusterIP"):
        used = {one.get("clusterIP") for one in others}
        while (address := f"10.96.{randomness.randrange(1, 255)}.{randomness.randrange(1, 255)}") in used:
            pass
        spec["clusterIP"] = address
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        ports = {port.get("nodePort") for one in others for port in one.get("ports") or ()}
        for port in spec.get("ports") or ():
            while not port.get("nodePort") or port["nodePort"] in ports:
                port["nodePort"] = randomness.randrange(30000, 32768)
            ports.add(port["nodePort"])


def _namespace(obj: Object) -> None:
    obj["metadata"]["labels"] = {**(obj["metadata"].get("labels") or {}), "kubernetes.io/metadata.name": obj["metadata"].get("name", "")}


def _secret(obj: Object) -> None:
    obj.setdefault("type", "Opaque")
    if words := obj.pop("stringData", None):
        coded = {key: base64.b64encode(value.encode()).decode() for key, value in words.items()}
        obj["data"] = {**(obj.get("data") or {}), **coded}


_RBAC = "rbac.authorization.k8s.io"


def _binding(obj: Object) -> None:
    obj["roleRef"]["apiGroup"] = obj["roleRef"].get("apiGroup") or _RBAC
    for subject in obj.get("subjects") or ():
        if subject.get("kind") in ("User", "Group") and not subject.get("apiGroup"):
            subject["apiGroup"] = _RBAC


def _endpointslice(obj: Object) -> None:
    for port in obj.get("ports") or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


_DEFAULTS: dict[str, Callable[[Object], None]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _replicaset,
    "Job": _job,
    "Service": _service,
    "Namespace": _namespace,
    "Secret": _secret,
    "RoleBinding": _binding,
    "ClusterRoleBinding": _binding,
    "EndpointSlice": _endpointslice,
}
