"""What the cluster said, as the lines of a finding."""

from __future__ import annotations

from podtui.cluster.diagnose.findings import Facts
from podtui.cluster.pods.containers import Container
from podtui.cluster.pods.events import Event
from podtui.kube.ages import age


def titled(container: Container) -> str:
    kinds = {"init": "Init container", "sidecar": "Sidecar", "ephemeral": "Ephemeral container", "container": "Container"}
    return f"{kinds[container.kind]} {container.name}"


def said_of(facts: Facts, container: Container, *, warnings: bool, known: str = "", since: float = 0.0) -> tuple[str, ...]:
    """The container's latest events `since` then (Unix time), except those that only repeat its state or what is `known`."""
    own = [event for event in facts.events if event.part == container.name and event.reason != "BackOff" and event.last >= since]
    events = [event for event in own if event.is_warning is warnings and not (known and known in event.message)]
    return tuple(event_line(event, facts.now) for event in events[-2:])


def event_line(event: Event, now: float) -> str:
    """An event as evidence: the message, its component, how often, and when last."""
    times = f"x{event.count}, " if event.count > 1 else ""
    return f"{event.component or 'event'} {event.reason} ({times}{age(max(0.0, now - event.last))} ago): {event.message}"


def lines_of(message: str) -> tuple[str, ...]:
    return tuple(line for line in message.splitlines() if line.strip())[-12:]
