"""Values of Secrets: masked as `kubectl diff` masks them, in objects, in the annotations that repeat them, and in texts."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.kube.manifests.documents import parse
from podtui.kube.manifests.secret_values import MASK, masked, masked_text, without_values
from podtui.kube.manifests.three_way import difference
from podtui.kube.manifests.yaml_writer import to_yaml

APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secret(data: dict[str, str], **annotations: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "annotations": annotations}, "data": data}


def applied(data: dict[str, str]) -> dict[str, str]:
    return {APPLIED: json.dumps({"kind": "Secret", "data": data})}


def test_a_difference_says_which_values_differ_as_kubectl_diff_does() -> None:
    before = {"a": b64("hunter2"), "b": b64("same-value"), "gone": b64("old-value")}
    after = {"a": b64("correct horse"), "b": b64("same-value"), "new": b64("new-value")}
    lines = difference(secret(before, **applied(before)), secret(after, **applied(after)))
    assert [line for line in lines if line[0] in "+-"] == [
        "-  a: '*** (before)'",
        "+  a: '*** (after)'",
        "-  gone: '***'",
        "+  new: '***'",
        f"-    {APPLIED}: '*** (before)'",
        f"+    {APPLIED}: '*** (after)'",
    ]
    shown = "\n".join(difference(secret(before, **applied(before)), secret(after), values=True))
    assert b64("hunter2") in shown and b64("correct horse") in shown


def test_objects_of_other_kinds_have_no_masks() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}}
    custom = {"apiVersion": "example.com/v1", "kind": "Secret", "data": {"a": "b"}}
    assert masked(config) == config and masked(custom) == custom
    assert {"-  a: b", "+  a: c"} <= {*difference(config, {**config, "data": {"a": "c"}})}


def test_an_annotation_that_repeats_a_value_in_whatever_form_is_masked() -> None:
    made = masked(secret({"k": b64("hunter2")}, note="the password is hunter2", copy=f"x{b64('hunter2')}", other="nothing", small="{}"))
    assert made["metadata"]["annotations"] == {"note": MASK, "copy": MASK, "other": "nothing", "small": "{}"}
    assert made["data"] == {"k": MASK}


def test_nothing_of_a_value_is_left_where_none_may_be_kept() -> None:
    kept = without_values({**secret({"k": b64("hunter2")}, note="hunter2", other="x"), "stringData": {"k": "hunter2"}})
    assert kept == {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "annotations": {"other": "x"}}}
    part = {"metadata": {"annotations": {APPLIED: '{"data": {"k": "x"}}'}}}
    assert without_values(part) == {"metadata": {"annotations": {}}}


YAML = """\
# my secret
apiVersion: v1
kind: Secret   # of the shop
metadata: {name: s, annotations: {note: it is hunter2, other: x}}
data:
  a: aHVudGVyMg==   # the password
  'b': |
    aHVudGVy
    Mg==
  c: >-
    aHVudGVyMg==

  d: "aHVud\\
    GVyMg=="
stringData: {e: hunter2, f: 'hunter2'}
---
kind: ConfigMap
data: {a: hunter}
"""


def test_in_a_text_the_values_alone_are_masked() -> None:
    assert (
        masked_text(YAML)
        == """\
# my secret
apiVersion: v1
kind: Secret   # of the shop
metadata: {name: s, annotations: {note: '***', other: x}}
data:
  a: '***'   # the password
  'b': '***'
  c: '***'
  d: '***'
stringData: {e: '***', f: '***'}
---
kind: ConfigMap
data: {a: hunter}
"""
    )


@pytest.mark.parametrize(
    "text",
    [
        "kind: List\nitems:\n- kind: Secret\n  data:\n    a: hunter2\n",
        "kind: SecretList\nitems:\n- data: {a: hunter2}\n",
        '{"kind": "Secret", "data": {"a": "hunter2"}}',
        '{"kind": "Secret", "data": {"a": "hunter2"}}{"kind": "Secret", "data": {"a": "hunter2"}}',
        '{"kind": "Pod"}\n{\n  "kind": "Secret",\n  "data": {\n    "a": "hunter2"\n  }\n}\n',
        "kind: Secret\ndata:\n  a: hunter2\n  b: [\n",
        "kind: Secret\ndata:\n  a: |\n    hunter2\n\n    hunter2\n  b: [\n",
        "kind: Secret\ndata: {a: hunter2, b: [}\n",
        "- kind: Secret\n  stringData:\n\ta: hunter2\n",
        "x: &x hunter2\n---\nkind: Secret\ndata: &d {a: &a hunter2, b: *a}\n",
        "kind: Secret\r\ndata:\r\n  a: hunter2\r\n",
        "kind: Secret\ndata:\n  a: hunter2\n...\nkind: Secret\ndata:\n  a: hunter2\n",
        "kind: Secret\ndata:\n  <<: {a: hunter2}\n",
    ],
)
def test_no_value_is_left_in_a_text_that_is_a_list_or_json_or_broken(text: str) -> None:
    hidden = masked_text(text).removeprefix("x: &x hunter2")
    assert "hunter2" not in hidden and "Secret" in hidden and MASK in hidden


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])), st.sampled_from(["yaml", "json"]))
def test_a_masked_text_is_the_same_manifest_with_masks(value: str, form: str) -> None:
    named = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"first": value, "second": "x"}}
    text = json.dumps(named, indent=2, ensure_ascii=False) if form == "json" else to_yaml(named)
    (document,) = parse(masked_text(text))
    assert document.value == {**named, "stringData": {"first": MASK, "second": MASK}}
