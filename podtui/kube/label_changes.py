"""Changes of labels and annotations in kubectl's form (`env=prod app-`): parsed, checked, compared with what an object has.

The words are those of kubectl and of `k8s.io/apimachinery/pkg/util/validation`, so that what is refused here reads as what
`kubectl label` and the API server say. Lengths are in bytes of UTF-8, as there.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

import msgspec

from podtui.errors import ArgumentError
from podtui.kube.names import Kind, byte_length, key_faults, value_faults
from podtui.text import harmless

ANNOTATIONS_SIZE = 256 * 1024
"""Bytes that the keys and values of all annotations of an object may have together (TotalAnnotationSizeLimitB)."""


def annotations_size(annotations: Mapping[str, str]) -> int:
    """Bytes that count towards ANNOTATIONS_SIZE."""
    return sum(byte_length(key) + byte_length(value) for key, value in annotations.items())


class LabelChange(msgspec.Struct, frozen=True):
    """What happens to one key of one object; None means not there."""

    key: str
    before: str | None
    after: str | None

    @property
    def sign(self) -> str:
        """`+` added, `-` removed, `~` overwritten, `=` as it was (or not there before and after)."""
        if self.before == self.after:
            return "="
        return "+" if self.before is None else "-" if self.after is None else "~"


class LabelChanges(msgspec.Struct, frozen=True):
    """What to set and what to remove, in the order in which it was given; `kind` says of labels or of annotations."""

    set: dict[str, str] = {}
    remove: tuple[str, ...] = ()
    kind: Kind = "labels"

    @classmethod
    def of(cls, patch: Mapping[str, str | None], kind: Kind = "labels") -> LabelChanges:
        """The changes of a merge patch, in which None removes: the inverse of `patch`."""
        put = {key: value for key, value in patch.items() if value is not None}
        return cls(put, tuple(key for key, value in patch.items() if value is None), kind)

    def __bool__(self) -> bool:
        return bool(self.set or self.remove)

    def arguments(self) -> list[str]:
        """As kubectl's arguments, not quoted: `env=prod`, `app-`."""
        return [f"{key}={value}" for key, value in self.set.items()] + [f"{key}-" for key in self.remove]

    def __str__(self) -> str:
        """As one types it; `parse` gives the same changes back."""
        return shlex.join(self.arguments())

    def patch(self) -> dict[str, str | None]:
        """For a merge patch: None removes."""
        return {**self.set, **dict.fromkeys(self.remove)}

    def after(self, current: Mapping[str, str]) -> dict[str, str]:
        """What an object that has `current` has afterwards."""
        return {key: value for key, value in {**current, **self.patch()}.items() if value is not None}

    def difference(self, current: Mapping[str, str]) -> list[LabelChange]:
        """What would change on an object that has `current`, in the order given."""
        return [LabelChange(key, current.get(key), value) for key, value in self.patch().items()]

    def refusals(self, current: Mapping[str, str], *, overwrite: bool) -> list[str]:
        """Why these changes cannot be made on an object that has `current`, in kubectl's words (empty: they can).

        A key that is there already is refused without `overwrite`; kubectl label lets the same value pass, kubectl
        annotate does so too.
        """
        refused = []
        if not overwrite:
            taken = [change for change in self.difference(current) if change.sign == "~"]
            told = [f"'{change.key}' already has a value ({change.before})" for change in taken]
            if self.kind == "labels":
                refused += [f"{words}, and --overwrite is false" for words in told]
            elif told:
                refused.append(f"--overwrite is false but found the following declared annotation(s): {'; '.join(told)}")
        if self.kind == "annotations":
            if annotations_size(self.after(current)) > ANNOTATIONS_SIZE:
                refused.append(f"metadata.annotations: Too long: may not be more than {ANNOTATIONS_SIZE} bytes")
        return refused


def parse(text: str, kind: Kind = "labels") -> LabelChanges:
    """The changes that `text` asks for: `key=value` and `key-`, separated by spaces, quoted as in a shell. Empty text asks for none.

    Raises ArgumentError with the place: quotes that do not end, what is neither form, a key or a value that the server does
    not accept, a key given twice with different values or both set and removed.
    """
    what = kind[:-1]
    put: dict[str, str] = {}
    removed: dict[str, None] = {}
    for word, at in words(text):
        key, equals, value = word.partition("=")
        if not equals:
            if not word.endswith("-") or word == "-":
                raise ArgumentError(f"unknown {what} spec: {_quoted(word)}", text, at, "key=value sets, key- removes")
            key = word[:-1]
        elif not key:
            raise ArgumentError(f"invalid {what} spec: {_quoted(word)}", text, at, "there is no key before '='")
        elif kind == "labels" and "=" in value:
            raise ArgumentError(f"invalid {what} spec: {_quoted(word)}", text, at, "a label's value cannot hold '='")
        if faults := key_faults(key, kind):
            raise ArgumentError(f"metadata.{kind}: Invalid value: {_quoted(key)}: {'; '.join(faults)}", text, at)
        if equals and kind == "labels" and (faults := value_faults(value)):
            raise ArgumentError(f"invalid label value: {_quoted(word)}: {'; '.join(faults)}", text, at)
        if key in (removed if equals else put):
            raise ArgumentError(f"can not both modify and remove a {what} in the same command", text, at, f"{harmless(key)} is given twice")
        if not equals:
            removed[key] = None
        elif put.setdefault(key, value) != value:
            raise ArgumentError(f"{_quoted(key)} is given two values", text, at)
    if kind == "annotations" and annotations_size(put) > ANNOTATIONS_SIZE:
        raise ArgumentError(f"metadata.annotations: Too long: may not be more than {ANNOTATIONS_SIZE} bytes", text, 0)
    return LabelChanges(put, tuple(removed), kind)


def words(text: str) -> Iterator[tuple[str, int]]:
    """The words of `text` and where each begins, by the quoting rules of a POSIX shell; nothing is expanded.

    Raises ArgumentError for a quote that does not end and for a backslash at the end.
    """
    at, end = 0, len(text)
    while at < end:
        if text[at] in " \t\r\n":
            at += 1
            continue
        start, made = at, []
        while at < end and text[at] not in " \t\r\n":
            mark = text[at]
            if mark == "\\":
                if at + 1 == end:
                    raise ArgumentError("nothing follows the backslash", text, at)
                made.append(text[at + 1])
                at += 2
            elif mark in "'\"":
                piece, at = _quotation(text, at)
                made.append(piece)
            else:
                made.append(mark)
                at += 1
        yield "".join(made), start


def _quotation(text: str, start: int) -> tuple[str, int]:
    """What the quotes that open at `start` hold, and where the text goes on."""
    mark, at = text[start], start + 1
    made: list[str] = []
    while at < len(text):
        if text[at] == mark:
            return "".join(made), at + 1
        if mark == '"' and text[at] == "\\" and text[at + 1 : at + 2] in ('"', "\\", "$", "`"):
            at += 1
        made.append(text[at])
        at += 1
    raise ArgumentError(f"the quotation that begins with {mark} does not end", text, start)


def abbreviated(value: str, width: int) -> str:
    """`value` made harmless and at most about `width` characters: the beginning and how long it is."""
    if len(value) <= width:
        return harmless(value)
    size = byte_length(value)
    told = f"… ({size} bytes)" if size < 1024 else f"… ({size / 1024:.1f} KiB)"
    return harmless(value[: max(1, width - len(told))]) + told


def _quoted(word: str) -> str:
    return f'"{abbreviated(word, 80)}"'
