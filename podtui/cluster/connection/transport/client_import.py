"""Import `kubernetes.aio`'s REST client without the rest of its package.

`kubernetes/__init__`, `kubernetes/aio/__init__` and `kubernetes/aio/utils/__init__` import everything: the
blocking client, both config loaders, requests, the dynamic client, websockets. That costs as much again as the client
itself, and podtui uses none of it, nor of the 900 names that `kubernetes/aio/client/__init__` lists. So it registers these
parent packages without executing them. They can load
their own submodules, which is all that the client needs. Code that later uses anything more of them, by
`import kubernetes; kubernetes.config` or `from kubernetes import watch`, makes the package execute then, in the same module
object: nothing is loaded twice, and only the timing differs.
"""

from __future__ import annotations

import importlib.util
import logging
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubernetes.aio.client.configuration import Configuration
    from kubernetes.aio.client.rest import RESTClientObject

_PARENTS = ("kubernetes", "kubernetes.aio", "kubernetes.aio.client", "kubernetes.aio.utils")
_LOGGERS = ("kubernetes", "client", "aiohttp", "aiohttp_retry", "asyncio")
_executing = threading.RLock()
_importing = threading.Lock()


class _Postponed(ModuleType):
    """A package that executes its `__init__` on the first access to a name that it does not have."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__version__", "__all__", "__project__"):
            raise AttributeError(name)  # tools look these up in every module, such as __wrapped__
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
    """Register the package `name` without executing it, unless it is already imported."""
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


def load() -> tuple[type[RESTClientObject], type[Configuration]]:
    """Import `RESTClientObject` and `Configuration` of kubernetes.aio (0.15 s, most of it aiohttp); call it in a thread."""
    quiet()
    with _importing:
        for name in _PARENTS:
            _postpone(name)
        # Its C++ library takes more than a megabyte, and aiohttp freezes a few short lists: Python's own do.
        sys.modules.setdefault("frozenlist._frozenlist", None)  # type: ignore[arg-type]  # so that importing it fails
        if "aiohttp.connector" not in sys.modules:
            with _trusting_nobody():
                import aiohttp.connector  # noqa: F401
        from kubernetes.aio.client.configuration import Configuration
        from kubernetes.aio.client.rest import RESTClientObject

        return RESTClientObject, Configuration


@contextmanager
def _trusting_nobody() -> Iterator[None]:
    """Meanwhile, a TLS context reads none of the system's authorities.

    aiohttp makes two contexts as it is imported, which takes 50 ms and 3 MB with the authorities. podtui gives each connection
    a context of its own (see `tls`). One that used those of aiohttp all the same would trust no server.
    """
    create = ssl.create_default_context

    def bare(*_: object, **__: object) -> ssl.SSLContext:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    ssl.create_default_context = bare
    ssl.SSLContext.set_default_verify_paths = lambda _: None  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        ssl.create_default_context = create
        del ssl.SSLContext.set_default_verify_paths  # that of its base class


def quiet() -> None:
    """Keep the packages' logging away from stderr, where it would overwrite the screen.

    Python writes warnings to stderr for a logger without a handler. A handler that does nothing prevents only that:
    the program's own logging setup still gets every record.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            logger.addHandler(logging.NullHandler())
