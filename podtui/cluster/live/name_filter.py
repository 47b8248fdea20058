"""The input of the `/` bar: a filter by name, or a label selector.

    TEXT         names that contain TEXT; with a '/' in it, NAMESPACE/NAME
    !TEXT        all others
    -f TEXT      names with the characters of TEXT in that order
    -l SELECTOR  objects that the label selector matches
    KEY=VALUE    the same: text with a '=' is a selector, since no name has one

Case does not matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from podtui.errors import SelectorError
from podtui.kube.selectors import parse

# `-l` stands alone or before a space; `-lapp=x` is a selector too, but `-logs` is part of a name.
_SELECTOR = re.compile(r"\s*-l(?:\s+|\Z|(?=[^\s]*[=!<>(,]))")
_FUZZY = re.compile(r"\s*-f(?:\s+|\Z)")


@dataclass(frozen=True, slots=True)
class NameFilter:
    """A filter. `text` is the typed text without surrounding spaces; `sought` is what to look for, in lower case; if empty, it
    matches everything.

    With `kind` "selector", `selector` is the label selector as typed (possibly invalid: see `check_filter`), it begins at
    character `start` of the typed text, and every name matches: the server, or `selectors.parse`, decides.
    """

    kind: Literal["contains", "excludes", "fuzzy", "selector"] = "contains"
    text: str = ""
    sought: str = ""
    selector: str | None = None
    start: int = 0

    def __bool__(self) -> bool:
        """False when it filters nothing."""
        return bool(self.sought or self.selector)

    def matches(self, namespace: str, name: str) -> bool:
        """Whether to show the object; `namespace` is empty where there is none."""
        if not self.sought:
            return True
        whole = f"{namespace}/{name}" if "/" in self.sought else name
        if self.kind == "fuzzy":
            return bool(_subsequence(self.sought, _lower(whole)))
        return (self.sought in _lower(whole)) is (self.kind == "contains")

    def spans(self, name: str) -> list[tuple[int, int]]:
        """The parts of a name that match, as (start, end) pairs from the left, for highlighting.

        A filter for NAMESPACE/NAME highlights only the part after the '/', at the beginning of the name.
        """
        if not self.sought or self.kind not in ("contains", "fuzzy"):
            return []
        lower = _lower(name)
        _, slash, sought = self.sought.rpartition("/")
        if self.kind == "fuzzy":
            return _joined(_subsequence(sought, lower))
        if slash:
            return [(0, len(sought))] if sought and lower.startswith(sought) else []
        return [match.span() for match in re.finditer(re.escape(sought), lower)]


def parse_filter(text: str) -> NameFilter:
    """Parse a filter. Any text is valid, except for a selector in it, which `check_filter` checks."""
    typed = text.strip()
    prefix = _SELECTOR.match(text)
    if prefix:
        return NameFilter("selector", typed, selector=text[prefix.end() :].rstrip(), start=prefix.end())
    prefix = _FUZZY.match(text)
    if prefix:
        return NameFilter("fuzzy", typed, _lower("".join(text[prefix.end() :].split())))
    if "=" in text:
        return NameFilter("selector", typed, selector=typed, start=len(text) - len(text.lstrip()))
    if typed.startswith("!"):
        return NameFilter("excludes", typed, _lower(typed[1:].lstrip()))
    return NameFilter("contains", typed, _lower(typed))


def check_filter(text: str) -> None:
    """Raise SelectorError, with the position in `text`, if the filter is a selector that does not parse."""
    found = parse_filter(text)
    if found.selector is None:
        return
    try:
        parse(found.selector)
    except SelectorError as error:
        raise SelectorError(error.what, text, found.start + error.position, error.hint) from error


def _lower(text: str) -> str:
    """`text` in lower case with the same length: the few characters whose lower case is longer stay unchanged."""
    if text.isascii():
        return text.lower()
    return "".join(low if len(low := character.lower()) == 1 else character for character in text)


def _subsequence(sought: str, text: str) -> list[int]:
    """The positions of the characters of `sought` in `text`, in order and close together; empty if there is no match.

    It finds the leftmost end of a match first, then, backwards from there, the latest beginning.
    """
    at = -1
    for character in sought:
        at = text.find(character, at + 1)
        if at < 0:
            return []
    found: list[int] = []
    end = at + 1
    for character in reversed(sought):
        end = text.rfind(character, 0, end)
        found.append(end)
    return found[::-1]


def _joined(positions: list[int]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for position in positions:
        if spans and spans[-1][1] == position:
            spans[-1] = (spans[-1][0], position + 1)
        else:
            spans.append((position, position + 1))
    return spans
