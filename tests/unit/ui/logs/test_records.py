"""What a log's line says: its level, its fields, its colours and its time; and the filter on them."""

from __future__ import annotations

import re
import signal
import sys
from datetime import UTC, datetime
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.ui.logs.lines import ansi
from podtui.ui.logs.lines.ansi import Pen, turned
from podtui.ui.logs.lines.layout import Laid, in_columns, indented, learn
from podtui.ui.logs.lines.levels import Level, find_level, level_of
from podtui.ui.logs.lines.records import Record, record_of, value_of
from podtui.ui.logs.lines.times import ago, parse_span, parse_time, time_words
from podtui.ui.logs.search.field_filter import FieldFilter, FilterError
from podtui.ui.logs.search.matchers import Pattern, TooSlow, limited

KLOG = 'E0102 15:04:05.123456       1 controller.go:116] "Failed to sync" pod="shop/web-1" err="no such host"'
JSON = '{"time":"2026-01-01T00:00:00Z","level":"warn","msg":"slow query","http":{"status":502,"path":"/cart"},"duration_ms":512.5}'
LOGFMT = 'ts=2026-01-01T00:00:00Z level=error msg="request failed" status=503 user=anna took=1.5s'

# -- levels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "level", "words"),
    [
        ("ERROR no", Level.ERROR, "ERROR"),
        ("E0102 15:04:05.1 1 a.go:1] x", Level.ERROR, "E"),
        ("W0102 15:04:05.1 1 a.go:1] x", Level.WARN, "W"),
        ("[warn] x", Level.WARN, "warn"),
        ('{"level":"info","msg":"an ERROR in words"}', Level.INFO, "info"),
        ('{"msg":"x","level":50}', Level.ERROR, "50"),
        ('{"severity" : "CRITICAL"}', Level.FATAL, "CRITICAL"),
        ("level=debug x", Level.DEBUG, "debug"),
        ('ts=1 lvl="eror" x=y', Level.ERROR, "eror"),
        ("2026-01-01 00:00:00,123 - app - WARNING - x", Level.WARN, "WARNING"),
        ("12:00 | error | x", Level.ERROR, "error"),
        ("panic: runtime error", None, ""),
        ("there was no error here", None, ""),
        ('{"msg":"ERROR"}', None, ""),
        ("a level=unknown thing", None, ""),
        ("Everything", None, ""),
    ],
)
def test_the_level_is_found_in_every_usual_form(line: str, level: Level | None, words: str) -> None:
    found = find_level(line)
    assert (found and found.level) == level
    assert not found or line[found.start : found.end] == words


@pytest.mark.parametrize(("value", "level"), [("Warning", Level.WARN), (30, Level.INFO), ("60", Level.FATAL), (True, None), (3, None)])
def test_a_level_is_known_by_its_word_and_by_its_number(value: object, level: Level | None) -> None:
    assert level_of(value) == level


def test_what_needs_attention_has_a_sign_of_its_own() -> None:
    assert {level: level.sign for level in Level if level.sign != " "} == {Level.WARN: "!", Level.ERROR: "✗", Level.FATAL: "✗"}


def record(line: str) -> Record:
    """The record that the line certainly is."""
    found = record_of(line)
    assert found is not None
    return found


# -- records --------------------------------------------------------------------------------------------------------


def test_json_is_a_record_with_level_time_and_message() -> None:
    found = record(JSON)
    assert (found.kind, found.level, found.message, found.time_key) == ("json", Level.WARN, "slow query", "time")
    assert dict(found.rest()) == {"http": {"status": 502, "path": "/cart"}, "duration_ms": 512.5}


def test_logfmt_is_a_record_and_quotes_are_taken_off() -> None:
    found = record(LOGFMT)
    assert (found.kind, found.level, found.message) == ("logfmt", Level.ERROR, "request failed")
    assert dict(found.rest()) == {"status": "503", "user": "anna", "took": "1.5s"}


def test_klog_is_a_record_with_its_place_and_the_pairs_after_the_message() -> None:
    found = record(KLOG)
    assert (found.kind, found.level, found.message) == ("klog", Level.ERROR, "Failed to sync")
    assert dict(found.rest()) == {"pod": "shop/web-1", "err": "no such host", "source": "controller.go:116", "thread": "1"}
    assert record("I0102 15:04:05.1 7 a.go:9] plain words").message == "plain words"


@pytest.mark.parametrize("line", ["", "{", "{}", "[1,2]", "a=b", "x y=z", '{"a":', "{" * 9000, "level: warn", '"a"'])
def test_what_is_not_a_record_is_none(line: str) -> None:
    assert record_of(line) is None


@given(st.text(st.sampled_from('{}[]":,=\\ abE0123456789.]\n'), max_size=60))
def test_no_line_makes_the_parser_fail(line: str) -> None:
    record_of(line)
    find_level(line)


