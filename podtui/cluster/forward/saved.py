"""The port-forwards that the configuration saves under a name, resolved for one context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.cluster.pods.lineage import Lineage
from podtui.config import ForwardConfig
from podtui.kube.ports import PortSpec
from podtui.kube.resources import PODS, ObjectRef
from podtui.text import harmless


@dataclass(frozen=True)
class Profile:
    """`lineage` says which pods are meant, by a name or by a selector. `context` is the glob of the contexts in which it can be
    started ("" for all), `elsewhere` why it cannot be started in this one, or "". `start` is whether it starts automatically."""

    name: str
    specs: tuple[PortSpec, ...]
    lineage: Lineage
    address: str
    start: bool
    context: str
    elsewhere: str

    @property
    def ref(self) -> ObjectRef:
        """The pod before one is found: without a UID, and perhaps without a name."""
        return ObjectRef(PODS, self.lineage.name, self.lineage.namespace)


def profiles(forwards: Mapping[str, ForwardConfig], settings: ConnectionSettings) -> list[Profile]:
    """All of them, in order. A forward without a namespace uses that of the context, as in kubectl."""
    return [
        Profile(
            name,
            tuple(PortSpec.parse(port) for port in saved.ports),
            Lineage(saved.namespace or settings.namespace, name=saved.pod, selector=saved.selector),
            saved.address,
            saved.start,
            saved.context,
            "" if fnmatchcase(settings.context, saved.context or "*") else f"is for the context {harmless(saved.context)}",
        )
        for name, saved in forwards.items()
    ]
