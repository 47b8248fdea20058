"""Whether a run of pytest counts as passed in CI: a test that failed is run again by itself, once.

As a plugin (`--results FILE`) it writes what became of every test. `python -m tests.ci_rerun FILE CODE PYTEST...` then judges the run,
which ended with exit code CODE: PYTEST... is the command that a failed test is run again with. It prints `flaky: NAME` for each test that
failed first and passed then, and at last `N passed, N failed`; its exit code is 0 when none failed. Only tests that failed are given
a second chance, and only if there are few: a worker that crashed, a module that cannot be collected, or a run that came to no end fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

MOST = 3
"""Failed tests that are run again; where more fail, something is broken."""
PATIENCE = 300.0  # seconds that a test which is run again may take
_TESTS_FAILED = int(pytest.ExitCode.TESTS_FAILED)


@dataclass
class Results:
    """What became of a run: the ids of its tests by their outcome, and what is worse than a failed test."""

    code: int = -1
    """pytest's exit code; -1 when the run has not come to its end."""
    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Results:
        """The results that the plugin wrote; those of a run without end when there is no such file."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return cls()


# -- the plugin -----------------------------------------------------------------------------------------------------
class Writer:
    """Writes the results when the session ends. Of a run on several workers it is in the process that they report to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._passed: dict[str, None] = {}  # dicts instead of sets: they keep the order
        self._failed: dict[str, None] = {}
        self._broken: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and report.when not in ("setup", "call", "teardown"):  # xdist's report of a worker that crashed has "???"
            self._broken.append(f"a worker crashed in {report.nodeid}")
        elif report.failed:
            self._failed[report.nodeid] = None
        elif report.passed and report.when == "call":
            self._passed[report.nodeid] = None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._broken.append(f"{report.nodeid} cannot be collected")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object, error: object) -> None:
        if error:
            self._broken.append(f"a worker went down: {error}")

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        passed = [test for test in self._passed if test not in self._failed]
        results = Results(int(exitstatus), passed, list(self._failed), self._broken)
        self._path.write_text(json.dumps(asdict(results)), encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--results", metavar="FILE", default=None, help="write what became of every test to this file (JSON)")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--results")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Writer(Path(path)))


# -- the judgement --------------------------------------------------------------------------------------------------
@dataclass
class Verdict:
    """How many tests passed and failed; what is broken counts as failed. `flaky` are those that passed when they were run again."""

    passed: int
    failed: int
    flaky: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def judge(path: Path, code: int, pytest_command: Sequence[str]) -> Verdict:
    """Judges the run whose results are in the file `path` and that ended with `code`; runs up to `MOST` failed tests again."""
    results = Results.read(path)
    broken = list(results.broken)
    if code != results.code:
        ended = "the run has not come to its end" if results.code == -1 else f"pytest told {results.code}"
        broken.append(f"the command ended with {code}, and {ended}")
    elif code not in (0, _TESTS_FAILED):
        broken.append(f"pytest ended with {code}")
    elif (code == 0) == bool(results.failed or broken):
        broken.append(f"pytest ended with {code}, and {len(results.failed)} tests failed")
    if code == 0 and not results.passed:
        broken.append("no test passed")
    if broken or len(results.failed) > MOST:
        return Verdict(len(results.passed), len(results.failed) + len(broken), reasons=broken)
    flaky = [test for test in results.failed if passes_alone(test, pytest_command)]
    lasting = [f"it fails again: {test}" for test in results.failed if test not in flaky]
    if lasting:
        return Verdict(len(results.passed), len(results.failed), reasons=lasting)
    return Verdict(len(results.passed) + len(flaky), 0, flaky)


def passes_alone(test: str, pytest_command: Sequence[str]) -> bool:
    """Runs one test by itself; whether exactly this one passed."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "results.json")
        command = [*pytest_command, f"--results={path}", test]
        print(f"again: {test}", flush=True)
        try:
            done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0 and Results.read(path) == Results(0, [test])


def main(words: Sequence[str]) -> int:
    path, code, *command = words
    verdict = judge(Path(path), int(code), command)
    for reason in verdict.reasons:
        print(f"FAILED: {reason}")
    for test in verdict.flaky:
        print(f"flaky: {test}")
    print(f"{verdict.passed} passed, {verdict.failed} failed", flush=True)
    return 1 if verdict.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
