"""Runs one pod on its node: starts and stops its containers, and reports its status.

`sync` is the heart, as `syncPod` and `computePodActions` of the kubelet: it looks at how things are and begins what has to happen next.
"""

from __future__ import annotations

from typing import Any

from podtui.demo.kubelet.container import Container
from podtui.demo.kubelet.environment import Folder
from podtui.demo.kubelet.owners import WorkerOwner
from podtui.demo.kubelet.pod_status import phase, status
from podtui.demo.storage.clock import NEVER, Clock
from podtui.demo.storage.kinds import PODS
from podtui.demo.storage.state import State

Object = dict[str, Any]
TERMINAL = ("Succeeded", "Failed")


class PodWorker:
    """The kubelet's worker for one pod."""

    def __init__(self, kubelet: WorkerOwner, pod: Object) -> None:
        metadata, spec = pod["metadata"], pod["spec"]
        self.kubelet = kubelet
        self.state: State = kubelet.state
        self.clock: Clock = kubelet.clock
        self.namespace: str = metadata["namespace"]
        self.name: str = metadata["name"]
        self.uid: str = metadata["uid"]
        self.node: str = spec["nodeName"]
        self.volumes: dict[str, Folder] = {}
        self.ip = ""
        self.host_ip = kubelet.host_ip(self.node)
        self.written = 0
        """The version of its last report."""
        self._sandbox = "no pod sandbox exists"
        self._busy = False  # the sandbox is being made
        self._over = ""  # the phase in which it has ended
        self._ending = False
        self._reason = self._message = ""
        self._handle = self._deadline = NEVER
        self.inits = [Container(self, one, "sidecar" if _always(one) else "init") for one in spec.get("initContainers") or ()]
        self.mains = [Container(self, one, "main") for one in spec["containers"]]
        if self.inits:
            for one in [*self.inits, *self.mains]:
                one.reason = "PodInitializing"

    @property
    def pod(self) -> Object:
        """The object as it is now."""
        return self.state.get(PODS, self.namespace, self.name) or {"metadata": {}, "spec": {}}

    @property
    def containers(self) -> list[Container]:
        return [*self.inits, *self.mains]

    @property
    def node_is_up(self) -> bool:
        return self.kubelet.is_up(self.node)

    def find(self, name: str) -> Container | None:
        return next((one for one in self.containers if one.name == name), None)

    def chance(self, least: float, most: float) -> float:
        return self.clock.random.uniform(least, most)

    def event(self, type_: str, reason: str, message: str, field_path: str = "") -> None:
        pod = self.pod
        if pod["metadata"]:
            self.kubelet.recorder.record(pod, type_, reason, message, "kubelet", host=self.node, field_path=field_path)

    # -- its life

    def begin(self) -> None:
        """The pod has come to this node."""
        before = self.pod.get("status") or {}
        if before.get("startTime"):
            self._take_over(before)
            return
        self.report()
        self._limit()
        self._busy = True
        self._handle = self.clock.call_later(self.chance(0.4, 0.9), self._sandbox_is_there)

    def _take_over(self, before: Object) -> None:
        """It is running already: nothing is restarted, and its status is not touched."""
        self.ip, self._sandbox = before.get("podIP", ""), ""
        if before.get("phase") in TERMINAL:
            self._over = before["phase"]
        for key, containers in (("initContainerStatuses", self.inits), ("containerStatuses", self.mains)):
            found = {one["name"]: one for one in before.get(key) or ()}
            for container in containers:
                if container.name in found:
                    container.restore(found[container.name])
        if "deletionTimestamp" in self.pod["metadata"]:
            self.end()
        elif not self._over:
            self._limit()
            self._later(0.1)

    def _limit(self) -> None:
        seconds = self.pod["spec"].get("activeDeadlineSeconds")
        if seconds is not None:
            self._deadline = self.clock.call_later(float(seconds), self._too_long)

    def _too_long(self) -> None:
        if not self._over and not self._ending:
            self._reason, self._message = "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
            self.event("Normal", self._reason, self._message)
            self._finish("Failed")

    def _sandbox_is_there(self) -> None:
        self._busy, self._sandbox = False, ""
        self.ip = self.host_ip if self.pod["spec"].get("hostNetwork") else self.kubelet.address(self.node)
        self.report()
        self.sync()

    def _later(self, seconds: float) -> None:
        self._handle.cancel()
        self._handle = self.clock.call_later(seconds, self.sync)

    def sync(self) -> None:
        """Begins what has to happen next; called after everything that happened."""
        if self._busy or self._over or self._ending or not self.node_is_up or not self.pod["metadata"]:
            return
        policy = self.pod["spec"].get("restartPolicy", "Always")
        begun = any(one.run is not None for one in self.mains)
        for one in self.inits:
            if one.kind == "init" and begun:
                continue
            if one.state == "terminated" and (one.kind == "sidecar" or not one.ready):
                if one.kind == "init" and policy == "Never":
                    self._finish("Failed")
                    return
                one.restart()
            elif one.state == "waiting" and not one.busy:
                one.start()
            if not (one.ready if one.kind == "init" else one.started) and not begun:
                return
        for one in self.mains:
            if one.state == "waiting" and not one.busy:
                one.start()
            if one.busy and one.state == "waiting" and one.reason in ("ContainerCreating", "PodInitializing"):
                return  # images are pulled one after the other
            if one.state == "terminated" and _restarts(one, policy):
                one.restart()
        found = phase(self.inits, self.mains, policy, final=False)
        if found in TERMINAL:
            self._finish(found)

    def _finish(self, reached: str) -> None:
        """All is done, or must not go on: stops what still runs (the sidecars in the end) and says how it ended."""
        self._ending = True

        def over() -> None:
            self._over, self._sandbox = reached, "pod sandbox is not ready"
            self.report()

        self._stop(_grace(self.pod), over)

    def _stop(self, grace: float, then: Any) -> None:
        """Stops the containers, then the sidecars, and calls `then` when none runs."""
        running = [one for one in self.mains if one.state == "running"] or [one for one in self.inits if one.state == "running"]
        for one in self.containers:
            if one.state != "running":
                one.stop(0, "")  # it must not be started any more
        if not running:
            then()
            return

        def stopped() -> None:
            if not any(one.state == "running" for one in running):
                self._stop(max(grace, 1.0), then)

        for one in running:
            one.stop(grace, f"Stopping container {one.name}", stopped)

    # -- its end

    def end_if_new(self) -> None:
        """`end`, unless this worker itself has written that the grace period is over."""
        if self.pod["metadata"].get("deletionGracePeriodSeconds") or not self._ending:
            self.end()

    def end(self) -> None:
        """Ends a deleted pod within its grace period, which may be shortened while it ends."""
        metadata = self.pod["metadata"]
        if not self.node_is_up or "deletionTimestamp" not in metadata:
            return
        self._ending = True
        self._handle.cancel()
        self._deadline.cancel()
        self.report()
        grace = float(metadata.get("deletionGracePeriodSeconds") or 0)
        self._stop(min(grace, self.kubelet.longest_grace), self._ended)

    def _ended(self) -> None:
        if self.kubelet.closed or not self.pod["metadata"] or self.pod["metadata"]["uid"] != self.uid:
            return
        self._sandbox = "pod sandbox is not ready"
        self._over = self._over or phase(self.inits, self.mains, "Never", final=True)
        self.report()
        self._handle = self.clock.call_later(self.chance(0.05, 0.3), self._remove)

    def _remove(self) -> None:
        pod = self.pod
        if not pod["metadata"] or pod["metadata"]["uid"] != self.uid or not self.node_is_up:
            return
        if pod["metadata"].get("deletionGracePeriodSeconds"):
            metadata = {**pod["metadata"], "deletionTimestamp": self.clock.timestamp(), "deletionGracePeriodSeconds": 0}
            pod = self.state.update(PODS, {**pod, "metadata": metadata})
        if not pod["metadata"].get("finalizers"):
            self.state.remove(PODS, self.namespace, self.name)

    def drop(self) -> None:
        """Ends everything at once: the pod is gone."""
        self._ending = True
        self._handle.cancel()
        self._deadline.cancel()
        for one in self.containers:
            one.drop()

    def changed(self) -> None:
        """Takes over a changed spec: a container with a new image is restarted."""
        for spec in [*(self.pod["spec"].get("initContainers") or ()), *self.pod["spec"]["containers"]]:
            container = self.find(spec["name"])
            if container is not None and container.spec != spec:
                image, container.spec = container.image, spec
                if image != spec.get("image") and container.state == "running":
                    words = f"Container {container.name} definition changed, will be restarted"
                    container.stop(_grace(self.pod), words)
                elif image != spec.get("image") and container.busy and not self._ending:
                    container.stop(0, "")
                    container.start()
        self.report()

    # -- status

    def report(self) -> None:
        """Writes the status if it has changed and the node is reachable."""
        pod = self.pod
        if not pod["metadata"] or pod["metadata"]["uid"] != self.uid or not self.node_is_up:
            return
        policy = pod["spec"].get("restartPolicy", "Always")
        current = over = self._over or phase(self.inits, self.mains, policy, final=False)
        if over not in TERMINAL:
            over = ""
        elif not self._over:  # the sandbox is still there
            current = "Running" if any(one.run is not None for one in self.mains) else "Pending"
        found = status(
            pod,
            self.inits,
            self.mains,
            phase=current,
            over=over,
            now=self.clock.timestamp(),
            host_ip=self.host_ip,
            ip=self.ip,
            sandbox=self._sandbox,
            reason=self._reason,
            message=self._message,
        )
        if found != pod.get("status"):
            self.state.update(PODS, {**pod, "status": found})
            self.written = self.state.version


def _always(container: Object) -> bool:
    return container.get("restartPolicy") == "Always"


def _restarts(container: Container, policy: str) -> bool:
    failed = container.run is not None and container.run.exit_code != 0
    return policy == "Always" or (policy == "OnFailure" and failed)


def _grace(pod: Object) -> float:
    return float(pod["spec"].get("terminationGracePeriodSeconds", 30))
