"""Which nodes take a Pod: taints, node selector and node affinity, as kube-scheduler's plugins judge them (k8s.io/component-helpers).

What a Pod asks for and what is left on a node is in `resource_requests`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from podtui.kube.json_values import integer, mapping, mappings, string, strings

UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
"""The key of the taint of a cordoned node."""
TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
CORDONED = "node(s) were unschedulable"
"""How the scheduler counts a node in its message (1.37); so are the next two."""
UNTOLERATED = "node(s) had untolerated taint(s)"
UNMATCHED = "node(s) didn't match Pod's node affinity/selector"


def tolerates_cordon(tolerations: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a Pod goes to a cordoned node (plugin NodeUnschedulable)."""
    return tolerated({"key": UNSCHEDULABLE, "effect": "NoSchedule"}, tolerations)


def tolerated(taint: Mapping[str, Any], tolerations: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of the tolerations is for the taint (ToleratesTaint)."""
    return any(_tolerates(toleration, taint) for toleration in tolerations)


def taint_text(taint: Mapping[str, Any]) -> str:
    """As kubectl writes it: `key=value:Effect`."""
    key, text, effect = (string(taint.get(part)) for part in ("key", "value", "effect"))
    return f"{key}={text}:{effect}" if text else f"{key}:{effect}"


def toleration_text(toleration: Mapping[str, Any]) -> str:
    """As kubectl describe writes it: `key=value:Effect op=Exists for 300s`."""
    key, text, effect, operator = (string(toleration.get(part)) for part in ("key", "value", "effect", "operator"))
    words = key + (f"={text}" if text else "") + (f":{effect}" if effect else "")
    if operator not in ("", "Equal") and not (operator == "Exists" and text):
        words = f"{words} op={operator}".lstrip()
    seconds = integer(toleration.get("tolerationSeconds"))
    return words if seconds is None else f"{words} for {seconds}s".lstrip()


def label_selector_text(selector: Mapping[str, Any], *, without: str = "") -> str:
    """A LabelSelector (meta/v1) as the text of `labelSelector`: `app=web,tier in (a,b),!canary`; "" for one that selects everything.

    Requirements on keys that end with `without` are left out.
    """
    labels = mapping(selector.get("matchLabels"))
    parts = [f"{key}={string(text)}" for key, text in labels.items() if not (without and key.endswith(without))]
    for one in mappings(selector.get("matchExpressions")):
        key, values = string(one.get("key")), ",".join(strings(one.get("values")))
        operator = string(one.get("operator"))
        forms = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key, "DoesNotExist": f"!{key}"}
        if not (without and key.endswith(without)):
            parts.append(forms.get(operator, f"{key} {operator} ({values})"))
    return ",".join(parts)


def labels_of(obj: Mapping[str, Any]) -> dict[str, str]:
    """The labels of an object, such as a Node."""
    return {key: string(text) for key, text in mapping(mapping(obj.get("metadata")).get("labels")).items()}


def required_terms(spec: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    """The terms of the required node affinity of a Pod's spec, one of which must match; None when nothing is required."""
    required = mapping(mapping(spec.get("affinity")).get("nodeAffinity")).get("requiredDuringSchedulingIgnoredDuringExecution")
    return mappings(mapping(required).get("nodeSelectorTerms")) if isinstance(required, dict) else None


def term_matches(term: Mapping[str, Any], labels: Mapping[str, str], name: str) -> bool:
    """Whether a NodeSelectorTerm holds for a node with these labels and this name; one without requirements holds for no node."""
    of_labels, of_fields = mappings(term.get("matchExpressions")), mappings(term.get("matchFields"))
    return (
        bool(of_labels or of_fields)
        and all(requirement_holds(one, labels) for one in of_labels)
        and all(requirement_holds(one, {"metadata.name": name}) for one in of_fields)
    )


def requirement_holds(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a NodeSelectorRequirement, or one of a LabelSelector, holds."""
    found, values = labels.get(string(requirement.get("key"))), strings(requirement.get("values"))
    match string(requirement.get("operator")):
        case "In":
            return found in values
        case "NotIn":
            return found not in values
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
        case "Gt" | "Lt" as operator:
            return found is not None and len(values) == 1 and _compared(found, operator, values[0])
    return False


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    key, effect, operator = (string(toleration.get(part)) for part in ("key", "effect", "operator"))
    if (effect and effect != string(taint.get("effect"))) or (key and key != string(taint.get("key"))):
        return False
    if operator == "Exists":
        return True
    mine, its = string(toleration.get("value")), string(taint.get("value"))
    if operator in ("Gt", "Lt"):
        return _compared(its, operator, mine)
    return bool(key) and mine == its


def _compared(left: str, operator: str, right: str) -> bool:
    try:
        return int(left) > int(right) if operator == "Gt" else int(left) < int(right)
    except ValueError:
        return False
