"""How a walkthrough is played: in which order, what ends it, and what a viewer may do meanwhile."""

from __future__ import annotations

import asyncio
import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from podtui.cluster.forward.local_ports import listen
from podtui.errors import PodtuiError
from podtui.tour.acts import SessionActs, reserve_port
from podtui.tour.caption import Caption
from podtui.tour.file import Part, Tour, check
from podtui.tour.keys import key_event, spoken
from podtui.tour.player import AT_ONCE, WATCHED, Player, Result
from tests.support.waiting import until


class Screen:
    """A stage that shows what was pressed, in a line; `answers` maps a key to what it brings onto the screen instead."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.pressed: list[str] = []
        self.captions: list[Caption] = []
        self.pictures: list[str] = []
        self.answers: dict[str, list[str]] = {}
        self.takes_keys = asyncio.Event()
        self.takes_keys.set()
        self._paint = asyncio.Event()

    def press(self, key: str) -> None:
        assert self.takes_keys.is_set()
        self.pressed.append(key)
        self.lines = self.answers.get(key, [*self.lines, key])
        self._paint.set()

    def text(self) -> str:
        return "\n".join(self.lines)

    async def ready(self, patience: float) -> None:
        await self.takes_keys.wait()

    async def calm(self, quiet: float, patience: float) -> None:
        await asyncio.sleep(0)

    async def painted(self, patience: float) -> None:
        self._paint.clear()
        try:
            await asyncio.wait_for(self._paint.wait(), patience)
        except TimeoutError:
            return

    async def restart(self) -> None:
        self.lines = []
        self.pressed.append("RESTART")

    def show(self, caption: Caption) -> None:
        self.captions.append(caption)

    def picture(self, name: str) -> None:
        self.pictures.append(name)

    @property
    def state(self) -> tuple[int, str]:
        return (self.captions[-1].number, self.captions[-1].state) if self.captions else (0, "")


class Acts:
    """Fills in {folder}, and notes what is carried out."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.fault: PodtuiError | None = None

    def expand(self, text: str) -> str:
        return text.replace("{folder}", "/tmp/f")

    async def prepare(self, part: Part) -> None:
        self.done += [f"file {name}" for name in part.step.run.files]

    async def carry_out(self, part: Part, expand: Callable[[str], str]) -> str:
        if self.fault is not None:
            raise self.fault
        self.done.append(expand(part.step.run.http))
        return "answered"


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def acts() -> Acts:
    return Acts()


@pytest.fixture
def tour(tmp_path: Path) -> Callable[[str], Tour]:
    def made(steps: str) -> Tour:
        path = tmp_path / "t.yaml"
        path.write_text(f"title: T\nlanguages: [en, ko]\nsteps:\n{steps}", encoding="utf-8")
        return check(path)

    return made


Make = Callable[[str], Tour]
Guide = Callable[[str], asyncio.Future[bool]]


async def test_keys_are_pressed_and_texts_are_typed(tour: Make, screen: Screen, acts: Acts) -> None:
    assert await Player(tour("- {caption: c, keys: 'L tier=web enter \"{folder}/a b\" ctrl+d'}\n"), screen, acts, "en").play()
    assert screen.pressed == ["L", *"tier=web", "enter", *"/tmp/f/a b", "ctrl+d"]


async def test_the_next_step_begins_when_the_screen_shows_what_it_should(tour: Make, screen: Screen, acts: Acts) -> None:
    player = Player(tour("- {caption: a, keys: j, expect: later}\n- {caption: b, keys: k}\n"), screen, acts, "en")
    playing = asyncio.ensure_future(player.play())
    await until(lambda: screen.state == (1, "playing") and "later" in screen.captions[-1].note)
    assert screen.pressed == ["j"]
    screen.press("later")
    assert await playing
    assert screen.pressed == ["j", "later", "k"]


async def test_a_key_is_pressed_once_the_screen_would_take_it(tour: Make, screen: Screen, acts: Acts) -> None:
    screen.takes_keys.clear()
    playing = asyncio.ensure_future(Player(tour("- {caption: a, keys: j}\n"), screen, acts, "en").play())
    await until(lambda: screen.state == (1, "playing"))
    assert not screen.pressed
    screen.takes_keys.set()
    assert await playing
    assert screen.pressed == ["j"]


