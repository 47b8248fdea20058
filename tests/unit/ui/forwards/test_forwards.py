"""The dialog that starts port-forwards and the list of them, by keys."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from podtui.cluster.connection.connection import Connection
from podtui.cluster.forward import route as route_module
from podtui.cluster.forward.local_ports import is_free
from podtui.cluster.forward.manager import ForwardManager
from podtui.cluster.forward.saved import profiles
from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.cluster.session import Session
from podtui.config import ForwardConfig
from podtui.ui.commands import BY_ID
from podtui.ui.dialogs.dialog import Dialog
from podtui.ui.forwards.dialog import ForwardDialog, suggested
from podtui.ui.forwards.screen import ForwardsScreen
from podtui.ui.forwards.text import amount
from podtui.ui.terminal.picture import as_text
from podtui.ui.widgets.key_hints import KeyHints
from podtui.ui.widgets.row_table import RowTable
from podtui.ui.widgets.text_line import TextLine
from tests.support.api_server import settings, status
from tests.support.forward_server import OWNER, POD, Pod, Wire, forwarding, free_port
from tests.support.waiting import until

SIZES = [(80, 24), (120, 36)]


@dataclass
class ForwardSession:
    """What the screens use of a session."""

    forwards: ForwardManager
    settings: ConnectionSettings

    @property
    def opened(self) -> Connection:
        return self.forwards.connection()


class Screens(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.notices: list[str] = []
        self.copied: list[str] = []

    def notify(self, message: str, **more: Any) -> None:
        assert more.get("markup") is False
        self.notices.append(message)

    def copy_to_clipboard(self, text: str) -> None:
        self.copied.append(text)


@asynccontextmanager
async def running(
    pod: Pod, size: tuple[int, int] = (80, 24), saved: dict[str, ForwardConfig] | None = None
) -> AsyncIterator[tuple[Screens, Session, Pilot[None]]]:
    async with forwarding(pod, profiles=profiles(saved or {}, settings("http://x", namespace="shop"))) as manager:
        app = Screens()
        async with app.run_test(size=size) as pilot:
            yield app, cast(Session, ForwardSession(manager, manager.connection().settings)), pilot


async def settle(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    """Waits until `condition()` holds, and until the screen has taken its messages.

    Not by the pilot's pause: that waits for every widget to have taken a message, and can wait longer than the change itself.
    """
    await until(condition)
    await pilot.pause()


async def opened(app: Screens, session: Session, pilot: Pilot[None]) -> ForwardDialog:
    """The dialog, once it has read the pod."""
    dialog = ForwardDialog(session, POD)
    app.push_screen(dialog)
    await settle(pilot, lambda: dialog.query("#forward-declared") and "declare" in text(dialog, "#forward-declared"))
    return dialog


def text(screen: Dialog[Any] | ForwardsScreen, selector: str) -> str:
    return str(screen.query_one(selector, Static).content)


def ports(dialog: ForwardDialog) -> Input:
    return dialog.query_one("#forward-ports", Input)


# -- the dialog -------------------------------------------------------------------------------------------------------
async def test_the_dialog_offers_the_ports_that_the_containers_declare() -> None:
    pod = Pod()
    pod.ports = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 80, "name": "http"}, {"containerPort": 9090}]
    async with running(pod) as (app, session, pilot):
        dialog = await opened(app, session, pilot)
        assert text(dialog, "#forward-declared") == "The containers declare: 53 (UDP) of app, 80 http of app, 9090 of app"
        assert ports(dialog).value == f"{suggested(80)}:80"
        assert dialog.commands == [f"kubectl --context dev port-forward -n shop pod/web-1 {suggested(80)}:80"]
        assert app.focused is ports(dialog)


async def test_enter_forwards_and_the_dialog_closes() -> None:
    async with running(Pod()) as (app, session, pilot):
        dialog = await opened(app, session, pilot)
        local = free_port()
        ports(dialog).value = f"{local}:http"
        await pilot.press("enter")
        await settle(pilot, lambda: app.screen is not dialog)
        (forward,) = session.forwards.forwards
        assert (forward.local_port, forward.remote_port, forward.state) == (local, 8080, "active")
        assert app.notices == [f"Forwarding 127.0.0.1:{local} -> pod/web-1:8080"]


async def test_several_ports_are_forwarded_at_once() -> None:
    async with running(Pod()) as (app, session, pilot):
        dialog = await opened(app, session, pilot)
        ports(dialog).value = ":8080, :9090 :http"
        assert dialog.query_one("#dialog-confirm", Button).has_class("-blocked") is False
        await pilot.press("enter")
        await settle(pilot, lambda: app.screen is not dialog)
        assert [forward.remote_port for forward in session.forwards.forwards] == [8080, 9090, 8080]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("99999:80", "local port 99999 is not between 1 and 65535"),
        ("80:x y", "local port"),
        ("a:80", "local port 'a' is not a number"),
        (":https", "pod/web-1 has no port named 'https'\n  There are: http (8080)"),
        (":[b]x", "the pod's port '[b]x' is neither a number nor a port name"),
    ],
)
async def test_a_mistake_is_reported_while_it_is_typed_and_cannot_be_confirmed(typed: str, words: str) -> None:
    async with running(Pod()) as (app, session, pilot):
        dialog = await opened(app, session, pilot)
        ports(dialog).value = typed
        await pilot.pause()
        if words != "local port":
            assert text(dialog, "#forward-problem").startswith(f"✗ {words}")
            assert dialog.query_one("#dialog-confirm", Button).has_class("-blocked")
            assert dialog.commands == []
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen is dialog and session.forwards.forwards == []


async def test_ports_that_are_not_typed_yet_are_missing_and_no_mistake() -> None:
    async with running(Pod()) as (app, session, pilot):
        dialog = await opened(app, session, pilot)
        ports(dialog).value = ""
        await pilot.pause()
        assert "✗" not in as_text(app) and "type the ports" in as_text(app)
        await pilot.press("enter")
        await pilot.pause()
        assert "✗ type the ports" in as_text(app) and dialog.focused is ports(dialog) and session.forwards.forwards == []


async def test_a_taken_port_is_reported_while_it_is_typed_with_a_free_one() -> None:
    async with running(Pod()) as (app, session, pilot):
        first = await session.forwards.start(POD, ":8080")
        dialog = await opened(app, session, pilot)
        ports(dialog).value = f"{first.local_port}:8080"
        await pilot.pause()
        assert f"local port {first.local_port} is already in use by the forward to pod/web-1; " in text(dialog, "#forward-problem")


async def test_the_program_that_has_a_taken_port_is_reported_too() -> None:
    async with running(Pod()) as (app, session, pilot):
        dialog = await opened(app, session, pilot)
        with socket.create_server(("127.0.0.1", 0)) as other:
            ports(dialog).value = f"{other.getsockname()[1]}:8080"
            await settle(pilot, lambda: "is already in use by this podtui; " in text(dialog, "#forward-problem"))


async def test_a_refusal_is_reported_in_the_dialog_and_the_text_stays() -> None:
    pod = Pod()
    pod.refusal = lambda: status(403, "Forbidden", "pods is forbidden: User cannot create pods/portforward [red]")
    async with running(pod) as (app, session, pilot):
        dialog = await opened(app, session, pilot)
        local = free_port()
        ports(dialog).value = f"{local}:8080"
        await pilot.press("enter")
        await settle(pilot, lambda: "forbidden" in text(dialog, "#dialog-status-text"))
        refused, hint = text(dialog, "#dialog-status-text").splitlines()
        assert refused == "✗ pods is forbidden: User cannot create pods/portforward [red]"
        assert hint == "A WebSocket needs permission to get and to create pods/portforward"
        assert ports(dialog).value == f"{local}:8080"
        assert session.forwards.forwards == [] and is_free("localhost", local)
        pod.refusal = None
        await pilot.press("enter")
        await settle(pilot, lambda: app.screen is not dialog)


async def test_a_pod_that_is_gone_is_reported_when_the_dialog_opens() -> None:
    pod = Pod()
    pod.exists = False
    async with running(pod) as (app, session, pilot):
        dialog = ForwardDialog(session, POD)
        app.push_screen(dialog)
        await settle(pilot, lambda: dialog.query("#dialog-status-text") and "pod/web-1 is gone" in text(dialog, "#dialog-status-text"))
        assert text(dialog, "#forward-declared") == "podtui cannot read the pod's ports"


async def test_an_address_that_others_can_reach_is_warned_of() -> None:
    async with running(Pod()) as (app, session, pilot):
        dialog = await opened(app, session, pilot)
        address = dialog.query_one("#forward-address", Input)
        address.value = "0.0.0.0"
        await pilot.pause()
        assert text(dialog, "#forward-warning") == "! Anyone who can reach 0.0.0.0 over the network can reach the pod"
        assert "--address 0.0.0.0 pod/web-1" in dialog.commands[0]
        address.value = "127.0.0.1"
        await pilot.pause()
        assert text(dialog, "#forward-warning") == ""
        address.value = "nowhere"
        await pilot.pause()
        assert "'nowhere' is neither localhost nor an IP address" in text(dialog, "#forward-problem")


async def test_escape_leaves_and_forwards_nothing() -> None:
    async with running(Pod()) as (app, session, pilot):
        dialog = await opened(app, session, pilot)
        await pilot.press("escape")
        await settle(pilot, lambda: app.screen is not dialog)
        assert session.forwards.forwards == []


async def test_a_typed_port_survives_the_reading_of_the_pod() -> None:
    async with running(Pod()) as (app, session, pilot):
        dialog = ForwardDialog(session, POD)
        await app.push_screen(dialog)
        ports(dialog).value = "1234:5678"
        await settle(pilot, lambda: "declare" in text(dialog, "#forward-declared"))
        assert ports(dialog).value == "1234:5678"


@pytest.mark.parametrize("size", SIZES)
async def test_the_dialog_fits_the_screen_with_everything_in_it(size: tuple[int, int]) -> None:
    pod = Pod()
    pod.ports = [{"containerPort": 1000 + i, "name": f"port-{i}"} for i in range(200)]
    pod.refusal = lambda: status(403, "Forbidden", "no " * 300)
    async with running(pod, size) as (app, session, pilot):
        dialog = await opened(app, session, pilot)
        dialog.query_one("#forward-address", Input).value = "0.0.0.0"
        ports(dialog).value = " ".join(f"0:{i}" for i in range(1, 60))
        await pilot.press("enter")
        await settle(pilot, lambda: "no no" in text(dialog, "#dialog-status-text"))
        await pilot.pause()
        for selector in ("#dialog-cancel", "#dialog-confirm", "#dialog-title", "#forward-ports"):
            region = dialog.query_one(selector).region
            assert region.height and dialog.region.contains_region(region), selector


# -- the list ---------------------------------------------------------------------------------------------------------
async def listed(app: Screens, session: Session, pilot: Pilot[None]) -> ForwardsScreen:
    screen = ForwardsScreen(session)
    await app.push_screen(screen)
    await pilot.pause()
    return screen


def rows(screen: ForwardsScreen) -> list[list[str]]:
    table = screen.query_one(RowTable)
    return [[cell.text for cell in screen._cells(key)] for key in table.keys]


def line(screen: ForwardsScreen, y: int) -> str:
    return screen.query_one(RowTable).render_line(y).text


async def test_an_empty_list_says_how_to_start_a_forward() -> None:
    async with running(Pod()) as (app, session, pilot):
        screen = await listed(app, session, pilot)
        shown = "\n".join(line(screen, y) for y in range(8))
        assert "No port-forwards." in shown and "press Shift+F" in shown
        assert screen.query_one("#forwards-title", TextLine).text.strip().startswith("Port-forwards  0 running")


async def test_the_list_shows_each_forward_and_follows_its_bytes() -> None:
    async with running(Pod(), (120, 36)) as (app, session, pilot):
        forward = await session.forwards.start(POD, ":8080")
        screen = await listed(app, session, pilot)
        assert rows(screen) == [["● active", f"127.0.0.1:{forward.local_port}", "8080", "web-1", "shop", "0", "0 B", "0 B", "", ""]]
        reader, writer = await asyncio.open_connection("127.0.0.1", forward.local_port)
        writer.write(bytes(2048))
        await reader.readexactly(2048)
        await settle(pilot, lambda: "1  2.0 KiB  2.0 KiB" in line(screen, 1))
        words = "1 connection so far; in 2.0 KiB, 1.0 KiB/s; out 2.0 KiB, 1.0 KiB/s"  # the mean of two seconds
        await settle(pilot, lambda: words in text(screen, "#forwards-words"))
        await settle(pilot, lambda: rows(screen)[0][8:] == ["", ""])
        writer.close()
        assert f"port-forward -n shop pod/web-1 {forward.local_port}:8080" in text(screen, "#forwards-words")


async def test_stop_restart_and_removal_by_keys() -> None:
    async with running(Pod()) as (app, session, pilot):
        forward = await session.forwards.start(POD, ":8080")
        screen = await listed(app, session, pilot)
        await pilot.press("ctrl+d")
        await settle(pilot, lambda: "- stopped" in line(screen, 1))
        assert is_free("localhost", forward.local_port)
        await pilot.press("r")
        await settle(pilot, lambda: "● active" in line(screen, 1))
        await pilot.press("ctrl+d")
        await settle(pilot, lambda: forward.state == "stopped")
        await pilot.press("ctrl+d")
        await settle(pilot, lambda: session.forwards.forwards == [] and "web-1" not in line(screen, 1))


async def test_the_marked_forwards_are_stopped_together() -> None:
    async with running(Pod()) as (app, session, pilot):
        forwards = await session.forwards.start_all(POD, ":1001 :1002 :1003")
        await listed(app, session, pilot)
        await pilot.press("space", "space", "ctrl+d")
        await settle(pilot, lambda: [forward.state for forward in forwards] == ["stopped", "stopped", "active"])


async def test_the_last_error_is_shown_for_the_forward_under_the_cursor() -> None:
    async def refuse(wire: Wire) -> None:
        await wire.fail("connection refused [bold]")

    async with running(Pod(refuse)) as (app, session, pilot):
        forward = await session.forwards.start(POD, ":8080")
        screen = await listed(app, session, pilot)
        _, writer = await asyncio.open_connection("127.0.0.1", forward.local_port)
        await settle(pilot, lambda: "! active" in line(screen, 1))
        words = ": nothing listens on port 8080 in pod/web-1: connection refused [bold]"
        assert "last error, " in text(screen, "#forwards-words") and words in text(screen, "#forwards-words")
        writer.close()


async def test_a_lost_forward_says_how_it_was_lost_and_a_vain_restart_too() -> None:
    pod = Pod()
    async with running(pod) as (app, session, pilot):
        await session.forwards.start(POD, ":8080")
        screen = await listed(app, session, pilot)
        pod.exists = False
        session.forwards.check_pods({"uid-1"})
        await settle(pilot, lambda: "✗ lost" in line(screen, 1) and "lost: pod/web-1 is gone" in text(screen, "#forwards-words"))
        await pilot.press("r")
        await settle(pilot, lambda: app.notices)
        assert app.notices == ["pod/web-1 is gone\nChoose the pod that replaced it"]


async def test_the_local_address_is_copied() -> None:
    async with running(Pod()) as (app, session, pilot):
        forward = await session.forwards.start(POD, ":8080")
        await listed(app, session, pilot)
        await pilot.press("c")
        assert app.copied == [f"127.0.0.1:{forward.local_port}"]


async def test_the_dialog_says_what_happens_when_the_pod_is_replaced() -> None:
    pod = Pod()
    async with running(pod) as (app, session, pilot):
        dialog = await opened(app, session, pilot)
        assert text(dialog, "#forward-follows") == "No controller replaces this pod: the forward ends with it"
        await pilot.press("escape")
        pod.owners = [OWNER]
        dialog = await opened(app, session, pilot)
        assert text(dialog, "#forward-follows") == "When it is replaced, podtui forwards to pod/web-1 of keeper/web"


async def test_a_forward_that_waits_says_for_what_and_one_that_went_on_from_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route_module, "RETRY", 0.05)
    pod = Pod()
    pod.owners = [OWNER]
    async with running(pod) as (app, session, pilot):
        await session.forwards.start(POD, ":8080")
        screen = await listed(app, session, pilot)
        pod.exists = False
        session.forwards.check_pods({"uid-1"})
        await settle(pilot, lambda: "… waiting" in line(screen, 1))
        assert "1 running, 1 waiting for a pod" in screen.query_one("#forwards-title", TextLine).text
        words = "waiting for pod/web-1 of keeper/web: there is no pod/web-1 of keeper/web yet"
        await settle(pilot, lambda: words in text(screen, "#forwards-words"))
        pod.uid, pod.exists = "uid-2", True
        await settle(pilot, lambda: "● active" in line(screen, 1))
        await settle(pilot, lambda: "pod/web-1 replaced pod/web-1 at " in text(screen, "#forwards-words"))


SAVED = {
    "web": ForwardConfig(ports=[":8080", ":http"], selector="app=web"),
    "db": ForwardConfig(ports=["5432"], pod="db-0", namespace="data", start=True, context="prod-*"),
}


@pytest.mark.parametrize("size", SIZES)
async def test_saved_forwards_are_listed_and_started_by_enter(size: tuple[int, int]) -> None:
    async with running(Pod(), size, SAVED) as (app, session, pilot):
        screen = await listed(app, session, pilot)
        assert rows(screen) == [
            ["○ saved", "web", ":8080,:http", "", "a pod with app=web", "shop", *[""] * 5],
            ["○ saved", "db", "5432", "", "db-0", "data", *[""] * 5],
        ]
        words = "forwards.web of config.yaml: to a pod with app=web in namespace shop; Enter starts it"
        assert text(screen, "#forwards-words") == words
        await pilot.press("enter")
        await settle(pilot, lambda: [row[:2] for row in rows(screen)] == [["● active", "web"]] * 2 + [["○ saved", "db"]])
        assert [forward.remote_port for forward in session.forwards.forwards] == [8080, 8080]
        await pilot.press("ctrl+d", "ctrl+d")
        await settle(pilot, lambda: len(session.forwards.forwards) == 1)
        await pilot.press("G", "r")
        await settle(pilot, lambda: app.notices)
        assert app.notices == ["the saved forward db is for the context prod-*\nOpen it with :ctx prod-*"]
        assert "(r) Start" in screen.query_one(KeyHints).text
        assert text(screen, "#forwards-words").endswith("It is for the context prod-*: switch to it with :ctx")


async def test_the_palettes_short_form_starts_saved_forwards_and_tells_an_unknown_one() -> None:
    async with running(Pod(), saved=SAVED) as (app, session, pilot):
        await app.push_screen(ForwardsScreen(session, ["web", "wbe"]))
        await settle(pilot, lambda: [forward.state for forward in session.forwards.forwards] == ["active"] * 2)
        assert app.notices == ["config.yaml has no forward `wbe`, did you mean `web`?"]


async def test_a_busy_port_names_its_program_and_p_takes_the_next_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        async with running(Pod(), saved={"web": ForwardConfig(ports=[f"{port}:8080"], selector="app=web")}) as (app, session, pilot):
            screen = await listed(app, session, pilot)
            await pilot.press("p")
            await settle(pilot, lambda: app.notices)
            assert app.notices.pop() == "no other program uses its local port"
            await pilot.press("r")
            await settle(pilot, lambda: "✗ failed" in line(screen, 1))
            await settle(pilot, lambda: f"failed: local port {port} is already in use by this podtui" in text(screen, "#forwards-words"))
            (forward,) = session.forwards.forwards
            free = forward.free
            assert f"port {free} is free" in text(screen, "#forwards-words")
            await pilot.press("p")
            await settle(pilot, lambda: "● active" in line(screen, 1))
            assert forward.local_port == free > port


async def test_an_address_that_others_can_reach_is_marked_in_the_list() -> None:
    async with running(Pod()) as (app, session, pilot):
        await session.forwards.start(POD, ":8080", "0.0.0.0")
        screen = await listed(app, session, pilot)
        assert "! Anyone who can reach 0.0.0.0 over the network can reach the pod" in text(screen, "#forwards-words")


@pytest.mark.parametrize("key", ["f", "escape", "q"])
async def test_leaving_the_list_leaves_the_forwards(key: str) -> None:
    async with running(Pod()) as (app, session, pilot):
        forward = await session.forwards.start(POD, ":8080")
        screen = await listed(app, session, pilot)
        await pilot.press(key)
        await settle(pilot, lambda: app.screen is not screen)
        assert forward.state == "active"


async def test_the_cursor_stays_on_its_forward_when_another_is_removed() -> None:
    async with running(Pod()) as (app, session, pilot):
        first, second = await session.forwards.start_all(POD, ":1001 :1002")
        screen = await listed(app, session, pilot)
        await pilot.press("j")
        await session.forwards.remove(first.id)
        await settle(pilot, lambda: list(screen.query_one(RowTable).keys) == [str(second.id)])
        assert screen.query_one(RowTable).cursor_key == str(second.id)


def test_every_command_of_the_list_has_its_action() -> None:
    for command in BY_ID.values():
        if command.where == "forwards":
            assert hasattr(ForwardsScreen, f"action_{command.action}")


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1 << 20, "1.0 MiB"), (5_000_000_000, "4.7 GiB"), (1 << 50, "1024.0 TiB")],
)
def test_bytes_are_shown_in_binary_units(count: int, words: str) -> None:
    assert amount(count) == words
