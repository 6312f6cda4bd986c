"""What the server holds of one account, for a lawful request: every stored column that is tied to it, and nothing else.

Which columns there are comes from the data inventory; here stands, for every table, how its rows are tied to an
account, or why they are not. A table in neither list stops the disclosure and fails the build, so none can be
forgotten; a new column of a tied table is disclosed without anybody's doing. Values are given as they rest: what is
sealed stays sealed. `python -m zajil.server.accounting.disclosure` prints `docs/operate/requests.md`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, Connection, LargeBinary, literal, select

from zajil.auth import tables as auth
from zajil.bridges.registry import tables as bridges
from zajil.delivery import store as delivery
from zajil.delivery.push import store as push
from zajil.delivery.reports import REPORTER
from zajil.engine.keys import Keys
from zajil.engine.sql import schema as mailboxes
from zajil.moderation.private import tallies
from zajil.protocol import cbor
from zajil.protocol.ids import AccountId, encode_b64, parse_b64
from zajil.server.inventory import InventoryRow, collect
from zajil.server.schema import all_tables


class Holder(NamedTuple):
    """Whose rows are looked for. asker: what stands for the account in the table of those who asked for bridges.

    complainant: in that of those who have many complaints open.
    """

    account_id: AccountId
    asker: bytes
    complainant: bytes


FORMAT: Final = "zajil disclosure v1"
Value: TypeAlias = int | str | bytes | None
_Where: TypeAlias = Callable[[Holder], ColumnElement[bool]]


class Tie(NamedTuple):
    """How rows of a table are tied to an account: in words, and as a condition."""

    how: str
    where: _Where


class DisclosedTable(NamedTuple):
    """The rows of one table, each a value for every column. columns: as the inventory describes them."""

    table: str
    columns: tuple[InventoryRow, ...]
    rows: tuple[tuple[Value, ...], ...]


class DocumentColumn(msgspec.Struct, frozen=True):
    """A column, as the inventory describes it. kept: how long."""

    name: str
    kind: str
    purpose: str
    kept: str


class DocumentTable(msgspec.Struct, frozen=True):
    """A table's rows of the account. rows: values in the order of columns, bytes as base64url."""

    table: str
    columns: tuple[DocumentColumn, ...]
    rows: tuple[tuple[int | str | None, ...], ...]


