"""The kubelets of all nodes: they run the pods that are bound to them, in simulated containers, and serve their logs, ports and commands.

Everything happens because an object changed or because something is due: pods that idle cost nothing. Those that were found running
(a scenario's `ready` pods) are looked after only once somebody asks for them.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from podtui.demo.kubelet.container import Container
from podtui.demo.kubelet.images import lasts
from podtui.demo.kubelet.pod_logs import LogOptions, nothing, read
from podtui.demo.kubelet.pod_worker import TERMINAL, PodWorker
from podtui.demo.kubelet.run import Run
from podtui.demo.programs.program import Connection
from podtui.demo.shell.processes import Process
from podtui.demo.storage.clock import Clock
from podtui.demo.storage.errors import ApiError, Unreachable, bad_request
from podtui.demo.storage.kinds import NODES, PODS
from podtui.demo.storage.recorder import Recorder
from podtui.demo.storage.state import Change, State

Object = dict[str, Any]


class Kubelet:
    """The kubelets of all nodes in one. `start` lets them act on what is there and on every change, `close` ends it."""

    def __init__(self, state: State, clock: Clock, recorder: Recorder) -> None:
        self.state = state
        self.clock = clock
        self.recorder = recorder
        self.closed = False
        self.longest_grace = math.inf
        """Seconds after which a deleted pod has ended, however long its grace period is: in a walkthrough nobody wants to wait."""
        self._workers: dict[str, PodWorker] = {}  # by the pod's uid
        self._images: dict[str, set[str]] = {}  # by node
        self._addresses: dict[str, int] = {}  # the last address that was given, by node
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        if self._unsubscribe is None:
            self._unsubscribe = self.state.subscribe(self._take)
            for pod in self.state.list(PODS):
                self._pod(pod, None)

    def close(self) -> None:
        self.closed = True
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        for worker in self._workers.values():
            worker.drop()
        self._workers.clear()

    # -- what happens

    def _take(self, change: Change) -> None:
        if change.kind is PODS:
            if change.type == "DELETED":
                worker = self._workers.pop(change.new["metadata"]["uid"], None)
                if worker is not None:
                    worker.drop()
                return
            pod = self.state.get(PODS, change.new["metadata"]["namespace"], change.new["metadata"]["name"])
            if pod is not None and pod["metadata"]["uid"] == change.new["metadata"]["uid"]:
                self._pod(pod, change.old)

    def _pod(self, pod: Object, old: Object | None) -> None:
        node = pod["spec"].get("nodeName")
        if not node:
            return
        metadata = pod["metadata"]
        worker = self._workers.get(metadata["uid"])
        if worker is None:
            if self.is_up(node) and not _left_alone(pod):
                self._worker(pod)
            return
        if "deletionTimestamp" in metadata:
            was = (old or {}).get("metadata") or {}
            if any(metadata.get(key) != was.get(key) for key in ("deletionTimestamp", "deletionGracePeriodSeconds")):
                worker.end_if_new()
        elif old is not None and metadata.get("generation") != old["metadata"].get("generation"):
            worker.changed()
        elif old is not None and int(metadata["resourceVersion"]) != worker.written and pod.get("status") is not old.get("status"):
            worker.report()  # what others write into the status, the kubelet corrects

    def _worker(self, pod: Object) -> PodWorker:
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is None:
            worker = self._workers[pod["metadata"]["uid"]] = PodWorker(self, pod)
            worker.begin()
        return worker

    # -- nodes

    def is_up(self, name: str) -> bool:
        return self.state.get(NODES, "", name) is not None

    def host_ip(self, name: str) -> str:
        node = self.state.get(NODES, "", name) or {}
        addresses = (node.get("status") or {}).get("addresses") or ()
        return next((str(one["address"]) for one in addresses if one.get("type") == "InternalIP"), "127.0.0.1")

    def address(self, node: str) -> str:
        """A free address of the node's range, for a new pod."""
        cidr = ((self.state.get(NODES, "", node) or {}).get("spec") or {}).get("podCIDR") or "10.244.0.0/24"
        prefix = cidr.rpartition(".")[0]
        used = {(pod.get("status") or {}).get("podIP") for pod in self.state.by_node(node)}
        number = self._addresses.get(node, 1)
        for _ in range(253):
            number = number % 254 + 1
            if number > 1 and f"{prefix}.{number}" not in used:
                break
        self._addresses[node] = number
        return f"{prefix}.{number}"

    def has_image(self, node: str, image: str) -> bool:
        return image in self._images.get(node, ())

    def add_image(self, node: str, image: str) -> None:
        self._images.setdefault(node, set()).add(image)

    # -- what is asked of it

    def log(self, namespace: str, pod: str, query: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        """The log that a request's query asks for. Raises ApiError at once: 404, 422, and 400 in the words of API server and kubelet."""
        obj = self.state.existing(PODS, namespace, pod)
        options = LogOptions.of(query, self.clock.now())
        name = container_name(obj, options.container)
        if not obj["spec"].get("nodeName"):
            return nothing()
        self._reach(obj, f"containerLogs/{namespace}/{pod}/{name}")
        container = self._worker(obj).find(name)
        if container is None:
            raise bad_request(f'container "{name}" in pod "{pod}" is not available')
        return read(_run(container, pod, previous=options.previous).log, options)

    def connect(self, namespace: str, pod: str, port: int) -> Connection:
        """A connection to a port of the pod. Raises ConnectionRefusedError when nothing listens there, ApiError when nothing can."""
        obj = self.state.existing(PODS, namespace, pod)
        self._running(obj)
        self._reach(obj, f"portForward/{namespace}/{pod}")
        for container in self._worker(obj).containers:
            run = container.run
            if run is not None and run.program is not None and container.state == "running" and run.program.listens(port):
                connection = run.program.connect(port)
                run.attached.add(connection)
                return connection
        raise ConnectionRefusedError(port)

    def check(self, namespace: str, pod: str, container: str) -> None:
        """Raises ApiError or Unreachable when no command can be run in a container."""
        self._runs(namespace, pod, container)

    def shell(self, namespace: str, pod: str, container: str, command: list[str], *, tty: bool = False) -> Process:
        """Runs a command in a container, with `tty` on a terminal. Raises ApiError or Unreachable when that cannot be."""
        run = self._runs(namespace, pod, container)
        assert run.program is not None
        process = Process(run.program.context, command, tty=tty)
        run.attached.add(process)
        return process

    def _runs(self, namespace: str, pod: str, container: str) -> Run:
        obj = self.state.existing(PODS, namespace, pod)
        name = container_name(obj, container)
        self._running(obj)
        self._reach(obj, f"exec/{namespace}/{pod}/{name}")
        found = self._worker(obj).find(name)
        if found is None or found.state != "running" or found.run is None or found.run.program is None:
            raise Unreachable(f'container not found ("{name}")')
        return found.run

    def _running(self, pod: Object) -> None:
        name, phase = pod["metadata"]["name"], (pod.get("status") or {}).get("phase")
        if phase in TERMINAL:
            raise ApiError(500, "", f"cannot exec into a container in a completed pod; current phase is {phase}")
        if not pod["spec"].get("nodeName"):
            raise bad_request(f"pod {name} does not have a host assigned")

    def _reach(self, pod: Object, path: str) -> None:
        node = pod["spec"]["nodeName"]
        if not self.is_up(node):
            address = f"{self.host_ip(node)}:10250"
            raise ApiError(500, "", f'Get "https://{address}/{path}": dial tcp {address}: connect: no route to host')


def container_name(pod: Object, asked: str) -> str:
    """The container that is meant. ApiError 400 when that is not clear, in the API server's words."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    names = {key: [one["name"] for one in spec.get(key) or ()] for key in ("containers", "initContainers", "ephemeralContainers")}
    if asked:
        if not any(asked in found for found in names.values()):
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(names["containers"]) == 1:
        return str(names["containers"][0])
    words = f"a container name must be specified for pod {name}, choose one of: [{' '.join(names['containers'])}]"
    if names["initContainers"]:
        words += f" or one of the init containers: [{' '.join(names['initContainers'])}]"
    raise bad_request(words)


def _run(container: Container, pod: str, *, previous: bool) -> Run:
    """Whose log it is (`validateContainerLogStatus`)."""
    where = f'container "{container.name}" in pod "{pod}"'
    if previous:
        if container.last is None:
            raise bad_request(f"previous terminated {where} not found")
        return container.last
    if container.state != "waiting" and container.run is not None:
        return container.run
    if container.last is not None:
        return container.last
    told = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}
    raise bad_request(f"{where} is waiting to start: {told.get(container.reason, container.reason)}")


def _left_alone(pod: Object) -> bool:
    """Whether a pod goes on without any care: it was there, all of it runs or has ended, and it never ends by itself."""
    status, spec = pod.get("status") or {}, pod["spec"]
    if not status.get("startTime") or "deletionTimestamp" in pod["metadata"]:
        return False
    if status.get("phase") in TERMINAL:
        return True
    statuses = status.get("containerStatuses") or ()
    running = len(statuses) == len(spec["containers"]) and all("running" in (one.get("state") or {}) for one in statuses)
    return running and not spec.get("initContainers") and "activeDeadlineSeconds" not in spec and all(map(lasts, spec["containers"]))
