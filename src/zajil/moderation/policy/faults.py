"""What can be wrong with a policy file: stable codes, each with the line it stands on."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

FAULTS: Final = MappingProxyType(
    {
        "syntax": "No YAML that is read here: broken, too large, or with anchors, tags or several documents.",
        "unknown-key": "A key that means nothing here.",
        "missing-key": "A key that has to be here.",
        "duplicate-key": "The same key twice.",
        "wrong-type": "A value of another kind.",
        "wrong-value": "A value outside what is allowed.",
        "missing-language": "A text or setting is missing in one of the policy's languages.",
        "unknown-language": "A language the product does not have.",
        "missing-category": "A category has no entry.",
        "unknown-category": "A category the product does not have.",
        "unknown-list": "A phrase list that is not declared under `lists`.",
        "unreadable-list": "A phrase list whose file is not there or not text.",
        "bad-phrase": "A phrase that is empty, too short or too long once it is normalised.",
        "unknown-rule": "An exemption from a rule or a leaf that does not exist.",
        "duplicate-rule": "Two rules with one id.",
        "bad-condition": "A condition outside the grammar.",
        "bad-regex": "A regular expression RE2 refuses, or one too large to be fast on every text.",
        "lax-threshold": "A threshold below what the model has been shown to be safe at.",
        "threshold-order": "A harder level below a softer one, or without it.",
        "unknown-placeholder": "A placeholder that a statement of reasons does not fill, or braces that do not match.",
    }
)


class Fault(NamedTuple):
    """One thing wrong. code: of FAULTS. line: from 1; 0 where the file as a whole is meant. path: `rules[2].when`."""

    code: str
    line: int
    path: str
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.code}: {self.path}: {self.why}"