class LogProof(msgspec.Struct, frozen=True, kw_only=True):
    """Where the disclosure stands in the audit log. checkpoint: signed note. path: inclusion proof. key: of the log."""

    n: int
    entry: str
    path: tuple[str, ...]
    checkpoint: str
    key: str


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What is given out. salt, proof: empty until it is logged. at: Unix seconds."""

    format: str
    server: str
    account: str
    reference: str
    at: int
    tables: tuple[DocumentTable, ...]
    salt: str = ""
    proof: LogProof | None = None


def _named(found: ColumnElement[bytes]) -> Tie:
    return Tie("names the account", lambda holder: found == literal(holder.account_id, LargeBinary))


def _own_mailboxes(holder: Holder) -> ColumnElement[bool]:
    found = select(auth.device.c.mailbox_id).where(auth.device.c.account_id == holder.account_id)
    return mailboxes.mailbox.c.mailbox_id.in_(found)


def _own_items(holder: Holder) -> ColumnElement[bool]:
    found = select(auth.device.c.mailbox_id).where(auth.device.c.account_id == holder.account_id)
    return mailboxes.mailbox_item.c.mailbox_id.in_(found)


def _own_wakes(holder: Holder) -> ColumnElement[bool]:
    found = select(auth.device.c.mailbox_id).where(auth.device.c.account_id == holder.account_id)
    return mailboxes.push_due.c.mailbox_id.in_(found)


def _own_messages(holder: Holder) -> ColumnElement[bool]:
    found = select(mailboxes.mailbox_item.c.message_id).where(_own_items(holder))
    return mailboxes.message.c.id.in_(found)


TIES: Final[Mapping[str, Tie]] = MappingProxyType(
    {
        "account": _named(auth.account.c.id),
        "account_measure": _named(auth.account_measure.c.account_id),
        "bridge_asker": Tie(
            "holds a keyed hash of the account", lambda holder: bridges.bridge_asker.c.who == holder.asker
        ),
        "contact_token": _named(auth.contact_token.c.account_id),
        "device": _named(auth.device.c.account_id),
        "device_list": _named(auth.device_list.c.account_id),
        "key_package": _named(delivery.key_package.c.account_id),
        "mailbox": Tie("is the mailbox of one of its devices", _own_mailboxes),
        "mailbox_item": Tie("waits in a mailbox of one of its devices", _own_items),
        "message": Tie("waits in a mailbox of one of its devices", _own_messages),
        "mod_complainant": Tie(
            "holds a keyed hash of the account", lambda holder: tallies.complainant.c.who == holder.complainant
        ),
        "push": _named(push.push.c.account_id),
        "push_due": Tie("wakes one of its devices", _own_wakes),
        "session_token": _named(auth.session_token.c.account_id),
        "username": _named(auth.username.c.account_id),
    }
)
"""Tables with rows of an account, and how one finds them."""

_SERVER: Final = "of the server, of nobody in particular"
_BRIDGE: Final = "about bridges; who was given a token is not kept"
_ONCE: Final = "named by a hash of something random that only the caller had"
_PUBLIC: Final = "of the public space, which knows personas and no account"
_MODERATION: Final = "of moderation, which knows personas and staff and no account"
APART: Final[Mapping[str, str]] = MappingProxyType(
    {
        "alembic_version": _SERVER,
        "attachment": "who uploaded it, and which chat it belongs to, is not kept; its bytes are ciphertext",
        "backup": "encrypted under a recovery key and named by it; whose it is, is not kept",
        "bridge": _BRIDGE,
        "bridge_code": _BRIDGE,
        "bridge_of_token": _BRIDGE,
        "bridge_token": _BRIDGE,
        "claim": _ONCE,
        "contact_pair": "who asked whom to be a contact in the last 30 days, as a hash of both under the server's key: "
        "it names nobody, but whoever has that key can ask it of any two accounts, and so of each pair in turn",
        "grp": "a group; its members are sealed under a key that only they have",
        "http_claim": _ONCE,
        "http_idem": _ONCE,
        "idem": _ONCE,
        "invite_code": "who made or used a code is not kept",
        "key_mark": _SERVER,
        "link": "named by a random address, for 120 seconds",
        "mod_report": "a report from a private chat: who sent it and about whom is sealed to the moderators' key",
        "mod_measure": "a measure after such a report: against whom is sealed to the moderators' key",
        "mod_untold": "measures and outcomes of reports that were not told yet: which accounts and which outcomes is "
        "sealed to the moderators' key",
        "mod_private_act": "what staff did with such reports, by the day; which report is not kept",
        "mod_private_month": "counts of such reports, as they were published",
        "pass": "whose a pass is, is not kept",
        "reach_document": "public",
        "ref_deny": "a hash of a mailbox and a serial that is not kept",
        "ref_use": "a hash of a mailbox and a serial that is not kept",
        "server_state": _SERVER,
        "spent": _ONCE,
        **dict.fromkeys(
            (
                *("pub_applied", "pub_channel", "pub_event", "pub_handle", "pub_member", "pub_outbox", "pub_persona"),
                *("pub_post", "pub_post_version", "pub_spent", "pub_token", "pub_search", "pub_search_config"),
                *("pub_search_content", "pub_search_data", "pub_search_docsize", "pub_search_idx"),
                "pub_words",
            ),
            _PUBLIC,
        ),
        **dict.fromkeys(
            (
                *(
                    "mod_appeal",
                    "mod_audit_entry",
                    "mod_audit_head",
                    "mod_audit_record",
                    "mod_audit_sample",
                    "mod_change",
                ),
                *("mod_checkpoint", "mod_cluster", "mod_cluster_member", "mod_decision", "mod_handover", "mod_item"),
                *("mod_match_text", "mod_match_url", "mod_notice", "mod_policy", "mod_published", "mod_reading"),
                *("mod_spread", "mod_staff", "mod_staff_invite", "mod_staff_key", "mod_staff_session", "mod_strike"),
                *("mod_suspension", "mod_tally", "mod_verdict"),
            ),
            _MODERATION,
        ),
    }
)
"""Tables without a row of any account, and why."""

APART_COLUMNS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {("message", "refs"): "counts the mailboxes of other people that have not fetched it yet"}
)
"""Columns of a tied table that tell something of others alone."""


def check_tables(inventory: Iterable[InventoryRow]) -> None:
    """Raises ValueError naming a table that stands in neither list, or in both, or that is not there."""
    tables = {row.table for row in inventory}
    for table in sorted(tables ^ (TIES.keys() | APART.keys())):
        raise ValueError(f"nobody said whether {table} is tied to an account" if table in tables else f"no {table}")
    for table in sorted(TIES.keys() & APART.keys()):
        raise ValueError(f"{table} is said to be tied to an account and not to be")


def disclosed_columns() -> dict[str, list[InventoryRow]]:
    """What is disclosed of an account: columns by table. Raises ValueError as `check_tables`."""
    inventory = collect()
    check_tables(inventory)
    found: dict[str, list[InventoryRow]] = {}
    for row in inventory:
        if row.table in TIES and (row.table, row.column) not in APART_COLUMNS:
            found.setdefault(row.table, []).append(row)
    return found


def is_known(db: Connection, account_id: AccountId) -> bool:
    """Whether an account of this id was ever made; a deleted one leaves its id."""
    return db.execute(select(auth.account.c.id).where(auth.account.c.id == account_id)).first() is not None


def read_account(db: Connection, account_id: AccountId, keys: Keys) -> tuple[DisclosedTable, ...] | None:
    """Every stored row of this account, table by table; None where no account of this id was ever made.

    keys: the server's, for the name under which it asked for bridges.
    """
    if not is_known(db, account_id):
        return None
    complainant = tallies.name_complainant(keys.pseudonym(REPORTER, account_id))
    holder = Holder(account_id, keys.pseudonym("bridge_asker", account_id), complainant)
    return tuple(
        DisclosedTable(table, tuple(columns), _read_rows(db, table, columns, holder))
        for table, columns in disclosed_columns().items()
    )


def _read_rows(
    db: Connection, table: str, columns: list[InventoryRow], holder: Holder
) -> tuple[tuple[Value, ...], ...]:
    # By name, as the inventory has them: the query asks for what is described, not for what the code happens to use.
    stored = all_tables().tables[table]
    named = [stored.c[row.column] for row in columns]
    return tuple(tuple(row) for row in db.execute(select(*named).where(TIES[table].where(holder)).order_by(*named)))


def make_document(
    tables: Iterable[DisclosedTable], *, server: str, account_id: AccountId, reference: str, at: int
) -> Document:
    """The document of these rows, not logged yet. at: Unix seconds."""
    return Document(
        format=FORMAT,
        server=server,
        account=encode_b64(account_id),
        reference=reference,
        at=at,
        tables=tuple(
            DocumentTable(
                table=found.table,
                columns=tuple(
                    DocumentColumn(name=row.column, kind=row.kind, purpose=row.purpose, kept=row.retention)
                    for row in found.columns
                ),
                rows=tuple(
                    tuple(encode_b64(value) if isinstance(value, bytes) else value for value in row)
                    for row in found.rows
                ),
            )
            for found in tables
        ),
    )


def encode_disclosed(document: Document) -> bytes:
    """The record that the log's hash is over: who, why, when, and the hash of what was given out."""
    plain = json.dumps(msgspec.to_builtins(document.tables), sort_keys=True, separators=(",", ":"))
    return cbor.encode(
        {
            "kind": "disclosure",
            "account": parse_b64(document.account),
            "reference": document.reference,
            "at": document.at,
            "rows": hashlib.sha256(plain.encode()).digest(),
        }
    )


