"""What differs between two policies, field by field and phrase by phrase, for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

import msgspec

from zajil.moderation.policy.schema import Policy

_Plain: TypeAlias = "str | int | float | bool | list[_Plain] | dict[str, _Plain] | None"
_DERIVED: Final = frozenset({"digest"})


class Change(NamedTuple):
    """One difference. path: `rules.fraud-offer.mode`. before, after: as JSON; None where there was or is nothing."""

    path: str
    before: str | None
    after: str | None


def diff_policies(old: Policy, new: Policy) -> tuple[Change, ...]:
    """All differences in the order of their paths; empty where both decide alike and say the same."""
    before, after = _flatten_policy(old), _flatten_policy(new)
    changes = [
        Change(path, before.get(path), after.get(path))
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path)
    ]
    return tuple(sorted(changes))


def _flatten_policy(policy: Policy) -> dict[str, str]:
    plain: dict[str, _Plain] = msgspec.to_builtins(policy)
    del plain["sha256"], plain["lists"]
    found = dict(_flatten(plain, ""))
    # A phrase is its own entry, so that a list's change is the phrases that came and went.
    for name, phrases in policy.lists.items():
        found |= {f"lists.{name}[{phrase}]": '"listed"' for phrase in phrases}
    return found


def _flatten(value: _Plain, path: str) -> Iterator[tuple[str, str]]:
    # A condition reads best whole; what is below it are parts of one expression.
    if isinstance(value, Mapping) and not path.endswith(".when"):
        for key, part in value.items():
            if key not in _DERIVED:
                yield from _flatten(part, f"{path}.{key}" if path else key)
    else:
        yield path, msgspec.json.encode(value).decode()
