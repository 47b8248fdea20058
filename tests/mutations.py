"""Break the program at places picked at random, one at a time, and count how many of the breaks the tests notice.

    python -m tests.mutations --seed 7 --count 40
    python -m tests.mutations --seed 7 --count 40 --package podtui/cluster/logs

It runs from the root of a checkout, which it copies to a temporary folder and leaves as it is. A place is a statement in a function
of `--package` (by default podtui/kube, podtui/cluster and podtui/ui). The places are picked by a hash of the seed, the function's
qualified name and the statement's text, so the same seed picks the same places after files have moved.

The suite (`--tests`, by default tests/unit) runs once with a probe at every place, which records the tests that execute it. After
that, each place is broken in turn, and the tests that execute it run, those of the nearest folder first. A break is noticed when
a test fails or hangs that passes without the break. This takes as long as the suite, and then about half a minute for each place.
"""

from __future__ import annotations

import argparse
import ast
import copy
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("podtui/kube", "podtui/cluster", "podtui/ui")
BATCHES = (10, 40, 150)
"""How many tests run together: few at first, because the nearest tests notice most breaks."""

TEST_LIMIT = 120
"""The seconds after which a single test counts as hanging."""

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_LOGGERS = ("log", "logger", "logging")

_PROBE = """
import os

_open, _write, _close, _environment = os.open, os.write, os.close, os.environ
_recorded = set()


def hit(place):
    test = _environment.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
    if (place, test) not in _recorded:
        _recorded.add((place, test))
        file = _open({path!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        _write(file, f"{{place}}\\t{{test}}\\n".encode())
        _close(file)
    return True
"""

Span = tuple[int, int]
"""Where a node begins and ends in its file, in bytes."""


@dataclass(frozen=True)
class Change:
    """One small break: the text that stands at `span` instead."""

    description: str
    span: Span
    text: str


@dataclass(frozen=True)
class Place:
    """A statement that can be broken, and how."""

    path: str
    line: int
    function: str
    changes: tuple[Change, ...]
    probe: tuple[tuple[int, str], ...]
    """What is inserted, and at which byte, to call `hit(PLACE)` whenever the statement runs."""
    key: str
    """What the place is picked by: the same wherever its file is."""


class Source:
    """A parsed file, with the byte at which each of its lines begins."""

    def __init__(self, path: str, content: bytes) -> None:
        self.path = path
        self.content = content
        self.tree = ast.parse(content)
        self._starts = [0]
        for line in content.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def span(self, node: ast.expr | ast.stmt) -> Span:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[node.end_lineno - 1] + node.end_col_offset

    def places(self) -> Iterator[Place]:
        occurrences: Counter[str] = Counter()
        for function, statement in _statements(self.tree, ""):
            changes = tuple(self._changes(statement))
            if not changes:
                continue
            text = f"{function}\n{_text(statement)}"
            occurrences[text] += 1
            yield Place(self.path, statement.lineno, function, changes, self._probe(statement), f"{text}\n{occurrences[text]}")

    def changed(self, change: Change) -> bytes:
        start, end = change.span
        return self.content[:start] + change.text.encode() + self.content[end:]

    def compiles(self, change: Change) -> bool:
        try:
            compile(self.changed(change), self.path, "exec")
        except SyntaxError:
            return False
        return True

    def _changes(self, statement: ast.stmt) -> Iterator[Change]:
        if _removable(statement):
            yield Change(f"`{_short(statement)}` is removed", self.span(statement), "pass")
        if isinstance(statement, ast.Return) and statement.value is not None and not _is_constant(statement.value, None):
            yield Change(f"`{_short(statement)}` returns None", self.span(statement.value), "None")
        for expression in _own_expressions(statement):
            for node in _walk(expression):
                for mutated in _mutated(node):
                    description = f"`{_short(node)}` becomes `{_short(mutated)}`"
                    yield Change(description, self.span(node), f"({ast.unparse(mutated)})")

    def _probe(self, statement: ast.stmt) -> tuple[tuple[int, str], ...]:
        call = "__import__('mutation_probe').hit(PLACE)"
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            first = statement.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                return ((self.span(first)[1], f"; {call}"),)
            if not isinstance(
                first, ast.If | ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Match | ast.Try | ast.FunctionDef
            ):
                return ((self.span(first)[0], f"{call}; "),)
            if not (isinstance(first, ast.FunctionDef) and first.decorator_list):
                return ((self.span(first)[0], f"{call}\n{' ' * first.col_offset}"),)
            start = self.span(first.decorator_list[0])[0] - 1
            return ((start, f"{call}\n{' ' * first.col_offset}"),)
        header = _header(statement)
        if header is None:
            return ((self.span(statement)[0], f"{call}; "),)
        start, end = self.span(header)
        return ((start, f"({call}, ("), (end, "))[1]"))


