"""Which program an image stands for."""

from __future__ import annotations

from typing import Any

from podtui.demo.programs import Answer, Body, Program, Request
from podtui.demo.shell import Script, knows


class Kubia(Program):
    """The web server of the textbook's chapters, a Node.js program: as PID 1 it does not listen to SIGTERM."""

    stop_after = None
    ports = (8080,)

    def run(self) -> Body:
        self.context.say("Kubia server starting...")
        yield None
        return 0

    def answer(self, request: Request) -> Answer:
        self.context.say(f"Received request from ::ffff:{request.client}")
        return Answer(200, f"You've hit {self.context.hostname}\n")


_SHELLS = ("busybox", "alpine", "debian", "ubuntu", "library/busybox", "example/shell")


def unpullable(image: str) -> str:
    """Why an image cannot be pulled, in containerd's words; "" when it can."""
    host, _, rest = image.partition("/")
    if host != "registry.invalid" and not host.endswith(".invalid"):
        return ""
    path, _, tag = rest.partition(":")
    where = f"https://{host}/v2/{path}/manifests/{tag or 'latest'}"
    name = f"{host}/{path}:{tag or 'latest'}"
    return (
        f'failed to pull and unpack image "{name}": failed to resolve reference "{name}": failed to do request: Head "{where}": '
        f"dial tcp: lookup {host}: no such host"
    )


def program_of(image: str, command: list[str], *, own: bool) -> type[Program] | str:
    """What runs in a container of this image with this command; the word that is no program there, when it cannot be started.

    `own`: the container names no command, so `command` are arguments for the image's own one.
    """
    name = image.removeprefix("docker.io/").split("@")[0].split(":")[0]
    if command and (not own or name in _SHELLS):
        if knows(command[0]):
            return Script
        if name in _SHELLS:
            return command[0]
    if "kubia" in name:
        return Kubia
    return Script if name in _SHELLS else Program


def lasts(container: dict[str, Any]) -> bool:
    """Whether what runs in this container (of a pod's spec) never does anything by itself, so that nobody must watch over it."""
    probed = any(key in container for key in ("livenessProbe", "readinessProbe", "startupProbe"))
    return not probed and "command" not in container and program_of(container.get("image", ""), [], own=True) in (Program, Kubia)
