"""A shell in a container: the user chooses one and, in a protected context, types its name; the shell then has the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from rich.text import Text
from textual.widget import Widget
from textual.widgets import Static

from podtui.cluster.exec import shells, terminal_session
from podtui.cluster.exec.shells import Place
from podtui.cluster.exec.terminal_session import Ended
from podtui.cluster.pods.operating_system import WINDOWS
from podtui.cluster.session import Session
from podtui.errors import ApiError, ConnectionFailed, PodtuiError
from podtui.kube.kubectl import kubectl_exec
from podtui.kube.resources import ObjectRef
from podtui.text import harmless
from podtui.ui.background import work_instead
from podtui.ui.dialogs.choose import Chooser
from podtui.ui.dialogs.dialog import Dialog, confirmations, shown
from podtui.ui.terminal.app import TerminalApp
from podtui.ui.terminal.raw_terminal import RawTerminal

_KINDS = {"init": "init container", "sidecar": "sidecar", "container": "", "ephemeral": "ephemeral container"}


class ShellDialog(Dialog[bool]):
    """For a protected context: dismissed with True once the user has typed its name."""

    def __init__(self, session: Session, ref: ObjectRef, place: Place) -> None:
        title = f"Open a shell in container {place.name} of {ref} in namespace {ref.namespace}"
        super().__init__(title, confirm="Open", danger=True, asked=confirmations(session, 1, "pods"))
        self.show_commands([_command(session, ref, place)])

    def compose_body(self) -> Iterable[Widget]:
        yield Static(Text("podtui does not record in the journal what you do there, and cannot undo it."))

    async def submit(self) -> None:
        self.dismiss(True)


def start_shell(app: TerminalApp, session: Session, ref: ObjectRef) -> None:
    """Open a shell, in a worker of the application. One at a time: pressing the key again before it opens means the same shell."""
    work_instead(app, "shell", open_shell, app, session, ref)


async def open_shell(app: TerminalApp, session: Session, ref: ObjectRef) -> None:
    """Open a shell in a container of the pod, as `kubectl exec -it`. Run it in a worker; it reports errors itself."""
    began = app.screen
    try:
        connection = session.opened
        found = await shells.places(connection, ref)
        place = await _chosen(app, ref, found)
        if place is None:
            return
        connection.check("GET", f"{ref.path}/exec", terminal_session.exec_query(place.name, place.commands[0]))
        if session.config.is_protected(session.settings.context) and not await app.push_screen_wait(ShellDialog(session, ref, place)):
            return
        # exec has no precondition, so check right before that the pod and the run of the container are still the same.
        if place not in await shells.places(connection, ref):
            raise PodtuiError(f"container {place.name} of {ref} has stopped or restarted meanwhile", "Open the shell again")
        if not app.terminal.usable:
            raise PodtuiError("there is no terminal for a shell", "Start podtui in a terminal")
        if app.screen is not began:  # keys meant for that screen must not go into a container
            raise PodtuiError("podtui opened no shell: another screen opened before it was ready", "Press its key again")
        try:
            ended = await app.terminal.lend(lambda terminal: _use(session, ref, place, terminal))
        except (ApiError, ConnectionFailed) as error:
            raise await shells.explained(connection, ref, place, error) from error
        ending = await shells.how_it_ended(connection, ref, place, ended)
    except PodtuiError as error:
        app.notify(shown(str(error)), severity="error", markup=False)
        return
    if ending:
        app.notify(shown(ending), markup=False)


async def _chosen(app: TerminalApp, ref: ObjectRef, found: Sequence[Place]) -> Place | None:
    """The only container that accepts a shell, if it is the default one; otherwise the user's choice from a list."""
    if found[0].warning:
        app.notify(shown(found[0].warning), severity="warning", markup=False)
    if [place for place in found if not place.refusal] == found[:1]:
        return found[0]
    notes = {place.name: " ".join(filter(None, (_KINDS[place.kind], place.refusal))) for place in found}
    refused = [place.name for place in found if place.refusal]
    title = f"Open a shell in which container of {ref}?"
    name = await app.push_screen_wait(Chooser(title, [place.name for place in found], found[0].name, notes=notes, refused=refused))
    return next((place for place in found if place.name == name), None)


async def _use(session: Session, ref: ObjectRef, place: Place, terminal: RawTerminal) -> Ended:
    """Run the shell on the terminal, below a line that says where it runs and how to leave it."""
    where = f"a shell in container {place.name} of {ref}, namespace {ref.namespace}"
    leave = "exit" if place.system == WINDOWS else "exit or Ctrl+D"
    await _write(terminal, f"podtui: {where}. Leave it with {leave}. With kubectl: {_command(session, ref, place)}")
    return await shells.run(session.opened, ref, place, terminal, partial(_say_instead, session, ref, place, terminal))


async def _say_instead(session: Session, ref: ObjectRef, place: Place, terminal: RawTerminal, command: Sequence[str]) -> None:
    await _write(terminal, f"podtui: the image does not have it; trying {command[0]}: {_command(session, ref, place, command)}")


async def _write(terminal: RawTerminal, line: str) -> None:
    await terminal.write(f"{harmless(line)}\r\n".encode())


def _command(session: Session, ref: ObjectRef, place: Place, command: Sequence[str] = ()) -> str:
    return kubectl_exec(ref, place.name, command or place.commands[0], options=session.settings.kubectl_options)
