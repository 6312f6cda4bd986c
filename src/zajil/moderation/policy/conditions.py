"""The grammar of `when`: all, any, not, and leaves. No expression language, nothing is ever evaluated.

    {all: [C, ...]} · {any: [C, ...]} · {not: C}
    {phrases: LIST}                          a phrase of the list stands in the base view or another, as whole words
    {regex: PATTERN}                         RE2 finds it in a view; letters by range, [а-я]: \\b and \\w are ASCII
    {entity: KIND}                           url, mail, user (a handle), phone or wallet in the text
    {trust: CMP} · {mentions: CMP} · {links: CMP}
    {score: {CATEGORY: CMP}}                 calibrated probability; a rule with one never holds in `und`
    {flood: {n: N, per_s: S, key: author | text | domain}}     the Nth of one key, or later, within S seconds
    {lang: LANG} · {lang: {in: [LANG, ...]}}

CMP is a map of one of eq, ge, le with a number, or in with a sequence of numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Final, Literal, NoReturn, Protocol, TypeAlias, TypeVar

import msgspec
import re2

from zajil.moderation.categories import HEADS, LANGUAGES, UNDETERMINED
from zajil.moderation.policy.nodes import Node, Reader
from zajil.moderation.signals import ENTITY_KINDS

T = TypeVar("T")
Op: TypeAlias = Literal["eq", "ge", "le", "in"]
OPS: Final[tuple[Op, ...]] = ("eq", "ge", "le", "in")
FloodKey: TypeAlias = Literal["author", "text", "domain"]
FLOOD_KEYS: Final[tuple[FloodKey, ...]] = ("author", "text", "domain")
FLOOD_MAX: Final = 1_000
FLOOD_PER_S_MAX: Final = 86_400
DEPTH: Final = 8
NODES: Final = 200
REGEX_CHARACTERS: Final = 512
# RE2's time is at worst the size of its program times the length of the text, so the size is what keeps it under 5 ms.
REGEX_PROGRAM: Final = 600
_REGEX_MEMORY: Final = 1 << 20


class Compare(msgspec.Struct, frozen=True):
    """A comparison with one number, or with several for `in`."""

    op: Op
    values: tuple[float, ...]

    def holds(self, value: float) -> bool:
        """Whether it holds for a value."""
        if self.op == "ge":
            return value >= self.values[0]
        if self.op == "le":
            return value <= self.values[0]
        return value in self.values


class All(msgspec.Struct, frozen=True, tag="all"):
    """Every one of them holds."""

    of: tuple[Condition, ...]


class AnyOf(msgspec.Struct, frozen=True, tag="any"):
    """At least one of them holds."""

    of: tuple[Condition, ...]


class Not(msgspec.Struct, frozen=True, tag="not"):
    """It does not hold."""

    of: Condition


class Phrases(msgspec.Struct, frozen=True, tag="phrases"):
    """A phrase of this list stands in a view."""

    list: str


class Regex(msgspec.Struct, frozen=True, tag="regex"):
    """RE2 finds this in a view."""

    pattern: str


class Entity(msgspec.Struct, frozen=True, tag="entity"):
    """The text holds an entity of this kind."""

    kind: str


class Number(msgspec.Struct, frozen=True, tag="number"):
    """A number about the post: the author's trust, how many mentions, how many links."""

    of: Literal["trust", "mentions", "links"]
    compare: Compare


class HeadScore(msgspec.Struct, frozen=True, tag="score"):
    """A head's probability."""

    head: str
    compare: Compare


class Flood(msgspec.Struct, frozen=True, tag="flood", cache_hash=True):
    """The n-th post of one key, or a later one, within per_s seconds."""

    n: int
    per_s: int
    key: FloodKey


class Lang(msgspec.Struct, frozen=True, tag="lang"):
    """The language is one of these, `und` included."""

    among: tuple[str, ...]


Condition: TypeAlias = All | AnyOf | Not | Phrases | Regex | Entity | Number | HeadScore | Flood | Lang
LEAVES: Final = ("phrases", "regex", "entity", "trust", "mentions", "links", "score", "flood", "lang")


def walk(condition: Condition) -> Iterator[Condition]:
    """A condition and all inside it."""
    yield condition
    if isinstance(condition, All | AnyOf):
        for part in condition.of:
            yield from walk(part)
    elif isinstance(condition, Not):
        yield from walk(condition.of)


def leaf_name(condition: Condition) -> str:
    """The word of the grammar that makes this condition."""
    tag = condition.__struct_config__.tag
    return condition.of if isinstance(condition, Number) else str(tag)


def condition_digest(condition: Condition, lists: Mapping[str, tuple[str, ...]]) -> str:
    """16 hex digits over a condition and the phrases it uses: equal exactly where the same posts are hit."""
    used = sorted({part.list for part in walk(condition) if isinstance(part, Phrases)})
    data = msgspec.json.encode([condition, [[name, lists.get(name, ())] for name in used]])
    return hashlib.sha256(data).hexdigest()[:16]


class Pattern(Protocol):
    """What we use of a compiled pattern of google-re2, which ships no types."""

    programsize: int
    reverseprogramsize: int

    def search(self, text: bytes) -> object | None:
        """A match anywhere in UTF-8 bytes, or None."""


