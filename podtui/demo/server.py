"""The built-in cluster as a whole: an API server on 127.0.0.1 with what lives in it, and a kubeconfig that leads to it.

It has its own thread and event loop. Whoever knows the secret in its path is the administrator, so the kubeconfig is for its owner only.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import math
import resource
import secrets
import threading
import time
from typing import TYPE_CHECKING, Any

from aiohttp import web

from podtui.demo.api.api import Api
from podtui.demo.api.rbac import RBAC, default_roles
from podtui.demo.private_folder import PrivateFolder
from podtui.demo.storage.clock import Clock
from podtui.demo.storage.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, NAMESPACES, SERVICES
from podtui.demo.storage.state import State
from podtui.demo.writes.writes import Writes

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

    from podtui.demo.behaviour import Behaviour
    from podtui.demo.scenarios.model import Scenario
    from podtui.demo.scenarios.stage import Stage

NAME = "podtui-demo"
"""The context, the cluster and the user of the kubeconfig."""
_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_MANY = 1000
_CONNECTIONS = 16_384
_HEADER_LIMIT = 64 * 1024  # long selectors are long paths
_log = logging.getLogger(__name__)


class DemoServer:
    """A cluster with what a scenario puts into it; without one it is empty but for the default namespaces.

    `start()` gives the kubeconfig's path when the server is ready; `stop()` leaves nothing behind and may be called twice. It
    is a context manager. In a loop of one's own: `await open()` and `await close()`. `behaviour` False: nothing happens by itself.
    """

    def __init__(
        self,
        scenario: Scenario | None = None,
        *,
        speed: float = 1.0,
        seed: int = 0,
        behaviour: bool = True,
        start: float | None = None,
        longest_grace: float = math.inf,
    ) -> None:
        """`longest_grace` is as in `Kubelet`."""
        self._longest_grace = longest_grace
        self.scenario = scenario
        self.kubeconfig = ""
        """The kubeconfig's path while the server runs, else ""."""
        self.url = ""
        self.state: State
        self.writes: Writes
        self.clock: Clock
        self.behaviour: Behaviour | None = None
        self._speed, self._seed, self._behaves, self._start = speed, seed, behaviour, start
        self._folder: PrivateFolder | None = None
        self._stage: Stage | None = None
        self._runner: web.AppRunner | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._failure: BaseException | None = None

    # -- in a thread of its own

    def start(self) -> str:
        """Raises what keeps the server from starting: OSError, ConfigError of the scenario."""
        if self._thread is not None:
            return self.kubeconfig
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="podtui-demo", daemon=True)
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            self.stop()
            raise failure
        return self.kubeconfig

    def stop(self) -> None:
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._loop is not None and self._end is not None:
            with contextlib.suppress(RuntimeError):  # its loop has ended already
                self._loop.call_soon_threadsafe(self._end.set)
        thread.join()
        self._loop = self._end = None

    def pause(self) -> None:
        """The API server goes away, for tests of outages: nothing listens, every connection is cut. The cluster goes on."""
        self._in_loop(self._unbind())

    def resume(self) -> None:
        """The API server comes back at the same address with every object, but not with the history: as a real one, it begins anew."""
        if self._runner is None:
            self._in_loop(self._come_back())

    def end_scenario(self) -> None:
        """What the scenario has happen ends here; what has begun goes on to its end."""
        self._in_loop(self._end_scenario())

    async def _end_scenario(self) -> None:
        if self._stage is not None:
            self._stage.close()

    async def _come_back(self) -> None:
        self.state.forget()
        await self._bind(self._port)

    def _in_loop(self, work: Coroutine[Any, Any, object]) -> None:
        assert self._loop is not None, "the server was not started"
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def __enter__(self) -> DemoServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _run(self, ready: threading.Event) -> None:
        async def serve() -> None:
            self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
            try:
                await self.open()
                ready.set()
                await self._end.wait()
            finally:
                await self.close()

        try:
            asyncio.run(serve())
        except BaseException as error:
            self._failure = error
            if ready.is_set():
                _log.exception("the built-in cluster ended")
        finally:
            ready.set()

    # -- in the running loop

    async def open(self) -> str:
        """Starts to serve and gives the kubeconfig's path."""
        warmup = self.scenario.warmup if self.scenario else 0.0
        self.clock = Clock(self._speed, (time.time() if self._start is None else self._start) - warmup, self._seed)
        self.state = State(self.clock)
        self.writes = Writes(self.state)
        with self.clock.held():  # how long this takes must not change what happens: one seed, one history
            self._build(warmup)
        if len(self.state) > _MANY:
            gc.collect()
            gc.freeze()
            gc.callbacks.append(_set_apart)
        await self._listen()
        return self.kubeconfig

    def _build(self, warmup: float) -> None:
        """Everything that is there at the start, and what begins with it."""
        if self._behaves:
            from podtui.demo.behaviour import Behaviour

            self.behaviour = Behaviour(self.state, self.writes, self.clock)
            self.behaviour.kubelet.longest_grace = self._longest_grace
            self.behaviour.start()
        self._furnish()
        if self.scenario is not None:
            from podtui.demo.scenarios.stage import Stage

            self._stage = Stage(self.scenario, self.state, self.writes, self.clock)
            self._stage.build()
        if warmup:
            self.clock.advance(warmup)
        if self._stage is not None:
            self._stage.start()

    async def close(self) -> None:
        """Ends all that `open` began."""
        if self._stage is not None:
            self._stage.close()
            self._stage = None
        if self.behaviour is not None:
            self.behaviour.close()
            self.behaviour = None
        await self._unbind()
        if hasattr(self, "writes"):
            self.writes.close()
        if hasattr(self, "clock"):
            self.clock.close()
        if _set_apart in gc.callbacks:
            gc.callbacks.remove(_set_apart)
        folder, self._folder, self.kubeconfig = self._folder, None, ""
        if folder is not None:
            folder.remove()

    def _furnish(self) -> None:
        """What every cluster has."""
        for name in _NAMESPACES:
            self.writes.create(NAMESPACES, "", {"metadata": {"name": name}})
        for role in default_roles():
            self.writes.create(CLUSTERROLES, "", role)
        admins: dict[str, Any] = {"metadata": {"name": "cluster-admin", "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}}
        admins["roleRef"] = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"}
        admins["subjects"] = [{"apiGroup": RBAC, "kind": "Group", "name": "system:masters"}]
        self.writes.create(CLUSTERROLEBINDINGS, "", admins)
        metadata = {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}}
        ports = [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]
        self.writes.create(SERVICES, "default", {"metadata": metadata, "spec": {"clusterIP": "10.96.0.1", "ports": ports}})

    async def _listen(self) -> None:
        secret = secrets.token_urlsafe(24)
        kubelet = self.behaviour.kubelet if self.behaviour is not None else None
        self._api = Api(self.state, self.writes, kubelet, secret, "127.0.0.1")
        self._port = await self._bind(0)
        self._api.address = f"127.0.0.1:{self._port}"
        self.url = f"http://{self._api.address}/{secret}"
        self._folder = PrivateFolder(_kubeconfig(self.url))
        self.kubeconfig = self._folder.kubeconfig

    async def _bind(self, port: int) -> int:
        """Accepts connections on `port`, 0 for a free one; gives the port."""
        _allow_connections()
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._api.handle)
        runner = web.AppRunner(
            application,
            handle_signals=False,
            access_log=None,
            handler_cancellation=True,  # a watch or a followed log whose client has gone would wait forever
            shutdown_timeout=0.2,
            max_line_size=_HEADER_LIMIT,
            max_field_size=_HEADER_LIMIT,
        )
        self._runner = runner
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=512)
        await site.start()
        return int(runner.addresses[0][1])

    async def _unbind(self) -> None:
        """Closes the port and every connection."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()


def _allow_connections() -> None:
    """As many open files as the system lets this process have: shells often allow no more than 1,024 by themselves."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, _CONNECTIONS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _set_apart(phase: str, info: dict[str, int]) -> None:
    """What two collections of the young objects have left is set apart: no collection looks at it again.

    They are objects of the cluster: no cycles, and gone when no longer referred to. Looking through those of 10,000 pods, and
    through their history, would stop everything for half a second, again and again while pods come and go.
    """
    if phase == "stop" and info["generation"] > 0:
        gc.freeze()


def _kubeconfig(url: str) -> str:
    """A kubeconfig of version 1. JSON is YAML, too."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": {"server": url}}],
        "users": [{"name": NAME, "user": {}}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME, "namespace": "default"}}],
        "current-context": NAME,
    }
    return json.dumps(config, indent=2) + "\n"
