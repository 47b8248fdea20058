"""Events about objects, as the components of a cluster write them (client-go's tools/record, events.k8s.io/v1 for the scheduler)."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from functools import partial
from typing import Any

from podtui.demo.clock import Clock
from podtui.demo.kinds import EVENTS, NAMESPACES
from podtui.demo.state import State

KEPT = 3600.0
"""Seconds after which the API server drops an event (--event-ttl)."""
_REMEMBERED = 4096
_Key = tuple[str, ...]


class Recorder:
    """Writes events. The same event again raises the count of the first one."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._names: OrderedDict[_Key, tuple[str, str]] = OrderedDict()  # what was said: namespace and name of its event

    def record(
        self, obj: dict[str, Any], type: str, reason: str, message: str, component: str, *, host: str = "", field_path: str = ""
    ) -> None:
        """An event about `obj`; `type` is Normal or Warning. Nothing happens in a namespace that is being deleted."""
        metadata = obj["metadata"]
        namespace = metadata.get("namespace") or "default"
        home = self._state.get(NAMESPACES, "", namespace)
        if home is None or "deletionTimestamp" in home["metadata"]:
            return
        key = (metadata.get("uid", ""), type, reason, message, component, field_path)
        if not self._again(key):
            involved = {"kind": obj["kind"], "namespace": metadata.get("namespace"), "name": metadata["name"], "uid": metadata.get("uid")}
            involved |= {"apiVersion": obj["apiVersion"], "resourceVersion": metadata.get("resourceVersion"), "fieldPath": field_path}
            self._create(key, namespace, {word: value for word, value in involved.items() if value}, host)

    def _again(self, key: _Key) -> bool:
        place = self._names.get(key)
        before = self._state.get(EVENTS, *place) if place else None
        if before is None:
            return False
        self._names.move_to_end(key)
        self._state.update(EVENTS, {**before, "count": before.get("count", 1) + 1, "lastTimestamp": self._clock.timestamp()})
        return True

    def _create(self, key: _Key, namespace: str, involved: dict[str, Any], host: str) -> None:
        _, type, reason, message, component, _ = key
        now = self._clock.timestamp()
        name = f"{involved['name']}.{self._clock.random.getrandbits(64):016x}"
        self._state.create(
            EVENTS,
            {
                "metadata": {"name": name, "namespace": namespace},
                "involvedObject": involved,
                "reason": reason,
                "message": message,
                "source": {"component": component, **({"host": host} if host else {})},
                "firstTimestamp": now,
                "lastTimestamp": now,
                "count": 1,
                "type": type,
                "eventTime": None,
                "reportingComponent": component,
                "reportingInstance": host,
            },
        )
        self._names[key] = namespace, name
        if len(self._names) > _REMEMBERED:
            self._names.popitem(last=False)
        self._clock.call_later(KEPT, partial(self._drop, key, namespace, name))

    def _drop(self, key: _Key, namespace: str, name: str) -> None:
        event = self._state.get(EVENTS, namespace, name)
        if event is None:
            return
        age = self._clock.now() - _seconds(event["lastTimestamp"])
        if age < KEPT - 1:  # it happened again since
            self._clock.call_later(KEPT - age, partial(self._drop, key, namespace, name))
            return
        self._state.remove(EVENTS, namespace, name)
        self._names.pop(key, None)


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()
