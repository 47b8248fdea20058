"""Events about objects, as the components of a cluster write them.

Most of them use client-go's tools/record: count and two timestamps. The scheduler uses tools/events: eventTime, an action, and a
series once the same is said again.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from podtui.demo.storage.clock import Clock
from podtui.demo.storage.kinds import EVENTS, NAMESPACES
from podtui.demo.storage.state import State

KEPT = 3600.0
"""Seconds after which the API server drops an event (--event-ttl)."""
MOST = 20_000
"""Events that are kept at a time: a churn of pods would fill the memory within the hour, as it fills an etcd. The oldest go first."""
_REMEMBERED = 4096
_HOST = "control-plane"
"""The machine that the scheduler runs on."""
_Key = tuple[str, ...]


class Recorder:
    """Writes events. The same event again raises the count of the first one."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._names: OrderedDict[_Key, tuple[str, str]] = OrderedDict()  # what was said: namespace and name of its event
        self._kept: OrderedDict[tuple[str, str], tuple[float, _Key]] = OrderedDict()  # by its end: when that is, and what was said
        self._waits = False  # for the first end
        self._last = 0  # nanoseconds in the name of the newest event

    def record(
        self,
        obj: dict[str, Any],
        type: str,
        reason: str,
        message: str,
        component: str,
        *,
        host: str = "",
        field_path: str = "",
        action: str = "",
    ) -> None:
        """An event about `obj`; `type` is Normal or Warning. Nothing happens in a namespace that is being deleted.

        With an `action` (Binding) it is one in the form of events.k8s.io/v1.
        """
        metadata = obj["metadata"]
        namespace = metadata.get("namespace") or "default"
        home = self._state.get(NAMESPACES, "", namespace)
        if home is None or "deletionTimestamp" in home["metadata"]:
            return
        key = (metadata.get("uid", ""), type, reason, message, component, field_path)
        if not self._again(key):
            involved = {"kind": obj["kind"], "namespace": metadata.get("namespace"), "name": metadata["name"], "uid": metadata.get("uid")}
            involved |= {"apiVersion": obj["apiVersion"], "resourceVersion": metadata.get("resourceVersion"), "fieldPath": field_path}
            self._create(key, namespace, {word: value for word, value in involved.items() if value}, host, action)

    def _again(self, key: _Key) -> bool:
        place = self._names.get(key)
        before = self._state.get(EVENTS, *place) if place else None
        if before is None:
            return False
        self._names.move_to_end(key)
        if before.get("action"):
            times = (before.get("series") or {}).get("count", 1) + 1
            more: dict[str, Any] = {"series": {"count": times, "lastObservedTime": self._clock.micro_timestamp()}}
        else:
            more = {"count": before.get("count", 1) + 1, "lastTimestamp": self._clock.timestamp()}
        self._state.update(EVENTS, {**before, **more})
        self._keep((before["metadata"]["namespace"], before["metadata"]["name"]), key)
        return True

    def _create(self, key: _Key, namespace: str, involved: dict[str, Any], host: str, action: str) -> None:
        _, type, reason, message, component, _ = key
        # The name ends with the time, so that by name an object's events stand in the order in which they came.
        self._last = max(int(self._clock.now() * 1e9), self._last + 1)
        name = f"{involved['name']}.{self._last:016x}"
        event: dict[str, Any] = {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "type": type,
            "reportingComponent": component,
        }
        if action:
            event |= {"source": {}, "firstTimestamp": None, "lastTimestamp": None, "eventTime": self._clock.micro_timestamp()}
            event |= {"action": action, "reportingInstance": f"{component}-{_HOST}"}
        else:
            now = self._clock.timestamp()
            event |= {"source": {"component": component, **({"host": host} if host else {})}}
            event |= {"firstTimestamp": now, "lastTimestamp": now, "count": 1, "eventTime": None, "reportingInstance": host}
        self._state.create(EVENTS, event)
        self._names[key] = namespace, name
        if len(self._names) > _REMEMBERED:
            self._names.popitem(last=False)
        self._keep((namespace, name), key)

    # -- how long

    def _keep(self, place: tuple[str, str], key: _Key) -> None:
        """For an hour from now on."""
        self._kept[place] = self._clock.now() + KEPT, key
        self._kept.move_to_end(place)
        while len(self._kept) > MOST:
            self._drop()
        self._wait()

    def _wait(self) -> None:
        if self._kept and not self._waits:
            self._waits = True
            end, _ = next(iter(self._kept.values()))
            self._clock.call_later(end - self._clock.now(), self._drop_old)

    def _drop_old(self) -> None:
        self._waits = False
        while self._kept and next(iter(self._kept.values()))[0] <= self._clock.now():
            self._drop()
        self._wait()

    def _drop(self) -> None:
        """The oldest one, unless its namespace took it along."""
        place, (_, key) = self._kept.popitem(last=False)
        if self._names.get(key) == place:
            del self._names[key]
        if self._state.get(EVENTS, *place) is not None:
            self._state.remove(EVENTS, *place)
