"""Work in the background of a widget, which ends with it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, ParamSpec

from textual.dom import DOMNode
from textual.worker import Worker

P = ParamSpec("P")


def work(node: DOMNode, group: str, function: Callable[P, Coroutine[Any, Any, None]], *args: P.args, **kwargs: P.kwargs) -> Worker[None]:
    """Run `function` beside what else is running in `group`; an exception is told by `node.on_worker_state_changed`."""
    return node.run_worker(partial(function, *args, **kwargs), group=group, exit_on_error=False)


def work_instead(
    node: DOMNode, group: str, function: Callable[P, Coroutine[Any, Any, None]], *args: P.args, **kwargs: P.kwargs
) -> Worker[None]:
    """As `work`, and cancel what else is running in `group`.

    The function is handed on instead of a coroutine of it: one that is cancelled before it has begun would never be awaited, and
    Python complains about that on standard error, at the latest when it ends.
    """
    return node.run_worker(partial(function, *args, **kwargs), group=group, exclusive=True, exit_on_error=False)
