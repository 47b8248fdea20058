"""What an image is called, and which program it stands for."""

from __future__ import annotations

import hashlib
from typing import Any

from podtui.demo.programs import samples
from podtui.demo.programs.program import Program
from podtui.demo.shell.processes import Script, is_bare, knows

_PROGRAMS: tuple[tuple[str, type[Program]], ...] = (
    ("luksa/kubia-unhealthy", samples.UnhealthyKubia),
    ("nginx", samples.Nginx),
    ("example/web", samples.Web),
    ("example/json-logger", samples.JsonLogger),
    ("example/logfmt", samples.LogfmtLogger),
    ("example/klog", samples.KlogLogger),
    ("example/colours", samples.Colours),
    ("example/stacktrace", samples.Stacktrace),
    ("example/noisy", samples.Noisy),
    ("example/korean", samples.Korean),
    ("example/crash", samples.Crash),
    ("example/oom", samples.OutOfMemory),
    ("example/job", samples.Job),
    ("example/slow-start", samples.SlowStart),
    ("example/db", samples.Database),
)
"""By how the image's name begins, without docker.io and tag."""
_SILENT = (Program, samples.Kubia, samples.Nginx, samples.Web, samples.Database)
"""Programs that need no worker when they are found running; the visits of a Web may begin when its log is first read."""
_SHELLS = ("busybox", "alpine", "debian", "ubuntu", "example/shell")


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
    """The program of a container with this image and command; the word that is not a program there, when it cannot start.

    `own`: the container names no command, so `command` are arguments for the image's own one.
    """
    name = image.removeprefix("docker.io/").removeprefix("library/").split("@")[0].split(":")[0]
    if command and (not own or name in _SHELLS):
        if is_bare(image):
            return command[0] if knows(command[0]) else Program
        if knows(command[0]):
            return Script
        if name in _SHELLS:
            return command[0]
    if name in _SHELLS:
        return Script
    for beginning, program in _PROGRAMS:
        if name.startswith(beginning):
            return program
    return samples.Kubia if "kubia" in name else Program


def lasts(container: dict[str, Any]) -> bool:
    """Whether this container (of a pod's spec) never changes by itself, so that no worker needs to watch it."""
    probed = any(key in container for key in ("livenessProbe", "readinessProbe", "startupProbe"))
    return not probed and "command" not in container and program_of(container.get("image", ""), [], own=True) in _SILENT


# -- names, as containerd writes them


def digest(image: str) -> str:
    return hashlib.sha256(image.encode()).hexdigest()


def full_name(image: str) -> str:
    """As containerd names an image: docker.io/library/busybox:latest."""
    name = repository(image)
    tag = image.rsplit("/", 1)[-1].partition(":")[2]
    return image if "@" in image else f"{name}:{tag or 'latest'}"


def repository(image: str) -> str:
    head, slash, last = image.split("@")[0].rpartition("/")
    name = head + slash + last.partition(":")[0]
    first = name.split("/")[0]
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first or first == "localhost" else f"docker.io/{name}"
