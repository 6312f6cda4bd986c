"""Requests and answers of /mod/v1, for people who review: JSON, bytes as base64url. Times are Unix seconds.

Who reported something, and which colleague decided it, is in none of the answers but those about staff.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from zajil.protocol.control import B16, B32
from zajil.protocol.frames import U32, U64
from zajil.protocol.public.api import Signature
from zajil.protocol.public.redress import AppealState, Category

StaffRole: TypeAlias = Literal["reviewer", "senior", "policy", "admin", "auditor"]
Lang: TypeAlias = Literal["ar", "en", "ru", "und"]
PolicyLang: TypeAlias = Literal["ar", "en", "ru"]
Queue: TypeAlias = Literal["main", "escalate", "error", "senior", "audit", "private"]
TargetKind: TypeAlias = Literal["post", "persona", "channel", "cluster"]
SourceFilter: TypeAlias = Literal["human", "bot", "model"]
PostAction: TypeAlias = Literal["allow", "label", "limit", "hold", "remove", "restore", "escalate"]
ClusterAction: TypeAlias = Literal["remove_cluster", "allow_cluster"]
PersonaAction: TypeAlias = Literal["strike", "suspend_persona", "restore"]
ChannelAction: TypeAlias = Literal["restrict_channel", "block_channel", "restore"]
ItemAction: TypeAlias = Literal[
    "allow",
    "label",
    "limit",
    "hold",
    "remove",
    "restore",
    "escalate",
    "strike",
    "suspend_persona",
    "restrict_channel",
    "block_channel",
]
ListKind: TypeAlias = Literal["url", "host", "domain", "phone", "wallet"]
Note: TypeAlias = Annotated[str, Meta(max_length=1000)]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
Sub: TypeAlias = Literal["", "threat", "sabotage", "terrorism"]
Code: TypeAlias = Annotated[str, Meta(min_length=16, max_length=64, pattern="^[A-Za-z0-9_-]*$")]
CredentialJson: TypeAlias = Annotated[str, Meta(min_length=2, max_length=16_384)]
"""What a browser's WebAuthn call gave or takes, as JSON text."""
CLAIM_MAX: Final = 20
CLAIM_S: Final = 600
"""How long a claimed item is its claimer's alone."""
UNDO_S: Final = 60
SUSPENDED_FOR_GOOD: Final = 253_402_300_799


class NewChallenge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /auth/challenge. key_id: of an Ed25519 key; whether it is known, the answer does not tell."""

    key_id: B16


class Challenge(msgspec.Struct, frozen=True):
    """What to sign, good for 60 s and once. origin: the other part of what is signed."""

    nonce: B32
    origin: str


class Enrol(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """POST /auth/enrol. key: Ed25519. proof: over `staff.enrol_bytes`. name: of a new member; label: of the key."""

    invite: Code
    key: B32
    proof: Signature
    name: Name
    label: Name = "command line"


class KeyLogin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /auth/token. signature: over `staff.login_bytes`."""

    key_id: B16
    nonce: B32
    signature: Signature


class KeyStepUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /auth/step-up. signature: over `staff.step_up_bytes`, by the key that opened the session."""

    nonce: B32
    signature: Signature


class StaffSession(msgspec.Struct, frozen=True):
    """`Authorization: Staff <token>` until it expires, or 30 minutes without a call."""

    token: B32
    expires: U64
    staff_id: B16
    key_id: str


class RegisterOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /auth/register/options. name: of a new member; of a known one it does not count."""

    invite: Code
    name: Name


class RegisterKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /auth/register/verify. credential: what `navigator.credentials.create` gave, as JSON."""

    invite: Code
    name: Name
    label: Name
    credential: CredentialJson


class PasskeyLogin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /auth/login/verify, /auth/step-up/verify. credential: of `navigator.credentials.get`, as JSON."""

    credential: CredentialJson


class PasskeyOptions(msgspec.Struct, frozen=True):
    """options: for the browser's WebAuthn call, as JSON."""

    options: str


class Me(msgspec.Struct, frozen=True, omit_defaults=True):
    """GET /me. languages, categories: what this member judges; none means all. keys: how many they have.

    stepped_up_until: what needs the key again is open until then. needs_key: an admin with one key should add another.
    """

    staff_id: B16
    name: str
    role: StaffRole
    languages: tuple[Lang, ...]
    categories: tuple[Category, ...]
    keys: U32
    expires: U64
    stepped_up_until: U64
    needs_key: bool = False
    private: bool = False
    """May read reports from private chats."""


