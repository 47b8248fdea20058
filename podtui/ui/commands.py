"""Every command of podtui, once: the binding, the footer, the help, the palette and the keymap come from here.

A command's `id` is what a user's keymap names. `where` says which part of the screen owns it: that widget or
screen takes `bindings(where)` as its `BINDINGS` and has a method `action_<action>`.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True)
class Permission:
    """What the API server must allow: a verb on a resource (and subresource), as in `kubectl auth can-i`.

    A WebSocket is opened with GET: for what goes over one the API server asks for the right to `get` too.
    """

    verb: str
    resource: str
    subresource: str = ""
    group: str = ""
    websocket: bool = False

    @property
    def verbs(self) -> tuple[str, ...]:
        return (self.verb, "get") if self.websocket else (self.verb,)


@dataclass(frozen=True)
class Command:
    """One thing that a user can do.

    `key` is Textual's name of the keys, separated by commas, "" for what is only in the palette. `title` is the word in the footer,
    `help` the sentence in the help screen and the palette. `changes` marks what changes the cluster (refused when read-only);
    `footer` is whether it is offered in the footer; `priority` lets it act in dialogs and inputs too.
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

    @property
    def action(self) -> str:
        """The name of the action method: the part of the id after the dot."""
        return self.id.split(".", 1)[1].replace("-", "_")

    def binding(self) -> Binding:
        return Binding(self.key, self.action, self.title, show=self.footer, priority=self.priority, id=self.id, tooltip=self.help)


_PATCH = Permission("patch", "pods")
_CREATE_NAMESPACES = Permission("create", "namespaces")
_PATCH_NODES = Permission("patch", "nodes")
_FORWARD = Permission("create", "pods", "portforward", websocket=True)
_EXEC = Permission("create", "pods", "exec", websocket=True)

