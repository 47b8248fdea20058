"""to_yaml against texts that kubectl 1.37 printed."""

from __future__ import annotations

import pytest

from podtui.kube.manifests.yaml_writer import to_yaml


def value(text: object) -> str:
    """What stands after `k: ` for a value in a mapping of one key."""
    printed = to_yaml({"k": text})
    assert printed.startswith("k: ") and printed.endswith("\n")
    return printed[3:-1]


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "a b",
        "a#b",
        "a:b",
        "-a",
        "?a",
        ":a",
        "http://x:8080/y",
        "it's",
        "a{b",
        "<<",
        "=",
        "1e400",
        "0x",
        "2001-02-30",
        "2001-13-01",
        "99:99",
        "0xffffffffffffffffff",
        "한국어",
        "\u00a0",
        "1.2.3",
        "_",
        "+",
        "1h",
        "01:60",
        "yEs",
        "0b-",
        "-0b-1",
    ],
)
def test_a_string_that_reads_back_as_itself_is_plain(text: str) -> None:
    assert value(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "y",
        "N",
        "Yes",
        "off",
        "true",
        "~",
        "null",
        "NULL",
        ".nan",
        "-.INF",
        "1",
        "-1",
        "+1",
        "0x1f",
        "0o17",
        "017",
        "08",
        "0b101",
        "-0b11",
        "0b-1",
        "1_000",
        "1e3",
        "1.",
        ".5",
        ".5_0",
        "+.5",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999",
        "12:30",
        "190:20:30.15",
        "2001-01-01",
        "2001-1-1",
        "2001-12-14t21:59:43.10-05:00",
        "2001-12-14 21:59:43",
        "2001-1-1  1:2:3",
    ],
)
def test_a_string_that_would_read_back_as_something_else_is_in_double_quotes(text: str) -> None:
    assert value(text) == f'"{text}"'


@pytest.mark.parametrize(
    "text",
    [
        " a",
        "a ",
        " ",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "- a",
        "-",
        "? a",
        ": a",
        "'a'",
        '"a"',
        "[a]",
        "{a",
        "@a",
        "`a",
        "%a",
        "!a",
        "&a",
        "*a",
        "|",
        ">",
        ",a",
        "---",
        "...",
        "--- a",
        "...a",
    ],
)
def test_a_string_that_yaml_would_take_for_its_own_signs_is_in_single_quotes(text: str) -> None:
    assert value(text) == "'" + text.replace("'", "''") + "'"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a\tb", '"a\\tb"'),
        ("a\rb", '"a\\rb"'),
        ("\x1b[31m", '"\\e[31m"'),
        ("\x00\x07\x08\x0b\x0c", '"\\0\\a\\b\\v\\f"'),
        ("\x01", '"\\x01"'),
        ("😀", '"\\U0001F600"'),
        ("x\ufeffy", '"x\\uFEFFy"'),
        ("\ufeffab", '"\\uFEFF\\x61\\x62"'),
        ("a \nb", '"a \\nb"'),
        ("a\nb ", '"a\\nb "'),
        ("a\tb\nc", '"a\\tb\\nc"'),
        ("\x7f", '"\\x7F"'),
    ],
)
def test_what_cannot_stand_as_it_is_is_escaped(text: str, printed: str) -> None:
    assert value(text) == printed


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a\nb", "|-\n  a\n  b"),
        ("a\n", "|\n  a"),
        ("a\n\n", "|+\n  a\n"),
        ("\n", "|2+\n"),
        ("\na", "|2-\n\n  a"),
        (" a\nb", "|2-\n   a\n  b"),
        ("a\n b\n", "|\n  a\n   b"),
        ("1\n2", "|-\n  1\n  2"),
        ("# a\n- b: c", "|-\n  # a\n  - b: c"),
    ],
)
def test_several_lines_are_a_literal_block(text: str, printed: str) -> None:
    assert value(text) == printed


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a\u2028b", "'a\u2028  b'"),
        ("\u2028", "'\u2028'"),
        ("a\u2028 b", '"a\\L b"'),
        ("a \u2029b", '"a \\Pb"'),
        ("a \x85 b", "a b"),
        ("a\x85\x85b", "|-\n  a\n  b"),
    ],
)
def test_other_line_separators_go_kubectls_odd_way(text: str, printed: str) -> None:
    assert value(text) == printed


