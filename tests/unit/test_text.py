"""Untrusted text cannot reach the terminal as anything but text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.errors import PodtuiError, api_error
from podtui.text import as_file_name, conceal, counted, harmless, pasteable, redacted


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    for character in harmless(text):
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(character) not in ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_printable_ascii_is_left_alone(text: str) -> None:
    assert harmless(text) == text


def test_an_escape_sequence_is_shown_for_what_it_is() -> None:
    assert harmless("\x1b[2Jgone\x07") == "␛[2Jgone␇"
    assert harmless("\x9b2J\u202eevil") == "<9B>2J<U+202E>evil"


def test_tabs_become_spaces_where_columns_matter() -> None:
    assert harmless("a\tb\x00", tab=8) == "a       b␀"


INVISIBLE = "\xad\u034f\u115f\u1160\u17b4\u180e\u200b\u200d\u2060\u206a\u3164\ufeff\uffa0\ufff9\U0001d173\U000e0001\U000e0041\U000e0100"


@pytest.mark.parametrize("character", INVISIBLE, ids=[f"U+{ord(each):04X}" for each in INVISIBLE])
def test_what_a_terminal_shows_as_nothing_is_shown_by_its_code(character: str) -> None:
    code = f"<{ord(character):02X}>" if character == "\xad" else f"<U+{ord(character):04X}>"
    assert harmless(f"ad{character}min") == f"ad{code}min"


def test_marks_in_a_long_run_are_counted_and_those_that_scripts_need_stay() -> None:
    assert harmless("e" + "\u0301" * 1000 + "x") == "e" + "\u0301" * 4 + "<+996 marks>x"
    assert harmless("क्षि ท่านี้ Việt שָׁלוֹם e\u0301 ❤\ufe0f 한글") == "क्षि ท่านี้ Việt שָׁלוֹם e\u0301 ❤\ufe0f 한글"
    assert harmless("\u1100\u1161" * 9) == "\u1100\u1161" * 9, "Hangul in parts"
    assert harmless("가" + "\u1161" * 50) == "가" + "\u1161" * 4 + "<+46 marks>"
    assert harmless("a" + "\ufe0f" * 9) == "a" + "\ufe0f" * 4 + "<+5 marks>"


@given(st.text(st.characters(categories=("Mn", "Me", "Ll", "Lo", "Cf")), max_size=30))
def test_no_character_carries_more_marks_than_four(text: str) -> None:
    run = 0
    for character in harmless(text):
        run = run + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        assert run <= 4, ascii(text)


@given(st.text())
def test_what_is_copied_neither_ends_a_paste_nor_presses_a_key(text: str) -> None:
    copied = pasteable(f"{text}\x1b[201~\x9b201~\rreboot\n")
    assert all(character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs") for character in copied)


def test_line_ends_and_tabs_are_copied() -> None:
    assert pasteable("a:\n\t- b\n") == "a:\n\t- b\n"


def test_a_name_from_a_cluster_stays_in_the_folder() -> None:
    assert as_file_name("web-1.app") == "web-1.app"
    assert as_file_name("../../.ssh/x\x1b]") == "_.._.ssh_x__" and as_file_name("..") == "_" and len(as_file_name("x" * 999)) == 200


def test_korean_and_emoji_stay() -> None:
    assert harmless("파드 🚀 é") == "파드 🚀 é"


def test_a_count_names_one_or_several_with_thousands_apart() -> None:
    assert [counted(count, "pod") for count in (0, 1, 1200)] == ["0 pods", "1 pod", "1,200 pods"]


# --- what a URL keeps for itself


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://u:p@h:1/x", "http://h:1/x"),
        ("http://h", "http://h"),
        ("http://u:p@q@h", "http://h"),
        ("http://u:p/q@h:3128", "http://h:3128"),
        ("http://u:p?q@h", "http://h"),
        ("socks5h://u@h:1080", "socks5h://h:1080"),
        ("https://h:6443/path/of/a@b", "https://h:6443/path/of/a@b"),
        ("https://[::1]:6443/a@b", "https://[::1]:6443/a@b"),
        ("https://u:p@[::1]:6443", "https://[::1]:6443"),
        ("https://h/a?token=x&b=1", "https://h/a?token=…&b=1"),
        ("https://h/a?b=1&X-Amz-Signature=x#y", "https://h/a?b=1&X-Amz-Signature=…#y"),
        ("Post 'https://u:p@hook.svc:443/mutate?timeout=10s': refused", "Post 'https://hook.svc:443/mutate?timeout=10s': refused"),
        ("from http://u:p@a to http://v:q@b.", "from http://a to http://b."),
        ("nginx:1.2@sha256:abc is no URL", "nginx:1.2@sha256:abc is no URL"),
    ],
)
def test_the_secrets_of_a_url_are_not_shown(text: str, shown: str) -> None:
    assert redacted(text) == shown
    assert redacted(shown) == shown


def test_the_path_of_a_concealed_url_is_not_shown_in_any_url_of_its_host() -> None:
    conceal("https://u:p@concealed.example:8443/secret/path?x=y")
    assert redacted("at https://concealed.example:8443/secret/path/api/v1: no") == "at https://concealed.example:8443/… no"
    assert redacted("at https://concealed.example:8443") == "at https://concealed.example:8443"
    assert redacted("at https://other.example/path") == "at https://other.example/path"


@pytest.mark.parametrize(
    ("url", "shown"),
    [("://joe:hush@h", "://h"), ("joe:hush@h:1", "h:1"), ("http://joe:hu sh@h:1/", "http://h:1/"), ("http://joe:hu'sh@h", "http://h")],
)
def test_the_password_of_what_is_not_quite_a_url_is_not_shown(url: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podtui.text._users", set())
    conceal(url)
    assert redacted(f"not a URL: {url}") == f"not a URL: {shown}"


@pytest.mark.parametrize("url", ["https://h/a@b", "https://plain:6443", "h:6443", "", "@", "nginx@sha256"])
def test_concealing_a_url_without_a_password_hides_nothing_else(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podtui.text._users", set())
    conceal(url)
    assert redacted("nginx:1.2@sha256:abc, a@b, h:6443") == "nginx:1.2@sha256:abc, a@b, h:6443"


def test_the_path_of_a_server_without_a_secret_is_shown() -> None:
    conceal("https://plain.example:6443/")
    assert redacted("https://plain.example:6443/api/v1") == "https://plain.example:6443/api/v1"


def test_every_error_passes_through_the_one_function() -> None:
    error = PodtuiError("cannot reach http://u:hush@h", "See http://u:hush@h/?token=hush")
    assert "hush" not in f"{error} {error.what} {error.hint} {error.args}"
    refused = api_error(500, "x", "cannot reach http://u:hush@h")
    assert "hush" not in f"{refused} {refused.message}"


@given(st.text())
def test_redaction_never_fails_and_leaves_what_is_not_a_url(text: str) -> None:
    assert redacted(text) == text if "://" not in text else isinstance(redacted(text), str)
