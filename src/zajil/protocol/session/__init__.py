"""Sessions: what makes connections disposable. Sans-I/O, both sides; records in, records and events out.

    client                                          server
    open_carrier -> OPEN ---------------------------> ServerCarrier.feed: new session, or takes an old one over
    feed <- OPENED known? <-------------------------- pull
    DATA, ACK, PING, PONG both ways; CLOSE ends the session; a cut ends only the carrier

A session delivers whole messages in order, each once, while it lives; nothing durable lives in it. A newer OPEN takes
it over: from then on both sides ignore what older carriers still deliver, since another gateway may have answered and
counting may have begun anew. A server keeps a detached session for 120 s and may have forgotten it at any time: then
the client's `Begin` says to start over (R: HELLO; S: the open requests with the same mids).
`resume` is a secret of one session and one role: it is never logged.
"""

from zajil.protocol.session.client import ClientSession
from zajil.protocol.session.events import Begin, ClientEvent, Closed, Message, Stalled, Usable
from zajil.protocol.session.server import DETACHED_S, ServerCarrier, ServerEvent, ServerSession, SessionTable, TakenOver

__all__ = [
    "DETACHED_S",
    "Begin",
    "ClientEvent",
    "ClientSession",
    "Closed",
    "Message",
    "ServerCarrier",
    "ServerEvent",
    "ServerSession",
    "SessionTable",
    "Stalled",
    "TakenOver",
    "Usable",
]
