"""How a dialog names the objects it acts on."""

from __future__ import annotations

from collections.abc import Sequence

from podtui.kube.resources import ObjectRef
from podtui.text import harmless


def plural(refs: Sequence[ObjectRef]) -> str:
    """`pods`, or `objects` when there are several kinds."""
    kinds = {ref.resource.plural for ref in refs}
    return kinds.pop() if len(kinds) == 1 else "objects"


def described(refs: Sequence[ObjectRef]) -> str:
    """`pod kubia in default`, `3 pods in default`, `3 pods in 2 namespaces`."""
    namespaces = sorted({ref.namespace for ref in refs if ref.namespace})
    where = f" in {harmless(namespaces[0])}" if len(namespaces) == 1 else f" in {len(namespaces)} namespaces" if namespaces else ""
    if len(refs) == 1:
        return f"{refs[0].resource.kind.lower()} {harmless(refs[0].name)}{where}"
    return f"{len(refs)} {plural(refs)}{where}"
