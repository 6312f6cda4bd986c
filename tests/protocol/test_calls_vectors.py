"""vectors/calls holds what this code does; web/src/protocol/calls replays the same files."""

from __future__ import annotations

import pytest
from tests.protocol import calls_vectors


@pytest.mark.vectors
@pytest.mark.parametrize("name", calls_vectors.FILES)
def test_the_file_is_what_we_write(name: str) -> None:
    assert calls_vectors.render(name) == (calls_vectors.FOLDER / f"{name}.json").read_text(encoding="utf-8")
