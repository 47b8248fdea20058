"""What the current user may do: podtui asks the API server once and caches the answers for a while.

In a namespace, one SelfSubjectRulesReview answers every question if the server can list all rules (`incomplete` is false);
otherwise, and for cluster-scoped resources, each question is a SelfSubjectAccessReview.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from podtui.cluster.connection.connection import Connection
from podtui.errors import ApiError, PodtuiError, ServerError
from podtui.kube.json_values import mapping, mappings, strings
from podtui.tasks import SharedCalls

K = TypeVar("K")
V = TypeVar("V")

EXPIRES = 300.0
"""Seconds for which an answer is valid."""

_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"


class Right(NamedTuple):
    """The ResourceAttributes of a review: `resource` is the plural, `namespace` is "" for all namespaces or cluster-scoped resources."""

    verb: str
    resource: str
    namespace: str
    subresource: str = ""
    group: str = ""


class _Rule(NamedTuple):
    """A ResourceRule of authorization.k8s.io/v1. A rule for certain resource names does not grant anything on all objects."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...]
    resources: tuple[str, ...]
    named: bool

    def allows(self, right: Right) -> bool:
        """Whether the rule grants the verb on every object of the resource (and subresource), with RBAC's wildcards."""
        verb, resource, _, subresource, group = right
        whole = f"{resource}/{subresource}" if subresource else resource
        resources = ("*", whole, f"*/{subresource}") if subresource else ("*", whole)
        return not self.named and _has(self.verbs, "*", verb) and _has(self.groups, "*", group) and _has(self.resources, *resources)


class Access:
    """The answers of one connection. Equal questions at the same time share one request."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        self._answers: dict[Right, tuple[float, bool | None]] = {}  # and when each expires
        self._asking: SharedCalls[Right, bool | None] = SharedCalls()
        self._rules: dict[str, tuple[float, Sequence[_Rule] | None]] = {}  # by namespace; None: the server cannot list them all
        self._asking_rules: SharedCalls[str, Sequence[_Rule] | None] = SharedCalls()

    async def can(self, verb: str, resource: str, namespace: str, subresource: str = "", group: str = "") -> bool:
        """Whether to offer the action: False only when the server denied it. Without an answer, the user may try."""
        return await self.review(verb, resource, namespace, subresource, group) is not False

    async def review(self, verb: str, resource: str, namespace: str, subresource: str = "", group: str = "") -> bool | None:
        """The server's answer to `verb` on `resource` (the plural) in `namespace` ("" for all, or cluster-scoped).

        None when the request failed or the server could not decide.
        """
        right = Right(verb, resource, namespace, subresource, group)
        if namespace:
            rules = await self._rules_of(namespace)
            if rules is not None:
                return any(rule.allows(right) for rule in rules)
        found = self._answers.get(right)
        if found is not None and found[1] is not None and self._clock() < found[0]:
            return found[1]
        return await self._asking.call(right, lambda: self._ask(right))

    def known(self, right: Right) -> bool | None:
        """The last answer, even an expired one, without a request; None when there is none."""
        _, rules = self._rules.get(right.namespace, (0.0, None))
        if rules is not None:
            return any(rule.allows(right) for rule in rules)
        return self._answers.get(right, (0.0, None))[1]

    def is_fresh(self, right: Right) -> bool:
        """Whether the question was asked less than EXPIRES seconds ago, even without an answer: a hint in the footer does not repeat it."""
        now = self._clock()
        expires, rules = self._rules.get(right.namespace, (0.0, None))
        return (rules is not None and now < expires) or now < self._answers.get(right, (0.0, None))[0]

    def forget(self) -> None:
        """Drop the answers, since rights may have changed."""
        self._answers.clear()
        self._rules.clear()

    async def _rules_of(self, namespace: str) -> Sequence[_Rule] | None:
        """All rules in the namespace; None when they are unavailable or incomplete."""
        found = self._rules.get(namespace)
        if found is not None and self._clock() < found[0]:
            return found[1]
        return await self._asking_rules.call(namespace, lambda: self._ask_rules(namespace))

    async def _ask_rules(self, namespace: str) -> Sequence[_Rule] | None:
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
        try:
            answer = await self._connection.json("POST", _RULES, body=review)
        except ApiError as error:
            if not isinstance(error, ServerError):  # it will not answer this question next time either
                self._keep(self._rules, namespace, None)
            return None
        except PodtuiError:
            return None
        rules = _complete(mapping(mapping(answer).get("status")))
        self._keep(self._rules, namespace, rules)
        return rules

    async def _ask(self, right: Right) -> bool | None:
        answer = await self._answer(right)
        self._keep(self._answers, right, answer)
        return answer

    def _keep(self, answers: dict[K, tuple[float, V]], key: K, answer: V) -> None:
        """Remember an answer, and forget those that expired long ago: a cluster may have thousands of namespaces in a day."""
        now = self._clock()
        for old in [each for each, (expires, _) in answers.items() if now - expires > EXPIRES]:
            del answers[old]
        answers[key] = (now + EXPIRES, answer)

    async def _answer(self, right: Right) -> bool | None:
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {name: value for name, value in right._asdict().items() if value}},
        }
        try:
            answer = await self._connection.json("POST", _PATH, body=review)
        except PodtuiError:
            return None  # the request itself will report the reason
        status = mapping(mapping(answer).get("status"))
        allowed = status.get("allowed")
        if not isinstance(allowed, bool):
            return None  # not an answer of an API server, which always says so
        if not allowed and not status.get("denied") and status.get("evaluationError"):
            return None  # the authorizer could not evaluate everything
        return allowed


def _complete(status: Mapping[str, Any]) -> Sequence[_Rule] | None:
    """The rules of a SubjectRulesReviewStatus if they are complete: an authorizer by webhook cannot list its own."""
    if status.get("incomplete") is not False or status.get("evaluationError") or not isinstance(status.get("resourceRules"), list | None):
        return None
    return [
        _Rule(strings(rule.get("verbs")), strings(rule.get("apiGroups")), strings(rule.get("resources")), bool(rule.get("resourceNames")))
        for rule in mappings(status.get("resourceRules"))
    ]


def _has(words: Sequence[str], *wanted: str) -> bool:
    return any(word in words for word in wanted)
