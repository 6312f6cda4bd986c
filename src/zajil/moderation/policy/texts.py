"""Texts of the policy in every language, and the placeholders that reasons may hold.

A placeholder is ICU's simplest form, a name in braces; nothing else of ICU is taken, and values are put in as they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from zajil.moderation.categories import Language
from zajil.moderation.policy.nodes import Node, Reader

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}", re.ASCII)


def read_texts(
    reader: Reader,
    node: Node,
    languages: Sequence[Language],
    *,
    longest: int,
    placeholders: Collection[str] = (),
) -> dict[Language, str]:
    """One text per language, with these placeholders alone; what is missing or wrong becomes a fault."""
    entries = reader.entries(node)
    for key in entries.keys() - {*languages}:
        reader.fault("unknown-language", entries[key], key)
    found: dict[Language, str] = {}
    for language in languages:
        if language not in entries:
            reader.fault("missing-language", node, language)
            continue
        text = reader.text(entries[language], longest=longest)
        if text is None:
            continue
        for name in find_placeholders(text) - {*placeholders}:
            reader.fault("unknown-placeholder", entries[language], name or "braces that do not match")
        found[language] = text.strip()
    return found


def find_placeholders(text: str) -> set[str]:
    """The names in braces; "" among them where a brace stands alone."""
    names = set(_PLACEHOLDER.findall(text))
    return names | {""} if set("{}") & set(_PLACEHOLDER.sub("", text)) else names


def fill_placeholders(text: str, values: Mapping[str, str]) -> str:
    """The text with every placeholder replaced. Raises KeyError for one without a value."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)
