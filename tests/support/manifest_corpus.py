"""Manifests of every shape that kubectl reads or refuses, and what it makes of them, kept beside the unit tests.

    python -m tests.support.manifest_corpus KUBECTL KUBECONFIG

asks kubectl again and writes the kept answers; a contract test holds that they are still kubectl's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parents[1] / "unit" / "kube" / "manifests" / "kubectl_reads.json"

Answer = list[dict[str, Any]] | None
"""The objects that kubectl would send; None for a file that it refuses, perhaps after some of them, or finds empty."""

STRICTER = {
    "a key twice": "nearly always a mistake",
    "a key twice in JSON": "nearly always a mistake",
    "a key twice by an alias": "nearly always a mistake",
    "Latin-1 in a value": "kubectl writes a replacement character for each letter",
    "!!binary of no text": "kubectl writes replacement characters",
}
"""What podtui refuses although kubectl sends it, and why."""

_MARKS = (
    "a mark, first", "a mark before dashes", "a mark below an empty line", "a mark below an empty line, first",
    "a mark after the first dashes",
)  # fmt: skip
TAKEN = {
    **dict.fromkeys(_MARKS, "files put together have their marks there; kubectl takes them for the first letter of a key"),
    "a list in a list": "kubectl flattens lists, and fails at this one",
    "an escaped slash": "JSON has it, and so has YAML 1.2",
    "a tag before a comma": "go-yaml takes the comma for a part of the tag",
    "a comment behind JSON at the end": "with a line end after it kubectl takes it, too",
}
"""What podtui sends although kubectl refuses it, or sends what no server takes, and why."""

_SCALARS = """
y|n|yes|No|ON|off|TRUE|tRue|~|null|Null|nUll|''|""|'y'|017|0o17|0O17|08|00|0x1F|-0b11|+0x1f|0b|0x|0o8|1_000|0_|_1|1__0|1_0.5|1e3
1E+5|12e03|.5|.5e3|.5_0|.5__0|._5|5.|+.5|-.5e-3|1e|e1|1e400|-1e400|18446744073709551615|18446744073709551616|-9223372036854775808
-9223372036854775809|+18446744073709551615|0xFFFFFFFFFFFFFFFF|+0xFFFFFFFFFFFFFFFF|0777777777777777777777777|99999999999999999999999
1:30|2001-12-14|2001-12-14 21:59:43.10 -5|2001-12-14t21:59:43.10-05:00|.nan|-.INF|0.1|1.5e-7|1e21|1e20|123456789.123|-0.0|-0|+|-x|.
..|=|!!str 1|!!str ~|!!int '12'|!!int 1.0|!!int x|!!float 1|!!float x|!!bool yes|!!bool 'yes'|!!null ''|!!null x|!!binary aGVsbG8=
!!binary aGVs bG8=|!!binary '??'|!!timestamp 2001-12-14|!!timestamp foo|!!set {a, b}|!!omap [a: 1]|!foo 12|!foo|! 12|! '12'
!Ref [1, 2]|!x {a: 1}|!!python/object:os.system x|<<|'<<'|[1, 2,]|{a: 1,}|{a, b}|{? a : b}|[a: 1, b]|'it''s'|"\\u00e9\\n\\x41"
"\\ud83d\\ude00"|"\\U0001f600"|"\\q"|a #b|a#b|# c|%a|@a|`a|é|안녕|{1: a, 1.5: b, true: c}|{1e6: a}|{1234567.5: a}|{0.00001: x}
{1.23456789012: x}|{null: a}|{[a]: b}|{18446744073709551615: b}|{.inf: b}|{2001-12-14: b}|{0x10: a}|{!!binary aGk=: a}|{!foo x: a}
{"a":1,"b":[2]}|{a:1}|{http://x: 1}|http://x:80|a,b|a: b|[|{|'|"|}|- a|a b
"""

_ANCHORS = {
    "an anchor defined again": "{a: &x one, b: &x two, c: *x}",
    "an alias before an anchor is defined again": "{a: &x one, b: *x, c: &x two, d: *x}",
    "an anchor defined again within itself": "{a: &x [&x b], c: *x}",
    "an anchor of a map": "{a: &x {b: 1}, c: *x}",
    "an anchor of a tagged value": "{a: &x !!str 1, b: *x}",
    "an anchor of an anchor": "{a: &x {b: &y 1}, c: *x, d: *y}",
    "an alias as a key": "{&k a: 1, b: {*k : 2}}",
    "a key twice by an alias": "{&k a: 1, *k : 2}",
    "an unknown alias": "{a: *x}",
    "an alias that contains itself": "{a: &x [*x]}",
    "an anchor of nothing": "{a: &x , b: *x}",
    "a merge": "{a: &x {b: 1}, c: {<<: *x, d: 2}}",
    "a merge before a key": "{a: &x {b: 1}, c: {<<: *x, b: 2}}",
    "a merge after a key": "{a: &x {b: 1}, c: {b: 2, <<: *x}}",
    "a merge of several": "{a: &x {b: 1}, c: &y {b: 2, d: 3}, e: {<<: [*x, *y]}}",
    "a merge of a map": "{c: {<<: {b: 1}, d: 2}}",
    "two merges": "{a: &x {b: 1}, c: &y {d: 2}, e: {<<: *x, <<: *y}}",
    "a merge of a merge": "{a: &x {b: 1}, c: &y {<<: *x, d: 2}, e: {<<: *y}}",
    "a merge of nothing": "{<<: ~}",
    "a merge of an alias of a list": "{a: &x [{b: 1}], c: {<<: *x}}",
    "a merge of a list in a list": "{a: &x [{b: 1}], c: {<<: [*x]}}",
    "a merge of no maps": "{<<: [1]}",
    "a merge key with quotes": "{a: &x {b: 1}, c: {'<<': *x}}",
    "a merge key with a tag": "{a: &x {b: 1}, c: {!!merge <<: *x}}",
    "an empty merge": "{<<: [], b: 1}",
}

_BLOCKS = {
    "a literal": "|\n    x\n    y\n", "a literal without its end": "|-\n    x\n", "a literal with all ends": "|+\n    x\n\n",
    "a folded text": ">\n    a\n    b\n\n    c\n", "a literal with an indentation": "|2\n      x\n", "a text over two lines": "a\n    b\n",
    "a text over an empty line": "a\n\n    b\n", "a comment in a text": "a\n    # c\n", "a tab": "\ta\n", "a tab in quotes": '"a\tb"\n',
    "a line broken in quotes": '"a\\\n    b"\n', "a list at the key": "\n  - a\n  - b\n", "a null in brackets": "[,]\n",
}  # fmt: skip

_SEPARATORS = {
    "dashes": "---\n", "dashes and blanks": "--- \t\n", "dashes and a comment": "--- # c\n", "dashes before a comment": "---#c\n",
    "dashes and CR LF": "---\r\n", "four dashes": "----\n", "dashes before a document": "--- {a: 1}\n", "indented dashes": " ---\n",
    "dots": "...\n", "dots and dashes": "...\n---\n", "dashes twice": "---\n---\n", "dashes around a comment": "---\n# only\n---\n",
    "dashes around null": "---\nnull\n---\n", "dashes around a tilde": "---\n~\n---\n", "dashes around an empty map": "---\n{}\n---\n",
    "dashes around a text": "---\n''\n---\n", "a directive": "%YAML 1.1\n---\n", "a later directive": "---\n%YAML 1.1\n---\n",
    "a mark": "---\n\ufeff", "a mark before dashes": "\ufeff---\n", "a mark below an empty line": "---\n\n\ufeff",
    "dashes and a no-break space": "---\u00a0\n", "dashes and a form feed": "---\x0c\n", "dashes and a carriage return": "---\r",
}  # fmt: skip


def _map(name: str, value: str = "{a: b}") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n  value: {value}\n"


def _json_map(name: str, value: str = '"b"') -> str:
    return f'{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "{name}"}}, "data": {{"value": {value}}}}}'


def _files() -> Iterator[tuple[str, str | bytes]]:
    """What a case is, and its file, in which NAME stands for a name of its own."""
    for scalar in "|".join(_SCALARS.strip().splitlines()).split("|"):
        yield f"scalar {scalar}", _map("NAME", scalar.replace("\\\\", "\\"))
    for case, value in {**_ANCHORS, **_BLOCKS}.items():
        yield case, _map("NAME", value)
    yield "an escaped slash", _map("NAME", r'"\/"')
    yield "a tag before a comma", _map("NAME", "{a: !!str, b: 1}")
    yield "!!binary of no text", _map("NAME", "!!binary /w==")
    yield "a key twice", _map("NAME") + "  value: again\n"
    yield "a name that is a number", _map("5")
    for case, separator in _SEPARATORS.items():
        yield case, _map("NAME-a") + separator + _map("NAME-b")
        yield f"{case}, first", separator + _map("NAME-a")
    yield "a mark after the first dashes", "---\n\ufeff" + _map("NAME")
    yield "dashes at the end", _map("NAME") + "---"
    yield "dashes in a literal", _map("NAME", "|\n    a\n---\n    b\n")
    yield "what follows dots", _map("NAME") + "...\n]\n"
    yield "a literal at the end", _map("NAME", "|\n    x").rstrip("\n")
    yield "a first document that is null", "null\n---\n" + _map("NAME")
    yield "a first document that is a tilde", "~\n---\n" + _map("NAME")
    yield "a document that is a text", "a\n---\n" + _map("NAME")
    yield "a document that is a list", _map("NAME") + "---\n- a\n"
    yield from _encodings()
    yield from _json()
    yield from _lists()


def _encodings() -> Iterator[tuple[str, str | bytes]]:
    text = _map("NAME-a", "안녕 é") + "---\n" + _map("NAME-b")
    yield "CR LF", text.replace("\n", "\r\n")
    yield "CR", text.replace("\n", "\r")
    yield "UTF-8 with a mark", b"\xef\xbb\xbf" + text.encode()
    yield "UTF-16 LE with a mark", b"\xff\xfe" + text.encode("utf-16-le")
    yield "UTF-16 BE with a mark", b"\xfe\xff" + text.encode("utf-16-be")
    yield "UTF-16 LE and CR LF", b"\xff\xfe" + text.replace("\n", "\r\n").encode("utf-16-le")
    yield "UTF-16 LE without a mark", text.encode("utf-16-le")
    yield "UTF-16 BE without a mark", text.encode("utf-16-be")
    yield "JSON in UTF-16", b"\xff\xfe" + _json_map("NAME").encode("utf-16-le")
    yield "JSON with a mark", b"\xef\xbb\xbf" + _json_map("NAME").encode()
    yield "UTF-16 behind UTF-8", _map("NAME").encode() + b"---\n\xff\xfe" + _map("NAME-b").encode("utf-16-le")
    yield (
        "two files of UTF-16, one behind the other",
        b"".join(b"\xff\xfe" + (_map(f"NAME-{n}") + "---\n").encode("utf-16-le") for n in "ab"),
    )
    yield "Latin-1 in a comment", b"# \xe4\n" + _map("NAME").encode()
    yield "Latin-1 behind a value", _map("NAME", "a # \xe4").encode("latin-1")
    yield "Latin-1 in a value", _map("NAME", "\xe4").encode("latin-1")
    for case, character in {
        "NUL": "\0",
        "ESC": "\x1b",
        "DEL": "\x7f",
        "NEL": "\x85",
        "a line separator": "\u2028",
        "U+FFFE": "\ufffe",
    }.items():
        yield f"{case} in a value", _map("NAME", f"a{character}b")
        yield f"{case} in quotes", _map("NAME", f'"a{character}b"')


def _json() -> Iterator[tuple[str, str]]:
    for value in ("1e3", "1E400", "0.10", "-0", "1e-7", "12345678901234567890", "01", "NaN", "1.0", "[1,]", '{"a":1,}', "'a'", "a",
                  '"a\tb"', "null", r'"\ud800"', r'"\ud83d\ude00"', r'"\/"', "9" * 50):  # fmt: skip
        yield f"JSON {value}", _json_map("NAME", value)
    yield "JSON twice", _json_map("NAME-a") + _json_map("NAME-b")
    yield "JSON and null", _json_map("NAME-a") + "\nnull\n" + _json_map("NAME-b")
    yield "JSON and a number", _json_map("NAME-a") + "\n5\n"
    yield "JSON and a comment", _json_map("NAME") + " # c\n"
    yield "a comment behind JSON at the end", _json_map("NAME") + " # c"
    yield "JSON, then YAML", _json_map("NAME-a") + "\n---\n" + _map("NAME-b")
    yield "JSON, then dashes and JSON", _json_map("NAME-a") + "\n---\n" + _json_map("NAME-b")
    yield "JSON twice, then YAML", _json_map("NAME-a") + _json_map("NAME-b") + "\n---\n" + _map("NAME-c")
    yield "YAML, then JSON", _map("NAME-a") + "---\n" + _json_map("NAME-b")
    yield "JSON with a key without quotes", _json_map("NAME").replace('"kind"', "kind")
    yield "a key twice in JSON", _json_map("NAME").replace('"data"', '"data": {}, "data"')
    yield "JSON behind empty lines", "\n \t\n" + _json_map("NAME")


def _lists() -> Iterator[tuple[str, str]]:
    item = _json_map("NAME")
    for kind in ("List", "ConfigMapList"):
        for items in ("null", "[]", "", "{}", "a", f"[{item}]", "[null]", "[a]", "[{kind: ConfigMap, metadata: {name: NAME}}]"):
            yield f"{kind} of {items}", f"apiVersion: v1\nkind: {kind}\nitems: {items}\n"
    yield "a typed list", "apiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: NAME}}]\n"
    yield "an untyped item", "apiVersion: v1\nkind: List\nitems: [{metadata: {name: NAME}}]\n"
    yield "a list in a list", f"apiVersion: v1\nkind: List\nitems: [{{apiVersion: v1, kind: List, items: [{item}]}}]\n"
    yield "a list without a kind", f"apiVersion: v1\nitems: [{item}]\n"
    yield "a kind that is no list, with items", f"apiVersion: v1\nkind: ConfigMap\nitems: [{item}]\n"
    yield "a list and more", "apiVersion: v1\nkind: List\nitems: null\n---\n" + _map("NAME")


def cases() -> dict[str, bytes]:
    """The file of each case; its objects have names of their own."""
    made: dict[str, bytes] = {}
    for number, (case, file) in enumerate(_files()):
        content = file.encode() if isinstance(file, str) else file
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            content = content.replace("NAME".encode(encoding), f"n{number:03}".encode(encoding))
        assert case not in made, case
        made[case] = content
    return made


def ask(kubectl: str, kubeconfig: str) -> dict[str, Answer]:
    """What kubectl would send for each case, by one call for all. The namespace that it fills in is left out."""
    files = cases()
    with tempfile.TemporaryDirectory() as folder:
        options: list[str] = []
        for number, content in enumerate(files.values()):
            Path(folder, f"{number:03}.yaml").write_bytes(content)
            options += ["-f", f"{folder}/{number:03}.yaml"]
        command = [kubectl, f"--kubeconfig={kubeconfig}", "create", "--dry-run=client", "--validate=false", "-o", "json", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    sent: dict[int, list[dict[str, Any]]] = {}
    decoder, text = json.JSONDecoder(parse_int=_as_go), done.stdout.lstrip()
    while text:
        value, end = decoder.raw_decode(text)
        text = text[end:].lstrip()
        value["metadata"].pop("namespace", None)
        sent.setdefault(int(value["metadata"].get("name", "n-1")[1:4]), []).append(value)
    return {case: None if f"{folder}/{number:03}.yaml" in done.stderr else sent.get(number) for number, case in enumerate(files)}


def kept() -> dict[str, Answer]:
    """The kept answers."""
    answers: dict[str, Answer] = json.loads(KEPT.read_text(), parse_int=_as_go)
    return answers


def _as_go(digits: str) -> float:
    """As a server in Go reads it; Python would compare the digits of a large float."""
    return int(digits) if -(1 << 63) <= int(digits) < 1 << 63 else float(digits)


if __name__ == "__main__":
    asked = ask(sys.argv[1], sys.argv[2])
    lines = (
        f"  {json.dumps(case, ensure_ascii=False)}: {json.dumps(answer, ensure_ascii=False, sort_keys=True)}"
        for case, answer in asked.items()
    )
    KEPT.write_text("{\n" + ",\n".join(lines) + "\n}\n")
