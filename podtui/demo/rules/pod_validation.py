"""What makes a Pod's spec invalid, in the API server's words (`pkg/apis/core/validation`): the most common checks.

`spec_causes` is for pods and for the templates of their owners; `update_causes` says what of a pod may change at all.
"""

from __future__ import annotations

import difflib
import json
import math
from typing import Any

from podtui.demo.rules import name_rules
from podtui.demo.rules.schema import Type, type_of
from podtui.demo.storage.errors import Cause, duplicate, field_forbidden, invalid_value, not_supported, required, value_not_found
from podtui.demo.storage.kinds import PODS, Kind
from podtui.kube import names, quantities
from podtui.kube.scheduling import TAINT_EFFECTS

Object = dict[str, Any]

_UPDATABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_FIELD_PATHS = {
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
}


def supported(field: str, value: Any, *choices: str) -> list[Cause]:
    """No cause when `value` is one of the choices; the message lists them in the order given."""
    if value in choices:
        return []
    if not value:
        return [required(field)]
    return [Cause("FieldValueNotSupported", field, not_supported(field, value, ()).message + ", ".join(f'"{one}"' for one in choices))]


def spec_causes(spec: Object, path: str) -> list[Cause]:
    """The faults of a pod's spec in the server's order."""
    volumes, causes = _volumes(spec.get("volumes") or [], f"{path}.volumes")
    regular = spec.get("containers") or []
    if not regular:
        causes.append(required(f"{path}.containers"))
    causes += _containers(regular, f"{path}.containers", volumes, set())
    causes += _containers(spec.get("initContainers") or [], f"{path}.initContainers", volumes, {one.get("name") for one in regular})
    causes += supported(f"{path}.restartPolicy", spec.get("restartPolicy"), "Always", "OnFailure", "Never")
    causes += supported(f"{path}.dnsPolicy", spec.get("dnsPolicy"), "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
    causes += label_causes(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    if (account := spec.get("serviceAccountName")) is not None:
        causes += [invalid_value(f"{path}.serviceAccountName", account, fault) for fault in names.subdomain_faults(account)]
    if (node := spec.get("nodeName")) is not None:
        causes += [invalid_value(f"{path}.nodeName", node, fault) for fault in names.subdomain_faults(node)]
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2**31 - 1:
        causes.append(invalid_value(f"{path}.activeDeadlineSeconds", deadline, name_rules.between(1, 2**31 - 1)))
    for key in ("hostname", "subdomain"):
        if spec.get(key):
            causes += [invalid_value(f"{path}.{key}", spec[key], fault) for fault in names.label_faults(spec[key])]
    causes += _tolerations(spec.get("tolerations") or [], f"{path}.tolerations")
    return causes


def label_causes(labels: Object, path: str) -> list[Cause]:
    """The faults of labels' keys and values."""
    causes = []
    for key, value in labels.items():
        causes += [invalid_value(path, key, fault) for fault in names.key_faults(key)]
        causes += [invalid_value(path, value, fault) for fault in names.value_faults(value)]
    return causes


def _volumes(volumes: list[Object], path: str) -> tuple[dict[str, Object], list[Cause]]:
    causes: list[Cause] = []
    found: dict[str, Object] = {}
    for index, volume in enumerate(volumes):
        at, name = f"{path}[{index}]", volume.get("name", "")
        sources = sorted((key for key in volume if key != "name"), key=lambda key: key != "emptyDir")
        for extra in sources[1:]:
            causes.append(field_forbidden(f"{at}.{extra}", "may not specify more than 1 volume type"))
        if not name:
            causes.append(required(f"{at}.name"))
        elif faults := names.label_faults(name):
            causes += [invalid_value(f"{at}.name", name, fault) for fault in faults]
        elif name in found:
            causes.append(duplicate(f"{at}.name", name))
        found[name] = volume
        causes += _source(volume, at)
    return found, causes


def _source(volume: Object, at: str) -> list[Cause]:
    for key, inner in (("hostPath", "path"), ("secret", "secretName"), ("configMap", "name"), ("persistentVolumeClaim", "claimName")):
        if key in volume and not volume[key].get(inner):
            return [required(f"{at}.{key}.{inner}")]
    return []


def _containers(containers: list[Object], path: str, volumes: dict[str, Object], taken: set[Any]) -> list[Cause]:
    causes: list[Cause] = []
    seen = set(taken)
    host_ports: set[Any] = set()
    for index, container in enumerate(containers):
        at, name = f"{path}[{index}]", container.get("name", "")
        causes += [invalid_value(f"{at}.name", name, fault) for fault in names.label_faults(name)] if name else [required(f"{at}.name")]
        image = container.get("image", "")
        if not image:
            causes.append(required(f"{at}.image"))
        elif image != image.strip():
            causes.append(invalid_value(f"{at}.image", image, "must not have leading or trailing whitespace"))
        causes += supported(f"{at}.terminationMessagePolicy", container.get("terminationMessagePolicy"), "File", "FallbackToLogsOnError")
        causes += _ports(container.get("ports") or [], f"{at}.ports")
        causes += _environment(container.get("env") or [], f"{at}.env")
        causes += _mounts(container.get("volumeMounts") or [], f"{at}.volumeMounts", volumes)
        causes += supported(f"{at}.imagePullPolicy", container.get("imagePullPolicy"), "Always", "IfNotPresent", "Never")
        causes += _resources(container.get("resources") or {}, f"{at}.resources")
        if name and name in seen:
            causes.append(duplicate(f"{at}.name", name))
        seen.add(name)
        for key in ("livenessProbe", "readinessProbe", "startupProbe"):
            if key in container:
                causes += _probe(container[key], f"{at}.{key}", once=key != "readinessProbe")
        for number, port in enumerate(container.get("ports") or []):
            if port.get("hostPort"):
                told = f"{port.get('protocol')}/{port.get('hostIP', '')}/{port['hostPort']}"
                if told in host_ports:
                    causes.append(duplicate(f"{at}.ports[{number}].hostPort", told))
                host_ports.add(told)
    return causes


def _ports(ports: list[Object], path: str) -> list[Cause]:
    causes: list[Cause] = []
    seen = set()
    for index, port in enumerate(ports):
        at = f"{path}[{index}]"
        if name := port.get("name"):
            if faults := name_rules.port_name(name):
                causes += [invalid_value(f"{at}.name", name, fault) for fault in faults]
            elif name in seen:
                causes.append(duplicate(f"{at}.name", name))
            else:
                seen.add(name)
        number = port.get("containerPort", 0)
        if not number:
            causes.append(required(f"{at}.containerPort"))
        else:
            causes += [invalid_value(f"{at}.containerPort", number, fault) for fault in name_rules.port_number(number)]
        if port.get("hostPort"):
            causes += [invalid_value(f"{at}.hostPort", port["hostPort"], fault) for fault in name_rules.port_number(port["hostPort"])]
        causes += supported(f"{at}.protocol", port.get("protocol"), *_PROTOCOLS)
    return causes


def _environment(variables: list[Object], path: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, variable in enumerate(variables):
        at, name = f"{path}[{index}]", variable.get("name", "")
        if not name:
            causes.append(required(f"{at}.name"))
        causes += [invalid_value(f"{at}.name", name, fault) for fault in name_rules.variable_name(name)]
        source = variable.get("valueFrom")
        if source is None:
            continue
        field = (source.get("fieldRef") or {}).get("fieldPath")
        if field is not None and field not in _FIELD_PATHS and not field.startswith(("metadata.labels[", "metadata.annotations[")):
            words = f"error converting fieldPath: field label not supported: {field}"
            causes.append(invalid_value(f"{at}.valueFrom.fieldRef.fieldPath", field, words))
        if not source:
            words = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
            causes.append(invalid_value(f"{at}.valueFrom", "", words))
        elif variable.get("value"):
            causes.append(invalid_value(f"{at}.valueFrom", "", "may not be specified when `value` is not empty"))
        elif len(source) > 1:
            causes.append(invalid_value(f"{at}.valueFrom", "", "may not have more than one field specified at a time"))
    return causes


def _mounts(mounts: list[Object], path: str, volumes: dict[str, Object]) -> list[Cause]:
    causes: list[Cause] = []
    seen = set()
    for index, mount in enumerate(mounts):
        at, name, place = f"{path}[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            causes.append(required(f"{at}.name"))
        if name not in volumes:
            causes.append(value_not_found(f"{at}.name", name))
        if not place:
            causes.append(required(f"{at}.mountPath"))
        if place in seen:
            causes.append(invalid_value(f"{at}.mountPath", place, "must be unique"))
        seen.add(place)
    return causes


def _resources(resources: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for key, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            at = f"{path}.{key}[{name}]"
            if key == "requests" and name in limits and quantities.value(amount) > quantities.value(limits[name]):
                words = f"must be less than or equal to {name} limit of {limits[name]}"
                causes.append(invalid_value(f"{path}.requests", amount, words))
            if quantities.value(amount) < 0:
                causes.append(invalid_value(at, amount, "must be greater than or equal to 0"))
            if "/" not in name and name not in _RESOURCES and not name.startswith("hugepages-"):
                causes.append(invalid_value(at, name, "must be a standard resource type or fully qualified"))
                causes.append(invalid_value(at, name, "must be a standard resource for containers"))
    return causes


_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")


def _probe(probe: Object, path: str, *, once: bool) -> list[Cause]:
    causes: list[Cause] = []
    handlers = [key for key in _HANDLERS if key in probe]
    if not handlers:
        causes.append(required(path, "must specify a handler type"))
    for extra in handlers[1:]:
        causes.append(field_forbidden(f"{path}.{extra}", "may not specify more than 1 handler type"))
    for key in ("httpGet", "tcpSocket"):
        if key in handlers[:1]:
            causes += port_causes(probe[key].get("port"), f"{path}.{key}.port")
    for key in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        if probe.get(key, 0) < 0:
            causes.append(invalid_value(f"{path}.{key}", probe[key], "must be greater than or equal to 0"))
    if once and probe.get("successThreshold") != 1:
        causes.append(invalid_value(f"{path}.successThreshold", probe.get("successThreshold"), "must be 1"))
    return causes


def port_causes(port: Any, path: str) -> list[Cause]:
    """The faults of a port's number or name."""
    faults = name_rules.port_name(port) if isinstance(port, str) else name_rules.port_number(port or 0)
    return [invalid_value(path, port or 0 if not isinstance(port, str) else port, fault) for fault in faults]


def _tolerations(tolerations: list[Object], path: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, one in enumerate(tolerations):
        at, key, operator, value = f"{path}[{index}]", one.get("key", ""), one.get("operator", ""), one.get("value", "")
        if key:
            causes += [invalid_value(f"{at}.key", key, fault) for fault in names.key_faults(key)]
        elif operator != "Exists":
            words = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            causes.append(invalid_value(f"{at}.operator", operator, words))
        if "tolerationSeconds" in one and one.get("effect") != "NoExecute":
            causes.append(
                invalid_value(f"{at}.effect", one.get("effect", ""), "effect must be 'NoExecute' when `tolerationSeconds` is set")
            )
        if operator in ("", "Equal"):
            if faults := names.value_faults(value):
                causes.append(invalid_value(f"{at}.operator", value, ";".join(faults)))
        elif operator == "Exists":
            if value:
                causes.append(invalid_value(f"{at}.operator", value, "value must be empty when `operator` is 'Exists'"))
        else:
            causes += supported(f"{at}.operator", operator, "Equal", "Exists")
        if one.get("effect"):
            causes += supported(f"{at}.effect", one["effect"], *TAINT_EFFECTS)
    return causes


# -- updates


def update_causes(new: Object, old: Object) -> list[Cause]:
    """What of a pod's spec may not be changed as it was."""
    causes: list[Cause] = []
    for key in ("containers", "initContainers"):
        if len(new.get(key) or ()) != len(old.get(key) or ()):
            return [field_forbidden(f"spec.{key}", "pod updates may not add or remove containers")]
    deadline, before = new.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds")
    if deadline is None and before is not None:
        causes.append(invalid_value("spec.activeDeadlineSeconds", None, "must not update from a positive integer to nil value"))
    elif deadline is not None and before is not None and before < deadline:
        causes.append(invalid_value("spec.activeDeadlineSeconds", deadline, "must be less than or equal to previous value"))
    for toleration in old.get("tolerations") or ():
        if not any(_patient(one) == _patient(toleration) for one in new.get("tolerations") or ()):
            words = "existing toleration can not be modified except its tolerationSeconds"
            causes.append(field_forbidden("spec.tolerations", words))
            break
    if new == old:
        return causes
    munged = dict(new)
    for key in ("containers", "initContainers"):
        if key in new:
            munged[key] = [
                {**one, "image": other["image"]} if "image" in other else one for one, other in zip(new[key], old[key], strict=True)
            ]
    for key in ("activeDeadlineSeconds", "tolerations", "schedulingGates"):
        _keep(munged, old, key)
    if old.get("terminationGracePeriodSeconds", 0) < 0 and new.get("terminationGracePeriodSeconds") == 1:
        _keep(munged, old, "terminationGracePeriodSeconds")
    if old.get("schedulingGates"):
        selector = new.get("nodeSelector") or {}
        if all(selector.get(key) == value for key, value in (old.get("nodeSelector") or {}).items()):
            _keep(munged, old, "nodeSelector")
    if munged != old:
        words = f"pod updates may not change fields other than {_UPDATABLE}\n{_difference(old, munged)}"
        causes.append(field_forbidden("spec", words))
    return causes


def _patient(toleration: Object) -> Object:
    return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}


def _keep(munged: Object, old: Object, key: str) -> None:
    munged.pop(key, None)
    if key in old:
        munged[key] = old[key]


def _go_names(kind: Type, value: Any) -> Any:
    if isinstance(value, dict) and kind.code == "":
        fields = kind.fields
        return {_GO_NAMES.get(key, key[:1].upper() + key[1:]): _go_names(fields[key].type, value[key]) for key in fields if key in value}
    if isinstance(value, list) and kind.item:
        return [_go_names(kind.item, one) for one in value]
    return value


_GO_NAMES = {"dnsPolicy": "DNSPolicy", "dnsConfig": "DNSConfig", "serviceAccount": "DeprecatedServiceAccount", "tty": "TTY"}


def _difference(old: Object, new: Object) -> str:
    """As the server shows it; its lines number all fields of Go's struct, ours those that are set."""
    kind = type_of("PodSpec")
    texts = [json.dumps(_go_names(kind, one), indent=1, ensure_ascii=False).splitlines() for one in (old, new)]
    lines = list(difflib.unified_diff(texts[0], texts[1], lineterm="", n=3))[2:]
    return "\n".join(lines) + "\n"


def warnings_of(kind: Kind, obj: Object) -> list[str]:
    """What the server warns of in an object that it accepts: in a pod, or in the template of one."""
    if kind is PODS:
        return warnings(obj["spec"])
    template = (obj.get("spec") or {}).get("template") if isinstance(obj.get("spec"), dict) else None
    if isinstance(template, dict) and template.get("spec"):
        return warnings(template["spec"], "spec.template.spec")
    return []


def warnings(spec: Object, path: str = "spec") -> list[str]:
    """What the server warns of although it accepts it."""
    found = []
    for key in spec.get("nodeSelector") or {}:
        if key in _OLD_LABELS:
            found.append(f'{path}.nodeSelector[{key}]: deprecated since {_OLD_LABELS[key][0]}; use "{_OLD_LABELS[key][1]}" instead')
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(kind) or ()):
            at = f"{path}.{kind}[{index}]"
            seen: set[str] = set()
            for number, variable in enumerate(container.get("env") or ()):
                name = variable.get("name", "")
                if name in seen:
                    found.append(f'{at}.env[{number}]: hides previous definition of "{name}", which may be dropped when using apply')
                seen.add(name)
            ports: dict[tuple[Any, ...], int] = {}
            for number, port in enumerate(container.get("ports") or ()):
                key = (port.get("containerPort"), port.get("protocol"), port.get("hostPort"), port.get("hostIP"))
                if key in ports:
                    found.append(f"{at}.ports[{number}]: duplicate port definition with {at}.ports[{ports[key]}]")
                ports.setdefault(key, number)
    grace = spec.get("terminationGracePeriodSeconds", 0)
    if isinstance(grace, int) and -math.inf < grace < 0:
        found.append(f"{path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1")
    return found


_OLD_LABELS = {
    "beta.kubernetes.io/os": ("v1.14", "kubernetes.io/os"),
    "beta.kubernetes.io/arch": ("v1.14", "kubernetes.io/arch"),
    "failure-domain.beta.kubernetes.io/zone": ("v1.17", "topology.kubernetes.io/zone"),
    "failure-domain.beta.kubernetes.io/region": ("v1.17", "topology.kubernetes.io/region"),
    "beta.kubernetes.io/instance-type": ("v1.17", "node.kubernetes.io/instance-type"),
}
