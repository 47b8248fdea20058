"""Plays a walkthrough on a stage: by itself, or step by step at the viewer's request. Knows nothing about Textual or Kubernetes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

from podtui.errors import PodtuiError
from podtui.tour.caption import Caption, words
from podtui.tour.file import Expectation, Part, Scene, Tour, said


class Stage(Protocol):
    """The screen that the player drives."""

    def press(self, key: str) -> None:
        """Press a key by its name, or type one character."""

    def text(self) -> str:
        """The dashboard's lines, without the caption."""

    async def ready(self, patience: float) -> None:
        """Wait until a key would be taken: no dialog waits for the server; at most `patience` seconds."""

    async def calm(self, quiet: float, patience: float) -> None:
        """Wait until nothing has been painted for `quiet` seconds, at most `patience` seconds."""

    async def painted(self, patience: float) -> None:
        """Wait until something is painted, at most `patience` seconds."""

    def show(self, caption: Caption) -> None:
        """Show this in the caption bar."""

    async def restart(self) -> None:
        """Show what the walkthrough began with, whatever is open now; the cluster stays as it is."""

    def picture(self, name: str) -> None:
        """Take a picture, if pictures are wanted; "" names the final one."""


class Acts(Protocol):
    """What steps do besides pressing keys. Each raises PodtuiError; the bar shows the text that `carry_out` returns."""

    def expand(self, text: str) -> str: ...
    async def prepare(self, part: Part) -> None: ...
    async def carry_out(self, part: Part, expand: Callable[[str], str]) -> str: ...


@dataclass(frozen=True)
class Pace:
    """How fast a tour goes, in seconds: after each typed character, each other key, and a finished step.

    `reading` is the reading time for each character of a caption (0: none). `wait` spends all these seconds: it sleeps, or only
    advances a recording. A key has taken effect when nothing has been painted for `quiet` seconds, or after `patience` seconds.
    """

    typing: float = 0.0
    key: float = 0.0
    after: float = 0.0
    reading: float = 0.0
    pauses: bool = False
    quiet: float = 0.12
    patience: float = 2.0
    wait: Callable[[float], Awaitable[object]] = asyncio.sleep

    def to_read(self, text: str) -> float:
        """From 1.5 to 9 seconds; a wide character takes longer to read than a letter."""
        if not self.reading:
            return 0.0
        return min(9.0, max(1.5, self.reading * sum(2 if ord(character) > 0x1100 else 1 for character in text)))


AT_ONCE = Pace(quiet=0.04, patience=0.5)
HELPED = Pace(typing=0.02, key=0.15)
WATCHED = Pace(typing=0.05, key=0.5, after=1.2, reading=0.035, pauses=True)


@dataclass(frozen=True)
class Result:
    """The result of a step. `why` is "" if it succeeded; `part` is the part that failed."""

    number: int
    caption: str
    part: Part
    why: str = ""