def _header(statement: ast.stmt) -> ast.expr | None:
    """The expression that a compound statement evaluates first; None for a simple statement."""
    match statement:
        case ast.If() | ast.While():
            return statement.test
        case ast.For() | ast.AsyncFor():
            return statement.iter
        case ast.With() | ast.AsyncWith():
            return statement.items[0].context_expr
        case ast.Match():
            return statement.subject
    return None


def _own_expressions(statement: ast.stmt) -> list[ast.expr]:
    """The expressions of the statement itself, without the statements in it and without types."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [*statement.args.defaults, *(default for default in statement.args.kw_defaults if default is not None)]
        case ast.ClassDef() | ast.Try() | ast.Assert():
            return []
        case ast.With() | ast.AsyncWith():
            return [item.context_expr for item in statement.items]
        case ast.AnnAssign():
            return [] if statement.value is None else [statement.value]
    if (header := _header(statement)) is not None:
        return [header]
    return [child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.expr)]


def _statements(parent: ast.AST, function: str) -> Iterator[tuple[str, ast.stmt]]:
    """Every statement in a function, with the function's qualified name in its module; logging is left out."""
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{function}.{node.name}".lstrip(".")
            yield name, node
            yield from _statements(node, name)
        elif isinstance(node, ast.ClassDef):
            yield from _statements(node, f"{function}.{node.name}".lstrip("."))
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            if isinstance(node, ast.stmt) and function and not isinstance(parent, ast.ClassDef) and not _logs(node):
                yield function, node
            yield from _statements(node, function)


def _logs(statement: ast.stmt) -> bool:
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return False
    called = statement.value.func
    return isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id in _LOGGERS


