"""The program run as its user runs it, without a server: what it says, where it says it, and its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: staging
clusters:
- {name: one, cluster: {server: "http://127.0.0.1:9"}}
users:
- {name: me, user: {}}
contexts:
- {name: staging, context: {cluster: one, user: me, namespace: web}}
- {name: production, context: {cluster: one, user: me}}
"""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    return path


@pytest.fixture
def podtui(tmp_path: Path) -> Run:
    """Runs `podtui WORDS...` in an empty home; standard input is closed, output is a pipe."""

    def run(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        foreign = ("KUBE", "XDG_", "LC_", "LANG", "TEXTUAL", "NO_COLOR", "TMUX")
        clean = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        own = {"HOME": str(tmp_path), "TERM": "xterm-256color", "LANG": "C.UTF-8", **(env or {})}
        command = [sys.executable, "-m", "podtui", *words]
        return subprocess.run(command, env={**clean, **own}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    return run


def fails(done: subprocess.CompletedProcess[str], code: int) -> str:
    """What a refused run says: nothing on standard output, one line with perhaps a hint after it, no traceback."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("podtui: ")
    assert done.stderr.count("\n") <= 4
    assert "Traceback" not in done.stderr
    return done.stderr


# -- help and version -----------------------------------------------------------------------------------------------
def test_the_version_is_printed_on_standard_output(podtui: Run) -> None:
    from podtui import __version__

    done = podtui("--version")
    assert (done.returncode, done.stdout) == (0, f"podtui {__version__}\n")


def test_help_names_every_option_and_command_and_the_exit_codes(podtui: Run) -> None:
    done = podtui("--help")
    assert done.returncode == 0
    for word in ("-n", "-A", "-l", "-L", "--context", "--kubeconfig", "--as", "--as-group", "--request-timeout", "--read-only"):
        assert word in done.stdout
    for word in ("--theme", "--no-mouse", "--config", "POD", "snapshot", "doctor", "themes", "completion", "demo", "tour", "exit codes"):
        assert word in done.stdout


@pytest.mark.parametrize("command", ["snapshot", "doctor", "themes", "completion", "demo", "tour"])
def test_each_command_has_its_own_help(podtui: Run, command: str) -> None:
    done = podtui(command, "--help")
    assert done.returncode == 0
    assert f"podtui {command}" in done.stdout


# -- wrong usage ----------------------------------------------------------------------------------------------------
def test_an_unknown_option_names_the_nearest_one(podtui: Run) -> None:
    assert "did you mean --namespace?" in fails(podtui("--namespce", "x"), 2)


def test_an_option_without_its_value_is_wrong_usage(podtui: Run) -> None:
    assert "--selector: expected one argument" in fails(podtui("-l"), 2)


def test_two_pods_on_the_command_line_are_wrong_usage(podtui: Run) -> None:
    assert "expected at most one POD" in fails(podtui("web-1", "web-2"), 2)


def test_one_namespace_and_all_namespaces_exclude_each_other(podtui: Run) -> None:
    assert "exclude each other" in fails(podtui("-n", "web", "-A"), 2)


def test_a_namespace_that_cannot_be_one_is_refused(podtui: Run) -> None:
    assert "'Web_1' is not a valid namespace name" in fails(podtui("-n", "web,Web_1"), 2)


def test_an_invalid_duration_is_refused(podtui: Run) -> None:
    assert "--request-timeout: 'soon' is not a duration" in fails(podtui("--request-timeout", "soon"), 2)


def test_a_group_needs_a_user_to_act_as(podtui: Run, kubeconfig: Path) -> None:
    assert "--as" in fails(podtui("--kubeconfig", str(kubeconfig), "--as-group", "admins"), 2)


def test_a_bad_selector_is_shown_with_a_caret_under_the_place(podtui: Run) -> None:
    lines = fails(podtui("-l", "a=,=b"), 2).splitlines()
    assert lines[-2:] == ["  a=,=b", "     ^"]


def test_the_caret_stands_under_the_place_after_wide_and_control_characters(podtui: Run) -> None:
    shown, caret = fails(podtui("-l", "a=b,파드=x"), 2).splitlines()[1:3]
    assert caret.index("^") == shown.index("파")
    assert "\x1b" not in fails(podtui("-l", "a=\x1b[31mx"), 2)


def test_an_unknown_format_of_a_snapshot_is_wrong_usage(podtui: Run) -> None:
    assert "png" in fails(podtui("snapshot", "--format", "png"), 2)


def test_an_invalid_size_is_wrong_usage(podtui: Run, kubeconfig: Path) -> None:
    assert "'wide' is not a size" in fails(podtui("--kubeconfig", str(kubeconfig), "snapshot", "--size", "wide"), 2)


# -- kubeconfig -----------------------------------------------------------------------------------------------------
def test_no_kubeconfig_at_all_is_an_error(podtui: Run) -> None:
    assert "there is no kubeconfig" in fails(podtui(), 1)


def test_no_kubeconfig_at_all_offers_the_demo_in_the_same_line(podtui: Run) -> None:
    assert "`podtui demo`" in fails(podtui(), 1).splitlines()[0]


def test_a_named_kubeconfig_that_is_missing_is_an_error(podtui: Run, tmp_path: Path) -> None:
    assert "there is no kubeconfig" in fails(podtui("--kubeconfig", str(tmp_path / "missing")), 1)


def test_broken_yaml_in_the_kubeconfig_is_reported_with_its_line(podtui: Run, tmp_path: Path) -> None:
    path = tmp_path / "broken"
    path.write_text("apiVersion: v1\nclusters:\n- name: [one\n")
    assert f"{path}:4" in fails(podtui("--kubeconfig", str(path)), 1) or f"{path}:3" in fails(podtui("--kubeconfig", str(path)), 1)


def test_an_unknown_context_names_the_nearest_ones(podtui: Run, kubeconfig: Path) -> None:
    assert "production" in fails(podtui("--kubeconfig", str(kubeconfig), "--context", "prodction"), 1)


# -- terminal and environment ---------------------------------------------------------------------------------------
def test_without_a_terminal_the_dashboard_says_so(podtui: Run, kubeconfig: Path) -> None:
    assert "is not a terminal" in fails(podtui("--kubeconfig", str(kubeconfig)), 1)


def test_options_may_stand_before_and_after_a_command(podtui: Run, kubeconfig: Path) -> None:
    before = podtui("--kubeconfig", str(kubeconfig), "--size", "wide", "snapshot")
    after = podtui("snapshot", "--size", "wide", "--kubeconfig", str(kubeconfig))
    assert before.stderr == after.stderr and "is not a size" in after.stderr


def test_only_the_built_in_cluster_of_a_walkthrough_can_run_faster(podtui: Run, kubeconfig: Path) -> None:
    told = fails(podtui("tour", "--speed", "5", "--kubeconfig", str(kubeconfig)), 2)
    assert "--speed: only the built-in cluster can run faster than real time" in told
    assert "--speed: 'fast' is not a speed" in fails(podtui("tour", "--speed", "fast"), 2)


def test_kubeconfig_of_the_environment_is_honoured(podtui: Run, kubeconfig: Path) -> None:
    assert "is not a terminal" in fails(podtui(env={"KUBECONFIG": str(kubeconfig)}), 1)


def test_a_locale_without_unicode_costs_characters_not_the_program(podtui: Run) -> None:
    done = podtui("-l", "파드=x", env={"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_early_is_no_error_on_the_screen(tmp_path: Path) -> None:
    env = {**os.environ, "HOME": str(tmp_path)}
    env.pop("PYTHONUNBUFFERED", None)
    for words in ("completion bash", "--help"):
        command = f"{sys.executable} -m podtui {words} | true"
        done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, timeout=60)
        assert done.stderr == ""


COMMANDS = [
    "--help",
    "tour --help",
    "--version",
    "themes",
    "completion bash",
    "doctor",
    "snapshot",
    "tour --list",
    "tour textbook",
    "demo --serve",
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("output", "words"), [(">/dev/full", "No space left on device"), (">&-", "standard output is closed")])
def test_a_full_or_closed_output_ends_every_command_with_one_line(
    kubeconfig: Path, tmp_path: Path, command: str, output: str, words: str
) -> None:
    shell = f"exec {sys.executable} -m podtui {command} {output}"
    env = {**os.environ, "HOME": str(tmp_path), "KUBECONFIG": str(kubeconfig)}
    env.pop("PYTHONUNBUFFERED", None)
    done = subprocess.run(["bash", "-c", shell], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith("podtui: ") and words in done.stderr


def test_a_full_disk_takes_no_report_and_the_line_says_so(kubeconfig: Path, tmp_path: Path) -> None:
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); import sys"
    program = f"{full}; from podtui.cli import main, arguments; arguments.parse = lambda words: 1 / 0; sys.exit(main.main())"
    env = {**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=60)
    assert "ZeroDivisionError" in fails(done, 1)
    assert f"its report cannot be written to {tmp_path / 'podtui' / 'podtui.log'}: File too large" in done.stderr


def test_an_unexpected_error_is_one_line_with_the_place_of_its_report(kubeconfig: Path, tmp_path: Path) -> None:
    program = "import sys; from podtui.cli import main, arguments; arguments.parse = lambda words: 1 / 0; sys.exit(main.main())"
    env = {**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=60)
    assert "ZeroDivisionError" in fails(done, 1)
    log = tmp_path / "podtui" / "podtui.log"
    assert f"bug in podtui; its report is in {log}" in done.stderr
    assert "Traceback" in log.read_text()


# -- configuration and themes ---------------------------------------------------------------------------------------
def test_a_mistake_in_the_configuration_is_reported_with_its_line(podtui: Run, kubeconfig: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("mouse: true\nthem: dark\n")
    told = fails(podtui("--kubeconfig", str(kubeconfig), "--config", str(config)), 1)
    assert f"{config}:2: unknown key `them`, did you mean `theme`?" in told


def test_doctor_lists_every_mistake_of_the_configuration(podtui: Run, kubeconfig: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text('mouse: 1\nkeymap:\n  main.logs: "y"\n  main.lgos: "f5"\ntheme: nope\n')
    told = podtui("doctor", "--config", str(config), "--kubeconfig", str(kubeconfig)).stdout.splitlines()
    found = [line.partition("config.yaml:")[2] for line in told if line.startswith("fail configuration")]
    assert [line.split(":")[0] for line in found] == ["1", "3", "4", "5"]
    assert "main.yaml" in found[1] and "main.logs" in found[2] and "nope" in found[3]


def test_doctor_reports_the_new_id_of_a_command_that_a_keymap_names_by_a_former_one(podtui: Run, kubeconfig: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text('keymap: {nodes.label: "f5", main.logs: "l"}\n')
    told = podtui("doctor", "--kubeconfig", str(kubeconfig), "--config", str(config)).stdout
    assert "warn keymap: nodes.label is now main.label, and still works - write the new id" in told
    assert "keymap: main.logs" not in told


def test_a_theme_of_the_configuration_that_does_not_exist_is_reported_with_its_line(podtui: Run, kubeconfig: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("mouse: true\ntheme: podtui-drak\n")
    told = fails(podtui("snapshot", "--kubeconfig", str(kubeconfig), "--config", str(config)), 1)
    assert f"{config}:2: `theme`: unknown theme 'podtui-drak', did you mean `podtui-dark`?" in told


def test_the_themes_are_listed(podtui: Run) -> None:
    done = podtui("themes")
    assert done.returncode == 0
    for name in ("podtui-dark", "podtui-light", "podtui-contrast", "podtui-ansi"):
        assert name in done.stdout


def test_the_default_theme_of_a_terminal_with_16_colours_is_its_own_colours(podtui: Run) -> None:
    lines = podtui("themes", env={"TERM": "xterm", "COLORTERM": ""}).stdout.splitlines()
    assert [line.split()[0] for line in lines if "the default" in line] == ["podtui-ansi"]


def test_a_checked_theme_tells_every_mistake_with_its_line(podtui: Run, tmp_path: Path) -> None:
    theme = tmp_path / "mine.yaml"
    theme.write_text('name: mine\nprimary: blau\nstyles:\n  status.eror: "bold"\npanle: red\n')
    done = podtui("themes", "--check", str(theme))
    assert done.returncode == 1
    assert f"{theme}:2: `primary` is not a colour" in done.stderr
    assert f"{theme}:4: unknown style `status.eror`, did you mean `status.error`?" in done.stderr
    assert f"{theme}:5: unknown key `panle`, did you mean `panel`?" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_commands_and_options(podtui: Run, shell: str) -> None:
    done = podtui("completion", shell)
    assert done.returncode == 0
    assert "snapshot" in done.stdout and "request-timeout" in done.stdout


# -- doctor ---------------------------------------------------------------------------------------------------------
def test_doctor_says_that_the_server_does_not_answer_and_goes_on(podtui: Run, kubeconfig: Path) -> None:
    done = podtui("doctor", "--kubeconfig", str(kubeconfig))
    assert done.returncode == 1
    assert all(line.startswith(("ok  ", "warn ", "fail ")) for line in done.stdout.splitlines())
    assert "fail connection to http://127.0.0.1:9" in done.stdout
    assert "context: staging (cluster one, user me, namespace web)" in done.stdout


def test_doctor_goes_on_to_its_end_after_an_unexpected_error(kubeconfig: Path, tmp_path: Path) -> None:
    program = (
        "import sys, os; from podtui.cli import doctor, main; doctor._files = lambda kubeconfig: 1 / 0; sys.exit(main.main(['doctor']))"
    )
    env = {**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state"), "KUBECONFIG": str(kubeconfig)}
    done = subprocess.run([sys.executable, "-c", program], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    log = tmp_path / "state" / "podtui" / "podtui.log"
    assert last.startswith("fail ") and "ZeroDivisionError" in last and str(log) in last
    assert "Traceback" in log.read_text()


def test_doctor_and_snapshot_take_an_authority_with_any_text_around_it(podtui: Run, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"# CN=Tot\xf6v\n")
    path = tmp_path / "config"
    path.write_text(KUBECONFIG.replace("http:", "https:").replace('127.0.0.1:9"', '127.0.0.1:9", certificate-authority: ca.pem'))
    for command in ("doctor", "snapshot"):
        done = podtui(command, "--kubeconfig", str(path))
        assert done.returncode == 1
        assert "ca.pem holds no certificate in PEM form" in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr


def test_no_password_and_no_secret_path_is_shown_or_kept(podtui: Run, tmp_path: Path) -> None:
    path = tmp_path / "config"
    proxy = "http://you:hush@127.0.0.1:9/hush"
    path.write_text(KUBECONFIG.replace('"http://127.0.0.1:9"', f'"https://me:hush@127.0.0.1:9/hush", proxy-url: "{proxy}"'))
    for words in (["doctor"], ["snapshot"], ["snapshot", "--keys", "J", "--size", "80x24"]):
        done = podtui(*words, "--kubeconfig", str(path), env={"HTTPS_PROXY": proxy})
        assert done.returncode == 1
        assert "hush" not in done.stdout + done.stderr
        assert "127.0.0.1:9/…" in done.stdout + done.stderr
    for kept in (tmp_path / ".local").rglob("*"):
        assert kept.is_dir() or b"hush" not in kept.read_bytes()


def test_doctor_without_a_kubeconfig_tells_the_rest(podtui: Run) -> None:
    done = podtui("doctor")
    assert done.returncode == 1
    assert "TERM=xterm-256color" in done.stdout
    assert "fail kubeconfig: there is no kubeconfig" in done.stdout
    assert "`podtui demo`" in done.stdout


@pytest.mark.parametrize("name", ["journal.jsonl", "podtui.log"])
def test_doctor_says_why_podtui_cannot_keep_its_journal_or_its_log(podtui: Run, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "state" / "podtui"
    folder.mkdir(parents=True)
    os.mkfifo(folder / name)
    told = podtui("doctor", env={"XDG_STATE_HOME": str(folder.parent)}).stdout
    assert f"warn state: cannot use {folder / name}: it is a pipe - until podtui can write there, it keeps no log, and no journal" in told
    (folder / name).unlink()
    assert f"ok   state: {folder}" in podtui("doctor", env={"XDG_STATE_HOME": str(folder.parent)}).stdout
    assert list(folder.iterdir()) == [folder / "podtui.log"]  # nothing is left of the check


def test_doctor_warns_of_a_dumb_terminal_and_of_a_locale_without_unicode(podtui: Run) -> None:
    shown = podtui("doctor", env={"TERM": "dumb", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}).stdout
    assert "warn TERM=dumb: no colours" in shown
    assert "warn locale:" in shown
