"""The texts that `moderation_stages.py` reads: lines that people wrote, and made ones full of what takes time.

Real ones come from the folder of public data sets (`src/zajil/moderation/data/folder.py`), which the repository does
not hold: presumed benign lines that no model learnt from, as many of each language, and one in twenty a post that its
annotators called harmful. All have the length of a channel's post, 70 to 140 characters.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from zajil.moderation.categories import LANGUAGES
from zajil.moderation.train.rows import YES
from zajil.moderation.train.texts.natural import find_fraud, read_benign
from zajil.moderation.train.texts.sources import read_labelled

SEED: Final = 1
HARMFUL: Final = 0.05
SHORTEST, LONGEST = 70, 140
WORDS: Final = {
    "en": "the channel of our city will open again on friday because many people asked for a longer market and there "
    "is music for children near the old bridge while some roads stay closed until evening please tell your friends",
    "ru": "канал нашего города снова откроется в пятницу потому что многие люди просили о долгой ярмарке и там будет "
    "музыка для детей у старого моста а некоторые улицы закрыты до вечера расскажите друзьям об этом",
    "ar": "قناة المدينة تفتح من جديد يوم الجمعة لأن كثيرا من الناس طلبوا سوقا أطول وهناك موسيقى للأطفال قرب الجسر "
    "القديم وبعض الطرق مغلقة حتى المساء أخبروا أصدقاءكم عن هذا",
}
WORST: Final = {
    "ligatures": "ﷺ" * 8192,
    "marks": "e" + "\u0301\u0323" * 4096,
    "dotted": "a." * 4096,
    "mail": "a@" * 4096,
    "spaced digits": "1 " * 4096,
    "mixed scripts": "aц" * 4096,
    "leet": "a1" * 4096,
    "labels": ("x" * 63 + ".") * 128,
    "text": (WORDS["en"] + " " + WORDS["ru"] + " " + WORDS["ar"] + " ") * 15,
}


def read_real(data: Path, count: int) -> list[str]:
    """So many lines of the public sets, the same for the same count. Raises DataMissing."""
    rng = random.Random(SEED)
    harmful = round(HARMFUL * count)
    benign, rest = divmod(count - harmful, len(LANGUAGES))
    posts = rng.sample(
        _fitting(row.text for row in read_labelled(data, find_fraud) if row.labels[-1] == YES), harmful + rest
    )
    for language in LANGUAGES:
        posts += rng.sample(_fitting(line.text for line in read_benign(data, language) if not line.even), benign)
    rng.shuffle(posts)
    return posts


def _fitting(texts: Iterable[str]) -> list[str]:
    """Those of a post's length, each once."""
    return list(dict.fromkeys(text for text in texts if SHORTEST <= len(text) <= LONGEST))


def make_made(count: int) -> list[str]:
    """Texts of three languages in turn, the same for the same count.

    Made of few words in a random order, with links, handles, numbers, emoji, capitals and disguises.
    """
    rng = random.Random(SEED)
    posts = []
    for number in range(count):
        words = WORDS[("ar", "ru", "en")[number % 3]].split()
        text = ""
        while len(text) < rng.randint(75, 125):
            text += rng.choice(words) + " "
        extras: tuple[tuple[float, Callable[[], str]], ...] = (
            (0.15, lambda: f"https://example.com/{rng.randrange(10**6)}"),
            (0.08, lambda: f"@user_{rng.randrange(1000)}"),
            (0.30, lambda: str(rng.randrange(3000))),
            (0.03, lambda: f"+7 9{rng.randrange(10**8):08d}1"),
            (0.15, lambda: rng.choice("😀🔥❤️👍")),
            (0.10, lambda: "!!!"),
        )
        text += " ".join(extra() for share, extra in extras if rng.random() < share)
        if rng.random() < 0.05:
            text = text.upper()
        if rng.random() < 0.02:
            text = text.replace("e", "е").replace("о", "o").replace("i", "1")
        posts.append(text)
    return posts