def compile_regex(pattern: str) -> Pattern:
    """A pattern ready to search UTF-8 bytes. Raises ValueError where RE2 refuses it or its program is too large."""
    options = re2.Options()
    options.max_mem, options.log_errors, options.never_capture = _REGEX_MEMORY, False, True
    try:
        compiled: Pattern = re2.compile(pattern.encode(), options)
    except (re2.error, UnicodeEncodeError) as e:
        raise ValueError(e.args[0].decode() if e.args and isinstance(e.args[0], bytes) else "not a pattern") from None
    if max(compiled.programsize, compiled.reverseprogramsize) > REGEX_PROGRAM:
        raise ValueError(f"a program of more than {REGEX_PROGRAM} steps")
    return compiled


class _Refused(Exception):
    """A part of the condition is wrong, and the fault is noted."""


class ConditionReader:
    """Reads `when`. lists: the names declared. One reader per rule, since it counts the parts."""

    def __init__(self, reader: Reader, lists: frozenset[str]) -> None:
        self._reader = reader
        self._lists = lists
        self._parts = 0

    def read(self, node: Node) -> Condition | None:
        """The condition at a node; None with the first fault noted."""
        try:
            return self._read(node, 1)
        except _Refused:
            return None

    def _refuse(self, node: Node, why: str, code: str = "bad-condition") -> NoReturn:
        self._reader.fault(code, node, why)
        raise _Refused

    def _needed(self, value: T | None) -> T:
        """What the reader made of a node; where it is None, the reader has noted why."""
        if value is None:
            raise _Refused
        return value

    def _only(self, node: Node, what: str) -> tuple[str, Node]:
        """Key and value of a map with one entry."""
        if not isinstance(node.content, dict) or len(node.content) != 1:
            self._refuse(node, what)
        ((key, value),) = node.content.items()
        return key, value

    def _sequence(self, node: Node, what: str) -> list[Node]:
        if not isinstance(node.content, list) or not node.content:
            self._refuse(node, what)
        return node.content

    def _read(self, node: Node, depth: int) -> Condition:
        self._parts += 1
        if depth > DEPTH or self._parts > NODES:
            self._refuse(node, f"more than {DEPTH} levels or {NODES} parts")
        word, value = self._only(node, "a map of exactly one word of the grammar")
        if word in ("all", "any"):
            parts = self._sequence(value, "a sequence of at least one condition")
            of = tuple(self._read(part, depth + 1) for part in parts)
            return All(of) if word == "all" else AnyOf(of)
        if word == "not":
            return Not(self._read(value, depth + 1))
        return self._read_leaf(node, word, value)

    def _read_leaf(self, node: Node, word: str, value: Node) -> Condition:
        match word:
            case "phrases":
                return self._read_phrases(value)
            case "regex":
                return self._read_regex(value)
            case "entity":
                return Entity(self._needed(self._reader.choice(value, ENTITY_KINDS)))
            case "trust" | "mentions" | "links":
                return Number(word, self._read_compare(value))
            case "score":
                return self._read_score(value)
            case "flood":
                return self._read_flood(value)
            case "lang":
                return self._read_lang(value)
        return self._refuse(node, f"{word} is no word of the grammar")

    def _read_phrases(self, node: Node) -> Condition:
        name = self._needed(self._reader.text(node))
        if name not in self._lists:
            self._refuse(node, name, "unknown-list")
        return Phrases(name)

    def _read_regex(self, node: Node) -> Condition:
        pattern = self._needed(self._reader.text(node, longest=REGEX_CHARACTERS))
        try:
            compile_regex(pattern)
        except ValueError as e:
            self._refuse(node, str(e), "bad-regex")
        return Regex(pattern)

    def _read_compare(self, node: Node) -> Compare:
        key, value = self._only(node, "a map of one of eq, ge, le, in")
        op = next((known for known in OPS if known == key), None)
        if op is None:
            self._refuse(node, "one of eq, ge, le, in")
        items = self._sequence(value, "a sequence of numbers") if op == "in" else [value]
        return Compare(op, tuple(self._needed(self._reader.number(item, least=-1e9, most=1e9)) for item in items))

    def _read_score(self, node: Node) -> Condition:
        head, value = self._only(node, "a map of one head")
        if head not in HEADS:
            self._refuse(value, head, "unknown-category")
        return HeadScore(head, self._read_compare(value))

    def _read_flood(self, node: Node) -> Condition:
        fields = self._reader.fields(node, needed=("n", "per_s", "key"))
        if len(fields) < 3:
            raise _Refused
        n = self._needed(self._reader.integer(fields["n"], least=2, most=FLOOD_MAX))
        per_s = self._needed(self._reader.integer(fields["per_s"], least=1, most=FLOOD_PER_S_MAX))
        return Flood(n, per_s, self._needed(self._reader.choice(fields["key"], FLOOD_KEYS)))

    def _read_lang(self, node: Node) -> Condition:
        items = [node]
        if isinstance(node.content, dict):
            key, value = self._only(node, "a language, or in with several")
            items = self._sequence(value, "a sequence of languages")
            if key != "in":
                self._refuse(node, "a language, or in with several")
        return Lang(tuple(self._needed(self._reader.choice(item, (*LANGUAGES, UNDETERMINED))) for item in items))
