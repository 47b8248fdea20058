"""Discovery: which groups, versions and resources there are, in the aggregated and in the older form."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import msgspec

from podtui.demo.storage.kinds import KINDS

Object = dict[str, Any]
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

VERSION = {
    "major": "1",
    "minor": "37",
    "emulationMajor": "1",
    "emulationMinor": "37",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "36",
    "gitVersion": "v1.37.1",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "podtui/demo",
}
"""The Kubernetes that this cluster is like."""


class Resource(NamedTuple):
    """One resource as discovery lists it; its subresources with group, version and kind, "" for the group version it is listed in."""

    name: str
    kind: str
    namespaced: bool
    singular: str
    verbs: tuple[str, ...]
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[tuple[str, tuple[str, str, str], tuple[str, ...]], ...] = ()


_POST = ("create",)
_REVIEWS = {
    "authentication.k8s.io": (("selfsubjectreviews", "SelfSubjectReview", False),),
    "authorization.k8s.io": (
        ("localsubjectaccessreviews", "LocalSubjectAccessReview", True),
        ("selfsubjectaccessreviews", "SelfSubjectAccessReview", False),
        ("selfsubjectrulesreviews", "SelfSubjectRulesReview", False),
        ("subjectaccessreviews", "SubjectAccessReview", False),
    ),
}
REVIEW_GROUPS = frozenset(_REVIEWS)
METRICS = "metrics.k8s.io"

_ORDER = (
    "",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "batch",
    "policy",
    "rbac.authorization.k8s.io",
    "discovery.k8s.io",
    METRICS,
)


@cache
def groups() -> dict[tuple[str, str], list[Resource]]:
    """The resources of each group and version, in the order of discovery."""
    found: dict[tuple[str, str], list[Resource]] = {(name, "v1beta1" if name == METRICS else "v1"): [] for name in _ORDER}
    for kind in KINDS:
        below = tuple((name, _named(title), verbs) for name, title, verbs in kind.subresources)
        found[kind.group, kind.version].append(
            Resource(kind.plural, kind.kind, kind.namespaced, kind.singular, kind.verbs, kind.short, kind.categories, below)
        )
    for group, reviews in _REVIEWS.items():
        found[group, "v1"] += [Resource(name, kind, spaced, kind.lower(), _POST) for name, kind, spaced in reviews]
    for name, kind_name, spaced in (("nodes", "NodeMetrics", False), ("pods", "PodMetrics", True)):
        found[METRICS, "v1beta1"].append(Resource(name, kind_name, spaced, "", ("get", "list")))
    for resources in found.values():
        resources.sort(key=lambda resource: resource.name)
    return found


def _named(title: str) -> tuple[str, str, str]:
    """`policy/v1/Eviction` in its parts; a kind alone is of the group version it is listed in."""
    group, _, rest = title.partition("/")
    if not rest:
        return "", "", title
    version, _, kind = rest.partition("/")
    return group, version, kind


def _encoded(body: Object) -> bytes:
    return msgspec.json.encode(body) + b"\n"


@cache
def aggregated(core: bool) -> bytes:
    """The body of `/api` (core) or `/apis` for a client that accepts AGGREGATED."""
    items = []
    for (group, version), resources in groups().items():
        if (group == "") is core:
            told = [_aggregated_resource(resource) for resource in resources]
            versions = [{"version": version, "resources": told, "freshness": "Current"}]
            items.append({"metadata": {"name": group} if group else {}, "versions": versions})
    return _encoded({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})


def _aggregated_resource(resource: Resource) -> Object:
    told: Object = {
        "resource": resource.name,
        "responseKind": _kind(("", "", resource.kind)),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": resource.verbs,
        **_names(resource),
    }
    if resource.subresources:
        told["subresources"] = [
            {"subresource": name, "responseKind": _kind(response), "verbs": verbs} for name, response, verbs in resource.subresources
        ]
    return told


def _names(resource: Resource) -> Object:
    """Its other names, where it has any."""
    return {key: names for key, names in (("shortNames", resource.short), ("categories", resource.categories)) if names}


def _kind(response: tuple[str, str, str]) -> Object:
    return dict(zip(("group", "version", "kind"), response, strict=True))


@cache
def versions(address: str) -> bytes:
    """The older body of `/api`."""
    where = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return _encoded({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": where})


def _group(group: str, version: str) -> Object:
    told = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [told], "preferredVersion": told}


@cache
def group_list() -> bytes:
    """The older body of `/apis`."""
    return _encoded({"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(*pair) for pair in groups() if pair[0]]})


@cache
def resource_list(group: str, version: str) -> bytes | None:
    """The body of `/api/v1` and `/apis/GROUP/VERSION`."""
    resources = groups().get((group, version))
    if resources is None:
        return None
    told = [entry for resource in resources for entry in _listed(resource)]
    head: Object = {"kind": "APIResourceList"}
    if group:
        head["apiVersion"] = "v1"
    return _encoded({**head, "groupVersion": f"{group}/{version}" if group else version, "resources": told})


def _listed(resource: Resource) -> Iterator[Object]:
    yield {
        "name": resource.name,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs,
        **_names(resource),
    }
    for name, (group, version, kind), verbs in resource.subresources:
        below: Object = {"name": f"{resource.name}/{name}", "singularName": "", "namespaced": resource.namespaced}
        if group:
            below |= {"group": group, "version": version}
        yield {**below, "kind": kind, "verbs": verbs}


def accepts_aggregated(accept: str) -> bool:
    """Whether a client takes the aggregated form, which it names before the older one."""
    for media in accept.split(","):
        parts = {part.strip() for part in media.split(";")}
        if "as=APIGroupDiscoveryList" in parts:
            if {"application/json", "g=apidiscovery.k8s.io", "v=v2"} <= parts:
                return True
        elif "application/json" in parts or "*/*" in parts:
            return False
    return False
