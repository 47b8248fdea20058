"""The tabs of each kind of object. A tab's module is imported when the tab is first shown."""

from __future__ import annotations

from collections.abc import Callable

from podtui.kube.resources import NAMESPACES, NODES, PODS, Resource
from podtui.ui.details.tabs import KindTabs, Tab, TabDescription, TabHost


def _pod(host: TabHost) -> Tab:
    from podtui.ui.details.describe_pod import DescribePodTab

    return DescribePodTab(host)


def _node(host: TabHost) -> Tab:
    from podtui.ui.details.describe_node import DescribeNodeTab

    return DescribeNodeTab(host)


def _namespace(host: TabHost) -> Tab:
    from podtui.ui.details.describe_namespace import DescribeNamespaceTab

    return DescribeNamespaceTab(host)


def _describe(make: Callable[[TabHost], Tab]) -> TabDescription:
    return TabDescription("describe", "Describe", "main.describe", make, short="Desc")


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


ANNOTATIONS = TabDescription("annotations", "Annotations", "main.annotations", _annotations, short="Annot")
YAML = TabDescription("yaml", "YAML", "main.yaml", _yaml)
EVENTS = TabDescription("events", "Events", "main.events", _events)
WHY = TabDescription("why", "Why", "main.why", _why)

_TABS = {
    PODS: KindTabs((_describe(_pod), ANNOTATIONS, YAML, EVENTS, WHY), default="describe"),
    NODES: KindTabs((_describe(_node), ANNOTATIONS, YAML, EVENTS), default="describe"),
    NAMESPACES: KindTabs((_describe(_namespace), ANNOTATIONS, YAML, EVENTS), default="describe"),
}
_OTHERS = KindTabs((ANNOTATIONS, YAML, EVENTS), default="yaml")


def tabs_of(resource: Resource) -> KindTabs:
    """The tabs of a kind; every object has labels and annotations, YAML and events."""
    return _TABS.get(resource, _OTHERS)
