"""The page of an export: which files of other people it leads to."""

from __future__ import annotations

import pytest

from zajil.cli.archive.page import render_file


@pytest.mark.parametrize("name", ["a.jpg", "b.PDF", "my plan.docx", "c.tar.gz", "note.m4a"])
def test_what_browsers_only_show_play_or_hand_over_is_led_to(name: str) -> None:
    assert render_file("a file", f"files/1-{name}").startswith('<a href="files/1-')


@pytest.mark.parametrize(
    "name", ["a.html", "a.HTM", "a.xhtml", "a.svg", "a.svgz", "a.xml", "a.mhtml", "a.jpg.html", "a"]
)
def test_what_a_browser_may_run_from_the_disk_is_named_alone(name: str) -> None:
    """Beside the page it has no policy and no sandbox: it could call out, and so tell where its reader is."""
    assert render_file("<a> file", f"files/1-{name}") == f"<bdi>&lt;a&gt; file (files/1-{name})</bdi>"
