"""Two worlds and one border: `cluster` without a screen, `ui` without Kubernetes, and a quick start that loads neither."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SLOW = {"textual", "rich", "kubernetes", "aiohttp", "yaml", "msgspec", "platformdirs", "asyncio", "shtab"}
PACKAGE = Path(__file__).resolve().parents[2] / "podtui"


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """The top-level package of every import in a file, inside functions too, with its line; typing's imports are no imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for child in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0], node.lineno


def crossings(folder: str, forbidden: set[str]) -> list[str]:
    return [
        f"{path.relative_to(PACKAGE)}:{line} imports {name}"
        for path in sorted((PACKAGE / folder).rglob("*.py"))
        for name, line in imported(path)
        if name in forbidden
    ]


def loaded_by(statement: str) -> set[str]:
    """The top-level packages that are loaded once a fresh interpreter has run `statement`."""
    code = f"{statement}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.splitlines()[-1].split())


def test_the_cluster_side_never_imports_the_screen() -> None:
    assert crossings("cluster", {"textual", "rich"}) == []


def test_the_screen_never_imports_the_client() -> None:
    assert crossings("ui", {"kubernetes", "aiohttp"}) == []


def test_the_cluster_side_never_imports_podtuis_screen() -> None:
    found = [
        f"{path.name}:{node.lineno}"
        for path in (PACKAGE / "cluster").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("podtui.ui")
    ]
    assert found == []


def test_the_command_line_loads_nothing_that_is_slow() -> None:
    assert loaded_by("import podtui.cli.main").isdisjoint(SLOW)


def test_help_loads_nothing_that_is_slow() -> None:
    statement = "import podtui.cli.main\ntry: podtui.cli.main.main(['--help'])\nexcept SystemExit: pass"
    assert loaded_by(statement).isdisjoint(SLOW)


def test_checking_the_command_line_loads_neither_the_screen_nor_the_client() -> None:
    assert loaded_by("import podtui.cli.launch").isdisjoint({"textual", "rich", "kubernetes", "aiohttp"})


def test_no_module_of_the_cluster_side_loads_the_client_by_itself() -> None:
    """In one interpreter: what none of them loads together, none loads alone."""
    modules = sorted(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in (PACKAGE / "cluster").rglob("*.py"))
    assert len(modules) > 60
    program = f"""
import importlib, sys
for module in {modules}:
    importlib.import_module(module)
    slow = {{"textual", "rich", "kubernetes", "aiohttp"}} & set(sys.modules)
    assert not slow, f"{{module}} loads {{slow}}"
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=PACKAGE.parent, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_screen_opens_before_the_client_is_loaded() -> None:
    loaded = loaded_by("import podtui.ui.main.app")
    assert "textual" in loaded
    assert loaded.isdisjoint({"kubernetes", "aiohttp"})
