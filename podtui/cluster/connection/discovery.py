"""The kinds that the API server serves, and their paths: from aggregated discovery, or the older one document per version."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterable
from typing import Any

from podtui.cluster.connection.connection import Connection
from podtui.errors import ApiError, PodtuiError, UnknownKind
from podtui.kube.resources import Resource
from podtui.text import harmless

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_BETA = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
_ACCEPT = f"{_AGGREGATED},{_BETA},application/json"
_AT_ONCE = 8  # concurrent requests of the older discovery


class Discovery:
    """The kinds of one connection, fetched when first needed, and again when a kind is unknown."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._kinds: dict[tuple[str, str], Resource] = {}
        self._failed: dict[str, str] = {}
        self._fetched: asyncio.Task[None] | None = None

    async def resolve(self, api_version: str, kind: str) -> Resource:
        """The resource of an object's `apiVersion` and `kind`; raises UnknownKind with similar ones when there is none."""
        fresh = not self._kinds
        if fresh:
            await self._fetch()
        found = self._kinds.get((api_version, kind))
        if found is None and not fresh:
            await self._fetch()  # a CustomResourceDefinition may have been created since
            found = self._kinds.get((api_version, kind))
        if found is None:
            raise self._unknown(api_version, kind)
        return found

    async def all(self) -> list[Resource]:
        """Every served kind, in every version."""
        if not self._kinds:
            await self._fetch()
        return list(self._kinds.values())

    def _unknown(self, api_version: str, kind: str) -> UnknownKind:
        group = api_version.rpartition("/")[0]
        words = f'no matches for kind "{harmless(kind)}" in version "{harmless(api_version)}"'
        if group in self._failed:
            return UnknownKind(words, f"the API group {harmless(group)} does not answer now: {self._failed[group]}")
        same = [name for name, resource in self._kinds.items() if resource.kind.lower() == kind.lower()]
        if same:
            return UnknownKind(words, f"did you mean {_either(f'kind {name} in version {version}' for version, name in same[:3])}?")
        here = {name for version, name in self._kinds if version == api_version}
        near = difflib.get_close_matches(kind, here or {name for _, name in self._kinds}, 3, 0.7)
        if near:
            return UnknownKind(words, f"did you mean {_either(near)}?")
        return UnknownKind(words, "the server does not serve it: is its CustomResourceDefinition installed?")

    async def _fetch(self) -> None:
        """Fetch once, however many callers wait."""
        if self._fetched is None or self._fetched.done():
            self._fetched = asyncio.create_task(self._ask())
        await asyncio.shield(self._fetched)

    async def _ask(self) -> None:
        kinds: dict[tuple[str, str], Resource] = {}
        failed: dict[str, str] = {}
        core, groups = await asyncio.gather(
            self._connection.json("GET", "/api", accept=_ACCEPT), self._connection.json("GET", "/apis", accept=_ACCEPT)
        )
        older: list[tuple[str, str]] = []
        for document in (core, groups):
            if document.get("kind") == "APIGroupDiscoveryList":
                _take_aggregated(document, kinds, failed)
            elif document.get("kind") == "APIVersions":
                older += [("", version) for version in document.get("versions") or ()]
            else:
                older += [
                    (group.get("name", ""), version.get("version", ""))
                    for group in document.get("groups") or ()
                    for version in group.get("versions") or ()
                ]
        gate = asyncio.Semaphore(_AT_ONCE)

        async def version(group: str, name: str) -> None:
            async with gate:
                try:
                    document = await self._connection.json("GET", f"/apis/{group}/{name}" if group else f"/api/{name}")
                except ApiError as error:
                    failed[group] = error.what  # an unavailable aggregated API must not hide all others
                else:
                    _take_version(group, name, document, kinds)

        results = await asyncio.gather(*(version(*one) for one in older), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        if not kinds:
            raise PodtuiError("the API server serves no kinds", "Is it a Kubernetes API server?")
        self._kinds, self._failed = kinds, failed


def _take_aggregated(document: dict[str, Any], kinds: dict[tuple[str, str], Resource], failed: dict[str, str]) -> None:
    for item in document.get("items") or ():
        group = (item.get("metadata") or {}).get("name", "")
        for version in item.get("versions") or ():
            if version.get("freshness") == "Stale":
                failed[group] = "its server could not be asked"
            for resource in version.get("resources") or ():
                response = resource.get("responseKind") or {}
                kind, name = response.get("kind", ""), version.get("version", "")
                if kind and resource.get("resource"):
                    namespaced = resource.get("scope") == "Namespaced"
                    _take(kinds, Resource(group, name, resource["resource"], kind, namespaced), resource.get("verbs") or ())


def _take_version(group: str, version: str, document: dict[str, Any], kinds: dict[tuple[str, str], Resource]) -> None:
    for resource in document.get("resources") or ():
        plural = resource.get("name", "")
        if plural and "/" not in plural:
            found = Resource(group, version, plural, resource.get("kind", ""), bool(resource.get("namespaced")))
            _take(kinds, found, resource.get("verbs") or ())


def _take(kinds: dict[tuple[str, str], Resource], resource: Resource, verbs: Iterable[str]) -> None:
    """Of two resources of one kind, keep the one whose objects can be read (`pods`, not some virtual resource)."""
    key = (resource.api_version, resource.kind)
    if key not in kinds or "get" in verbs:
        kinds[key] = resource


def _either(names: Iterable[str]) -> str:
    shown = [harmless(name) for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"