class Player:
    """Plays `tour`, and calls `tell` with the result of every step."""

    def __init__(
        self,
        tour: Tour,
        stage: Stage,
        acts: Acts,
        language: str,
        *,
        pace: Pace = AT_ONCE,
        tell: Callable[[Result], None] = lambda _: None,
        hints: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._tour, self._stage, self._acts, self._language = tour, stage, acts, language
        self._pace, self._tell, self._hints = pace, tell, hints
        self._words = words(language)
        self._at = 0

    async def _skip(self, first: int) -> bool:
        """Do the steps before that number (from 1) at once, up to one that fails; returns whether all succeeded."""
        for number, scene in enumerate(self._tour.scenes[: first - 1]):
            self._at = number
            self._show("playing")
            if (result := await self._perform(scene, AT_ONCE)).why:
                self._tell(result)
                return False
        return True

    # -- by itself ----------------------------------------------------------------------------------------------
    async def play(self, first: int = 1) -> bool:
        """Play all steps in order, up to the first that fails. Returns whether all succeeded. Those before `first` are done at once."""
        if not await self._skip(first):
            return False
        for number, scene in enumerate(self._tour.scenes[first - 1 :], first - 1):
            self._at = number
            self._show("playing")
            await self._pace.wait(self._pace.to_read(self._caption(scene)))
            result = await self._perform(scene)
            self._tell(result)
            if result.why:
                return False
            pause = scene.parts[-1].step.pause
            if self._pace.pauses:
                await self._pace.wait(self._pace.after if pause is None else pause)
        self._stage.picture("")
        return True

    # -- step by step -------------------------------------------------------------------------------------------
    async def guide(self, wishes: asyncio.Queue[str], first: int = 1) -> bool:
        """Waits for a request at every step: "next" does it and, once done, continues; "again" goes back to the step's start, "previous" to
        that of the step before, whatever is on the screen; "end" ends the tour.

        If the viewer does the step by hand, it counts as done as soon as the screen shows what it should. Steps before `first` are done at
        once. Returns whether the last step was reached.
        """
        scenes = self._tour.scenes
        self._at = first - 1 if await self._skip(first) else self._at
        anew = False
        while self._at < len(scenes):
            wish = await self._guided(scenes[self._at], wishes, anew)
            if wish == "end":
                return False
            anew = wish == "previous"
            self._at = max(0, self._at - 1) if anew else self._at + 1
        self._at = len(scenes) - 1
        self._stage.picture("")
        self._show("held", self._words["over"])
        while await wishes.get() != "end":
            continue
        return True

    async def _guided(self, scene: Scene, wishes: asyncio.Queue[str], anew: bool) -> str:
        """One step, after its start if `anew`; returns the wish to leave it by: "next", "previous" or "end".

        Where the file pauses there is something to see, so that "next" does the step as far as there, and then the rest.
        """
        if anew:
            await self._begin(scene)
        at, done = 0, False
        state, note = "ready", self._described(scene.parts)
        try:
            await self._acts.prepare(scene.parts[0])
        except PodtuiError as error:
            state, note = "failed", error.what
        if not any(part.keys or _runs(part) for part in scene.parts):
            result = await self._unless_wished(scene, scene.parts, wishes)
            done, state, note = True, "failed" if result.why else "held", result.why
        by_hand = not done and self._can_be_seen(scene.parts)
        while True:
            self._show(state, note)
            wish = await self._wish(wishes, scene.parts[-1] if by_hand else None)
            if wish in ("end", "previous") or (wish == "next" and done):
                return wish
            if wish == "seen":
                done, by_hand, state, note = True, False, "held", ""
                continue
            if wish == "again":
                await self._begin(scene)
                at, done, by_hand, state, note = 0, False, False, "ready", self._described(scene.parts)
                continue
            parts = _as_far_as_a_pause(scene.parts[at:])
            result = await self._unless_wished(scene, parts, wishes)
            at += len(parts)
            rest = scene.parts[at:]
            done = not rest or bool(result.why)
            by_hand = not done and self._can_be_seen(rest)
            if result.why:
                state, note = "failed", result.why
            else:
                state, note = ("ready", self._described(rest)) if rest else ("held", self._note)

    def _can_be_seen(self, parts: tuple[Part, ...]) -> bool:
        """Whether the screen will tell that a viewer has done these parts by hand."""
        return not any(_runs(part) for part in parts) and bool(self._missing(parts[-1]))

    async def _begin(self, scene: Scene) -> None:
        """Lead to the step's start: from what the walkthrough began with, by the keys that the file names."""
        self._show("playing")
        await self._stage.restart()
        await self._stage.calm(HELPED.quiet, HELPED.patience)
        await self._press(replace(scene.parts[0], keys=scene.start), HELPED)

    async def _unless_wished(self, scene: Scene, parts: tuple[Part, ...], wishes: asyncio.Queue[str]) -> Result:
        """Carries these parts out. Another request meanwhile ends that; but "next" ends only the wait for the last expected screen: a
        viewer who presses the key twice would leave the keys of the step half pressed."""
        work = asyncio.ensure_future(self._perform(scene, HELPED, parts))
        wish = asyncio.ensure_future(wishes.get())
        try:
            while not work.done():
                await asyncio.wait([work, wish], return_when=asyncio.FIRST_COMPLETED)
                if work.done() or not wish.done():
                    continue
                if wish.result() == "next" and not self._waits:
                    wish = asyncio.ensure_future(wishes.get())
                    continue
                work.cancel()
                wishes.put_nowait(wish.result())
                return Result(self._at + 1, self._caption(scene), parts[-1])
            result = await work
        finally:
            wish.cancel()
            work.cancel()
        if wish.done() and not wish.cancelled():
            wishes.put_nowait(wish.result())
        self._tell(result)
        return result

    async def _wish(self, wishes: asyncio.Queue[str], part: Part | None) -> str:
        """The viewer's next request, or "seen" if `part` holds before that."""
        if part is None or not (part.expect or part.gone):
            return await wishes.get()
        wish = asyncio.ensure_future(wishes.get())
        try:
            while not wish.done():
                paint = asyncio.ensure_future(self._stage.painted(1.0))
                await asyncio.wait([wish, paint], return_when=asyncio.FIRST_COMPLETED)
                paint.cancel()
                if not wish.done() and not self._missing(part):
                    return "seen"
            return wish.result()
        finally:
            wish.cancel()

    # -- one step -----------------------------------------------------------------------------------------------
    _note = ""
    _waits = False  # for the expected screen of the last part that is performed

    async def _perform(self, scene: Scene, pace: Pace | None = None, parts: tuple[Part, ...] = ()) -> Result:
        """Do these parts, or everything, under one caption. The result says why a step failed."""
        pace = pace or self._pace
        parts = parts or scene.parts
        self._note, self._waits = "", False
        for part in parts:
            try:
                await self._acts.prepare(part)
                await (self._press_until(part, pace) if part.step.repeat else self._press(part, pace))
                if _runs(part):
                    self._note = await self._acts.carry_out(part, self._acts.expand)
            except PodtuiError as error:
                return self._result(scene, part, str(error))
            self._waits = part is parts[-1]
            if why := await self._wait_for(part):
                return self._result(scene, part, why)
            last = part is scene.parts[-1]
            self._show("held" if last else "playing", self._note if last else self._spoken(part, len(part.keys)))
            if part.step.picture:
                await self._stage.calm(0.4, pace.patience)
                self._stage.picture(part.step.picture)
            if not last and pace.pauses:
                await pace.wait(part.step.pause if part.step.pause is not None else pace.after / 3)
        return self._result(scene, parts[-1])

    async def _press(self, part: Part, pace: Pace) -> None:
        """Words that are names of keys are pressed once the keys before them have taken effect; other words are typed."""
        from podtui.keys import is_key

        for number, word in enumerate(part.keys):
            self._show("playing", self._spoken(part, number))
            keys = [word] if is_key(word) else list(self._acts.expand(word))
            await self._stage.ready(part.step.within)
            for key in keys:
                self._stage.press(key)
                if len(keys) > 1 and pace.typing:
                    await pace.wait(pace.typing)
            await self._stage.calm(pace.quiet, pace.patience)
            if pace.key:
                await pace.wait(pace.key)

    async def _press_until(self, part: Part, pace: Pace) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + part.step.within
        while self._missing(part) and loop.time() < deadline:
            await self._press(part, pace)

    async def _wait_for(self, part: Part) -> str:
        """Waits until the screen shows what it should; "" when it does, otherwise what it lacked when the time was up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + part.step.within
        while missing := self._missing(part):
            left = deadline - loop.time()
            if left <= 0:
                return missing
            self._show("playing", missing)
            await self._stage.painted(min(left, 0.5))
        return ""

    def _missing(self, part: Part) -> str:
        """What the screen does not show yet, or still shows, in words; "" when it is as expected."""
        if not part.expect and not part.gone:
            return ""
        screen = self._stage.text()
        for text in part.expect:
            expected = Expectation(self._acts.expand(text.text))
            if not expected.holds(screen):
                return f"{self._words['wait']} {expected.text}"
        for text in part.gone:
            expected = Expectation(self._acts.expand(text.text))
            if expected.holds(screen):
                return f"{self._words['gone']} {expected.text}"
        return ""

    # -- words --------------------------------------------------------------------------------------------------
    def _result(self, scene: Scene, part: Part, why: str = "") -> Result:
        if why:
            self._show("failed", why)
        return Result(self._at + 1, self._caption(scene), part, why)

    def _caption(self, scene: Scene) -> str:
        return self._acts.expand(said(scene.caption, self._language))

    def _show(self, state: str, note: str = "") -> None:
        scenes = self._tour.scenes
        self._stage.show(Caption(self._caption(scenes[self._at]), self._at + 1, len(scenes), state, note, self._hints))

    def _described(self, parts: tuple[Part, ...]) -> str:
        """The keys of these parts, as they are about to be pressed."""
        return "  ".join(filter(None, (self._spoken(part, len(part.keys)) for part in parts)))

    def _spoken(self, part: Part, upto: int) -> str:
        """Keys as a person knows them, the last few that fit."""
        from podtui.tour.keys import spoken

        return " ".join(spoken(self._acts.expand(word)) for word in part.keys[: upto + 1])


def _runs(part: Part) -> bool:
    return bool(part.step.run.http or part.step.run.label)


def _as_far_as_a_pause(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The parts up to one after which the file pauses, or all."""
    return parts[: next((number for number, part in enumerate(parts, 1) if part.step.pause), len(parts))]
