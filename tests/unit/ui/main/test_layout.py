"""Which panes stand on the screen at which size."""

from __future__ import annotations

import pytest

from podtui.ui.main.layout import Panes


def at(width: int, height: int) -> Panes:
    panes = Panes()
    panes.resize(width, height)
    return panes


def test_a_wide_screen_shows_namespaces_pods_and_details_from_the_start() -> None:
    assert at(120, 36).shape(36).visible == {"namespaces", "list", "details"}


def test_a_wide_but_low_screen_leaves_the_details_closed() -> None:
    assert at(160, 24).shape(24).visible == {"namespaces", "list"}


def test_a_narrow_screen_shows_one_pane_at_a_time() -> None:
    panes = at(80, 24)
    assert panes.shape(24).visible == {"list"}
    panes.go("logs")
    assert panes.shape(24).visible == {"logs"}
    assert panes.crumbs == ["Namespaces", "Pods", "[Logs]"]


def test_tab_goes_round_the_panes_that_are_open() -> None:
    panes = at(120, 36)
    seen = []
    for _ in range(3):
        panes.go(panes.step(1))
        seen.append(panes.current)
    assert seen == ["details", "namespaces", "list"]


def test_a_later_resize_does_not_open_what_the_user_closed() -> None:
    panes = at(120, 36)
    panes.lower = ""
    panes.resize(200, 50)
    assert panes.shape(50).visible == {"namespaces", "list"}


@pytest.mark.parametrize(("by", "width"), [(100, 60), (-100, 16), (4, 37)])
def test_the_namespaces_keep_between_16_and_60_cells(by: int, width: int) -> None:
    panes = at(200, 50)
    panes.grow(side=by)
    assert panes.shape(50).namespaces_width == width


def test_full_screen_shows_only_the_pane_with_the_focus() -> None:
    panes = at(200, 50)
    panes.full = True
    assert panes.shape(50).visible == {"list"}
