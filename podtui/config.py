"""config.yaml: the user's settings. Every key has a default; an error names its line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from podtui.errors import ConfigError, PortSpecError, SelectorError
from podtui.folders import config_folder
from podtui.kube.names import namespace_faults, subdomain_faults
from podtui.kube.ports import LOCALHOST, PortSpec
from podtui.kube.selectors import parse
from podtui.text import harmless
from podtui.yamlcheck import Checked, Problem, near, read


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
    """The namespaces of the keys 1 to 9."""
    protected_contexts: list[str] = []
    """Globs of contexts in which the user confirms every change by typing."""
    read_only_contexts: list[str] = []
    """Globs of contexts that start read-only."""
    log: LogConfig = LogConfig()
    forwards: dict[str, ForwardConfig] = {}

    def is_protected(self, context: str) -> bool:
        """Whether the user confirms changes in `context` by typing."""
        return any(fnmatchcase(context, glob) for glob in self.protected_contexts)

    def is_read_only(self, context: str) -> bool:
        """Whether `context` starts read-only."""
        return any(fnmatchcase(context, glob) for glob in self.read_only_contexts)


def default_path() -> Path:
    """The default location of config.yaml, without --config."""
    return config_folder() / "config.yaml"


def load(explicit: str | None = None) -> Config:
    """The configuration from `explicit` (--config) or the default location; without a file there, the defaults.

    Raises ConfigError for a named file that does not exist, and for every error in a file.
    """
    path = Path(explicit).expanduser() if explicit else default_path()
    if not path.exists() and (explicit or not path.is_symlink()):
        if explicit:
            raise ConfigError(f"the configuration file does not exist: {harmless(str(path))}")
        return Config()
    found = _read(explicit)
    if found.value is None:
        raise found.error()
    _check(found, found.value)
    return found.value


def _read(explicit: str | None) -> Checked[Config]:
    """The checked file; one in the configuration folder must be the user's own."""
    return read(Path(explicit).expanduser(), Config) if explicit else read(default_path(), Config, own=True)


def check_keymap(commands: Collection[str], explicit: str | None = None, is_key: Callable[[str], bool] = lambda _: True) -> None:
    """Raise ConfigError for an id in the keymap that is not among `commands`, with its line and the nearest id, and for an invalid key.

    This is separate from `load` because the commands belong to the screen, which `load` must not import.
    """
    found = _read(explicit)
    if found.value is None:
        raise found.error()
    for command, keys in found.value.keymap.items():
        if command not in commands:
            _fail(found, f"`keymap`: unknown command `{harmless(command)}`{near(command, commands)}", "keymap", command)
        for key in (key.strip() for key in keys.split(",")):
            if len(key) > 1 and not is_key(key):
                what = f"`keymap.{harmless(command)}`: unknown key `{harmless(key)}` (use f5, ctrl+g, alt+x, space, or a character)"
                _fail(found, what, "keymap", command)


def wrong_theme(what: str, explicit: str | None = None) -> ConfigError:
    """The error of a theme that the configuration names and podtui cannot load, with its line; `what` says why."""
    found = _read(explicit)
    return Checked(found.path, None, [Problem(found.line("theme"), f"`theme`: {what}")], {}).error()


def _check(found: Checked[Config], config: Config) -> None:
    """Check what the types alone do not."""
    if len(config.favourites) > 9:
        _fail(found, f"`favourites` has {len(config.favourites)} namespaces, but only the keys 1 to 9 show them", "favourites", 9)
    for place, name in enumerate(config.favourites):
        if namespace_faults(name):
            _fail(found, f"`favourites`: {harmless(name)!r} is not a valid namespace name", "favourites", place)
    for command, keys in config.keymap.items():
        if not all(key.strip() for key in keys.replace(",,", ",").split(",")):
            _fail(found, f"`keymap.{harmless(command)}` names no key", "keymap", command)
    for name, forward in config.forwards.items():
        _check_forward(found, name, forward)
    _check_starts(found, config.forwards)


def _check_forward(found: Checked[Config], name: str, forward: ForwardConfig) -> None:
    def fail(key: str, words: str, *path: str | int) -> None:
        _fail(found, f"`forwards.{harmless(name)}{'.' if key else ''}{key}`{words}", "forwards", name, *path)

    if bool(forward.pod) == bool(forward.selector):
        fail("", " needs either a `pod` or a `selector`")
    if forward.pod and subdomain_faults(forward.pod):
        fail("pod", f": {harmless(forward.pod)!r} is not a valid pod name", "pod")
    if forward.namespace and namespace_faults(forward.namespace):
        fail("namespace", f": {harmless(forward.namespace)!r} is not a valid namespace name", "namespace")
    try:
        parse(forward.selector)
    except SelectorError as error:
        fail("selector", f": {error.what}", "selector")
    if forward.address != LOCALHOST:
        try:
            ip_address(forward.address)
        except ValueError:
            fail("address", f": {harmless(forward.address)!r} is neither localhost nor an IP address", "address")
    if not forward.ports:
        fail("ports", " is empty", "ports")
    seen: set[int] = set()
    for place, port in enumerate(forward.ports):
        try:
            spec = PortSpec.parse(port)
        except PortSpecError as error:
            fail("ports", f": {error.what}", "ports", place)
            return
        if spec.local and spec.local in seen:
            fail("ports", f": local port {spec.local} appears twice", "ports", place)
        seen.add(spec.local)


def _check_starts(found: Checked[Config], forwards: Mapping[str, ForwardConfig]) -> None:
    """Two forwards that start automatically must not use one local port, unless they are for different contexts."""
    taken: dict[tuple[str, int], str] = {}
    for name, forward in forwards.items():
        for place, port in enumerate(forward.ports if forward.start else ()):
            local = PortSpec.parse(port).local
            other = taken.setdefault((forward.context, local), name)
            if local and other != name:
                what = f"local port {local} is also that of `forwards.{harmless(other)}`, and both start automatically"
                _fail(found, f"`forwards.{harmless(name)}.ports`: {what}", "forwards", name, "ports", place)


def _fail(found: Checked[Config], text: str, *path: str | int) -> None:
    raise Checked(found.path, None, [Problem(found.line(*path), text)], {}).error()
