"""The field where a message is written."""

from __future__ import annotations

from textual import events
from textual.message import Message as Told
from textual.widgets import TextArea

from zajil.cli.texts.talk import screen as words
from zajil.cli.untrusted import clean_text


class Field(TextArea):
    """Enter sends, Ctrl+J begins a line; what is pasted loses what steers a terminal, and keeps its lines."""

    class Sent(Told):
        """Enter was pressed."""

    def __init__(self) -> None:
        super().__init__(
            id="field", compact=True, highlight_cursor_line=False, soft_wrap=True, placeholder=words.WRITE_HERE()
        )

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self.post_message(self.Sent())
        elif event.key == "ctrl+j":
            event.stop()
            event.prevent_default()
            self.insert("\n")

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.insert(clean_text(event.text))

    def show(self, text: str) -> None:
        """Put a text into the field, the cursor at its end."""
        if text != self.text:
            self.load_text(text)
            self.move_cursor(self.document.end)
