"""Changes of labels and annotations: the form that is typed, what is valid, and the difference on an object."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.errors import ArgumentError
from podtui.kube.label_changes import (
    ANNOTATIONS_SIZE,
    LabelChange,
    LabelChanges,
    abbreviated,
    annotations_size,
    parse,
    words,
)
from podtui.kube.names import Kind, key_faults, value_faults

NAMES = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?", fullmatch=True)
PREFIXES = st.from_regex(r"([a-z0-9]([-a-z0-9]{0,5}[a-z0-9])?\.){0,3}[a-z0-9]/", fullmatch=True)
KEYS = st.builds(lambda prefix, name: prefix + name, st.just("") | PREFIXES, NAMES)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@st.composite
def changes(draw: st.DrawFn) -> LabelChanges:
    kind: Kind = draw(st.sampled_from(["labels", "annotations"]))
    put = draw(st.dictionaries(KEYS, st.just("") | NAMES if kind == "labels" else ANY_TEXT, max_size=4))
    removed = draw(st.lists(KEYS, unique=True, max_size=4))
    return LabelChanges(put, tuple(key for key in removed if key not in put), kind)


@given(changes())
def test_what_is_printed_parses_to_the_same_changes(made: LabelChanges) -> None:
    assert parse(str(made), made.kind) == made
    assert parse(shlex.join(made.arguments()), made.kind) == made


@given(st.text("ab \t'\"\\=-", max_size=20))
def test_words_are_those_of_a_shell(text: str) -> None:
    try:
        expected = shlex.split(text)
    except ValueError:
        with pytest.raises(ArgumentError):
            list(words(text))
    else:
        found = list(words(text))
        assert [word for word, _ in found] == expected
        assert all(not text[:at] or text[at - 1] in " \t" for _, at in found)


@given(st.text(max_size=40), st.sampled_from(["labels", "annotations"]))
def test_any_text_parses_or_is_refused_at_a_place_in_it(text: str, kind: str) -> None:
    try:
        parse(text, kind)  # type: ignore[arg-type]
    except ArgumentError as error:
        assert error.text == text and 0 <= error.position <= len(text)


def test_keys_are_set_and_removed_in_the_order_given() -> None:
    made = parse("env=prod app- tier= example.com/a.b=c")
    assert made == LabelChanges({"env": "prod", "tier": "", "example.com/a.b": "c"}, ("app",))
    assert made.patch() == {"env": "prod", "tier": "", "example.com/a.b": "c", "app": None}
    assert made.arguments() == ["env=prod", "tier=", "example.com/a.b=c", "app-"]
    assert not parse("  ")


@pytest.mark.parametrize(
    ("text", "position", "what"),
    [
        ("env", 0, 'unknown label spec: "env"'),
        ("a=b -", 4, 'unknown label spec: "-"'),
        ("a=b =x", 4, 'invalid label spec: "=x"'),
        ("a=b=c", 0, 'invalid label spec: "a=b=c"'),
        ("x=1 a=b a-", 8, "can not both modify and remove a label in the same command"),
        ("a- a=b", 3, "can not both modify and remove a label in the same command"),
        ("a=b a=c", 4, '"a" is given two values'),
        ("a='b", 2, "the quotation that begins with ' does not end"),
        ("a=b\\", 3, "nothing follows the backslash"),
        ("ok=1 _a=b", 5, 'metadata.labels: Invalid value: "_a": name part must consist of'),
        ("A.b/c=d", 0, 'metadata.labels: Invalid value: "A.b/c": prefix part a lowercase RFC 1123 subdomain must consist of'),
        ("/c=d", 0, 'metadata.labels: Invalid value: "/c": prefix part must be non-empty'),
        ("a/=d", 0, 'metadata.labels: Invalid value: "a/": name part must be non-empty; name part must consist of'),
        ("a/b/c=d", 0, 'metadata.labels: Invalid value: "a/b/c": a valid label key must consist of'),
        ("a='x y'", 0, 'invalid label value: "a=x y": a valid label must be an empty string or consist of'),
        (f"a={'x' * 64}", 0, f'invalid label value: "a={"x" * 64}": must be no more than 63 bytes'),
    ],
)
def test_mistakes_in_label_changes_are_reported_in_kubectls_words_with_their_place(text: str, position: int, what: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse(text)
    assert (caught.value.position, caught.value.what[: len(what)]) == (position, what)


def test_a_key_given_twice_with_one_value_is_no_mistake() -> None:
    assert parse("a=b a=b c- c-") == LabelChanges({"a": "b"}, ("c",))


def test_annotations_hold_any_text_and_their_prefix_may_have_capitals() -> None:
    made = parse("""note='two words' A.B/c="x=1 \\"y\\"" empty= gone-""", "annotations")
    assert made.set == {"note": "two words", "A.B/c": 'x=1 "y"', "empty": ""}
    assert made.remove == ("gone",)


def test_lengths_count_bytes_as_the_server_does() -> None:
    assert value_faults("x" * 63) == [] and value_faults("x" * 64) == ["must be no more than 63 bytes"]
    assert value_faults("é" * 32)[0] == "must be no more than 63 bytes"
    assert key_faults("x" * 63) == [] and key_faults("x" * 64) == ["name part must be no more than 63 bytes"]
    assert key_faults(f"{'a.' * 126}a/x") == [] and key_faults(f"{'a.' * 127}a/x") == ["prefix part must be no more than 253 bytes"]
    assert key_faults("a\n") and value_faults("a\n")


def test_more_than_256_kib_of_annotations_is_refused() -> None:
    value = "x" * (ANNOTATIONS_SIZE - 4)
    assert parse(f"note={value[1:]}", "annotations")
    with pytest.raises(ArgumentError, match="Too long: may not be more than 262144 bytes"):
        parse(f"note={value}x", "annotations")
    made = LabelChanges({"a": "b"}, (), "annotations")
    assert annotations_size({"note": value}) == ANNOTATIONS_SIZE
    assert made.refusals({"note": value}, overwrite=True) == ["metadata.annotations: Too long: may not be more than 262144 bytes"]
    assert LabelChanges({"a": "b"}, ("note",), "annotations").refusals({"note": value}, overwrite=True) == []


def test_the_difference_shows_added_removed_overwritten_and_unchanged_keys() -> None:
    made = parse("env=prod tier=web same=1 canary- nope-")
    found = made.difference({"env": "debug", "same": "1", "canary": "true"})
    assert [(change.sign, change.key) for change in found] == [("~", "env"), ("+", "tier"), ("=", "same"), ("-", "canary"), ("=", "nope")]
    assert found[0] == LabelChange("env", "debug", "prod")


def test_without_overwrite_another_value_is_refused_in_kubectls_words() -> None:
    current = {"env": "debug", "same": "1"}
    made = parse("env=prod same=1 new=2 gone-")
    assert made.refusals(current, overwrite=False) == ["'env' already has a value (debug), and --overwrite is false"]
    assert made.refusals(current, overwrite=True) == []
    assert parse("env=prod", "annotations").refusals(current, overwrite=False) == [
        "--overwrite is false but found the following declared annotation(s): 'env' already has a value (debug)"
    ]


def test_a_long_value_is_abbreviated_with_its_size_and_made_harmless() -> None:
    assert abbreviated("short", 20) == "short"
    assert abbreviated("x" * 4096, 20) == "xxxxxxxxx… (4.0 KiB)"
    assert "\x1b" not in abbreviated("\x1b[31m" + "x" * 300, 40) and abbreviated("\x1b[31m" + "x" * 300, 40).endswith("… (305 bytes)")