def test_fields_are_found_by_path_and_in_any_case() -> None:
    fields = {"http": {"Status": 502}, "a.b": 1}
    assert value_of(fields, "HTTP.status") == 502
    assert value_of(fields, "a.b") == 1
    with pytest.raises(KeyError):
        value_of(fields, "http.none")


# -- the filter -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("level>=warn", [JSON, LOGFMT, KLOG, "ERROR plain"]),
        ("level=error", [LOGFMT, KLOG, "ERROR plain"]),
        ("level<warn", ["INFO served status=200"]),
        ("level!=error", [JSON, "INFO served status=200"]),
        ("status>=500", [LOGFMT]),
        ("http.status>=500", [JSON]),
        ("status=200", ["INFO served status=200"]),
        ("status>=200,status<500", ["INFO served status=200"]),
        ("took>100ms", [LOGFMT]),
        ("duration_ms>500 level>=warn", [JSON]),
        ('msg~"QUERY" and http.path=/cart', [JSON]),
        ("user!=anna", []),
        ("user!~bob", [LOGFMT]),
        ("pod", [KLOG]),
        ("!status level>=warn", [JSON, KLOG, "ERROR plain"]),
    ],
)
def test_a_filter_keeps_the_lines_whose_fields_satisfy_it(text: str, lines: list[str]) -> None:
    everything = [JSON, LOGFMT, KLOG, "ERROR plain", "INFO served status=200", "no fields at all", ""]
    chosen = FieldFilter(text)
    assert [line for line in everything if chosen.matches(line)] == lines


def test_a_filter_finds_pairs_in_a_klog_message_that_is_not_quoted() -> None:
    chosen = FieldFilter("status>=500 level=error source~main msg~failed")
    assert chosen.matches("E1126 08:00:00.123456       1 main.go:12] failed status=502")
    assert not chosen.matches("E1126 08:00:00.123456       1 main.go:12] failed status=404")


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 0, "enter a filter"),
        ("status>=", 8, "a value is expected after >="),
        (">=5", 0, "a field name"),
        ("level>=loud", 7, "unknown level loud"),
        ("a=b c=", 6, "value"),
        ("!a=b", 2, "cannot have a value"),
        ('a="b"c', 5, "is not valid here"),
    ],
)
def test_a_wrong_filter_is_reported_with_its_place(text: str, position: int, words: str) -> None:
    with pytest.raises(FilterError, match=re.escape(words)) as caught:
        FieldFilter(text)
    assert caught.value.position == position


# -- colours --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "pen"),
    [
        ("1;31", Pen(1, None, frozenset({"bold"}))),
        ("38;5;208", Pen(208)),
        ("38;2;1;2;3;4", Pen((1, 2, 3), None, frozenset({"underline"}))),
        ("38:2::1:2:3", Pen((1, 2, 3))),
        ("48:5:9", Pen(None, 9)),
        ("97;104", Pen(15, 12)),
        ("5;8;9", Pen()),  # blinking, concealed, crossed out
        ("38;5", Pen()),
        ("38;2;999;0;0", Pen()),
        ("31;;1", Pen(None, None, frozenset({"bold"}))),  # an empty parameter is 0
        ("4:0", Pen()),
    ],
)
def test_only_colours_and_weights_are_taken_from_a_sequence(parameters: str, pen: Pen) -> None:
    assert turned(Pen(), parameters) == pen


def test_a_sequence_goes_on_from_the_one_before() -> None:
    assert [(text, style and str(style)) for text, style in ansi.parts("a\x1b[1mb\x1b[31mc\x1b[22md\x1b[0me")] == [
        ("a", None),
        ("b", "bold"),
        ("c", "bold color(1)"),
        ("d", "color(1)"),
        ("e", None),
    ]


def test_text_in_the_colour_of_its_background_is_not_hidden() -> None:
    (_, style), *_ = ansi.parts("\x1b[31;41mhidden")
    assert style is not None and style.color is None and style.bgcolor is None


def test_a_line_of_nothing_but_sequences_stays_bounded() -> None:
    line = "".join(f"\x1b[3{number % 8}mx" for number in range(20_000))
    assert len({str(style) for _, style in list(ansi.parts(line))[1000:]}) == 1


# -- times ----------------------------------------------------------------------------------------------------------

AT = int(datetime(2026, 1, 31, 14, 5, 30, tzinfo=UTC).timestamp()) * 1_000_000_000 + 123_456_789
NOW = AT / 1e9 + 75


