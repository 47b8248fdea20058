"""Runs all controllers from one queue of the objects that have changed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from podtui.demo.controllers.base import Controller, Key, key_of
from podtui.demo.controllers.budgets import Budgets
from podtui.demo.controllers.deployments import Deployments
from podtui.demo.controllers.endpoints import Endpoints
from podtui.demo.controllers.jobs import Jobs
from podtui.demo.controllers.node_lifecycle import CordonTaints, NodeLifecycle
from podtui.demo.controllers.replicasets import ReplicaSets
from podtui.demo.storage.clock import Clock, Handle
from podtui.demo.storage.errors import ApiError
from podtui.demo.storage.recorder import Recorder
from podtui.demo.storage.state import Change, State
from podtui.demo.writes.writes import Writes

DELAY = 0.02
"""Simulated seconds from a change to the controllers' turn."""
_log = logging.getLogger(__name__)


class Controllers:
    """Deployments, ReplicaSets, Jobs, disruption budgets, endpoint slices, lost nodes and cordoned ones."""

    def __init__(self, state: State, writes: Writes, clock: Clock, recorder: Recorder) -> None:
        self._state = state
        self._clock = clock
        kinds = (Deployments, ReplicaSets, Jobs, Budgets, Endpoints, NodeLifecycle, CordonTaints)
        self._controllers: list[Controller] = [kind(state, writes, clock, recorder) for kind in kinds]
        self._queue: dict[tuple[Controller, Key], None] = {}
        self._handle: Handle | None = None
        self._end: Callable[[], None] = lambda: None
        self._closed = False

    def start(self) -> None:
        for controller in self._controllers:
            for obj in self._state.list(controller.kind):
                self._queue[controller, key_of(obj)] = None
        self._soon()
        self._end = self._state.subscribe(self._changed)

    def close(self) -> None:
        self._closed = True
        self._end()
        if self._handle is not None:
            self._handle.cancel()

    def _changed(self, change: Change) -> None:
        for controller in self._controllers:
            for key in controller.keys(change):
                self._queue[controller, key] = None
        self._soon()

    def _soon(self) -> None:
        if self._handle is None and self._queue and not self._closed:
            self._handle = self._clock.call_later(DELAY, self._run)

    def _run(self) -> None:
        self._handle = None
        queue, self._queue = self._queue, {}
        for controller, key in queue:
            try:
                controller.sync(*key)
            except ApiError as error:  # what it read has changed meanwhile: that change brings it here again
                _log.debug("%s %s/%s: %s", controller.component, *key, error)
            again, controller.again = controller.again, []
            for seconds, later in again:
                self._clock.call_later(seconds, partial(self._add, controller, later))
        self._soon()

    def _add(self, controller: Controller, key: Key) -> None:
        self._queue[controller, key] = None
        self._soon()
