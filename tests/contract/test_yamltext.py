"""to_yaml beside kubectl, byte for byte, over generated texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from podtui.cluster.connection.connection import Connection
from podtui.kube.manifests.yaml_writer import to_yaml

NAMESPACE_PREFIX = "det-yaml-"

WORDS = [
    "y",
    "no",
    "true",
    "null",
    "~",
    "",
    "1",
    "0x1f",
    "0b-1",
    "1e3",
    ".5_0",
    "2001-01-01",
    "12:30",
    "+.inf",
    "<<",
    "---",
    "- ",
    ": ",
    " #",
    "'",
    '"',
    "\\",
    "한국어",
    "😀",
    "\u2028",
    "\u2029",
    "\x85",
    "\ufeff",
    "\u00a0",
    "\t",
    "\r",
    "\n",
    " ",
    "  ",
    "\x1b[31m",
    "{",
    "[",
    ",",
    "word",
    "|",
    "é",
]
# kubectl prints nothing but an error for other control characters than these, see to_yaml.
CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters="\n\t\r\x1b\x00")
TEXTS = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=8).map("".join).filter(lambda text: "\x85---" not in text),  # kubectl cannot print that
    st.text(CHARACTERS, max_size=80),
    st.text("0123456789+-._:exTZ ", max_size=22),
    st.lists(st.sampled_from(["a", "bb'", "c: ", " ", "\t", "word"]), min_size=40, max_size=120).map(" ".join),
)
# Letters after digits have no order, see `_less`; NEL in a key is more than kubectl can read back.
KEYS = st.one_of(
    st.builds("{}{}".format, st.sampled_from(["a", "b-", "x.y/", "Z_", "k" * 128]), st.integers(0, 300)),
    st.sampled_from(["y", "1", "a: b", "a\nb", "a\rb", "- a", "", "한국어", " "]),
)
NUMBERS = st.one_of(st.integers(-(2**65), 2**65), st.floats(allow_nan=False, allow_infinity=False))
TREES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(TEXTS, NUMBERS, st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=12, derandomize=True, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(TREES, min_size=20, max_size=40))
def test_any_object_is_printed_as_kubectl_prints_it(kubectl: Callable[..., str], trees: list[Any]) -> None:
    fields = {f"t{number}": tree for number, tree in enumerate(trees)}
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "any", "namespace": "default"}, **fields}
    printed = kubectl("create", "--dry-run=client", "--validate=false", "-o", "yaml", "-f", "-", input=json.dumps(obj))
    assert to_yaml(obj) == printed


@pytest.mark.parametrize("managed_fields", [False, True])
async def test_an_object_of_the_server_is_printed_as_kubectl_prints_it(
    connection: Connection, namespace: str, kubectl: Callable[..., str], managed_fields: bool
) -> None:
    texts = [first + second for first in WORDS for second in ("", "a", "\nb", " c d " * 30)]
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "nasty", "annotations": {f"example.com/{'k' * 60}": "x", f"{'long.' * 30}com/a": "y", "n9": "1", "n10": "2"}},
        "data": {f"k{number}": text for number, text in enumerate(texts)},
    }
    await connection.json("POST", f"/api/v1/namespaces/{namespace}/configmaps", body=body)
    obj = await connection.json("GET", f"/api/v1/namespaces/{namespace}/configmaps/nasty")
    flags = ["--show-managed-fields"] if managed_fields else []
    assert to_yaml(obj, managed_fields=managed_fields) == kubectl("get", "configmap", "nasty", "-n", namespace, "-o", "yaml", *flags)
