"""What `Client` does with messages that somebody should answer for: show what a report would send, and send it."""

from __future__ import annotations

from collections.abc import Sequence

from zajil.client import listing
from zajil.client.core.talk import reports
from zajil.client.shell.device import Device as OpenHome
from zajil.client.talking import gid_of, identity_of
from zajil.client.views import Chat, ReportDraft, ReportedText, SentReport
from zajil.protocol import control
from zajil.protocol.errors import Malformed, Refused, error
from zajil.protocol.ids import encode_b64
from zajil.protocol.report.reasons import Reason
from zajil.protocol.report.verified import NOTE_CHARACTERS


class Reporting:
    """The part of `Client` that reports. Message ids are base64url text; every method raises `unknown-chat`."""

    _device: OpenHome

    def draft_report(self, chat: Chat, messages: Sequence[str]) -> ReportDraft:
        """What a report of these messages would send, exactly. Raises `gone`, `not-reportable`."""
        with self._device.core.look() as step:
            draft = reports.draft_report(step, gid_of(chat), [identity_of(each) for each in messages])
            shown = tuple(ReportedText(one.text, one.sent // 1000) for one in reports.show_draft(step, draft))
            return ReportDraft(encode_b64(draft.account), listing.name_of(step, draft.account), shown)

    async def report(
        self, chat: Chat, messages: Sequence[str], *, reason: Reason, note: str = "", complaint: bool = False
    ) -> SentReport:
        """The server's moderators have the report, once; the same call after one that got no answer is the same report.

        complaint: without proof, for a person to read.

        Raises `gone`, `not-reportable`; `report-unverified` with detail `item` (from 0, as in the draft) and `check`;
        `text-too-long` for a note over 1,000 characters, `too-big`, `slow-down`, Unreachable.
        """
        if len(note) > NOTE_CHARACTERS:
            raise error("text-too-long")
        with self._device.core.step("report") as step:
            draft = reports.draft_report(step, gid_of(chat), [identity_of(each) for each in messages])
            request = reports.encode_report(draft, reason=reason, note=note, complaint=complaint)
            key = reports.key_of(step, request)
        try:
            taken = await self._device.tokens.call(
                control.MAKE_REPORT,
                control.ReportTaken,
                request=request,
                idempotency=key,
            )
        except (Malformed, Refused):
            self._note_answered(key)
            raise
        self._note_answered(key)
        return SentReport(encode_b64(taken.report_id), taken.verified)

    def _note_answered(self, key: bytes) -> None:
        with self._device.core.step("reported") as step:
            reports.note_answered(step, key)
