"""The objects related to pods in their namespaces: Services, owners and possible adopters, budgets, policies.

Everything is read once, and only as far as the user may: each kind is listed when the rights allow it, and `unread` says what could
not be read. Kinds that the server does not serve have no objects. Only the fields that `impact` needs are decoded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec

from podtui.cluster.connection.access import Access
from podtui.cluster.connection.connection import Connection
from podtui.cluster.connection.listing import list_objects, read_as
from podtui.cluster.impact.objects import Budget, Controller, OldController, Pod, Policy, Service, Slice, Wire
from podtui.errors import Forbidden, NotFound, NotServed, PodtuiError
from podtui.kube.resources import (
    DAEMONSETS,
    ENDPOINTSLICES,
    JOBS,
    NETWORKPOLICIES,
    PODDISRUPTIONBUDGETS,
    PODS,
    REPLICASETS,
    REPLICATIONCONTROLLERS,
    SERVICES,
    STATEFULSETS,
    ObjectRef,
    Resource,
)
from podtui.text import harmless

_AT_ONCE = 8
_ONE_BY_ONE = 8  # up to this many pods are read by name; more, from the list of their namespace
_NAMESPACES = 20  # the most namespaces to read
_NO_RIGHT = "you lack permission to list"

T = TypeVar("T", bound="Wire")

OWNERS = (REPLICASETS, STATEFULSETS, DAEMONSETS, JOBS, REPLICATIONCONTROLLERS)
"""The kinds whose controllers create, adopt and release pods."""


class Surroundings(msgspec.Struct):
    """One namespace. `owners` has (kind, object). `looked_at` names the kinds that were read; `unread` has the others (a kind's plural,
    or one object) and the reasons.
    """

    namespace: str
    pods: list[Pod] = []
    services: list[Service] = []
    slices: list[Slice] = []
    owners: list[tuple[str, Controller]] = []
    budgets: list[Budget] = []
    policies: list[Policy] = []
    looked_at: set[str] = set()
    unread: list[tuple[str, str]] = []


async def read(connection: Connection, access: Access, refs: Sequence[ObjectRef], *, adopters: bool = True) -> list[Surroundings]:
    """The namespaces of these pods, with the current pods, without those that are gone or replaced.

    `adopters` False leaves out the kinds that own none of them: a deletion needs no possible adopters. Never raises for unreadable
    objects: `unread` lists them.
    """
    by_namespace: dict[str, list[ObjectRef]] = {}
    for ref in refs:
        by_namespace.setdefault(ref.namespace, []).append(ref)
    gate = asyncio.Semaphore(_AT_ONCE)
    names = list(by_namespace)
    found = await asyncio.gather(
        *(_Reading(connection, access, gate, name, by_namespace[name]).run(adopters) for name in names[:_NAMESPACES])
    )
    for name in names[_NAMESPACES:]:
        found.append(Surroundings(name, unread=[("everything", f"podtui reads at most {_NAMESPACES} namespaces")]))
    return found


def unknown(found: Sequence[Surroundings]) -> list[str]:
    """What could not be read and why, one line per namespace and reason."""
    lines: dict[tuple[str, str], list[str]] = {}
    for around in found:
        for what, why in around.unread:
            lines.setdefault((around.namespace, why), []).append(what)
    return [
        f"in {harmless(namespace)} {why} {', '.join(what)}" if why == _NO_RIGHT else f"{', '.join(what)} in {harmless(namespace)}: {why}"
        for (namespace, why), what in lines.items()
    ]


class _Reading:
    """The reading of one namespace."""

    def __init__(self, connection: Connection, access: Access, gate: asyncio.Semaphore, namespace: str, refs: Sequence[ObjectRef]) -> None:
        self.connection = connection
        self.access = access
        self.gate = gate
        self.refs = refs
        self.found = Surroundings(namespace)

    async def run(self, adopters: bool) -> Surroundings:
        found = self.found
        found.pods, found.services, found.slices, found.budgets, found.policies = await asyncio.gather(
            self._pods(),
            self._list(SERVICES, Service),
            self._list(ENDPOINTSLICES, Slice),
            self._list(PODDISRUPTIONBUDGETS, Budget),
            self._list(NETWORKPOLICIES, Policy),
        )
        kinds = {owner.kind for pod in found.pods if (owner := pod.metadata.controller) is not None}
        await asyncio.gather(*(self._owners(resource) for resource in OWNERS if adopters or resource.kind in kinds))
        found.unread.sort()
        return found

    async def _owners(self, resource: Resource) -> None:
        if resource is REPLICATIONCONTROLLERS:
            listed = [one.renewed() for one in await self._list(resource, OldController)]
        else:
            listed = await self._list(resource, Controller)
        self.found.owners += [(resource.kind, one) for one in listed]

    async def _pods(self) -> list[Pod]:
        if len(self.refs) > _ONE_BY_ONE:
            wanted = {ref.uid for ref in self.refs}
            return [pod for pod in await self._list(PODS, Pod) if pod.metadata.uid in wanted]

        async def one(ref: ObjectRef) -> Pod | None:
            async with self.gate:
                try:
                    pod = await read_as(self.connection, ref.path, Pod)
                except NotFound:
                    return None  # its deletion or change reports what happens to it
                except PodtuiError as error:
                    self.found.unread.append((harmless(str(ref)), error.what))
                    return None
                return pod if not ref.uid or pod.metadata.uid == ref.uid else None

        return [pod for pod in await asyncio.gather(*map(one, self.refs)) if pod is not None]

    async def _list(self, resource: Resource, form: type[T]) -> list[T]:
        """All objects of a kind in the namespace; none, and a reason in `unread`, when they are unreadable."""
        namespace, found = self.found.namespace, self.found
        async with self.gate:
            if not await self.access.can("list", resource.plural, namespace, group=resource.group):
                found.unread.append((resource.plural, _NO_RIGHT))
                return []
            try:
                listed = await list_objects(self.connection, resource.path(namespace), form)
            except PodtuiError as error:
                if not (isinstance(error, NotServed) and resource.group):  # every API server serves the kinds of the core group
                    found.unread.append((resource.plural, _NO_RIGHT if isinstance(error, Forbidden) else error.what))
                return []
        found.looked_at.add(resource.kind)
        return listed


def endpoints(around: Surroundings, service: str) -> dict[str, bool]:
    """The endpoints of a Service by the UID of their pod (or their address), and whether they get traffic."""
    found: dict[str, bool] = {}
    for key, ready in _endpoints(around, service):
        found[key] = found.get(key, False) or ready
    return found


def _endpoints(around: Surroundings, service: str) -> Iterator[tuple[str, bool]]:
    for one in around.slices:
        if (one.metadata.labels or {}).get("kubernetes.io/service-name") == service:
            for endpoint in one.endpoints or ():
                uid = endpoint.target_ref.uid if endpoint.target_ref is not None else ""
                # An unknown readiness counts as ready (discovery.k8s.io/v1).
                yield uid or ",".join(endpoint.addresses or ()), endpoint.conditions.ready is not False
