"""Manifests as kubectl reads them, each mistake with its line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.errors import ManifestError
from podtui.kube.manifests.documents import load, parse, placed
from podtui.kube.resources import NAMESPACES, PODS
from podtui.yamltree import LARGEST

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {}\n"


def resolved(text: str) -> Any:
    """What `text` becomes as a value."""
    (document,) = parse(f"apiVersion: v1\nkind: X\nvalue: {text}\n")
    return document.value["value"]


def refused(text: str | bytes) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        parse(text, "f.yaml")
    return caught.value


def test_documents_keep_their_lines_and_empty_ones_do_not_count() -> None:
    text = f"# a file\n---\n{POD.format('a')}---\n---\n# only a comment\n--- # more\n{POD.format('b')}...\n"
    assert [(one.kind, one.name, one.line) for one in parse(text)] == [("Pod", "a", 3), ("Pod", "b", 11)]


def test_a_list_stands_for_its_items_with_their_lines() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n- apiVersion: v1\n  kind: Service\n"
    assert [(one.kind, one.name, one.line) for one in parse(text)] == [("Pod", "a", 4), ("Service", "", 7)]


def test_the_items_of_a_typed_list_need_not_repeat_the_kind() -> None:
    (pod,) = parse("apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n")
    assert (pod.kind, pod.api_version, pod.name) == ("Pod", "v1", "a")


def test_json_may_hold_several_objects_and_big_numbers() -> None:
    text = '{"apiVersion": "v1", "kind": "Pod", "n": 12345678901234567}\n'
    text += '{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"X"}]}'
    pod, x = parse(text)
    assert pod.value["n"] == 12345678901234567 and (pod.line, x.line, x.kind) == (1, 2, "X")


def test_yaml_in_braces_is_read_as_yaml() -> None:
    (pod,) = parse("{apiVersion: v1, kind: Pod, metadata: {name: a,}}")
    assert pod.name == "a"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=10,
    )
)
def test_json_in_a_manifest_is_read_unchanged(value: Any) -> None:
    (document,) = parse(json.dumps({"apiVersion": "v1", "kind": "X", "value": value}))
    assert document.value["value"] == value


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_words(text: str) -> None:
    try:
        parse(text)
    except ManifestError as error:
        assert error.what


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2001-12-14", "2001-12-14"),
        ("2001-12-14 21:59:43.10 -5", "2001-12-14 21:59:43.10 -5"),
        ("1:30", "1:30"),
        ("yes", True),
        ("Off", False),
        ("n", False),
        ("'yes'", "yes"),
        ("~", None),
        ("", None),
        ("017", 15),
        ("0o17", 15),
        ("08", 8),
        ("0x1F", 31),
        ("-0b11", -3),
        ("1_000", 1000),
        ("1e3", 1000),
        (".5", 0.5),
        ("1e400", "1e400"),
        ("18446744073709551615", 18446744073709551615.0),
        ("!Ref x", "x"),
        ("!!python/object/apply:os.system [ls]", ["ls"]),
        ("{a: &x one, b: &x two, c: *x}", {"a": "one", "b": "two", "c": "two"}),
        ("99999999999999999999999", 1e23),
        ("!!str 1", "1"),
        ("!!binary aGVsbG8=", "hello"),
        ("{1: a, yes: b, 1.5: c}", {"1": "a", "true": "b", "1.5": "c"}),
        ("[&x {a: 1}, {<<: *x, b: 2}]", [{"a": 1}, {"a": 1, "b": 2}]),
    ],
)
def test_scalars_become_what_they_are_for_kubectl(text: str, value: Any) -> None:
    found = resolved(text)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 0, "no objects passed to create"),
        ("# nothing\n---\n", 0, "no objects passed to create"),
        ("just text", 1, "a document must be an object with a kind, not text"),
        ("[1, 2]", 1, "a document must be an object with a kind, not a list"),
        ("kind: Pod\n", 1, "apiVersion not set"),
        ("\n\napiVersion: v1\n", 3, "kind not set"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: yes}\n", 1, "metadata.name must be text, not true (a boolean)"),
        ("apiVersion: 1\nkind: Pod\n", 1, "apiVersion must be text, not 1 (a number)"),
        ("apiVersion: v1\nkind: Pod\nmetadata: [a]\n", 1, "metadata must be an object, not a list"),
        ("a: 1\nb: 2\na: 3\n", 3, 'key "a" already set in map'),
        ('{"a": {"b": 1, "b": 2}}', 1, 'key "b" is given twice in one object'),
        ("a: 1\nb: .nan\n", 2, "JSON has no .nan"),
        ("a: 1\n? [b]\n: 1\n", 2, "a key must be text, not a list, a map or null"),
        ("a: 1\nb: !!int x\n", 2, "cannot decode 'x' as a int"),
        ("a: 'x\n", 2, "not valid YAML: found unexpected end of stream"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML: found a tab character that violates indentation"),
        ("a: *x\n", 1, "not valid YAML: found undefined alias"),
        ("a: &a [*a]\n", 1, "the alias *a contains itself"),
        ("a: 1\nb: \x01\n", 2, "not valid YAML: a control character"),
    ],
)
def test_a_mistake_in_a_manifest_names_its_line(text: str, line: int, what: str) -> None:
    error = refused(text)
    assert error.line == line
    assert error.what.startswith(f"f.yaml:{line}: {what}" if line else f"f.yaml: {what}")


def test_a_tab_in_yaml_is_reported_with_its_line() -> None:
    assert refused("a: 1\n\tb: 2\n").hint == "YAML is indented with spaces, not with tabs"


def test_a_byte_that_is_not_utf8_is_reported_with_its_line_unless_it_is_in_a_comment() -> None:
    assert refused(b"a: 1\nb: \xff\n").what == "f.yaml:2: is not UTF-8 text"
    (document,) = parse(b"# \xfcber\n" + POD.format("a  # \xfc").encode("latin-1"), "f.yaml")
    assert (document.name, document.line) == ("a", 2)


def test_of_several_documents_each_may_have_a_mark_and_null_ones_do_not_count() -> None:
    text = f"null\n---\n\ufeff{POD.format('a')}---\n~\n---\n# none\n---\n\ufeff{POD.format('b')}"
    for content in (text, text.encode(), b"\xff\xfe" + text.encode("utf-16-le"), b"\xfe\xff" + text.encode("utf-16-be")):
        assert [(one.name, one.line) for one in parse(content)] == [("a", 3), ("b", 12)]


def test_a_text_in_utf16_without_a_mark_is_told_what_it_needs() -> None:
    error = refused(POD.format("a").encode("utf-16-le"))
    assert error.hint == "is it UTF-16 without a byte order mark? Save it as UTF-8"


def test_a_list_whose_items_are_null_is_no_objects() -> None:
    assert refused("apiVersion: v1\nkind: List\nitems: null\n").what.startswith("f.yaml: no objects passed to create")
    assert [one.name for one in parse("apiVersion: v1\nkind: PodList\nitems:\n---\n" + POD.format("a"))] == ["a"]


def test_a_fault_after_several_documents_has_its_line() -> None:
    assert refused(f"{POD.format('a')}---\n{POD.format('b')}---\n\na: [\n").line == 13
    assert refused(f"{POD.format('a')}--- x\n").what == "f.yaml:5: invalid YAML document separator: x"


def test_aliases_cannot_grow_without_end() -> None:
    bomb = "a: &a [" + ",".join("x" * 1 for _ in range(10)) + "]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{after}: &{after} [{','.join(f'*{before}' for _ in range(10))}]\n"
    assert "too large once its aliases are written out" in refused(bomb).what


def test_deep_nesting_is_refused() -> None:
    assert refused("a: " + "[" * 5000 + "]" * 5000).what
    assert refused('{"a": ' + "[" * 50_000 + "]" * 50_000 + "}").what


def test_a_file_is_read_from_home_and_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "pod.yaml").write_text(POD.format("a"))
    (document,) = load("~/pod.yaml")
    assert (document.source, document.name) == ("~/pod.yaml", "a")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"#" * (LARGEST + 1))
    for name, what in [
        ("nope", "no such file or directory"),
        ("pipe", "is not a regular file"),
        ("large", "is larger than 16 MiB"),
    ]:
        with pytest.raises(ManifestError) as caught:
            load(f"~/{name}")
        assert caught.value.what == f"~/{name}: {what}"


def test_of_a_folder_the_manifests_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    for name, kind in [("b.yml", "b"), ("a.yaml", "a"), ("c.json", "c"), ("notes.txt", "none"), ("inner/d.yaml", "none")]:
        (tmp_path / name).write_text(POD.format(kind))
    (tmp_path / "z.yaml").mkdir()
    documents = load(str(tmp_path))
    assert [document.name for document in documents] == ["a", "b", "c"]
    assert documents[2].source == documents[2].path == str(tmp_path / "c.json") and documents[2].text == POD.format("c")
    (tmp_path / "z.yaml").rmdir()
    assert [document.name for document in load(f"{tmp_path}/*.y*ml")] == ["a", "b"]
    with pytest.raises(ManifestError) as caught:
        load(f"{tmp_path}/inner/nothing")
    assert caught.value.what.endswith("no such file or directory")
    (tmp_path / "inner" / "d.yaml").unlink()
    with pytest.raises(ManifestError) as caught:
        load(f"{tmp_path}/inner")
    assert "recognized file extensions are .json, .yaml, .yml" in caught.value.what


def test_a_mistake_in_one_file_of_a_folder_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(POD.format("a"))
    (tmp_path / "b.yaml").write_text("kind: Pod\nkind: Pod\n")
    with pytest.raises(ManifestError) as caught:
        load(str(tmp_path))
    assert (caught.value.source, caught.value.line) == (str(tmp_path / "b.yaml"), 2)


def test_what_is_in_no_file_is_kubectls_standard_input() -> None:
    (document,) = parse(POD.format("a"), "editor")
    assert document.path == "-"


def test_a_document_gets_the_namespace_asked_for_and_may_not_name_another() -> None:
    (own, bare) = parse(f"{POD.format('a')}  namespace: x\n---\n{POD.format('b')}", "f.yaml")
    assert placed(bare, PODS, "y")[1]["metadata"] == {"name": "b", "namespace": "y"}
    assert bare.value["metadata"] == {"name": "b"}
    assert placed(own, PODS, "x")[0] == "x"
    assert placed(own, PODS, "y", enforce=False)[0] == "x"
    with pytest.raises(ManifestError) as caught:
        placed(own, PODS, "y")
    assert caught.value.what == (
        'f.yaml:1: the namespace from the provided object "x" does not match the namespace "y". '
        "You must pass '--namespace=x' to perform this operation."
    )


def test_a_cluster_scoped_kind_has_no_namespace() -> None:
    (document,) = parse("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")
    assert placed(document, NAMESPACES, "y") == ("", document.value)


def test_a_generated_name_is_shown_as_its_prefix() -> None:
    (document,) = parse("apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}\n")
    assert document.generated and document.name == "a-"
