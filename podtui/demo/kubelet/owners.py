"""What the parts of a kubelet ask of their owners: a pod's worker of the kubelet, a container of that worker, probes of their container.

An owner makes its parts and imports them; a part that calls its owner back knows it by these Protocols only.
"""

from __future__ import annotations

from typing import Any, Protocol

from podtui.demo.kubelet.environment import Folder
from podtui.demo.kubelet.run import Run
from podtui.demo.storage.clock import Clock
from podtui.demo.storage.recorder import Recorder
from podtui.demo.storage.state import State

Object = dict[str, Any]


class WorkerOwner(Protocol):
    """The kubelet of a pod's worker."""

    state: State
    clock: Clock
    recorder: Recorder
    closed: bool
    longest_grace: float

    def is_up(self, name: str) -> bool: ...
    def host_ip(self, name: str) -> str: ...
    def address(self, node: str) -> str: ...
    def has_image(self, node: str, image: str) -> bool: ...
    def add_image(self, node: str, image: str) -> None: ...


class ContainerOwner(Protocol):
    """The worker of a container's pod."""

    kubelet: WorkerOwner
    state: State
    clock: Clock
    namespace: str
    name: str
    uid: str
    node: str
    volumes: dict[str, Folder]
    ip: str
    host_ip: str

    @property
    def pod(self) -> Object: ...
    @property
    def node_is_up(self) -> bool: ...
    def chance(self, least: float, most: float) -> float: ...
    def event(self, type_: str, reason: str, message: str, field_path: str = "") -> None: ...
    def report(self) -> None: ...
    def sync(self) -> None: ...


class ProbeOwner(Protocol):
    """The container that probes are of."""

    worker: ContainerOwner
    spec: Object
    name: str
    run: Run | None
    ready: bool
    started: bool

    @property
    def clock(self) -> Clock: ...
    def event(self, type_: str, reason: str, message: str) -> None: ...
    def stop(self, grace: float, why: str) -> None: ...
