"""Manifests: the objects in a file of YAML or JSON, each with the line where it begins.

As kubectl reads them: several documents in one file, a List stands for its items, empty documents do not count, and a
document's own namespace must be the one that was asked for.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Sequence
from typing import Any

import msgspec

from podtui.errors import ManifestError
from podtui.kube.manifests.yaml_reader import read
from podtui.kube.resources import Resource
from podtui.text import harmless
from podtui.yamltree import LARGEST, YamlFault, decoded

_DEEPEST_LIST = 8
_ENDINGS = (".json", ".yaml", ".yml")  # of the files that kubectl takes from a folder


class Document(msgspec.Struct, frozen=True):
    """An object to be created: `value` is a map with a kind, an apiVersion and metadata whose names are texts.

    `source` is what errors call the text that it is in, `text` is that text, `line` (from 1) where it begins in it; `file` is its path.
    """

    source: str
    line: int
    value: dict[str, Any]
    text: str = ""
    file: str = ""

    @property
    def path(self) -> str:
        """What kubectl's `-f` takes for it: `-`, standard input, for what is in no file."""
        return self.file or "-"

    @property
    def api_version(self) -> str:
        return str(self.value["apiVersion"])

    @property
    def kind(self) -> str:
        return str(self.value["kind"])

    @property
    def name(self) -> str:
        """The name, or the prefix of the name that the server will make (`generateName`), or ""."""
        metadata = self.value.get("metadata") or {}
        return metadata.get("name") or metadata.get("generateName") or ""

    @property
    def generated(self) -> bool:
        """Whether the server makes the name."""
        metadata = self.value.get("metadata") or {}
        return not metadata.get("name") and bool(metadata.get("generateName"))

    @property
    def namespace(self) -> str:
        """The namespace that the document names itself, or ""."""
        return (self.value.get("metadata") or {}).get("namespace") or ""

    def error(self, what: str, hint: str = "") -> ManifestError:
        """An error at the document's place."""
        return ManifestError(self.source, self.line, what, hint)


def load(path: str) -> list[Document]:
    """The documents of the file at `path` (`~` is the home folder), or of every manifest in the folder there. Blocks; raises ManifestError.

    As `kubectl create -f`: of a folder the files that end in .json, .yaml or .yml, in the order of their names, not those of the
    folders in it; a path that is not there may be a pattern (`*.yaml`).
    """
    file = os.path.expanduser(path)
    if os.path.isdir(file):
        names = sorted(name for name in _listed(file, path) if os.path.splitext(name)[1] in _ENDINGS)
        found = [os.path.join(file, name) for name in names if not os.path.isdir(os.path.join(file, name))]
        if not found:
            raise ManifestError(harmless(path), 0, f"no manifest in this folder: recognized file extensions are {', '.join(_ENDINGS)}")
        return _all(found, path)
    if not os.path.lexists(file) and any(character in file for character in "*?[") and (found := sorted(glob.glob(file))):
        return _all(found, path)
    return parse(_content(file, harmless(path)), harmless(path), file)


def text_of(path: str) -> str:
    """The text of the file at `path`. Blocks; raises ManifestError, also for a folder."""
    source = harmless(path)
    if os.path.isdir(os.path.expanduser(path)):
        raise ManifestError(source, 0, "is a folder", "name one of its files to edit it")
    content = _content(os.path.expanduser(path), source)
    if len(content) > LARGEST:
        raise ManifestError(source, 0, f"is larger than {LARGEST >> 20} MiB")
    return _decoded(content, source)[0]


def _decoded(content: bytes, source: str) -> tuple[str, frozenset[int]]:
    """The text, in the encoding that its byte order mark names, and the lines where it is not UTF-8.

    kubectl takes what is not UTF-8 for a replacement character, so that a comment in another encoding does no harm.
    """
    try:
        return decoded(content), frozenset()
    except YamlFault as fault:
        spoilt = frozenset(number for number, line in enumerate(content.split(b"\n"), 1) if not _is_utf8(line))
        if fault.line not in spoilt:
            raise ManifestError(source, fault.line, fault.words, fault.hint) from None  # it is UTF-16
        return content.decode("utf-8", "replace"), spoilt


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _all(files: Sequence[str], path: str) -> list[Document]:
    """The documents of several files, which may hold no more than one file may."""
    documents: list[Document] = []
    room = LARGEST
    for file in files:
        content = _content(file, harmless(file))
        room -= len(content)
        if room < 0:
            raise ManifestError(harmless(path), 0, f"the files are larger than {LARGEST >> 20} MiB together")
        documents += parse(content, harmless(file), file)
    return documents


