"""Creating and editing by keys: the terminal handed over to an editor and taken back, with the server's state as the witness."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.terminal.conftest import Open
from tests.terminal.pty_session import ALTERNATE_SCREEN

NAMESPACE_PREFIX = "editing-"
Kubectl = Callable[..., str]
PATIENCE = 60.0

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels:
    app: web
spec:
  schedulerName: nobody
  containers:
  - name: main
    image: example/web
"""

# An editor that does what a plan says, one step each time it is called: puts a text in place of another one, crashes with the
# terminal in disorder, or stays until a signal ends it. What it was given is kept as seen-N.
EDITOR = """\
import json, os, pathlib, signal, sys, time, tty
here, file = pathlib.Path(__file__).parent, pathlib.Path(sys.argv[1])
steps = json.loads((here / "plan.json").read_text())
step = steps.pop(0)
(here / "plan.json").write_text(json.dumps(steps))
(here / f"seen-{len(list(here.glob('seen-*')))}").write_text(file.read_text())
assert os.isatty(0) and os.isatty(1) and file.stat().st_mode & 0o077 == 0
for old, new in step.get("replace", {}).items():
    text = file.read_text()
    assert old in text, text
    file.write_text(text.replace(old, new))
if step.get("crash"):
    tty.setraw(0)
    print("\\x1b[?1049h\\x1b[?1003hdisorder", end="", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
if step.get("stay"):
    print("the editor is here", flush=True)
    signal.pause()
"""


class Editor:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "editor").write_text(f"#!{sys.executable}\n{EDITOR}")
        (folder / "editor").chmod(0o700)

    @property
    def env(self) -> dict[str, str]:
        """It is found by its name: messages that say a path break at other places in every checkout."""
        return {"EDITOR": "editor", "PATH": os.pathsep.join((str(self.folder), os.environ["PATH"]))}

    def plan(self, *steps: dict[str, Any]) -> None:
        (self.folder / "plan.json").write_text(json.dumps(steps))

    @property
    def seen(self) -> list[str]:
        """What it was given, each time."""
        return [(self.folder / f"seen-{number}").read_text() for number in range(len(list(self.folder.glob("seen-*"))))]


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    return Editor(tmp_path / "editor")


