"""Every error of Zajil.

    ZajilError                  code, title, status, retry_ms, detail
    |- Malformed                400 413 422   what was sent cannot be taken: a bug or an old version; keep the item
    |- AuthError                401           who asks is not proven: log in again, or the device is revoked
    |- Refused                  403 404       proven or not, it is not allowed, or it is not there
    |- Conflict                 409 412       true a moment ago: catch up and try again
    |- Limited                  429           later: `retry_ms` says when
    |- Unavailable              500 503       the server cannot now: same request again, with back-off
    |  `- Unreachable           -             no server answered at all (client side)
    |- HomeError                -             this machine's own state forbids it (client side)
    `- ProtocolError            400
       |- LocalProtocolError    -             we called wrongly: a bug on this side
       `- RemoteProtocolError   400           the peer broke the protocol

Clients branch on the class, never on text. A code is stable and never reused. Texts for people live in the user
interfaces; `title` is the English sentence of RFC 9457. `python -m zajil.protocol.errors` prints the table.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

Detail = Mapping[str, int | str]


class ZajilError(Exception):
    """Anything Zajil raises on purpose. Made by `error` or `error_from_wire`, so that code and class always agree."""

    def __init__(
        self, code: str, why: str = "", *, status: int, retry_ms: int | None = None, detail: Detail | None = None
    ) -> None:
        super().__init__(f"{code}: {why}" if why else code)
        self.code = code
        self.status = status
        self.retry_ms = retry_ms
        self.detail: Detail = MappingProxyType(dict(detail or {}))

    @property
    def title(self) -> str:
        """One English sentence for people, the same for every error of this code."""
        entry = CODES.get(self.code)
        return entry.title if entry else "The server answered with an error this version does not know."


class Malformed(ZajilError):
    """What was sent cannot be taken."""


class AuthError(ZajilError):
    """Who asks is not proven."""


class Refused(ZajilError):
    """Not allowed, or not there."""


class Conflict(ZajilError):
    """The state moved on; catch up and try again."""


class Limited(ZajilError):
    """Too much; `retry_ms` says when again."""


class Unavailable(ZajilError):
    """The server cannot now; the same request again later."""


class Unreachable(Unavailable):
    """No server answered."""


class HomeError(ZajilError):
    """The state on this machine forbids it."""


class ProtocolError(ZajilError):
    """Somebody broke the protocol."""


class LocalProtocolError(ProtocolError):
    """This side called wrongly: a bug here."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol."""


class ErrorCode(NamedTuple):
    """One row of the table. status: HTTP, 0 where the code never travels."""

    code: str
    cls: type[ZajilError]
    status: int
    title: str
    reaction: str


