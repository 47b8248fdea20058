"""CI gives a failed test a second chance by itself, and nothing else passes that failed: real runs of pytest on throw-away files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.ci_rerun import MOST, Results, main

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ["-p", "tests.ci_rerun"]
TWO_WORKERS = ["-p", "xdist", "-n", "2"]
FAILS_ONCE = """
from pathlib import Path
def fails_once(name):
    mark = Path(__file__).with_name(name)
    seen = mark.exists()
    mark.touch()
    assert seen
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a throw-away test file, from which pytest finds the plugin and no configuration of ours."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # a run then starts in a third of the time
    return tmp_path


def run(folder: Path, program: str, *options: str) -> tuple[int, Path]:
    """Runs pytest on a file with this text; its exit code, and where its results are."""
    (folder / "test_it.py").write_text(program)
    results = folder / "results.json"
    command = [sys.executable, "-m", "pytest", *PLUGIN, *options, f"--results={results}", "test_it.py"]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode, results


def verdict(capfd: pytest.CaptureFixture[str], code: int, results: Path) -> tuple[int, list[str]]:
    """The exit code of the judgement, and what it prints besides what pytest does."""
    capfd.readouterr()
    judged = main([str(results), str(code), sys.executable, "-m", "pytest", "-q", *PLUGIN])
    lines = capfd.readouterr().out.splitlines()
    return judged, [line for line in lines if line.startswith(("flaky: ", "FAILED: "))] + lines[-1:]


def test_a_run_without_a_failure_passes(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, results = run(folder, "def test_a(): pass\ndef test_b(): pass\n")
    assert verdict(capfd, code, results) == (0, ["2 passed, 0 failed"])


@pytest.mark.parametrize("options", [[], TWO_WORKERS], ids=["in one process", "on two workers"])
def test_a_test_that_fails_once_passes_and_is_named(folder: Path, capfd: pytest.CaptureFixture[str], options: list[str]) -> None:
    code, results = run(folder, f"{FAILS_ONCE}\ndef test_a(): fails_once('a')\ndef test_b(): pass\n", *options)
    assert code == 1
    assert verdict(capfd, code, results) == (0, ["flaky: test_it.py::test_a", "2 passed, 0 failed"])


def test_a_test_whose_id_has_spaces_and_brackets_is_run_again_too(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program = f"import pytest{FAILS_ONCE}\n@pytest.mark.parametrize('x', ['a b[c]::d', '한'])\ndef test_a(x): fails_once(str(len(x)))\n"
    code, results = run(folder, program)
    judged, lines = verdict(capfd, code, results)
    assert (judged, len(lines), lines[-1]) == (0, 3, "2 passed, 0 failed")


@pytest.mark.parametrize("phase", ["setup", "teardown"])
def test_a_fixture_that_fails_once_is_a_flaky_test(folder: Path, capfd: pytest.CaptureFixture[str], phase: str) -> None:
    body = "fails_once('a'); yield" if phase == "setup" else "yield; fails_once('a')"
    code, results = run(folder, f"import pytest{FAILS_ONCE}\n@pytest.fixture\ndef f(): {body}\ndef test_a(f): pass\n")
    assert verdict(capfd, code, results) == (0, ["flaky: test_it.py::test_a", "1 passed, 0 failed"])


def test_a_test_that_fails_again_fails_the_run(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, results = run(folder, f"{FAILS_ONCE}\ndef test_a(): assert False\ndef test_b(): fails_once('b')\ndef test_c(): pass\n")
    assert verdict(capfd, code, results) == (1, ["FAILED: it fails again: test_it.py::test_a", "1 passed, 2 failed"])


def test_a_test_that_is_skipped_when_it_is_run_again_has_not_passed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program = (
        f"import pytest{FAILS_ONCE}\ndef test_a():\n    if Path(__file__).with_name('a').exists(): pytest.skip()\n    fails_once('a')\n"
    )
    code, results = run(folder, program)
    assert verdict(capfd, code, results) == (1, ["FAILED: it fails again: test_it.py::test_a", "0 passed, 1 failed"])


def test_more_than_a_few_failures_are_not_run_again(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tests = "".join(f"def test_{number}(): fails_once('{number}')\n" for number in range(MOST + 1))
    code, results = run(folder, f"{FAILS_ONCE}\n{tests}")
    assert verdict(capfd, code, results) == (1, [f"0 passed, {MOST + 1} failed"])


def test_a_worker_that_crashes_fails_the_run_even_if_the_test_would_pass_then(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program = (
        f"import os{FAILS_ONCE}\ndef test_a():\n    try: fails_once('a')\n    except AssertionError: os._exit(1)\ndef test_b(): pass\n"
    )
    code, results = run(folder, program, *TWO_WORKERS)
    judged, lines = verdict(capfd, code, results)
    assert judged == 1 and any("crashed" in line or "went down" in line for line in lines)


def test_a_process_that_ends_at_once_with_the_code_of_failed_tests_fails_the_run(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, results = run(folder, "import os\ndef test_a(): os._exit(1)\n")
    assert code == 1
    told = "FAILED: the command ended with 1, and the run has not come to its end"
    assert verdict(capfd, code, results) == (1, [told, "0 passed, 1 failed"])


@pytest.mark.parametrize("options", [[], ["--continue-on-collection-errors"], TWO_WORKERS], ids=" ".join)
def test_a_module_that_cannot_be_collected_fails_the_run(folder: Path, capfd: pytest.CaptureFixture[str], options: list[str]) -> None:
    (folder / "test_other.py").write_text(f"{FAILS_ONCE}\ndef test_a(): pass\nfails_once('a')\n")
    code, results = run(folder, "def test_b(): pass\n", *options, "test_other.py")
    judged, lines = verdict(capfd, code, results)
    assert judged == 1 and any("test_other.py cannot be collected" in line for line in lines)


@pytest.mark.parametrize(
    ("results", "code"),
    [
        (Results(1, ["test_it.py::test_a"], ["test_it.py::test_b"]), 124),
        (Results(0, ["test_it.py::test_a"]), 124),
        (Results(0, ["test_it.py::test_a"]), 1),
        (Results(1, ["test_it.py::test_a"]), 1),
        (Results(1, ["test_it.py::test_a"], ["test_it.py::test_b"]), 0),
        (Results(0, ["test_it.py::test_a"], ["test_it.py::test_b"]), 0),
        (Results(3, ["test_it.py::test_a"]), 3),
        (Results(2, ["test_it.py::test_a"]), 2),
        (Results(0), 0),
        (Results(5), 5),
    ],
    ids=str,
)
def test_what_does_not_agree_or_is_not_a_plain_failure_fails_the_run(folder: Path, results: Results, code: int) -> None:
    (folder / "test_it.py").write_text("def test_a(): pass\ndef test_b(): pass\n")
    path = folder / "results.json"
    path.write_text(json.dumps(asdict(results)))
    assert main([str(path), str(code), sys.executable, "-m", "pytest", "-q", *PLUGIN]) == 1
