"""Turn a manifest into objects: the server checks its documents, then podtui creates them, or applies them to existing objects."""

from __future__ import annotations

import os
from collections.abc import Sequence

from podtui.cluster.changes import creation
from podtui.cluster.changes.apply import Preview
from podtui.cluster.changes.change import Change, Note, silent
from podtui.cluster.changes.creation import Outcome
from podtui.cluster.changes.objects import Objects
from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.errors import PodtuiError
from podtui.kube.kubectl import kubectl_apply, kubectl_create, kubectl_create_namespace
from podtui.kube.manifests.documents import Document
from podtui.kube.names import namespace_faults


class ManifestCreation(Change):
    """Existing objects stay unchanged or, with `apply`, are changed by server-side apply; `force` takes fields over from their owners.

    `documents` are those left to create once `check` has found no fault in them, `outcomes` what is known of each; `made` has
    the results of the others.
    """

    def __init__(self, settings: ConnectionSettings, path: str, namespace: str) -> None:
        """`path` is what kubectl's `-f` takes, `-` for a text without a file, "" while there is none; `namespace` is its `-n`, "" for
        each document's own, or else the context's."""
        self.path = os.path.expanduser(path)
        self.namespace = namespace
        self.apply = False
        self.force = False
        self.documents: list[Document] = []
        self.outcomes: list[Outcome] = []
        self.made: list[Outcome] = []
        self._settings = settings

    @property
    def existing(self) -> list[Preview]:
        """What applying would make of the objects that already exist."""
        return [outcome.preview for outcome in self.outcomes if outcome.preview is not None]

    @property
    def commands(self) -> list[str]:
        options = self._settings.kubectl_options
        if not self.path:
            return []
        if self.apply:
            force = any(preview.forces(self.force) for preview in self.existing if not preview.unchanged)
            return [kubectl_apply(self.path, self.namespace, force=force, options=options)]
        return [kubectl_create(self.path, self.namespace, options=options)]

    @property
    def refusal(self) -> str:
        if any(outcome.state == "refused" and outcome.preview is None for outcome in self.outcomes) and not self.made:
            return "the server rejects it: correct it, and check it again"
        existing = self.existing
        if not self.apply:
            return "it already exists" if existing and len(existing) == len(self.outcomes) else ""
        if any(preview.conflicts for preview in existing) and not self.force:
            return "others own some of the fields: take them over, or leave it"
        return ""

    async def check(self, objects: Objects, documents: Sequence[Document]) -> list[Outcome]:
        """The server's answer to each document (dry run). `send` creates them only if the server refuses none."""
        outcomes = await creation.check(objects, documents, self._where, enforce=bool(self.namespace))
        if not any(outcome.state == "refused" for outcome in outcomes):
            self.documents, self.outcomes = list(documents), outcomes
        return outcomes

    async def send(self, objects: Objects, note: Note = silent) -> None:
        """Create and apply the documents in order. Failed ones stay in `documents` and `outcomes`; they raise nothing."""
        note(f"Creating {len(self.documents)}…" if len(self.documents) > 1 else "Creating…")
        (command,) = self.commands
        outcomes = await creation.create(
            objects,
            self.documents,
            self._where,
            command=command,
            enforce=bool(self.namespace),
            checked=self.outcomes,
            apply=self.apply,
            force=self.force,
        )
        self.made += [outcome for outcome in outcomes if outcome.done]
        self.outcomes = [outcome for outcome in outcomes if not outcome.done]
        self.documents = [outcome.document for outcome in self.outcomes]

    @property
    def _where(self) -> str:
        """The namespace of the documents that name none."""
        return self.namespace or self._settings.namespace


class NamespaceCreation(Change):
    """Create a namespace, as `kubectl create namespace NAME`."""

    def __init__(self, settings: ConnectionSettings, known: Sequence[str]) -> None:
        """`known` are the existing namespaces, as far as podtui knows them."""
        self.name = ""
        self.outcome: Outcome | None = None
        self._options = settings.kubectl_options
        self._known = known

    @property
    def faults(self) -> list[str]:
        """What the server would reject in the name; none while there is no name."""
        return namespace_faults(self.name) if self.name else []

    @property
    def commands(self) -> list[str]:
        return [kubectl_create_namespace(self.name, options=self._options)] if self.name else []

    @property
    def refusal(self) -> str:
        if not self.name:
            return "type its name"
        if self.faults:
            return "that is not a valid namespace name"
        return "it already exists" if self.name in self._known else ""

    async def send(self, objects: Objects, note: Note = silent) -> None:
        value = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}}
        (self.outcome,) = await creation.create(objects, [Document("namespace", 1, value)], "", command=self.commands[0])
        if self.outcome.state != "created":
            raise self.outcome.error or PodtuiError(f"{self.outcome.named} was not created")
