"""The tabs of each kind of object. A tab's module is imported when the tab is first shown."""

from __future__ import annotations

from podtui.kube.resources import NODES, PODS, Resource
from podtui.ui.details.tabs import KindTabs, Tab, TabDescription, TabHost


def _containers(host: TabHost) -> Tab:
    from podtui.ui.details.containers import ContainersTab

    return ContainersTab(host)


def _node(host: TabHost) -> Tab:
    from podtui.ui.details.node import NodeTab

    return NodeTab(host)


def _annotations(host: TabHost) -> Tab:
    from podtui.ui.details.annotations import AnnotationsTab

    return AnnotationsTab(host)


def _yaml(host: TabHost) -> Tab:
    from podtui.ui.details.yaml import YamlTab

    return YamlTab(host)


def _events(host: TabHost) -> Tab:
    from podtui.ui.details.events import EventsTab

    return EventsTab(host)


def _why(host: TabHost) -> Tab:
    from podtui.ui.details.why import WhyTab

    return WhyTab(host)


CONTAINERS = TabDescription("containers", "Containers", "main.containers", _containers, short="Cont")
NODE = TabDescription("node", "Node", "main.describe", _node)
ANNOTATIONS = TabDescription("annotations", "Annotations", "main.annotations", _annotations, short="Annot")
YAML = TabDescription("yaml", "YAML", "main.yaml", _yaml)
EVENTS = TabDescription("events", "Events", "main.events", _events)
WHY = TabDescription("why", "Why", "main.why", _why)

_TABS = {
    PODS: KindTabs((CONTAINERS, ANNOTATIONS, YAML, EVENTS, WHY), default="containers"),
    NODES: KindTabs((NODE, ANNOTATIONS, YAML, EVENTS), default="node"),
}
_OTHERS = KindTabs((ANNOTATIONS, YAML, EVENTS), default="yaml")


def tabs_of(resource: Resource) -> KindTabs:
    """The tabs of a kind; every object has labels and annotations, YAML and events."""
    return _TABS.get(resource, _OTHERS)
