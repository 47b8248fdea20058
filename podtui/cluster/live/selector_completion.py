"""Completion of label selectors: what can follow at the cursor, from the labels of the loaded rows.

The text may be unfinished or invalid; the part before the cursor decides what is offered.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from podtui.cluster.live.name_filter import parse_filter
from podtui.completion import Candidate, Completion
from podtui.kube.names import valid_key, valid_value
from podtui.kube.selectors import Token, tokens

LIMIT = 100  # more candidates than a user scrolls through


class LabelCounts:
    """How many objects carry each label key, and each value of it."""

    def __init__(self, labels: Iterable[Mapping[str, str]] = ()) -> None:
        self._keys: dict[str, int] = {}
        self._values: dict[str, dict[str, int]] = {}
        for one in labels:
            self.add(one)

    def add(self, labels: Mapping[str, str]) -> None:
        """Count the labels of one object."""
        for key, value in labels.items():
            self._keys[key] = self._keys.get(key, 0) + 1
            values = self._values.setdefault(key, {})
            values[value] = values.get(value, 0) + 1

    @property
    def keys(self) -> Mapping[str, int]:
        """Each key with the number of objects that carry it."""
        return self._keys

    def values(self, key: str) -> Mapping[str, int]:
        """Each value of `key` with the number of objects that carry it."""
        return self._values.get(key, {})


class _Place(NamedTuple):
    """What is expected at a point of the text, its key and operator, and the values already in the list."""

    kind: Literal["key", "operator", "value", "open", "list", "nothing"] = "nothing"
    key: str = ""
    sign: str = ""
    listed: frozenset[str] = frozenset()


def complete(text: str, cursor: int, counts: LabelCounts) -> Completion:
    """The candidates at `cursor` (0-based, between characters).

    A candidate replaces the whole word at the cursor. Words that begin with the text before the cursor come before those that only
    contain it; within each group, the most frequent first. A complete word is not offered, but what may follow it.
    """
    cursor = max(0, min(cursor, len(text)))
    found = list(tokens(text))
    word = next((token for token in found if token.is_word and token.start < cursor <= token.end), None)
    start, end = (word.start, word.end) if word else (cursor, cursor)
    typed = text[start:cursor]
    before = [token for token in found if token.text and token.end <= start]
    after = [token for token in found if token.start >= end]
    place = _places(before)[-1]
    candidates: list[Candidate] = []
    if place.kind == "key":
        if end == cursor and place.sign != "!" and typed in counts.keys and after[0].text in ("", ","):
            candidates += [Candidate(f"{typed}{' ' * sign[0].isalpha()}{sign}") for sign in _operators(typed, counts)]
        candidates += _keys(typed, _used_keys(before) | _used_keys(after), counts)
    elif place.kind == "operator":
        candidates += [Candidate(sign) for sign in _operators(place.key, counts) if sign.startswith(typed)]
    elif place.kind == "open" and not typed:
        candidates.append(Candidate("("))
    elif place.kind in ("value", "list"):
        candidates += _values(place, typed, _listed_after(after) if place.kind == "list" else frozenset(), counts)
    return Completion(start, end, tuple(candidates))


def complete_filter(text: str, cursor: int, counts: LabelCounts) -> Completion:
    """The completion of the selector in a filter; empty for a name."""
    found = parse_filter(text)
    if found.selector is None or cursor < found.start:
        return Completion(cursor, cursor)
    inner = complete(text[found.start :], cursor - found.start, counts)
    return Completion(inner.start + found.start, inner.end + found.start, inner.candidates)


def complete_keys(text: str, cursor: int, counts: LabelCounts) -> Completion:
    """The candidates at `cursor` in a list of keys with commas, as for label columns; a key that is listed is offered last."""
    cursor = max(0, min(cursor, len(text)))
    start = text.rfind(",", 0, cursor) + 1
    start += len(text[start:cursor]) - len(text[start:cursor].lstrip())
    end = text.find(",", cursor)
    end = len(text) if end < 0 else end
    listed = frozenset(word.strip() for word in (*text[:start].split(","), *text[end:].split(",")))
    return Completion(start, end, tuple(_keys(text[start:cursor], listed, counts)))


def _places(found: Iterable[Token]) -> list[_Place]:
    """The place before each token and, last, after all of them; more lenient than the parser, so a comma outside a list starts anew."""
    place = _Place("key")
    places = [place]
    for token in found:
        places.append(place := _next(place, token))
    return places


def _next(place: _Place, token: Token) -> _Place:
    sign = token.text
    if place.kind == "list":
        if token.is_word:
            return place._replace(listed=place.listed | {sign})
        return place if sign == "," else _Place()
    if sign == ",":
        return _Place("key")
    if place.kind == "key":
        if token.is_word:
            return _Place() if place.sign == "!" else _Place("operator", sign)  # `!key` takes no operator
        return _Place("key", sign="!") if sign == "!" else _Place()
    if place.kind == "operator" and sign in ("in", "notin"):
        return _Place("open", place.key, sign)
    if place.kind == "operator" and sign in ("=", "==", "!=", "<", ">"):
        return _Place("value", place.key, sign)
    return _Place("list", place.key, place.sign) if place.kind == "open" and sign == "(" else _Place()


def _listed_after(after: list[Token]) -> frozenset[str]:
    """The values that follow in the same list."""
    listed: set[str] = set()
    for token in after:
        if token.is_word:
            listed.add(token.text)
        elif token.text != ",":
            # Without a ')', the words may be the next requirements, so they do not count as listed.
            return frozenset(listed) if token.text == ")" else frozenset()
    return frozenset()


def _used_keys(found: list[Token]) -> frozenset[str]:
    """The keys of the other requirements."""
    return frozenset(token.text for place, token in zip(_places(found), found, strict=False) if place.kind == "key" and token.is_word)


def _keys(typed: str, used: frozenset[str], counts: LabelCounts) -> Iterator[Candidate]:
    known = ((key, count) for key, count in counts.keys.items() if key != typed and valid_key(key))
    return (Candidate(key, count) for key, count in _best(known, typed, used))


def _operators(key: str, counts: LabelCounts) -> tuple[str, ...]:
    """The operators that make sense after `key`: comparisons only where a value is a number."""
    return ("=", "!=", "in (", "notin (", *((">", "<") if any(map(_is_number, counts.values(key))) else ()))


def _values(place: _Place, typed: str, listed: frozenset[str], counts: LabelCounts) -> Iterator[Candidate]:
    absent = {"", typed, *place.listed, *listed}
    known = ((value, count) for value, count in counts.values(place.key).items() if value not in absent and valid_value(value))
    if place.sign in ("<", ">"):
        known = (item for item in known if _is_number(item[0]))
    return (Candidate(value, count) for value, count in _best(known, typed, frozenset()))


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit()


def _best(known: Iterator[tuple[str, int]], typed: str, last: frozenset[str]) -> list[tuple[str, int]]:
    """The words that contain `typed` (ignoring case), best first, at most LIMIT; those in `last` after the others."""
    sought = typed.lower()

    def rank(item: tuple[str, int]) -> tuple[bool, bool, int, str]:
        word, count = item
        return word in last, not word.lower().startswith(sought), -count, word

    return heapq.nsmallest(LIMIT, (item for item in known if sought in item[0].lower()), key=rank)
