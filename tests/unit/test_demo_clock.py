"""Simulated time: what is due happens in order, by seed and speed."""

from __future__ import annotations

import asyncio

from podtui.demo.clock import Clock


def test_time_that_stands_still_goes_on_by_advancing() -> None:
    clock, happened = Clock(speed=0, start=1_000_000_000), list[tuple[str, float]]()
    clock.call_later(86_400, lambda: happened.append(("day", clock.now())))
    clock.call_later(5, lambda: happened.append(("five", clock.now())))
    clock.call_later(5, lambda: clock.call_later(1, lambda: happened.append(("six", clock.now()))) and None)
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
    await clock.sleep(120)
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


def test_one_seed_one_chance() -> None:
    assert Clock(speed=0, seed=7).random.random() == Clock(speed=0, seed=7).random.random()
