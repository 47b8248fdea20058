"""The values of Secrets, which podtui shows only at a key and never writes to a file: masked in objects, in annotations that repeat them,
and in the text of manifests, with the masks of `kubectl diff`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from podtui.kube.manifests.yaml_reader import cleaned, parts
from podtui.yamltree import YamlFault, tree

MASK = "***"
BEFORE, AFTER = f"{MASK} (before)", f"{MASK} (after)"  # of a value that differs
FIELDS = ("data", "stringData")
_SHORTEST = 4  # characters of a value that is looked for in annotations: shorter ones are found anywhere
_FIELD = re.compile(r"""[ \t-]*["']?(?:data|stringData)["']?\s*:(?P<rest>.*)""")
_ENTRY = re.compile(r"""(?P<key>\s*(?:- )?[^:]{1,253}:).*""")


def is_secret(value: Mapping[str, Any]) -> bool:
    return value.get("kind") == "Secret" and value.get("apiVersion", "v1") == "v1"


def masked(value: Mapping[str, Any]) -> dict[str, Any]:
    """The object with a mask for each value, if it is a Secret."""
    return masked_pair(value, value)[0]


def masked_pair(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two versions of an object, each value of a Secret masked, so that one that differs differs in its mask."""
    old, new = dict(before), dict(after)
    if not (is_secret(before) or is_secret(after)):
        return old, new
    for field in FIELDS:
        was, now = (version.get(field) for version in (before, after))
        for made, own, other, differs in ((old, was, now, BEFORE), (new, now, was, AFTER)):
            if isinstance(own, dict):
                others = other if isinstance(other, dict) else {}
                made[field] = {key: differs if key in others and others[key] != part else MASK for key, part in own.items()}
            elif own is not None:
                made[field] = MASK
    notes = [_annotations(version) for version in (before, after)]
    copies = [_copies(version) for version in (before, after)]
    for made, version, own, repeated, other, differs in (
        (old, before, notes[0], copies[0], notes[1], BEFORE),
        (new, after, notes[1], copies[1], notes[0], AFTER),
    ):
        if repeated:
            texts = {key: differs if key in other and other[key] != own[key] else MASK for key in repeated}
            made["metadata"] = {**version["metadata"], "annotations": {**own, **texts}}
    return old, new


def without_values(value: Mapping[str, Any]) -> dict[str, Any]:
    """A Secret, or a part of one, without its values and the annotations that repeat them."""
    made = {key: part for key, part in value.items() if key not in FIELDS}
    if copies := _copies(value):
        annotations = {key: text for key, text in _annotations(value).items() if key not in copies}
        made["metadata"] = {**value["metadata"], "annotations": annotations}
    return made


def _annotations(value: Mapping[str, Any]) -> dict[str, Any]:
    metadata = value.get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def _copies(value: Mapping[str, Any]) -> list[str]:
    """The annotations of a Secret that repeat its values: whole objects, as of `kubectl apply`, and texts that contain a value."""
    values = {text for field in FIELDS if isinstance(value.get(field), dict) for part in value[field].values() for text in _forms(part)}
    return [key for key, text in _annotations(value).items() if _repeats(text, values)]


def _forms(value: object) -> Iterator[str]:
    """A value as it is written there, and decoded."""
    if isinstance(value, str) and len(value) >= _SHORTEST:
        yield value
        try:
            decoded = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            return
        if len(decoded) >= _SHORTEST:
            yield decoded


def _repeats(text: object, values: set[str]) -> bool:
    if not isinstance(text, str):
        return False
    if any(value in text for value in values):
        return True
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return '"Secret"' in text
    return isinstance(found, dict) and any(field in found for field in FIELDS)


# -- text ----------------------------------------------------------------------------------------------------------------


def masked_text(text: str) -> str:
    """A manifest with a mask for each value of its Secrets; all else stays as it was written. The text need not be YAML (yet)."""
    if "Secret" not in text:
        return text
    lines = cleaned(text).split("\n")
    try:
        spans = {span for part, first in parts(cleaned(text), 1) for span in _spans(tree(part, single=True), first - 1)}
    except YamlFault:
        return "\n".join(_roughly(lines))
    for (row, column), (last, end) in sorted(spans, reverse=True):
        if last > row and not lines[last][:end].strip():  # a block ends at the beginning of the next line
            last, end = last - 1, len(lines[last - 1])
        lines[row : last + 1] = [f"{lines[row][:column]}'{MASK}'{lines[last][end:]}"]
    return "\n".join(lines)


Span = tuple[tuple[int, int], tuple[int, int]]


def _spans(node: Node | None, first: int, kind: str = "") -> Iterator[Span]:
    """Where the values stand: line and column, from 0, of their beginning and end. `kind` is of an item of a typed list."""
    if isinstance((own := _field(node, "kind")), ScalarNode):
        kind = own.value
    if isinstance((items := _field(node, "items")), SequenceNode):
        for item in items.value:
            yield from _spans(item, first, kind.removesuffix("List"))
    if kind != "Secret":
        return
    found = [scalar for field in FIELDS for scalar in _scalars(_field(node, field))]
    values = {text for scalar in found for text in _forms(scalar.value)}
    notes = _scalars(_field(_field(node, "metadata"), "annotations"))
    for scalar in (*found, *(note for note in notes if _repeats(note.value, values))):
        start, end = scalar.start_mark, scalar.end_mark
        if start is not None and end is not None:
            yield (start.line + first, start.column), (end.line + first, end.column)


def _field(node: Node | None, name: str) -> Node | None:
    pairs = node.value if isinstance(node, MappingNode) else ()
    return next((value for key, value in pairs if isinstance(key, ScalarNode) and key.value == name), None)


def _scalars(node: Node | None) -> Iterator[ScalarNode]:
    if isinstance(node, ScalarNode):
        yield node
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _scalars(item)
    elif isinstance(node, MappingNode):
        for _, value in node.value:
            yield from _scalars(value)


def _roughly(lines: list[str]) -> Iterator[str]:
    """The lines of a text that does not parse, without what may be a value below `data`."""
    within: int | None = None
    for line in lines:
        indent = len(line.expandtabs()) - len(line.expandtabs().lstrip(" -"))
        if within is not None and line.strip() and indent <= within:
            within = None
        if within is not None and line.strip():
            entry = _ENTRY.fullmatch(line)
            yield f"{entry['key']} {MASK}" if entry else f"{' ' * indent}{MASK}"
        elif field := _FIELD.fullmatch(line):
            within = indent
            yield line if not field["rest"].strip() else f"{line[: field.start('rest')]} {MASK}"
        elif "Secret" in line and any(name in line for name in FIELDS):  # on one line
            yield f"{line[: min(line.find(name) for name in FIELDS if name in line)]}{MASK}"
        else:
            yield line
