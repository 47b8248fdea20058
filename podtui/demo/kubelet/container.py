"""One container of a pod on its node: pulled, started, ended, started again, as a kubelet does it (`pkg/kubelet/kuberuntime`)."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from podtui.demo.kubelet.environment import Files, Misconfigured, environment, expanded, files
from podtui.demo.kubelet.images import digest, full_name, program_of, repository, unpullable
from podtui.demo.kubelet.owners import ContainerOwner
from podtui.demo.kubelet.probes import Probes
from podtui.demo.kubelet.run import Run, ended_run, seconds_of
from podtui.demo.programs.program import Context, Task
from podtui.demo.storage.clock import NEVER, Clock

Object = dict[str, Any]

FIRST_BACK_OFF, LONGEST_BACK_OFF = 10.0, 300.0
_FORGET = 600.0  # seconds of a run after which the back-off begins anew
_RETRY = 12.0  # seconds until the kubelet looks at a pod again
KILLED = 137


class Container:
    """A container and its runs. `kind` is init, sidecar (an init container that is restarted always) or main."""

    def __init__(self, worker: ContainerOwner, spec: Object, kind: str) -> None:
        self.worker = worker
        self.spec = spec
        self.name: str = spec["name"]
        self.kind = kind
        self.state = "waiting"
        """waiting, running or terminated."""
        self.reason = "ContainerCreating"
        self.message = ""
        self.run: Run | None = None
        self.last: Run | None = None
        """The run of lastState: what `previous` logs are of."""
        self.restarts = 0
        self.ready = self.started = False
        self.busy = False
        """It is being pulled or created, or waits for the time of its next try."""
        self.pulled = False
        self._back_off = self._pull_back_off = 0.0
        self._handle = NEVER
        self._stopping = False
        self._then: Callable[[], None] | None = None
        self.probes = Probes(self)

    # -- short names

    @property
    def clock(self) -> Clock:
        return self.worker.clock

    @property
    def image(self) -> str:
        return str(self.spec.get("image", ""))

    def event(self, type_: str, reason: str, message: str) -> None:
        field = "containers" if self.kind == "main" else "initContainers"
        self.worker.event(type_, reason, message, f"spec.{field}{{{self.name}}}")

    def _later(self, seconds: float, callback: Callable[[], None]) -> None:
        self._handle.cancel()
        self._handle = self.clock.call_later(seconds, callback)

    def _wait(self, reason: str, message: str) -> None:
        self.state, self.reason, self.message = "waiting", reason, message
        self.worker.report()

    # -- starting

    def start(self) -> None:
        """Pulls the image and runs it; `worker.sync` is called when that has succeeded or failed."""
        self.busy = True
        node, policy = self.worker.node, self.spec.get("imagePullPolicy", "IfNotPresent")
        if policy != "Always" and self.worker.kubelet.has_image(node, self.image):
            message = f'Container image "{self.image}" already present on machine and can be accessed by the pod'
            self.event("Normal", "Pulled", message)
            self._later(self.worker.chance(0.05, 0.2), self._create)
            return
        self.event("Normal", "Pulling", f'Pulling image "{self.image}"')
        failure = unpullable(self.image)
        if failure:
            self._later(self.worker.chance(0.2, 0.8), lambda: self._not_pulled(failure))
            return
        known = self.worker.kubelet.has_image(node, self.image)
        seconds = self.worker.chance(0.15, 0.4) if known else self.worker.chance(0.6, 2.5)
        self._later(seconds, lambda: self._pulled(seconds))

    def _pulled(self, seconds: float) -> None:
        self.worker.kubelet.add_image(self.worker.node, self.image)
        self._pull_back_off = 0.0
        took = f"{seconds:.3f}".rstrip("0") + "s" if seconds >= 1 else f"{int(seconds * 1000)}ms"
        size = 1_000_000 + int(digest(self.image)[:7], 16) // 2
        message = f'Successfully pulled image "{self.image}" in {took} ({took} including waiting). Image size: {size} bytes.'
        self.event("Normal", "Pulled", message)
        self._create()

    def _not_pulled(self, failure: str) -> None:
        self.event("Warning", "Failed", f'Failed to pull image "{self.image}": {failure}')
        self.event("Warning", "Failed", "Error: ErrImagePull")
        self._wait("ErrImagePull", failure)
        self._pull_back_off = min(self._pull_back_off * 2 or FIRST_BACK_OFF, LONGEST_BACK_OFF)
        self._later(min(_RETRY, self._pull_back_off), lambda: self._back_off_pulling(failure))
        self.worker.sync()  # the others do not wait for it

    def _back_off_pulling(self, failure: str) -> None:
        words = f'Back-off pulling image "{self.image}"'
        self.event("Normal", "BackOff", words)
        self.event("Warning", "Failed", "Error: ImagePullBackOff")
        self._wait("ImagePullBackOff", f"{words}: ErrImagePull: {failure}")
        self._later(self._pull_back_off, self.start)

    def _create(self) -> None:
        self.pulled = True
        pod, ip = self.worker.pod, self.worker.ip
        try:
            variables = environment(self.worker.state, pod, self.spec, ip, self.worker.host_ip)
            held = files(self.worker.state, pod, self.spec, ip, self.worker.volumes)
        except Misconfigured as problem:
            self.event("Warning", "Failed", f"Error: {problem}")
            self._wait("CreateContainerConfigError", str(problem))
            self._later(_RETRY, self.start)
            self.worker.sync()
            return
        self.event("Normal", "Created", "Container created")
        self.busy = False
        if self.run is not None:
            self.last = self.run
            self.restarts += 1
        run = self.run = Run(f"podtui-demo://{self.clock.random.getrandbits(256):064x}", self.clock.now())
        command = expanded([*self.spec.get("command", ()), *self.spec.get("args", ())], variables)
        if problem_at_start := self._prepare(run, variables, held, command):
            self._cannot_start(run, problem_at_start)
            return
        self.event("Normal", "Started", "Container started")
        self.state, self.started, self._stopping = "running", "startupProbe" not in self.spec, False
        self.ready = self.started and "readinessProbe" not in self.spec
        if self.kind == "init":
            self.ready, self.started = False, True
        self.worker.report()
        if self.kind != "init":
            self.probes.begin()
        if run.task is not None:
            run.task.step()
        self.worker.sync()

    def _prepare(self, run: Run, variables: dict[str, str], held: Files, command: list[str]) -> str:
        """Makes the program of a run; gives why there is none."""
        context = Context(
            clock=self.clock,
            write=lambda data: run.log.write(self.clock.now(), data),
            random=random.Random(run.id),  # of its own: reading a log, which may start a program, must not change what else happens
            image=self.image,
            pod=self.worker.name,
            namespace=self.worker.namespace,
            container=self.name,
            hostname=variables.get("HOSTNAME", self.worker.name),
            ip=self.worker.ip,
            env=variables,
            command=command,
            ports=tuple(port["containerPort"] for port in self.spec.get("ports") or ()),
            files=held,
        )
        kind = program_of(self.image, command, own="command" not in self.spec)
        if isinstance(kind, str):
            return kind
        run.program = kind(context)
        run.task = Task(self.clock, run.program.run(), lambda code: self._ended(run, code))
        return ""

    def _cannot_start(self, run: Run, word: str) -> None:
        run.started, run.finished, run.exit_code, run.reason = 0.0, self.clock.now(), 128, "StartError"
        run.message = (
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start "
            f'container process: error during container init: exec: "{word}": executable file not found in $PATH'
        )
        run.log.end(self.clock.now())
        self.event("Warning", "Failed", f"Error: {run.message}")
        self._is_over()

    # -- ending

    def _ended(self, run: Run, code: int) -> None:
        if run is not self.run or self.state != "running":
            return
        now = self.clock.now()
        program = run.program
        run.finished, run.exit_code = now, code
        run.reason = (program.reason if program else "") or ("Error" if code else "Completed")
        run.over(now)
        if code and self.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            run.message = run.log.tail(80, 2048)
        if program is not None:
            told = program.context.files.get(self.spec.get("terminationMessagePath", "/dev/termination-log"))
            run.message = told.decode("utf-8", "replace")[:4096] if told else run.message
        self._is_over()

    def _is_over(self) -> None:
        self.state, self.ready, self.started = "terminated", False, False
        if self.kind == "init" and self.run is not None:
            self.ready = not self.run.exit_code
        self.probes.end()
        self._handle.cancel()
        then, self._then = self._then, None
        self.worker.report()
        if then is not None:
            then()
        else:
            self._later(1.0, self.worker.sync)

    def stop(self, grace: float, why: str, then: Callable[[], None] | None = None) -> None:
        """Ends the run: SIGTERM, then SIGKILL after `grace` seconds. `then` is called at its end (at once when nothing runs)."""
        if self.state != "running" or self.run is None:
            self._handle.cancel()
            self.busy = False
            if then is not None:
                then()
            return
        run, program = self.run, self.run.program
        if not self._stopping:
            self.event("Normal", "Killing", why)
        self._stopping, self._then = True, then or self._then
        self.probes.end()
        hook = ((self.spec.get("lifecycle") or {}).get("preStop") or {}).get("sleep") or {}
        needs = None if program is None or program.stop_after is None else program.stop_after + float(hook.get("seconds", 0))
        in_time = needs is not None and needs < grace
        code = program.stop_code if program is not None and in_time else KILLED
        self._later(needs if in_time and needs is not None else grace, lambda: self._ended(run, code))

    def drop(self) -> None:
        """Ends everything at once, without events or status: the pod is gone."""
        self.probes.end()
        self._handle.cancel()
        for run in (self.run, self.last):
            if run is not None and not run.log.ended:
                run.over(self.clock.now())

    # -- starting again

    def restart(self) -> None:
        """Starts the container again: at once the first time, then after a back-off that doubles from 10 s to 5 min."""
        run = self.run
        if run is None or self.busy:
            return
        now = self.clock.now()
        if run.started and run.finished - run.started > _FORGET:
            self._back_off = 0.0
        if not self._back_off or now >= run.finished + self._back_off:
            self._back_off = min(self._back_off * 2 or FIRST_BACK_OFF, LONGEST_BACK_OFF)
            self.start()
            return
        self.busy = True
        worker = self.worker
        full = f"{worker.name}_{worker.namespace}({worker.uid})"
        self.event("Warning", "BackOff", f"Back-off restarting failed container {self.name} in pod {full}")
        told = f"back-off {_duration(self._back_off)} restarting failed container={self.name} pod={full}"
        self.last, self.reason = run, "CrashLoopBackOff"
        self._wait("CrashLoopBackOff", told)
        self._later(run.finished + self._back_off - now, self._again)

    def _again(self) -> None:
        self._back_off = min(self._back_off * 2, LONGEST_BACK_OFF)
        self.start()

    # -- status

    def status(self) -> Object:
        run, status = self.run, {}
        resources = self.spec.get("resources") or {}
        if run is not None and "requests" in resources:
            status["allocatedResources"] = resources["requests"]
        if run is not None:
            status["containerID"] = run.id
        pulled = run is not None
        status["image"] = full_name(self.image) if pulled else self.image
        status["imageID"] = f"{repository(self.image)}@sha256:{digest(self.image)}" if pulled else ""
        status["lastState"] = {"terminated": self.last.terminated()} if self.last is not None else {}
        status.update(name=self.name, ready=self.ready)
        if pulled:
            status["resources"] = resources
        status.update(restartCount=self.restarts, started=self.started)
        if self.state == "running" and run is not None:
            status["state"] = {"running": {"startedAt": Clock.format(run.started)}}
        elif self.state == "terminated" and run is not None:
            status["state"] = {"terminated": run.terminated()}
        else:
            status["state"] = {"waiting": {**({"message": self.message} if self.message else {}), "reason": self.reason}}
        if pulled:
            status["user"] = {"linux": {"gid": 0, "supplementalGroups": [0], "uid": 0}}
        if mounts := self.spec.get("volumeMounts"):
            status["volumeMounts"] = [_mounted(mount) for mount in mounts]
        return status

    def restore(self, status: Object) -> None:
        """Takes over a container that was found running: keeps its status, and runs its program from now on."""
        (self.state, state), *_ = (status.get("state") or {"waiting": {}}).items()
        self.restarts, self.ready = status.get("restartCount", 0), status.get("ready", False)
        self.started = bool(status.get("started"))
        self.reason, self.message = state.get("reason", ""), state.get("message", "")
        if before := (status.get("lastState") or {}).get("terminated"):
            self.last = ended_run(before, self.clock.now())
        if self.state == "terminated":
            self.run = ended_run(state, self.clock.now())
        elif self.state == "running":
            run = self.run = Run(status.get("containerID", ""), seconds_of(state.get("startedAt")) or self.clock.now())
            self._revive(run)
            if self.kind != "init":
                self.probes.begin()

    def _revive(self, run: Run) -> None:
        """Runs the program of a container that was found running: its first words are as old as the run."""
        pod, ip = self.worker.pod, self.worker.ip
        try:
            variables = environment(self.worker.state, pod, self.spec, ip, self.worker.host_ip)
            held = files(self.worker.state, pod, self.spec, ip, self.worker.volumes)
        except Misconfigured:
            variables, held = {}, Files({})
        command = expanded([*self.spec.get("command", ()), *self.spec.get("args", ())], variables)
        if self._prepare(run, variables, held, command) or run.program is None or run.task is None:
            return
        context = run.program.context
        write, context.write = context.write, lambda data: run.log.write(run.started, data)
        run.task.step()
        context.write = write


def _mounted(mount: Object) -> Object:
    kept: Object = {key: mount[key] for key in ("mountPath", "name", "readOnly") if key in mount}
    return {**kept, "recursiveReadOnly": "Disabled"} if mount.get("readOnly") else kept


def _duration(seconds: float) -> str:
    """As Go prints a duration of whole seconds: 1m20s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