def test_a_time_is_written_in_utc_local_or_as_how_long_ago() -> None:
    assert time_words(AT, "utc") == "2026-01-31T14:05:30.123Z"
    assert re.fullmatch(r"2026-\d\d-\d\dT\d\d:\d\d:30\.123[+-]\d\d:\d\d", time_words(AT, "local"))
    assert time_words(AT, "relative", NOW) == "  75s"
    assert time_words(AT, "off") == "" == time_words(0, "utc")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0s"), (99, "99s"), (100, "1m"), (5999, "99m"), (7200, "2h"), (400_000, "4d"), (-5, "-5s")]
)
def test_an_age_in_the_log_view_is_short(seconds: int, words: str) -> None:
    assert ago(seconds) == words


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-31T14:05:30.123456Z", AT // 1000 * 1000),
        ("2026-01-31 14:05:30Z", AT // 10**9 * 10**9),
        ("14:05Z", int(datetime(2026, 1, 31, 14, 5, tzinfo=UTC).timestamp()) * 10**9),
        ("14:06:46Z", int(datetime(2026, 1, 30, 14, 6, 46, tzinfo=UTC).timestamp()) * 10**9),  # today it is yet to come
        ("75s", AT // 1000 * 1000),
        ("-1m15s", AT // 1000 * 1000),
    ],
)
def test_a_time_typed_in_the_log_view_is_understood(text: str, at: int) -> None:
    assert abs(parse_time(text, NOW) - at) < 1_000_000


@pytest.mark.parametrize("text", ["", "soon", "25:00", "14:5", "2026-13-01T00:00:00Z"])
def test_a_wrong_time_is_reported_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        parse_time(text, NOW)


def test_a_span_is_a_sum_of_parts() -> None:
    assert parse_span("1h30m") == 5400
    assert parse_span("90") is None


# -- layouts --------------------------------------------------------------------------------------------------------


def rows(laid: Laid) -> list[str]:
    return [laid.text[start:end].rstrip() for start, end in zip(laid.starts, [*laid.starts[1:], len(laid.text)], strict=True)]


def test_columns_are_those_that_most_records_have() -> None:
    served = [f'{{"level":"info","msg":"served","status":{200 + n},"path":"/p{n}"}}' for n in range(3)]
    lines = ["no record", *served, '{"msg":"x","odd":1}']
    columns = learn(lines)
    assert columns.names == ("", "status", "path")
    assert columns.header == "LEVEL  MESSAGE  STATUS  PATH"
    assert rows(in_columns(record(lines[1]), columns)) == ["info   served   200     /p0"]
    assert rows(in_columns(record(lines[-1]), columns)) == ["       x                      odd=1"]


def test_a_message_is_never_cut_and_wide_characters_keep_the_columns() -> None:
    columns = learn([f'{{"msg":"{"가" * 3}","n":{n}}}' for n in range(4)])
    assert rows(in_columns(record('{"msg":"가나","n":7}'), columns)) == ["       가나     7"]
    assert "x" * 60 in rows(in_columns(record(f'{{"msg":"{"x" * 60}","n":7}}'), columns))[0]


def test_indented_shows_every_field_on_a_row_of_its_own() -> None:
    line = '{"level":"error","msg":"failed","http":{"status":502},"list":[1,2],"items":[{"a":true}],"stack":"one\\ntwo"}'
    assert rows(indented(record(line))) == [
        "error  failed",
        "    http:",
        "        status: 502",
        "    list: [1,2]",
        "    items:",
        "        -",
        "            a: true",
        "    stack:",
        "        one",
        "        two",
    ]


def test_an_endless_record_is_cut_with_a_sign_and_controls_are_harmless() -> None:
    laid = indented(record('{"msg":"\\u001b[2J",' + ",".join(f'"k{n}":{n}' for n in range(5000)) + "}"))
    assert rows(laid)[0].endswith("␛[2J")
    assert len(laid.starts) < 310
    assert rows(laid)[-1].strip() == "…"


# -- the guard ------------------------------------------------------------------------------------------------------


def test_an_expression_that_does_not_end_is_ended_and_later_work_is_not_disturbed() -> None:
    with pytest.raises(TooSlow), limited(0.02):
        re.search("(a+)+$", "a" * 40 + "b")
    with limited(0.02):
        assert re.search("a", "cba")
    for _ in range(10**6):  # longer than the limit, but outside of it
        pass


def test_a_limit_that_is_reached_at_any_place_leaves_no_timer_behind() -> None:
    """The signal is simulated before every line and every call in turn, in the guard and in `contextlib` too."""

    def interrupted(place: int) -> bool:
        """Look for a text while the signal comes at the place-th event; whether there was one."""
        left = place

        def trace(frame: FrameType, event: str, argument: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                signal.getsignal(signal.SIGVTALRM)(signal.SIGVTALRM, frame)  # type: ignore[operator,misc]
            return trace

        before = sys.gettrace()
        sys.settrace(trace)  # type: ignore[arg-type]
        try:
            pattern.first("abc")
        finally:
            sys.settrace(before)
        return left <= 0

    pattern = Pattern("~b")
    pattern.first("abc")  # which installs the handler
    place = 1
    while interrupted(place):
        assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0), f"the timer runs on after a signal at event {place}"
        place += 1
    assert place > 20
    assert pattern.slow, "no signal ended the search"


def test_a_finalizer_that_runs_during_a_search_is_not_interrupted() -> None:
    ended = []

    class Finalized:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGVTALRM)
            ended.append(True)

    with limited(10):
        Finalized()
    assert ended
