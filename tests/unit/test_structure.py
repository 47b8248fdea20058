"""The walls of the house: which folder may import which, and what is not loaded before it is needed.

A room is a folder, with the modules directly in it; each module directly in `podtui/` is a room of its own. Imports inside functions
and imports for types count: an arrow that a reader has to follow is an arrow.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parents[2] / "podtui"
FEWEST_MODULES = 300  # there are more: a guard that finds fewer looks at the wrong place
MOST_IN_A_FOLDER = 15
SLOW = {"textual", "rich", "kubernetes", "aiohttp", "yaml", "msgspec", "platformdirs", "asyncio", "shtab"}

# What the modules of each world may import: themselves, the modules directly in `podtui/`, these other worlds, and of the packages
# from elsewhere all but these. `cli` may import everything.
WORLDS: dict[str, tuple[set[str], set[str]]] = {
    "kube": (set(), {"textual", "rich", "kubernetes", "aiohttp"}),
    "cluster": ({"kube"}, {"textual", "rich"}),
    "demo": ({"kube"}, {"textual", "rich", "kubernetes"}),
    "ui": ({"kube", "cluster"}, {"kubernetes", "aiohttp"}),
    "tour": ({"kube", "cluster", "ui"}, {"kubernetes"}),
    "cli": ({"kube", "cluster", "demo", "ui", "tour"}, set()),
}


class Import(NamedTuple):
    """`module` imports `target`, a module of podtui or another package, at `place` (FILE:LINE)."""

    module: str
    target: str
    place: str


@cache
def trees() -> Mapping[str, tuple[Path, ast.Module]]:
    """Every module of podtui by its name: its file and its syntax tree."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path, ast.parse(path.read_text(encoding="utf-8"))
    return found


@cache
def imports() -> tuple[Import, ...]:
    """Every import of every module: of podtui by the module that is imported, of others by the name of the package."""
    found = []
    for module, (path, tree) in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}:{node.lineno}: a relative import"
                named = [f"{node.module}.{alias.name}" for alias in node.names]
                targets = [name if name in trees() else str(node.module) for name in named]
            else:
                continue
            place = f"{path.relative_to(PACKAGE.parent)}:{node.lineno}"
            for target in targets:
                name = target if target.split(".")[0] == "podtui" else target.split(".")[0]
                if name != module:
                    found.append(Import(module, name, place))
    return tuple(found)


def room(module: str) -> str:
    """The room of a module of podtui: `cluster/logs`; a module directly in `podtui/` is one by itself."""
    path, _ = trees()[module]
    folder = path.parent.relative_to(PACKAGE).as_posix()
    return path.stem if folder == "." else folder


def world(module: str) -> str:
    """The world of a module: `cluster` for those in `podtui/cluster/`, "" for those directly in `podtui/`."""
    path, _ = trees()[module]
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def circles(arrows: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The groups of which each member leads to each other one (Tarjan's algorithm), sorted."""
    ahead: dict[str, list[str]] = defaultdict(list)
    for start, end in set(arrows):
        if start != end:
            ahead[start].append(end)
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        stack.append(node)
        for end in ahead[node]:
            if end not in number:
                visit(end)
            if end in stack:
                lowest[node] = min(lowest[node], lowest[end])
        if lowest[node] == number[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for node in list(ahead):
        if node not in number:
            visit(node)
    return sorted(found)


def arrows_of(circle: Iterable[str]) -> list[str]:
    """The imports between the rooms of a circle, for the message."""
    inside = set(circle)
    found = [
        (room(each.module), room(each.target), each.place)
        for each in imports()
        if each.target in trees() and {room(each.module), room(each.target)} <= inside and room(each.module) != room(each.target)
    ]
    return [f"{start} -> {end} ({place})" for start, end, place in sorted(found)]


def test_the_guard_sees_every_module() -> None:
    assert len(trees()) >= FEWEST_MODULES
    assert {"podtui.cluster.session", "podtui.ui.commands", "podtui.cli.main", "podtui.kube.selectors"} <= trees().keys()


def test_circles_are_found() -> None:
    assert circles([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "a")]) == [["a", "b", "c"]]
    assert circles(pairwise("abcd")) == []


def test_imports_between_rooms_run_one_way() -> None:
    arrows = ((room(each.module), room(each.target)) for each in imports() if each.target in trees())
    assert [arrows_of(circle) for circle in circles(arrows)] == []


def test_no_module_imports_itself_through_others() -> None:
    assert circles((each.module, each.target) for each in imports() if each.target in trees()) == []


def test_a_world_imports_only_the_worlds_below_it() -> None:
    crossing = [
        f"{each.place} imports {each.target}"
        for each in imports()
        if each.target in trees()
        if (start := world(each.module)) and (end := world(each.target)) and end != start and end not in WORLDS[start][0]
    ]
    assert crossing == []


def test_what_lies_directly_in_the_package_stands_on_kube_alone() -> None:
    crossing = [
        f"{each.place} imports {each.target}"
        for each in imports()
        if each.target in trees() and world(each.target) not in ("", "kube")
        if world(each.module) == "" and each.module != "podtui.__main__"
    ]
    assert crossing == []


def test_no_world_imports_a_package_that_it_must_not_know() -> None:
    crossing = [
        f"{each.place} imports {each.target}" for each in imports() if (start := world(each.module)) and each.target in WORLDS[start][1]
    ]
    assert crossing == []


def test_no_folder_holds_more_modules_than_one_can_overlook() -> None:
    sizes: dict[str, int] = defaultdict(int)
    for path, _ in trees().values():
        if path.stem != "__init__":
            sizes[path.parent.relative_to(PACKAGE.parent).as_posix()] += 1
    assert {folder: size for folder, size in sizes.items() if size > MOST_IN_A_FOLDER} == {}


def test_no_two_public_classes_of_a_world_share_a_name() -> None:
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for module, (_, tree) in trees().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[world(module), node.name].append(module)
    assert {name: modules for (_, name), modules in places.items() if len(modules) > 1} == {}


def loaded_by(statement: str) -> set[str]:
    """The top-level packages that are loaded once a fresh interpreter has run `statement`."""
    code = f"{statement}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.splitlines()[-1].split())


def test_help_loads_nothing_that_is_slow() -> None:
    statement = "import podtui.cli.main\ntry: podtui.cli.main.main(['--help'])\nexcept SystemExit: pass"
    assert loaded_by(statement).isdisjoint(SLOW)


def test_checking_the_command_line_loads_neither_the_screen_nor_the_client() -> None:
    assert loaded_by("import podtui.cli.launch").isdisjoint({"textual", "rich", "kubernetes", "aiohttp"})


def test_no_module_of_kube_and_cluster_loads_the_client_by_itself() -> None:
    """In one interpreter, module by module: what the first of them loaded is seen with its name."""
    modules = [name for name in trees() if world(name) in ("kube", "cluster")]
    code = (
        "import importlib, json, sys\nfound = {}\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
        "    for slow in {'textual', 'rich', 'kubernetes', 'aiohttp'} & sys.modules.keys(): found.setdefault(slow, name)\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == {}


def test_the_screen_opens_before_the_client_is_loaded() -> None:
    loaded = loaded_by("import podtui.ui.main.app")
    assert "textual" in loaded
    assert loaded.isdisjoint({"kubernetes", "aiohttp"})