def _removable(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign() | ast.Raise() | ast.Continue() | ast.Break() | ast.Delete():
            return True
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            return True
    return False


def _walk(expression: ast.expr) -> Iterator[ast.expr]:
    """The expression and those in it. What stands in an f-string has no place of its own before Python 3.12."""
    yield expression
    if isinstance(expression, ast.JoinedStr):
        return
    for child in ast.iter_child_nodes(expression):
        if isinstance(child, ast.expr):
            yield from _walk(child)
        elif isinstance(child, ast.keyword):
            yield from _walk(child.value)
        elif isinstance(child, ast.comprehension):
            for part in (child.iter, *child.ifs):
                yield from _walk(part)


def _mutated(node: ast.expr) -> Iterator[ast.expr]:
    mutated = copy.deepcopy(node)
    match mutated:
        case ast.Compare():
            for index, operator in enumerate(mutated.ops):
                turned = copy.deepcopy(mutated)
                turned.ops[index] = _COMPARISONS[type(operator)]()
                yield turned
        case ast.BoolOp():
            mutated.op = ast.Or() if isinstance(mutated.op, ast.And) else ast.And()
            yield mutated
        case ast.UnaryOp(op=ast.Not()):
            yield mutated.operand
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            mutated.op = ast.Sub() if isinstance(mutated.op, ast.Add) else ast.Add()
            yield mutated
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(value + 1)


def _is_constant(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _text(statement: ast.stmt) -> str:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return f"def {statement.name}({ast.unparse(statement.args)})"
    if (header := _header(statement)) is not None:
        return f"{type(statement).__name__} {ast.unparse(header)}"
    return ast.unparse(statement)


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 70 else f"{text[:67]}..."


def _rank(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def pick(sources: Sequence[Source], seed: int, count: int) -> list[tuple[Place, Change]]:
    """The `count` places that come first by their hashes, each with the change that comes first by its own."""
    of_path = {source.path: source for source in sources}
    places = {place.key: place for source in reversed(sources) for place in source.places()}
    chosen: list[tuple[Place, Change]] = []
    for place in sorted(places.values(), key=lambda place: _rank(seed, place.key)):
        changes = sorted(place.changes, key=lambda change: _rank(seed, place.key, change.description))
        possible = filter(of_path[place.path].compiles, changes)
        if len(chosen) < count and (change := next(possible, None)) is not None:
            chosen.append((place, change))
    return chosen


class Checkout:
    """A copy of the checkout in which places are broken and tests run."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = folder
        files = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root, check=True, capture_output=True, text=True
        ).stdout
        for name in filter(None, files.split("\0")):
            if (root / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, folder / name)
        self._written = 0

    def write(self, path: str, content: bytes) -> None:
        """Write a file with a time of its own, so that Python never takes the bytecode of another version of it."""
        target = self.root / path
        target.write_bytes(content)
        self._written += 1
        moment = 1_000_000_000 + 10 * self._written
        os.utime(target, (moment, moment))

    def run(self, tests: Sequence[str], *options: str, limit: float | None = None) -> tuple[bool, list[str]]:
        """Whether the tests pass, and the names of those that do not (none when the run hangs or breaks as a whole).

        `limit` is the seconds that the whole run may take.
        """
        patience = 0 if limit is None else TEST_LIMIT
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", f"faulthandler_timeout={patience}", *options]
        process = subprocess.Popen(
            [*command, *tests],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return False, []
        failed = re.findall(r"^(?:FAILED|ERROR) (\S+\.py::.*?)(?: - .*)?$", output.decode(errors="replace"), re.MULTILINE)
        return process.returncode in (0, 5), failed


def record(checkout: Checkout, sources: dict[str, Source], places: Sequence[Place], tests: Sequence[str]) -> list[list[str]]:
    """The tests that execute each place, those of the nearest folder first."""
    hits = checkout.root / "mutation_hits.txt"
    hits.touch()
    checkout.write("mutation_probe.py", _PROBE.format(path=str(hits)).encode())
    for path in sorted({place.path for place in places}):
        insertions = [
            (offset, text.replace("PLACE", str(number)))
            for number, place in enumerate(places)
            if place.path == path
            for offset, text in place.probe
        ]
        content = sources[path].content
        for offset, text in sorted(insertions, reverse=True):
            content = content[:offset] + text.encode() + content[offset:]
        checkout.write(path, content)
    passes, failed = checkout.run(tests)
    if not passes and not failed:
        raise SystemExit(f"{' '.join(tests)}: the tests did not run to their end")
    for test in failed:
        print(f"fails without a break: {test}", flush=True)
    for path in {place.path for place in places}:
        checkout.write(path, sources[path].content)
    executing: list[set[str]] = [set() for _ in places]
    for line in hits.read_text().splitlines():
        number, _, test = line.partition("\t")
        if test:
            executing[int(number)].add(test)
    return [sorted(found, key=lambda test: (-_nearness(test, place.path), test)) for found, place in zip(executing, places, strict=True)]


def _nearness(test: str, path: str) -> int:
    """How many words the names of a test's file and of a module share."""
    words = [set(re.split(r"[/_.]", name.removesuffix(".py"))) for name in (test.partition("::")[0], path)]
    return len(words[0] & words[1])


def notices(checkout: Checkout, source: Source, change: Change, tests: Sequence[str]) -> str | None:
    """The first test that notices the change; None when all pass. A test that fails without the change too does not count."""
    sizes = iter(BATCHES)
    size = BATCHES[0]
    left = list(tests)
    broken = source.changed(change)
    while left:
        size = next(sizes, size)
        batch, left = left[:size], left[size:]
        limit = TEST_LIMIT + 10.0 * len(batch)
        while batch:
            checkout.write(source.path, broken)
            passes, failed = checkout.run(batch, "-x", limit=limit)
            checkout.write(source.path, source.content)
            if passes:
                break
            suspects = failed or batch
            if checkout.run(suspects, limit=limit)[0]:
                return failed[0] if failed else f"a hang or a crash in one of {len(batch)} tests, from {batch[0]}"
            batch = [test for test in batch if test not in suspects]
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="which places are picked")
    parser.add_argument("--count", type=int, default=40, help="how many places are broken")
    parser.add_argument("--package", action="append", metavar="FOLDER", help="where places are picked; may be repeated")
    parser.add_argument("--tests", nargs="+", default=["tests/unit"], metavar="PATH", help="the tests that may notice a break")
    parser.add_argument("--list", action="store_true", help="only print the places and how they would be broken")
    arguments = parser.parse_args()

    root = Path.cwd()
    packages = arguments.package or [package for package in PACKAGES if (root / package).is_dir()]
    paths = sorted({str(path.relative_to(root)) for package in packages for path in (root / package).rglob("*.py")})
    sources = {path: Source(path, (root / path).read_bytes()) for path in paths}
    chosen = pick(list(sources.values()), arguments.seed, arguments.count)
    if arguments.list:
        for place, change in chosen:
            print(f"{place.path}:{place.line} {place.function}: {change.description}")
        return 0
    with tempfile.TemporaryDirectory(prefix="podtui-mutations-") as folder:
        checkout = Checkout(root, Path(folder))
        executing = record(checkout, sources, [place for place, _ in chosen], arguments.tests)
        noticed = 0
        for (place, change), tests in zip(chosen, executing, strict=True):
            test = notices(checkout, sources[place.path], change, tests)
            noticed += test is not None
            outcome = f"noticed by {test}" if test else f"survived {len(tests)} tests"
            print(f"{place.path}:{place.line} {place.function}: {change.description}: {outcome}", flush=True)
    print(f"seed {arguments.seed}: {noticed} of {len(chosen)} noticed ({100 * noticed / max(1, len(chosen)):.0f} %)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