class NewInvite(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """POST /staff/invites. staff: a known member, for one more key; then the rest does not count.

    private: to read reports from private chats, for who judges. Made by a session, an invite is for one more key of
    nobody but the caller, and never with `private`.
    """

    role: StaffRole = "reviewer"
    languages: Annotated[tuple[Lang, ...], Meta(max_length=4)] = ()
    categories: Annotated[tuple[Category, ...], Meta(max_length=7)] = ()
    staff: B16 | None = None
    private: bool = False


class Invite(msgspec.Struct, frozen=True):
    """Good once, until it expires."""

    code: str
    expires: U64


class Member(msgspec.Struct, frozen=True, omit_defaults=True):
    """A member of staff."""

    staff_id: B16
    name: str
    role: StaffRole
    languages: tuple[str, ...]
    categories: tuple[str, ...]
    keys: U32
    created_at: U64
    revoked_at: U64 | None = None
    private: bool = False


class Staff(msgspec.Struct, frozen=True):
    """GET /staff, by when they came."""

    members: tuple[Member, ...]


class QueueCount(msgspec.Struct, frozen=True):
    """One queue as this member sees it. oldest_at: when its oldest item was opened, 0 if it is empty."""

    queue: Queue
    open: U32
    claimed: U32
    oldest_at: U64


class Queues(msgspec.Struct, frozen=True):
    """GET /queues: those that the caller may work on. appeals: open ones the caller may judge."""

    queues: tuple[QueueCount, ...]
    appeals: U32


class ItemBrief(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item in a list. effect: what holds until somebody decides. harm: 0 to 1000. reach: followers, or copies.

    claim: whose it is now, `mine`, `other` or missing. In the queue `audit` nothing says what a program thought.
    """

    item_id: B16
    queue: Queue
    kind: TargetKind
    target: B16
    version: U32
    category: str
    lang: str
    source: str
    effect: str
    harm: U32
    reach: U32
    opened_at: U64
    sub: str = ""
    state: Literal["open", "done"] = "open"
    claim: Literal["", "mine", "other"] = ""
    claimed_until: U64 = 0
    cluster_id: str = ""
    copies: U32 = 0


class Items(msgspec.Struct, frozen=True):
    """Items, the most urgent first."""

    items: tuple[ItemBrief, ...]


class NewClaim(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """POST /queues/{queue}/claim: the saved filter's own words. Nothing given: everything the caller may judge."""

    n: Annotated[int, Meta(ge=1, le=CLAIM_MAX)] = 1
    category: Category | None = None
    lang: Lang | None = None
    source: SourceFilter | None = None
    item: B16 | None = None
    """Only this one."""


class Person(msgspec.Struct, frozen=True, omit_defaults=True):
    """A persona as reviewers see one. points: of strikes that count now. Times: ends, missing where it is not so."""

    persona_id: B16
    handle: str
    display_name: str
    created_at: U64
    trust: U32
    accepted: U32
    points: U32 = 0
    limited_until: U64 | None = None
    suspended_until: U64 | None = None


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """A channel as reviewers see one."""

    channel_id: B16
    handle: str
    title: str
    kind: str
    lang: str
    state: str
    subscribers: U64
    about: str = ""
    owner: B16 | None = None


class ContextPost(msgspec.Struct, frozen=True, omit_defaults=True):
    """A post beside the one in question, whatever became of it."""

    post_id: B16
    author: str
    state: str
    text: str
    at: U64


class OlderVersion(msgspec.Struct, frozen=True):
    """One version of the post in question."""

    version: U32
    text: str
    at: U64


class Subject(msgspec.Struct, frozen=True, omit_defaults=True):
    """The post in question. text, at: of the version in question. newest: the post's newest version.

    normalised: the text as matching and scoring read it; views: readings of it in another script. near_newest: whether
    the newest text is a copy of this one, or nearly.
    """

    post_id: B16
    version: U32
    newest: U32
    state: str
    text: str
    lang: str
    at: U64
    normalised: str = ""
    views: tuple[str, ...] = ()
    thread_root: B16 | None = None
    near_newest: bool = False


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """One signal. value: as text. detail: the rule's phrases, the matched cluster, or a judge's remarks."""

    name: str
    value: str
    category: str = ""
    detail: str = ""
    phrases: tuple[str, ...] = ()


class Highlight(msgspec.Struct, frozen=True):
    """A part of the normalised text that speaks for the category. start, end: code points. weight: above 0."""

    start: U32
    end: U32
    weight: float


class PastDecision(msgspec.Struct, frozen=True, omit_defaults=True):
    """A decision as history. actor is not told, but whether a person decided."""

    decision_id: B16
    kind: TargetKind
    target: B16
    version: U32
    action: str
    category: str
    source: str
    because: str
    human: bool
    at: U64
    sub: str = ""
    note: str = ""
    text: str = ""
    in_force: bool = True


class Complaint(msgspec.Struct, frozen=True):
    """A user's notice, without its sender. counts: whether it carries any weight."""

    category: str
    note: str
    counts: bool
    at: U64


class PolicyText(msgspec.Struct, frozen=True):
    """What a category means, for reviewers, by language. strike: weight a removal for it has."""

    category: str
    definition: dict[PolicyLang, str]
    strike: U32


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """GET /items/{item}: what a reviewer needs to decide.

    before, after: up to five posts each side. similar: past decisions by people in this category and language.
    history: decisions that met the author; about: those about this very target. help: the policy's words.
    """

    brief: ItemBrief
    subject: Subject | None = None
    author: Person | None = None
    channel: Place | None = None
    before: tuple[ContextPost, ...] = ()
    after: tuple[ContextPost, ...] = ()
    versions: tuple[OlderVersion, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    highlights: tuple[Highlight, ...] = ()
    policy: tuple[PolicyText, ...] = ()
    similar: tuple[PastDecision, ...] = ()
    history: tuple[PastDecision, ...] = ()
    about: tuple[PastDecision, ...] = ()
    complaints: tuple[Complaint, ...] = ()


class Decide(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """POST /items/{item}/decide, /personas/{persona}/decide, /channels/{channel}/decide.

    category: needed by whatever restricts. until: end of a hold or suspension, missing: until somebody decides.
    nonce: the same decision sent again is made once. newest: of a post, a later version that the decision is about too;
    without it, a decision that restricts holds what was edited since until people look.
    """

    action: ItemAction
    category: Category | None = None
    sub: Sub = ""
    note: Note = ""
    until: U64 | None = None
    nonce: B16 | None = None
    newest: U32 = 0


class Decided(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands now. undo_until: until when its maker may take it back. waits_for_second: a colleague must agree."""

    decision_id: B16
    action: str
    category: str
    at: U64
    undo_until: U64 = 0
    waits_for_second: bool = False
    copies: U32 = 0


class Cluster(msgspec.Struct, frozen=True, omit_defaults=True):
    """GET /clusters/{cluster}: what a decision about it would meet. preview_hash: names the text that was shown.

    copies, personas, channels, examples: of what a removal reaches. allowed: copies that an allowance reaches. others:
    copies that a removal does not reach; people are asked about each.
    """

    cluster_id: str
    state: str
    campaign: bool
    copies: U32
    personas: U32
    channels: U32
    preview_hash: B32
    examples: tuple[ContextPost, ...] = ()
    category: str = ""
    allowed: U32 = 0
    others: U32 = 0


class DecideCluster(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """POST /clusters/{cluster}/decide. preview_hash: of the preview it was decided on."""

    action: ClusterAction
    preview_hash: B32
    category: Category | None = None
    sub: Sub = ""
    note: Note = ""
    nonce: B16 | None = None


class AppealBrief(msgspec.Struct, frozen=True, omit_defaults=True):
    """An appeal in a list. claim: as of items."""

    appeal_id: B16
    decision_id: B16
    state: AppealState
    action: str
    category: str
    lang: str
    at: U64
    due_at: U64
    claim: Literal["", "mine", "other"] = ""


class Appeals(msgspec.Struct, frozen=True):
    """GET /appeals: those the caller may judge, the oldest first."""

    appeals: tuple[AppealBrief, ...]


class Appeal(msgspec.Struct, frozen=True, omit_defaults=True):
    """GET /appeals/{appeal}: what its author says, and what was decided about what."""

    brief: AppealBrief
    text: str
    decision: PastDecision
    item: Item
    answer: str = ""


class DecideAppeal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """POST /appeals/{appeal}/decide. partly: with action, what stands instead, softer than what was decided.

    answer: for the author.
    """

    outcome: Literal["upheld", "reversed", "partly"]
    answer: Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"\S")]
    action: Literal["label", "limit"] | None = None
    category: Category | None = None
    note: Note = ""


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """GET /personas/{persona}."""

    person: Person
    strikes: tuple[Strike, ...] = ()
    history: tuple[PastDecision, ...] = ()


class Strike(msgspec.Struct, frozen=True):
    """A strike. counts: neither over nor taken back."""

    decision_id: B16
    category: str
    weight: U32
    at: U64
    expires_at: U64
    counts: bool


class ListEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A listed address. expires_at: missing for good."""

    value: Annotated[str, Meta(min_length=1, max_length=512)]
    category: Category
    source: Annotated[str, Meta(max_length=128)] = ""
    expires_at: U64 | None = None


class AddressList(msgspec.Struct, frozen=True):
    """GET /lists/{list}, by value."""

    name: ListKind
    entries: tuple[ListEntry, ...]
    suspended: tuple[str, ...]
    """Entries that count no more since people reversed what followed from them three times in a day."""


class ListSize(msgspec.Struct, frozen=True):
    """How long a list is."""

    name: ListKind
    entries: U32


class Lists(msgspec.Struct, frozen=True):
    """GET /lists."""

    lists: tuple[ListSize, ...]


class EditList(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """PUT /lists/{list}: what to add, or change, and what to take off. What is named in neither stays."""

    put: Annotated[tuple[ListEntry, ...], Meta(max_length=500)] = ()
    drop: Annotated[tuple[Annotated[str, Meta(max_length=512)], ...], Meta(max_length=500)] = ()


class Exemption(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whose posts do not meet which rules: a part of the policy file."""

    rules: tuple[str, ...]
    role: str = ""
    author_kind: str = ""
    owner_role: str = ""


class PolicyView(msgspec.Struct, frozen=True):
    """GET /policy: the one in force."""

    ref: str
    categories: tuple[PolicyText, ...]
    exemptions: tuple[Exemption, ...]
    suspended_rules: tuple[str, ...]


class Empty(msgspec.Struct, frozen=True):
    """The answer `{}`."""
