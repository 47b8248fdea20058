"""An hour of the cluster in minutes: podtui on changing pods with random keys; nothing fails, nothing grows, and the list stays true.

    python -m tests.soak [--seed 0] [--keys 1500] [--cycles 40] [--pods 300]

The cluster is the built-in one in a process of its own, whose time goes faster and whose pods are replaced all the time. podtui runs
in this process, on a screen without a terminal, so that its objects can be counted. First everything that opens is opened and closed
`--cycles` times, and ports are forwarded and each carry an answer; then come `--keys` keys picked by `--seed`, on screens of changing
sizes, and more until the cluster's hour is over. Ten times in each part it tells what there is. It fails, with the keys pressed last,
when an exception or an error in the log turns up, when tasks, files or objects are left over, or when at the end the list differs from
that of a podtui that has just started.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import multiprocessing
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from unittest.mock import patch

import textual.app
import textual.pilot
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.screen import Screen
from textual.timer import Timer
from textual.worker import Worker

from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.cluster.live.name_filter import parse_filter
from podtui.config import Config
from podtui.errors import PodtuiError
from podtui.kube.resources import PODS, ObjectRef, Scope
from podtui.ui.main.app import PodtuiApp
from podtui.ui.main.screen import MainScreen
from podtui.ui.options import Options
from tests.support.waiting import until

SPEED = 60  # seconds of the cluster in one of ours; fewer where the computer is too slow for it
CHURN = 1 / 3  # pods replaced a second of the cluster's
HOUR = 3600.0  # seconds of the cluster that a run lasts at least
FORWARDS = 4  # for each time that everything was opened
STAYS = (0.0, 0.02, 0.3)  # seconds that what was opened stays so: at times it is closed before it is complete
SIZES = ((120, 36), (80, 24), (200, 50), (40, 12), (120, 36))
OPENING = [*"lpdyavxLAFfnJMco", "ctrl+d", "ctrl+k", "colon", "question_mark", "equals_sign", "slash"]
"""The keys that open something from the list. Escape closes it again."""
_KEYS = [
    *"jjjjkkkkgG", "pageup", "pagedown", "up", "down", "left", "right", "home", "end", *["tab", "shift+tab", "enter", "space"] * 3,
    *["escape"] * 6, *OPENING, *"012wzurZNPSTRO", "minus", "left_square_bracket", "right_square_bracket", "ctrl+r", "ctrl+a",
    "ctrl+backslash", "ctrl+at", "ctrl+l", *"Dabeix-=!,", "backspace",
]  # fmt: skip
"""Keys that a hand presses, but for those that leave podtui, hand the terminal to another program, or change the widths of columns."""
_COUNTED = ("podtui", "aiohttp")
_ALLOWED = 40
"""How many more objects of one type there may be than in the middle of the run: caches fill up, and the cluster changes.
Of a type of screens there may be one more: the one that Textual has not let go of yet."""
_PAINTED = {"podtui.ui.widgets.row_line.Cell": 1000, "podtui.ui.widgets.row_line.RowLine": 100}
"""What stands on the lines painted last, in hidden tables too: as many as the largest screen has room for."""


_KEPT = {"podtui.ui.messages.history.Said": 1000, "podtui.cluster.connection.access._Rule": 600}
"""What podtui keeps, up to this many: the messages for its user, and a few rules for each namespace in which something was selected."""


class Failed(Exception):
    """What went wrong, in lines."""


def _serve(pods: int, seed: int, pipe: Pipe) -> None:
    """The process of the cluster. It sends the kubeconfig's path, then how many of its seconds have passed whenever it is asked for its
    `time`, or told to stand `still`; it ends when told anything else.
    """
    from podtui.demo.scenarios import loading
    from podtui.demo.server import DemoServer

    with DemoServer(loading.load(f"scale:{pods},churn={CHURN}"), speed=SPEED, seed=seed) as server:
        began = server.clock.now()
        pipe.send(server.kubeconfig)
        while (told := pipe.recv()) in ("time", "still"):
            if told == "still":
                server.end_scenario()
            pipe.send(server.clock.now() - began)


@contextlib.contextmanager
def cluster(pods: int, seed: int) -> Iterator[tuple[str, Pipe]]:
    """The kubeconfig of the changing cluster, and the pipe that asks for its time and stops its changes."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(pods, seed, theirs))
    process.start()
    try:
        yield ours.recv(), ours
    finally:
        ours.send("end")
        process.join(20)
        if process.exitcode is None:
            process.kill()


def ask(pipe: Pipe, what: str) -> float:
    """The cluster's time in seconds since it began, after it was asked or told that."""
    pipe.send(what)
    seconds: float = pipe.recv()
    return seconds


async def handled(*_: float) -> None:
    """In the place of Textual's wait until the process is idle, which on a changing cluster it never is: that took 2 s for each key. The
    pilot waits for the widgets to have handled all messages anyway, and `press` for the key.
    """
    await asyncio.sleep(0)


