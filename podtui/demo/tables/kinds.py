"""The cells of every kind but pods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from podtui.demo.storage.clock import Clock
from podtui.demo.tables.cells import NONE, UNKNOWN, Ages, Object, born, labels_of, name_of
from podtui.kube.ages import age
from podtui.kube.objects import condition_of, is_true


def node_cells(node: Object, ages: Ages) -> list[Any]:
    metadata, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    ready = condition_of(node, "Ready")
    word = "Unknown" if not ready else "Ready" if ready.get("status") == "True" else "NotReady"
    roles = set()
    for key, value in (metadata.get("labels") or {}).items():
        if key.startswith("node-role.kubernetes.io/") and len(key) > 24:
            roles.add(key[24:])
        elif key == "kubernetes.io/role" and value:
            roles.add(value)
    info = status.get("nodeInfo") or {}
    addresses = {address.get("type"): address.get("address") for address in reversed(status.get("addresses") or ())}
    kernel = info.get("kernelVersion") or UNKNOWN
    return [
        metadata.get("name", ""),
        word + (",SchedulingDisabled" if spec.get("unschedulable") else ""),
        ",".join(sorted(roles)) or NONE,
        ages.since(metadata.get("creationTimestamp")),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP") or NONE,
        addresses.get("ExternalIP") or NONE,
        info.get("osImage") or UNKNOWN,
        f"{kernel} ({info['architecture']})" if info.get("architecture") else kernel,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def namespace_cells(namespace: Object, ages: Ages) -> list[Any]:
    return [name_of(namespace), (namespace.get("status") or {}).get("phase", ""), born(namespace, ages)]


def service_cells(service: Object, ages: Ages) -> list[Any]:
    spec, status = service.get("spec") or {}, service.get("status") or {}
    kind = spec.get("type", "")
    external = ",".join(spec.get("externalIPs") or ()) or NONE
    if kind == "ExternalName":
        external = spec.get("externalName", "")
    elif kind == "LoadBalancer":
        given = [one.get("ip") or one.get("hostname", "") for one in (status.get("loadBalancer") or {}).get("ingress") or ()]
        external = ",".join([*given, *(spec.get("externalIPs") or ())]) or "<pending>"
    ports = []
    for port in spec.get("ports") or ():
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port.get('port')}{node_port}/{port.get('protocol', 'TCP')}")
    cluster_ip = spec.get("clusterIP") or NONE
    return [name_of(service), kind, cluster_ip, external, ",".join(ports) or NONE, born(service, ages), labels_of(spec.get("selector"))]


def event_cells(event: Object, ages: Ages) -> list[Any]:
    about, source = event.get("involvedObject") or {}, event.get("source") or {}
    first = ages.since(event.get("firstTimestamp") or event.get("eventTime"))
    last = ages.since(event["lastTimestamp"]) if event.get("lastTimestamp") else first
    count = event.get("count") or 1
    if series := event.get("series"):
        last, count = ages.since(series.get("lastObservedTime")), series.get("count", 0)
    target = str(about.get("kind", "")).lower() + (f"/{about['name']}" if about.get("name") else "")
    component = source.get("component") or event.get("reportingComponent") or ""
    host = source.get("host") or event.get("reportingInstance") or ""
    return [
        last,
        event.get("type", ""),
        event.get("reason", ""),
        target,
        about.get("fieldPath", ""),
        f"{component}, {host}" if host else component,
        str(event.get("message", "")).strip(),
        first,
        count,
        name_of(event),
    ]


def configmap_cells(configmap: Object, ages: Ages) -> list[Any]:
    return [name_of(configmap), len(configmap.get("data") or ()) + len(configmap.get("binaryData") or ()), born(configmap, ages)]


def secret_cells(secret: Object, ages: Ages) -> list[Any]:
    return [name_of(secret), secret.get("type", ""), len(secret.get("data") or ()), born(secret, ages)]


def plain_cells(obj: Object, ages: Ages) -> list[Any]:
    return [name_of(obj), born(obj, ages)]


def created_cells(obj: Object, ages: Ages) -> list[Any]:
    return [name_of(obj), obj["metadata"].get("creationTimestamp", "")]


def binding_cells(binding: Object, ages: Ages) -> list[Any]:
    role = binding.get("roleRef") or {}
    subjects: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in binding.get("subjects") or ():
        name = subject.get("name", "")
        subjects.setdefault(subject.get("kind", ""), []).append(
            f"{subject.get('namespace', '')}/{name}" if subject.get("kind") == "ServiceAccount" else name
        )
    people = (", ".join(subjects[kind]) for kind in ("User", "Group", "ServiceAccount"))
    return [name_of(binding), f"{role.get('kind', '')}/{role.get('name', '')}", born(binding, ages), *people]


def deployment_cells(deployment: Object, ages: Ages) -> list[Any]:
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    numbers = [
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
    ]
    return [name_of(deployment), *numbers, born(deployment, ages), *_template(spec)]


def replicaset_cells(replicaset: Object, ages: Ages) -> list[Any]:
    spec, status = replicaset.get("spec") or {}, replicaset.get("status") or {}
    numbers = [spec.get("replicas", 1), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [name_of(replicaset), *numbers, born(replicaset, ages), *_template(spec)]


def job_cells(job: Object, ages: Ages) -> list[Any]:
    spec, status = job.get("spec") or {}, job.get("status") or {}
    word = "Running"
    if is_true(job, "Complete"):
        word = "Complete"
    elif is_true(job, "Failed"):
        word = "Failed"
    elif job["metadata"].get("deletionTimestamp"):
        word = "Terminating"
    else:
        for name, told in (("Suspended", "Suspended"), ("FailureTarget", "FailureTarget"), ("SuccessCriteriaMet", "SuccessCriteriaMet")):
            if is_true(job, name):
                word = told
                break
    done, wanted, together = status.get("succeeded", 0), spec.get("completions"), spec.get("parallelism") or 0
    completions = f"{done}/{wanted}" if wanted is not None else f"{done}/1 of {together}" if together > 1 else f"{done}/1"
    duration = ""
    if started := status.get("startTime"):
        failed = condition_of(job, "Failed") if is_true(job, "Failed") else {}
        ended = status.get("completionTime") or failed.get("lastTransitionTime")
        duration = age(Clock.parse(ended) - Clock.parse(started)) if ended else ages.since(started)
    return [name_of(job), word, completions, duration, born(job, ages), *_template(spec)]


def budget_cells(budget: Object, ages: Ages) -> list[Any]:
    spec, status = budget.get("spec") or {}, budget.get("status") or {}
    bounds = [str(spec[field]) if spec.get(field) is not None else "N/A" for field in ("minAvailable", "maxUnavailable")]
    return [name_of(budget), *bounds, status.get("disruptionsAllowed", 0), born(budget, ages)]


def endpointslice_cells(endpoints: Object, ages: Ages) -> list[Any]:
    ports = [str(port["port"]) if port.get("port") is not None else "*" for port in endpoints.get("ports") or ()]
    addresses = [address for endpoint in endpoints.get("endpoints") or () for address in endpoint.get("addresses") or ()]
    return [name_of(endpoints), endpoints.get("addressType", ""), _few(ports), _few(addresses), born(endpoints, ages)]


def _few(words: Sequence[str]) -> str:
    shown = ",".join(words[:3])
    return (f"{shown} + {len(words) - 3} more..." if len(words) > 3 else shown) or "<unset>"


def _template(spec: Object) -> list[str]:
    """Containers, images and the selector."""
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or ()
    selector = spec.get("selector") or {}
    terms = [(key, f"{key}={value}") for key, value in (selector.get("matchLabels") or {}).items()]
    for one in selector.get("matchExpressions") or ():
        operator, key = one.get("operator"), one.get("key", "")
        if operator in ("In", "NotIn"):
            terms.append((key, f"{key} {operator.lower()} ({','.join(sorted(one.get('values') or ()))})"))
        else:
            terms.append((key, key if operator == "Exists" else f"!{key}"))
    shown = [text for _, text in sorted(terms, key=lambda term: term[0])]
    return [",".join(c.get("name", "") for c in containers), ",".join(c.get("image", "") for c in containers), ",".join(shown) or NONE]
