"""How a made-up site looks: a style sheet and small drawings, each time other ones."""

from __future__ import annotations

import colorsys
from random import Random
from typing import Final

_FONTS: Final = (
    "Georgia, 'Times New Roman', serif",
    "system-ui, sans-serif",
    "'Segoe UI', Roboto, Helvetica, Arial, sans-serif",
    "Verdana, Geneva, sans-serif",
    "'Trebuchet MS', Tahoma, sans-serif",
    "Palatino, 'Book Antiqua', serif",
)
_NAMES: Final = {
    "page": ("page", "wrap", "container", "sheet", "content-box"),
    "head": ("head", "masthead", "top", "banner", "site-header"),
    "nav": ("nav", "menu", "links", "site-nav"),
    "main": ("main", "content", "body-text", "article"),
    "card": ("card", "entry", "item", "post", "teaser"),
    "foot": ("foot", "bottom", "site-footer", "colophon"),
    "when": ("date", "when", "meta", "stamp"),
}


class Look:
    """Class names and colours of one site."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.names = {role: random.choice(names) for role, names in _NAMES.items()}
        self._hue = random.random()
        self._dark = random.random() < 0.15
        self._side = random.random() < 0.3

    def _colour(self, light: float, strength: float, shift: float = 0.0) -> str:
        red, green, blue = colorsys.hls_to_rgb((self._hue + shift) % 1, light, strength)
        return "#" + "".join(f"{round(part * 255):02x}" for part in (red, green, blue))

    def style(self) -> str:
        """The style sheet."""
        random, names = self._random, self.names
        paper, ink = (0.12, 0.9) if self._dark else (random.uniform(0.94, 0.99), random.uniform(0.1, 0.22))
        accent = self._colour(0.65 if self._dark else random.uniform(0.3, 0.42), random.uniform(0.3, 0.7), 0.05)
        width = random.choice((38, 42, 46, 52, 60))
        pad = random.choice((1, 1.25, 1.5, 2))
        rules = [
            ("*", "box-sizing: border-box"),
            (
                "body",
                f"margin: 0; font: {random.choice((16, 17, 18))}px/{random.choice((1.5, 1.55, 1.6, 1.7))} "
                f"{random.choice(_FONTS)}; color: {self._colour(ink, 0.1)}; background: {self._colour(paper, 0.25)}",
            ),
            (f".{names['page']}", f"max-width: {width}rem; margin: 0 auto; padding: {pad}rem"),
            (
                f".{names['head']}",
                f"border-bottom: {random.choice((1, 2, 4))}px solid {accent}; padding: {pad}rem 0; "
                f"margin-bottom: {pad}rem",
            ),
            (
                f".{names['nav']} a",
                f"color: {accent}; text-decoration: none; margin-inline-end: {random.choice((1, 1.5))}rem",
            ),
            (f".{names['nav']} a:hover", "text-decoration: underline"),
            (f".{names['card']}", f"padding: {pad / 2}rem 0; border-bottom: 1px solid {self._colour(0.8, 0.15)}"),
            (f".{names['when']}", f"color: {self._colour(0.5, 0.1)}; font-size: .85em"),
            (f".{names['foot']}", f"margin-top: {pad * 2}rem; font-size: .85em; color: {self._colour(0.5, 0.1)}"),
            ("a", f"color: {accent}"),
            ("img", f"max-width: 100%; height: auto; border-radius: {random.choice((0, 2, 4, 8))}px"),
            ("h1, h2", f"line-height: 1.2; font-weight: {random.choice((400, 600, 700))}"),
        ]
        if self._side:
            rules.append((f".{names['nav']} a", "display: block; padding: .2rem 0"))
        first, *rest = rules
        random.shuffle(rest)
        return "\n".join(f"{where} {{ {what} }}" for where, what in (first, *rest)) + "\n"

    def drawing(self, *, width: int, height: int) -> str:
        """A landscape of a few hills, as SVG."""
        random = self._random
        parts = [f'<rect width="{width}" height="{height}" fill="{self._colour(0.9, 0.3, 0.1)}"/>']
        if random.random() < 0.7:
            x, y, r = (
                random.uniform(0.1, 0.9) * width,
                random.uniform(0.15, 0.4) * height,
                height * random.uniform(0.05, 0.12),
            )
            parts.append(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{r:.0f}" fill="{self._colour(0.75, 0.6, 0.15)}"/>')
        for layer in range(random.randint(2, 4)):
            base = height * (0.5 + 0.14 * layer)
            points = [f"0,{height}"]
            steps = random.randint(5, 9)
            points += [
                f"{width * step / steps:.0f},{base + random.uniform(-0.12, 0.12) * height:.0f}"
                for step in range(steps + 1)
            ]
            points.append(f"{width},{height}")
            fill = self._colour(0.7 - 0.13 * layer, 0.35, 0.03 * layer)
            parts.append(f'<polygon points="{" ".join(points)}" fill="{fill}"/>')
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
            f"{''.join(parts)}</svg>\n"
        )
