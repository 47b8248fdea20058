"""An entry of the journal as text: its row in the list, and the full entry with the state before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from podtui.cluster.changes.journal import Entry
from podtui.kube import merge_patch
from podtui.kube.ages import age
from podtui.kube.manifests.yaml_writer import to_yaml
from podtui.text import harmless
from podtui.ui.dialogs.differences import field_lines
from podtui.ui.widgets.row_table import Cell, TableColumn
from podtui.ui.widgets.text_document import Line

COLUMNS = (
    TableColumn("time", "TIME", 14),
    TableColumn("ended", "ENDED", 9),
    TableColumn("verb", "VERB", 9),
    TableColumn("object", "OBJECT", 40, flexible=True),
    TableColumn("namespace", "NAMESPACE", 20),
    TableColumn("user", "USER", 20),
    TableColumn("context", "CONTEXT", 24),
)
# The sign shows the outcome without colours.
_ENDINGS = {
    "done": ("✓ done", "status.ok"),
    "refused": ("✗ refused", "status.error"),
    "unknown": ("? unknown", "status.warn"),
    "pending": ("… pending", "status.wait"),
}
_MEANINGS = {
    "refused": "nothing was changed",
    "unknown": "it may or may not have taken effect",
    "pending": "in progress",
}


def ending(entry: Entry, undone: bool, under_way: bool) -> tuple[str, str]:
    """Sign and word for the outcome of the entry, and their style. A pending entry that podtui no longer waits for is unknown."""
    if undone:
        return "↶ undone", "status.done"
    return _ENDINGS["unknown" if entry.ending == "pending" and not under_way else entry.ending]


def row(entry: Entry, undone: bool, under_way: bool) -> list[Cell]:
    """The cells of COLUMNS."""
    word, style = ending(entry, undone, under_way)
    dim = "dim" if undone or entry.ending == "refused" else ""
    verb = f"↶ {entry.verb}" if entry.undoes else entry.verb
    target = entry.object
    return [
        Cell(f"{made_at(entry):%m-%d %H:%M:%S}", "dim"),
        Cell(word, style),
        Cell(verb, dim),
        Cell(str(target), dim),
        Cell(target.namespace, dim),
        Cell(entry.user, "dim"),
        Cell(entry.context, "dim"),
    ]


def searched(entry: Entry, undone: bool, under_way: bool) -> str:
    """The text that a filter searches."""
    word, _ = ending(entry, undone, under_way)
    target = entry.object
    command = entry.command.rpartition(" | ")[2]  # without the manifest piped into it
    parts = (entry.time, word, entry.verb, str(target), target.namespace, entry.user, entry.context, command, entry.words)
    return " ".join(parts).lower()


def matches(text: str, filter: str) -> bool:
    """Whether the text has all words of the filter and no `!word`."""
    return all((word[1:] not in text) if word[0] == "!" and len(word) > 1 else word in text for word in filter.lower().split())


def entry_lines(entry: Entry, *, undone: bool, under_way: bool, why_not: str, now: datetime, undoes: Entry | None = None) -> list[Line]:
    """The full entry. `why_not` says why it cannot be undone, "" if it can; `undoes` is the entry that it undid."""
    target = entry.object
    word, style = ending(entry, undone, under_way)
    known = "pending" if entry.ending == "pending" and under_way else "unknown" if entry.ending == "pending" else entry.ending
    local = made_at(entry)
    where = f" in {target.namespace}" if target.namespace else ""
    lines: list[Line] = [
        [(f"{entry.verb} {target}{where}", "title")],
        [("time     ", "dim"), (f"{local.isoformat(timespec='seconds')} ({age((now - local).total_seconds())} ago)", "")],
        [("user     ", "dim"), (f"{entry.user} in {entry.context} ({urlsplit(entry.server).netloc})", "")],
        [("object   ", "dim"), (f"{target.api_version} {target.kind}, UID {target.uid or 'unknown'}", "")],
        [("ended    ", "dim"), (word, style), (f"  {_MEANINGS.get(known, '')}", "")],
    ]
    if entry.words:
        lines.append([("         ", ""), (entry.words, "error" if known == "refused" else "warn")])
    if entry.undoes:
        what = f"{described(undoes)} of {made_at(undoes):%m-%d %H:%M:%S}" if undoes else "a change that the journal no longer has"
        lines.append([("undoes   ", "dim"), (what, "")])
    lines.append([("undo     ", "dim"), (f"cannot be undone: {why_not}", "warn") if why_not else ("possible (u)", "ok")])
    for line in entry.command.split("\n") if entry.command else ():  # a multi-line value continues without the sign
        lines.append([("$ " if line.startswith(("kubectl ", "printf ")) else "  ", "dim"), (_short(line), "")])
    if entry.withheld:
        lines.append([(f"! {entry.withheld}", "warn")])
    lines.append("")
    lines += _content(entry)
    return lines


def _short(command: str) -> str:
    """The command without the manifest piped into it, which follows below."""
    piped, pipe, rest = command.rpartition(" | ")
    return f"{piped[:30]}…{pipe}{rest}" if len(piped) > 60 else command


def _content(entry: Entry) -> Iterator[Line]:
    if entry.form == "changes":
        if entry.before is None and entry.after is None:
            yield [("the change is unknown", "dim")]
        elif entry.before is not None and entry.after is None:
            yield [("the object before the change (its state now is unknown):", "dim")]
            yield from _manifest(entry.before, "")
        else:
            yield from difference(entry.before, entry.after or {})
        return
    value, sign = (entry.after, "+") if entry.form == "creates" else (entry.before, "-")
    if value is None:
        yield [("the journal does not contain the manifest", "dim")]
        return
    yield [("the manifest, without what the server sets:", "dim")]
    yield from _manifest(value, sign)
    for number, pod in enumerate(entry.pods, 1):
        yield ""
        yield [(f"pod {number} of {len(entry.pods)} that were deleted with it and that no controller recreates:", "dim")]
        yield from _manifest(pod, sign)


def _manifest(value: Mapping[str, Any], sign: str) -> Iterator[Line]:
    style = {"+": "ok", "-": "error"}.get(sign, "")
    for line in to_yaml(value).splitlines():
        yield [(f"{sign} {line}" if sign else line, style)]


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Iterator[Line]:
    """Compares two merge patches field by field; multi-line texts line by line."""
    for path, new in merge_patch.leaves(after):
        old = None if before is None else merge_patch.at(before, path)
        yield from field_lines(merge_patch.field_name(path), old, new, known=before is not None)
    if before is None:
        return
    shown = {path for path, _ in merge_patch.leaves(after)}
    for path, old in merge_patch.leaves(before):
        if not any(path[: len(one)] == one or one[: len(path)] == path for one in shown):
            yield from field_lines(merge_patch.field_name(path), old, None)


def made_at(entry: Entry) -> datetime:
    """When it was made, in local time; 1970 where the journal has no such time."""
    try:
        return datetime.fromisoformat(entry.time).astimezone()
    except (ValueError, OverflowError):
        return datetime.fromtimestamp(0).astimezone()


def described(entry: Entry) -> str:
    """`label pod/kubia in default`, harmless."""
    where = f" in {entry.object.namespace}" if entry.object.namespace else ""
    return harmless(f"{entry.verb} {entry.object}{where}")
