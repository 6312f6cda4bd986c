"""Which route of a table a request's path fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar


class Matchable(Protocol):
    """A route of any of the tables. path: below the table's prefix, `{name}` a parameter."""

    @property
    def method(self) -> str: ...  # the class says it

    @property
    def path(self) -> str: ...


R = TypeVar("R", bound=Matchable)


def sort_routes(routes: Iterable[R]) -> Mapping[tuple[str, int], Sequence[R]]:
    """The routes by method and number of slashes, in their order: those that a call has to be compared with."""
    found: dict[tuple[str, int], list[R]] = {}
    for route in routes:
        found.setdefault((route.method, route.path.count("/")), []).append(route)
    return found


def find_parameters(pattern: str, path: str) -> Mapping[str, str] | None:
    """What stands in a path, below its prefix, where the pattern has `{name}`; None where it does not fit."""
    names, parts = pattern.split("/"), path.split("/")
    if len(names) != len(parts):
        return None
    parameters: dict[str, str] = {}
    for name, part in zip(names, parts, strict=True):
        if part and name.startswith("{"):
            parameters[name[1:-1]] = part
        elif name != part:
            return None
    return parameters
