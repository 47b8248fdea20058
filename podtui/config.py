"""config.yaml: the user's settings. Every key has a default; a mistake is reported with its line."""

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
    """How logs are shown. `tail` is in lines, `buffer_mb` in MiB for one log view."""

    tail: Annotated[int, Meta(ge=0, le=1_000_000)] = 1000
    buffer_mb: Annotated[int, Meta(ge=1, le=4096)] = 64
    timestamps: bool = False
    wrap: bool = False


class ForwardConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A port-forward kept under a name: the ports as kubectl takes them, to a pod by its name or to one with these labels."""

    ports: list[str]
    pod: str = ""
    selector: str = ""
    namespace: str = ""
    """"" is the context's."""
    address: str = LOCALHOST
    context: str = ""
    """The glob of the contexts in which it can be started; "" is all of them."""
    start: bool = False
    """Whether it starts with podtui."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of config.yaml."""

    theme: str = ""
    mouse: bool = True
    editor: str = ""
    """The command of the editor for YAML, "built-in" for podtui's own; "" takes KUBE_EDITOR, EDITOR, VISUAL or vi."""
    keymap: dict[str, str] = {}
    """A command's id to its keys, separated by commas."""
    columns: list[str] = []
    """The columns of the pod list by the server's names; none means the normal ones."""
    label_columns: list[str] = []
    favourites: list[str] = []
    """Namespaces of the keys 1 to 9."""
    protected_contexts: list[str] = []
    """Globs of contexts in which every change is confirmed by typing."""
    read_only_contexts: list[str] = []
    """Globs of contexts that start read-only."""
    log: LogConfig = LogConfig()
    forwards: dict[str, ForwardConfig] = {}

    def is_protected(self, context: str) -> bool:
        """Whether changes in `context` are confirmed by typing."""
        return any(fnmatchcase(context, glob) for glob in self.protected_contexts)

    def is_read_only(self, context: str) -> bool:
        """Whether `context` starts read-only."""
        return any(fnmatchcase(context, glob) for glob in self.read_only_contexts)


def default_path() -> Path:
    """Where podtui looks for config.yaml without --config."""
    return config_folder() / "config.yaml"


def load(explicit: str | None = None) -> Config:
    """The configuration of `explicit` (--config) or of the default place; without a file there, the defaults.

    Raises ConfigError for a named file that does not exist, and for every mistake in it.
    """
    path = Path(explicit).expanduser() if explicit else default_path()
    if not path.exists():
        if explicit:
            raise ConfigError(f"the configuration file does not exist: {harmless(str(path))}")
        return Config()
    found = read(path, Config)
    if found.value is None:
        raise found.error()
    _check(found, found.value)
    return found.value


def check_keymap(commands: Collection[str], explicit: str | None = None, is_key: Callable[[str], bool] = lambda _: True) -> None:
    """Raises ConfigError for an id in the keymap that is not among `commands`, with its line and the nearest id, and for what is no key.

    This is apart from `load` because the commands are the screen's, and `load` must not import it.
    """
    path = Path(explicit).expanduser() if explicit else default_path()
    found = read(path, Config)
    if found.value is None:
        raise found.error()
    for command, keys in found.value.keymap.items():
        if command not in commands:
            _fail(found, f"`keymap`: unknown command `{harmless(command)}`{near(command, commands)}", "keymap", command)
        for key in (key.strip() for key in keys.split(",")):
            if len(key) > 1 and not is_key(key):
                told = f"`keymap.{harmless(command)}`: unknown key `{harmless(key)}` (use f5, ctrl+g, alt+x, space, or a character)"
                _fail(found, told, "keymap", command)


def wrong_theme(what: str, explicit: str | None = None) -> ConfigError:
    """The error of a theme that the configuration names and that podtui cannot load, with its line; `what` says why."""
    found = read(Path(explicit).expanduser() if explicit else default_path(), Config)
    return Checked(found.path, None, [Problem(found.line("theme"), f"`theme`: {what}")], {}).error()


def _check(found: Checked[Config], config: Config) -> None:
    """The mistakes that the types alone do not show."""
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
    """No two forwards that start automatically may use one local port, unless they are for different contexts."""
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