async def test_what_should_be_gone_is_waited_for_too(tour: Make, screen: Screen, acts: Acts) -> None:
    screen.lines = ["dialog"]
    player = Player(tour("- {caption: a, gone: dialog, within: 0.2}\n"), screen, acts, "en")
    assert not await player.play()
    screen.lines = []
    assert await player.play()


async def test_a_walkthrough_ends_at_the_first_step_that_does_not_hold(tour: Make, screen: Screen, acts: Acts) -> None:
    results: list[Result] = []
    steps = "- caption: a\n- caption: b\n- {keys: j, expect: never, within: 0.1}\n- {caption: c, keys: k}\n"
    assert not await Player(tour(steps), screen, acts, "en", tell=results.append).play()
    assert [(result.number, result.why, result.part.line) for result in results] == [(1, "", 4), (2, "waiting for: never", 6)]
    assert screen.pressed == ["j"]
    assert screen.pictures == []


async def test_an_act_that_fails_fails_the_step(tour: Make, screen: Screen, acts: Acts) -> None:
    acts.fault = PodtuiError("nobody answers")
    results: list[Result] = []
    steps = "- {caption: a, run: {http: 'http://127.0.0.1:1/', answer: x}}\n"
    assert not await Player(tour(steps), screen, acts, "en", tell=results.append).play()
    assert results[0].why == "nobody answers"


async def test_files_are_there_before_the_keys_and_requests_come_after_them(tour: Make, screen: Screen, acts: Acts) -> None:
    steps = "- {caption: a, keys: j, run: {files: {x.yaml: y}, http: 'http://127.0.0.1:1/', answer: x}}\n"
    assert await Player(tour(steps), screen, acts, "en").play()
    assert acts.done == ["file x.yaml", "http://127.0.0.1:1/"]
    assert screen.captions[-1].note == "answered"


async def test_keys_can_be_repeated_until_the_screen_shows_it(tour: Make, screen: Screen, acts: Acts) -> None:
    assert await Player(tour("- {caption: a, keys: j, repeat: true, expect: '/(j\\n){3}/'}\n"), screen, acts, "en").play()
    assert screen.pressed == ["j"] * 4
    assert await Player(tour("- {caption: a, keys: j, repeat: true, expect: j}\n"), screen, acts, "en").play()
    assert screen.pressed == ["j"] * 4


async def test_pictures_are_taken_where_they_are_named_and_at_the_end(tour: Make, screen: Screen, acts: Acts) -> None:
    assert await Player(tour("- {caption: a, picture: one}\n- caption: b\n"), screen, acts, "en").play()
    assert screen.pictures == ["one", ""]


async def test_a_picture_shows_the_bar_of_a_step_that_holds(tour: Make, screen: Screen, acts: Acts) -> None:
    shown: list[tuple[str, str]] = []
    screen.picture = lambda name: shown.append((screen.captions[-1].state, screen.captions[-1].note))  # type: ignore[method-assign]
    steps = "- {caption: a, keys: j, expect: j, picture: one}\n- {keys: k, run: {http: 'http://127.0.0.1:1/', answer: x}, picture: two}\n"
    assert await Player(tour(steps), screen, acts, "en").play()
    assert shown[:2] == [("playing", "j"), ("held", "answered")], "it is not told that anything is waited for"


async def test_captions_are_shown_in_the_chosen_language(tour: Make, screen: Screen, acts: Acts) -> None:
    assert await Player(tour("- caption: {en: '{folder}', ko: 하나}\n"), screen, acts, "ko").play()
    assert {caption.text for caption in screen.captions} == {"하나"}


