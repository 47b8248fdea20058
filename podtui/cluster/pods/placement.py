"""Why a node does not accept a pod: the filters of kube-scheduler, each with a message for the user.

In the order of its plugins: NodeUnschedulable, NodeName, TaintToleration, NodeAffinity, NodePorts, NodeResourcesFit, and of VolumeBinding
the node affinity of bound volumes. For each node, the scheduler reports only the first plugin that refuses it; podtui reports all.
Pod affinity, topology spread and the limits of storage drivers are not evaluated: `beyond` says which of them a pod uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from podtui.kube.json_values import mapping, mappings, string, strings
from podtui.kube.quantities import amount
from podtui.kube.resource_requests import EVERY_IP, Amounts, HostPort, Load, amounts
from podtui.kube.scheduling import (
    CORDONED,
    UNMATCHED,
    UNSCHEDULABLE,
    UNTOLERATED,
    labels_of,
    required_terms,
    requirement_holds,
    taint_text,
    term_matches,
    tolerated,
    tolerates_cordon,
)

Kind = Literal["unschedulable", "name", "taint", "selector", "ports", "resources", "volume"]

_OWN = ("kubernetes.io", "k8s.io")  # prefixes of labels that the kubelet and cloud providers manage
_PRESSURES = {
    "node.kubernetes.io/not-ready": "it is not ready",
    "node.kubernetes.io/unreachable": "its kubelet does not report",
    "node.kubernetes.io/memory-pressure": "it is short of memory",
    "node.kubernetes.io/disk-pressure": "it is short of disk",
    "node.kubernetes.io/pid-pressure": "it is short of process IDs",
    "node.kubernetes.io/network-unavailable": "its network is not set up",
    "node.kubernetes.io/out-of-service": "it is marked as out of service",
    "node.cloudprovider.kubernetes.io/uninitialized": "its cloud provider has not set it up yet",
    "node.cloudprovider.kubernetes.io/shutdown": "it is shut down",
}


@dataclass(frozen=True)
class Refusal:
    """One reason of one node: `words` for the user, `told` as the scheduler counts it in its message (1.37)."""

    kind: Kind
    words: str
    told: str


def refusals(
    pod: Mapping[str, Any],
    node: Mapping[str, Any],
    wanted: Amounts,
    ports: Iterable[HostPort],
    load: Load | None,
    volumes: Sequence[tuple[str, Mapping[str, Any]]] = (),
) -> list[Refusal]:
    """Every reason why the node does not accept the pod, in the order of the scheduler's plugins.

    `wanted` and `ports` are the pod's `requests` and `host_ports`; `load` is the load of the node, None when unreadable:
    then only requests above the whole node are known not to fit. `volumes` are the (name, object) of the PersistentVolumes
    of the pod's bound claims.
    """
    spec, of_node = mapping(pod.get("spec")), mapping(node.get("spec"))
    labels, name = labels_of(node), _name(node)
    tolerations = mappings(spec.get("tolerations"))
    found: list[Refusal] = []
    if of_node.get("unschedulable") is True and not tolerates_cordon(tolerations):
        found.append(Refusal("unschedulable", "cordoned: it is marked unschedulable", CORDONED))
    for taint in mappings(of_node.get("taints")):
        cordon = string(taint.get("key")) == UNSCHEDULABLE and found
        if string(taint.get("effect")) != "PreferNoSchedule" and not cordon and not tolerated(taint, tolerations):
            found.append(Refusal("taint", _taint_words(taint), UNTOLERATED))
    found += [Refusal("selector", words, UNMATCHED) for words in _unmatched(spec, labels, name)]
    used = load.ports if load is not None else set()
    for port in sorted(ports):
        if any(_clash(port, other) for other in used):
            words = f"port {port[2]}/{port[1]} of the node is taken"
            found.append(Refusal("ports", words, "node(s) didn't have free ports for the requested pod ports"))
    found += _lacking(wanted, node, load)
    for volume, obj in volumes:
        required = mapping(mapping(obj.get("spec")).get("nodeAffinity")).get("required")
        terms = mappings(mapping(required).get("nodeSelectorTerms"))
        if terms and not any(term_matches(term, labels, name) for term in terms):
            words = f"volume {volume} is not there: it requires {' or '.join(map(_term_words, terms))}"
            found.append(Refusal("volume", words, "node(s) didn't match PersistentVolume's node affinity"))
    return found


def counted(found: Sequence[Refusal]) -> set[str]:
    """The reasons with which the scheduler counts the node: those of the first plugin that refuses it."""
    return {refusal.told for refusal in found if refusal.kind == found[0].kind}


def beyond(pod: Mapping[str, Any]) -> list[str]:
    """The pod's requests that only the scheduler itself can evaluate, in words."""
    spec = mapping(pod.get("spec"))
    affinity = mapping(spec.get("affinity"))
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    found = [words for key, words in (("podAffinity", "pod affinity"), ("podAntiAffinity", "pod anti-affinity"))
             if mappings(mapping(affinity.get(key)).get(required))]  # fmt: skip
    if any(one.get("whenUnsatisfiable") == "DoNotSchedule" for one in mappings(spec.get("topologySpreadConstraints"))):
        found.append("topology spread constraints")
    if mappings(spec.get("resourceClaims")):
        found.append("resource claims")
    return found