COMMANDS: tuple[Command, ...] = (
    # -- the program
    Command("app.help", "question_mark", "Help", "Show every key and what it does", "app", footer=True),
    Command("app.palette", "colon,ctrl+p", "Command", "Run a command by its name, or :po -n x -l y, :ns x, :ctx x", "app", footer=True),
    Command("app.leave", "q", "Quit", "Leave podtui", "app"),
    Command("app.interrupt", "ctrl+c", "Quit", "Leave podtui, from anywhere", "app", priority=True),
    # -- the main screen
    Command("main.next-pane", "tab", "Next pane", "Go to the next pane", "main"),
    Command("main.previous-pane", "shift+tab", "Previous pane", "Go to the previous pane", "main"),
    Command("main.back", "escape", "Back", "Go back, or clear the filter", "main"),
    Command("main.filter", "slash", "Filter", "Filter the pods by name (-l SELECTOR: by label, !TEXT: all others)", "main", footer=True),
    Command("main.selector", "equals_sign", "Selector", "Narrow the pods by a label selector, as kubectl's -l", "main", footer=True),
    Command("main.all-namespaces", "0", "All namespaces", "Show the pods of all namespaces", "main"),
    *(Command(f"main.favourite-{n}", str(n), f"Favourite {n}", f"Show the pods of favourite namespace {n}", "main") for n in range(1, 10)),
    Command("main.read-only", "r", "Read-only", "Turn read-only on or off: nothing that changes the cluster can be sent", "main"),
    Command("main.logs", "l", "Logs", "Follow the logs of the pod, or marked ones", "main", Permission("get", "pods", "log"), footer=True),
    Command("main.all-logs", "ctrl+l", "All logs", "Logs of all pods shown, and that come", "main", Permission("get", "pods", "log")),
    Command("main.previous-logs", "p", "Previous", "Logs of the container's previous run", "main", Permission("get", "pods", "log")),
    Command("main.yaml", "y", "YAML", "The pod as YAML, as kubectl get -o yaml prints it", "main", Permission("get", "pods")),
    Command("main.annotations", "a", "Annotations", "The pod's labels and annotations", "main", Permission("get", "pods")),
    Command("main.containers", "c", "Containers", "The pod's containers", "main", Permission("get", "pods")),
    Command("main.events", "v", "Events", "The pod's events, as they come", "main", Permission("get", "pods")),
    Command("main.why", "x", "Why", "Why the pod is pending or failing, and what to do", "main", Permission("get", "pods"), footer=True),
    Command("main.nodes", "o", "Nodes", "The nodes, the cursor on that of the pod", "main"),
    Command("main.label", "L", "Label", "Set, overwrite or remove labels", "main", Permission("patch", "pods"), True, True),
    Command("main.annotate", "A", "Annotate", "Set, overwrite or remove annotations", "main", Permission("patch", "pods"), True),
    Command("main.forward", "F", "Forward", "Forward ports to the pod", "main", _FORWARD, footer=True),
    Command("main.shell", "s", "Shell", "Open a shell in a container of the pod", "main", _EXEC, True, True),
    Command("main.forwards", "f", "Forwards", "The list of port-forwards, running, ended and saved", "main"),
    Command("main.delete", "ctrl+d", "Delete", "Delete the pod, or the marked ones", "main", Permission("delete", "pods"), True, True),
    Command(
        "main.delete-selected",
        "D",
        "Delete by selector",
        "Delete all pods that a label selector matches, or all of the namespace",
        "main",
        Permission("delete", "pods"),
        changes=True,
    ),
    Command("main.create", "n", "New", "Create from YAML: a file, a folder, the editor, a paste", "main", changes=True, footer=True),
    Command("main.create-namespace", "", "New namespace", "Create a namespace (in the namespaces: n)", "main", _CREATE_NAMESPACES, True),
    Command("main.edit", "e", "Edit", "Edit the YAML in your editor, see the difference, send it", "main", _PATCH, True),
    Command("main.edit-here", "E", "Edit here", "Edit the YAML in podtui's own editor", "main", _PATCH, True),
    Command("main.undo", "u", "Undo", "Take back the last change", "main", changes=True),
    Command("main.journal", "J", "Journal", "Every change that podtui made: look, copy its command, undo", "main"),
    Command("main.taller", "plus", "Taller", "Give the lower pane more room", "main"),
    Command("main.lower", "minus", "Lower", "Give the lower pane less room", "main"),
    Command("main.wider", "greater_than_sign", "Wider", "Give the namespaces more room", "main"),
    Command("main.narrower", "less_than_sign", "Narrower", "Give the namespaces less room", "main"),
    Command("main.full", "z", "Full screen", "Give the pane the whole screen, again: all panes", "main"),
    Command("main.refresh", "ctrl+r", "Again", "Ask the API server again now, without waiting for the next try", "main"),
    # -- tables: pods and namespaces
    Command("table.mark", "space", "Mark", "Mark or unmark the row", "table"),
    Command("table.mark-all", "ctrl+a", "Mark all", "Mark every row shown", "table"),
    Command("table.clear-marks", "ctrl+backslash", "Clear marks", "Unmark every row", "table"),
    Command("table.open", "enter", "Open", "Open the row", "table"),
    Command("table.cursor-down", "j,down", "Down", "One row down", "table"),
    Command("table.cursor-up", "k,up", "Up", "One row up", "table"),
    Command("table.page-down", "pagedown", "Page down", "One page down", "table"),
    Command("table.page-up", "pageup", "Page up", "One page up", "table"),
    Command("table.first", "g,home", "First", "To the first row", "table"),
    Command("table.last", "G,end", "Last", "To the last row", "table"),
    Command("table.scroll-left", "left", "Left", "Scroll the columns to the left", "table"),
    Command("table.scroll-right", "right", "Right", "Scroll the columns to the right", "table"),
    # -- the pod list
    Command("pods.wide", "w", "Wide", "Show the wide columns, as kubectl's -o wide", "pods"),
    Command("pods.label-columns", "W", "Labels", "Show the labels as columns: none, those of -L, all in one", "pods"),
    Command("pods.sort-name", "N", "Sort by name", "Sort by name, again: reversed", "pods"),
    Command("pods.sort-status", "S", "Sort by status", "Sort by status, again: reversed", "pods"),
    Command("pods.sort-age", "T", "Sort by age", "Sort by age, again: reversed", "pods"),
    Command("pods.sort-restarts", "R", "Sort by restarts", "Sort by restarts, again: reversed", "pods"),
    Command("pods.sort-node", "O", "Sort by node", "Sort by node, again: reversed", "pods"),
    # -- a text that is read: YAML, annotations, containers
    Command("text.down", "j,down", "Down", "One line down", "text"),
    Command("text.up", "k,up", "Up", "One line up", "text"),
    Command("text.page-down", "pagedown", "Page down", "One page down", "text"),
    Command("text.page-up", "pageup", "Page up", "One page up", "text"),
    Command("text.first", "g,home", "First", "To the first line", "text"),
    Command("text.last", "G,end", "Last", "To the last line", "text"),
    Command("text.left", "left", "Left", "Scroll left", "text"),
    Command("text.right", "right", "Right", "Scroll right", "text"),
    Command("text.search", "slash", "Search", "Search in the text", "text", footer=True),
    Command("text.next-match", "n", "Next match", "To the next match", "text"),
    Command("text.previous-match", "N", "Previous match", "To the previous match", "text"),
    Command("text.wrap", "w", "Wrap", "Wrap long lines or not", "text", footer=True),
    Command("text.close-search", "escape", "Close search", "End the search", "text"),
    # -- details
    Command("details.act", "enter", "Offered", "Choose one of the actions that the diagnosis offers", "details"),
    Command("details.managed-fields", "m", "managedFields", "Show or hide managedFields in the YAML", "details"),
    # -- logs
    Command("logs.tail", "0", "Tail", "From the configured number of last lines", "logs"),
    Command("logs.head", "1", "Head", "From the beginning", "logs"),
    Command("logs.since-1m", "2", "1m", "The last minute", "logs"),
    Command("logs.since-5m", "3", "5m", "The last 5 minutes", "logs"),
    Command("logs.since-15m", "4", "15m", "The last 15 minutes", "logs"),
    Command("logs.since-30m", "5", "30m", "The last 30 minutes", "logs"),
    Command("logs.since-1h", "6", "1h", "The last hour", "logs"),
    Command("logs.follow", "s", "Follow", "Follow the end or stand still", "logs", footer=True),
    Command("logs.wrap", "w", "Wrap", "Wrap long lines or not", "logs", footer=True),
    Command("logs.timestamps", "t", "Timestamps", "The time of each line: none, local, UTC, how long ago", "logs", footer=True),
    Command("logs.records", "j", "JSON", "JSON, logfmt and klog as they are, in columns, or indented", "logs", footer=True),
    Command("logs.container", "c", "Containers", "Choose the containers whose lines are shown", "logs", footer=True),
    Command("logs.all-containers", "a", "All", "All containers, init and ephemeral ones too; again: one of each pod", "logs", footer=True),
    Command("logs.previous", "p", "Previous", "Logs of the container's previous run, again: of the current one", "logs", footer=True),
    Command("logs.search", "slash", "Search", "Search in the lines", "logs", footer=True),
    Command("logs.next-match", "n", "Next match", "To the next match", "logs"),
    Command("logs.previous-match", "N", "Previous match", "To the previous match", "logs"),
    Command("logs.only-matches", "ampersand", "Only matches", "Show only the lines that match, only the others, or all", "logs"),
    Command("logs.context", "C", "Context", "Show 1, 3, 10 or no lines around each line that matches", "logs"),
    Command("logs.fields", "f", "Filter", "Show only lines with certain fields: level>=warn, status>=500", "logs", footer=True),
    Command("logs.clear-search", "escape", "End search", "End the selection, the search, the filter", "logs"),
    Command("logs.jump", "at", "Jump", "Go to a time", "logs"),
    Command("logs.since", "S", "Since", "Read again from a time on, or from so long ago: 90m, 14:05", "logs"),
    Command("logs.histogram", "H", "Histogram", "Lines and errors over time, to move on; again: close it", "logs", footer=True),
    Command("logs.mark", "m", "Mark", "Mark a line, again: take the mark away", "logs"),
    Command("logs.next-mark", "right_square_bracket", "Next mark", "To the next marked line", "logs"),
    Command("logs.previous-mark", "left_square_bracket", "Previous mark", "To the marked line before", "logs"),
    Command("logs.select", "v", "Select", "Select lines, to copy or save them", "logs"),
    Command("logs.copy", "enter,y", "Copy", "Copy the selected lines (OSC 52)", "logs"),
    Command("logs.save", "ctrl+s", "Save", "Save the lines shown to a file; again: all that are kept, all that the server has", "logs"),
    Command("logs.pager", "vertical_line", "Pager", "Read the lines shown, or the selected ones, in $PAGER", "logs"),
    Command("logs.down", "down", "Down", "One line down", "logs"),
    Command("logs.up", "k,up", "Up", "One line up", "logs"),
    Command("logs.page-down", "pagedown", "Page down", "One page down", "logs"),
    Command("logs.page-up", "pageup", "Page up", "One page up", "logs"),
    Command("logs.first", "g,home", "First", "To the oldest line", "logs"),
    Command("logs.last", "G,end", "Last", "To the newest line, and follow", "logs"),
    Command("logs.left", "left", "Left", "Scroll left", "logs"),
    Command("logs.right", "right", "Right", "Scroll right", "logs"),
    # -- the histogram of a log
    Command("histogram.earlier", "left", "Earlier", "To the span of time before", "histogram", footer=True),
    Command("histogram.later", "right", "Later", "To the next span of time", "histogram", footer=True),
    Command("histogram.first", "g,home", "First", "To the oldest lines", "histogram"),
    Command("histogram.last", "G,end", "Last", "To the newest lines", "histogram"),
    Command("histogram.next-errors", "n", "Next errors", "To the next span with errors", "histogram", footer=True),
    Command("histogram.previous-errors", "N", "Errors before", "To the span with errors before", "histogram", footer=True),
    Command("histogram.lines", "enter", "Lines", "Back to the lines; the histogram stays", "histogram", footer=True),
    Command("histogram.close", "escape,H", "Close", "Close the histogram", "histogram", footer=True),
    # -- dialogs
    Command("dialog.cancel", "escape", "Cancel", "Leave the dialog; nothing is changed", "dialog"),
    Command("dialog.copy", "ctrl+y", "Copy command", "Copy the kubectl command (OSC 52)", "dialog"),
    Command("dialog.page-down", "pagedown", "Page down", "Scroll the dialog down", "dialog"),
    Command("dialog.page-up", "pageup", "Page up", "Scroll the dialog up", "dialog"),
    # -- the create dialog
    Command("create.editor", "f4", "Editor", "Write what is to be created in an editor, or correct it there", "create"),
    # -- the difference of an edited object
    Command("annotate.editor", "f4", "Edit value", "Edit the annotation at the cursor, or one of a list, in your editor", "annotate"),
    Command("annotate.editor-here", "f3", "Edit value here", "Edit the annotation in podtui's own editor", "annotate"),
    Command("edit.again", "f4", "Edit again", "Go on editing what the difference is shown of", "edit"),
    # -- podtui's own editor
    Command("editor.save", "ctrl+s", "Save", "Check the text on the server, and go on with it", "editor", footer=True, priority=True),
    Command("editor.leave", "escape", "Leave", "Leave the editor; a changed text is kept in a file", "editor", footer=True, priority=True),
    Command("editor.next-message", "f2", "Next message", "To the next line that is wrong", "editor", footer=True, priority=True),
    Command("editor.outside", "f4", "$EDITOR", "Edit the text in your own editor, and come back", "editor", footer=True, priority=True),
    # -- the bars in which a selector or a filter is typed
    Command("bar.complete", "tab", "Complete", "Take the marked candidate, or show what can stand here", "bar", footer=True),
    Command("bar.submit", "enter", "Apply", "Apply what was typed; after the arrow keys: take the marked candidate", "bar", footer=True),
    Command("bar.cancel", "escape", "Cancel", "Close the candidates; again: leave everything as it was", "bar", footer=True),
    Command("bar.next", "down", "Down", "The next candidate, or the newer entry of the history", "bar"),
    Command("bar.previous", "up", "Up", "The candidate above, or the older entry of the history", "bar"),
    # -- a list to choose from
    Command("choose.cancel", "escape,q", "Cancel", "Choose nothing", "choose", footer=True),
    Command("choose.down", "j", "Down", "To the next name", "choose"),
    Command("choose.up", "k", "Up", "To the name above", "choose"),
    # -- the nodes
    Command("nodes.details", "d", "Details", "What the node has, what the pods on it ask for, and those pods", "nodes", footer=True),
    Command("nodes.annotations", "a", "Annotations", "The node's labels and annotations", "nodes"),
    Command("nodes.yaml", "y", "YAML", "The node as YAML", "nodes", Permission("get", "nodes")),
    Command("nodes.events", "v", "Events", "The node's events", "nodes"),
    Command("nodes.label", "L", "Label", "Set, overwrite or remove labels", "nodes", Permission("patch", "nodes"), True, True),
    Command("nodes.annotate", "A", "Annotate", "Set, overwrite or remove annotations", "nodes", Permission("patch", "nodes"), True),
    Command("nodes.cordon", "C", "Cordon", "No new pods on the node; again: uncordon", "nodes", Permission("patch", "nodes"), True, True),
    Command("nodes.edit", "e", "Edit", "Edit the YAML in your editor, see the difference, send it", "nodes", _PATCH_NODES, True),
    Command("nodes.edit-here", "E", "Edit here", "Edit the YAML in podtui's own editor", "nodes", _PATCH_NODES, True),
    Command("nodes.undo", "u", "Undo", "Take back the last change", "nodes", changes=True),
    Command("nodes.journal", "J", "Journal", "Every change that podtui made: look, copy its command, undo", "nodes"),
    Command("nodes.pods", "p", "Pods", "The pods of the node in the main list", "nodes", footer=True),
    Command("nodes.filter", "slash", "Filter", "Filter the nodes by name (-l SELECTOR: by label, !TEXT: all others)", "nodes", footer=True),
    Command("nodes.next-pane", "tab,shift+tab", "Next pane", "From the list to the details, and back", "nodes"),
    Command("nodes.wide", "w", "Wide", "Show the wide columns, as kubectl's -o wide", "nodes"),
    Command("nodes.label-columns", "W", "Labels", "Show the labels as a column, or not", "nodes"),
    Command("nodes.sort-name", "N", "Sort by name", "Sort by name, again: reversed", "nodes"),
    Command("nodes.sort-status", "S", "Sort by status", "Sort by status, again: reversed", "nodes"),
    Command("nodes.sort-age", "T", "Sort by age", "Sort by age, again: reversed", "nodes"),
    Command("nodes.refresh", "ctrl+r", "Again", "Ask the API server again now", "nodes"),
    Command("nodes.close", "escape,o,q", "Back", "Back to the pods", "nodes", footer=True),
    # -- the sources of a log
    Command("sources.close", "escape,q,c", "Back", "Back to the lines", "sources"),
    # -- the list of forwards
    Command("forwards.stop", "ctrl+d", "Stop", "Stop the port-forward; one that has ended: take it off the list", "forwards", footer=True),
    Command("forwards.restart", "r", "Start", "Start the port-forward, or start it again, on the same local port", "forwards", footer=True),
    Command("forwards.free-port", "p", "Other port", "Start it on the next free local port when its own is taken", "forwards", footer=True),
    Command("forwards.copy", "c", "Copy address", "Copy the local address (OSC 52)", "forwards", footer=True),
    Command("forwards.close", "escape,f,q", "Back", "Leave the list; the forwards go on", "forwards", footer=True),
    # -- the journal
    Command("journal.undo", "u", "Undo", "Take back the change, or the marked ones", "journal", changes=True, footer=True),
    Command("journal.copy", "c", "Copy command", "Copy the kubectl command (OSC 52)", "journal", footer=True),
    Command("journal.filter", "slash", "Filter", "Only entries with these words, !word: without it", "journal", footer=True),
    Command("journal.everywhere", "a", "All clusters", "Show the changes of all clusters, or of this one only", "journal", footer=True),
    Command("journal.switch", "tab,shift+tab", "List or entry", "From the list to the entry and back", "journal"),
    Command("journal.close", "escape,J,q", "Back", "Leave the entry, the filter, the journal", "journal", footer=True),
    # -- a walkthrough's caption bar
    Command("tour.next", "f8,ctrl+n", "Next", "Let the walkthrough do this step, or go on to the next", "tour", priority=True),
    Command("tour.again", "f7", "Again", "Let the walkthrough do this step once more", "tour", priority=True),
    Command("tour.end", "f9", "End", "End the walkthrough; the dashboard stays", "tour", priority=True),
)

BY_ID = {command.id: command for command in COMMANDS}


def bindings(where: str) -> list[Binding]:
    """The Textual bindings of the commands that `where` owns."""
    return [command.binding() for command in COMMANDS if command.where == where and command.key]
