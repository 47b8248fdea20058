"""An object as YAML, as `kubectl get -o yaml` prints it: without managedFields at first."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from podtui.kube.manifests.yaml_writer import to_yaml
from podtui.ui.details.tabs import Tab, TabHost, TabText
from podtui.ui.widgets.yaml_highlight import YamlHighlight


class YamlTab(Tab):
    heavy = True

    def __init__(self, host: TabHost) -> None:
        super().__init__(host)
        self._managed_fields = False

    @property
    def variant(self) -> Hashable:
        return self._managed_fields

    def text(self, obj: Mapping[str, Any], width: int) -> TabText:
        lines = to_yaml(obj, managed_fields=self._managed_fields).removesuffix("\n").split("\n")
        return TabText(lines, YamlHighlight(lines))

    def toggle(self) -> bool:
        self._managed_fields = not self._managed_fields
        return True

    @property
    def hint(self) -> str:
        return "m hides managedFields" if self._managed_fields else "m managedFields"
