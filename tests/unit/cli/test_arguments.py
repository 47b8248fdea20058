"""How a command line is taken apart."""

from __future__ import annotations

import pytest

from podtui.cli.arguments import parse, request_timeout, words_of
from podtui.errors import UsageError
from podtui.kube.names import namespaces


def test_podtui_without_arguments_opens_the_dashboard() -> None:
    name, options = parse([])
    assert (name, options.pod, options.namespace, options.all_namespaces) == ("", "", [], False)


@pytest.mark.parametrize("words", [["-n", "a,b", "-n", "c"], ["-na,b", "--namespace=c"], ["-n=a,b", "--namespace", "c"]])
def test_namespaces_come_with_commas_and_with_several_options(words: list[str]) -> None:
    assert namespaces(parse(words)[1].namespace) == ("a", "b", "c")


def test_a_namespace_given_twice_is_one() -> None:
    assert namespaces(["a,b", "b", ""]) == ("a", "b")


def test_the_value_of_an_option_is_never_taken_for_a_command() -> None:
    name, options = parse(["-n", "snapshot", "-l", "doctor", "web-1"])
    assert (name, options.namespace, options.selector, options.pod) == ("", ["snapshot"], "doctor", "web-1")


def test_an_empty_value_stays_a_value() -> None:
    assert parse(["-l", "", "web-1"])[1].selector == ""


def test_the_options_of_a_command_may_stand_before_it() -> None:
    name, options = parse(["--size", "80x24", "-A", "snapshot", "--keys", "j j", "web-1"])
    assert (name, options.size, options.all_namespaces, options.keys, options.pod) == ("snapshot", "80x24", True, "j j", "web-1")


def test_only_the_first_bare_word_can_be_a_command() -> None:
    assert parse(["doctor"])[0] == "doctor"
    with pytest.raises(UsageError, match="expected at most one POD"):
        parse(["web-1", "doctor"])


def test_words_after_two_dashes_are_no_commands() -> None:
    name, options = parse(["--", "snapshot"])
    assert (name, options.pod) == ("", "snapshot")


def test_a_flag_takes_true_and_false_as_kubectl_does() -> None:
    options = parse(["--all-namespaces=true", "--read-only=false"])[1]
    assert options.all_namespaces and not options.read_only


def test_the_last_selector_counts_as_with_kubectl() -> None:
    assert parse(["-l", "a=1", "-l", "b=2"])[1].selector == "b=2"


def test_options_are_not_abbreviated() -> None:
    with pytest.raises(UsageError, match="unknown option --name"):
        parse(["--name", "x"])


def test_groups_are_collected_in_their_order() -> None:
    assert parse(["--as", "me", "--as-group", "a", "--as-group", "b,c"])[1].as_group == ["a", "b,c"]


def test_label_columns_come_with_commas_and_with_several_options() -> None:
    assert words_of(parse(["-L", "app, tier", "-L", "app"])[1].label_columns) == ("app", "tier")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, None), ("0", None), ("0s", None), ("5", 5.0), ("5s", 5.0), ("2m", 120.0), ("1h30m", 5400.0), ("200ms", 0.2), (".5m", 30.0)],
)
def test_durations_are_those_of_kubectl(text: str | None, seconds: float | None) -> None:
    assert request_timeout(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("text", ["", "-5", "-1s", "5x", "s", "5 s", "1d", "٥", "1e3s", "inf", "nan"])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--request-timeout"):
        request_timeout(text)
