"""The words of `zajil demo`."""

from __future__ import annotations

from zajil.cli.texts.text import Text

DEMO = Text(
    en="A two-minute story in this terminal: a server, three people, and what goes wrong.",
    ar="حكاية من دقيقتين في هذه الطرفيّة: خادم وثلاثة أشخاص وما قد يسوء.",
    ru="История на две минуты прямо в терминале: сервер, трое людей и всё, что может пойти не так.",
)
FAST_OPTION = Text(en="Without the pauses.", ar="دون وقفات.", ru="Без пауз.")
