"""Manifests of every shape, read as kubectl reads them: its kept answers, which a contract test asks it for again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podtui.errors import ManifestError
from podtui.kube.manifests.documents import parse
from tests.support.manifest_corpus import STRICTER, TAKEN, cases, kept

CASES = cases()
ANSWERS = kept()


def sent(case: str) -> list[dict[str, Any]] | None:
    """What podtui would send, as its JSON says it."""
    try:
        return [json.loads(json.dumps(document.value)) for document in parse(CASES[case])]
    except ManifestError:
        return None


def test_every_case_has_an_answer_of_kubectl() -> None:
    assert list(ANSWERS) == list(CASES) and len(CASES) > 300


@pytest.mark.parametrize("case", CASES)
def test_a_manifest_is_read_as_kubectl_reads_it(case: str) -> None:
    if case in STRICTER:
        assert ANSWERS[case] is not None and sent(case) is None
    elif case in TAKEN:
        assert sent(case) not in (None, ANSWERS[case])
    else:
        assert sent(case) == ANSWERS[case]
