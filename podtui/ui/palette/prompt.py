"""Parses the text after `:`, k9s's short forms and kubectl's options, into a request."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from typing import NoReturn

from podtui.errors import PodtuiError, SelectorError, UsageError
from podtui.kube.names import namespaces
from podtui.kube.selectors import parse
from podtui.text import harmless

FORMS = {
    "pods": "po [NAMESPACE | SELECTOR | @CONTEXT] [-n NS,...] [-A] [-l SELECTOR]",
    "namespace": "ns NAME[,NAME...] | all",
    "context": "ctx NAME",
    "forwards": "pf [SAVED FORWARD...]",
    "nodes": "no [NAME]",
    "quit": "q",
}
VERBS = {
    "po": "pods", "pod": "pods", "pods": "pods", "ns": "namespace", "namespace": "namespace", "namespaces": "namespace",
    "no": "nodes", "node": "nodes", "nodes": "nodes",
    "ctx": "context", "context": "context", "pf": "forwards", "q": "quit", "q!": "quit", "quit": "quit",
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """`verb` is a key of FORMS. None leaves a part as it is; an empty `namespaces` means all of them."""

    verb: str
    namespaces: tuple[str, ...] | None = None
    selector: str | None = None
    context: str = ""
    forwards: tuple[str, ...] = ()
    node: str = ""
    at_once: bool = False
    """Whether to quit without a question."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def read_prompt(text: str) -> Request | None:
    """The request, or None if the first word is not a short form (the palette then searches the commands).

    Raises UsageError or SelectorError for a short form with a fault.
    """
    try:
        words = shlex.split(text.removeprefix(":"))
    except ValueError as error:
        raise UsageError(f"cannot read {text!r}: {str(error).lower()}") from error
    verb = VERBS.get(words[0].lower()) if words else None
    if verb is None:
        return None
    if verb == "pods":
        return _pods(words[1:])
    if verb == "namespace":
        if len(words) > 2:
            raise UsageError(f"expected one word: {FORMS[verb]}")
        return Request(verb, None if len(words) == 1 else _namespaces(words[1]))
    if verb == "nodes":
        if len(words) > 2:
            raise UsageError(f"expected at most one name: {FORMS[verb]}")
        return Request(verb, node=words[1] if len(words) == 2 else "")
    if verb == "context":
        if len(words) != 2:
            raise UsageError(f"expected the name of a context: {FORMS[verb]}")
        return Request(verb, context=words[1])
    return Request(verb, forwards=tuple(words[1:]) if verb == "forwards" else (), at_once=words[0].endswith("!"))


def _namespaces(text: str) -> tuple[str, ...]:
    return () if text in ("all", "*") else namespaces([text])


def _pods(words: list[str]) -> Request:
    parser = _Parser(prog="po", add_help=False, allow_abbrev=False)
    parser.add_argument("-n", "--namespace", action="append")
    parser.add_argument("-A", "--all-namespaces", action="store_true")
    parser.add_argument("-l", "--selector")
    parser.add_argument("word", nargs="?", default="")
    found = parser.parse_args(words)
    namespaces = _namespaces(",".join(found.namespace)) if found.namespace else () if found.all_namespaces else None
    selector, context = found.selector, ""
    if found.word.startswith("@"):
        context = found.word[1:]
    elif "=" in found.word or found.word.startswith("!"):
        selector = found.word
    elif found.word:
        namespaces = _namespaces(found.word)
    if selector is not None:
        parse(selector)
    return Request("pods", namespaces, selector, context)


def error_words(text: str) -> str:
    """The fault in the prompt so far, or ""."""
    try:
        read_prompt(text)
    except SelectorError as error:
        return f"{error.what}: {harmless(error.text[: error.position])}▸{harmless(error.text[error.position :])}"
    except PodtuiError as error:
        return error.what.removeprefix("--namespace: ")
    return ""
