"""Everything that a screen needs of one context: the connection, the live lists and the operations on them, with one lifetime."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING

from podtui.cluster.changes.journal import Journal
from podtui.cluster.changes.objects import Objects
from podtui.cluster.connection.access import Access
from podtui.cluster.connection.connection import Connection
from podtui.cluster.forward.manager import ForwardManager
from podtui.cluster.forward.saved import Profile, profiles
from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.cluster.live.pod_counts import PodCounts
from podtui.cluster.live.store import Health, RowStore
from podtui.config import Config
from podtui.errors import Forbidden, PodtuiError
from podtui.kube.resources import NAMESPACES, PODS, ObjectRef, Resource, Scope
from podtui.signals import Signal
from podtui.tasks import comes, end_tasks, supervised

if TYPE_CHECKING:
    from podtui.cluster.impact.namespace_contents import Contents
    from podtui.cluster.impact.related import Surroundings

_ALL_AGAIN, _ALL_AGAIN_MOST = 5.0, 300.0  # seconds until all namespaces are asked for again after they were refused
_COUNT_AGAIN = 30.0  # seconds between two counts of the pods of each namespace


class Session:
    """One context from its opening to its end, owned by one event loop.

    `connection` is None until it is open (importing the client takes a while, and a credential may be missing:
    then `error` says so). `notices` emits messages about the session's own decisions.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        scope: Scope,
        *,
        config: Config,
        request_timeout: float | None = None,
        read_only: bool = False,
        read_only_reason: str = "",
    ) -> None:
        """`read_only` is the initial value, until the user turns it off; `read_only_reason` says who set it permanently, "" for no one. The
        session itself checks whether the context is one of `read_only_contexts`.
        """
        if not read_only_reason and config.is_read_only(settings.context):
            read_only_reason = "this context is one of read_only_contexts in config.yaml"
        self.settings = settings
        self.read_only_reason = read_only_reason
        self.config = config
        self.error: PodtuiError | None = None
        self.connection: Connection | None = None
        self.pods = RowStore(PODS, scope)
        self.namespaces = RowStore(NAMESPACES)
        self.counts = PodCounts(self.pods)
        self.forwards = ForwardManager(lambda: self.opened, self._is_alive, profiles(config.forwards, settings))
        self.notices: Signal[str] = Signal()
        self.journal = Journal(settings)
        self.opened_signal: Signal[PodtuiError | None] = Signal()
        self._objects: Objects | None = None
        self._access: Access | None = None
        self._request_timeout = request_timeout
        self._read_only = read_only or bool(read_only_reason)
        self._named = scope.namespaces  # the namespaces that were last shown by name
        self._refused: Scope | None = None  # the scope that is shown since all namespaces were refused, until the user chooses one
        self._ask_again = asyncio.Event()
        self._seen: set[str] = set()  # the namespaces that the server has ever listed
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._lists: set[RowStore] = set()  # lists that are open only while a screen shows them
        self._ends = [
            self.journal.troubles.subscribe(lambda error: self.notices.emit(str(error))),
            self.pods.subscribe(lambda batch: self.forwards.check_pods(None if batch.reset else batch.changed | batch.removed)),
            self.forwards.notices.subscribe(self.notices.emit),
            self.namespaces.subscribe(lambda _: self._seen.update(row.name for row in self.namespaces.rows.values())),
            self.pods.subscribe_health(self._fall_back),
            self.pods.subscribe_health(lambda health: self._wake(self.namespaces, health)),
            self.namespaces.subscribe_health(lambda health: self._wake(self.pods, health)),
        ]

    # -- life ---------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Start to connect, list and watch; returns at once."""
        self._spawn(self._open())

    async def close(self) -> None:
        """End everything: forwards, lists, the connection; nothing starts any more. May be called again."""
        self._closed = True
        for end in self._ends:
            end()
        await end_tasks(*self._tasks)
        self.counts.close()
        await self.forwards.close()
        for store in (*self._lists, self.pods):
            await store.close()
        await self.namespaces.close()
        if self.connection is not None:
            await self.connection.close()

    async def _open(self) -> None:
        await supervised(f"connecting to {self.settings.shown_server}", self._connect, self._not_open)
        assert self.connection is not None
        self.error = None
        self._objects = Objects(self.connection, self.journal)
        self._access = Access(self.connection)
        self.pods.start(self.connection)
        self.namespaces.start(self.connection)
        for store in self._lists:
            store.start(self.connection)
        self.opened_signal.emit(None)
        self._spawn(supervised("counting the pods of the namespaces", self._count, lambda error: self.notices.emit(str(error))))
        for profile in self.forwards.profiles:
            if profile.start and not profile.elsewhere:
                self._spawn(self._forward(profile))

    async def _connect(self) -> None:
        opened = await Connection.open(self.settings, request_timeout=self._request_timeout, read_only=self._read_only)
        opened.read_only = self._read_only  # may have been switched in the meantime
        opened.read_only_reason = self.read_only_reason
        self.connection = opened

    def _not_open(self, error: PodtuiError) -> None:
        self.error = error
        self.opened_signal.emit(error)

    async def _forward(self, profile: Profile) -> None:
        try:
            await self.forwards.start_profile(profile)
        except PodtuiError as error:
            self.notices.emit(str(error))

    async def _count(self) -> None:
        """Keep the number of pods per namespace up to date, where the live list lacks it."""
        assert self.connection is not None
        while True:
            listed = self.namespaces.known or self.namespaces.health.state == "denied"
            if listed:
                with contextlib.suppress(PodtuiError):  # no count is shown then; the lists report an outage
                    await self.counts.refresh(self.connection, self.known_namespaces)
            await asyncio.sleep(_COUNT_AGAIN if listed else 0.5)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        if self._closed:  # such as a start that was planned before the user left for another context
            work.close()
            return
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- contents -------------------------------------------------------------------------------------------------
    @property
    def waits_for(self) -> tuple[str, ...]:
        """What delays the first answer, in lines (see Connection.waits_for)."""
        return self.connection.waits_for if self.connection is not None else ()

    @property
    def opened(self) -> Connection:
        """The connection; raises an error while there is none."""
        if self.connection is None:
            raise self.error or PodtuiError(f"not connected to {self.settings.server} yet", "wait until the first line says live")
        return self.connection

    @property
    def objects(self) -> Objects:
        self._check()
        assert self._objects is not None
        return self._objects

    @property
    def access(self) -> Access:
        self._check()
        assert self._access is not None
        return self._access

    def open_list(self, resource: Resource) -> RowStore:
        """Open a live list of another kind while a screen shows it: `close_list` ends it, as does the end of the session."""
        store = RowStore(resource)
        self._lists.add(store)
        if self.connection is not None and not self._closed:
            store.start(self.connection)
        return store

    def close_list(self, store: RowStore) -> None:
        """Close a list of `open_list`; its watch ends."""
        if store in self._lists and not self._closed:  # the end of the session closes it otherwise
            self._lists.discard(store)
            self._spawn(store.close())

    def _check(self) -> None:
        _ = self.opened

    @property
    def read_only(self) -> bool:
        """Whether changes of the cluster are blocked; the connection enforces it (see `connection.read_only`)."""
        return self.connection.read_only if self.connection is not None else self._read_only

    @read_only.setter
    def read_only(self, value: bool) -> None:
        self._read_only = value
        if self.connection is not None:
            self.connection.read_only = value

    @property
    def read_only_refusal(self) -> str:
        """Why nothing can be changed now, for the user; "" while podtui is not read-only."""
        return f"podtui is read-only ({self.read_only_reason or 'r turns it off'})" if self.read_only else ""

    def _is_alive(self, ref: ObjectRef) -> bool | None:
        """Whether the pod exists according to the live list; None when the list cannot tell."""
        return True if self.pods.health.state in ("live", "polling") and ref.uid in self.pods.rows else None

    # -- effects of a change ------------------------------------------------------------------------------------
    async def around(self, pods: Sequence[ObjectRef], *, adopters: bool) -> list[Surroundings]:
        """Read the objects related to these pods, for `impact`; see `related.read`."""
        from podtui.cluster.impact import related  # only on demand

        return await related.read(self.opened, self.access, pods, adopters=adopters)

    async def contents(self, namespace: str) -> Contents:
        """Count the contents of a namespace; see `namespace_contents.count`."""
        from podtui.cluster.impact import namespace_contents

        return await namespace_contents.count(self.opened, self.access, self.objects.discovery, namespace)

    # -- scope --------------------------------------------------------------------------------------------------
    def show(self, *, namespaces: Sequence[str] | None = None, selector: str | None = None, node: str | None = None) -> None:
        """Change the scope of the pod list; omitted parts stay."""
        scope = self.pods.scope
        self._named = tuple(scope.namespaces if namespaces is None else namespaces) or self._named
        self._refused = None
        self.pods.set_scope(
            Scope(
                scope.namespaces if namespaces is None else tuple(namespaces),
                scope.selector if selector is None else selector,
                scope.node if node is None else node,
            )
        )

    @property
    def known_namespaces(self) -> list[str]:
        """The known namespaces: listed by the server, or (for a user who may not list them) named by the user or the configuration."""
        names = {row.name for row in self.namespaces.rows.values()}
        if not self.namespaces.known or self.namespaces.health.state == "denied":
            names |= {self.settings.namespace, *self.pods.scope.namespaces, *self.config.favourite_namespaces}
        return sorted(names)

    @property
    def missing_namespaces(self) -> dict[str, str]:
        """The namespaces of the scope that the server does not have: "deleted" for one that it had, "not found" for another one."""
        named = self.pods.scope.namespaces
        if not named or not self.namespaces.known or self.namespaces.health.state not in ("live", "polling"):
            return {}
        there = {row.name for row in self.namespaces.rows.values()}
        return {name: "deleted" if name in self._seen else "not found" for name in named if name not in there}

    @staticmethod
    def _wake(other: RowStore, health: Health) -> None:
        """One list is live again after an outage: the other need not wait for its back-off to end."""
        if health.state == "live" and other.health.state in ("stale", "failed"):
            other.retry()

    def refresh(self) -> None:
        """List everything again, and ask for what was refused."""
        for store in {self.pods, self.namespaces, *self._lists}:
            store.refresh()
        self._ask_again.set()

    def _fall_back(self, health: Health) -> None:
        """Without the right to list pods in all namespaces, show the previous ones, or those of the context or the configuration."""
        if isinstance(health.error, Forbidden) and health.state == "denied" and self.pods.scope.all_namespaces and self._refused is None:
            names = self._named or tuple(dict.fromkeys([self.settings.namespace, *self.config.favourite_namespaces]))
            scope = self.pods.scope
            self._refused = Scope(names, scope.selector, scope.node)  # the same refusal may come again before the scope has changed
            self.notices.emit(f"you may not list pods in all namespaces: showing {', '.join(names)}")
            asyncio.get_running_loop().call_soon(self._turn_to_refused, self._refused)

    def _turn_to_refused(self, scope: Scope) -> None:
        if self._refused is scope:
            self.pods.set_scope(scope)
            self._spawn(supervised("asking for the pods of all namespaces", lambda: self._regain(scope), lambda _: None))

    async def _regain(self, scope: Scope) -> None:
        """Ask again, ever more rarely, for all namespaces: the refusal may have been for a moment, while the server started."""
        delay = _ALL_AGAIN
        while self._refused is scope:
            self._ask_again.clear()
            await comes(self._ask_again, delay)
            try:
                await self.opened.request("GET", PODS.path(), query=[("limit", "1")])
            except PodtuiError:
                delay = min(2 * delay, _ALL_AGAIN_MOST)
            else:
                if self._refused is scope:
                    self.notices.emit("you may list pods in all namespaces again: showing them")
                    self.show(namespaces=())
