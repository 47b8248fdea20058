"""Read one kubeconfig file: parse its YAML (or JSON), check its types, resolve its relative paths.

Errors name the line: as in kubectl, an unknown field is ignored, but a number where text
belongs is an error.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from podtui.cluster.kubeconfig.settings import ExecSpec, Impersonation, UserSpec
from podtui.errors import KubeconfigError
from podtui.text import harmless

EXEC_EXTENSION = "client.authentication.k8s.io/exec"
_T = TypeVar("_T")


@dataclass(frozen=True)
class ContextEntry:
    """A context: which cluster, as whom, in which namespace ("" when it does not say). `file` is where it was defined."""

    name: str
    file: str
    cluster: str = ""
    user: str = ""
    namespace: str = ""


@dataclass(frozen=True)
class ClusterEntry:
    """A cluster as in the file; paths are absolute, data is decoded."""

    name: str
    file: str
    server: str = ""
    certificate_authority: str = ""
    certificate_authority_data: bytes = field(default=b"", repr=False)
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    proxy_url: str = field(default="", repr=False)
    disable_compression: bool = False
    exec_config: Any = None


@dataclass(frozen=True)
class UserEntry:
    """A user as in the file. `auth_provider` names one of the old, removed kind."""

    name: str
    file: str
    spec: UserSpec = field(default_factory=UserSpec)
    impersonation: Impersonation = field(default_factory=Impersonation)
    auth_provider: str = ""


@dataclass(frozen=True)
class File:
    """The contents of one file."""

    path: str
    current_context: str = ""
    contexts: dict[str, ContextEntry] = field(default_factory=dict)
    clusters: dict[str, ClusterEntry] = field(default_factory=dict)
    users: dict[str, UserEntry] = field(default_factory=dict)


def read_file(path: str, *, missing_is_error: bool) -> File | None:
    """Read the kubeconfig at `path`; None when it is missing and may be. Raises KubeconfigError."""
    try:
        with open(path, "rb") as opened:
            content = opened.read()
    except FileNotFoundError:
        if not missing_is_error:
            return None
        hint = "Name one that exists with --kubeconfig FILE or the environment variable KUBECONFIG."
        raise KubeconfigError(f"there is no kubeconfig {harmless(path)}", hint) from None
    except OSError as error:
        raise KubeconfigError(f"cannot read the kubeconfig {harmless(path)}: {error.strerror}") from None
    return _Reader(path, content).file()


class _Reader:
    """Walks the parsed document with the path of every value, so that an error can name its line."""

    def __init__(self, path: str, content: bytes) -> None:
        self.path = os.path.abspath(path)
        self.shown = harmless(path)
        self.content = content
        self.document = self._parsed()

    def file(self) -> File:
        kind = self._text(self.document, (), "kind")
        if kind not in ("", "Config"):
            self._fail(("kind",), f"is a {harmless(kind)}, not a kubeconfig (kind: Config)")
        return File(
            self.path,
            self._text(self.document, (), "current-context"),
            self._entries("contexts", self._context),
            self._entries("clusters", self._cluster),
            self._entries("users", self._user),
        )

    def _parsed(self) -> dict[str, Any]:
        from podtui.yamltree import YamlFault, tree, value_of  # costs 20 ms: only once a kubeconfig is read

        try:
            document = value_of(tree(self.content), duplicates=True)
        except YamlFault as fault:
            place = f"{self.shown}:{fault.line}" if fault.line else self.shown
            raise KubeconfigError(f"{place}: {fault.words}", fault.hint) from None
        if document is None:
            return {}
        if not isinstance(document, dict):
            raise KubeconfigError(f"{self.shown}:1: not a kubeconfig: the file holds {_called(document)}, not a mapping")
        return document

    def _line(self, path: tuple[str | int, ...]) -> int:
        """The 1-based line of the value at `path`: parses the document again, since errors are rare."""
        from yaml import MappingNode, SequenceNode

        from podtui.yamltree import tree

        node: Any = tree(self.content)
        for step in path:
            if isinstance(node, MappingNode):
                node = next((value for key, value in reversed(node.value) if key.value == step), node)
            elif isinstance(node, SequenceNode) and isinstance(step, int):
                node = node.value[step]
        return int(node.start_mark.line) + 1

    def _fail(self, path: tuple[str | int, ...], words: str, hint: str = "") -> NoReturn:
        """Raise an error: `words` say what is wrong with the value at `path`."""
        dotted = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
        raise KubeconfigError(f"{self.shown}:{self._line(path)}: {harmless(dotted)} {words}", hint)

    def _value(self, mapping: dict[str, Any], at: tuple[str | int, ...], key: str, kind: type[_T], default: _T, hint: str = "") -> _T:
        found = mapping.get(key)
        if found is None:
            return default
        if not isinstance(found, kind) or (kind is not bool and isinstance(found, bool)):
            self._fail((*at, key), f"must be {_NAMES[kind]}, not {_called(found)}", hint)
        return found

    def _text(self, mapping: dict[str, Any], at: tuple[str | int, ...], key: str) -> str:
        return self._value(mapping, at, key, str, "", "Put it in quotes.")

    def _mapping(self, mapping: dict[str, Any], at: tuple[str | int, ...], key: str) -> dict[str, Any]:
        return self._value(mapping, at, key, dict, {})

    def _texts(self, mapping: dict[str, Any], at: tuple[str | int, ...], key: str) -> tuple[str, ...]:
        found = self._value(mapping, at, key, list, [])
        for index, item in enumerate(found):
            if not isinstance(item, str):
                self._fail((*at, key, index), f"must be text, not {_called(item)}", "Put it in quotes.")
        return tuple(found)

    def _data(self, mapping: dict[str, Any], at: tuple[str | int, ...], key: str) -> bytes:
        text = self._text(mapping, at, key)
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            self._fail((*at, key), "is not valid base64")

    def _path(self, text: str) -> str:
        """The path of a file that the kubeconfig names, relative to the kubeconfig."""
        return os.path.join(os.path.dirname(self.path), text) if text else ""

    def _entries(self, key: str, build: Callable[[str, dict[str, Any], tuple[str | int, ...]], _T]) -> dict[str, _T]:
        """A list of `{name, <key in the singular>}` as a mapping; a duplicate name is an error, as in kubectl."""
        found: dict[str, _T] = {}
        for index, item in enumerate(self._value(self.document, (), key, list, [])):
            at: tuple[str | int, ...] = (key, index)
            if not isinstance(item, dict):
                self._fail(at, f"must be a mapping, not {_called(item)}")
            name = self._text(item, at, "name")
            if name in found:
                self._fail((*at, "name"), f"is {harmless(name)!r}, and another of the {key} has that name")
            inner = key.removesuffix("s")
            found[name] = build(name, self._mapping(item, at, inner), (*at, inner))
        return found

    def _context(self, name: str, body: dict[str, Any], at: tuple[str | int, ...]) -> ContextEntry:
        cluster, user, namespace = (self._text(body, at, key) for key in ("cluster", "user", "namespace"))
        return ContextEntry(name, self.shown, cluster, user, namespace)

    def _cluster(self, name: str, body: dict[str, Any], at: tuple[str | int, ...]) -> ClusterEntry:
        exec_config = None
        for index, item in enumerate(self._value(body, at, "extensions", list, [])):
            if not isinstance(item, dict):
                self._fail((*at, "extensions", index), f"must be a mapping, not {_called(item)}")
            if item.get("name") == EXEC_EXTENSION:
                exec_config = item.get("extension")
        return ClusterEntry(
            name,
            self.shown,
            server=self._text(body, at, "server").strip(),
            certificate_authority=self._path(self._text(body, at, "certificate-authority")),
            certificate_authority_data=self._data(body, at, "certificate-authority-data"),
            insecure_skip_tls_verify=self._value(body, at, "insecure-skip-tls-verify", bool, False),
            tls_server_name=self._text(body, at, "tls-server-name"),
            proxy_url=self._text(body, at, "proxy-url"),
            disable_compression=self._value(body, at, "disable-compression", bool, False),
            exec_config=exec_config,
        )

    def _user(self, name: str, body: dict[str, Any], at: tuple[str | int, ...]) -> UserEntry:
        extra_at = (*at, "as-user-extra")
        extra = self._mapping(body, at, "as-user-extra")
        impersonation = Impersonation(
            self._text(body, at, "as"),
            self._texts(body, at, "as-groups"),
            self._text(body, at, "as-uid"),
            {str(key): self._texts(extra, extra_at, key) for key in extra},
        )
        spec = UserSpec(
            client_certificate=self._path(self._text(body, at, "client-certificate")),
            client_certificate_data=self._data(body, at, "client-certificate-data"),
            client_key=self._path(self._text(body, at, "client-key")),
            client_key_data=self._data(body, at, "client-key-data"),
            token=self._text(body, at, "token").strip(),
            token_file=self._path(self._text(body, at, "tokenFile")),
            username=self._text(body, at, "username"),
            password=self._text(body, at, "password"),
            exec=self._exec(self._mapping(body, at, "exec"), (*at, "exec")) if body.get("exec") is not None else None,
        )
        provider = self._mapping(body, at, "auth-provider")
        return UserEntry(name, self.shown, spec, impersonation, str(provider.get("name") or "?") if provider else "")

    def _exec(self, body: dict[str, Any], at: tuple[str | int, ...]) -> ExecSpec:
        command = self._text(body, at, "command")
        if not command:
            self._fail(at, "names no command")
        if os.sep in command:
            command = self._path(command)  # one without a slash is looked up on the PATH
        api_version = self._text(body, at, "apiVersion")
        if not api_version:
            self._fail(at, "has no apiVersion")
        env: list[tuple[str, str]] = []
        for index, item in enumerate(self._value(body, at, "env", list, [])):
            item_at = (*at, "env", index)
            if not isinstance(item, dict):
                self._fail(item_at, f"must be a mapping, not {_called(item)}")
            env.append((self._text(item, item_at, "name"), self._text(item, item_at, "value")))
        return ExecSpec(
            command=command,
            api_version=api_version,
            args=self._texts(body, at, "args"),
            env=tuple(env),
            install_hint=self._text(body, at, "installHint"),
            provide_cluster_info=self._value(body, at, "provideClusterInfo", bool, False),
            interactive_mode=self._text(body, at, "interactiveMode"),
        )


_NAMES: dict[type, str] = {str: "text", bool: "true or false", list: "a list", dict: "a mapping"}


def _called(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    return next((name for kind, name in _NAMES.items() if isinstance(value, kind)), "binary data")