def render() -> str:
    """`docs/operate/requests.md`."""
    lines = [_HEAD]
    for table, columns in disclosed_columns().items():
        lines.append(f"### `{table}`: each row that {TIES[table].how}")
        lines += ["", "| Column | What it is | Kept |", "|---|---|---|"]
        lines += [f"| `{row.column}` | {row.purpose} | {row.retention} |" for row in columns]
        lines.append("")
    lines += [
        "## What is not tied to an account",
        "Of these tables the server cannot say which row is whose; no request can change that.",
        "",
        "| Table | Why |",
        "|---|---|",
    ]
    lines += [f"| `{table}` | {why} |" for table, why in sorted(APART.items())]
    lines += ["", "Not given out although it stands in a row of the account:", "", "| Column | Why |", "|---|---|"]
    lines += [f"| `{table}.{name}` | {why} |" for (table, name), why in sorted(APART_COLUMNS.items())]
    return "\n".join(lines) + "\n"


_HEAD: Final = """\
# Lawful requests
Written by `python -m zajil.server.accounting.disclosure` from the definition of every table. What stands here is the
command's whole output and all there is: there is no other table, and no log with more in it.

    zajil admin disclose ACCOUNT --reference TEXT

prints one JSON document with the stored columns of that account, and logs that it did. It works on the data folder,
also while the server runs.

## Before you answer
Whether a request binds you is for a lawyer. The program does not know who asks; it knows an account only by its id, 22
characters, which `zajil whoami` shows to its owner. It cannot find an account by a name, a phone number, an address or
an IP, as it has none of them. A persona of the public space cannot be turned into an account: the server does not know
which personas an account made.

## What a request can get
The columns below, as they rest. Times are days where the table says day.

## What it cannot get
- What anybody wrote, in any private chat: bodies are ciphertext under keys that only the devices have, sealed once
  more under a key of the server, and deleted once fetched.
- With whom the account talks: no row names a sender, and who is in a group is sealed under a key of its members. Only
  while messages wait can one see that mailboxes wait for the same one. The command does not show whom the account asked
  to be a contact; `contact_pair` below says what can be found out of that for 30 days.
- Names, contacts, addresses, IPs: not stored, but for the name of a device that is being linked, for 120 seconds. Of
  use it shows the day of the last login, whether there was a login within the hour, and when messages that still wait
  came.
- Passwords and private keys: there are none on the server. Tokens are kept as hashes, which log nobody in.
- Anything from before: the server keeps no backups of its own. On SQLite what was deleted is overwritten on the disk;
  PostgreSQL keeps it until it is vacuumed, and in its log as long as you keep that.

## The record of it
Each disclosure is an entry of the audit log, of kind `disclosure`: a number, a time and a hash, which tell neither whom
it was about nor who asked ([the log](../protocol/audit.md)). The hash is over account, reference, time and the
disclosed rows behind a salt that is stored nowhere but in the document itself: whoever holds the document can prove
that it was logged, nobody can find out from the log. The reference, such as a court's file number, is stored in no
other way. The transparency report counts these entries as requests of authorities. A request for an unknown account is
refused and not counted.

How to check a document: `rows` of its record is SHA-256 over `tables` as JSON with sorted keys and no white space; the
record is deterministic CBOR of `{kind: "disclosure", account, reference, at, rows}`; SHA-256(`salt` || record) is
`decision_hash` of the entry in `proof`, which leads with its path to the checkpoint there, signed by the log's key. All
bytes are base64url. `tests/server/test_disclosure.py` does it.

"""


if __name__ == "__main__":
    sys.stdout.write(render())
