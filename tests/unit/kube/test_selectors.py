"""The grammar of selectors, what they match and where their errors point. That the server agrees is tests/contract/test_selectors.py."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.errors import SelectorError
from podtui.kube.names import check_key, key_faults, valid_key, valid_value, value_faults
from podtui.kube.selectors import Operator, Requirement, Selector, parse, tokens
from tests.support.selector_strategies import labels, selectors, spellings, texts

LONG = "x" * 63


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        (" \t\n", ""),
        ("k=v", "k=v"),
        ("k==v", "k==v"),
        ("k != v", "k!=v"),
        ("k", "k"),
        ("! k", "!k"),
        ("k in (b,a)", "k in (a,b)"),
        ("k in(a,a)", "k in (a)"),
        ("k notin ( b , a )", "k notin (a,b)"),
        ("k>1", "k>1"),
        ("k < 007", "k<007"),
        ("k=", "k="),
        ("k=,z", "k=,z"),
        ("k!=", "k!="),
        ("k in ()", "k in ()"),
        ("k in (,)", "k in ()"),
        ("k in (,,)", "k in ()"),
        ("k in (,a)", "k in (,a)"),
        ("k in (a,)", "k in (,a)"),
        ("k in (a,,b)", "k in (,a,b)"),
        ("z,!a,m=1", "!a,m=1,z"),
        ("k=2,k=1", "k=2,k=1"),
        ("env in (prod,debug),!canary", "!canary,env in (debug,prod)"),
        ("example.com/app=web", "example.com/app=web"),
        ("in in (in,notin)", "in in (in,notin)"),
        ("notin notin (in)", "notin notin (in)"),
        ("in=notin,!notin", "in=notin,!notin"),
        ("in", "in"),
        ("k=in", "k=in"),
        ("IN=Not_in.1", "IN=Not_in.1"),
        (f"{LONG}={LONG}", f"{LONG}={LONG}"),
        (f"{'p' * 63}.{'q' * 63}/k", f"{'p' * 63}.{'q' * 63}/k"),
        ("k>9223372036854775807", "k>9223372036854775807"),
        ("a=b\0", "a=b"),
    ],
)
def test_what_the_server_accepts_is_read_and_printed_as_the_server_prints_it(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "position", "what"),
    [
        (",a", 0, "expected a label key or '!' here, found ','"),
        ("a,", 2, "expected a label key or '!' here"),
        ("a,,b", 2, "expected a label key or '!' here, found ','"),
        ("!", 1, "expected a label key here"),
        ("!!a", 1, "expected a label key here, found '!'"),
        ("=a", 0, "expected a label key or '!' here, found '='"),
        ("(a)", 0, "expected a label key or '!' here, found '('"),
        ("a=b c", 4, "expected ',' or the end here, found 'c'"),
        ("!a=b", 2, "expected ',' or the end here, found '='"),
        ("!a in (b)", 3, "expected ',' or the end here, found 'in'"),
        ("a b", 2, "expected an operator (= != in notin < >), ',' or the end here, found 'b'"),
        ("a!", 1, "expected an operator (= != in notin < >), ',' or the end here, found '!'"),
        ("a)", 1, "expected an operator (= != in notin < >), ',' or the end here, found ')'"),
        ("a==='b'", 3, "expected a value here, found '='"),
        ("a=(x)", 2, "expected a value here, found '('"),
        ("a in b", 5, "expected '(' here, found 'b'"),
        ("a in", 4, "expected '(' here"),
        ("a in (", 6, "expected a value, ',' or ')' here"),
        ("a in (=", 6, "expected a value, ',' or ')' here, found '='"),
        ("a in (b", 7, "expected ',' or ')' here"),
        ("a in (b c)", 8, "expected ',' or ')' here, found 'c'"),
        ("a in (b,", 8, "expected a value or ',' here"),
        ("a in (b,=)", 8, "expected a value or ',' here, found '='"),
        ("a in (b))", 8, "expected ',' or the end here, found ')'"),
        ("a>", 2, "expected a whole number after '>' here"),
        ("a>,b", 2, "expected a whole number after '>' here"),
        ("a>=1", 2, "expected a whole number here, found '='"),
        ("a>x", 2, "'>' compares with a 64-bit whole number, not 'x'"),
        ("a<9223372036854775808", 2, "'<' compares with a 64-bit whole number, not '9223372036854775808'"),
        ("a>-1", 2, "a label value begins with a letter or digit, not '-'"),
        ("a>1_0", 2, "'>' compares with a 64-bit whole number, not '1_0'"),
        ("/a", 0, "the label key's prefix before '/' is empty"),
        ("b,a/", 4, "the label key's name after '/' is empty"),
        ("a/b/c=d", 3, "a label key has at most one '/'"),
        ("Ex.com/a", 0, "the label key's prefix 'Ex.com' is not a DNS name (a-z, 0-9, '-' and '.')"),
        ("a..b/c", 2, "the label key's prefix 'a..b' is not a DNS name (a-z, 0-9, '-' and '.')"),
        ("a-.b/c", 1, "the label key's prefix 'a-.b' is not a DNS name (a-z, 0-9, '-' and '.')"),
        ("a./c", 1, "the label key's prefix 'a.' is not a DNS name (a-z, 0-9, '-' and '.')"),
        ("-a", 0, "a label key begins with a letter or digit, not '-'"),
        ("x/a-", 3, "a label key ends with a letter or digit, not '-'"),
        ("a=b.", 3, "a label value ends with a letter or digit, not '.'"),
        ("a in (b,c_)", 9, "a label value ends with a letter or digit, not '_'"),
        ("a='b'", 2, "''' cannot be in a label value"),
        ("a=x*", 3, "'*' cannot be in a label value"),
        ("키=v", 0, "'키' cannot be in a label key"),
        ("a=b\x1bc", 3, "'␛' cannot be in a label value"),
        ("a=b\u00a0", 3, "'<U+00A0>' cannot be in a label value"),
        (f"{LONG}x", 63, "a label key has at most 63 characters, this one 64"),
        (f"k={LONG}xx", 65, "a label value has at most 63 characters, this one 65"),
        ("p" * 254 + "/a", 253, "the label key's prefix is longer than 253 characters"),
    ],
)
def test_an_error_says_what_was_expected_and_where(text: str, position: int, what: str) -> None:
    with pytest.raises(SelectorError) as caught:
        parse(text)
    assert (caught.value.position, caught.value.what, caught.value.text) == (position, what, text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a=b c=d", "requirements are separated by commas"),
        ("a=b and c=d", "requirements are joined by a comma"),
        ("a=b or a=c", "a selector has no 'or'; for one of several values write: a in (a,b)"),
        ("a not in (b)", "write 'notin' as one word"),
        ("a ! in (b)", "write: a notin (a,b)"),
        ("a IN (b)", "operators are lower case: in"),
        ("a in b", "'in' takes a list: a in (a,b)"),
        ("a=(b,c)", "for one of several values write: a in (a,b)"),
        ("a!=(b,c)", "for one of several values write: a notin (a,b)"),
        ("a (b)", "for one of several values write: a in (a,b)"),
        ("!a=b", "for every value but one write: a!=value"),
        ("!a in (b)", "for none of several values write: a notin (a,b)"),
        ("a!", "for objects without the label write: !a"),
        ("!=a", "the key comes before '!=': key!=value"),
        ("!!a", "one '!' is enough"),
        ("!(a)", "a selector has no groups"),
        ("a===b", "two equals signs are enough"),
        ("a>=1", "there is no >=; write > and the whole number below it"),
        ('a="b"', "a selector takes no quotes"),
        ("a=*", "there are no wildcards; the key alone selects every value"),
        ("a=“b”", "a selector takes no quotes"),
        ("a=b,\u00a0c=d", "this is not a plain space: it probably came with pasted text"),
        ("a:b", "a value is set off by '=': key=value"),
        ("Ex.com/a", "the prefix is a DNS name: lower case only"),
    ],
)
def test_a_usual_mistake_gets_a_hint(text: str, hint: str) -> None:
    with pytest.raises(SelectorError) as caught:
        parse(text)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("text", "caret"),
    [
        ("a=b c", "a=b c\n    ^"),
        ("a,", "a,\n  ^"),
        ("a=한글 b", "a=한글 b\n  ^"),
        ("a='한", "a='한\n  ^"),
        ("a=\x1b[31mx", "a=␛[31mx\n  ^"),
    ],
)
def test_the_caret_stands_under_the_place(text: str, caret: str) -> None:
    with pytest.raises(SelectorError) as caught:
        parse(text)
    assert caught.value.caret() == caret


def test_the_caret_counts_columns_not_characters() -> None:
    assert SelectorError("", "한글 x", 3).caret() == "한글 x\n     ^"
    assert SelectorError("", "\x9b x", 2).caret() == "<9B> x\n     ^"


@pytest.mark.parametrize(
    ("selector", "found", "expected"),
    [
        ("", {}, True),
        ("a=1", {"a": "1"}, True),
        ("a=1", {}, False),
        ("a=", {"a": ""}, True),
        ("a=", {}, False),
        ("a!=1", {}, True),
        ("a!=1", {"a": "2"}, True),
        ("a!=1", {"a": "1"}, False),
        ("a in (1,2)", {"a": "2"}, True),
        ("a in (1,2)", {}, False),
        ("a notin (1,2)", {}, True),
        ("a notin (1,2)", {"a": "1"}, False),
        ("a", {"a": ""}, True),
        ("!a", {"a": ""}, False),
        ("!a", {}, True),
        ("a>1", {"a": "2"}, True),
        ("a>1", {"a": "1"}, False),
        ("a>1", {}, False),
        ("a>1", {"a": "x"}, False),
        ("a>1", {"a": "9223372036854775808"}, False),
        ("a<10", {"a": "9"}, True),
        ("a<10", {"a": "007"}, True),
        ("a,!b", {"a": "1", "b": "1"}, False),
        ("a!=1,a", {}, False),
    ],
)
def test_a_selector_matches_as_the_server_evaluates_it(selector: str, found: dict[str, str], expected: bool) -> None:
    assert parse(selector).matches(found) is expected


@given(selectors)
def test_what_is_printed_is_read_back_the_same(selector: Selector) -> None:
    assert parse(str(selector)) == selector


@given(spellings(), labels)
def test_the_canonical_form_matches_what_the_text_matches(text: str, found: dict[str, str]) -> None:
    selector = parse(text)
    assert parse(str(selector)) == selector
    assert parse(str(selector)).matches(found) is selector.matches(found)


@given(selectors, labels)
def test_all_requirements_must_hold(selector: Selector, found: dict[str, str]) -> None:
    assert selector.matches(found) is all(Selector((one,)).matches(found) for one in selector.requirements)


@given(texts())
def test_any_text_is_read_or_refused_with_a_position_in_it(text: str) -> None:
    try:
        selector = parse(text)
    except SelectorError as error:
        assert 0 <= error.position <= len(text)
        assert error.what.isprintable()
        assert error.caret().count("\n") == 1
    else:
        assert parse(str(selector)) == selector


@given(texts())
def test_the_tokens_of_a_selector_stand_where_they_say(text: str) -> None:
    found = list(tokens(text))
    assert all(text[token.start : token.end] == token.text for token in found)
    assert all(before.end <= after.start for before, after in pairwise(found))
    assert [bool(token.text) for token in found] == [True] * (len(found) - 1) + [False]


def test_equal_requirements_of_a_selector_compare_and_hash_alike() -> None:
    (one,) = parse("k notin (b,a)").requirements
    assert one == Requirement("k", Operator.NOT_IN, ("a", "b"))
    assert {parse("a=1"): 1}[parse(" a = 1 ")] == 1
    assert not parse(" ") and parse("a")


def test_keys_and_values_are_checked_alone_too() -> None:
    assert valid_key("example.com/a") and not valid_key("") and not valid_key("a/") and not valid_key("a b")
    assert valid_value("") and valid_value("a.b") and not valid_value("a b") and not valid_value("-")
    with pytest.raises(SelectorError, match="the label key is empty"):
        check_key("")


@given(
    st.text("aA0-_./é", max_size=8)
    | st.text("a", min_size=60, max_size=66)
    | st.text("aB-.", min_size=250, max_size=256).map("{}/x".format)
)
def test_labels_are_judged_as_the_selectors_judge_them(word: str) -> None:
    assert (key_faults(word) == []) == valid_key(word)
    assert (value_faults(word) == []) == valid_value(word)
