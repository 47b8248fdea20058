"""The components that act on the stored objects: scheduler, controllers and kubelets."""

from __future__ import annotations

from podtui.demo.controllers.manager import Controllers
from podtui.demo.controllers.scheduler import Scheduler
from podtui.demo.kubelet.kubelet import Kubelet
from podtui.demo.storage.clock import Clock
from podtui.demo.storage.recorder import Recorder
from podtui.demo.storage.state import State
from podtui.demo.writes.writes import Writes


class Behaviour:
    """Scheduler, controllers and kubelets. `start` lets them act on what is there and on every change; `close` ends it."""

    def __init__(self, state: State, writes: Writes, clock: Clock) -> None:
        self.recorder = Recorder(state, clock)
        self.controllers = Controllers(state, writes, clock, self.recorder)
        self.scheduler = Scheduler(state, clock, self.recorder)
        self.kubelet = Kubelet(state, clock, self.recorder)

    def start(self) -> None:
        self.kubelet.start()
        self.scheduler.start()
        self.controllers.start()

    def close(self) -> None:
        self.controllers.close()
        self.scheduler.close()
        self.kubelet.close()