def labels(kubectl: Kubectl, namespace: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(kubectl("get", "pod", "web", "-n", namespace, "-o", "json"))["metadata"]["labels"]
    return found


def kept(home: Path) -> list[str]:
    """The texts in the state folder, oldest first."""
    return [file.read_text() for file in sorted((home / ".local/state/podtui/kept").glob("*"), key=lambda file: file.stat().st_mtime_ns)]


def test_a_pod_is_edited_in_the_users_editor_and_survives_conflicts_refusals_and_crashes(
    open_podtui: Open, namespace: str, kubectl: Kubectl, home: Path, editor: Editor
) -> None:
    kubectl("create", "-n", namespace, "-f", "-", input=POD)
    podtui = open_podtui("-n", namespace, size=(120, 36), env=editor.env)
    podtui.wait_for(r"web\s+0/1", PATIENCE)

    editor.plan({"replace": {"app: web": "app: shop"}})
    podtui.press("e")
    podtui.wait_for(r"\+    app: shop", PATIENCE)
    podtui.wait_for("-    app: web", PATIENCE)
    podtui.wait_for("--type=merge", PATIENCE)
    assert labels(kubectl, namespace) == {"app": "web"} and podtui.modes[ALTERNATE_SCREEN]
    podtui.press("tab", "enter")
    podtui.wait_for("pod/web edited", PATIENCE)
    assert labels(kubectl, namespace) == {"app": "shop"}

    editor.plan({})
    podtui.press("e")
    podtui.wait_for("Edit cancelled, no changes made", PATIENCE)

    # Another pod of the same name, made between the difference and the answer, is not touched.
    editor.plan({"replace": {"app: shop": "app: other"}})
    podtui.press("e")
    podtui.wait_for(r"\+    app: other", PATIENCE)
    kubectl("delete", "pod", "web", "-n", namespace, "--grace-period=0", "--force")
    kubectl("create", "-n", namespace, "-f", "-", input=POD.replace("app: web", "app: shop"))
    podtui.press("tab", "enter")
    podtui.wait_for("deleted and recreated since", PATIENCE)
    podtui.press("escape")
    podtui.wait_for("Edit cancelled. What you typed", PATIENCE)
    assert labels(kubectl, namespace) == {"app": "shop"} and "app: other" in kept(home)[-1]
    podtui.wait_for(r"web\s+0/1", PATIENCE)

    # What the server refuses comes back with its words, and is kept when it is given up.
    editor.plan({"replace": {"schedulerName: nobody": "schedulerName: nobody\n  nodeName: x"}}, {})
    podtui.press("e")
    podtui.wait_for("no valid changes", PATIENCE)
    again = editor.seen[-1].split("\n")
    number, words = re.findall(r"^# line (\d+): (.*)$", editor.seen[-1], re.MULTILINE)[0]
    assert words.startswith("spec: Forbidden: pod updates may not change fields other than") and again[int(number) - 1] == "spec:"
    assert "nodeName: x" in kept(home)[-1]

    # A crash loses neither the terminal nor the text.
    editor.plan({"replace": {"app: shop": "app: typed"}, "crash": True})
    podtui.press("e")
    podtui.wait_for("signal 9", PATIENCE)
    assert "app: typed" in kept(home)[-1] and labels(kubectl, namespace) == {"app": "shop"}
    podtui.wait_for(r"web\s+0/1", PATIENCE)
    podtui.resize(100, 30)
    podtui.wait_for(r"web\s+0/1", PATIENCE)

    # A signal while the editor has the terminal ends both, and leaves the terminal as it was.
    editor.plan({"replace": {"app: shop": "app: signal"}, "stay": True})
    podtui.press("e")
    podtui.wait_for("the editor is here", PATIENCE)
    assert not podtui.modes[ALTERNATE_SCREEN]
    os.kill(podtui.process.pid, signal.SIGTERM)
    assert podtui.wait_exit(PATIENCE) == 0
    assert podtui.restored() == [] and podtui.processes() == []
    assert "app: signal" in kept(home)[-1] and podtui.shows("What you typed")
    assert not list((home / ".local/state/podtui").glob("edit-*"))


def test_an_editor_that_is_missing_is_replaced_by_the_built_in_one(open_podtui: Open, namespace: str, kubectl: Kubectl, home: Path) -> None:
    kubectl("create", "-n", namespace, "-f", "-", input=POD)
    podtui = open_podtui("-n", namespace, size=(80, 24), env={"EDITOR": "/nowhere/editor"})
    podtui.wait_for(r"web\s+0/1", PATIENCE)
    podtui.press("e")
    podtui.wait_for("cannot start /nowhere/editor: no such file", PATIENCE)
    podtui.wait_for(r"^ *1 +apiVersion: v1", PATIENCE)
    podtui.press("down", "down", "down")  # to the line below metadata:
    podtui.press("enter", "up")
    podtui.type("  annotations: {a: 1}")
    podtui.press("ctrl+s")
    podtui.wait_for(r"✗ \d+: .*cannot unmarshal number", PATIENCE)
    podtui.press("end", "left", "backspace")
    podtui.type("'1'")
    podtui.press("ctrl+s")
    podtui.wait_for(r"\+  annotations:", PATIENCE)
    podtui.press("tab", "enter")
    podtui.wait_for("pod/web edited", PATIENCE)
    assert json.loads(kubectl("get", "pod", "web", "-n", namespace, "-o", "json"))["metadata"]["annotations"]["a"] == "1"
    podtui.press("E")
    podtui.wait_for(r"^ *1 +apiVersion: v1", PATIENCE)
    podtui.type("# typed")
    podtui.press("ctrl+c")  # quitting keeps what was typed
    podtui.wait_exit(PATIENCE)
    assert podtui.restored() == [] and kept(home)[-1].startswith("# typed")


def test_pasted_yaml_creates_a_pod_and_applies_to_one_that_exists(open_podtui: Open, namespace: str, kubectl: Kubectl) -> None:
    podtui = open_podtui("-n", namespace, size=(80, 24), env={"EDITOR": "built-in"})
    podtui.wait_for("no pods", PATIENCE)
    podtui.press("n")
    podtui.wait_for("Create in namespace", PATIENCE)
    podtui.write(b"\x1b[200~" + POD.replace("\n", "\r").encode() + b"\x1b[201~")
    podtui.wait_for("✓ pod/web", PATIENCE)
    podtui.press("tab", "enter")
    podtui.wait_for(r"web\s+0/1", PATIENCE)
    assert labels(kubectl, namespace) == {"app": "web"}

    podtui.press("n")
    podtui.wait_for("Create in namespace", PATIENCE)
    podtui.write(b"\x1b[200~" + POD.replace("app: web", "app: shop").encode() + b"\x1b[201~")
    podtui.wait_for("~ pod/web already exists", PATIENCE)
    podtui.wait_for(r"-    app: web(.|\n)*\+    app: shop", PATIENCE)
    podtui.press("space")
    podtui.wait_for("--server-side", PATIENCE)
    podtui.press("tab", "tab", "enter")
    podtui.wait_for("pod/web serverside-applied", PATIENCE)
    assert labels(kubectl, namespace) == {"app": "shop"}

    # From a template in the editor, with a mistake at first.
    podtui.press("n")
    podtui.wait_for("Create in namespace", PATIENCE)
    podtui.press("enter")
    podtui.wait_for("Start from", PATIENCE)
    podtui.press("down", "enter")
    podtui.wait_for("nodeSelector", PATIENCE)
    podtui.press("down", "down", "down", "end")
    podtui.type("_")
    podtui.press("ctrl+s")
    podtui.wait_for(r"✗ 4: metadata.name: Invalid value", PATIENCE)
    podtui.press("end", "backspace", "ctrl+s")
    podtui.wait_for("✓ pod/my-pod", PATIENCE)
    podtui.press("tab", "enter")
    podtui.wait_for("pod/my-pod created", PATIENCE)
    assert json.loads(kubectl("get", "pod", "my-pod", "-n", namespace, "-o", "json"))["spec"]["nodeSelector"] == {"gpu": "true"}

    # In the namespaces, a namespace by its name.
    podtui.press("shift+tab", "n")
    podtui.wait_for("Create a namespace", PATIENCE)
    podtui.type(f"{namespace}-b")
    podtui.press("enter")
    podtui.wait_for(r"\$ kubectl", PATIENCE)
    podtui.press("enter")
    podtui.wait_for(r"namespace/\S+ created", PATIENCE)
    kubectl("delete", "namespace", f"{namespace}-b", "--wait=false")
    podtui.press("q", "q")  # from the namespaces back to the pods, and out
    assert podtui.wait_exit(PATIENCE) == 0 and podtui.restored() == []
