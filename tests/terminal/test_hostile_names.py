"""Names that come from files: no escape sequence in them reaches the terminal, and no markup means anything."""

from __future__ import annotations

import json
from pathlib import Path

from tests.terminal.conftest import Open

# A title, a drawing of the terminal's own, the clipboard, a colour by C1, a change of direction, and markup.
EVIL = "\x1b]0;PWNED\x07\x1b#8\x1b]52;c;UFdORUQ=\x07\x9b41m\u202e[red]r[/red]$x"
SEQUENCES = (b"\x1b]0;PWNED", b"\x1b#8", b"\x1b]52;", b"\xc2\x9b", "\u202e".encode())
SHOWN = r"␛\]0;PWNED␇␛#8"


def named(name: str) -> str:
    return f"{name}{EVIL}"


def test_no_name_from_a_file_nor_any_typed_text_commands_the_terminal(open_podtui: Open, tmp_path: Path) -> None:
    # What the plugin writes to its standard error stands in the message.
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "interactiveMode": "Never"}
    plugin["args"] = ["-c", "printf '%s' \"$0\" >&2; exit 3", EVIL]  # type: ignore[assignment]
    kubeconfig = tmp_path / "kubeconfig"
    context = {"cluster": named("cluster"), "user": named("user"), "namespace": "web"}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": named("first"),
        "contexts": [{"name": named(name), "context": context} for name in ("first", "second")],
        "clusters": [{"name": named("cluster"), "cluster": {"server": "https://127.0.0.1:9"}}],
        "users": [{"name": named("user"), "user": {"exec": plugin}}],
    }
    kubeconfig.write_text(json.dumps(content))
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"forwards": {named("saved"): {"pod": "a", "ports": ["80"]}}, "protected_contexts": ["second*"]}))

    terminal = open_podtui("--kubeconfig", str(kubeconfig), "--config", str(config))
    terminal.wait_for(f"first{SHOWN}")
    terminal.wait_for("unreachable|not connected|no credentials|refuses|failed")
    terminal.press("f")
    terminal.wait_for(f"saved{SHOWN}")
    terminal.press("q", ":")
    terminal.type("ctx ")
    terminal.wait_for(f"second{SHOWN}")
    terminal.write(b"\x1b[200~nothing" + EVIL.encode() + b"\x1b[201~")
    terminal.wait_for(f"✗ there is no context `nothing{SHOWN}")
    terminal.press("ctrl+u")
    terminal.type("ctx second")
    terminal.press("down", "enter")
    terminal.wait_for(f"second{SHOWN}.*PROTECTED")
    terminal.wait_for(r"\[red\]r")
    terminal.press("ctrl+c")
    assert terminal.wait_exit() == 0
    assert [sequence for sequence in SEQUENCES if sequence in bytes(terminal.raw)] == []
