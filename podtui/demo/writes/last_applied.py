"""kubectl's annotation of what it applied last, which the API server knows too (`fieldmanager`, lastapplied*.go).

Who went over from `kubectl apply` to `kubectl apply --server-side` owns what stands there, as long as nobody changed it; and
the server keeps the annotation up to date, so that the way back is open.
"""

from __future__ import annotations

import json
from typing import Any

from podtui.demo.rules.field_paths import Paths, compare, owned

Object = dict[str, Any]
ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
_MANAGER = "kubectl"


def yielding(kind: str, manager: str, live: Object) -> Paths:
    """The fields over which there is no conflict with others."""
    text = _text(live) if manager == _MANAGER else ""
    try:
        config = json.loads(text) if text else None
    except ValueError:
        return set()
    if not isinstance(config, dict):
        return set()
    added, modified, removed = compare(kind, config, live)
    return owned(kind, config) - added - modified - removed


def keep(manager: str, live: Object, config: Object, merged: Object) -> None:
    """Writes the annotation of `merged`, if it was there before."""
    if manager != _MANAGER or not _text(live):
        return
    metadata = dict(config.get("metadata") or {})
    annotations = {key: value for key, value in (metadata.pop("annotations", None) or {}).items() if key != ANNOTATION}
    if annotations:
        metadata["annotations"] = annotations
    text = json.dumps({**config, "metadata": metadata}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    metadata = merged["metadata"]
    merged["metadata"] = {**metadata, "annotations": {**(metadata.get("annotations") or {}), ANNOTATION: f"{text}\n"}}


def _text(obj: Object) -> str:
    return str((obj["metadata"].get("annotations") or {}).get(ANNOTATION, ""))
