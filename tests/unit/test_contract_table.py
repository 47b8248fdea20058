"""The table of tests/contract/endpoints.py names tests that there are, and leaves nothing out that the built-in cluster serves."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from podtui.demo.api.discovery import METRICS, REVIEW_GROUPS, groups
from podtui.demo.storage.kinds import KINDS
from tests.contract.endpoints import ENDPOINTS

FOLDER = Path(__file__).parents[1] / "contract"
WORDS = " ".join(ENDPOINTS).replace(",", " ").replace(":", " ").split()


@cache
def names_in(module: str) -> set[str]:
    tree = ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_each_endpoint_has_its_test(endpoint: str) -> None:
    module, _, name = ENDPOINTS[endpoint].partition("::")
    assert name in names_in(module), f"{endpoint}: there is no {name} in {module}"


def test_every_part_of_an_object_that_is_served_is_in_the_table() -> None:
    parts = {f"{kind.plural}/{name}" for kind in KINDS for name, *_ in kind.subresources}
    written_alike = {f"{kind.plural}/status" for kind in KINDS if kind.plural != "pods"}
    assert parts - written_alike <= set(WORDS)


def test_every_verb_that_is_served_is_in_the_table() -> None:
    assert {verb for kind in KINDS for verb in kind.verbs} <= set(WORDS)


def test_every_review_and_figure_that_is_served_is_in_the_table() -> None:
    asked = {resource.name for (group, _), resources in groups().items() if group in REVIEW_GROUPS | {METRICS} for resource in resources}
    assert asked <= set(WORDS)
