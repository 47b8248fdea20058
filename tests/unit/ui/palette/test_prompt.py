"""What may be typed after the colon."""

from __future__ import annotations

import pytest

from podtui.errors import PodtuiError
from podtui.ui.palette.prompt import Request, error_words, read_prompt


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        (":po", Request("pods")),
        ("po team-a", Request("pods", ("team-a",))),
        ("pods -n a,b -l 'env in (prod,debug),!canary'", Request("pods", ("a", "b"), "env in (prod,debug),!canary")),
        ("po -n a -n b", Request("pods", ("a", "b"))),
        ("po -A", Request("pods", ())),
        ("po app=x,env=y", Request("pods", None, "app=x,env=y")),
        ("po !canary", Request("pods", None, "!canary")),
        ("po -l ''", Request("pods", None, "")),
        ("po @other", Request("pods", context="other")),
        ("ns", Request("namespace")),
        ("ns all", Request("namespace", ())),
        ("ns a,b", Request("namespace", ("a", "b"))),
        ("ns kube-system", Request("namespace", ("kube-system",))),
        ("ctx prod", Request("context", context="prod")),
        ("pf", Request("forwards")),
        ("q", Request("quit")),
        ("q!", Request("quit", at_once=True)),
        ("po -na --selector=app=x", Request("pods", ("a",), "app=x")),
        ("po --namespace=a,b", Request("pods", ("a", "b"))),
        ("po -n=a", Request("pods", ("a",))),
        ("po -l env in (prod,debug) -n a", Request("pods", ("a",), "env in (prod,debug)")),
        ("po -l app=x a", Request("pods", ("a",), "app=x")),
        ("po a -lapp=x", Request("pods", ("a",), "app=x")),
        ("po -l=app=x,!y -A", Request("pods", (), "app=x,!y")),
        ("po -L env,tier -Lapp", Request("pods", label_columns=("env", "tier", "app"))),
        ("po -l app=x -L env", Request("pods", None, "app=x", label_columns=("env",))),
        ("po -L ''", Request("pods", label_columns=())),
    ],
)
def test_short_forms_are_read(text: str, request_: Request) -> None:
    assert read_prompt(text) == request_


@pytest.mark.parametrize("text", ["", "delete", "wide columns"])
def test_other_words_are_left_to_the_list_of_commands(text: str) -> None:
    assert read_prompt(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "po -x",
        "po -n",
        "ctx",
        "ctx a b",
        "po -l 'a in (b'",
        "po -l a in",
        "po -l a in (",
        "po -l a in (b",
        "po 'x",
        "ns Web",
        "ns a/../b",
        "po -n a?b",
    ],
)
def test_what_is_wrong_is_reported_in_words(text: str) -> None:
    with pytest.raises(PodtuiError):
        read_prompt(text)
    assert error_words(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("po -x", "`po` has no option -x: po [NAMESPACE"),
        ("pods --all", "`pods` has no option --all"),
        ("po -n", "-n needs a namespace"),
        ("po -A --selector", "--selector needs a selector"),
        ("po a b", "either `a` or `b`, not both"),
        ("po -A -n a", "namespace a and -A exclude each other"),
        ("po a -A", "namespace a and -A exclude each other"),
        ("ctx", "which context?"),
        ("ctx a b", "`b` is not expected here:  ctx NAME"),
        ("po 'x", "a quotation mark is not closed"),
        ("ns Web", "'Web' is not a valid namespace name"),
    ],
)
def test_a_fault_is_told_in_podtuis_words(text: str, words: str) -> None:
    assert error_words(text).startswith(words)


def test_the_place_of_a_fault_in_a_selector_is_marked() -> None:
    assert error_words("po -l 'a=(b'").endswith("a=▸(b")
