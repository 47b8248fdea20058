"""Options of the whole suite: which cluster the contract tests talk to."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kubeconfig",
        metavar="FILE",
        default=None,
        help="run the contract tests against this kubeconfig's cluster (else PODTUI_TEST_KUBECONFIG; without either they are left out)",
    )
