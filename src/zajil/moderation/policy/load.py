"""From a policy file to a `Policy`, or to everything that is wrong with it, with lines.

Pure: the file's text, a way to read its lists and the normaliser are arguments, and so is what the model has been shown
to be safe at; a policy may be stricter than that, never laxer. A file with faults changes nothing: the running policy
stays.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Final, NamedTuple

from zajil.moderation.categories import CATEGORIES, LANGUAGES, SUBS, Category, Language, find_category, find_language
from zajil.moderation.policy.conditions import LEAVES, ConditionReader, condition_digest
from zajil.moderation.policy.faults import Fault
from zajil.moderation.policy.nodes import Node, Reader, Unreadable, parse_nodes
from zajil.moderation.policy.schema import (
    GROUNDS,
    KINDS,
    MODES,
    PLACEHOLDERS,
    ROLES,
    RULE_ACTIONS,
    CategoryPolicy,
    Defaults,
    Exemption,
    Policy,
    Rule,
)
from zajil.moderation.policy.texts import read_texts
from zajil.moderation.policy.thresholds import LEVELS, ModelThresholds, Thresholds, laxer_levels
from zajil.protocol.errors import error

ListReader = Callable[[str], bytes]
"""Reads a phrase list by its path beside the policy file. Raises OSError where there is none."""
Normaliser = Callable[[str], str]
"""The base view of a text."""

PHRASE_MIN: Final = 3
PHRASE_MAX: Final = 200
LIST_BYTES: Final = 4 << 20
REASON_CHARACTERS: Final = 2_000
DEFINITION_CHARACTERS: Final = 4_000
_LIST_PATH = re.compile(r"lists/[a-z0-9][a-z0-9._-]{0,63}\.txt", re.ASCII)
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_DSA_CATEGORY = re.compile(r"STATEMENT_CATEGORY_[A-Z_]{3,60}", re.ASCII)
_FILE_NAME = re.compile(r"policy-([0-9]+)\.yaml", re.ASCII)
NO_MODEL: Final = ModelThresholds()


class Checked(NamedTuple):
    """What a check says. policy: None exactly where there are faults. faults: by line."""

    policy: Policy | None
    faults: tuple[Fault, ...]


def load_policy(
    text: str, *, read_list: ListReader, normalise: Normaliser, model: ModelThresholds = NO_MODEL, name: str = ""
) -> Policy:
    """The policy of a file without faults.

    Raises Malformed whose `detail` holds the first fault's code and line, and how many there are.
    """
    checked = check_policy(text, read_list=read_list, normalise=normalise, model=model, name=name)
    if checked.policy is None:
        first = checked.faults[0]
        detail: dict[str, int | str] = {"fault": first.code, "line": first.line, "faults": len(checked.faults)}
        raise error("malformed", f"policy, {first}", detail=detail)
    return checked.policy


def check_policy(
    text: str, *, read_list: ListReader, normalise: Normaliser, model: ModelThresholds = NO_MODEL, name: str = ""
) -> Checked:
    """A policy file's policy, or its faults; raises nothing.

    name: of the file; `policy-N.yaml` must hold version N. model: what the running model has been shown to be safe at.
    """
    try:
        root = parse_nodes(text)
    except Unreadable as e:
        return Checked(None, (e.fault,))
    loader = _Loader(read_list, normalise, model)
    policy = loader.read(root, text, name)
    faults = tuple(sorted(loader.reader.faults, key=lambda fault: (fault.line, fault.path)))
    return Checked(None if faults else policy, faults)


class _Loader:
    """One pass over a file. Whatever has a fault is left out, so that one pass finds them all."""

    def __init__(self, read_list: ListReader, normalise: Normaliser, model: ModelThresholds) -> None:
        self.reader = Reader()
        self._read_list = read_list
        self._normalise = normalise
        self._model = model
        self._digests: list[bytes] = []

    def read(self, root: Node, text: str, name: str) -> Policy | None:
        needed = ("version", "languages", "defaults", "categories")
        fields = self.reader.fields(root, needed=needed, allowed=("exempt", "lists", "rules"))
        if any(key not in fields for key in needed):
            return None
        version = self._read_version(fields["version"], name)
        languages = self._read_languages(fields["languages"])
        defaults = self._read_defaults(fields["defaults"])
        lists = self._read_lists(fields["lists"]) if "lists" in fields else {}
        rules = self._read_rules(fields["rules"], lists) if "rules" in fields else {}
        exempt = (
            tuple(self.reader.each(fields["exempt"], lambda n: self._read_exemption(n, rules)))
            if "exempt" in fields
            else ()
        )
        categories = self._read_categories(fields["categories"], languages)
        if version is None or defaults is None or self.reader.faults:
            return None
        return Policy(
            version=version,
            sha256=hashlib.sha256(hashlib.sha256(text.encode()).digest() + b"".join(self._digests)).hexdigest(),
            languages=languages,
            defaults=defaults,
            exempt=exempt,
            lists=lists,
            rules=rules,
            categories=categories,
        )

    def _read_version(self, node: Node, name: str) -> int | None:
        version = self.reader.integer(node, least=1, most=1_000_000)
        named = _FILE_NAME.fullmatch(name)
        if version is not None and named and int(named[1]) != version:
            self.reader.fault("wrong-value", node, f"the file is called {name}")
        return version

    def _read_languages(self, node: Node) -> tuple[Language, ...]:
        found: list[Language] = []
        for item in self.reader.items(node):
            language = find_language(str(item.content))
            if language is None:
                self.reader.fault("unknown-language", item, str(item.content))
            else:
                found.append(language)
        for language in LANGUAGES:
            if found.count(language) != 1:
                self.reader.fault("missing-language", node, f"{language} once")
        return tuple(dict.fromkeys(found))

    def _read_defaults(self, node: Node) -> Defaults | None:
        keys = ("audit_sample", "hold_max_s", "appeal_days")
        fields = self.reader.fields(node, needed=keys)
        if len(fields) < len(keys):
            return None
        audit_sample = self.reader.number(fields["audit_sample"], least=0, most=1)
        hold_max_s = self.reader.integer(fields["hold_max_s"], least=60, most=86_400)
        # DSA Art. 20(1): complaints can be lodged for at least six months.
        appeal_days = self.reader.integer(fields["appeal_days"], least=180, most=3_650)
        if audit_sample is None or hold_max_s is None or appeal_days is None:
            return None
        return Defaults(audit_sample=audit_sample, hold_max_s=hold_max_s, appeal_days=appeal_days)

    def _read_lists(self, node: Node) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for name, item in sorted(self.reader.entries(node).items()):
            found[name] = ()
            path = self.reader.text(item)
            if path is None:
                continue
            if not _ID.fullmatch(name) or not _LIST_PATH.fullmatch(path):
                self.reader.fault("wrong-value", item, "a name of a-z 0-9 _ -, and a path lists/NAME.txt")
                continue
            found[name] = self._read_phrases(name, path, item)
        return found

    def _read_phrases(self, name: str, path: str, node: Node) -> tuple[str, ...]:
        try:
            data = self._read_list(path)
            text = data.decode("utf-8")
        except (OSError, UnicodeDecodeError):
            self.reader.fault("unreadable-list", node, path)
            return ()
        if len(data) > LIST_BYTES:
            self.reader.fault("unreadable-list", node, f"{path} is over {LIST_BYTES} bytes")
            return ()
        self._digests += [hashlib.sha256(name.encode()).digest(), hashlib.sha256(data).digest()]
        phrases: dict[str, None] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            phrase = self._normalise(line).strip()
            if not PHRASE_MIN <= len(phrase) <= PHRASE_MAX or not any(c.isalnum() for c in phrase):
                self.reader.fault("bad-phrase", node, f"{path}, line {number}")
            phrases[phrase] = None
        if not phrases:
            self.reader.fault("bad-phrase", node, f"{path} holds no phrase")
        return tuple(phrases)

    def _read_rules(self, node: Node, lists: dict[str, tuple[str, ...]]) -> dict[str, Rule]:
        found: dict[str, Rule] = {}
        for item in self.reader.items(node):
            rule = self._read_rule(item, lists)
            if rule is not None and rule.id in found:
                self.reader.fault("duplicate-rule", item, rule.id)
            if rule is not None:
                found.setdefault(rule.id, rule)
        return found

    def _read_rule(self, node: Node, lists: dict[str, tuple[str, ...]]) -> Rule | None:
        needed = ("id", "category", "action", "when")
        fields = self.reader.fields(node, needed=needed, allowed=("mode", "sub"))
        if any(key not in fields for key in needed):
            return None
        rule_id = self._read_rule_id(fields["id"])
        category = self._read_category(fields["category"])
        action = self.reader.choice(fields["action"], RULE_ACTIONS)
        mode = self.reader.choice(fields["mode"], MODES) if "mode" in fields else "shadow"
        when = ConditionReader(self.reader, frozenset(lists)).read(fields["when"])
        sub: str | None = ""
        if "sub" in fields and category is not None:
            sub = self.reader.choice(fields["sub"], SUBS.get(category, ()))
        if rule_id is None or category is None or action is None or mode is None or when is None or sub is None:
            return None
        digest = condition_digest(when, lists)
        return Rule(id=rule_id, category=category, action=action, when=when, digest=digest, mode=mode, sub=sub)

    def _read_rule_id(self, node: Node) -> str | None:
        text = self.reader.text(node)
        if text is not None and (not _ID.fullmatch(text) or text in LEAVES):
            self.reader.fault("wrong-value", node, "a-z 0-9 _ -, at most 64, and no word of the grammar")
            return None
        return text

    def _read_category(self, node: Node) -> Category | None:
        found = find_category(str(node.content))
        if found is None:
            self.reader.fault("unknown-category", node, str(node.content))
        return found

    def _read_exemption(self, node: Node, rules: dict[str, Rule]) -> Exemption | None:
        fields = self.reader.fields(node, needed=("rules",), allowed=("role", "author_kind", "owner_role"))
        if "rules" not in fields:
            return None
        names = tuple(self.reader.each(fields["rules"], self.reader.text))
        for name in names:
            if name not in rules and name not in LEAVES:
                self.reader.fault("unknown-rule", fields["rules"], name)
        role = self.reader.choice(fields["role"], ROLES) if "role" in fields else None
        owner_role = self.reader.choice(fields["owner_role"], ROLES) if "owner_role" in fields else None
        kind = self.reader.choice(fields["author_kind"], KINDS) if "author_kind" in fields else None
        if len(fields) < 2 or not names:
            self.reader.fault("missing-key", node, "whom it exempts, and from what")
            return None
        return Exemption(rules=names, role=role, author_kind=kind, owner_role=owner_role)

    def _read_categories(self, node: Node, languages: tuple[Language, ...]) -> dict[Category, CategoryPolicy]:
        entries = self.reader.entries(node)
        for key in entries.keys() - {*CATEGORIES}:
            self.reader.fault("unknown-category", entries[key], key)
        found: dict[Category, CategoryPolicy] = {}
        for category in CATEGORIES:
            if category not in entries:
                self.reader.fault("missing-category", node, category)
                continue
            read = self._read_category_policy(entries[category], category, languages)
            if read is not None:
                found[category] = read
        return found

    def _read_category_policy(
        self, node: Node, category: Category, languages: tuple[Language, ...]
    ) -> CategoryPolicy | None:
        needed = ("ground", "legal_reference", "dsa_category", "prior", "strike", "thresholds", "definition", "reason")
        fields = self.reader.fields(node, needed=needed)
        if len(fields) < len(needed):
            return None
        ground = self.reader.choice(fields["ground"], GROUNDS)
        reference = (
            self.reader.text(fields["legal_reference"], longest=500) if _is_set(fields["legal_reference"]) else None
        )
        if ground == "law" and reference is None:
            self.reader.fault("wrong-value", fields["legal_reference"], "a legal ground names the law")
        dsa_category = self.reader.text(fields["dsa_category"])
        if dsa_category is not None and not _DSA_CATEGORY.fullmatch(dsa_category):
            self.reader.fault("wrong-value", fields["dsa_category"], "STATEMENT_CATEGORY_...")
        prior = self.reader.number(fields["prior"], least=1e-6, most=0.5)
        strike = self.reader.integer(fields["strike"], least=0, most=3)
        if category == "self_harm" and strike:
            self.reader.fault("wrong-value", fields["strike"], "self-harm never brings a strike")
        thresholds = self._read_thresholds(fields["thresholds"], category)
        definition = read_texts(self.reader, fields["definition"], languages, longest=DEFINITION_CHARACTERS)
        reason = read_texts(
            self.reader, fields["reason"], languages, longest=REASON_CHARACTERS, placeholders=PLACEHOLDERS
        )
        if ground is None or dsa_category is None or prior is None or strike is None:
            return None
        return CategoryPolicy(
            ground=ground,
            legal_reference=reference,
            dsa_category=dsa_category,
            prior=prior,
            strike=strike,
            thresholds=thresholds,
            embeddings={language: self._model.embedding(category, language) for language in LANGUAGES},
            definition=definition,
            reason=reason,
        )

    def _read_thresholds(self, node: Node, category: Category) -> dict[Language, Thresholds]:
        shown = {language: self._model.head(category, language) for language in LANGUAGES}
        if node.content == "model":
            return shown
        for key, item in self.reader.entries(node).items():
            language = find_language(key)
            if language is None:
                self.reader.fault("unknown-language", item, key)
                continue
            wanted = self._read_levels(item)
            if wanted is None:
                continue
            for level in laxer_levels(wanted, shown[language]):
                self.reader.fault("lax-threshold", item, f"{level} below the model's {getattr(shown[language], level)}")
            if not wanted.is_ordered():
                self.reader.fault("threshold-order", item, "review <= limit <= auto, none without the softer ones")
            shown[language] = wanted
        return shown

    def _read_levels(self, node: Node) -> Thresholds | None:
        fields = self.reader.fields(node, needed=LEVELS)
        if len(fields) < len(LEVELS):
            return None
        review, limit, auto = (
            self.reader.number(fields[level], least=0, most=1) if _is_set(fields[level]) else None for level in LEVELS
        )
        return Thresholds(review=review, limit=limit, auto=auto)


def _is_set(node: Node) -> bool:
    return node.content is not None
