"""Everything that `kubectl describe` says about a namespace: its state, what keeps it from ending, quotas and limits."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from podtui.cluster.impact.finalizers import what_holds_namespace
from podtui.cluster.live.live_objects import LiveObjects
from podtui.cluster.pods.details import read_condition
from podtui.kube.json_values import mapping, mappings, string, strings
from podtui.kube.json_values import time as moment_of
from podtui.kube.resources import LIMITRANGES, RESOURCEQUOTAS, ObjectRef
from podtui.ui.details.describe import EVENTS, DescribeTab, add_annotations, add_conditions, add_labels
from podtui.ui.details.tabs import TabText
from podtui.ui.details.text import LineCollector, since

_QUOTAS, _LIMITS = "quotas", "limits"
_LIMIT_COLUMNS = (("min", "Min"), ("max", "Max"), ("defaultRequest", "Default request"), ("default", "Default limit"),
                  ("maxLimitRequestRatio", "Max limit/request ratio"))  # fmt: skip


class DescribeNamespaceTab(DescribeTab):
    def sources(self, about: ObjectRef) -> Mapping[str, LiveObjects]:
        changed = self.host.refresh_tab
        return {
            _QUOTAS: LiveObjects(RESOURCEQUOTAS.path(about.name), "", changed),
            _LIMITS: LiveObjects(LIMITRANGES.path(about.name), "", changed),
            EVENTS: self.events(about),
        }

    def text(self, obj: Mapping[str, Any], width: int) -> TabText:
        now = time.time()
        out = LineCollector(width)
        meta, status = mapping(obj.get("metadata")), mapping(obj.get("status"))
        phase, created = string(status.get("phase")) or "no status yet", moment_of(meta.get("creationTimestamp"))
        out.lines.append([(phase, "status.ok" if phase == "Active" else "status.gone"), (f"  created {since(created, now)}", "dim")])
        if deleted := moment_of(meta.get("deletionTimestamp")):
            out.text(f"It is being deleted {since(deleted, now, 'for {}')}.", "warn", 0)
            for why in what_holds_namespace(obj):
                out.text(f"It is waiting: {why}", "warn", 0)
            key = self.host.key_of_command("main.delete")  # the conditions leave out the finalizers of pods
            out.text(f"{key} in the list counts what is left in it, and says which finalizers hold that.", "dim", 0)
        finalizers = [one for one in strings(meta.get("finalizers")) if one != "kubernetes"]
        out.entry("Finalizers", ", ".join(finalizers), "warn")
        if conditions := [read_condition(one) for one in mappings(status.get("conditions"))]:
            out.title("Conditions")
            add_conditions(out, conditions, now, {"": "False"})
        self._add_quotas(out)
        self._add_limits(out)
        labels = {key: string(text) for key, text in mapping(meta.get("labels")).items()}
        annotations = {key: string(text) for key, text in mapping(meta.get("annotations")).items()}
        add_labels(out, labels)
        add_annotations(out, annotations, self.host.key_of("annotations"))
        self.add_events(out, width)
        return TabText(out.lines)

    def _add_quotas(self, out: LineCollector) -> None:
        quotas = self._named(out, _QUOTAS, "resource quotas", "Resource quotas")
        for quota in quotas:
            spec, status = mapping(quota.get("spec")), mapping(quota.get("status"))
            out.lines.append([(f"  {string(mapping(quota.get('metadata')).get('name'))}", "label.key")])
            out.entry("Scopes", ", ".join(strings(spec.get("scopes"))), indent=4)
            hard, used = mapping(status.get("hard")) or mapping(spec.get("hard")), mapping(status.get("used"))
            width = max(map(len, hard), default=0)
            for name, most in sorted(hard.items()):
                out.text(f"{name:<{width}}  {string(used.get(name)) or '?'} of {string(most)} used", "", 4)

    def _add_limits(self, out: LineCollector) -> None:
        for one in self._named(out, _LIMITS, "limit ranges", "Limit ranges"):
            out.lines.append([(f"  {string(mapping(one.get('metadata')).get('name'))}", "label.key")])
            for limit in mappings(mapping(one.get("spec")).get("limits")):
                names = sorted({name for key, _ in _LIMIT_COLUMNS for name in mapping(limit.get(key))})
                for name in names:
                    found = [(title, string(mapping(limit.get(key)).get(name))) for key, title in _LIMIT_COLUMNS]
                    words = ", ".join(f"{title.lower()} {text}" for title, text in found if text)
                    out.text(f"{string(limit.get('type'))} {name}: {words}", "", 4)

    def _named(self, out: LineCollector, source: str, what: str, title: str) -> Sequence[Mapping[str, Any]]:
        """The objects of a source, by name, below their title; none and why, when they are not known."""
        found = self.items(source)
        out.title(title, "" if found or self.trouble(source, what) else "none")
        if trouble := self.trouble(source, what):
            out.text(trouble, "warn")
        return sorted(found or (), key=lambda one: string(mapping(one.get("metadata")).get("name")))
