"""The one way in which YAML is read: bounded, whatever it holds."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

import podtui
from podtui import yamlcheck
from podtui.cluster.kubeconfig.file import read_file
from podtui.demo.api.requests import decoded as body_of
from podtui.demo.storage.errors import ApiError
from podtui.errors import ConfigError, KubeconfigError, ManifestError
from podtui.kube.manifests.documents import parse
from podtui.tour import file as tours
from podtui.ui.theme_files import check_theme
from podtui.yamltree import LARGEST, YamlFault, tree, value_of

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{after}: &{after} [{','.join([f'*{before}'] * 10)}]\n" for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)
CYCLE = "a: &a [*a]\n"
DEEP = "a: " + "[" * 5000 + "]" * 5000 + "\n"
LONG = f"a: &a {'x' * 20_000}\nb: [{','.join(['*a'] * 900)}]\n"
HARMFUL = {
    "a bomb of aliases": BOMB,
    "a cycle": CYCLE,
    "deep nesting": DEEP,
    "aliases of a long text": LONG,
    "a huge text": " " * (LARGEST + 1),
}
harmful = pytest.mark.parametrize("text", HARMFUL.values(), ids=HARMFUL)


class Own(msgspec.Struct):
    a: list[str] = []


def lines_of(text: str) -> int:
    with pytest.raises(YamlFault) as caught:
        tree(text)
    return caught.value.line


@harmful
def test_no_text_makes_a_tree_without_bounds(text: str) -> None:
    assert lines_of(text) <= 5


@harmful
def test_a_manifest_and_a_kubeconfig_do_not_grow_without_bounds(text: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_text(text)
    with pytest.raises(ManifestError):
        parse(text)
    with pytest.raises(KubeconfigError):
        read_file(str(tmp_path / "f"), missing_is_error=True)


@harmful
def test_a_file_of_podtuis_own_does_not_grow_without_bounds(text: str, tmp_path: Path) -> None:
    checked = yamlcheck.check(text, Own, "f.yaml")
    assert checked.value is None and checked.problems
    file = tmp_path / "f.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        tours.load(str(file))
    theme, problems = check_theme(file)
    assert theme is None and problems


@harmful
def test_the_built_in_cluster_refuses_a_body_that_grows_without_bounds(text: str) -> None:
    with pytest.raises(ApiError):
        body_of("Pod", "application/yaml", text.encode())


def test_aliases_within_the_limits_are_written_out() -> None:
    text = f"a: &a {{x: 1}}\nb: [{','.join(['*a'] * 5000)}]\n"
    assert value_of(tree(text))["b"] == [{"x": 1}] * 5000


def test_a_fault_counts_its_line_from_the_one_given() -> None:
    with pytest.raises(YamlFault) as caught:
        tree("a: 1\nb: *x\n", line=10)
    assert caught.value.line == 11


def test_podtuis_own_files_hold_one_document() -> None:
    (problem,) = yamlcheck.check("a: [x]\n---\na: [y]\n", Own, "f.yaml").problems
    assert problem.line == 2 and "another one" in problem.text


def test_nothing_else_reads_yaml() -> None:
    loads = re.compile(r"\byaml\.(safe_)?(load|compose|parse|scan)(_all)?\(|C?SafeLoader\b(?!\(\"\"\))")
    package = Path(podtui.__file__).parent
    found = [path.name for path in package.rglob("*.py") if loads.search(path.read_text())]
    assert found == ["yamltree.py"]
