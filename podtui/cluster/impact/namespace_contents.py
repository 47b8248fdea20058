"""The contents of a namespace, counted by kind: what a deletion of the namespace deletes."""

from __future__ import annotations

import asyncio

import msgspec

from podtui.cluster.connection.access import Access
from podtui.cluster.connection.connection import Connection
from podtui.cluster.connection.discovery import Discovery
from podtui.cluster.connection.listing import count_objects
from podtui.cluster.impact.finalizers import what_holds_namespace
from podtui.errors import ApiError, Forbidden, NotFound, PodtuiError
from podtui.kube.resources import NAMESPACES, Resource
from podtui.text import harmless

_AT_ONCE = 8
_FIRST = ("pods", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch", "services", "persistentvolumeclaims")


class Contents(msgspec.Struct):
    """`counts` has the number of objects of each kind (`pods`, `deployments.apps`), the most important first, without empty ones.
    `holding` says what a namespace that is being deleted already still waits for. `unread` says which kinds could not be counted, and why.
    """

    namespace: str
    counts: dict[str, int] = {}
    unread: list[str] = []
    holding: list[str] = []


async def count(connection: Connection, access: Access, discovery: Discovery, namespace: str) -> Contents:
    """Count the objects in the namespace: one small request for each kind that the user may list. Events are not counted.

    Raises PodtuiError when discovery fails.
    """
    kinds: dict[str, Resource] = {}
    for resource in await discovery.all():
        if resource.namespaced and not _passing(resource):
            kinds.setdefault(_called(resource), resource)
    gate = asyncio.Semaphore(_AT_ONCE)
    found = Contents(namespace)
    counts: dict[str, int] = {}
    lacking: list[str] = []

    async def one(name: str, resource: Resource) -> None:
        async with gate:
            try:
                if not await access.can("list", resource.plural, namespace, group=resource.group):
                    lacking.append(name)
                    return
                number = await count_objects(connection, resource.path(namespace))
            except Forbidden:
                lacking.append(name)
            except ApiError as error:
                if error.status not in (404, 405):  # a kind that cannot be listed has nothing to count
                    found.unread.append(f"{name}: {error.what}")
            except PodtuiError as error:
                found.unread.append(f"{name}: {error.what}")
            else:
                counts[name] = number

    async def itself() -> None:
        try:
            found.holding = what_holds_namespace(await connection.json("GET", NAMESPACES.path("", namespace)))
        except NotFound:
            return  # its deletion reports that
        except PodtuiError as error:
            found.unread.append(f"whether the namespace is being deleted already: {error.what}")

    await asyncio.gather(itself(), *(one(name, resource) for name, resource in kinds.items()))
    order = {name: place for place, name in enumerate(_FIRST)}
    for name in sorted(counts, key=lambda name: (order.get(name, len(order)), name)):
        if counts[name]:
            found.counts[name] = counts[name]
    if lacking:
        names = sorted(lacking)
        more = f" and {len(names) - 8} more kinds" if len(names) > 8 else ""
        found.unread.insert(0, f"you lack the right to list {', '.join(names[:8])}{more}")
    return found


def _passing(resource: Resource) -> bool:
    """Whether a namespace does not store objects of this kind (reviews, bindings, metrics), or they are of no interest (events)."""
    return resource.plural in ("bindings", "events") or resource.kind.endswith("Review") or resource.group.endswith("metrics.k8s.io")


def _called(resource: Resource) -> str:
    return harmless(f"{resource.plural}.{resource.group}" if resource.group else resource.plural)
