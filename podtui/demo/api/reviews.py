"""Questions about rights: SelfSubjectAccessReview, SelfSubjectRulesReview and SelfSubjectReview, answered from RBAC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podtui.demo.api.rbac import ADMIN, Attributes, Authorizer, User
from podtui.demo.rules.schema import DecodeError, decode
from podtui.demo.storage.errors import Body, bad_request, invalid, invalid_value, path_not_found

Object = dict[str, Any]

GROUP = "authorization.k8s.io"
AUTHENTICATION = "authentication.k8s.io"
_PUBLIC = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version", "/version/")
_SELF_RULES = (
    {"verbs": ["create"], "apiGroups": [GROUP], "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]},
    {"verbs": ["create"], "apiGroups": [AUTHENTICATION], "resources": ["selfsubjectreviews"]},
)
_BOTH = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


def review(authorizer: Authorizer, user: User, plural: str, body: Mapping[str, Any], namespace: str = "", now: str = "") -> Object:
    """The answer to a POST of a review: `selfsubjectaccessreviews`, `subjectaccessreviews` and the like. ApiError 400 or 422."""
    if plural not in _REVIEWS:
        raise path_not_found()
    kind, function = _REVIEWS[plural]
    try:
        found, _ = decode(kind, dict(body))
    except DecodeError as error:
        raise bad_request(f'{kind} in version "v1" cannot be handled as a {kind}: {error}') from None
    group = AUTHENTICATION if plural == "selfsubjectreviews" else GROUP
    found = {**found, "kind": kind, "apiVersion": f"{group}/v1"}
    return function(authorizer, user, found, namespace, now)


def _self_access(authorizer: Authorizer, user: User, body: Object, namespace: str, now: str) -> Object:
    return {**body, "status": _decided(authorizer, user, body.get("spec") or {})}


def _access(authorizer: Authorizer, user: User, body: Object, namespace: str, now: str) -> Object:
    spec = body.get("spec") or {}
    if not spec.get("user") and not spec.get("groups"):
        raise invalid(Body("", GROUP), "", [invalid_value("spec.user", "", "at least one of user or group must be specified")])
    attributes = spec.get("resourceAttributes") or {}
    if namespace and attributes.get("namespace", "") != namespace:
        words = f"must match metadata.namespace: {namespace}"
        raise invalid(Body("", GROUP), "", [invalid_value("spec.resourceAttributes.namespace", attributes.get("namespace", ""), words)])
    asked = User(spec.get("user", ""), tuple(spec.get("groups") or ()))
    return {**body, "status": _decided(authorizer, asked, spec)}


def _decided(authorizer: Authorizer, user: User, spec: Object) -> Object:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (resource is None) == (path is None):
        raise invalid(Body("", GROUP), "", [invalid_value("spec", None, _BOTH)])
    if path is not None:
        return {"allowed": allows_path(authorizer, user, path.get("verb", ""), path.get("path", ""))}
    assert resource is not None
    asked = Attributes(
        resource.get("verb", ""),
        resource.get("group", ""),
        resource.get("resource", ""),
        resource.get("subresource", ""),
        resource.get("namespace", ""),
        resource.get("name", ""),
    )
    return {"allowed": authorizer.allows(user, asked)}


def allows_path(authorizer: Authorizer, user: User, verb: str, path: str) -> bool:
    """Whether the user may get a path that is not a resource, such as /version."""
    if user.is_master:
        return True
    if verb in ("get", "head") and any(_covers(one, path) for one in (*_PUBLIC, *_DISCOVERY)):
        return True
    for rule in authorizer.rules(user, ""):
        if {verb, "*"} & set(rule.get("verbs") or ()) and any(_covers(one, path) for one in rule.get("nonResourceURLs") or ()):
            return True
    return False


def _covers(pattern: str, path: str) -> bool:
    return path == pattern or (pattern.endswith("*") and path.startswith(pattern[:-1]))


def _self_rules(authorizer: Authorizer, user: User, body: Object, namespace: str, now: str) -> Object:
    wanted = (body.get("spec") or {}).get("namespace")
    if not wanted:
        raise bad_request("no namespace on request")
    resources: list[Object] = []
    paths: list[Object] = []
    for rule in authorizer.rules(user, wanted):
        if rule.get("nonResourceURLs"):
            paths.append({"verbs": list(rule["verbs"]), "nonResourceURLs": list(rule["nonResourceURLs"])})
        else:
            keys = ("verbs", "apiGroups", "resources", "resourceNames")
            resources.append({key: list(rule[key]) for key in keys if rule.get(key)})
    if user.is_master and not paths:
        paths.append({"verbs": ["*"], "nonResourceURLs": ["*"]})
    resources += [dict(rule) for rule in _SELF_RULES]
    paths += [{"verbs": ["get"], "nonResourceURLs": list(one)} for one in (_PUBLIC, _DISCOVERY)]
    status = {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}
    return {"kind": body["kind"], "apiVersion": body["apiVersion"], "metadata": {}, "spec": {}, "status": status}


def _who(authorizer: Authorizer, user: User, body: Object, namespace: str, now: str) -> Object:
    info: Object = {"username": user.name, **({"uid": "1"} if user == ADMIN else {}), "groups": list(user.groups)}
    metadata = {"creationTimestamp": now} if now else {}
    return {"kind": body["kind"], "apiVersion": body["apiVersion"], "metadata": metadata, "status": {"userInfo": info}}


_REVIEWS = {
    "selfsubjectaccessreviews": ("SelfSubjectAccessReview", _self_access),
    "subjectaccessreviews": ("SubjectAccessReview", _access),
    "localsubjectaccessreviews": ("LocalSubjectAccessReview", _access),
    "selfsubjectrulesreviews": ("SelfSubjectRulesReview", _self_rules),
    "selfsubjectreviews": ("SelfSubjectReview", _who),
}
