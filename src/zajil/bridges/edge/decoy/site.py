"""Makes the files of a site: a few pages of whole sentences, a style sheet, drawings, and dates in the past.

It imitates nobody, and no two are alike in words, structure, names or look. Still, somebody who has seen many of them
may know one more: own content is better.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from html import escape
from pathlib import Path
from random import Random
from typing import Final

from zajil.bridges.edge.decoy.arabic import ARABIC
from zajil.bridges.edge.decoy.english import ENGLISH
from zajil.bridges.edge.decoy.look import Look
from zajil.bridges.edge.decoy.russian import RUSSIAN
from zajil.bridges.edge.decoy.spanish import SPANISH
from zajil.bridges.edge.decoy.tongue import Subject, Tongue
from zajil.bridges.edge.edges import NOT_FOUND

TONGUES: Final = {tongue.code: tongue for tongue in (ENGLISH, RUSSIAN, ARABIC, SPANISH)}
FOLDERS: Final = ("assets", "static", "media", "files", "img", "images", "res", "public", "theme", "css", "ui", "dist")
_STYLES: Final = ("main", "style", "site", "base", "screen", "styles", "layout")
_DAY_S: Final = 86_400
_PAGE: Final = """\
<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{style}">
</head>
<body>
<div class="{page}">
{head}
{main}
{foot}
</div>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class _Note:
    title: str
    slug: str
    written: str
    paragraphs: tuple[str, ...]


