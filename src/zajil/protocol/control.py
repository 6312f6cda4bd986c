"""Control calls: every HTTP route below /v1, its request, its answer, who may call it and how large it may be.

JSON with bytes as base64url text. The server refuses unknown fields, clients ignore them. ROUTES is the single list:
HTTP and HTTP_REQ frames dispatch through it, and the docs are rendered from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Final, NamedTuple, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, field

from zajil.protocol import limits
from zajil.protocol.attachments import PIECE_MAX_BYTES, AddAttachment, AddedAttachment, UploadOffset
from zajil.protocol.backups.wire import DeleteBackup, StoredBackup
from zajil.protocol.contacts.wire import FoundUsername, OwnContactTokens
from zajil.protocol.errors import ZajilError, error, error_from_wire
from zajil.protocol.frames import U16, U32, U64
from zajil.protocol.gate.wire import WorkChallenge, WorkProof
from zajil.protocol.ids import B8 as B8
from zajil.protocol.ids import B16 as B16
from zajil.protocol.ids import B32 as B32
from zajil.protocol.ids import B64 as B64
from zajil.protocol.ids import Blob as Blob
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.push.wire import PutPush
from zajil.protocol.report.reasons import Reason
from zajil.protocol.report.verified import ITEMS_MAX, NOTE_CHARACTERS
from zajil.protocol.routing import find_parameters, sort_routes

T = TypeVar("T")
PREFIX: Final = "/v1"


class Auth(Enum):
    """Kinds of authorisation; the value is the scheme of the Authorization header."""

    NONE = ""
    DEVICE = "Device"
    CONTACT = "Contact"
    TOKEN = "Token"  # noqa: S105  # a scheme
    BRIDGE = "Bridge"
    UPLOAD = "Upload"


Items: TypeAlias = Annotated[tuple[T, ...], Meta(max_length=64)]


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What opens registration. invite: the code an operator or member gave. altcha: the work of `Config`, done."""

    invite: Annotated[str, Meta(max_length=64)] | None = None
    altcha: WorkProof | None = None


class CreateAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """POST /accounts. device_list: signed. login: signed by a device new in it, its nonce is SHA-256 of device_list.

    A list of seq 1 opens an account. A later one that follows the account's newest, as a recovery key makes it, takes
    the account up again and needs no gate. between: lists that a restored server lost, from the one after its newest.
    """

    device_list: Blob
    login: Blob
    gate: Gate = Gate()
    between: Annotated[tuple[Blob, ...], Meta(max_length=limits.LISTS_BETWEEN)] = ()


class Session(msgspec.Struct, frozen=True):
    """A session token, 32 bytes. expires: Unix seconds by the server's clock."""

    token: B32
    expires: U64


class Challenge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /auth/challenge."""

    account_id: B16
    device_id: U32


class ChallengeAnswer(msgspec.Struct, frozen=True):
    """The nonce to sign in a login object; valid for 60 s."""

    nonce: B32


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /auth/token. login: signed object. POST /auth/lists: by the account key, of device 0."""

    login: Blob


class DeviceLists(msgspec.Struct, frozen=True):
    """Signed device lists, oldest first, from the `from` of the query on."""

    lists: tuple[Blob, ...]


class PutDeviceList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PUT /accounts/me/devices. list: signed, following the newest."""

    list: Blob


class PutContactToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PUT /contact-tokens/{hash}. kind: profile (uses and expires 0) or invite (uses 0: over). expires: Unix s."""

    kind: Annotated[str, Meta(pattern="^(profile|invite)$")]
    uses: Annotated[int, Meta(ge=0, le=100)] = 0
    expires: U64 = 0


class TakeRefs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /mailbox/refs."""

    n: Annotated[int, Meta(ge=1, le=limits.REFS_PER_CALL)]


class Refs(msgspec.Struct, frozen=True):
    """Fresh delivery references to the caller's own mailbox, 54 bytes each, unlinkable."""

    refs: tuple[Blob, ...]


