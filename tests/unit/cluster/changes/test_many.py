"""Many objects worked on a few at a time: a result for each, and an end to all when the server is lost."""

from __future__ import annotations

import asyncio

import pytest

from podtui.cluster.changes.many import each
from podtui.errors import ConnectionFailed, Forbidden, PodtuiError, ReadOnlyError


async def test_a_few_are_worked_on_at_a_time_and_each_has_its_result() -> None:
    running = most = 0

    async def work(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return number * number

    notes: list[str] = []
    results = await each(range(40), work, note=notes.append)
    assert results.done == {number: number * number for number in range(40)} and results.failed == {}
    assert most == 8
    assert (notes[0], notes[-1]) == ("1 of 40 answered", "40 of 40 answered")


async def test_what_is_refused_for_one_does_not_keep_the_others_from_being_done() -> None:
    refusal = Forbidden(403, "Forbidden", "not you")

    async def work(name: str) -> str:
        if name == "b":
            raise refusal
        return name

    results = await each("abc", work)
    assert (list(results.done), results.failed, results.stopped) == (["a", "c"], {"b": refusal}, None)
    assert (results.error("a"), results.error("b")) == (None, refusal)


@pytest.mark.parametrize("error", [ConnectionFailed("the server is gone"), ReadOnlyError("podtui is read-only")])
async def test_what_all_would_meet_with_keeps_those_that_have_not_begun_from_beginning(error: PodtuiError) -> None:
    begun: list[int] = []

    async def work(number: int) -> None:
        begun.append(number)
        await asyncio.sleep(0)
        raise error

    results = await each(range(20), work)
    assert begun == list(range(8)) and results.stopped is error
    assert results.error(19) is error and 19 not in results.failed


async def test_an_error_of_podtui_itself_is_raised() -> None:
    async def work(_: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await each(range(3), work)