async def test_a_walkthrough_that_is_watched_leaves_time_to_read_its_captions(tour: Make, screen: Screen, acts: Acts) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    steps = f"- {{caption: {'x' * 100}, keys: jj enter, pause: 7}}\n- caption: short\n"
    assert await Player(tour(steps), screen, acts, "en", pace=replace(WATCHED, wait=wait)).play()
    assert waits[0] == pytest.approx(100 * WATCHED.reading)
    assert waits[1:6] == [WATCHED.typing, WATCHED.typing, WATCHED.key, WATCHED.key, 7]
    assert waits[6:] == [1.5, WATCHED.after]
    waits.clear()
    assert await Player(tour(steps), screen, acts, "en", pace=replace(AT_ONCE, wait=wait)).play()
    assert set(waits) <= {0.0}


# -- step by step


@pytest.fixture
async def wishes() -> asyncio.Queue[str]:
    return asyncio.Queue()


@pytest.fixture
async def guide(tour: Make, screen: Screen, acts: Acts, wishes: asyncio.Queue[str]) -> Guide:
    """Plays these steps to a viewer; the result is whether they got to the end."""
    return lambda steps: asyncio.ensure_future(Player(tour(steps), screen, acts, "en").guide(wishes))


async def test_the_wish_next_does_a_step_and_then_goes_on_to_the_next_one(
    tour: Make, screen: Screen, acts: Acts, wishes: asyncio.Queue[str]
) -> None:
    player = Player(tour("- {caption: a, keys: j, expect: j}\n- {caption: b, keys: k}\n"), screen, acts, "en")
    guided = asyncio.ensure_future(player.guide(wishes))
    await until(lambda: screen.state == (1, "ready"))
    assert screen.captions[-1].note == "j"
    wishes.put_nowait("next")
    await until(lambda: screen.state == (1, "held"))
    assert screen.pressed == ["j"]
    wishes.put_nowait("next")
    await until(lambda: screen.state == (2, "ready"))
    wishes.put_nowait("end")
    assert not await guided
    assert screen.pressed == ["j"]


async def test_a_viewer_who_does_it_by_hand_sees_that_it_is_done(guide: Guide, screen: Screen, wishes: asyncio.Queue[str]) -> None:
    def pressed(key: str) -> tuple[int, str]:
        screen.press(key)
        return screen.state

    guided = guide("- {caption: a, keys: j, expect: x}\n- caption: b\n")
    await until(lambda: screen.state == (1, "ready"))
    await until(lambda: pressed("x") == (1, "held"))
    wishes.put_nowait("next")
    await until(lambda: screen.state == (2, "held"))
    assert "j" not in screen.pressed
    wishes.put_nowait("next")
    wishes.put_nowait("end")
    assert await guided


async def test_the_wish_again_leads_to_the_start_of_the_step_whatever_is_on_the_screen(
    guide: Guide, screen: Screen, wishes: asyncio.Queue[str]
) -> None:
    steps = "- {caption: a, start: k l, keys: j, expect: j}\n"
    guided = guide(steps)
    for wish in ("next", "again", "again", "next", "next", "end"):
        await until(lambda: screen.state in ((1, "ready"), (1, "held")) and wishes.empty())
        screen.lines.append("astray")
        wishes.put_nowait(wish)
    assert await guided
    assert screen.pressed == ["j", "RESTART", "k", "l", "RESTART", "k", "l", "j"]
    assert screen.pictures == [""]


async def test_the_wish_previous_leads_to_the_start_of_the_step_before(guide: Guide, screen: Screen, wishes: asyncio.Queue[str]) -> None:
    steps = "- {caption: a, start: k, keys: j, expect: j}\n- {caption: b, keys: m, expect: m}\n"
    guided = guide(steps)
    for wish, state in [
        ("next", (1, "ready")), ("next", (1, "held")), ("previous", (2, "ready")), ("previous", (1, "ready")), ("next", (1, "ready")),
        ("next", (1, "held")), ("next", (2, "ready")), ("next", (2, "held")), ("end", (2, "held")),
    ]:  # fmt: skip
        await until(lambda expected: screen.state == expected and wishes.empty(), state)
        wishes.put_nowait(wish)
    assert await guided
    assert screen.pressed == ["j", "RESTART", "k", "RESTART", "k", "j", "m"]


