"""The import of `kubernetes.aio`'s client without the rest of its package.

`kubernetes/__init__`, `kubernetes/aio/__init__` and `kubernetes/aio/utils/__init__` import everything there is: the
blocking client, both config loaders, requests, the dynamic client, websockets. That costs as much again as the client
itself, and nothing of it is used here. So these parent packages are registered without being executed. They can load
their own submodules, which is all that the client needs. Whoever asks one of them for anything more later, by
`import kubernetes; kubernetes.config` or `from kubernetes import watch`, makes it execute then, in the same module
object: nothing is loaded twice, and nobody can tell the difference but by the time.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import threading
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubernetes.aio.client.api_client import ApiClient
    from kubernetes.aio.client.configuration import Configuration

_PARENTS = ("kubernetes", "kubernetes.aio", "kubernetes.aio.utils")
_LOGGERS = ("kubernetes", "client", "aiohttp", "aiohttp_retry", "asyncio")
_executing = threading.RLock()


class _Postponed(ModuleType):
    """A package that executes its `__init__` when it is asked for a name that it does not have."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__version__", "__all__", "__project__"):
            raise AttributeError(name)  # what tools ask of every module, such as __wrapped__
        with _executing:
            if type(self) is _Postponed:
                self.__class__ = ModuleType  # type: ignore[assignment]
                spec: ModuleSpec | None = self.__spec__
                assert spec is not None and spec.loader is not None
                try:
                    spec.loader.exec_module(self)
                except BaseException:
                    self.__class__ = _Postponed
                    raise
        return getattr(self, name)


def _postpone(name: str) -> None:
    """Registers the package `name` without executing it, unless it is imported already."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = importlib.util.module_from_spec(spec)
    module.__class__ = _Postponed
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


def load() -> tuple[type[ApiClient], type[Configuration]]:
    """Imports `ApiClient` and `Configuration` of kubernetes.aio (0.3 s, most of it aiohttp): call it in a thread."""
    quiet()
    for name in _PARENTS:
        _postpone(name)
    from kubernetes.aio.client.api_client import ApiClient
    from kubernetes.aio.client.configuration import Configuration

    return ApiClient, Configuration


def quiet() -> None:
    """Keeps the packages' logging away from stderr, where it would be written over the screen.

    Python writes warnings to stderr for a logger without any handler. A handler that does nothing prevents just that:
    what the program itself sets up for logging still gets every record.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            logger.addHandler(logging.NullHandler())
