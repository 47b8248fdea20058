"""Every command of podtui, once: bindings, footer, help, palette and keymap come from here.

A command's `id` is what a user's keymap names. `where` says which part of the screen owns it: that widget or
screen takes `bindings(where)` as its `BINDINGS` and has a method `action_<action>`. (The main screen has one for all
its commands, `action_run`.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from textual.binding import Binding


@dataclass(frozen=True)
class Permission:
    """What the API server must allow: a verb on a resource (and subresource), as in `kubectl auth can-i`.

    A WebSocket is opened with GET, so the API server requires the right to `get` for it too.
    """

    verb: str
    resource: str
    subresource: str = ""
    websocket: bool = False

    @property
    def verbs(self) -> tuple[str, ...]:
        return (self.verb, "get") if self.websocket else (self.verb,)


@dataclass(frozen=True)
class Command:
    """One thing that a user can do.

    `key` has Textual's names of the keys, separated by commas, "" for a command that is only in the palette. `title` is the word in the
    footer, `help` the sentence in the help screen and the palette. `changes` marks a command that changes the cluster (refused when
    read-only); `footer` is whether the footer offers it; `priority` lets it act in dialogs and inputs too. `kinds` are the plurals of the
    kinds it is for (none: any kind); `does` is the action with its arguments, if it is not the part of the id after the dot.
    """

    id: str
    key: str
    title: str
    help: str
    where: str
    permission: Permission | None = None
    changes: bool = False
    footer: bool = False
    priority: bool = False
    kinds: tuple[str, ...] = ()
    does: str = ""

    @property
    def action(self) -> str:
        """The name of the action method: the part of the id after the dot."""
        return self.does or self.id.split(".", 1)[1].replace("-", "_")

    def is_for(self, kind: str) -> bool:
        """Whether it is for the kind with that plural."""
        return not self.kinds or kind in self.kinds

    def binding(self) -> Binding:
        action = f"run('{self.id}')" if self.where == "main" else self.action
        key = self.key or f"no-key-of-{self.id}"  # a key that no terminal sends, which the user's keymap replaces
        return Binding(key, action, self.title, show=self.footer, priority=self.priority, id=self.id, tooltip=self.help)


# "pods" stands for the object's own kind.
_GET = Permission("get", "pods")
_PATCH = Permission("patch", "pods")
_DELETE = Permission("delete", "pods")
_LOGS = Permission("get", "pods", "log")
_CREATE_NAMESPACES = Permission("create", "namespaces")
_FORWARD = Permission("create", "pods", "portforward", websocket=True)
_EXEC = Permission("create", "pods", "exec", websocket=True)
_PODS, _DELETED = ("pods",), ("pods", "namespaces")
_of_pods, _of_nodes = (partial(Command, where="main", kinds=(kind,)) for kind in ("pods", "nodes"))

COMMANDS: tuple[Command, ...] = (
    # -- the program
    Command("app.help", "question_mark", "Help", "Show every key and what it does", "app", footer=True),
    Command("app.palette", "colon,ctrl+p", "Command", "Run a command by its name, or :po -n x -l y, :ns x, :ctx x", "app", footer=True),
    Command("app.messages", "M", "Messages", "Show all messages of this run, with their times", "app"),
    Command("app.leave", "q", "Back", "Go back, as Esc does; on the list: quit podtui", "app"),
    Command("app.interrupt", "ctrl+c", "Quit", "Quit podtui, from anywhere", "app", priority=True),
    Command("app.suspend", "ctrl+z", "Suspend", "Suspend podtui; the shell's fg continues it", "app"),
    # -- the main screen
    Command("main.next-pane", "tab", "Next pane", "Go to the next pane", "main", does="step(1)"),
    Command("main.previous-pane", "shift+tab", "Previous pane", "Go to the previous pane", "main", does="step(-1)"),
    Command("main.back", "escape", "Back", "Go back, or clear the filter, the marks, the selector", "main"),
    Command("main.last-view", "minus", "Last view", "Show the last view again: its kind, namespaces and selector; again: this one", "main"),
    Command("main.earlier-view", "left_square_bracket", "Earlier view", "Go back through the views", "main", does="view(-1)"),
    Command("main.later-view", "right_square_bracket", "Later view", "Go forward through the views", "main", does="view(1)"),
    _of_nodes("main.close", "q", "Back", "Go back, finally to the pods", footer=True, does="back"),
    Command("main.filter", "slash", "Filter", "Filter by name (-l SELECTOR: by label, !TEXT: all others)", "main", footer=True),
    _of_pods("main.selector", "equals_sign", "Selector", "Select pods by their labels, as kubectl's -l does", footer=True),
    Command("main.all-namespaces", "0", "All namespaces", "Show the pods in all namespaces", "main", does="favourite(0)"),
    *(
        Command(f"main.favourite-{n}", f"{n}", f"Favourite {n}", f"Show favourite namespace or view {n}", "main", does=f"favourite({n})")
        for n in range(1, 10)
    ),
    Command("main.read-only", "r", "Read-only", "Turn read-only on or off; while it is on, podtui changes nothing", "main"),
    _of_pods(
        "main.logs", "l", "Logs", "Follow the logs of the pod, or of the marked pods", permission=_LOGS, does="logs(False)", footer=True
    ),
    _of_pods("main.all-logs", "ctrl+l", "All logs", "Follow the logs of all pods shown", permission=_LOGS),
    _of_nodes("main.node-pods", "p", "Pods", "Show the pods on the node", footer=True),
    _of_pods("main.previous-logs", "p", "Previous", "Show the logs of the container's previous run", permission=_LOGS, does="logs(True)"),
    Command("main.describe", "d", "Describe", "Show what kubectl describe shows, live", "main", _GET, does="open('describe')"),
    Command("main.yaml", "y", "YAML", "Show the object as kubectl get -o yaml prints it", "main", _GET, does="open('yaml')"),
    Command("main.annotations", "a", "Annotations", "Show the object's labels and annotations", "main", _GET, does="open('annotations')"),
    Command("main.copy", "c", "Copy", "Copy names, YAML, the kubectl command or addresses (OSC 52)", "main"),
    Command("main.events", "v", "Events", "Follow the object's events", "main", _GET, does="open('events')"),
    _of_pods("main.why", "x", "Why", "Explain why the pod is pending or failing", permission=_GET, does="open('why')", footer=True),
    Command("main.nodes", "o", "Nodes", "List the nodes, with the cursor on the pod's node; again: the pods", "main"),
    Command("main.label", "L", "Label", "Set, overwrite or remove labels", "main", _PATCH, True, True, does="label('labels')"),
    Command("main.annotate", "A", "Annotate", "Set, overwrite or remove annotations", "main", _PATCH, True, does="label('annotations')"),
    _of_nodes("main.cordon", "C", "Cordon", "Keep new pods off the node; again: uncordon it", permission=_PATCH, changes=True, footer=True),
    _of_pods("main.forward", "F", "Forward", "Forward local ports to the pod", permission=_FORWARD, footer=True),
    _of_pods("main.shell", "s", "Shell", "Open a shell in a container of the pod", permission=_EXEC, changes=True, footer=True),
    Command("main.forwards", "f", "Forwards", "List the port-forwards: running, ended and saved", "main"),
    _of_pods(
        "main.delete",
        "ctrl+d",
        "Delete",
        "Delete the object, or the marked ones",
        permission=_DELETE,
        changes=True,
        footer=True,
        kinds=_DELETED,
    ),
    _of_pods(
        "main.kill", "ctrl+k", "Kill", "Delete the pod, or the marked ones, with a grace period of 1 s", permission=_DELETE, changes=True
    ),
    _of_pods(
        "main.delete-selected",
        "D",
        "Delete by selector",
        "Delete all pods that a label selector matches, or all pods in the namespace",
        permission=_DELETE,
        changes=True,
        kinds=_DELETED,
    ),
    Command("main.create", "n", "New", "Create from YAML: a file, a folder, your editor, a paste", "main", changes=True, footer=True),
    Command("main.create-namespace", "", "New namespace", "Create a namespace (n in the namespaces)", "main", _CREATE_NAMESPACES, True),
    Command("main.edit", "e", "Edit", "Edit the YAML in your editor, and review the difference", "main", _PATCH, True, does="edit(False)"),
    Command("main.edit-here", "E", "Edit here", "Edit the YAML in podtui's own editor", "main", _PATCH, True, does="edit(True)"),
    Command("main.undo", "u", "Undo", "Undo the last change", "main", changes=True),
    Command("main.journal", "J", "Journal", "Show the changes that podtui made; copy a command, undo a change", "main"),
    Command("main.taller", "ctrl+up", "Taller", "Make the lower pane taller", "main", does="grow(0.1, 0)"),
    Command("main.lower", "ctrl+down", "Shorter", "Make the lower pane shorter", "main", does="grow(-0.1, 0)"),
    Command("main.wider", "greater_than_sign,ctrl+right", "Wider", "Make the namespaces pane wider", "main", does="grow(0, 4)"),
    Command("main.narrower", "less_than_sign,ctrl+left", "Narrower", "Make the namespaces pane narrower", "main", does="grow(0, -4)"),
    Command("main.full", "z", "Full screen", "Show only this pane; again: show all panes", "main"),
    Command("main.refresh", "ctrl+r", "Refresh", "List everything again now, instead of waiting for the API server", "main"),
    # -- tables
    Command("table.mark", "space", "Mark", "Mark or unmark the row", "table"),
    Command("table.mark-range", "ctrl+@,ctrl+space", "Mark range", "Mark all rows from the last marked one to this one", "table"),
    Command("table.mark-all", "ctrl+a", "Mark all", "Mark all rows shown", "table"),
    Command("table.clear-marks", "ctrl+backslash", "Clear marks", "Unmark all rows", "table"),
    Command("table.open", "enter", "Open", "Open the row", "table"),
    Command("table.cursor-down", "j,down", "Down", "Move one row down", "table", does="rows(1)"),
    Command("table.cursor-up", "k,up", "Up", "Move one row up", "table", does="rows(-1)"),
    Command("table.page-down", "pagedown,ctrl+f", "Page down", "Move one page down", "table", does="page(1)"),
    Command("table.page-up", "pageup,ctrl+b", "Page up", "Move one page up", "table", does="page(-1)"),
    Command("table.first", "g,home", "First", "Go to the first row", "table"),
    Command("table.last", "G,end", "Last", "Go to the last row", "table"),
    Command("table.scroll-left", "left", "Left", "Scroll the columns to the left", "table", does="columns(-1)"),
    Command("table.scroll-right", "right", "Right", "Scroll the columns to the right", "table", does="columns(1)"),
    # -- a list of objects
    Command("list.wide", "w,ctrl+w", "Wide", "Show the wide columns, as kubectl's -o wide does", "list"),
    Command("list.faulty", "Z", "Faulty", "Show only what is faulty: failed, not ready, pending, terminating; again: all", "list"),
    Command(
        "list.label-columns", "W", "Labels", "Show labels as columns: none, the chosen keys, all in one; then ask for the keys", "list"
    ),
    *(
        Command(f"list.sort-{by}", key, f"Sort by {by}", f"Sort by {order}; again: in reverse", "list", kinds=kinds, does=f"sort('{by}')")
        for key, by, order, kinds in (
            ("N", "name", "name alone", ()),
            ("P", "namespace", "namespace and name", _PODS),
            ("S", "status", "status, the sickest first", ()),
            ("T", "age", "age, the youngest first", ()),
            ("R", "restarts", "restarts, the most first", _PODS),
            ("O", "node", "node", _PODS),
        )
    ),
    # -- a text to read: YAML, annotations, containers
    Command("text.down", "j,down", "Down", "Move one line down", "text", does="rows(1)"),
    Command("text.up", "k,up", "Up", "Move one line up", "text", does="rows(-1)"),
    Command("text.page-down", "pagedown,ctrl+f", "Page down", "Move one page down", "text", does="page(1)"),
    Command("text.page-up", "pageup,ctrl+b", "Page up", "Move one page up", "text", does="page(-1)"),
    Command("text.first", "g,home", "First", "Go to the first line", "text"),
    Command("text.last", "G,end", "Last", "Go to the last line", "text"),
    Command("text.left", "left", "Left", "Scroll left", "text", does="columns(-1)"),
    Command("text.right", "right", "Right", "Scroll right", "text", does="columns(1)"),
    Command("text.search", "slash", "Search", "Search the text", "text", footer=True),
    Command("text.next-match", "n", "Next match", "Go to the next match", "text", does="match(1)"),
    Command("text.previous-match", "N", "Previous match", "Go to the previous match", "text", does="match(-1)"),
    Command("text.wrap", "w", "Wrap", "Wrap long lines, or stop wrapping them", "text", footer=True),
    Command("text.close-search", "escape,q", "Close search", "Close the search", "text"),
    # -- details
    Command("details.act", "enter", "Actions", "Choose one of the suggested actions", "details"),
    Command("details.managed-fields", "m", "managedFields", "Show or hide managedFields in the YAML", "details"),
    # -- logs
    Command("logs.tail", "0", "Tail", "Read the last lines, as many as are configured", "logs"),
    Command("logs.head", "1", "Head", "Read from the beginning", "logs"),
    Command("logs.since-1m", "2", "1m", "Read the last minute", "logs", does="minutes(1)"),
    Command("logs.since-5m", "3", "5m", "Read the last 5 minutes", "logs", does="minutes(5)"),
    Command("logs.since-15m", "4", "15m", "Read the last 15 minutes", "logs", does="minutes(15)"),
    Command("logs.since-30m", "5", "30m", "Read the last 30 minutes", "logs", does="minutes(30)"),
    Command("logs.since-1h", "6", "1h", "Read the last hour", "logs", does="minutes(60)"),
    Command("logs.follow", "s", "Follow", "Follow new lines, or stop following", "logs", footer=True),
    Command("logs.wrap", "w", "Wrap", "Wrap long lines, or stop wrapping them", "logs", footer=True),
    Command("logs.timestamps", "t", "Timestamps", "Show the time of each line: none, local, UTC, or its age", "logs", footer=True),
    Command("logs.records", "j", "JSON", "Show JSON, logfmt and klog raw, in columns, or indented", "logs", footer=True),
    Command("logs.container", "c", "Containers", "Choose the containers to show", "logs", footer=True),
    Command("logs.all-containers", "a", "All", "Show all containers, init and ephemeral ones too; again: one per pod", "logs", footer=True),
    Command("logs.previous", "p", "Previous", "Show the container's previous run; again: the current one", "logs", footer=True),
    Command("logs.search", "slash", "Search", "Search the lines", "logs", footer=True),
    Command("logs.next-match", "n", "Next match", "Go to the next match", "logs", does="match(1)"),
    Command("logs.previous-match", "N", "Previous match", "Go to the previous match", "logs", does="match(-1)"),
    Command("logs.only-matches", "ampersand", "Only matches", "Show only the lines that match, only those that do not, or all", "logs"),
    Command("logs.context", "C", "Context", "Show 1, 3, 10 or no lines around each line that matches", "logs"),
    Command("logs.fields", "f", "Filter", "Filter the lines by their fields: level>=warn, status>=500", "logs", footer=True),
    Command("logs.clear-search", "escape,q", "End search", "Clear the selection, the search or the filter", "logs"),
    Command("logs.jump", "at", "Jump", "Go to a time", "logs"),
    Command("logs.since", "S", "Since", "Read again from a time on: 90m (ago), 14:05", "logs"),
    Command("logs.histogram", "H", "Histogram", "Show lines and errors over time; again: close it", "logs", footer=True),
    Command("logs.mark", "m", "Mark", "Mark a line; again: unmark it", "logs"),
    Command("logs.next-mark", "right_square_bracket", "Next mark", "Go to the next marked line", "logs", does="to_mark(1)"),
    Command("logs.previous-mark", "left_square_bracket", "Previous mark", "Go to the previous marked line", "logs", does="to_mark(-1)"),
    Command("logs.select", "v", "Select", "Select lines to copy or save", "logs"),
    Command("logs.copy", "enter,y", "Copy", "Copy the selected lines (OSC 52)", "logs"),
    Command("logs.save", "ctrl+s", "Save", "Save the lines shown to a file; again: choose how much to save", "logs"),
    Command("logs.pager", "vertical_line", "Pager", "Read the lines shown, or the selected ones, in $PAGER", "logs"),
    Command("logs.down", "down", "Down", "Move one line down", "logs", does="rows(1)"),
    Command("logs.up", "k,up", "Up", "Move one line up", "logs", does="rows(-1)"),
    Command("logs.page-down", "pagedown", "Page down", "Move one page down", "logs", does="page(1)"),
    Command("logs.page-up", "pageup", "Page up", "Move one page up", "logs", does="page(-1)"),
    Command("logs.first", "g,home", "First", "Go to the oldest line", "logs"),
    Command("logs.last", "G,end", "Last", "Go to the newest line, and follow", "logs"),
    Command("logs.left", "left", "Left", "Scroll left", "logs", does="columns(-1)"),
    Command("logs.right", "right", "Right", "Scroll right", "logs", does="columns(1)"),
    # -- the histogram of a log
    Command("histogram.earlier", "left", "Earlier", "Go to the previous interval", "histogram", footer=True, does="by(-1)"),
    Command("histogram.later", "right", "Later", "Go to the next interval", "histogram", footer=True, does="by(1)"),
    Command("histogram.first", "g,home", "First", "Go to the oldest lines", "histogram"),
    Command("histogram.last", "G,end", "Last", "Go to the newest lines", "histogram"),
    Command("histogram.next-errors", "n", "Next errors", "Go to the next interval with errors", "histogram", footer=True, does="errors(1)"),
    Command(
        "histogram.previous-errors",
        "N",
        "Previous errors",
        "Go to the previous interval with errors",
        "histogram",
        footer=True,
        does="errors(-1)",
    ),
    Command("histogram.lines", "enter", "Lines", "Go back to the lines; the histogram stays open", "histogram", footer=True),
    Command("histogram.close", "escape,q,H", "Close", "Close the histogram", "histogram", footer=True),
    # -- dialogs
    Command("dialog.cancel", "escape,q", "Cancel", "Close the dialog and change nothing", "dialog"),
    Command("dialog.copy", "ctrl+y", "Copy command", "Copy the kubectl command (OSC 52)", "dialog"),
    Command("dialog.page-down", "pagedown", "Page down", "Scroll the dialog down", "dialog"),
    Command("dialog.page-up", "pageup", "Page up", "Scroll the dialog up", "dialog"),
    # -- the create dialog
    Command("create.editor", "f4", "Editor", "Write or correct the YAML in your editor", "create"),
    Command("create.values", "f6", "Values", "Show or mask the values of Secrets in the difference", "create"),
    Command("create.put-aside", "f5", "Put aside", "Start without the pasted or written text, which podtui keeps in a file", "create"),
    # -- the difference of an edited object
    Command("annotate.editor", "f4", "Edit value", "Edit the annotation at the cursor, or choose one, in your editor", "annotate"),
    Command("annotate.editor-here", "f3", "Edit value here", "Edit the annotation in podtui's own editor", "annotate"),
    Command("edit.again", "f4", "Edit again", "Go back to the editor", "edit"),
    Command("edit.values", "f6", "Values", "Show or mask the values of a Secret in the difference", "edit"),
    # -- podtui's own editor
    Command("editor.save", "ctrl+s", "Save", "Check the text on the server, and continue", "editor", footer=True, priority=True),
    Command(
        "editor.leave", "escape", "Leave", "Leave the editor; podtui keeps the changed text in a file", "editor", footer=True, priority=True
    ),
    Command("editor.next-message", "f2", "Next message", "Go to the next line with an error", "editor", footer=True, priority=True),
    Command("editor.outside", "f4", "$EDITOR", "Edit the text in your own editor", "editor", footer=True, priority=True),
    # -- the bars in which a selector or a filter is typed
    Command("bar.complete", "tab", "Complete", "Accept the candidate, or list what is possible here", "bar", footer=True),
    Command("bar.submit", "enter", "Apply", "Apply the text; after the arrow keys: accept the candidate", "bar", footer=True),
    Command("bar.cancel", "escape", "Cancel", "Close the candidates; again: cancel", "bar", footer=True),
    Command("bar.next", "down", "Down", "Go to the next candidate, or to a newer entry of the history", "bar"),
    Command("bar.previous", "up", "Up", "Go to the previous candidate, or to an older entry of the history", "bar"),
    # -- a list to choose from
    Command("choose.cancel", "escape,q", "Cancel", "Close the list and choose nothing", "choose", footer=True),
    Command("choose.down", "j", "Down", "Move one row down", "choose"),
    Command("choose.up", "k", "Up", "Move one row up", "choose"),
    # -- the sources of a log
    Command("sources.close", "escape,q,c", "Back", "Go back to the lines", "sources"),
    # -- the list of forwards
    Command("forwards.stop", "ctrl+d", "Stop", "Stop the port-forward, or remove one that has ended", "forwards", footer=True),
    Command("forwards.restart", "r", "Start", "Start or restart the port-forward on its local port", "forwards", footer=True),
    Command(
        "forwards.free-port", "p", "Other port", "Start it on the next free local port when its own is in use", "forwards", footer=True
    ),
    Command("forwards.copy", "c", "Copy address", "Copy the local address (OSC 52)", "forwards", footer=True),
    Command("forwards.close", "escape,f,q", "Back", "Close the list; the port-forwards keep running", "forwards", footer=True),
    # -- the journal
    Command("journal.undo", "u", "Undo", "Undo the change, or the marked changes", "journal", changes=True, footer=True),
    Command("journal.copy", "c", "Copy command", "Copy the kubectl command (OSC 52)", "journal", footer=True),
    Command("journal.filter", "slash", "Filter", "Show only entries with these words; !word: entries without it", "journal", footer=True),
    Command("journal.everywhere", "a", "All clusters", "Show the changes to all clusters, or to this one only", "journal", footer=True),
    Command("journal.switch", "tab,shift+tab", "List or entry", "Switch between the list and the entry", "journal"),
    Command("journal.close", "escape,J,q", "Back", "Close the entry, the filter or the journal", "journal", footer=True),
    # -- the history of the messages
    Command("messages.close", "escape,M,q", "Back", "Close the messages", "messages", footer=True),
    # -- a walkthrough's caption bar
    Command("tour.next", "f8,ctrl+n", "Next", "Let the walkthrough do this step, or continue with the next one", "tour", priority=True),
    Command("tour.again", "f7", "Restart step", "Go to the start of this step, whatever is on the screen", "tour", priority=True),
    Command("tour.previous", "f6", "Previous step", "Go to the start of the step before", "tour", priority=True),
    Command("tour.end", "f9", "End", "End the walkthrough; the dashboard stays", "tour", priority=True),
)

BY_ID = {command.id: command for command in COMMANDS}
_MAIN = "next-pane filter yaml annotations events label annotate cordon edit edit-here undo journal refresh close".split()
_LIST = "wide label-columns sort-name sort-status sort-age".split()
FORMER = {
    **{f"nodes.{name}": f"main.{name}" for name in _MAIN},
    **{f"{where}.{name}": f"list.{name}" for where in ("pods", "nodes") for name in _LIST},
    "nodes.pods": "main.node-pods",
    "main.details": "main.describe",
    "main.containers": "main.describe",
    "nodes.details": "main.describe",
    "pods.sort-restarts": "list.sort-restarts",
    "pods.sort-node": "list.sort-node",
}
"""Former ids of commands, which a keymap may still name, with the current ones."""


def bindings(where: str, *also: str) -> list[Binding]:
    """The Textual bindings of the commands that `where` owns, and of the application's commands `also`, which a modal screen hides."""
    own = [command.binding() for command in COMMANDS if command.where == where]
    return own + [replace(BY_ID[command].binding(), action=f"app.{BY_ID[command].action}") for command in also]


def current_keymap(keymap: Mapping[str, str]) -> dict[str, str]:
    """A user's keymap by current ids; an entry by a current id takes precedence over one by a former id.

    When a command gets another key, Textual takes its old key from all commands of the same owner. The result names the key of the
    others, which are for other kinds, so that they keep it.
    """
    found: dict[str, str] = {}
    for command_id, keys in keymap.items():
        today = FORMER.get(command_id, command_id)
        if today == command_id or today not in keymap:
            found[today] = f"{found[today]},{keys}" if today in found else keys
    changed = {(command.where, command.key) for command in COMMANDS if command.id in found}
    return {command.id: command.key for command in COMMANDS if (command.where, command.key) in changed and command.key} | found
