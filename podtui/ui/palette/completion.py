"""Completes the text after `:`: what can follow at its end, from what the session knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import cached_property

from podtui.cluster.live.selector_completion import LabelCounts, complete, complete_keys
from podtui.cluster.session import Session
from podtui.completion import Candidate, Completion
from podtui.ui.palette.prompt import OPTIONS, VERBS

_WORD = re.compile(r"""(?:'[^']*'?|"[^"]*"?|[^\s'"])+""")
_OF_VERB = {"namespace": "namespaces", "context": "contexts", "nodes": "nodes", "forwards": "forwards"}


class Names:
    """What may be named in the prompt. Each list is made when it is first asked for: there may be thousands of pods."""

    def __init__(self, session: Session, contexts: Sequence[str], nodes: Callable[[], Collection[str]]) -> None:
        self._session = session
        self._nodes = nodes
        self.contexts = sorted(contexts)

    @cached_property
    def namespaces(self) -> list[str]:
        return ["all", *self._session.known_namespaces]

    @cached_property
    def nodes(self) -> list[str]:
        return sorted(self._nodes())

    @cached_property
    def forwards(self) -> list[str]:
        return [profile.name for profile in self._session.forwards.profiles]

    @cached_property
    def labels(self) -> LabelCounts:
        """The labels of the loaded pods."""
        return LabelCounts(row.labels for row in self._session.pods.rows.values())

    def of(self, what: str) -> Sequence[str]:
        found: Sequence[str] = getattr(self, what)
        return found


def complete_prompt(text: str, names: Names) -> Completion | None:
    """The candidates for the end of `text`; None while its first word is typed, or is not a short form."""
    words = list(_WORD.finditer(text))
    typed = words[-1] if words and words[-1].end() == len(text) else None
    before = [word[0] for word in (words[:-1] if typed else words)]
    verb = VERBS.get(before[0].lower()) if before else None
    if verb is None:
        return None
    start = typed.start() if typed else len(text)
    what = _OF_VERB.get(verb, "")
    if what:
        fits = len(before) == 1 or what == "forwards"
        return _named(text, start, names.of(what), several=what == "namespaces") if fits else Completion(len(text), len(text))
    if verb != "pods":
        return Completion(len(text), len(text))
    # The last option with a value: a selector goes on to the end of the text, a namespace is the one word after it.
    at = next((place for place in range(len(before) - 1, 0, -1) if before[place] in OPTIONS), 0)
    option = OPTIONS.get(before[at]) if at else None
    if option == "selector":
        begin = words[at].end() + 1
        begin += text[begin : begin + 1] in ("'", '"')
        found = complete(text[begin:], len(text) - begin, names.labels)
        return Completion(found.start + begin, found.end + begin, found.candidates)
    if option == "label key" and at == len(before) - 1:
        keys = complete_keys(text[start:], len(text) - start, names.labels)
        return Completion(keys.start + start, keys.end + start, keys.candidates)
    if option == "namespace" and at == len(before) - 1:
        return _named(text, start, names.namespaces[1:], several=True)
    if text[start : start + 1] == "@":
        return _named(text, start + 1, names.contexts)
    if text[start : start + 1] == "-" or any(not word.startswith("-") for word in before[1:]):
        return Completion(len(text), len(text))
    return _named(text, start, names.namespaces, several=True)


def _named(text: str, start: int, names: Sequence[str], *, several: bool = False) -> Completion:
    """The names with what is typed from `start` on, those that begin with it first; of several names, the last is completed."""
    if several:
        start = max(start, text.rfind(",") + 1)
    typed = text[start:].lower()
    fitting = sorted((name for name in names if typed in name.lower()), key=lambda name: not name.lower().startswith(typed))
    return Completion(start, len(text), tuple(Candidate(name) for name in fitting if name != text[start:]))
