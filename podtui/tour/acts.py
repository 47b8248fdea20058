"""What a walkthrough does besides pressing keys: writes files into a folder of its own, labels a node, sends an HTTP request.

It runs no program, touches no file outside that folder, and sends requests only to this machine.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.kube.objects import is_true
from podtui.kube.resources import NODES, ObjectRef
from podtui.text import harmless
from podtui.tour.file import Part

PORT = 8888
_SHOWN = 60  # characters of an HTTP answer in a message
_MOST = 1 << 16  # bytes read of an answer


class SessionActs:
    """Acts on the session that `session` returns; `close` removes the folder and frees the port."""

    def __init__(self, session: Callable[[], Session], namespace: str) -> None:
        self._session = session
        self._folder: Path | None = None
        self._reserved: socket.socket | None = None
        self._known = {"namespace": namespace}

    def close(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None

    def expand(self, text: str) -> str:
        """The text with its placeholders filled in; `{node}` is known after `prepare`."""
        return re.sub(r"\{(folder|node|namespace|port)\}", lambda found: self._value(found[1]), text) if "{" in text else text

    def _value(self, word: str) -> str:
        if word not in self._known:
            if word == "folder":
                self._folder = Path(tempfile.mkdtemp(prefix="podtui-"))
                self._known[word] = str(self._folder)
            elif word == "port":
                port, self._reserved = reserve_port(PORT)
                self._known[word] = str(port)
        return self._known.get(word, f"{{{word}}}")

    async def prepare(self, part: Part) -> None:
        """Find a node if the step names one, and write the step's files."""
        step = part.step
        texts = [*part.keys, *(text for (text,) in (*part.expect, *part.gone)), *step.run.files.values()]
        if step.run.label is not None:
            texts.append(step.run.label.node)
        if any("{node}" in text for text in texts) and "node" not in self._known:
            self._known["node"] = await self._node()
        for name, content in step.run.files.items():
            path = Path(self._value("folder")) / name
            try:
                path.write_text(self.expand(content), encoding="utf-8")
            except OSError as error:
                raise PodtuiError(f"cannot write {path}: {error.strerror}") from None

    async def _node(self) -> str:
        """The first node that is ready and accepts any pod."""
        answer: Any = await self._session().opened.json("GET", NODES.path())
        for node in answer.get("items") or ():
            spec = node.get("spec") or {}
            if is_true(node, "Ready") and not spec.get("unschedulable") and not spec.get("taints"):
                return str(node["metadata"]["name"])
        raise PodtuiError("no node of this cluster accepts pods", "this walkthrough needs a node that is ready and has no taints")

    async def carry_out(self, part: Part, expand: Callable[[str], str]) -> str:
        """Label the node and send the HTTP request; returns a line about it for the bar."""
        run, note = part.step.run, ""
        if run.label is not None:
            name = expand(run.label.node)
            await self._session().objects.patch_metadata(ObjectRef(NODES, name), labels=run.label.labels)
            note = f"node/{harmless(name)} labeled"
        if run.http:
            address = expand(run.http)
            answer = await _asked(address, run.answer, part.step.within, expand)
            note = f"→ {answer}"
        return note


async def _asked(address: str, wanted: str, within: float, expand: Callable[[str], str]) -> str:
    """The first line of the answer, once it contains `wanted`; asks again until the time is up."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        left = deadline - loop.time()
        try:
            answer = await asyncio.to_thread(_get, address, max(0.2, left))
        except (OSError, ValueError) as error:
            problem = f"{address} does not answer: {harmless(str(error))}"
        else:
            if expand(wanted) in answer:
                return harmless(next((line for line in answer.splitlines() if line.strip()), ""))[:_SHOWN]
            problem = f"{address} answers, but without {expand(wanted)!r}: {harmless(answer[:_SHOWN])}"
        if loop.time() >= deadline:
            raise PodtuiError(problem)
        await asyncio.sleep(0.2)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _get(address: str, seconds: float) -> str:
    """The body of the answer, whatever its status, without any proxy, and without following it to another machine."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    try:
        with opener.open(address, timeout=seconds) as answer:
            return str(answer.read(_MOST).decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        return error.read(_MOST).decode("utf-8", "replace")


def reserve_port(wanted: int) -> tuple[int, socket.socket]:
    """`wanted` if it is free on 127.0.0.1, otherwise any free port, and the socket that reserves it: two walkthroughs at a time use two.

    A socket that is bound and does not listen keeps others from reserving the port. On Linux a listener with SO_REUSEADDR, such as a
    port-forward's, can still bind it; other systems refuse that, so there the socket is closed at once.
    """
    opened = socket.socket()
    try:
        opened.bind(("127.0.0.1", wanted))
    except OSError:
        opened.bind(("127.0.0.1", 0))
    port = int(opened.getsockname()[1])
    if sys.platform == "linux":
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # only now: a socket bound with it would share its port
    else:
        opened.close()
    return port, opened