class TakePasses(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /passes. kind: group (makes one), upload (4 MiB of an attachment), invite (a guest's code) or persona."""

    kind: Annotated[str, Meta(pattern="^(group|invite|persona|upload)$")]
    n: Annotated[int, Meta(ge=1, le=limits.PASSES_PER_CALL)]


class Passes(msgspec.Struct, frozen=True, omit_defaults=True):
    """One-time passes; the server keeps their hashes without an account.

    passes: of kind group, upload or persona. codes: of kind invite, text that the gate of registration takes once
    within 30 days.
    """

    passes: tuple[B32, ...]
    codes: tuple[str, ...] = ()


class KeyPackage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One MLS KeyPackage, opaque to the server. expires: Unix seconds, not_after of its lifetime."""

    suite: U16
    body: Blob
    expires: U64
    last_resort: bool = False


class PutKeyPackages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PUT /keypackages. A last-resort package replaces the one before."""

    packages: Annotated[tuple[KeyPackage, ...], Meta(min_length=1, max_length=limits.KEY_PACKAGES_PER_CALL)]


class SuiteCount(msgspec.Struct, frozen=True):
    """What the server holds of one suite for the calling device."""

    suite: U16
    left: U32
    last_resort: bool


class KeyPackageCounts(msgspec.Struct, frozen=True):
    """Answer of PUT /keypackages and GET /keypackages/count."""

    counts: tuple[SuiteCount, ...]


class ClaimKeyPackages(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """POST /keypackages/claim: one package for each device, or for those named. Same claim_id = same answer, 24 h."""

    account_id: B16
    suites: Annotated[tuple[U16, ...], Meta(min_length=1, max_length=8)]
    claim_id: B16
    devices: Annotated[tuple[U32, ...], Meta(min_length=1, max_length=limits.ACCOUNT_DEVICES)] | None = None


class ClaimedClient(msgspec.Struct, frozen=True):
    """A device to add: its package and where its messages go."""

    device_id: U32
    suite: U16
    key_package: Blob
    deliver_to: Blob
    last_resort: bool


class ClaimedKeyPackages(msgspec.Struct, frozen=True, omit_defaults=True):
    """list_seq: seq of the account's newest device list. A device without packages is missing from clients.

    lists: the account's signed lists, for a stranger, who may not ask for them otherwise.
    """

    list_seq: U32
    clients: tuple[ClaimedClient, ...]
    lists: tuple[Blob, ...] = ()


class OwnDataRow(msgspec.Struct, frozen=True):
    """One column of what the server stores. class: identifier, key, ciphertext, counter, time, flag or text.

    rows: how many rows of the table belong to the caller's account; None where the server itself cannot tell.
    """

    table: str
    column: str
    kind: str = field(name="class")
    purpose: str
    retention: str
    rows: U64 | None


class OwnData(msgspec.Struct, frozen=True):
    """GET /accounts/me/data: every column there is, by table."""

    rows: tuple[OwnDataRow, ...]


class StoredCell(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column of a stored row as it rests. value: a number, or bytes as base64url, None for NULL.

    withheld: the value is not told, because it would say who else has fetched the message.
    """

    table: str
    name: str
    kind: str = field(name="class")
    purpose: str
    value: int | str | None
    withheld: bool = False


class StoredMessage(msgspec.Struct, frozen=True):
    """GET /mailbox/rows/{id}: the row of a message, then the entries of the account's mailboxes that point to it."""

    cells: tuple[StoredCell, ...]


class ReportItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message as its receiver kept it. ts, frank: of its MSG; frank None where none came. cert: signed object."""

    content: Blob
    sig: B64
    epoch: U64
    gid: B16
    ts: U64
    frank: B32 | None
    cert: Blob


class MakeReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /reports: messages of one account. complaint: nothing is checked, and nothing is proven."""

    reason: Reason
    items: Annotated[tuple[ReportItem, ...], Meta(min_length=1, max_length=ITEMS_MAX)]
    note: Annotated[str, Meta(max_length=NOTE_CHARACTERS)] = ""
    complaint: bool = False


class ReportTaken(msgspec.Struct, frozen=True):
    """Names the report in the notice of its outcome. verified: false for a complaint."""

    report_id: B16
    verified: bool


class JoinBridge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /bridges, by a bridge once. code: the operator's. host, dir: of its public address, lower case."""

    code: Annotated[str, Meta(pattern="^[0-9A-Za-z -]{20,64}$")]
    host: Annotated[str, Meta(min_length=1, max_length=limits.SERVER_NAME_BYTES)]
    port: Annotated[int, Meta(ge=1, lt=1 << 16)]
    dir: Annotated[str, Meta(min_length=2, max_length=64)]


class JoinedBridge(msgspec.Struct, frozen=True):
    """What the bridge proves itself with from now on: `Authorization: Bridge <credential>`."""

    id: B8
    credential: B32


class BridgeToken(msgspec.Struct, frozen=True):
    """A token that opens a bridge, and the name it has in the bridge's counters.

    public: it stands in the signed list, where everybody has it from.
    """

    id: B8
    token: B32
    public: bool


class BridgeCaps(msgspec.Struct, frozen=True):
    """What a bridge should bear. month_bytes: both directions, in 30 days."""

    carriers: U32
    carrier_bytes_per_s: U64
    month_bytes: U64


class OwnBridge(msgspec.Struct, frozen=True):
    """GET /bridges/me. origin: the only address the bridge forwards to, "" where the operator set none.

    app_origins: web origins whose pages may come.
    """

    origin: str
    app_origins: tuple[str, ...]
    tokens: tuple[BridgeToken, ...]
    caps: BridgeCaps


class BridgeAddress(msgspec.Struct, frozen=True):
    """Where a bridge is."""

    host: str
    port: U16
    dir: str


class BridgeBundle(msgspec.Struct, frozen=True):
    """GET /bridges/bundle: the bridges that the calling token opens now. root_hash: pins the server's root."""

    root_hash: B32
    bridges: tuple[BridgeAddress, ...]


class IssuedBundle(msgspec.Struct, frozen=True):
    """POST /bridges/tokens: a fresh token for somebody else, and what it opens. left: how many more may be had now.

    No account is kept beside the token.
    """

    root_hash: B32
    id: B8
    token: B32
    bridges: tuple[BridgeAddress, ...]
    left: U32


class ReachDocs(msgspec.Struct, frozen=True):
    """GET /reach/docs: signed documents as DSSE envelopes. roots: those after the `root` of the query, oldest first."""

    roots: tuple[Blob, ...]
    list: Blob


class AskRelay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /calls/relay. token: the group's send token of `epoch`, its current one or the one before."""

    gid: B16
    epoch: U64
    token: B32


class RelayAccess(msgspec.Struct, frozen=True):
    """A credential for TURN servers. urls: of RFC 7065; none where this server has no relay."""

    ttl_s: U32
    username: str
    credential: str
    urls: tuple[str, ...]


class AskTicket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /calls/tickets. token: as for a relay. room: what members derive from the call's secret."""

    gid: B16
    epoch: U64
    token: B32
    room: B16


class MediaTicket(msgspec.Struct, frozen=True):
    """Opens the media room, for several connections until it is over; see docs/protocol/calls.md."""

    ticket: Blob
    ttl_s: U32


class Config(msgspec.Struct, frozen=True):
    """GET /config. registration: invite, work, both or open. limits: bytes and counts by name.

    public_space: whether /pub/v1 answers. push_key: the server's key for Web Push, 65 bytes; empty where it sends none.
    altcha: a fresh challenge, where registration is by work or both.
    """

    server_name: str
    registration: str
    min_client: U16
    suites: tuple[U16, ...]
    limits: Mapping[str, U64]
    public_space: bool = False
    push_key: str = ""
    altcha: WorkChallenge | None = None


class Health(msgspec.Struct, frozen=True):
    """GET /health. status: ok."""

    status: str


class Empty(msgspec.Struct, frozen=True):
    """The answer `{}`."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every refusal, RFC 9457, content type application/problem+json."""

    type: str
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    code: Annotated[str, Meta(max_length=64)]
    retry_ms: U32 | None = None
    detail: dict[str, U64 | str] = {}


PROBLEM_TYPE: Final = "application/problem+json"
JSON_TYPE: Final = "application/json"
OCTETS_TYPE: Final = "application/octet-stream"


class Route(NamedTuple):
    """One call. path: below /v1, `{name}` a parameter. request, answer: a Struct, bytes as they are, or None.

    limit: bytes of the request's body. auth: any one of these; with NONE alone an Authorization header is refused.
    query: the names a query may have. tagged: its answer has an ETag, and If-None-Match gets 304 for the same again.
    ranged: the call names a range (RFC 9110 14.2), and its answer is 206 with that part of the bytes.
    """

    method: str
    path: str
    auth: frozenset[Auth]
    request: type[msgspec.Struct] | type[bytes] | None
    answer: type[msgspec.Struct] | type[bytes] | None
    limit: int = 0
    query: frozenset[str] = frozenset()
    tagged: bool = False
    ranged: bool = False

    def url(self, **parameters: str) -> str:
        """The path with /v1 and its parameters, each one text without slashes. Raises LocalProtocolError."""
        try:
            return PREFIX + self.path.format_map(parameters)
        except KeyError:
            raise error("wrong-call", "route parameter missing") from None


_NONE, _D, _U = frozenset({Auth.NONE}), frozenset({Auth.DEVICE}), frozenset({Auth.UPLOAD})
_D_OR_T: Final = frozenset({Auth.DEVICE, Auth.CONTACT})
_SMALL, _JSON = 16 * limits.KIB, limits.HTTP_BODY_BYTES

CREATE_ACCOUNT: Final = Route("POST", "/accounts", _NONE, CreateAccount, Session, _SMALL)
CHALLENGE: Final = Route("POST", "/auth/challenge", _NONE, Challenge, ChallengeAnswer, _SMALL)
TAKE_TOKEN: Final = Route("POST", "/auth/token", _NONE, Login, Session, _SMALL)
DROP_TOKEN: Final = Route("DELETE", "/auth/token", _D, None, Empty)
OWN_DATA: Final = Route("GET", "/accounts/me/data", _D, None, OwnData)
DEVICE_LISTS: Final = Route("GET", "/accounts/{account}/devices", _D_OR_T, None, DeviceLists, query=frozenset({"from"}))
LISTS_BY_KEY: Final = Route("POST", "/auth/lists", _NONE, Login, DeviceLists, _SMALL, query=frozenset({"from"}))
PUT_DEVICE_LIST: Final = Route("PUT", "/accounts/me/devices", _D, PutDeviceList, Empty, _SMALL)
CONTACT_TOKENS: Final = Route("GET", "/contact-tokens", _D, None, OwnContactTokens)
PUT_CONTACT_TOKEN: Final = Route("PUT", "/contact-tokens/{hash}", _D, PutContactToken, Empty, _SMALL)
DROP_CONTACT_TOKEN: Final = Route("DELETE", "/contact-tokens/{hash}", _D, None, Empty)
USERNAME: Final = Route("GET", "/usernames/{username}", _D, None, FoundUsername)
PUT_USERNAME: Final = Route("PUT", "/usernames/{username}", _D, None, Empty)
DROP_USERNAME: Final = Route("DELETE", "/usernames/{username}", _D, None, Empty)
TAKE_REFS: Final = Route("POST", "/mailbox/refs", _D, TakeRefs, Refs, _SMALL)
ALLOW_REF: Final = Route("PUT", "/mailbox/refs/{serial}", _D, None, Empty)
DENY_REF: Final = Route("DELETE", "/mailbox/refs/{serial}", _D, None, Empty)
MAILBOX_ROW: Final = Route("GET", "/mailbox/rows/{id}", _D, None, StoredMessage)
TAKE_PASSES: Final = Route("POST", "/passes", _D, TakePasses, Passes, _SMALL)
PUT_KEY_PACKAGES: Final = Route("PUT", "/keypackages", _D, PutKeyPackages, KeyPackageCounts, _JSON)
COUNT_KEY_PACKAGES: Final = Route("GET", "/keypackages/count", _D, None, KeyPackageCounts)
CLAIM_KEY_PACKAGES: Final = Route("POST", "/keypackages/claim", _D_OR_T, ClaimKeyPackages, ClaimedKeyPackages, _SMALL)
MAKE_REPORT: Final = Route("POST", "/reports", _D, MakeReport, ReportTaken, _JSON)
PUT_LINK_OFFER: Final = Route("PUT", "/link/{addr}/offer", _NONE, bytes, Empty, limits.LINK_OFFER_BYTES)
LINK_OFFER: Final = Route("GET", "/link/{addr}/offer", _NONE, None, bytes)
PUT_LINK_ANSWER: Final = Route("PUT", "/link/{addr}/answer", _NONE, bytes, Empty, limits.LINK_ANSWER_BYTES)
LINK_ANSWER: Final = Route("GET", "/link/{addr}/answer", _NONE, None, bytes, query=frozenset({"wait"}))
PUT_BACKUP: Final = Route("PUT", "/backup/{locator}", _NONE, StoredBackup, Empty, _JSON)
BACKUP: Final = Route("GET", "/backup/{locator}", _NONE, None, StoredBackup)
DELETE_BACKUP: Final = Route("DELETE", "/backup/{locator}", _NONE, DeleteBackup, Empty, _SMALL)
ADD_ATTACHMENT: Final = Route("POST", "/attachments", _NONE, AddAttachment, AddedAttachment, _SMALL)
PUT_ATTACHMENT: Final = Route(
    "PUT", "/attachments/{id}", _U, bytes, UploadOffset, PIECE_MAX_BYTES, query=frozenset({"offset"})
)
ATTACHMENT_OFFSET: Final = Route("GET", "/attachments/{id}/offset", _U, None, UploadOffset)
ATTACHMENT: Final = Route("GET", "/attachments/{id}", _NONE, None, bytes, ranged=True)
JOIN_BRIDGE: Final = Route("POST", "/bridges", _NONE, JoinBridge, JoinedBridge, _SMALL)
OWN_BRIDGE: Final = Route("GET", "/bridges/me", frozenset({Auth.BRIDGE}), None, OwnBridge, tagged=True)
BRIDGE_BUNDLE: Final = Route("GET", "/bridges/bundle", frozenset({Auth.TOKEN}), None, BridgeBundle)
ISSUE_BUNDLE: Final = Route("POST", "/bridges/tokens", _D, None, IssuedBundle)
REACH_DOCS: Final = Route("GET", "/reach/docs", _NONE, None, ReachDocs, query=frozenset({"root"}), tagged=True)
CALL_RELAY: Final = Route("POST", "/calls/relay", _NONE, AskRelay, RelayAccess, _SMALL)
CALL_TICKET: Final = Route("POST", "/calls/tickets", _NONE, AskTicket, MediaTicket, _SMALL)
PUT_PUSH: Final = Route("PUT", "/push", _D, PutPush, Empty, _SMALL)
DROP_PUSH: Final = Route("DELETE", "/push", _D, None, Empty)
CONFIG: Final = Route("GET", "/config", _NONE, None, Config)
HEALTH: Final = Route("GET", "/health", _NONE, None, Health)

ROUTES: Final = (
    *(CREATE_ACCOUNT, CHALLENGE, TAKE_TOKEN, DROP_TOKEN, OWN_DATA, DEVICE_LISTS, LISTS_BY_KEY, PUT_DEVICE_LIST),
    *(CONTACT_TOKENS, PUT_CONTACT_TOKEN, DROP_CONTACT_TOKEN, TAKE_REFS, ALLOW_REF, DENY_REF, MAILBOX_ROW, TAKE_PASSES),
    *(USERNAME, PUT_USERNAME, DROP_USERNAME),
    *(PUT_KEY_PACKAGES, COUNT_KEY_PACKAGES, CLAIM_KEY_PACKAGES, MAKE_REPORT),
    *(PUT_LINK_OFFER, LINK_OFFER, PUT_LINK_ANSWER, LINK_ANSWER, PUT_BACKUP, BACKUP, DELETE_BACKUP),
    *(ADD_ATTACHMENT, PUT_ATTACHMENT, ATTACHMENT_OFFSET, ATTACHMENT),
    *(JOIN_BRIDGE, OWN_BRIDGE, BRIDGE_BUNDLE, ISSUE_BUNDLE, REACH_DOCS, CALL_RELAY, CALL_TICKET),
    *(PUT_PUSH, DROP_PUSH, CONFIG, HEALTH),
)


_BY_SHAPE: Final = sort_routes(ROUTES)


class Found(NamedTuple):
    """A route and the parameters its path held, still text."""

    route: Route
    parameters: Mapping[str, str]


def is_call(target: str) -> bool:
    """Whether a request target, with or without query, is meant for this table; every other one is for the website."""
    path = target.partition("?")[0]
    return path in {PREFIX, HEALTH.path} or path.startswith(PREFIX + "/")


def find_route(method: str, path: str) -> Found | None:
    """The route of a call; path without query, with or without /v1 for /health alone. None if there is none."""
    if path == HEALTH.path:
        path = PREFIX + path
    if not path.startswith(PREFIX + "/"):
        return None
    below = path[len(PREFIX) :]
    for route in _BY_SHAPE.get((method, below.count("/")), ()):
        parameters = find_parameters(route.path, below)
        if parameters is not None:
            return Found(route, parameters)
    return None


def encode_json(value: msgspec.Struct) -> bytes:
    """A request, an answer or a problem as JSON."""
    return msgspec.json.encode(value, enc_hook=_blob_text)


def parse_json(data: bytes, kind: type[T]) -> T:
    """A request (unknown fields refused) or an answer (ignored), as its Struct says. Raises Malformed."""
    try:
        return msgspec.json.decode(data, type=kind, dec_hook=_blob)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise error("malformed", "JSON of another shape") from None


def _blob_text(value: object) -> str:
    if isinstance(value, Blob):
        return encode_b64(value)
    raise error("wrong-call", "no JSON for this kind of value")


def _blob(kind: type[object], value: object) -> object:
    if not issubclass(kind, Blob) or not isinstance(value, str):
        raise error("malformed", "JSON of another shape")
    return kind(parse_b64(value, size=kind.SIZE))


def encode_problem(problem: ZajilError) -> bytes:
    """The body of a refusal. An error that never travels is told as `internal`."""
    if not problem.status:
        problem = error("internal")
    body = Problem(
        f"urn:zajil:error:{problem.code}",
        problem.title,
        problem.status,
        problem.code,
        problem.retry_ms,
        dict(problem.detail),
    )
    return encode_json(body)


def parse_problem(status: int, data: bytes) -> ZajilError:
    """The exception for a refused call; one of the status alone where the body is not a problem of ours."""
    try:
        body = parse_json(data, Problem)
    except ZajilError:
        return error_from_wire({429: "slow-down", 404: "gone"}.get(status, "internal"), status=status)
    return error_from_wire(body.code, status=status, retry_ms=body.retry_ms, detail=body.detail)