def labels_wanted(pod: Mapping[str, Any], node: Mapping[str, Any]) -> dict[str, str] | None:
    """The labels with which the node would match the pod's selector and affinity: {} when it does, None when no label can help.

    Labels that the kubelet or a cloud provider manages (`kubernetes.io/hostname`) are never included: setting one would be a lie.
    """
    spec, labels = mapping(pod.get("spec")), labels_of(node)
    selector = {key: string(value) for key, value in mapping(spec.get("nodeSelector")).items()}
    wanted = {key: text for key, text in selector.items() if labels.get(key) != text}
    terms = required_terms(spec)
    after = {**labels, **wanted}
    if terms is not None and not any(term_matches(term, after, _name(node)) for term in terms):
        options = [found for term in terms if (found := _term_labels(term, after, _name(node))) is not None]
        options = [one for one in options if all(selector.get(key, text) == text for key, text in one.items())]
        if not options:
            return None
        fewest = sorted(options, key=len)[0]
        wanted.update(fewest)
    return None if any(_is_kept(key) for key in wanted) else wanted


def _name(obj: Mapping[str, Any]) -> str:
    return string(mapping(obj.get("metadata")).get("name"))


def _is_kept(key: str) -> bool:
    prefix = key.rpartition("/")[0]
    return any(prefix == own or prefix.endswith("." + own) for own in _OWN)


# -- taints


def _taint_words(taint: Mapping[str, Any]) -> str:
    why = _PRESSURES.get(string(taint.get("key")))
    text = f"taint {taint_text(taint)} is not tolerated"
    return f"{why} ({text})" if why else text


# -- node selector and node affinity


def _unmatched(spec: Mapping[str, Any], labels: Mapping[str, str], name: str) -> list[str]:
    words = []
    for key, value in mapping(spec.get("nodeSelector")).items():
        if labels.get(key) != string(value):
            has = f"it has {key}={labels[key]}" if key in labels else f"it has no label {key}"
            words.append(f"nodeSelector requires {key}={string(value)}: {has}")
    terms = required_terms(spec)
    if terms is not None and not any(term_matches(term, labels, name) for term in terms):
        wanted = " or ".join(map(_term_words, terms)) or "what no node can have"
        seen = {string(one.get("key")) for term in terms for one in mappings(term.get("matchExpressions"))}
        has = ", ".join(f"{key}={labels[key]}" for key in sorted(seen) if key in labels)
        words.append(f"node affinity requires {wanted}: it has {has or 'none of these labels'}")
    return words


def _term_labels(term: Mapping[str, Any], labels: Mapping[str, str], name: str) -> dict[str, str] | None:
    """The labels to set so that the term holds; None when setting labels is not enough."""
    if not all(requirement_holds(one, {"metadata.name": name}) for one in mappings(term.get("matchFields"))):
        return None
    wanted: dict[str, str] = {}
    for one in mappings(term.get("matchExpressions")):
        key, operator, values = string(one.get("key")), string(one.get("operator")), strings(one.get("values"))
        if requirement_holds(one, {**labels, **wanted}):
            continue
        if operator == "In" and values:
            wanted[key] = values[0]
        elif operator == "Exists":
            wanted[key] = "true"
        else:
            return None
    return wanted if term_matches(term, {**labels, **wanted}, name) else None


def _term_words(term: Mapping[str, Any]) -> str:
    parts = []
    for one in [*mappings(term.get("matchExpressions")), *mappings(term.get("matchFields"))]:
        key, operator, values = string(one.get("key")), string(one.get("operator")), ",".join(strings(one.get("values")))
        signs = {"Exists": key, "DoesNotExist": f"!{key}", "Gt": f"{key}>{values}", "Lt": f"{key}<{values}"}
        parts.append(signs.get(operator, f"{key} {operator.lower()} ({values})"))
    return " and ".join(parts) or "nothing (an empty term)"


# -- ports and resources


def _clash(one: HostPort, other: HostPort) -> bool:
    return one[1:] == other[1:] and (one[0] == other[0] or EVERY_IP in (one[0], other[0]))


def _lacking(wanted: Amounts, node: Mapping[str, Any], load: Load | None) -> list[Refusal]:
    room = amounts(mapping(node.get("status")).get("allocatable"))
    found = []
    for resource, asked in {"pods": Fraction(1), **wanted}.items():
        most = room.get(resource, Fraction(0))
        used = load.of(resource) if load is not None else Fraction(0)
        if not asked or asked + used <= most:
            continue
        if resource == "pods":
            words = f"full: {int(used)} of {int(most)} pods run there" if most else "it does not report that it accepts pods"
            found.append(Refusal("resources", words, "Too many pods"))
            continue
        free = amount(resource, max(Fraction(0), most - used))
        whole = "it has none" if not most else f"the whole node has {amount(resource, most)}" if asked > most else \
            f"{free} of {amount(resource, most)} is free"  # fmt: skip
        words = f"too little {resource}: {amount(resource, asked)} requested, {whole}"
        found.append(Refusal("resources", words, f"Insufficient {resource}"))
    return found
