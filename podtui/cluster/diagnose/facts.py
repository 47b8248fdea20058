"""Fetch only what a diagnosis of a pod needs; note and leave out what the user may not read."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import aclosing
from typing import Any

from podtui.cluster.connection.connection import Connection
from podtui.cluster.connection.listing import JSON, METADATA, Page, decode_page, list_objects, pages, selecting
from podtui.cluster.diagnose.containers import STARTING
from podtui.cluster.diagnose.creating import CONFIG, IMAGE, references
from podtui.cluster.diagnose.findings import Facts
from podtui.cluster.diagnose.unscheduled import claims, is_unplaced
from podtui.cluster.pods.containers import Container
from podtui.cluster.pods.containers import containers as containers_of
from podtui.cluster.pods.events import Event, events_of, read_events
from podtui.cluster.pods.partial_objects import Node, PodOnNode
from podtui.cluster.pods.placement import refusals
from podtui.errors import Forbidden, Invalid, NotFound, PodtuiError
from podtui.kube.json_values import mapping, mappings, string
from podtui.kube.resource_requests import Load, requests
from podtui.kube.resources import (
    CONFIGMAPS,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    SECRETS,
    STORAGECLASSES,
    ObjectRef,
    Resource,
)
from podtui.text import harmless

LOG_LINES = 10
_PODS = 200  # pods per page, a few milliseconds of work
_EACH = 12  # the most nodes whose pods are listed node by node
_AT_ONCE = 6
_ON_A_NODE = "status.phase!=Succeeded,status.phase!=Failed"


async def gather(connection: Connection, ref: ObjectRef, now: float) -> Facts:
    """The facts about the pod that has the name of `ref` now. Raises the errors of the request for it; other errors become `unread`."""
    pod = mapping(await connection.json("GET", ref.path))
    return await _Gathering(connection, Facts(pod, now)).all()


class _Gathering:
    """One collection of facts."""

    def __init__(self, connection: Connection, facts: Facts) -> None:
        self._connection = connection
        self._facts = facts
        meta = mapping(facts.pod.get("metadata"))
        self._namespace = string(meta.get("namespace"))
        self._ref = ObjectRef(PODS, string(meta.get("name")), self._namespace, string(meta.get("uid")))
        self._objects: dict[str, Mapping[str, Any] | None] = {}
        self._logs: dict[str, list[str]] = {}
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def all(self) -> Facts:
        facts, pod = self._facts, self._facts.pod
        facts.objects, facts.logs = self._objects, self._logs
        spec, status = mapping(pod.get("spec")), mapping(pod.get("status"))
        work: list[Coroutine[Any, Any, None]] = [self._events()]
        owners = mappings(mapping(pod.get("metadata")).get("ownerReferences"))
        work += [self._owner_events(string(owner.get("uid"))) for owner in owners if owner.get("controller") is True]
        if is_unplaced(pod):
            if not spec.get("schedulingGates"):
                work += [self._placement()]
        elif string(status.get("phase")) not in ("Succeeded", "Failed"):
            work.append(self._own_node(string(spec.get("nodeName"))))
        found = containers_of(pod)
        waiting = {one.state.reason for one in found if one.state.kind == "waiting"}
        if waiting & (CONFIG | STARTING) and not is_unplaced(pod):
            work.append(self._references(references(pod)))
        if waiting & IMAGE:
            secrets = [("Secret", string(one.get("name"))) for one in mappings(spec.get("imagePullSecrets"))]
            work.append(self._references(secrets))
        if string(status.get("phase")) != "Succeeded":
            work += [self._log(one) for one in found if _has_failed(one)]
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
        return facts

    def _unread(self, what: str, error: PodtuiError) -> None:
        """Note what is missing from the diagnosis, once."""
        words = f"{what}: {'you may not read them' if isinstance(error, Forbidden) else harmless(error.what)}"
        if words not in self._facts.unread:
            self._facts.unread.append(words)

    # -- each kind of fact
    async def _events(self) -> None:
        try:
            self._facts.events = await self._events_at(*events_of(self._ref))
        except PodtuiError as error:
            self._unread("events", error)

    async def _owner_events(self, uid: str) -> None:
        path, _ = events_of(self._ref)
        try:
            self._facts.owner_events = await self._events_at(path, f"involvedObject.uid={uid}")
        except PodtuiError as error:
            self._unread("events", error)

    async def _events_at(self, path: str, fields: str) -> list[Event]:
        return read_events(await list_objects(self._connection, path, dict[str, Any], query=selecting(fields=fields)))

    async def _own_node(self, name: str) -> None:
        if not name:
            return
        try:
            self._facts.node = mapping(await self._connection.json("GET", NODES.path("", name)))
        except NotFound:
            self._objects[f"Node/{name}"] = None
        except PodtuiError as error:
            self._unread(f"node {name}", error)

    async def _placement(self) -> None:
        facts = self._facts
        await self._claims()
        try:
            facts.nodes = [*await list_objects(self._connection, NODES.path(), Node)]
        except PodtuiError as error:
            self._unread("nodes", error)
            return
        # The pods on a node matter only if nothing else excludes the node.
        wanted = requests(facts.pod)
        able = [node for node in facts.nodes if not refusals(facts.pod, node, wanted, set(), None)]
        if not able:
            return
        try:
            facts.loads = await self._loads([string(mapping(node.get("metadata")).get("name")) for node in able])
        except PodtuiError as error:
            self._unread("pods on the nodes (what is free there is not known)", error)

    async def _loads(self, names: list[str]) -> dict[str, Load]:
        """The pods on these nodes: listed node by node or, for many nodes, in one list of all pods that have a node."""
        found = {name: Load() for name in names}
        if len(names) <= _EACH:
            async with asyncio.TaskGroup() as group:
                for name in names:
                    group.create_task(self._load(f"spec.nodeName={name},{_ON_A_NODE}", found))
        else:
            await self._load(f"spec.nodeName!=,{_ON_A_NODE}", found)
        return found

    async def _load(self, fields: str, found: dict[str, Load]) -> None:
        listed = pages(self._connection, PODS.path(), _pods_of, query=selecting(fields=fields), limit=_PODS)
        async with self._gate, aclosing(listed):
            async for page in listed:
                for number, pod in enumerate(page.items or ()):
                    load = found.get(pod.get("spec", {}).get("nodeName", ""))
                    if load is not None:
                        load.add(pod)
                    if number % 20 == 19:
                        await asyncio.sleep(0)  # lets the screen update

    async def _claims(self) -> None:
        for name in claims(self._facts.pod):
            claim = await self._object(PERSISTENTVOLUMECLAIMS, name)
            spec = mapping(claim.get("spec")) if claim else {}
            if volume := string(spec.get("volumeName")):
                await self._object(PERSISTENTVOLUMES, volume)
            elif class_name := string(spec.get("storageClassName")):
                await self._object(STORAGECLASSES, class_name)

    async def _references(self, wanted: Iterable[tuple[str, str]]) -> None:
        for kind, name in wanted:
            await self._object(CONFIGMAPS if kind == "ConfigMap" else SECRETS, name, accept=METADATA)  # never the data of a Secret

    async def _object(self, resource: Resource, name: str, accept: str = JSON) -> Mapping[str, Any] | None:
        key = f"{resource.kind}/{name}"
        try:
            self._objects[key] = mapping(await self._connection.json("GET", resource.path(self._namespace, name), accept=accept))
        except NotFound:
            self._objects[key] = None
        except PodtuiError as error:
            self._unread(f"{resource.kind} {name}", error)
        return self._objects.get(key)

    async def _log(self, container: Container) -> None:
        """The last lines of the run that failed."""
        previous = container.state.kind != "terminated"
        query = [("container", container.name), ("tailLines", str(LOG_LINES)), ("limitBytes", "16384")]
        try:
            content = await self._connection.request(
                "GET", f"{self._ref.path}/log", query=[*query, ("previous", "true")] if previous else query, accept="*/*"
            )
        except (Invalid, NotFound):  # its log is no longer kept, or there never was one
            return
        except PodtuiError as error:
            self._unread(f"logs of {container.name}", error)
            return
        lines = content.decode("utf-8", "replace").splitlines()[-LOG_LINES:]
        if not (lines and lines[-1].startswith("unable to retrieve container logs")):  # the kubelet's words, with a status of 200
            self._logs[container.name] = lines


def _pods_of(content: bytes) -> Page[PodOnNode]:
    return decode_page(content, PodOnNode, PODS.path())


def _has_failed(container: Container) -> bool:
    """Whether the last lines of a run explain the container's state."""
    run = container.state if container.state.kind == "terminated" else container.last_state
    restarting = container.state.kind == "waiting" and container.state.reason == "CrashLoopBackOff"
    return run.kind == "terminated" and (bool(run.exit_code) or run.reason == "OOMKilled" or restarting)
