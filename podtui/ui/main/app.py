"""The application: the session's life and the screens. It composes and routes, nothing else."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding
from textual.events import Key

from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.kube.resources import Scope
from podtui.ui.commands import BY_ID, bindings, current_keymap
from podtui.ui.main.kinds import NODE_LIST
from podtui.ui.main.screen import MainScreen
from podtui.ui.options import Options
from podtui.ui.terminal.app import TerminalApp

if TYPE_CHECKING:
    from podtui.ui.palette.prompt import Request

_SETTLED = ("live", "polling", "denied", "failed", "stale")


class PodtuiApp(TerminalApp):
    """podtui on one terminal. `run()` returns when the user leaves; the session is closed by then."""

    BINDINGS: ClassVar[list[Binding]] = bindings("app")  # type: ignore[assignment]

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.session = self._session(options.settings, options.scope, read_only=False)
        self.set_keymap(current_keymap(options.config.keymap))

    def _session(self, settings: ConnectionSettings, scope: Scope, *, read_only: bool) -> Session:
        options = self.options
        return Session(
            settings,
            scope,
            config=options.config,
            request_timeout=options.request_timeout,
            read_only=read_only,
            read_only_reason="started with --read-only" if options.read_only else "",
        )

    # -- life ---------------------------------------------------------------------------------------------------
    async def on_mount(self) -> None:
        await self.push_screen(MainScreen(self.session, self.options.label_columns, self.options.pod))
        self.session.opened_signal.subscribe(self._collect_garbage_again)
        self.call_after_refresh(self.session.start)  # the first paint comes before the client is imported

    def _collect_garbage_again(self, _: PodtuiError | None) -> None:
        if not gc.isenabled():
            gc.freeze()  # modules loaded by now stay: later collections skip them
            gc.enable()

    async def on_unmount(self) -> None:
        if self.drafts:
            from podtui.ui.editor.outside_editor import kept_words

            for name, draft in self.drafts.items():
                kept_words(self, draft.text, name)
        await self.session.close()

    async def settled(self) -> None:
        """Wait until the pod list is loaded or unavailable, for a picture of the screen; 10 seconds at most."""
        deadline = asyncio.get_running_loop().time() + 10.0
        while asyncio.get_running_loop().time() < deadline:
            health = self.session.pods.health
            if health.state in _SETTLED and (self.session.pods.known or health.state != "live"):
                return
            await asyncio.sleep(0.05)

    async def open_context(self, name: str, scope: Scope | None = None, label_columns: tuple[str, ...] | None = None) -> None:
        """Switch to another context. The forwards of the old one end, since they belong to it; the label columns stay."""
        options = self.options
        try:
            settings = options.kubeconfig.settings(name, impersonate=options.impersonate, impersonate_groups=options.impersonate_groups)
        except PodtuiError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        before = self.session
        by_key = before.read_only and not before.read_only_reason  # a user who turned it on wants it in the next context too
        self.session = self._session(settings, scope or Scope((settings.namespace,)), read_only=by_key)
        if label_columns is None:
            label_columns = self.screen.lists.pods.label_columns if isinstance(self.screen, MainScreen) else options.label_columns
        await self.switch_screen(MainScreen(self.session, label_columns))
        self.session.start()
        ended = sum(forward.running for forward in before.forwards.forwards)
        await before.close()
        if ended:
            self.notify(f"{ended} port-forward{'s' if ended > 1 else ''} of {before.settings.context} ended with it", markup=False)

    async def _on_key(self, event: Key) -> None:
        """A key that nothing has taken: say where it works, or, if k9s has it, podtui's own key for it."""
        event.prevent_default()  # Textual's own handler runs the bindings, too, and does not tell whether there was one
        if await self._check_bindings(event.key):
            return
        if not isinstance(self.screen, MainScreen):  # a modal screen hides the application's keys; this one works everywhere
            suspends = (self._keymap.get("app.suspend") or BY_ID["app.suspend"].key).split(",")
            if event.key in suspends:
                self.action_suspend()
            return
        from podtui.ui.unbound_keys import words

        if said := words(event.key, self.key_of, self._keymap, self.screen.active_bindings):
            self.notify(said, markup=False)

    # -- actions ------------------------------------------------------------------------------------------------
    async def action_leave(self) -> None:
        """Go back one, as Esc does; on the list of pods leave."""
        if not isinstance(self.screen, MainScreen) or not await self.screen.go_back():
            self._leave()

    def _leave(self) -> None:
        """Leave at once, or ask first what ends with podtui."""
        running = sum(forward.running for forward in self.session.forwards.forwards)
        ends = [f"{running} port-forward{'s end' if running > 1 else ' ends'}"] if running else []
        ends += [f"{name} was not sent and stays in a file" for name in self.drafts]
        if not ends:
            self.exit(0)
            return
        from podtui.ui.dialogs.choose import Chooser

        def chosen(answer: str | None) -> None:
            if answer == "Quit":
                self.exit(0)

        self.push_screen(Chooser(f"Quit podtui? {', '.join(ends)}", ["Stay", "Quit"]), chosen)

    def action_interrupt(self) -> None:
        self.exit(0)

    def action_suspend(self) -> None:
        self.action_suspend_process()

    def action_help(self) -> None:
        from podtui.ui.palette.help import HelpScreen

        if isinstance(self.screen, HelpScreen):
            return
        bound = (active.binding.id for active in self.screen.active_bindings.values())
        focused = tuple(dict.fromkeys(BY_ID[id].where for id in bound if id in BY_ID))
        self.push_screen(HelpScreen(focused, self.screen.offers) if isinstance(self.screen, MainScreen) else HelpScreen(focused))

    def action_messages(self) -> None:
        from podtui.ui.messages.screen import MessagesScreen

        self.push_screen(MessagesScreen(self.messages.all))

    def action_palette(self) -> None:
        from podtui.ui.palette.completion import Names
        from podtui.ui.palette.screen import PaletteScreen

        if isinstance(self.screen, MainScreen):
            names = Names(self.session, list(self.options.kubeconfig.contexts), self.screen.lists.known_nodes)
            self.push_screen(PaletteScreen(self.screen.refusal, names), self._asked)

    @on(MainScreen.Asked)
    async def _favourite_asked(self, event: MainScreen.Asked) -> None:
        from podtui.ui.palette.prompt import read_prompt

        try:
            await self._asked(read_prompt(event.text))
        except PodtuiError as error:
            self.notify(str(error), severity="error", markup=False)

    async def _asked(self, asked: Request | str | None) -> None:
        """Handle the palette's result: the id of a command, or a request in words."""
        screen = self.screen
        if asked is None or not isinstance(screen, MainScreen):
            return
        if isinstance(asked, str):
            await screen.run_command(asked)
        elif asked.verb == "quit":
            self.exit(0) if asked.at_once else self._leave()
        elif asked.context:
            scope = None if asked.namespaces is None else Scope(asked.namespaces, asked.selector or "")
            await self.open_context(asked.context, scope, asked.label_columns)
        elif asked.verb == "nodes":
            await screen.show_kind(NODE_LIST, asked.node)
        elif asked.verb == "forwards":
            screen.actions.forwards(asked.forwards)
        elif asked.verb == "namespace" and asked.namespaces is None:
            screen.go("namespaces")
        else:
            await screen.show_scope(asked.namespaces, asked.selector)
            if asked.label_columns is not None:
                screen.lists.pods.set_label_columns(asked.label_columns)
