"""What makes an object invalid, in the API server's words: metadata for every kind, and the most common checks of each kind.

`create_causes` and `update_causes` give the causes of a 422 in the server's order. Objects have been decoded and defaulted before, so
every field has its right type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podtui.demo.rules import name_rules
from podtui.demo.rules.pod_validation import label_causes, port_causes, spec_causes, supported
from podtui.demo.rules.pod_validation import update_causes as pod_update_causes
from podtui.demo.storage.errors import Cause, duplicate, field_forbidden, invalid_value, required, too_long
from podtui.kube import names
from podtui.kube.label_changes import ANNOTATIONS_SIZE, annotations_size
from podtui.kube.scheduling import TAINT_EFFECTS, requirement_holds

Object = dict[str, Any]

IMMUTABLE = "field is immutable"
_NOT_NEGATIVE = "must be greater than or equal to 0"
_LABEL_NAMED = {"Namespace", "Service"}
_PATH_NAMED = {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}


def create_causes(kind: str, obj: Object, namespaced: bool) -> list[Cause]:
    """All faults of a new object."""
    metadata = obj["metadata"]
    check = names.label_faults if kind in _LABEL_NAMED else name_rules.path_segment if kind in _PATH_NAMED else names.subdomain_faults
    causes: list[Cause] = []
    if prefix := metadata.get("generateName"):
        stem = prefix[:-1] + "a" if prefix.endswith("-") else prefix
        causes += [invalid_value("metadata.generateName", prefix, fault) for fault in check(stem[:58])]
    name = metadata.get("name", "")
    if not name:
        causes.append(required("metadata.name", "name or generateName is required"))
    else:
        causes += [invalid_value("metadata.name", name, fault) for fault in check(name)]
    if namespaced:
        if not metadata.get("namespace"):
            causes.append(required("metadata.namespace"))
    elif metadata.get("namespace"):
        causes.append(field_forbidden("metadata.namespace", "not allowed on this type"))
    causes += _metadata(metadata)
    return causes + _kind_causes(kind, obj)


def update_causes(kind: str, new: Object, old: Object) -> list[Cause]:
    """All faults of an object's new state, with what may not be changed."""
    after, before = new["metadata"], old["metadata"]
    causes: list[Cause] = []
    if "deletionTimestamp" in before:
        added = sorted(set(after.get("finalizers") or ()) - set(before.get("finalizers") or ()))
        if added:
            told = ", ".join(f'"{one}"' for one in added)
            words = f"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{told}}}"
            causes.append(field_forbidden("metadata.finalizers", words))
    for key in ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        if after.get(key) != before.get(key):
            causes.append(invalid_value(f"metadata.{key}", after.get(key), IMMUTABLE))
    causes += _metadata(after)
    causes += _kind_causes(kind, new)
    if (changed := _UPDATES.get(kind)) is not None:
        causes += changed(new, old)
    return causes


def _metadata(metadata: Object) -> list[Cause]:
    causes = label_causes(metadata.get("labels") or {}, "metadata.labels")
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        causes += [invalid_value("metadata.annotations", key, fault) for fault in names.key_faults(key, "annotations")]
    if annotations_size(annotations) > ANNOTATIONS_SIZE:
        causes.append(too_long("metadata.annotations", ANNOTATIONS_SIZE))
    return causes


# -- kinds


def _kind_causes(kind: str, obj: Object) -> list[Cause]:
    function = _KINDS.get(kind)
    return function(obj) if function else []


def _pod(pod: Object) -> list[Cause]:
    return spec_causes(pod["spec"], "spec")


def _configmap(obj: Object) -> list[Cause]:
    causes: list[Cause] = []
    binary = obj.get("binaryData") or {}
    for key in obj.get("data") or {}:
        causes += [invalid_value(f"data[{key}]", key, fault) for fault in name_rules.config_key(key)]
        if key in binary:
            causes.append(invalid_value(f"data[{key}]", key, "duplicate of key present in binaryData"))
    for key in binary:
        causes += [invalid_value(f"binaryData[{key}]", key, fault) for fault in name_rules.config_key(key)]
    if _size(obj.get("data") or {}) + _size(binary) > 1_048_576:
        causes.append(too_long("", 1_048_576))
    return causes