async def test_the_steps_before_the_first_are_done_at_once(tour: Make, screen: Screen, acts: Acts, wishes: asyncio.Queue[str]) -> None:
    results: list[Result] = []
    made = tour("- {caption: a, keys: j}\n- {caption: b, keys: k}\n- {caption: c, keys: l}\n")
    assert await Player(made, screen, acts, "en", tell=results.append).play(3)
    assert screen.pressed == ["j", "k", "l"] and [result.number for result in results] == [3]
    screen.pressed.clear()
    guided = asyncio.ensure_future(Player(made, screen, acts, "en").guide(wishes, 2))
    await until(lambda: screen.state == (2, "ready"))
    assert screen.pressed == ["j"]
    wishes.put_nowait("end")
    assert not await guided


async def test_a_step_before_the_first_that_fails_is_where_it_stops(tour: Make, screen: Screen, acts: Acts) -> None:
    results: list[Result] = []
    made = tour("- {caption: a, keys: j, expect: never, within: 0.1}\n- {caption: b, keys: k}\n")
    assert not await Player(made, screen, acts, "en", tell=results.append).play(2)
    assert [(result.number, result.why) for result in results] == [(1, "waiting for: never")] and screen.pressed == ["j"]


async def test_a_step_stops_where_there_is_something_to_see(guide: Guide, screen: Screen, wishes: asyncio.Queue[str]) -> None:
    """Otherwise what a caption tells of, such as a dialog that the step closes again, would be gone before anybody saw it."""
    steps = "- {caption: a, keys: j}\n- {keys: k, pause: 2}\n- {keys: l m, expect: m}\n- {caption: b, keys: n}\n"
    guided = guide(steps)
    await until(lambda: screen.state == (1, "ready"))
    assert screen.captions[-1].note == "j  k  l m"
    wishes.put_nowait("next")
    await until(lambda: screen.state == (1, "ready") and bool(screen.pressed))
    assert screen.pressed == ["j", "k"] and screen.captions[-1].note == "l m"
    wishes.put_nowait("next")
    await until(lambda: screen.state == (1, "held"))
    assert screen.pressed == ["j", "k", "l", "m"]
    wishes.put_nowait("again")
    await until(lambda: screen.state == (1, "ready") and screen.pressed[-1] == "RESTART")
    assert screen.captions[-1].note == "j  k  l m"
    wishes.put_nowait("next")
    await until(lambda: screen.state == (1, "ready") and screen.pressed[-1] == "k")
    screen.press("m")  # the viewer does the rest
    await until(lambda: screen.state == (1, "held"))
    wishes.put_nowait("end")
    assert not await guided


async def test_the_wish_next_during_the_keys_of_a_step_leaves_out_none_of_them(
    guide: Guide, screen: Screen, wishes: asyncio.Queue[str]
) -> None:
    steps = "- {caption: a, keys: i j}\n- {keys: k l, expect: l}\n- {caption: b, keys: n}\n"
    guided = guide(steps)
    wishes.put_nowait("next")
    for key in "ijk":
        await until(lambda pressed: screen.pressed[-1:] == [pressed], key)
        wishes.put_nowait("next")
    await until(lambda: screen.state == (1, "held"))
    assert screen.pressed == ["i", "j", "k", "l"]
    wishes.put_nowait("end")
    assert not await guided


async def test_the_wish_next_ends_the_wait_for_what_does_not_come(guide: Guide, screen: Screen, wishes: asyncio.Queue[str]) -> None:
    steps = "- {caption: a, keys: j, expect: never, within: 600}\n- caption: b\n"
    guided = guide(steps)
    wishes.put_nowait("next")
    await until(lambda: bool(screen.captions) and "never" in screen.captions[-1].note)
    wishes.put_nowait("next")
    await until(lambda: screen.state == (2, "held"))
    wishes.put_nowait("end")
    assert not await guided


async def test_a_step_that_does_not_hold_says_so_and_can_be_passed(
    guide: Guide, screen: Screen, acts: Acts, wishes: asyncio.Queue[str]
) -> None:
    steps = "- {caption: a, keys: j, expect: never, within: 0.1}\n- caption: b\n"
    guided = guide(steps)
    wishes.put_nowait("next")
    await until(lambda: screen.state == (1, "failed"))
    wishes.put_nowait("next")
    await until(lambda: screen.state == (2, "held"))
    wishes.put_nowait("end")
    assert not await guided


