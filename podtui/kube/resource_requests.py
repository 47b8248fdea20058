"""What a pod counts for on its node, and what the pods of a node leave: the sums that kube-scheduler makes.

The rule is `PodRequests` of k8s.io/component-helpers/resource: an init container runs alone but for the sidecars before it, so the
largest such sum counts where it is more than what runs afterwards together. A resize that is under way counts with what the spec asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from podtui.kube.json_values import integer, mapping, mappings, string
from podtui.kube.quantities import value

Amounts = dict[str, Fraction]
"""By the name of the resource: cores, bytes, or pieces."""
Kind = Literal["requests", "limits"]
HostPort = tuple[str, str, int]
"""IP ("0.0.0.0" for every one), protocol and number."""

EVERY_IP = "0.0.0.0"
_OVER = ("Succeeded", "Failed")


def amounts(quantities: object) -> Amounts:
    """A ResourceList (`{"cpu": "100m"}`) as numbers; what is not a quantity is left out."""
    found: Amounts = {}
    for name, text in mapping(quantities).items():
        try:
            found[name] = value(string(text))
        except ValueError:
            continue
    return found


def requests(pod: Mapping[str, Any]) -> Amounts:
    """What the pod asks of its node, by resource, without itself (a node also has room for so many `pods`)."""
    total = _together(pod, "requests")
    _add(total, amounts(mapping(pod.get("spec")).get("overhead")))
    return total


def limits(pod: Mapping[str, Any]) -> Amounts:
    """What the pod may use at most, by resource: the rule `PodLimits`. A container without a limit adds nothing, so a pod may use more."""
    total = _together(pod, "limits")
    for name, amount in amounts(mapping(pod.get("spec")).get("overhead")).items():
        if total.get(name):
            total[name] += amount
    return total


def _together(pod: Mapping[str, Any], kind: Kind) -> Amounts:
    """The requests or limits of the containers together, or those of the pod as a whole where it sets any."""
    spec = mapping(pod.get("spec"))
    total: Amounts = {}
    for container in mappings(spec.get("containers")):
        _add(total, _amounts_of(container, kind))
    sidecars: Amounts = {}
    highest: Amounts = {}
    for container in mappings(spec.get("initContainers")):
        wanted = _amounts_of(container, kind)
        if container.get("restartPolicy") == "Always":
            _add(total, wanted)
            _add(sidecars, wanted)
            wanted = dict(sidecars)
        else:
            _add(wanted, sidecars)
        _raise(highest, wanted)
    _raise(total, highest)
    for name, wanted_of_all in _amounts_of(spec, kind).items():
        if name in ("cpu", "memory") or name.startswith("hugepages-"):  # what can be asked for the pod as a whole
            total[name] = wanted_of_all
    return total


def host_ports(pod: Mapping[str, Any]) -> set[HostPort]:
    """The ports of the node itself that the pod takes."""
    spec = mapping(pod.get("spec"))
    running = [*mappings(spec.get("containers"))]
    running += [one for one in mappings(spec.get("initContainers")) if one.get("restartPolicy") == "Always"]
    return {
        (string(port.get("hostIP")) or EVERY_IP, string(port.get("protocol")) or "TCP", number)
        for container in running
        for port in mappings(container.get("ports"))
        if (number := integer(port.get("hostPort")) or 0)
    }


def is_over(pod: Mapping[str, Any]) -> bool:
    """Whether the pod has finished, so that it no longer counts."""
    return string(mapping(pod.get("status")).get("phase")) in _OVER


@dataclass
class Load:
    """What the pods of one node take together."""

    requests: Amounts = field(default_factory=dict)
    pods: int = 0
    ports: set[HostPort] = field(default_factory=set)

    def add(self, pod: Mapping[str, Any]) -> None:
        """One pod more; one that is over takes nothing."""
        if not is_over(pod):
            _add(self.requests, requests(pod))
            self.ports |= host_ports(pod)
            self.pods += 1

    def of(self, resource: str) -> Fraction:
        return Fraction(self.pods) if resource == "pods" else self.requests.get(resource, Fraction(0))


def loads(pods: Iterable[Mapping[str, Any]]) -> dict[str, Load]:
    """By node, what the pods there take together."""
    found: dict[str, Load] = {}
    for pod in pods:
        if node := string(mapping(pod.get("spec")).get("nodeName")):
            found.setdefault(node, Load()).add(pod)
    return found


def summed(each: Iterable[Amounts]) -> Amounts:
    """The sum of them all. Whole numbers are added, one sum for each denominator: fractions would take four times as long."""
    parts: dict[tuple[str, int], int] = {}
    for one in each:
        for name, amount in one.items():
            key = name, amount.denominator
            parts[key] = parts.get(key, 0) + amount.numerator
    total: Amounts = {}
    for (name, denominator), numerator in parts.items():
        total[name] = total.get(name, Fraction(0)) + Fraction(numerator, denominator)
    return total


def _amounts_of(container: Mapping[str, Any], kind: Kind) -> Amounts:
    """Of a container, or of a pod's spec."""
    return amounts(mapping(container.get("resources")).get(kind))


def _add(total: Amounts, more: Mapping[str, Fraction]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, Fraction(0)) + amount


def _raise(total: Amounts, least: Mapping[str, Fraction]) -> None:
    for name, amount in least.items():
        total[name] = max(total.get(name, Fraction(0)), amount)
