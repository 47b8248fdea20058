"""The events of one object, oldest first.

An event of core/v1 has a count and two times; the scheduler and other newer components use the form of events.k8s.io, with a series.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from podtui.kube.json_values import integer, mapping, string, time
from podtui.kube.resources import EVENTS, NODES, ObjectRef


@dataclass(frozen=True)
class Event:
    """`first` and `last` are in seconds since the epoch, 0.0 if unknown; `part` is the part of the object (a container's name).

    `version` is the resourceVersion of its last write, which since Kubernetes 1.35 is comparable as a number; 0 where it is not one.
    """

    type: str
    reason: str
    message: str
    component: str = ""
    host: str = ""
    part: str = ""
    count: int = 1
    first: float = 0.0
    last: float = 0.0
    version: int = 0

    @property
    def is_warning(self) -> bool:
        return self.type not in ("Normal", "")


def read_event(obj: Mapping[str, Any]) -> Event:
    """An Event object (decoded JSON of core/v1); never raises."""
    series, source = mapping(obj.get("series")), mapping(obj.get("source"))
    meta = mapping(obj.get("metadata"))
    first = time(obj.get("firstTimestamp")) or time(obj.get("eventTime")) or time(meta.get("creationTimestamp")) or 0.0
    last = time(series.get("lastObservedTime")) or time(obj.get("lastTimestamp")) or first
    return Event(
        type=string(obj.get("type")),
        reason=string(obj.get("reason")),
        message=string(obj.get("message")).strip(),
        component=string(source.get("component")) or string(obj.get("reportingComponent")),
        host=string(source.get("host")),
        part=_part(string(mapping(obj.get("involvedObject")).get("fieldPath"))),
        count=integer(series.get("count")) or integer(obj.get("count")) or 1,
        first=first,
        last=last,
        version=int(version) if (version := string(meta.get("resourceVersion"))).isdecimal() else 0,
    )


def read_events(objects: Iterable[Mapping[str, Any]]) -> list[Event]:
    """The events sorted by when each was last seen, the newest last, as `kubectl describe` does.

    The kubelet truncates its times to seconds and the scheduler does not, so within a second they are in the order of their writes.
    """
    return sorted(map(read_event, objects), key=lambda event: (int(event.last), event.version))


def events_of(ref: ObjectRef) -> tuple[str, str]:
    """The path of the collection and the field selector of an object's events.

    Events about cluster-scoped objects are in `default`. The kubelet writes those of its node with the node's name as UID,
    so events of a node are selected by kind and name.
    """
    path = EVENTS.path(ref.namespace or "default")
    if ref.uid and ref.resource != NODES:
        return path, f"involvedObject.uid={ref.uid}"
    return path, f"involvedObject.kind={ref.resource.kind},involvedObject.name={ref.name}"


def _part(field_path: str) -> str:
    """`spec.containers{web}` is `web`."""
    return field_path.partition("{")[2].rstrip("}") if "{" in field_path else field_path
