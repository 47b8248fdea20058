"""The kinds that the API server serves, and their paths: from aggregated discovery, or the older one document per version."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from podtui.cluster.connection.connection import Connection
from podtui.cluster.connection.decoding import UnreadableAnswer, readable
from podtui.errors import ApiError, PodtuiError, UnknownKind
from podtui.kube.json_values import mapping, mappings, string, strings
from podtui.kube.resources import Resource
from podtui.tasks import SharedCalls
from podtui.text import harmless

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_BETA = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
_ACCEPT = f"{_AGGREGATED},{_BETA},application/json"
_GROUPS = "the API groups"
_AT_ONCE = 8  # concurrent requests of the older discovery


class Discovery:
    """The kinds of one connection, fetched when first needed, and again when a kind is unknown or all of them are asked for.

    `unasked` says which parts of the API could not be asked when they were last fetched, and why, by `GROUP/VERSION` (an aggregated API
    whose server is gone): their kinds are missing from everything here, and a list of kinds must say so.
    """

    def __init__(self, connection: Connection) -> None:
        self.unasked: Mapping[str, str] = {}
        self._connection = connection
        self._kinds: dict[tuple[str, str], Resource] = {}
        self._asking: SharedCalls[None, None] = SharedCalls()

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
        """Every kind that is served now, in every version, but for those of `unasked`."""
        await self._fetch()
        return list(self._kinds.values())

    def _unknown(self, api_version: str, kind: str) -> UnknownKind:
        group = api_version.rpartition("/")[0]
        silent = next((part for part in self.unasked if part == api_version or part.rpartition("/")[0] == group or part == _GROUPS), "")
        words = f'no matches for kind "{harmless(kind)}" in version "{harmless(api_version)}"'
        if silent:
            return UnknownKind(words, f"{harmless(silent)} could not be asked: {self.unasked[silent]}")
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
        await self._asking.call(None, self._ask)

    async def _ask(self) -> None:
        kinds: dict[tuple[str, str], Resource] = {}
        failed: dict[str, str] = {}
        older: list[tuple[str, str]] = []
        answers = await asyncio.gather(*(self._document(path) for path in ("/api", "/apis")), return_exceptions=True)
        for path, name, document in zip(("/api", "/apis"), ("v1", _GROUPS), answers, strict=True):
            if isinstance(document, ApiError | UnreadableAnswer) and not all(isinstance(answer, BaseException) for answer in answers):
                failed[name] = document.what
            elif isinstance(document, BaseException):
                raise document
            else:
                with readable(path):
                    if document.get("kind") == "APIGroupDiscoveryList":
                        _take_aggregated(document, kinds, failed)
                    else:
                        older += _versions(document)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def version(group: str, name: str) -> None:
            path = f"/apis/{group}/{name}" if group else f"/api/{name}"
            async with gate:
                try:
                    document = await self._document(path)
                except (ApiError, UnreadableAnswer) as error:
                    failed[f"{group}/{name}" if group else name] = error.what  # an aggregated API that is away must not hide all others
                else:
                    with readable(path):
                        _take_version(group, name, document, kinds)

        results = await asyncio.gather(*(version(*one) for one in older), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        if not kinds:
            raise PodtuiError("the API server serves no kinds", "Is it a Kubernetes API server?")
        self._kinds, self.unasked = kinds, failed

    async def _document(self, path: str) -> Mapping[str, Any]:
        return mapping(await self._connection.json("GET", path, accept=_ACCEPT))


def _versions(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Group and version of everything that APIVersions or an APIGroupList (meta/v1) names."""
    if document.get("kind") == "APIVersions":
        return [("", version) for version in strings(document.get("versions"))]
    groups = mappings(document.get("groups"))
    return [(string(group.get("name")), string(one.get("version"))) for group in groups for one in mappings(group.get("versions"))]


def _take_aggregated(document: Mapping[str, Any], kinds: dict[tuple[str, str], Resource], failed: dict[str, str]) -> None:
    for item in mappings(document.get("items")):
        group = string(mapping(item.get("metadata")).get("name"))
        for version in mappings(item.get("versions")):
            name = string(version.get("version"))
            if version.get("freshness") == "Stale":
                failed[f"{group}/{name}" if group else name] = "its server does not answer"
            for resource in mappings(version.get("resources")):
                kind, plural = string(mapping(resource.get("responseKind")).get("kind")), string(resource.get("resource"))
                if kind and plural and resource.get("scope") in ("Namespaced", "Cluster"):
                    _take(kinds, Resource(group, name, plural, kind, resource["scope"] == "Namespaced"), strings(resource.get("verbs")))


def _take_version(group: str, version: str, document: Mapping[str, Any], kinds: dict[tuple[str, str], Resource]) -> None:
    for resource in mappings(document.get("resources")):
        plural, namespaced = string(resource.get("name")), resource.get("namespaced")
        if plural and "/" not in plural and isinstance(namespaced, bool):
            found = Resource(group, version, plural, string(resource.get("kind")), namespaced)
            _take(kinds, found, strings(resource.get("verbs")))


def _take(kinds: dict[tuple[str, str], Resource], resource: Resource, verbs: Iterable[str]) -> None:
    """Of two resources of one kind, keep the one whose objects can be read (`pods`, not some virtual resource)."""
    key = (resource.api_version, resource.kind)
    if key not in kinds or "get" in verbs:
        kinds[key] = resource


def _either(names: Iterable[str]) -> str:
    shown = [harmless(name) for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"
