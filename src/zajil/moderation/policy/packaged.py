"""The policy that ships with Zajil, and those of an operator's folder: all that reads files in this package."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from zajil.moderation.policy.faults import Fault
from zajil.moderation.policy.load import NO_MODEL, Checked, Normaliser, check_policy
from zajil.moderation.policy.schema import Policy
from zajil.moderation.policy.thresholds import ModelThresholds
from zajil.protocol.errors import error

NEWEST: Final = "policy-1.yaml"


def load_packaged(normalise: Normaliser, *, model: ModelThresholds = NO_MODEL, name: str = NEWEST) -> Policy:
    """The shipped policy. normalise: gives the base view of a phrase. Raises LocalProtocolError if it has faults."""
    folder = resources.files("zajil.moderation.policy")
    checked = _check(folder, name, normalise, model)
    if checked.policy is None:
        raise error("wrong-call", f"the packaged policy: {checked.faults[0]}")
    return checked.policy


def check_file(path: Path, normalise: Normaliser, *, model: ModelThresholds = NO_MODEL) -> Checked:
    """The policy of an operator's file with its lists/ beside it, or its faults. Raises OSError for the file itself."""
    return _check(path.parent, path.name, normalise, model)


def _check(folder: Traversable, name: str, normalise: Normaliser, model: ModelThresholds) -> Checked:
    # Bytes as they are, so that the hash is that of the file on every system.
    try:
        text = (folder / name).read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return Checked(None, (Fault("syntax", 0, "", "not UTF-8"),))
    return check_policy(text, read_list=_reader(folder), normalise=normalise, model=model, name=name)


def _reader(folder: Traversable) -> Callable[[str], bytes]:
    def read(path: str) -> bytes:
        found = folder
        for part in path.split("/"):
            found = found / part
        return found.read_bytes()

    return read
