"""Why a pod is pending, failing or restarting: the diagnosis as text, with the actions that it suggests."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from podtui.cluster.diagnose.diagnose import explain
from podtui.cluster.diagnose.findings import Action, Diagnosis, Finding, NodeVerdict
from podtui.errors import PodtuiError
from podtui.kube.json_values import mapping, string
from podtui.kube.resources import ObjectRef
from podtui.ui.details.tabs import Tab, TabHost, TabText
from podtui.ui.widgets.text_document import Line, Part, folded

SIGNS = {"error": ("✗", "status.error"), "warn": ("!", "status.warn"), "info": ("·", "status.wait"), "ok": ("✓", "status.ok")}
NODES_SHOWN = 50
_INDENT = 2


class WhyTab(Tab):
    """Diagnoses each new version of the pod."""

    def __init__(self, host: TabHost) -> None:
        super().__init__(host)
        self.diagnosis: Diagnosis | None = None
        self._error: PodtuiError | None = None
        self._asked = 0

    def topic(self, ref: ObjectRef, obj: Mapping[str, Any]) -> Hashable:
        meta = mapping(obj.get("metadata"))
        return ref.namespace, ref.name, string(meta.get("uid")), string(meta.get("resourceVersion")), self._asked

    def ask_again(self) -> None:
        """Diagnose again, even if the pod is unchanged: a node may have changed."""
        self._asked += 1

    def forget(self) -> None:
        self.diagnosis, self._error = None, None

    async def work(self, ref: ObjectRef, obj: Mapping[str, Any]) -> None:
        try:
            self.diagnosis, self._error = await explain(self.host.session.opened, ref), None
        except PodtuiError as error:
            self._error = error
        self.host.refresh_tab()

    @property
    def actions(self) -> Sequence[Action]:
        return self.diagnosis.actions if self.diagnosis is not None else ()

    def text(self, obj: Mapping[str, Any], width: int) -> TabText:
        lines: list[Line] = []
        if self._error is not None:
            lines.append([(f"✗ {self._error.what}", "error")])
        if self.diagnosis is not None:
            lines += diagnosis_lines(self.diagnosis, width)
        return TabText(lines or [[("diagnosing…", "dim")]])


def diagnosis_lines(diagnosis: Diagnosis, width: int) -> list[Line]:
    """Findings, each node's verdict, the suggested actions, what could not be read."""
    lines: list[Line] = []
    for finding in diagnosis.findings:
        lines += [*([""] if lines else []), *_finding(finding, width)]
    if diagnosis.actions:
        lines += ["", [("Suggested", "title"), ("  Enter here opens the list; podtui shows each action before it carries it out", "dim")]]
        lines += [[("  › ", "label.key"), (action.title, "")] for action in diagnosis.actions]
    if diagnosis.nodes:
        lines += ["", [("Nodes", "title"), (f"  {len(diagnosis.nodes)}, those closest to accepting the pod first", "dim")]]
        for node in diagnosis.nodes[:NODES_SHOWN]:
            lines += _node(node, width)
        if len(diagnosis.nodes) > NODES_SHOWN:
            lines.append([(f"  … and {len(diagnosis.nodes) - NODES_SHOWN} more", "dim")])
    if diagnosis.unread:
        lines += ["", [("Not read", "title"), ("  the diagnosis may be incomplete", "dim")]]
        for words in diagnosis.unread:
            lines += _folded(words, "warn", width)
    seconds = time.strftime("%H:%M:%S", time.localtime(diagnosis.at))
    return [*lines, "", [(f"as of {seconds}; the same key diagnoses again", "dim")]]


def _finding(finding: Finding, width: int) -> list[Line]:
    sign, style = SIGNS[finding.severity]
    lines: list[Line] = [[(f"{sign} ", style), (finding.title, style)]]
    lines += _folded(finding.words, "", width)
    for line in finding.evidence:
        lines += _folded(line, "dim", width, keep=True)
    if finding.advice:
        lines += _folded(f"→ {finding.advice}", "label.value", width)
    return lines


def _node(node: NodeVerdict, width: int) -> list[Line]:
    sign, style = SIGNS["error"] if node.refusals else SIGNS["ok"]
    head: list[Part] = [(f"  {sign} ", style), (node.ref.name, "label.key")]
    if not node.refusals:
        return [[*head, ("  podtui finds nothing that rules out this node", "dim")]]
    if len(node.refusals) == 1 and len(node.ref.name) + len(node.refusals[0].words) + 6 <= width:
        return [[*head, (f"  {node.refusals[0].words}", "")]]
    lines: list[Line] = [head]
    for refusal in node.refusals:
        lines += _folded(refusal.words, "", width, indent=6)
    return lines


def _folded(text: str, style: str, width: int, *, keep: bool = False, indent: int = _INDENT) -> list[Line]:
    """Prose in lines that fit; `keep` preserves leading spaces (of a log line)."""
    lines: list[Line] = []
    for line in text.splitlines():
        spaces = " " * (indent + (len(line) - len(line.lstrip()) if keep else 0))
        lines += [[(spaces + part, style)] for part in folded(line.strip(), width - len(spaces) - 1)]
    return lines
