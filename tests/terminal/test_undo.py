"""Labels, annotations, undo and the journal by keys alone, with the server's state and the journal's file as the witnesses."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.terminal.conftest import Open
from tests.terminal.test_editing import Editor

NAMESPACE_PREFIX = "undo-"
Kubectl = Callable[..., str]
PATIENCE = 60.0
CONFIG = '{"a":1.0,"list":["one",2e3]}'


@pytest.fixture
def pods(namespace: str, kubectl: Kubectl) -> str:
    """A namespace with the pods web and db that no scheduler takes; web has an annotation of JSON."""
    for name, noted in (("db", {}), ("web", {"example.com/config": CONFIG})):
        spec = {"schedulerName": "nobody", "containers": [{"name": "main", "image": "example/web"}]}
        metadata = {"name": name, "labels": {"app": name}, "annotations": noted}
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(document))
    return namespace


def test_what_was_done_is_in_the_journal_and_taken_back(open_podtui: Open, pods: str, kubectl: Kubectl, home: Path, tmp_path: Path) -> None:
    editor = Editor(tmp_path / "editor")
    podtui = open_podtui("-n", pods, size=(80, 24), env=editor.env)
    podtui.wait_for(r"db\s+0/1", PATIENCE)

    def metadata(name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(kubectl("get", "pod", name, "-n", pods, "-o", "json"))["metadata"]
        return found

    def labels(name: str) -> dict[str, str]:
        return dict(metadata(name)["labels"])

    # Both pods at once: their number is typed, and one u takes both back.
    podtui.press("ctrl+a", "L")
    podtui.wait_for("labels now", PATIENCE)
    podtui.wait_without("reading", PATIENCE)
    podtui.type("env=prod app-")
    podtui.wait_for(r"- app \(was web\)", PATIENCE)
    podtui.press("enter", "2", "enter", "enter")
    podtui.wait_for("2 pods labeled", PATIENCE)
    assert labels("web") == labels("db") == {"env": "prod"}
    kubectl("label", "pod", "db", "-n", pods, "theirs=1")
    podtui.press("u")
    podtui.wait_for(r"\+ metadata.labels.app: web", PATIENCE)
    podtui.press("2", "enter", "enter")
    podtui.wait_for("2 changes undone", PATIENCE)
    assert (labels("web"), labels("db")) == ({"app": "web"}, {"app": "db", "theirs": "1"})
    podtui.press("escape")

    # A value in the editor: JSON laid out, one line on the server, and the other bytes as they were.
    podtui.press("G", "A")
    podtui.wait_for("annotations now", PATIENCE)
    podtui.wait_without("reading", PATIENCE)
    editor.plan({"replace": {'"one"': '"uno"'}})
    podtui.write(b"\x1bOS")  # F4
    podtui.wait_for(r'\{"a":1.0,"list":\["uno",2e3\]\}', PATIENCE)
    assert editor.seen == ['{\n  "a": 1.0,\n  "list": [\n    "one",\n    2e3\n  ]\n}']
    podtui.press("enter", "enter")
    podtui.wait_for("pod/web annotated", PATIENCE)
    assert metadata("web")["annotations"]["example.com/config"] == CONFIG.replace("one", "uno")

    # Someone changes the same annotation: it is not overwritten, and said so.
    kubectl("annotate", "pod", "web", "-n", pods, "--overwrite", "example.com/config=theirs")
    podtui.press("u")
    podtui.wait_for("cannot be undone: it was changed", PATIENCE)
    podtui.press("escape")
    assert metadata("web")["annotations"]["example.com/config"] == "theirs"

    # A deleted pod comes back as a new one.
    uid = metadata("web")["uid"]
    podtui.press("ctrl+d")
    podtui.wait_for("Delete pod web", PATIENCE)
    podtui.press("tab", "enter")
    podtui.wait_for('"web" deleted', PATIENCE)
    podtui.press("u")
    podtui.wait_for("this creates a new pod", PATIENCE)
    podtui.press("tab", "enter")
    podtui.wait_for("undone: delete pod/web", PATIENCE)
    again = metadata("web")
    assert again["uid"] != uid and again["labels"] == {"app": "web"} and again["annotations"]["example.com/config"] == "theirs"

    # The journal has it all, filtered by words; from there an undo is taken back itself.
    podtui.press("J")
    podtui.wait_for(r"Journal +7 changes", PATIENCE)
    podtui.press("/")
    podtui.type("label !undone web")
    podtui.press("enter")
    podtui.wait_for(r"Journal +1 of 7 changes", PATIENCE)
    podtui.press("u")
    podtui.wait_for("deleted and recreated", PATIENCE)  # the pod that was labelled is gone
    podtui.press("escape", "escape")
    podtui.wait_for(r"Journal +7 changes", PATIENCE)
    podtui.press("g", "enter")
    podtui.wait_for(r"undoes +delete pod/web", PATIENCE)
    podtui.wait_for(r"\| kubectl", PATIENCE)
    podtui.press("u")
    podtui.wait_for("- delete pod/web", PATIENCE)
    podtui.press("tab", "enter")
    podtui.wait_for("undone: create pod/web", PATIENCE)
    podtui.press("q", "q")
    podtui.press("q")
    assert podtui.wait_exit(PATIENCE) == 0

    file = home / ".local/state/podtui/journal.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    entries: dict[str, dict[str, Any]] = {}
    for line in map(json.loads, file.read_text().splitlines()):
        entries[line["id"]] = {**entries.get(line["id"], {}), **line}
    told = [(entry["verb"], entry["object"]["name"], entry["ending"], bool(entry.get("undoes"))) for entry in entries.values()]
    assert sorted(told[:4]) == [("label", name, "done", undoes) for name in ("db", "web") for undoes in (False, True)]
    assert told[4:] == [
        ("annotate", "web", "done", False),
        ("delete", "web", "done", False),
        ("create", "web", "done", True),
        ("delete", "web", "done", True),
    ]
