"""Quantities as a person reads them."""

from __future__ import annotations

import pytest

from podtui.kube.quantities import amount, value


@pytest.mark.parametrize(
    ("resource", "text", "words"),
    [
        ("cpu", "250m", "250m"),
        ("cpu", "1500m", "1.5"),
        ("memory", "24684092Ki", "23.54Gi"),
        ("pods", "110", "110"),
        ("nvidia.com/gpu", "2", "2"),
        ("memory", "1e9999", "1e9980Ei"),
    ],
)
def test_an_amount_is_short_and_never_too_large_to_write(resource: str, text: str, words: str) -> None:
    assert amount(resource, value(text)) == words