_ROWS: Final = (
    ErrorCode("malformed", Malformed, 400, "The request could not be read.", "bug or update: keep the item, show it"),
    ErrorCode("too-big", Malformed, 413, "The request is larger than allowed.", "keep the item, show it"),
    ErrorCode("bad-signature", Malformed, 422, "A signature or signed object is wrong.", "refuse the object, show it"),
    ErrorCode("mixed-auth", Malformed, 400, "This call takes another kind of authorisation.", "bug: show it"),
    ErrorCode("bad-handle", Malformed, 422, "This can be nobody's handle.", "choose another handle"),
    ErrorCode("idem-conflict", Malformed, 422, "The same request id came with other content.", "bug: new request id"),
    ErrorCode("report-unverified", Malformed, 422, "A reported message could not be proven.", "offer a complaint"),
    ErrorCode("short-passphrase", Malformed, 422, "The passphrase is too short.", "choose a longer one"),
    ErrorCode("hash-mismatch", Malformed, 422, "The bytes are not the ones that were announced.", "begin anew, once"),
    ErrorCode("unsupported-version", Malformed, 400, "This version is not supported.", "update the application"),
    ErrorCode("token-expired", AuthError, 401, "The session token is missing or has expired.", "log in again"),
    ErrorCode("wrong-space", AuthError, 401, "This token is of the other space, private or public.", "bug: show it"),
    ErrorCode("device-revoked", AuthError, 401, "This device was removed from its account.", "lock and explain"),
    ErrorCode("bad-challenge", AuthError, 401, "The login challenge is wrong or too old.", "new challenge, once"),
    ErrorCode("not-allowed", Refused, 403, "This is not allowed, or nobody by that name is here.", "show it"),
    ErrorCode("gate-required", Refused, 403, "Registration on this server needs a valid invite.", "ask for an invite"),
    ErrorCode("work-required", Refused, 403, "Registration here needs a fresh proof of work.", "new challenge, solve"),
    ErrorCode("suspended", Refused, 403, "This account is suspended.", "show it"),
    ErrorCode("bad-group-token", Refused, 403, "The group does not accept this token.", "drain, retry or re-add"),
    ErrorCode("bad-roster-key", Refused, 403, "The group's roster does not open.", "drain, retry or re-add"),
    ErrorCode("bad-delivery-ref", Refused, 403, "A delivery reference is not valid here.", "claim again"),
    ErrorCode("pass-spent", Refused, 403, "This pass is unknown or already used.", "take another pass"),
    ErrorCode("no-passes-left", Refused, 403, "This account has had all its passes of this kind.", "show it"),
    ErrorCode("persona-suspended", Refused, 403, "This persona is suspended.", "show until when, offer the appeal"),
    ErrorCode("muted", Refused, 403, "This persona is muted in this channel.", "show until when"),
    ErrorCode("channel-closed", Refused, 403, "Nobody can write in this channel now.", "show it"),
    ErrorCode("appeal-closed", Refused, 403, "No appeal is taken here, or not any more.", "show it"),
    ErrorCode("own-decision", Refused, 403, "Nobody judges their own decision.", "leave it to a colleague"),
    ErrorCode("step-up-needed", Refused, 403, "Your key has to be asked again for this.", "ask the key, call again"),
    ErrorCode("invite-spent", Refused, 403, "This invite is unknown, used or over.", "ask for another invite"),
    ErrorCode("reports-closed", Refused, 403, "Nobody on this server reads reports yet.", "show it"),
    ErrorCode("private-locked", Refused, 403, "The key of private reports is locked.", "ask the passphrase, unlock"),
    ErrorCode("wrong-passphrase", Refused, 403, "This passphrase does not open the key.", "ask for it again"),
    ErrorCode("too-young", Refused, 403, "This account is too young for that.", "try again in some days"),
    ErrorCode("push-refused", Refused, 403, "The server sends no wake-ups to this push service.", "choose another"),
    ErrorCode("gone", Refused, 404, "It is not here, or not here any more.", "start over"),
    ErrorCode("no-such-route", Refused, 404, "The server has no such call.", "bug or update: show it"),
    ErrorCode("stale-epoch", Conflict, 409, "The group moved on in the meantime.", "drain, seal anew"),
    ErrorCode("stale-list", Conflict, 409, "The device list moved on in the meantime.", "rebuild on the newest list"),
    ErrorCode("account-exists", Conflict, 409, "This account is registered already.", "log in"),
    ErrorCode("group-exists", Conflict, 409, "A group with this id exists already.", "new group id"),
    ErrorCode("bridge-exists", Conflict, 409, "A bridge at this address has joined already.", "remove that one first"),
    ErrorCode("persona-exists", Conflict, 409, "This persona is registered already.", "log in"),
    ErrorCode("handle-taken", Conflict, 409, "This handle is taken.", "choose another handle"),
    ErrorCode("handle-confusable", Conflict, 409, "This handle looks like one that is taken.", "choose another handle"),
    ErrorCode("version-conflict", Conflict, 409, "The post was edited in the meantime.", "read it again, edit anew"),
    ErrorCode("owns-channels", Conflict, 409, "This persona still owns channels.", "delete those first"),
    ErrorCode("item-claimed", Conflict, 409, "Somebody else works on this.", "take another item"),
    ErrorCode("item-closed", Conflict, 409, "This was decided in the meantime.", "take another item"),
    ErrorCode("preview-changed", Conflict, 409, "This was judged since the preview.", "read it again, decide anew"),
    ErrorCode("undo-late", Conflict, 409, "This cannot be taken back any more.", "decide anew"),
    ErrorCode("wrong-offset", Conflict, 409, "The upload stands at another place.", "go on from detail `offset`"),
    ErrorCode("replaced", Conflict, 409, "A newer connection of this device took over.", "leave it to the newer one"),
    ErrorCode("slow-down", Limited, 429, "Too many requests; try again in a moment.", "wait `retry_ms`"),
    ErrorCode("quota", Limited, 429, "The allowance for this is used up for now.", "wait `retry_ms`"),
    ErrorCode("links-full", Limited, 429, "This account has as many links as it may have.", "have one ended"),
    ErrorCode("busy", Unavailable, 503, "The server is busy.", "same request again, with back-off"),
    ErrorCode("storage-full", Unavailable, 503, "The server has no room for more files now.", "same again, later"),
    ErrorCode("restarting", Unavailable, 503, "The server is restarting.", "same request again, with back-off"),
    ErrorCode("internal", Unavailable, 500, "The server hit an error of its own.", "same request again, with back-off"),
    ErrorCode("protocol", RemoteProtocolError, 400, "The other side broke the protocol.", "reconnect, count it"),
    ErrorCode("wrong-call", LocalProtocolError, 0, "This program called its own protocol code wrongly.", "bug"),
    ErrorCode("unreachable", Unreachable, 0, "The server could not be reached.", "exit 3; try again later"),
    ErrorCode("state-rolled-back", HomeError, 0, "This home is an old copy; nothing is sent.", "link again"),
    ErrorCode("no-home", HomeError, 0, "There is no account in this home yet.", "register or link first"),
    ErrorCode("home-exists", HomeError, 0, "This home holds an account already.", "use another home"),
    ErrorCode(
        "work-unfinished", HomeError, 0, "The work before a registration was not finished.", "show it, offer again"
    ),
    ErrorCode("home-busy", HomeError, 0, "Another program is using this home.", "wait for it to end"),
    ErrorCode("home-damaged", HomeError, 0, "The data in this home cannot be read.", "link again"),
    ErrorCode("ambiguous-name", HomeError, 0, "More than one chat or contact has this name.", "use the id"),
    ErrorCode("unknown-chat", HomeError, 0, "There is no such chat.", "show it"),
    ErrorCode("unknown-contact", HomeError, 0, "There is no such contact.", "show it"),
    ErrorCode("contact-blocked", HomeError, 0, "You blocked this person.", "unblock first"),
    ErrorCode("contact-gone", HomeError, 0, "This account no longer exists.", "show it"),
    ErrorCode("not-a-member", HomeError, 0, "You are not a member of this chat.", "show it"),
    ErrorCode("not-permitted", HomeError, 0, "The chat's rules do not let you do this.", "show it"),
    ErrorCode("chat-stuck", HomeError, 0, "The chat waits to be repaired.", "ask to be added again"),
    ErrorCode(
        "not-introduced", HomeError, 0, "This contact has not introduced themselves yet.", "keep the item, show it"
    ),
    ErrorCode("group-full", HomeError, 0, "The group has as many devices as it can hold.", "show it"),
    ErrorCode(
        "suite-downgrade",
        HomeError,
        0,
        "The server hands out weaker keys of this person than their device has.",
        "tell the user; nothing was sent",
    ),
    ErrorCode("too-many-pins", HomeError, 0, "Five chats are pinned already.", "unpin one first"),
    ErrorCode("already-in", HomeError, 0, "You are in this group already.", "open it"),
    ErrorCode("too-many-links", HomeError, 0, "The group has as many links as it can hold.", "end one first"),
    ErrorCode("text-too-long", HomeError, 0, "The text is longer than 65,536 bytes.", "shorten it"),
    ErrorCode("file-too-big", HomeError, 0, "The file is larger than 100 MiB.", "show it"),
    ErrorCode("too-many-files", HomeError, 0, "A message holds at most 10 files.", "send several messages"),
    ErrorCode("no-attachment", HomeError, 0, "This message holds no such file.", "show it"),
    ErrorCode("no-tool", HomeError, 0, "Only your own tools are allowed, and there is none.", "set a proxy first"),
    ErrorCode("not-reportable", HomeError, 0, "These messages cannot be reported together.", "choose others"),
    ErrorCode("bad-link", HomeError, 0, "This is not a usable link or code.", "ask for a new one"),
    ErrorCode(
        "bad-bundle", HomeError, 0, "This is not a file of saved messages, or it was changed.", "ask for it again"
    ),
    ErrorCode("foreign-bundle", HomeError, 0, "The saved messages are of no chat of this device.", "show it"),
    ErrorCode("bundle-too-big", HomeError, 0, "More waits than fits into one file.", "send some of it first"),
    ErrorCode("nothing-waits", HomeError, 0, "Nothing waits in this chat.", "show it"),
    ErrorCode("link-expired", HomeError, 0, "The link or code has expired.", "ask for a new one"),
    ErrorCode("link-mismatch", HomeError, 0, "The device answering is not the one that was shown.", "start over"),
    ErrorCode("wrong-signature", HomeError, 0, "A document does not carry its server's signature.", "keep the old one"),
    ErrorCode("older-document", HomeError, 0, "A document is older than what is held.", "keep the newer one"),
    ErrorCode("not-this-server", HomeError, 0, "This belongs to another server.", "show it"),
    ErrorCode("list-fork", HomeError, 0, "Two different device lists claim the same place.", "stop, keep both, alarm"),
    ErrorCode("key-changed", HomeError, 0, "The account key changed without proof.", "refuse, keep the old key"),
    ErrorCode("stale-backup", Conflict, 412, "A newer backup is stored already.", "read its version, write above it"),
    ErrorCode("no-recovery-key", HomeError, 0, "This account has no recovery key yet.", "make one first"),
    ErrorCode("bad-recovery-key", HomeError, 0, "This is not a recovery key, or it has a typo.", "compare, type again"),
    ErrorCode("no-backup", HomeError, 0, "The server has no backup for this recovery key.", "compare key and server"),
    ErrorCode("bad-backup", HomeError, 0, "The backup cannot be opened.", "show it"),
)
CODES: Final[Mapping[str, ErrorCode]] = MappingProxyType({row.code: row for row in _ROWS})


