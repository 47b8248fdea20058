"""One run of a container, from its start to its end; lastState shows the run before."""

from __future__ import annotations

from typing import Any, Protocol
from weakref import WeakSet

from podtui.demo.kubelet.pod_logs import ContainerLog
from podtui.demo.programs.program import Program, Task
from podtui.demo.storage.clock import Clock

Object = dict[str, Any]


class Attached(Protocol):
    def end(self) -> None: ...


class Run:
    """One run of a container."""

    __slots__ = ("attached", "exit_code", "finished", "id", "log", "message", "program", "reason", "started", "task")

    def __init__(self, number: str, started: float) -> None:
        self.id = number
        self.started = started
        """Unix seconds; 0: it could not be started."""
        self.finished = 0.0
        self.exit_code = 0
        self.reason = self.message = ""
        self.log = ContainerLog()
        self.program: Program | None = None
        self.task: Task | None = None
        self.attached: WeakSet[Attached] = WeakSet()
        """The connections and commands that end with it."""

    def over(self, now: float) -> None:
        """Stops everything that belongs to the run."""
        if self.task is not None:
            self.task.kill()
        if self.program is not None:
            for job in self.program.context.jobs:
                job.kill()
            self.program.context.jobs.clear()
        self.log.end(now)
        for one in list(self.attached):
            one.end()
        self.attached.clear()

    def terminated(self) -> Object:
        state: Object = {"containerID": self.id, "exitCode": self.exit_code, "finishedAt": Clock.format(self.finished)}
        if self.message:
            state["message"] = self.message
        return {**state, "reason": self.reason, "startedAt": Clock.format(self.started)}


def ended_run(state: Object, now: float) -> Run:
    """The run that the `terminated` state of a status describes."""
    run = Run(state.get("containerID", ""), seconds_of(state.get("startedAt")))
    run.finished = seconds_of(state.get("finishedAt"))
    run.exit_code, run.reason, run.message = state.get("exitCode", 0), state.get("reason", ""), state.get("message", "")
    run.log.end(now)
    return run


def seconds_of(text: str | None) -> float:
    """Unix seconds of an RFC 3339 time, 0 for none."""
    return Clock.parse(text) if text else 0.0
