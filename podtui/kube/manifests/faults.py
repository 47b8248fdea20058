"""What is wrong with an object that someone wrote, each with its line in the text.

The API server names a field by its path (`spec.containers[0].image`): in the causes of an invalid object, in what strict decoding
does not know, in what Go's JSON decoder cannot read. The path is looked up in the YAML; a path that is not there has its parent's line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from podtui.errors import ApiError, ManifestError, PodtuiError, UnknownKind
from podtui.kube.manifests.yaml_reader import node_at
from podtui.text import harmless

_STRICT = re.compile(r'((?:unknown|duplicate) field "((?:[^"\\]|\\.)*)")')
_QUOTED = re.compile(r'Invalid value: "(?:[^"\\]|\\.)*": ', re.DOTALL)  # a patch that cannot be read is quoted whole
_GO_DIFF = re.compile(r"\n@@ -.*", re.DOTALL)  # how the server's own structures differ, after its words
_TYPED = re.compile(r"typed patch object \([^)]*\): (\.[^\s:]+): (.+)", re.DOTALL)
_GO_FIELD = re.compile(r"Go struct field [A-Za-z0-9_]+\.([A-Za-z0-9_.\[\]-]+) of type")
_STEP = re.compile(r"\[([^\]]*)\]|([^.\[]+)")
_SELECTED = re.compile(r'([^=,"]+)="((?:[^"\\]|\\.)*)"')


class Fault(msgspec.Struct, frozen=True):
    """`line` is 1-based, 0 when it is about the whole; `words` are the server's, harmless."""

    line: int
    words: str


def faults(error: PodtuiError, text: str, line: int = 1) -> list[Fault]:
    """What `error` says of the document of `text` that begins at `line`, at least one fault. Reads all of `text`: slow for MiB."""
    if isinstance(error, ManifestError):
        words = error.what.removeprefix(f"{error.source}:{error.line}: " if error.line else f"{error.source}: ")
        return [Fault(error.line, f"{words} ({error.hint})" if error.hint else words)]
    if isinstance(error, UnknownKind):
        return [Fault(_line(_document(text, line), "kind") or line, str(error).replace("\n", " - "))]
    if not isinstance(error, ApiError):
        return [Fault(0, str(error).replace("\n", " - "))]
    node = _document(text, line)
    found = [Fault(_line(node, path) or line, harmless(words)) for path, words in _field_messages(error)]
    return list(dict.fromkeys(found)) or [Fault(line, harmless(error.what))]


def _field_messages(error: ApiError) -> Iterator[tuple[str, str]]:
    """The fields that the error is about, each with its message."""
    causes = [cause for cause in error.details.get("causes") or () if isinstance(cause, dict) and cause.get("field")]
    for cause in causes:
        field, words = str(cause["field"]), _GO_DIFF.sub("", str(cause.get("message") or ""))
        if field == "patch":
            yield from _of_decoder(_QUOTED.sub("", words, count=1)) or [("", _QUOTED.sub("", words, count=1))]
        else:
            yield field, f"{field}: {words}" if words and not words.startswith(field) else words or field
    if not causes:
        yield from _of_decoder(error.message)


def _of_decoder(message: str) -> list[tuple[str, str]]:
    """What a decoder of the server says: an unknown field, one of another type."""
    if strict := _STRICT.findall(message):
        return [(path, words) for words, path in strict]
    if typed := _TYPED.search(message):
        return [(typed[1], f"{typed[1].removeprefix('.')}: {typed[2]}")]
    return [(match[1], message) for match in _GO_FIELD.finditer(message)]


def _document(text: str, line: int) -> Node | None:
    """The node that begins at that line: a document, or an item of a list; None when the text is not YAML."""
    node = node_at(text, line)
    return node if node is None else _beginning(node, line) or node


def _beginning(node: Node, line: int) -> Node | None:
    if node.start_mark.line + 1 == line:
        return node
    if isinstance(node, MappingNode):
        items = next((value for key, value in node.value if key.value == "items" and isinstance(value, SequenceNode)), None)
        if items is not None:
            return next((found for item in items.value if (found := _beginning(item, line)) is not None), None)
    return None


def _line(node: Node | None, path: str) -> int:
    """The 1-based line of the field at `path`, or of the last of its parents that is there; 0 without a node."""
    line = 0
    steps: list[tuple[str, bool]] = [(match[1] or match[2], match[1] is not None) for match in _STEP.finditer(path)]
    at = 0
    while node is not None and at < len(steps):
        step, _ = steps[at]
        if isinstance(node, SequenceNode):
            wanted = _SELECTED.findall(step)
            if wanted:  # as fields are named in conflicts: containers[name="web"]
                node = next((item for item in node.value if all(_is(item, key, value) for key, value in wanted)), None)
                if node is None:
                    break
                at += 1
            elif step.isdecimal() and int(step) < len(node.value):
                node = node.value[int(step)]
                at += 1
            else:  # Go's decoder names no index: the first item that has the field
                node = next((item for item in node.value if _entry(item, step) is not None), None)
                if node is None:
                    break
            line = node.start_mark.line + 1
            continue
        entry = _entry(node, step)
        if entry is None and not steps[at][1]:  # a key with dots in it, written without brackets
            joined = ".".join(name for name, _ in steps[at:])
            entry, at = (_entry(node, joined), len(steps) - 1)
        if entry is None:
            break
        line = entry[0].start_mark.line + 1
        node = entry[1]
        at += 1
    return line or (node.start_mark.line + 1 if node is not None else 0)


def _is(node: Node, key: str, value: str) -> bool:
    entry = _entry(node, key)
    return entry is not None and isinstance(entry[1], ScalarNode) and entry[1].value == value


def _entry(node: Node, key: str) -> tuple[Node, Node] | None:
    if not isinstance(node, MappingNode):
        return None
    return next(((name, value) for name, value in node.value if isinstance(name, ScalarNode) and name.value == key), None)
