"""The contents of a namespace, counted by kind: what a deletion of the namespace deletes, and what keeps one from ending."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from podtui.cluster.connection.access import Access
from podtui.cluster.connection.connection import Connection
from podtui.cluster.connection.discovery import Discovery
from podtui.cluster.connection.listing import METADATA_LIST, decode_page
from podtui.cluster.impact.finalizers import what_holds_namespace
from podtui.errors import ApiError, Forbidden, NotFound, PodtuiError
from podtui.kube.json_values import mapping
from podtui.kube.resources import NAMESPACES, Resource
from podtui.text import counted, harmless

_AT_ONCE = 8
_LOOKED_AT = 100  # objects of a kind whose finalizers are read in a namespace that is being deleted
_FIRST = ("pods", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch", "services", "persistentvolumeclaims")


class Contents(msgspec.Struct):
    """`counts` has the number of objects of each kind (`pods`, `deployments.apps`), the most important first, without empty ones.
    `unread` says which kinds could not be counted, and why. `deleting` is whether the namespace is being deleted already, and `holding`
    says what it still waits for then.
    """

    namespace: str
    counts: dict[str, int] = {}
    unread: list[str] = []
    deleting: bool = False
    holding: list[str] = []


class _Metadata(msgspec.Struct):
    name: str = ""
    finalizers: list[str] | None = None


class _Object(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


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
    held: list[str] = []
    lacking: list[str] = []
    itself = await _namespace(connection, namespace, found)
    found.deleting = bool(mapping(itself.get("metadata")).get("deletionTimestamp"))
    limit = _LOOKED_AT if found.deleting else 1

    async def one(name: str, resource: Resource) -> None:
        async with gate:
            try:
                if not await access.can("list", resource.plural, namespace, group=resource.group):
                    lacking.append(name)
                    return
                path = resource.path(namespace)
                content = await connection.request("GET", path, query=[("limit", str(limit))], accept=METADATA_LIST)
                page = decode_page(content, _Object, path)
            except Forbidden:
                lacking.append(name)
            except ApiError as error:
                if error.status != 405:  # a kind that cannot be listed has nothing to count
                    found.unread.append(f"{name}: {error.what}")
            except PodtuiError as error:
                found.unread.append(f"{name}: {error.what}")
            else:
                counts[name] = len(page.items or ()) + (page.metadata.remaining or 0)
                held.extend(_held(name, page.items or ()) if found.deleting else ())

    await asyncio.gather(*(one(name, resource) for name, resource in kinds.items()))
    order = {name: place for place, name in enumerate(_FIRST)}
    for name in sorted(counts, key=lambda name: (order.get(name, len(order)), name)):
        if counts[name]:
            found.counts[name] = counts[name]
    if lacking:
        names = sorted(lacking)
        more = f" and {counted(len(names) - 8, 'more kind')}" if len(names) > 8 else ""
        found.unread.insert(0, f"you lack permission to list {', '.join(names[:8])}{more}")
    for part, why in discovery.unasked.items():
        stays = "; until it answers, the namespace controller does not finish the deletion"
        found.unread.append(harmless(f"the kinds of {part}: {why}{stays}"))
    found.holding = [*what_holds_namespace(itself), *sorted(held)]
    return found


async def _namespace(connection: Connection, name: str, found: Contents) -> Mapping[str, Any]:
    try:
        return mapping(await connection.json("GET", NAMESPACES.path("", name)))
    except NotFound:
        return {}  # its deletion reports that
    except PodtuiError as error:
        found.unread.append(f"whether the namespace is being deleted already: {error.what}")
        return {}


def _held(kind: str, objects: Sequence[_Object]) -> list[str]:
    """For each finalizer, which objects of the kind it holds; the namespace controller's conditions leave that out while pods remain."""
    names: dict[str, list[str]] = {}
    for one in objects:
        for finalizer in one.metadata.finalizers or ():
            names.setdefault(finalizer, []).append(one.metadata.name)
    return [
        harmless(f"finalizer {finalizer} holds {kind}/{', '.join(held[:3])}{f' and {len(held) - 3} more' if len(held) > 3 else ''}")
        for finalizer, held in names.items()
    ]


def _passing(resource: Resource) -> bool:
    """Whether a namespace does not store objects of this kind (reviews, bindings, metrics), or they are of no interest (events)."""
    return resource.plural in ("bindings", "events") or resource.kind.endswith("Review") or resource.group.endswith("metrics.k8s.io")


def _called(resource: Resource) -> str:
    return harmless(f"{resource.plural}.{resource.group}" if resource.group else resource.plural)