def test_long_plain_text_is_folded_at_the_first_space_after_column_80() -> None:
    words = " ".join(["word"] * 40)
    assert value(words).split("\n") == [" ".join(["word"] * 16), "  " + " ".join(["word"] * 16), "  " + " ".join(["word"] * 8)]


def test_two_spaces_are_no_place_to_fold_plain_text() -> None:
    text = "a" * 90 + "  b " + "c"
    assert value(text) == "a" * 90 + "  b\n  c"


def test_a_folded_line_in_double_quotes_keeps_its_leading_space_with_a_backslash() -> None:
    text = "\t" + "a" * 90 + "   b"
    assert value(text) == '"\\t' + "a" * 90 + '\n  \\  b"'


def test_one_long_word_is_not_folded() -> None:
    assert value("a" * 200_000) == "a" * 200_000


@pytest.mark.parametrize(
    ("number", "printed"),
    [
        (0, "0"),
        (-1, "-1"),
        (2**63 - 1, str(2**63 - 1)),
        (-(2**63), str(-(2**63))),
        (2**64 - 1, "1.8446744073709552e+19"),
        (1.5, "1.5"),
        (1.0, "1"),
        (-0.0, "0"),
        (1e21, "1e+21"),
        (1e20, "1e+20"),
        (1e18, "1000000000000000000"),
        (1234567.5, "1.2345675e+06"),
        (123456.5, "123456.5"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-0.25, "-0.25"),
        (1e300, "1e+300"),
    ],
)
def test_numbers_are_printed_as_go_does(number: float, printed: str) -> None:
    assert value(number) == printed


def test_keywords_and_empty_collections_are_short() -> None:
    assert to_yaml({"a": None, "b": True, "c": False, "d": {}, "e": []}) == "a: null\nb: true\nc: false\nd: {}\ne: []\n"


def test_sequences_are_not_indented_under_their_key() -> None:
    obj = {"a": [1, {"b": 2, "c": [3]}, [4, [5]]]}
    assert to_yaml(obj) == "a:\n- 1\n- b: 2\n  c:\n  - 3\n- - 4\n  - - 5\n"


def test_a_literal_block_in_a_sequence_stands_under_its_dash() -> None:
    assert to_yaml({"a": ["x\ny", {"b": "x\n"}]}) == "a:\n- |-\n  x\n  y\n- b: |\n    x\n"


def test_keys_come_in_natural_order() -> None:
    keys = ["a10", "a9", "a", "B", "b", "a-b", "a.b", "1", "_", "ab", "é"]
    assert [line[:-3].strip("'\"") for line in to_yaml(dict.fromkeys(keys, 1)).splitlines()] == [
        "_",
        "1",
        "B",
        "a",
        "a-b",
        "a.b",
        "a9",
        "a10",
        "ab",
        "b",
        "é",
    ]


def test_the_keys_of_a_yaml_mapping_are_quoted_like_its_values() -> None:
    assert to_yaml({"y": 1}) == '"y": 1\n'
    assert to_yaml({"a: b": 1}) == "'a: b': 1\n"


def test_a_key_of_more_than_128_bytes_is_marked() -> None:
    long = "k" * 129
    assert to_yaml({"k" * 128: 1}) == f"{'k' * 128}: 1\n"
    assert to_yaml({long: 1}) == f"? {long}\n: 1\n"
    assert to_yaml({long: {"a": 1, "b": 2}}) == f"? {long}\n: a: 1\n  b: 2\n"
    assert to_yaml({long: [1, 2]}) == f"? {long}\n: - 1\n  - 2\n"
    assert to_yaml({"a": {long: {}}}) == f"a:\n  ? {long}\n  : {{}}\n"
    assert to_yaml({"é" * 65: 1}) == f"? {'é' * 65}\n: 1\n"


def test_a_key_of_several_lines_is_marked() -> None:
    assert to_yaml({"a\nb": 1}) == "? |-\n  a\n  b\n: 1\n"
    assert to_yaml({"a\rb": 1}) == '? "a\\rb"\n: 1\n'


def test_managed_fields_are_left_out_unless_asked_for() -> None:
    obj = {"metadata": {"name": "a", "managedFields": [{"manager": "m"}]}}
    assert to_yaml(obj) == "metadata:\n  name: a\n"
    assert to_yaml(obj, managed_fields=True) == "metadata:\n  managedFields:\n  - manager: m\n  name: a\n"
    assert "managedFields" in obj["metadata"]


def test_nothing_at_all_is_an_empty_mapping() -> None:
    assert to_yaml({}) == "{}\n"