def error(code: str, why: str = "", *, retry_ms: int | None = None, detail: Detail | None = None) -> ZajilError:
    """The exception of a code of the table, ready to be raised.

    why: for developers; holds no id, token, name or text. An unknown code is a bug: the LocalProtocolError says so.
    """
    row = CODES.get(code)
    if row is None:
        return LocalProtocolError("wrong-call", "error code missing in the table", status=0)
    return row.cls(code, why, status=row.status, retry_ms=retry_ms, detail=detail)


_BY_STATUS: Final[Mapping[int, type[ZajilError]]] = MappingProxyType(
    {400: Malformed, 401: AuthError, 404: Refused, 409: Conflict, 412: Conflict, 413: Malformed, 422: Malformed}
    | {429: Limited, 500: Unavailable, 503: Unavailable}
)


def error_from_wire(
    code: str, *, status: int | None = None, retry_ms: int | None = None, detail: Detail | None = None
) -> ZajilError:
    """The exception for what a server answered (ERR, BYE, CLOSE or a problem document).

    A code this version does not know, or one that never travels, gets the class of its status; without one, Refused.
    """
    row = CODES.get(code)
    if row is not None and row.status:
        return row.cls(code, status=row.status, retry_ms=retry_ms, detail=detail)
    cls = _BY_STATUS.get(status or 403, Unavailable if status and status >= 500 else Refused)
    return cls(code, "unknown code", status=status or 403, retry_ms=retry_ms, detail=detail)


def render_table() -> str:
    """The table of docs/protocol/errors.md, as Markdown, one row per code."""
    head = "| Code | Class | HTTP status | Meaning | What a client does |\n|---|---|---|---|---|\n"
    rows = (f"| `{r.code}` | {r.cls.__name__} | {r.status or '-'} | {r.title} | {r.reaction} |\n" for r in _ROWS)
    return head + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(render_table())
