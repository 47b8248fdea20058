"""Puts a scenario into a cluster and plays its script: what a user, or fate, does in it and when."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from podtui.demo.scenarios.model import Manifest, Scenario, Step, StepTarget
from podtui.demo.scenarios.scale import PodMaker
from podtui.demo.storage.clock import Clock, Handle
from podtui.demo.storage.errors import ApiError
from podtui.demo.storage.kinds import NODES, PODS
from podtui.demo.storage.state import State
from podtui.demo.writes.writes import Writes
from podtui.errors import ConfigError
from podtui.kube.selectors import parse
from podtui.text import harmless

MERGE = "application/merge-patch+json"
_log = logging.getLogger(__name__)


class Stage:
    """A scenario in a cluster. `build` makes what is there at first, `start` begins the script, `close` ends it."""

    def __init__(self, scenario: Scenario, state: State, writes: Writes, clock: Clock) -> None:
        self.scenario = scenario
        self._state = state
        self._writes = writes
        self._clock = clock
        self._handles: list[Handle] = []
        self._chance = random.Random(clock.random.random())
        self._makers: dict[str, PodMaker] = {}

    def build(self) -> None:
        """Nodes, objects that are ready, and the manifests, created as a user would. Raises ConfigError with file and line."""
        for obj in self.scenario.nodes(self._clock.timestamp()):
            self._state.create(NODES, obj)
        for kind, obj in self.scenario.ready(self._clock.now()):
            self._state.create(kind, obj)
        for manifest in self.scenario.manifests:
            self._create(manifest)

    def start(self) -> None:
        for step in self.scenario.script:
            self._later(step.at, partial(self._play, step))
        if self.scenario.churn:
            self._later(1 / self.scenario.churn, self._replace_one)

    def close(self) -> None:
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()

    def _later(self, seconds: float, callback: Callable[[], None]) -> None:
        if len(self._handles) > 1000:  # those of the churn that have run
            del self._handles[: len(self._handles) // 2]
        self._handles.append(self._clock.call_later(seconds, callback))

    def _create(self, manifest: Manifest) -> dict[str, Any]:
        try:
            return self._writes.create(manifest.kind, manifest.namespace, manifest.obj, field_validation="Strict")[0]
        except ApiError as error:
            raise ConfigError(f"{harmless(self.scenario.path)}:{manifest.line}: {harmless(error.message)}") from None

    # -- the script -------------------------------------------------------------------------------------------------
    def _play(self, step: Step) -> None:
        """Plays a step. What a user has deleted meanwhile cannot be changed: that is noted, and the script goes on."""
        if step.every:
            self._later(step.every, partial(self._play, step))
        for work in (self._step_create, self._step_patch, self._step_delete):
            try:
                work(step)
            except (ApiError, ConfigError) as error:
                _log.warning("%s:%d: %s", self.scenario.path, step.line, error)

    def _step_create(self, step: Step) -> None:
        for manifest in step.create:
            self._create(manifest)

    def _step_patch(self, step: Step) -> None:
        if step.patch is not None:
            target, merge = step.patch
            self._writes.patch(target.kind, target.namespace, target.name, MERGE, msgspec.json.encode(merge))

    def _step_delete(self, step: Step) -> None:
        if step.delete is not None:
            for name in self._names(step.delete):
                self._writes.delete(step.delete.kind, step.delete.namespace, name, {})

    def _names(self, target: StepTarget) -> list[str]:
        if target.name:
            return [target.name]
        selector = parse(target.selector)
        found = self._state.list(target.kind, target.namespace)
        return [obj["metadata"]["name"] for obj in found if selector.matches(obj["metadata"].get("labels") or {})]

    # -- churn ------------------------------------------------------------------------------------------------------
    def _replace_one(self) -> None:
        """Deletes a pod and creates another one in its place: the same application, a new name."""
        self._later(1 / self.scenario.churn, self._replace_one)
        pods = self._sample()
        if pods is None:
            return
        metadata = pods["metadata"]
        labels = metadata.get("labels") or {}
        app = labels.get("app", "web")
        maker = self._makers.setdefault(app, PodMaker(app))
        name = f"{app}-{self._chance.randrange(16**8):08x}"
        try:
            self._writes.delete(PODS, metadata["namespace"], metadata["name"], {})
            self._writes.create(PODS, metadata["namespace"], maker.fresh(name, metadata["namespace"], labels.get("env", "prod")))
        except ApiError as error:
            _log.warning("churn: %s", error)

    def _sample(self) -> dict[str, Any] | None:
        """A random pod of the scenario's namespaces that is not being deleted."""
        from podtui.demo.scenarios.scale import NAMESPACE_COUNT, namespace_of

        pods = self._state.list(PODS, namespace_of(self._chance.randrange(NAMESPACE_COUNT)))
        alive = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        return self._chance.choice(alive) if alive else None