def _size(words: dict[str, str]) -> int:
    return sum(len(value.encode()) for value in words.values())


def _secret(obj: Object) -> list[Cause]:
    causes: list[Cause] = []
    for key in obj.get("data") or {}:
        causes += [invalid_value(f"data[{key}]", key, fault) for fault in name_rules.config_key(key)]
    return causes


def _service(obj: Object) -> list[Cause]:
    spec, causes = obj["spec"], []
    ports = spec.get("ports") or []
    if not ports and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        causes.append(required("spec.ports"))
    seen = set()
    for index, port in enumerate(ports):
        at, name = f"spec.ports[{index}]", port.get("name", "")
        if not name and len(ports) > 1:
            causes.append(required(f"{at}.name"))
        elif name:
            causes += [invalid_value(f"{at}.name", name, fault) for fault in names.label_faults(name)]
            if name in seen:
                causes.append(duplicate(f"{at}.name", name))
            seen.add(name)
        causes += [invalid_value(f"{at}.port", port["port"], fault) for fault in name_rules.port_number(port["port"])]
        causes += supported(f"{at}.protocol", port.get("protocol"), "SCTP", "TCP", "UDP")
        causes += port_causes(port.get("targetPort"), f"{at}.targetPort")
    causes += label_causes(spec.get("selector") or {}, "spec.selector")
    causes += supported("spec.sessionAffinity", spec.get("sessionAffinity"), "ClientIP", "None")
    causes += supported("spec.type", spec.get("type"), "ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
    if spec.get("type") == "ExternalName" and not spec.get("externalName"):
        causes.append(required("spec.externalName"))
    return causes


def _template(obj: Object, policies: tuple[str, ...]) -> list[Cause]:
    spec, causes = obj["spec"], []
    if (spec.get("replicas") or 0) < 0:
        causes.append(invalid_value("spec.replicas", spec["replicas"], _NOT_NEGATIVE))
    selector = spec.get("selector")
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    if obj["kind"] != "Job":
        if selector is None:
            causes.append(required("spec.selector"))
        elif not selector:
            causes.append(invalid_value("spec.selector", {}, f"empty selector is invalid for {obj['kind'].lower()}"))
        if not selected(selector, labels or {}):
            causes.append(invalid_value("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"))
    causes += label_causes(labels or {}, "spec.template.metadata.labels")
    causes += spec_causes(template.get("spec") or {}, "spec.template.spec")
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy not in policies:
        at = "spec.template.spec.restartPolicy"
        if obj["kind"] == "Job":
            causes.append(required(at, 'valid values: "OnFailure", "Never"'))
        else:
            causes += supported(at, policy, *policies)
    return causes


def selected(selector: Any, labels: dict[str, str]) -> bool:
    """Whether a LabelSelector takes these labels; none at all takes nothing."""
    if selector is None or any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(requirement_holds(one, labels) for one in selector.get("matchExpressions") or ())


def _replicated(obj: Object) -> list[Cause]:
    return _template(obj, ("Always",))


def _job(obj: Object) -> list[Cause]:
    spec = obj["spec"]
    counts = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")
    negative = [invalid_value(f"spec.{key}", spec[key], _NOT_NEGATIVE) for key in counts if spec.get(key, 0) < 0]
    return negative + _template(obj, ("OnFailure", "Never"))


def _disruption_budget(obj: Object) -> list[Cause]:
    spec, causes = obj["spec"], []
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        causes.append(invalid_value("spec", spec, "minAvailable and maxUnavailable cannot be both set"))
    for key in ("minAvailable", "maxUnavailable"):
        value = spec.get(key)
        if isinstance(value, int) and value < 0:
            causes.append(invalid_value(f"spec.{key}", value, _NOT_NEGATIVE))
        elif isinstance(value, str) and not (value.endswith("%") and value[:-1].isdecimal()):
            words = "a valid percent string must be a numeric string followed by an ending '%'"
            causes.append(invalid_value(f"spec.{key}", value, names.regex_fault(words, "[0-9]+%", "1%", "93%")))
    return causes


def _node(obj: Object) -> list[Cause]:
    causes: list[Cause] = []
    for index, taint in enumerate(obj["spec"].get("taints") or ()):
        at = f"metadata.taints[{index}]"
        causes += [invalid_value(f"{at}.key", taint.get("key", ""), fault) for fault in names.key_faults(taint.get("key", ""))]
        causes += [invalid_value(f"{at}.value", taint["value"], fault) for fault in names.value_faults(taint.get("value", ""))]
        causes += supported(f"{at}.effect", taint.get("effect"), *TAINT_EFFECTS)
    return causes


def _role(obj: Object) -> list[Cause]:
    causes: list[Cause] = []
    rules = obj.get("rules") or ()
    for index, rule in enumerate(rules):
        if rule.get("nonResourceURLs"):
            continue
        if not rule.get("apiGroups"):
            causes.append(required(f"rules[{index}].apiGroups", "resource rules must supply at least one api group"))
        if not rule.get("resources"):
            causes.append(required(f"rules[{index}].resources", "resource rules must supply at least one resource"))
    return causes + [required(f"rules[{index}].verbs") for index, rule in enumerate(rules) if not rule.get("verbs")]


def _binding(obj: Object) -> list[Cause]:
    kinds = ("ClusterRole",) if obj["kind"] == "ClusterRoleBinding" else ("Role", "ClusterRole")
    causes = supported("roleRef.kind", obj["roleRef"].get("kind"), *kinds)
    subjects = obj.get("subjects") or ()
    for index, subject in enumerate(subjects):
        causes += supported(f"subjects[{index}].kind", subject.get("kind"), "ServiceAccount", "User", "Group")
        if subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            causes.append(required(f"subjects[{index}].namespace"))
    if not obj["roleRef"].get("name"):
        causes.append(required("roleRef.name"))
    return causes + [required(f"subjects[{index}].name") for index, subject in enumerate(subjects) if not subject.get("name")]


_KINDS: dict[str, Callable[[Object], list[Cause]]] = {
    "Pod": _pod,
    "ConfigMap": _configmap,
    "Secret": _secret,
    "Service": _service,
    "Deployment": _replicated,
    "ReplicaSet": _replicated,
    "Job": _job,
    "PodDisruptionBudget": _disruption_budget,
    "Node": _node,
    "Role": _role,
    "ClusterRole": _role,
    "RoleBinding": _binding,
    "ClusterRoleBinding": _binding,
}


# -- what may not change


def _immutable(*keys: str) -> Callable[[Object, Object], list[Cause]]:
    def check(new: Object, old: Object) -> list[Cause]:
        before, after = old["spec"], new["spec"]
        return [invalid_value(f"spec.{key}", after.get(key), IMMUTABLE) for key in keys if after.get(key) != before.get(key)]

    return check


def _service_update(new: Object, old: Object) -> list[Cause]:
    address, before = new["spec"].get("clusterIP"), old["spec"].get("clusterIP")
    if before and address != before and "ExternalName" not in (new["spec"].get("type"), old["spec"].get("type")):
        changed = [address] if address else []
        first = invalid_value("spec.clusterIPs[0]", changed, "may not change once set")
        return [first]
    return []


def _frozen(new: Object, old: Object) -> list[Cause]:
    causes: list[Cause] = []
    if old.get("immutable"):
        words = "field is immutable when `immutable` is set"
        causes += [field_forbidden(key, words) for key in ("immutable", "data", "binaryData") if new.get(key) != old.get(key)]
    return causes


def _binding_update(new: Object, old: Object) -> list[Cause]:
    return [] if new["roleRef"] == old["roleRef"] else [invalid_value("roleRef", new["roleRef"], IMMUTABLE)]


_UPDATES: dict[str, Callable[[Object, Object], list[Cause]]] = {
    "Pod": lambda new, old: pod_update_causes(new["spec"], old["spec"]),
    "Deployment": _immutable("selector"),
    "ReplicaSet": _immutable("selector"),
    "Job": _immutable("completions", "selector", "template"),
    "Service": _service_update,
    "ConfigMap": _frozen,
    "Secret": _frozen,
    "RoleBinding": _binding_update,
    "ClusterRoleBinding": _binding_update,
}
