"""Parses the text after `:`, k9s's short forms and kubectl's options, into a request."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from podtui.errors import PodtuiError, SelectorError, UsageError
from podtui.kube.names import label_keys, namespaces
from podtui.kube.selectors import parse
from podtui.text import harmless

FORMS = {
    "pods": "po [NAMESPACE | SELECTOR | @CONTEXT] [-n NS,...] [-A] [-l SELECTOR] [-L KEY,...]",
    "namespace": "ns NAME[,NAME...] | all",
    "context": "ctx NAME",
    "forwards": "pf [SAVED FORWARD...]",
    "nodes": "no [NAME]",
    "quit": "q, or q! without a question",
}
VERBS = {
    "po": "pods", "pod": "pods", "pods": "pods", "ns": "namespace", "namespace": "namespace", "namespaces": "namespace",
    "no": "nodes", "node": "nodes", "nodes": "nodes",
    "ctx": "context", "context": "context", "contexts": "context", "pf": "forwards",
    "q": "quit", "q!": "quit", "quit": "quit", "exit": "quit",
}  # fmt: skip
OPTIONS = {
    "-n": "namespace", "--namespace": "namespace", "-l": "selector", "--selector": "selector",
    "-L": "label key", "--label-columns": "label key",
}  # fmt: skip
"""The options of `po` that have a value, and what it is."""
FLAGS = ("-A", "--all-namespaces")


@dataclass(frozen=True)
class Request:
    """`verb` is a key of FORMS. None leaves a part as it is; an empty `namespaces` means all of them."""

    verb: str
    namespaces: tuple[str, ...] | None = None
    selector: str | None = None
    context: str = ""
    forwards: tuple[str, ...] = ()
    node: str = ""
    label_columns: tuple[str, ...] | None = None
    at_once: bool = False
    """Whether to quit without a question."""


class Unfinished(UsageError):
    """What is typed so far lacks something at its end."""


def read_prompt(text: str) -> Request | None:
    """The request, or None if the first word is not a short form (the palette then searches the commands).

    Raises UsageError or SelectorError for a short form with a fault; Unfinished if more words can mend it.
    """
    text = text.removeprefix(":")
    verb = VERBS.get(text.split()[0].lower()) if text.split() else None
    if verb is None:
        return None
    try:
        words = shlex.split(text)
    except ValueError:
        raise Unfinished("a quotation mark is not closed") from None
    first, rest = words[0], words[1:]
    if verb == "pods":
        return _pods(first, rest)
    if verb == "forwards":
        return Request(verb, forwards=tuple(rest))
    most = 0 if verb == "quit" else 1
    if len(rest) > most:
        raise UsageError(f"`{harmless(rest[most])}` is not expected here:  {FORMS[verb]}")
    if verb == "namespace":
        return Request(verb, _namespaces(rest[0]) if rest else None)
    if verb == "nodes":
        return Request(verb, node=rest[0] if rest else "")
    if verb == "context" and not rest:
        raise Unfinished("which context?")
    return Request(verb, context=rest[0] if rest else "", at_once=first == "q!")


def _namespaces(text: str) -> tuple[str, ...]:
    if text in ("all", "*"):
        return ()
    try:
        return namespaces([text])
    except UsageError as error:
        raise UsageError(error.what.removeprefix("--namespace: "), error.hint) from None


def _pods(first: str, words: list[str]) -> Request:
    """The options are kubectl's; the one word without an option is a namespace, a selector or a context."""
    named: list[str] = []
    selector: str | None = None
    keys: list[str] = []
    plain = ""
    everywhere = False
    while words:
        word = words.pop(0)
        option, value = _option(word)
        if word in FLAGS:
            everywhere = True
        elif option is None and word.startswith("-"):
            raise UsageError(f"`{first}` has no option {harmless(word)}: {FORMS['pods']}")
        elif option is None and plain:
            raise UsageError(f"either `{harmless(plain)}` or `{harmless(word)}`, not both: {FORMS['pods']}")
        elif option is None:
            plain = word
        elif value is None and not words:
            raise Unfinished(f"{word} needs a {OPTIONS[option]}")
        elif OPTIONS[option] == "namespace":
            named.append(words.pop(0) if value is None else value)
        elif OPTIONS[option] == "label key":
            keys.append(words.pop(0) if value is None else value)
        else:
            selector = _selector([] if value is None else [value], words)
    context = ""
    if plain.startswith("@"):
        context = plain[1:]
    elif "=" in plain or plain.startswith("!"):
        selector = plain
    elif plain:
        named = [plain]
    if named and everywhere:
        raise UsageError(f"namespace {harmless(','.join(named))} and -A exclude each other")
    found = _namespaces(",".join(named)) if named else () if everywhere else None
    if selector is not None:
        parse(selector)
    return Request("pods", found, selector, context, label_columns=label_keys(",".join(keys)) if keys else None)


def _option(word: str) -> tuple[str | None, str | None]:
    """The option that a word is, and the value that it has in itself: `-n`, `-nX`, `-n=X`, `--namespace=X`."""
    name, equals, value = word.partition("=")
    if name in OPTIONS:
        return name, value if equals else None
    if word[:2] in OPTIONS and not word.startswith("--"):
        return word[:2], word[2:]
    return None, None


def _selector(taken: list[str], words: list[str]) -> str:
    """A selector may have spaces without quotation marks: it takes the words that follow, except a last one that does not belong to it."""
    until = next((place for place, word in enumerate(words) if word in FLAGS or _option(word)[0]), len(words))
    least = 0 if taken else 1
    fewest = until if words[until - 1 : until] in (["in"], ["notin"]) else max(least, until - 1)
    count = next((count for count in range(until, fewest - 1, -1) if _is_selector([*taken, *words[:count]])), until)
    text = " ".join([*taken, *words[:count]])
    del words[:count]
    return text


def _is_selector(words: list[str]) -> bool:
    try:
        parse(" ".join(words))
    except SelectorError:
        return False
    return True


def error_words(text: str) -> str:
    """The fault in the prompt so far, or ""."""
    try:
        read_prompt(text)
    except SelectorError as error:
        return f"{error.what}: {harmless(error.text[: error.position])}▸{harmless(error.text[error.position :])}"
    except PodtuiError as error:
        return error.what
    return ""
