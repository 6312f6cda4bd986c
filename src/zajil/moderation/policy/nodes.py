"""YAML as nodes that know their line, and a reader that turns them into values and collects what is wrong.

Only plain data is read: maps with text keys, sequences, texts, integers, decimal numbers, true, false and null.
Anchors, aliases, tags, timestamps and a second document are faults, and so is a key given twice, which YAML lets pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final, NamedTuple, TypeAlias, TypeVar

import yaml

from zajil.moderation.policy.faults import FAULTS, Fault

T = TypeVar("T")
FILE_CHARACTERS: Final = 1 << 18
_DEPTH: Final = 24
_SCALARS: Final = {"str": str, "int": int, "float": float, "bool": bool, "null": type(None)}
_TAG: Final = "tag:yaml.org,2002:"
Scalar: TypeAlias = str | int | float | bool | None
Content: TypeAlias = "Scalar | dict[str, Node] | list[Node]"


class Node(NamedTuple):
    """A value of the file. line: from 1. path: as people write it, `categories.fraud.reason`."""

    content: Content
    line: int
    path: str


class Unreadable(Exception):
    """The file cannot be read as plain data at all."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def parse_nodes(text: str) -> Node:
    """The root of a file of at most 1 Mi characters. Raises Unreadable."""
    if len(text) > FILE_CHARACTERS:
        raise Unreadable(Fault("syntax", 0, "", f"over {FILE_CHARACTERS} characters"))
    try:
        _check_events(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else 0
        raise Unreadable(Fault("syntax", line, "", e.problem or "not YAML")) from None
    except yaml.YAMLError:
        raise Unreadable(Fault("syntax", 0, "", "characters that YAML does not allow")) from None
    if root is None:
        raise Unreadable(Fault("syntax", 0, "", "the file is empty"))
    return _build(root, "", root.start_mark.line + 1)


def _check_events(text: str) -> None:
    """Raises Unreadable at the first anchor, alias or level too deep, before anything is built."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if getattr(event, "anchor", None) is not None:
            raise Unreadable(Fault("syntax", line, "", "anchors and aliases are not read"))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH:
            raise Unreadable(Fault("syntax", line, "", "nested too deep"))


def _build(node: yaml.Node, path: str, line: int) -> Node:
    if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
        return Node(_build_map(node, path), line, path)
    if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
        items = [_build(item, f"{path}[{i}]", item.start_mark.line + 1) for i, item in enumerate(node.value)]
        return Node(items, line, path)
    if isinstance(node, yaml.ScalarNode) and node.tag.removeprefix(_TAG) in _SCALARS:
        return Node(_build_scalar(node, path), line, path)
    raise Unreadable(Fault("syntax", line, path, f"a value of kind {node.tag}"))


def _build_map(node: yaml.MappingNode, path: str) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for key_node, value in node.value:
        key, line = key_node.value, key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != _TAG + "str":
            raise Unreadable(Fault("syntax", line, path, "a key that is no text"))
        if key in found:
            raise Unreadable(Fault("duplicate-key", line, path, key))
        # The line of the key is where people look, also where the value begins on the next.
        found[key] = _build(value, f"{path}.{key}" if path else key, line)
    return found


def _build_scalar(node: yaml.ScalarNode, path: str) -> Scalar:
    try:
        value = yaml.constructor.SafeConstructor().construct_object(node)
    except (yaml.YAMLError, ValueError):
        raise Unreadable(Fault("syntax", node.start_mark.line + 1, path, "a number nobody can read")) from None
    return value if isinstance(value, str | int | float | bool) else None


class Reader:
    """Takes nodes apart by kind. Whatever does not fit becomes a fault, and the call answers None or a default."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def fault(self, code: str, node: Node, why: str) -> None:
        """Note that something is wrong at a node. code: of FAULTS."""
        if code not in FAULTS:
            raise KeyError(code)
        self.faults.append(Fault(code, node.line, node.path, why))

    def fields(self, node: Node, *, needed: Collection[str] = (), allowed: Collection[str] = ()) -> dict[str, Node]:
        """The entries of a map with fixed keys; unknown and missing ones are faults."""
        found = self.entries(node)
        for key in found.keys() - {*needed, *allowed}:
            self.fault("unknown-key", found[key], key)
        for key in sorted({*needed} - found.keys()):
            self.fault("missing-key", node, key)
        return {key: value for key, value in found.items() if key in needed or key in allowed}

    def entries(self, node: Node) -> dict[str, Node]:
        """The entries of a map with free keys."""
        if isinstance(node.content, dict):
            return node.content
        self.fault("wrong-type", node, "a map is needed")
        return {}

    def items(self, node: Node) -> list[Node]:
        """The items of a sequence."""
        if isinstance(node.content, list):
            return node.content
        self.fault("wrong-type", node, "a sequence is needed")
        return []

    def text(self, node: Node, *, longest: int = 256) -> str | None:
        """A text of 1 to `longest` characters."""
        if not isinstance(node.content, str):
            self.fault("wrong-type", node, "a text is needed")
        elif not 1 <= len(node.content) <= longest:
            self.fault("wrong-value", node, f"1 to {longest} characters")
        else:
            return node.content
        return None

    def integer(self, node: Node, *, least: int, most: int) -> int | None:
        """A whole number between two, both included."""
        if not isinstance(node.content, int) or isinstance(node.content, bool):
            self.fault("wrong-type", node, "a whole number is needed")
        elif not least <= node.content <= most:
            self.fault("wrong-value", node, f"{least} to {most}")
        else:
            return node.content
        return None

    def number(self, node: Node, *, least: float, most: float) -> float | None:
        """A number between two, both included; never NaN."""
        if isinstance(node.content, bool) or not isinstance(node.content, int | float):
            self.fault("wrong-type", node, "a number is needed")
        elif not least <= node.content <= most:
            self.fault("wrong-value", node, f"{least} to {most}")
        else:
            return float(node.content)
        return None

    def choice(self, node: Node, options: Collection[T]) -> T | None:
        """One of the options."""
        for option in options:
            if type(node.content) is type(option) and node.content == option:
                return option
        self.fault("wrong-value", node, "one of " + ", ".join(map(str, options)))
        return None

    def each(self, node: Node, read: Callable[[Node], T | None]) -> Iterator[T]:
        """What `read` makes of the items of a sequence, those with faults left out."""
        for item in self.items(node):
            value = read(item)
            if value is not None:
                yield value