# -- keys and acts


@pytest.mark.parametrize(
    ("word", "told"), [("enter", "Enter"), ("ctrl+d", "^D"), ("slash", "/"), ("f8", "F8"), ("L", "L"), ("tier=web", "tier=web")]
)
def test_keys_are_named_as_a_person_knows_them(word: str, told: str) -> None:
    assert spoken(word) == told


@pytest.mark.parametrize(
    ("key", "event"),
    [("a", ("a", "a")), ("=", ("equals_sign", "=")), (" ", ("space", " ")), ("enter", ("enter", None)), ("한", ("한", "한"))],
)
def test_a_key_becomes_the_event_that_a_terminal_makes_of_it(key: str, event: tuple[str, str | None]) -> None:
    made = key_event(key)
    assert (made.key, made.character) == event


class _Hit(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/followed")
        else:
            self.send_response(404 if self.path == "/missing" else 200)
        self.end_headers()
        self.wfile.write(b"Moved\n" if self.path == "/elsewhere" else b"You've hit kubia\x1b[2J\nmore\n")

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hit)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def no_session() -> object:
    raise AssertionError("no session is needed")


async def test_the_first_line_of_an_http_answer_is_shown_in_the_bar(tour: Make, web: str) -> None:
    acts = SessionActs(no_session, "default")  # type: ignore[arg-type]
    part = tour(f"- {{caption: c, run: {{http: '{web}/missing', answer: hit kubia}}}}\n").scenes[0].parts[0]
    assert await acts.carry_out(part, acts.expand) == "→ You've hit kubia␛[2J"


async def test_an_answer_that_leads_elsewhere_is_not_followed(tour: Make, web: str) -> None:
    """A pod could send the request to another machine."""
    acts = SessionActs(no_session, "default")  # type: ignore[arg-type]
    part = tour(f"- {{caption: c, within: 0.1, run: {{http: '{web}/elsewhere', answer: hit}}}}\n").scenes[0].parts[0]
    with pytest.raises(PodtuiError, match="answers, but without 'hit': Moved"):
        await acts.carry_out(part, acts.expand)


async def test_a_step_fails_when_the_http_answer_never_holds_what_it_should(tour: Make, web: str) -> None:
    acts = SessionActs(no_session, "default")  # type: ignore[arg-type]
    part = tour(f"- {{caption: c, within: 0.1, run: {{http: '{web}/', answer: other}}}}\n").scenes[0].parts[0]
    with pytest.raises(PodtuiError, match="answers, but without 'other': You've hit kubia"):
        await acts.carry_out(part, acts.expand)
    part = tour("- {caption: c, within: 0.1, run: {http: 'http://127.0.0.1:1/', answer: other}}\n").scenes[0].parts[0]
    with pytest.raises(PodtuiError, match=r"http://127\.0\.0\.1:1/ does not answer"):
        await acts.carry_out(part, acts.expand)


def test_files_are_written_into_a_folder_that_goes_at_the_end(tour: Make) -> None:
    acts = SessionActs(no_session, "here")  # type: ignore[arg-type]
    asyncio.run(acts.prepare(tour("- {caption: c, run: {files: {x.yaml: 'in {namespace}'}}}\n").scenes[0].parts[0]))
    written = Path(acts.expand("{folder}/x.yaml"))
    assert written.read_text() == "in here"
    assert written.parent.stat().st_mode & 0o777 == 0o700
    acts.close()
    assert not written.parent.exists()


def test_two_walkthroughs_at_a_time_take_two_ports_and_each_can_listen_on_its_own() -> None:
    port, first = reserve_port(0)
    other, second = reserve_port(port)
    try:
        assert other not in (0, port)
        for opened in (listener for each in (port, other) for listener in listen("127.0.0.1", each)):
            opened.close()
    finally:
        first.close()
        second.close()


def test_a_port_on_which_a_program_listens_is_replaced_by_a_free_one() -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hit) as server:
        port, reserved = reserve_port(server.server_port)
        reserved.close()
        assert port not in (0, server.server_port)
