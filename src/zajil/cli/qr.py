"""A QR code in the terminal, two modules to a character, dark on light whatever the terminal's colours are."""

from __future__ import annotations

from zajil.cli.output import console

_QUIET = 4
"""Light modules around the code (ISO/IEC 18004 9.1)."""
# By upper and lower module, True = dark.
_DARK_INK = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}
_LIGHT_INK = {(not upper, not lower): glyph for (upper, lower), glyph in _DARK_INK.items()}


def draw_qr(text: str, *, dark_ink: bool) -> list[str]:
    """The lines of the code. dark_ink: characters are the dark modules, for a light ground; else the light ones."""
    import segno

    code = segno.make(text, error="l", micro=False, boost_error=False)
    rows = [[bool(module) for module in row] for row in code.matrix_iter(border=_QUIET)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    glyphs = _DARK_INK if dark_ink else _LIGHT_INK
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return ["".join(glyphs[upper, lower] for upper, lower in zip(*pair, strict=True)) for pair in pairs]


def print_qr(text: str) -> None:
    """Print it; where colours may not be used, for the usual dark terminal."""
    screen = console()
    coloured = screen.is_terminal and not screen.no_color
    for line in draw_qr(text, dark_ink=coloured):
        screen.print(line, style="black on bright_white" if coloured else "", no_wrap=True)
