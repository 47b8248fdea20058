"""Simulated time: what is due happens in order, by seed and speed."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from podtui.demo.storage.clock import Clock


def test_time_that_stands_still_goes_on_by_advancing() -> None:
    clock, happened = Clock(speed=0, start=1_000_000_000), list[tuple[str, float]]()

    def one_later() -> None:
        clock.call_later(1, lambda: happened.append(("six", clock.now())))

    clock.call_later(86_400, lambda: happened.append(("day", clock.now())))
    clock.call_later(5, lambda: happened.append(("five", clock.now())))
    clock.call_later(5, one_later)
    clock.advance(4.9)
    assert not happened
    clock.advance(86_400)
    assert happened == [("five", 1_000_000_005), ("six", 1_000_000_006), ("day", 1_000_086_400)]
    assert clock.timestamp() == "2001-09-10T01:46:44Z"


def test_what_was_cancelled_does_not_happen() -> None:
    clock, happened = Clock(speed=0), list[int]()
    clock.call_later(1, lambda: happened.append(1)).cancel()
    clock.call_later(2, lambda: happened.append(2))
    clock.advance(3)
    assert happened == [2]


async def test_a_fast_clock_runs_in_the_event_loop() -> None:
    clock, happened = Clock(speed=3600), list[str]()
    clock.call_later(60, lambda: happened.append("minute"))
    clock.call_later(30, lambda: happened.append("half"))
    passed = asyncio.Event()
    clock.call_later(120, passed.set)
    await passed.wait()
    assert happened == ["half", "minute"]
    clock.close()


async def test_a_callback_that_fails_does_not_keep_the_others_from_running() -> None:
    clock, done, reported = Clock(speed=1000), asyncio.Event(), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context["exception"]))

    def fail() -> None:
        raise ValueError("on purpose")

    clock.call_later(1, fail)
    clock.call_later(1, done.set)
    await asyncio.wait_for(done.wait(), 5)
    assert len(reported) == 1
    clock.close()


async def test_a_closed_clock_does_nothing_more() -> None:
    clock, happened = Clock(speed=1000), list[int]()
    clock.call_later(1, lambda: happened.append(1))
    clock.close()
    clock.call_later(0, lambda: happened.append(2))
    await asyncio.sleep(0.01)
    assert not happened


async def test_a_callback_has_the_time_for_which_it_was_asked_however_late_it_is() -> None:
    clock, times, done = Clock(speed=1000, start=0), list[float](), asyncio.Event()

    def slow() -> None:
        times.append(clock.now())
        time.sleep(0.005)  # five simulated seconds
        clock.call_later(1, slow) if len(times) < 4 else done.set()

    clock.call_later(1, slow)
    await asyncio.wait_for(done.wait(), 30)
    assert [after - before for before, after in pairwise(times)] == pytest.approx([1, 1, 1])
    clock.close()


def test_time_does_not_pass_while_it_is_held() -> None:
    clock, times = Clock(speed=1000, start=0), list[float]()
    with clock.held():
        began = clock.now()
        time.sleep(0.002)
        assert clock.now() == began
        clock.call_later(60, lambda: times.append(clock.now() - began))
        clock.advance(90)
        assert (times, clock.now() - began) == ([60], 90)
        clock.call_later(1e6, lambda: None).cancel()
    assert clock.now() - began >= 90, "it goes on from there"


async def test_a_simulation_that_cannot_keep_up_lets_others_have_their_turn_and_its_time_go_slowly() -> None:
    clock, turns = Clock(speed=1, start=0), list[float]()

    def heavy() -> None:
        time.sleep(0.01)
        turns.append(clock.now())
        if len(turns) < 100:
            clock.call_later(0.001, heavy)

    clock.call_later(0.001, heavy)
    before, others = clock.now(), 0
    while len(turns) < 100:
        await asyncio.sleep(0)
        others += 1
        now = clock.now()
        assert now >= before, "time does not go back"
        before = now
    assert others >= 10
    assert turns[-1] - turns[0] == pytest.approx(0.099), "each was due a thousandth of a second after the one before"
    assert clock.now() < 0.9, "a second has passed outside"
    clock.close()


def test_a_seed_gives_the_same_random_numbers() -> None:
    assert Clock(speed=0, seed=7).random.random() == Clock(speed=0, seed=7).random.random()