class _Site:
    """The choices of one site."""

    def __init__(self, tongue: Tongue, random: Random, now_s: float, folder: str) -> None:
        self.tongue = tongue
        self.random = random
        self.now_s = now_s
        self.subject: Subject = random.choice(tongue.subjects)
        self.name = random.choice(self.subject.names).format(place=random.choice(tongue.places))
        self.look = Look(random)
        self.folder = folder
        self.style = f"{random.choice(_STYLES)}{random.choice(('', '', '.min', f'-{random.randint(2, 9)}'))}.css"
        self.folders = random.random() < 0.5
        self.labels = {
            part: random.choice(getattr(tongue, part)) for part in ("home", "about", "notes", "contact", "more", "back")
        }
        self.slug, self.loose = random.choice(("note", "entry", "post", "p", "text", "item")), random.random() < 0.5
        self.slugs = {
            "about": random.choice(("about", "about-us", "info", "us")),
            "notes": random.choice(("notes", "journal", "posts", "diary", "log")),
            "contact": random.choice(("visit", "contact", "where", "find-us", "meet")),
        }
        self.pictures = tuple(
            f"{random.choice(('view', 'hill', 'day', 'top'))}-{n}.svg" for n in range(random.randint(1, 3))
        )
        self.written = random.choice(tongue.written)
        self.notes = self._notes()

    def _notes(self) -> tuple[_Note, ...]:
        random, titles = self.random, list(self.subject.topics)
        random.shuffle(titles)
        ages = sorted(random.uniform(20, 900) for _ in range(random.randint(4, len(titles))))
        return tuple(
            _Note(
                title, self._slug(number), self._month(age), self._paragraphs(self.subject.said, random.randint(2, 4))
            )
            for number, (title, age) in enumerate(zip(titles, ages, strict=False))
        )

    def _slug(self, number: int) -> str:
        return f"{self.slug}-{self.random.randint(10, 99) if self.loose else ''}{number + 1}"

    def _month(self, age_days: float) -> str:
        at = time.gmtime(self.now_s - age_days * _DAY_S)
        return self.written.format(month=self.tongue.months[at.tm_mon - 1], year=at.tm_year)

    def _paragraphs(self, sentences: tuple[str, ...], count: int) -> tuple[str, ...]:
        chosen = self.random.sample(sentences, min(len(sentences), count * self.random.randint(3, 5)))
        size = max(1, len(chosen) // count)
        return tuple(" ".join(chosen[at : at + size]) for at in range(0, len(chosen), size))

    def link(self, slug: str) -> str:
        """The address of a page."""
        return f"/{slug}/" if self.folders else f"/{slug}.html"

    def file(self, slug: str) -> str:
        """The file of a page."""
        return f"{slug}/index.html" if self.folders else f"{slug}.html"

    def page(self, title: str, body: str) -> str:
        """A whole page."""
        names, tongue = self.look.names, self.tongue
        links = [("/", self.labels["home"])] + [
            (self.link(self.slugs[k]), self.labels[k]) for k in ("notes", "about", "contact")
        ]
        nav = "".join(f'<a href="{where}">{escape(label)}</a>' for where, label in links)
        heading = self.name if title == self.name else f"{title} – {self.name}"
        name = escape(self.name)
        return _PAGE.format(
            language=f'{tongue.code}" dir="rtl' if tongue.rtl else tongue.code,
            title=escape(heading),
            style=f"/{self.folder}/{self.style}",
            head=f'<header class="{names["head"]}"><h1>{name}</h1><nav class="{names["nav"]}">{nav}</nav></header>',
            main=f'<main class="{names["main"]}">\n{body}\n</main>',
            foot=f'<footer class="{names["foot"]}">{name}</footer>',
            page=names["page"],
        )

    def files(self) -> dict[str, str]:
        """Every file by its name."""
        random, names = self.random, self.look.names
        cards = [
            f'<div class="{names["card"]}"><h2><a href="{self.link(note.slug)}">{escape(note.title)}</a></h2>'
            f'<p class="{names["when"]}">{escape(note.written)}</p><p>{escape(note.paragraphs[0])}</p>'
            f'<p><a href="{self.link(note.slug)}">{escape(self.labels["more"])}</a></p></div>'
            for note in self.notes
        ]
        picture = f'<p><img src="/{self.folder}/{self.pictures[0]}" alt=""></p>\n'
        intro = self._text(self._paragraphs(self.subject.about, 1))
        found = {
            "index.html": self.page(self.name, picture + intro + "\n" + "\n".join(cards[: random.randint(2, 4)])),
            self.file(self.slugs["notes"]): self.page(self.labels["notes"], "\n".join(cards)),
            self.file(self.slugs["about"]): self._plain("about", self.subject.about),
            self.file(self.slugs["contact"]): self._plain("contact", self.tongue.visits),
            NOT_FOUND: self._missing(),
            "robots.txt": random.choice(("User-agent: *\nDisallow:\n", "User-agent: *\nAllow: /\n")),
            f"{self.folder}/{self.style}": self.look.style(),
        }
        found |= {f"{self.folder}/{name}": self.look.drawing(width=960, height=320) for name in self.pictures}
        for note in self.notes:
            body = f'<h2>{escape(note.title)}</h2>\n<p class="{names["when"]}">{escape(note.written)}</p>\n'
            found[self.file(note.slug)] = self.page(note.title, body + self._text(note.paragraphs))
        return found

    def _plain(self, part: str, sentences: tuple[str, ...]) -> str:
        label = self.labels[part]
        return self.page(label, f"<h2>{escape(label)}</h2>\n" + self._text(self._paragraphs(sentences, 2)))

    def _missing(self) -> str:
        random, tongue = self.random, self.tongue
        title = random.choice(tongue.missing)
        back = f'<p><a href="/">{escape(self.labels["back"])}</a></p>'
        return self.page(
            title, f"<h2>{escape(title)}</h2>\n<p>{escape(random.choice(tongue.missing_said))}</p>\n{back}"
        )

    @staticmethod
    def _text(paragraphs: tuple[str, ...]) -> str:
        return "\n".join(f"<p>{escape(each)}</p>" for each in paragraphs)


def write_site(site: Path, *, folder: str, random: Random, language: str | None, now_s: float) -> None:
    """Make a site in this new folder. Raises FileExistsError, OSError.

    folder: of its style sheet and drawings. language: one of TONGUES, None for any. Files bear dates of the past, as
    those of a real site would.
    """
    tongue = TONGUES[language] if language is not None else random.choice(list(TONGUES.values()))
    site.mkdir(mode=0o755)
    for name, text in _Site(tongue, random, now_s, folder).files().items():
        path = site / name
        path.parent.mkdir(mode=0o755, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        at = int(now_s - random.uniform(20, 600) * _DAY_S)
        os.utime(path, (at, at))
