"""SEND: one application message to everybody in the roster, the sender's own device included.

No frame names the sender, so the echo is how his device learns that its message stands in the mailboxes.
"""

from __future__ import annotations

from zajil.delivery.requests import key_of, prepare_off_loop
from zajil.engine.sql.interface import MESSAGE_TTL_S, Accepted, Send, SendEphemeral
from zajil.engine.sql.mailboxes import MailboxEngine
from zajil.protocol import frames, limits
from zajil.protocol.chat.aad import find_tag
from zajil.protocol.errors import error
from zajil.protocol.mlsheader import APPLICATION, parse_header


def prepare(frame: frames.Send) -> Send | SendEphemeral:
    """The engine's operation for this frame.

    Raises Malformed: `too-big`; `malformed` for a header of another group or type, an AAD that is not one of an
    application message, or a `ttl` that is too long or of no use. The flag for push changes nothing with a
    message that is not stored.
    """
    ephemeral, body = bool(frame.flags & frames.EPHEMERAL), frame.body
    if frame.ttl > (0 if ephemeral else limits.SIGNAL_TTL_S):
        raise error("malformed", "ttl")
    if len(body) > (limits.EPHEMERAL_BYTES if ephemeral else limits.BODY_BYTES):
        raise error("too-big")
    header = parse_header(body)
    if header.group_id != frame.gid or header.content_type != APPLICATION:
        raise error("malformed", "message header differs from the request")
    # Nothing else is parsed: whoever has no token yet must not buy the parsing of 96 KiB of CBOR.
    tag = find_tag(header.authenticated_data)
    if tag is None:
        raise error("malformed", "AAD of an application message")
    if ephemeral:
        return SendEphemeral(
            gid=frame.gid, epoch=header.epoch, token=frame.token, roster_key=frame.roster_key, body=body
        )
    return Send(
        key=key_of(frame),
        body_hash=frames.request_hash(frame),
        gid=frame.gid,
        epoch=header.epoch,
        token=frame.token,
        roster_key=frame.roster_key,
        body=body,
        tag=tag,
        ttl_s=frame.ttl or MESSAGE_TTL_S,
        wake=bool(frame.flags & frames.WAKE),
    )


async def send(engine: MailboxEngine, frame: frames.Send) -> Accepted:
    """The message stands in every mailbox, durably. Raises what `prepare` and the engine's `Send` raise."""
    return await engine.send(await prepare_off_loop(prepare, frame, len(frame.body)))