def _listed(folder: str, path: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        raise ManifestError(harmless(path), 0, (error.strerror or "cannot be read").lower()) from None


def _content(file: str, source: str) -> bytes:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would wait for its writer
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ManifestError(source, 0, "is not a regular file")
            with open(descriptor, "rb", closefd=False) as stream:
                return stream.read(LARGEST + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ManifestError(source, 0, (error.strerror or "cannot be read").lower()) from None
    except ValueError:
        raise ManifestError(source, 0, "is not a path: it holds a null character") from None


def parse(content: bytes | str, source: str = "manifest", file: str = "") -> list[Document]:
    """The documents of a manifest's content; `source` is what errors call it, `file` where it lies. Raises ManifestError, also when
    there are none."""
    if len(content) > LARGEST:
        raise ManifestError(source, 0, f"is larger than {LARGEST >> 20} MiB")
    text, spoilt = _decoded(content, source) if isinstance(content, bytes) else (content, frozenset[int]())
    documents: list[Document] = []
    for found in read(text, source, spoilt):
        documents += _objects(found.value, source, found.line, found.items, 0)
    if not documents:
        raise ManifestError(source, 0, "no objects passed to create", "the file has no document with content")
    return [msgspec.structs.replace(document, text=text, file=file) for document in documents]


def _objects(value: Any, source: str, line: int, lines: tuple[int, ...], depth: int) -> list[Document]:
    if not isinstance(value, dict):
        raise ManifestError(source, line, f"a document must be an object with a kind, not {_named(value)}")
    _texts(value, source, line)
    kind, items = value.get("kind") or "", value.get("items")
    if kind and (
        isinstance(items, list) or ("items" in value and (not depth or kind.endswith("List")))
    ):  # as for kubectl, of whatever kind
        if not isinstance(items, list | None):
            raise ManifestError(source, line, f"items must be a list, not {_named(items)}")
        if depth == _DEEPEST_LIST:
            raise ManifestError(source, line, "lists are nested too deeply")
        made: list[Document] = []
        for number, item in enumerate(items or ()):
            if isinstance(item, dict) and not depth and not item.get("kind") and not item.get("apiVersion"):
                # The items of a PodList may leave out that they are Pods.
                item = {**item, "apiVersion": value.get("apiVersion", ""), "kind": kind.removesuffix("List")}
            made += _objects(item, source, lines[number] if number < len(lines) else line, (), depth + 1)
        return made
    for field in ("apiVersion", "kind"):
        if not value.get(field):
            raise ManifestError(source, line, f"{field} not set")
    return [Document(source, line, value)]


def _texts(value: dict[str, Any], source: str, line: int) -> None:
    """The fields that are read here must be what they should be; the server judges all others."""
    metadata = value.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise ManifestError(source, line, f"metadata must be an object, not {_named(metadata)}")
    fields = [("apiVersion", value), ("kind", value), *((name, metadata or {}) for name in ("name", "generateName", "namespace"))]
    for name, holder in fields:
        found = holder.get(name)
        if found is not None and not isinstance(found, str):
            told = name if holder is value else f"metadata.{name}"
            raise ManifestError(source, line, f"{told} must be text, not {_named(found)}", "put it in quotes")


def _named(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"{str(value).lower()} (a boolean)"
    if isinstance(value, (int, float)):
        return f"{value} (a number)"
    return "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else "text"


def placed(document: Document, resource: Resource, namespace: str, *, enforce: bool = True) -> tuple[str, dict[str, Any]]:
    """The namespace that the object goes to ("" for a cluster-scoped one) and the object with it filled in.

    With `enforce` (as with kubectl's -n) a document of another namespace is an error in kubectl's words; without, its own
    namespace counts.
    """
    if not resource.namespaced:
        return "", document.value
    own = document.namespace
    if own and own != namespace and enforce:
        raise document.error(
            f'the namespace from the provided object "{harmless(own)}" does not match the namespace "{harmless(namespace)}". '
            f"You must pass '--namespace={harmless(own)}' to perform this operation."
        )
    target = own or namespace
    return target, {**document.value, "metadata": {**(document.value.get("metadata") or {}), "namespace": target}}
