"""Builds vectors/moderation/features.json: 40 texts and the buckets of their n-grams, by the slow, readable reference.

`python -m tests.moderation.classify.feature_vectors` writes it; test_features.py compares it with the file and numpy
with both. Source of the rules: design/moderation.md section 7.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

FILE = Path(__file__).resolve().parents[3] / "vectors" / "moderation" / "features.json"
MASK = 2**64 - 1
P = 0x9E3779B97F4A7C15
M = 0xFF51AFD7ED558CCD

TEXTS = (
    "", "a", "ab", "abc", "a b", "a b c", "aa aa", "aaaa", "hello", "hello world", "hello hello", "the cat sat",
    "one two one two", "free money!!", "num3 usertok", "see urltok now", "x" * 40, "ab " * 10 + "ab", "don't", "a.b-c",
    "привет", "привет мир", "еще раз", "как дела?", "щука и щи", "переведи num5 на карту", "жду вас",
    "مرحبا", "مرحبا بكم", "السلام عليكم", "و و و", "ارسل num4 الي walletok", "قناه الاخبار", "اتصل phonetok",
    "привет hello مرحبا", "你好", "😀", "😀😀 😀", "\U0010ffff", "\x00 \x01",
)  # fmt: skip


def mix(h: int) -> int:
    h ^= h >> 33
    h = h * M & MASK
    return h ^ h >> 29


def character_buckets(text: str) -> list[int]:
    padded = f" {text} "
    buckets = []
    for n in (3, 4, 5):
        for start in range(len(padded) - n + 1):
            gram = padded[start : start + n]
            if " " in gram[1:-1]:
                continue
            h = 0
            for character in gram:
                h = (h * P + ord(character) + 1) & MASK
            buckets.append(mix((h + n) & MASK) >> 46)
    return buckets


def word_buckets(text: str) -> list[int]:
    hashes = [
        sum((ord(character) + 1) * M * pow(P, j, 2**64) for j, character in enumerate(word)) & MASK
        for word in text.split(" ")
        if word
    ]
    singles = [mix((w + 1) & MASK) >> 46 for w in hashes]
    pairs = [mix((mix(a) * P + b + 2) & MASK) >> 46 for a, b in pairwise(hashes)]
    return singles + pairs


def count_buckets(text: str) -> Counter[int]:
    """How often each bucket occurs in the text."""
    return Counter(character_buckets(text) + word_buckets(text))


def render() -> str:
    rows = [
        json.dumps([text, sorted(count_buckets(text).items())], ensure_ascii=True, separators=(",", ":"))
        for text in TEXTS
    ]
    source = json.dumps("zajil, tests/moderation/classify/feature_vectors.py; rows are [text, [[bucket, count]]]")
    return f'{{"source": {source}, "texts": [\n' + ",\n".join(rows) + "\n]}\n"


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(render(), encoding="utf-8")