class Errors(logging.Handler):
    """Errors that podtui wrote to its log."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(self.format(record))


class Left:
    """What there is at a quiet moment: memory, tasks, open files, and by type the objects of podtui and aiohttp, and Textual's widgets.

    Textual's and rich's caches of sizes, lines and styles are not counted: they are bounded, and fill up slowly.
    """

    def __init__(self) -> None:
        gc.collect()
        counted = [
            each
            for each in gc.get_objects()
            if isinstance(each, MessagePump | Timer | Worker) or str(type(each).__module__).partition(".")[0] in _COUNTED
        ]
        self.objects = Counter(map(_type_name, counted))
        self.screens = {_type_name(each) for each in counted if isinstance(each, Screen)}
        self.counts = {
            "tasks": len(asyncio.all_tasks()),
            "files": len(os.listdir("/proc/self/fd")),
            "memory in MB": int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1_000_000,
        }

    def more_than(self, before: Left) -> list[str]:
        """Where there is more than before and more than chance would leave."""
        found = [
            f"{count - before.objects[name]} more {name} ({before.objects[name]} before)"
            for name, count in self.objects.items()
            if count - before.objects[name] > self._allowed(name, before.objects[name])
        ]
        allowed = {"tasks": 4, "files": 6, "memory in MB": 25}
        found += [
            f"{name}: {before.counts[name]} before, {count} now"
            for name, count in self.counts.items()
            if count > before.counts[name] + allowed[name]
        ]
        return found

    def _allowed(self, name: str, before: int) -> float:
        return 1 if name in self.screens else {**_PAINTED, **_KEPT}.get(name) or max(_ALLOWED, before * 0.2)


def _type_name(each: object) -> str:
    return f"{type(each).__module__}.{type(each).__qualname__}"


class Soak:
    """One podtui, and what is done to it."""

    def __init__(self, app: PodtuiApp, pilot: Pilot[int], seed: int) -> None:
        self.app, self.pilot = app, pilot
        self.chance = random.Random(seed)
        self.last: deque[str] = deque(maxlen=30)
        self.opened = 0
        self.carried = 0  # requests through forwards
        self.began = time.monotonic()

    async def press(self, key: str) -> None:
        self.last.append(key)
        await self.pilot.press(key)
        await until(lambda: not (self.app.is_running and self.app.keys_wait))
        if not self.app.is_running:
            raise Failed("podtui has ended")

    async def go_home(self) -> MainScreen:
        """Close everything, and show all pods in the default order, on a screen of 120x36."""
        await self.pilot.resize_terminal(120, 36)
        for _ in range(15):
            await self.press("escape")
            screen = self.app.screen
            if isinstance(screen, MainScreen) and screen.focused is screen.lists.pods.table and screen.panes.lower != "logs":
                break
        else:
            raise Failed(f"Escape does not lead back to the pods, but to {screen.focused} of {type(screen).__name__}")
        await screen.show_scope((), "")
        pods = screen.lists.pods
        pods.set_filter(parse_filter(""))
        pods.table.action_clear_marks()
        if screen.panes.full:
            await self.press("z")
        if pods.wide:
            pods.action_wide()
        if pods.only_faulty:
            pods.action_faulty()
        await self.settle()  # there are no columns before
        while (pods.view.sort, pods.view.reverse) != ("name", False):
            pods.action_sort("name")
        screen.go("list")
        for key in ("d", "escape"):  # the pane below takes its part of the rows
            await self.press(key)
        await self.settle()
        return screen

    async def settle(self) -> None:
        """Wait until the list is live and complete."""
        deadline = time.monotonic() + 60
        pods = self.app.session.pods
        while not (pods.health.state == "live" and pods.known):
            if time.monotonic() > deadline:
                raise Failed(f"the list is {pods.health.state} for a minute: {pods.health}")
            await asyncio.sleep(0.05)
        await self.pilot.pause()

    async def calm(self) -> None:
        """Wait until nothing in the cluster has changed for a while."""
        before: dict[str, str] = {}
        while (now := versions(self.app)) != before:
            before = now
            await asyncio.sleep(3.0)

    async def open_and_close(self, cycles: int) -> list[str]:
        """Everything that opens, opened and closed; what is left afterwards beyond the first third."""
        before: Left | None = None
        for number in range(cycles):
            for key in OPENING:
                await self.press(key)
                await asyncio.sleep(self.chance.choice(STAYS))
                for _ in range(3):
                    await self.press("escape")
            await self.go_home()
            for _ in range(FORWARDS):
                await self.forward()
            self.opened += len(OPENING) + FORWARDS
            self.tell(number, cycles, f"{self.opened} opened and closed")
            if number == max(2, cycles // 3):
                before = await self.left()
        if self.carried < cycles:
            raise Failed(f"of {cycles * FORWARDS} forwards {self.carried} carried an answer")
        return (await self.left()).more_than(before) if before is not None else []

    async def left(self) -> Left:
        """What there is once nothing becomes less any more: what two hundred logs held is gone a moment after they were closed."""
        now = Left()
        while True:
            await asyncio.sleep(2.5)
            later = Left()
            if later.objects.total() >= now.objects.total():
                return later
            now = later

    async def forward(self) -> None:
        """A port forwarded to a pod that serves HTTP, a request through it, and the port closed again."""
        forwards, rows = self.app.session.forwards, self.app.session.pods.rows.values()
        row = self.chance.choice([row for row in rows if row.labels.get("app") == "web"])
        try:
            forward = await forwards.start(ObjectRef(PODS, row.name, row.namespace, row.uid), "0:8080")
        except PodtuiError:  # the pod was replaced meanwhile
            return
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", forward.local_port)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            self.carried += (await reader.read()).startswith(b"HTTP/1.")
            writer.close()
        except OSError:  # likewise
            pass
        finally:
            await forwards.remove(forward.id)

    async def random_keys(self, count: int, clock: Callable[[], float]) -> list[str]:
        """Keys, and more of them until the cluster's hour is over; what is left afterwards beyond the first third."""
        before: Left | None = None
        number = 0
        while number < count or number % 50 or clock() < HOUR:
            if number % 100 == 99:
                await self.pilot.resize_terminal(*self.chance.choice(SIZES))
            await self.press(self.chance.choice(_KEYS))
            if number == count // 3:
                await self.press("ctrl+l")  # what the logs of all pods leave in memory counts as there before
                await asyncio.sleep(1.0)
                await self.go_home()
                before = await self.left()
            self.tell(number, count, f"{number + 1} keys")
            number += 1
        await self.go_home()
        return (await self.left()).more_than(before) if before is not None else []

    def tell(self, number: int, count: int, what: str) -> None:
        """What there is at each tenth of a part."""
        if (number + 1) % max(1, count // 10) == 0:
            counts = ", ".join(f"{name}: {found}" for name, found in Left().counts.items())
            print(f"{what} after {(time.monotonic() - self.began) / 60:.1f} min; {counts}", flush=True)


def versions(app: PodtuiApp) -> dict[str, str]:
    """The version of each pod by UID, as podtui knows it."""
    return {uid: row.resource_version for uid, row in app.session.pods.rows.items()}


def shown(app: PodtuiApp) -> list[str]:
    """The lines of the pod list, without what time changes."""
    screen = app.screen
    assert isinstance(screen, MainScreen)
    table = screen.lists.pods.table
    lines = [table.render_line(line).text for line in range(12)]
    return [" ".join(re.sub(r" (\d+[smhdy])+( |$)", " AGE ", line).split()) for line in lines]  # a column stays as wide as it was once


async def run(options: argparse.Namespace, kubeconfig_path: str, pipe: Pipe) -> None:
    errors = Errors()
    logging.getLogger().addHandler(errors)
    kubeconfig = Kubeconfig.load(kubeconfig_path)

    def fresh() -> PodtuiApp:
        return PodtuiApp(Options(kubeconfig.settings(), kubeconfig, Scope(()), Config()))

    app = fresh()
    with patch.object(textual.app, "wait_for_idle", handled), patch.object(textual.pilot, "wait_for_idle", handled):
        await use(app, fresh, options, pipe, errors)


async def use(app: PodtuiApp, fresh: Callable[[], PodtuiApp], options: argparse.Namespace, pipe: Pipe, errors: Errors) -> None:
    async with app.run_test(size=(120, 36)) as pilot:
        soak = Soak(app, pilot, options.seed)
        try:
            await soak.settle()
            soak.tell(0, 1, "the list is there")
            for what, work in (
                ("opening and closing", partial(soak.open_and_close, options.cycles)),
                ("random keys", partial(soak.random_keys, options.keys, partial(ask, pipe, "time"))),
            ):
                left = await work()
                print(f"{what}: {'; '.join(left) or 'nothing is left'}", flush=True)
                if left:
                    raise Failed("\n".join([f"after {what} there is", *left]))
            print(f"{ask(pipe, 'still') / 60:.0f} minutes of the cluster have passed", flush=True)
            await soak.calm()
            await soak.go_home()
            await soak.press("g")
            await pilot.pause()
            ours = shown(app)
            anew = fresh()
            async with anew.run_test(size=(120, 36)) as other:
                await Soak(anew, other, 0).go_home()
                await other.press("g")
                await other.pause()
                theirs = shown(anew)
                same = versions(app) == versions(anew)
            if ours != theirs or not same:
                raise Failed("\n".join(["the list differs from that of a new podtui:", *ours, "the new one's:", *theirs]))
            if errors.told:
                raise Failed("\n".join(["errors in the log:", *errors.told]))
        except BaseException:
            print(f"the keys pressed last: {' '.join(soak.last)}", file=sys.stderr)
            raise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keys", type=int, default=1500)
    parser.add_argument("--cycles", type=int, default=40)
    parser.add_argument("--pods", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, cluster(options.pods, options.seed) as (kubeconfig, pipe):
        os.environ.update({"HOME": folder, "XDG_STATE_HOME": str(Path(folder, "state")), "XDG_CONFIG_HOME": str(Path(folder, "config"))})
        os.chdir(folder)
        try:
            asyncio.run(run(options, kubeconfig, pipe))
        except Failed as error:
            raise SystemExit(f"soak: {error}") from None
    print(f"soak: {options.cycles} cycles and {options.keys} keys: no error, nothing left over, the list as a new podtui shows it")


if __name__ == "__main__":
    main()
