"""A cluster for the tests of writes: a state, its writes and a clock that goes on only when it is told to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from podtui.demo.storage.clock import Clock
from podtui.demo.storage.errors import ApiError
from podtui.demo.storage.kinds import CONFIGMAPS, NAMESPACES, PODS, Kind
from podtui.demo.storage.state import Change, State
from podtui.demo.writes.writes import Writes

Object = dict[str, Any]
BEGIN = 1_800_000_000.0  # 2027-01-15T08:00:00Z


class Cluster:
    """`create`, `patch` and the rest in the namespace `default`, which is there."""

    def __init__(self) -> None:
        self.clock = Clock(speed=0, start=BEGIN)
        self.state = State(self.clock)
        self.writes = Writes(self.state)
        self.create(NAMESPACES, {"metadata": {"name": "default"}})

    def create(self, kind: Kind, obj: Object, namespace: str = "default", **options: Any) -> Object:
        return self.writes.create(kind, namespace if kind.namespaced else "", obj, **options)[0]

    def pod(self, name: str = "x", namespace: str = "default", **spec: Any) -> Object:
        """A pod with one container, as it is after its creation."""
        return self.create(PODS, pod(name, **spec), namespace)

    def settings(self, name: str = "x", **data: str) -> Object:
        """A ConfigMap."""
        return self.create(CONFIGMAPS, {"metadata": {"name": name}, "data": data})

    def get(self, kind: Kind, name: str = "x", namespace: str = "default") -> Object:
        found = self.state.get(kind, namespace if kind.namespaced else "", name)
        assert found is not None, f"{kind} {namespace}/{name} is gone"
        return found

    def has(self, kind: Kind, name: str = "x", namespace: str = "default") -> bool:
        return self.state.get(kind, namespace if kind.namespaced else "", name) is not None

    def changes(self) -> list[Change]:
        """What is noted of all changes from now on."""
        found: list[Change] = []
        self.state.subscribe(found.append)
        return found


def pod(name: str = "x", **spec: Any) -> Object:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "main", "image": "example/web:1"}], **spec}}


def refused(code: int, function: Callable[..., object], *arguments: Any, **options: Any) -> ApiError:
    """The refusal that the call ends with; it has this code."""
    with pytest.raises(ApiError) as caught:
        function(*arguments, **options)
    assert caught.value.code == code, caught.value.message
    return caught.value
