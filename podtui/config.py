"""config.yaml: the user's settings. Every key has a default; an error names its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from podtui.errors import ConfigError, PortSpecError, SelectorError
from podtui.folders import config_folder
from podtui.kube.names import key_faults, namespace_faults, subdomain_faults
from podtui.kube.ports import LOCALHOST, PortSpec
from podtui.kube.selectors import parse
from podtui.text import harmless
from podtui.yamlcheck import Checked, Problem, read


class LogConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How to show logs. `tail` is in lines, `buffer_mb` in MiB for one log view."""

    tail: Annotated[int, Meta(ge=0, le=1_000_000)] = 1000
    buffer_mb: Annotated[int, Meta(ge=1, le=4096)] = 64
    timestamps: bool = False
    wrap: bool = False


class ForwardConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A saved port-forward: the ports as in kubectl, to a pod by name or to a pod with these labels."""

    ports: list[str]
    pod: str = ""
    selector: str = ""
    namespace: str = ""
    """"" means the context's."""
    address: str = LOCALHOST
    context: str = ""
    """The glob of the contexts in which it can be started; "" means all of them."""
    start: bool = False
    """Whether it starts with podtui."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of config.yaml."""

    theme: str = ""
    mouse: bool = True
    editor: str = ""
    """The command of the editor for YAML, "built-in" for podtui's own; "" uses KUBE_EDITOR, EDITOR, VISUAL or vi."""
    keymap: dict[str, str] = {}
    """A command's id and its keys, separated by commas."""
    columns: list[str] = []
    """The columns of the pod list by the server's names; none means the default columns."""
    label_columns: list[str] = []
    favourites: list[str] = []
    """What the keys 1 to 9 show: a namespace, or a view as one types it in the palette, such as `:po -n web -l app=x`."""
    protected_contexts: list[str] = []
    """Globs of contexts in which the user confirms every change by typing."""
    read_only_contexts: list[str] = []
    """Globs of contexts that start read-only."""
    log: LogConfig = LogConfig()
    forwards: dict[str, ForwardConfig] = {}

    @property
    def favourite_namespaces(self) -> list[str]:
        return [name for name in self.favourites if not name.startswith(":")]

    def is_protected(self, context: str) -> bool:
        """Whether the user confirms changes in `context` by typing."""
        return any(fnmatchcase(context, glob) for glob in self.protected_contexts)

    def is_read_only(self, context: str) -> bool:
        """Whether `context` starts read-only."""
        return any(fnmatchcase(context, glob) for glob in self.read_only_contexts)


def default_path() -> Path:
    """The default location of config.yaml, without --config."""
    return config_folder() / "config.yaml"


Fault = tuple[str, tuple[str | int, ...]]
"""A mistake in words, and the path of keys at which it was found."""
Check = Callable[[Config], Iterable[Fault]]


def load(explicit: str | None = None, more: Check = lambda _: ()) -> Config:
    """The configuration from `explicit` (--config) or the default location; without a file there, the defaults.

    Raises ConfigError for a named file that does not exist, and for every error in a file. `more` finds what only the screen knows,
    which this module must not import, such as commands.
    """
    path = Path(explicit).expanduser() if explicit else default_path()
    if not path.exists() and (explicit or not path.is_symlink()):
        if explicit:
            raise ConfigError(f"the configuration file does not exist: {harmless(str(path))}")
        return Config()
    found = examined(explicit, more)
    if found.value is None:
        raise found.error("podtui doctor")
    return found.value


def examined(explicit: str | None = None, more: Check = lambda _: ()) -> Checked[Config]:
    """The file with all its mistakes, in the order of their lines; one in the configuration folder must be the user's own."""
    found = read(Path(explicit).expanduser(), Config) if explicit else read(default_path(), Config, own=True)
    if found.known is None:
        return found
    others = [Problem(found.line(*path), text) for text, path in (*_faults(found.known), *more(found.known))]
    problems = sorted([*found.problems, *others], key=lambda problem: problem.line)
    return Checked(found.path, None if problems else found.known, problems, found.lines, found.known)


def _faults(config: Config) -> Iterator[Fault]:
    """What the types alone do not find."""
    if len(config.favourites) > 9:
        yield f"`favourites` has {len(config.favourites)} entries, but only the keys 1 to 9 show them", ("favourites", 9)
    for place, name in enumerate(config.favourites):
        if not name.startswith(":") and namespace_faults(name):
            yield f"`favourites`: {harmless(name)!r} is not a valid namespace name", ("favourites", place)
    for place, key in enumerate(config.label_columns):
        if faults := key_faults(key):
            yield f"`label_columns`: {harmless(key)!r}: {faults[0]}", ("label_columns", place)
    for command, keys in config.keymap.items():
        if not all(key.strip() for key in keys.replace(",,", ",").split(",")):
            yield f"`keymap.{harmless(command)}` names no key", ("keymap", command)
    for name, forward in config.forwards.items():
        yield from _forward_faults(name, forward)
    yield from _start_faults(config.forwards)


def _forward_faults(name: str, forward: ForwardConfig) -> Iterator[Fault]:
    def fault(key: str, words: str, *path: str | int) -> Fault:
        return f"`forwards.{harmless(name)}{'.' if key else ''}{key}`{words}", ("forwards", name, *path)

    if bool(forward.pod) == bool(forward.selector):
        yield fault("", " needs either a `pod` or a `selector`")
    if forward.pod and subdomain_faults(forward.pod):
        yield fault("pod", f": {harmless(forward.pod)!r} is not a valid pod name", "pod")
    if forward.namespace and namespace_faults(forward.namespace):
        yield fault("namespace", f": {harmless(forward.namespace)!r} is not a valid namespace name", "namespace")
    try:
        parse(forward.selector)
    except SelectorError as error:
        yield fault("selector", f": {error.what}", "selector")
    if forward.address != LOCALHOST:
        try:
            ip_address(forward.address)
        except ValueError:
            yield fault("address", f": {harmless(forward.address)!r} is neither localhost nor an IP address", "address")
    if not forward.ports:
        yield fault("ports", " is empty", "ports")
    seen: set[int] = set()
    for place, port in enumerate(forward.ports):
        try:
            spec = PortSpec.parse(port)
        except PortSpecError as error:
            yield fault("ports", f": {error.what}", "ports", place)
            continue
        if spec.local and spec.local in seen:
            yield fault("ports", f": local port {spec.local} appears twice", "ports", place)
        seen.add(spec.local)


def _start_faults(forwards: Mapping[str, ForwardConfig]) -> Iterator[Fault]:
    """Two forwards that start automatically must not use one local port, unless they are for different contexts."""
    taken: dict[tuple[str, int], str] = {}
    for name, forward in forwards.items():
        for place, port in enumerate(forward.ports if forward.start else ()):
            try:
                local = PortSpec.parse(port).local
            except PortSpecError:
                continue  # a fault of the forward itself
            other = taken.setdefault((forward.context, local), name)
            if local and other != name:
                what = f"local port {local} is also that of `forwards.{harmless(other)}`, and both start automatically"
                yield f"`forwards.{harmless(name)}.ports`: {what}", ("forwards", name, "ports", place)
