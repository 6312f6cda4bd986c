"""What `doctor` finds out about a home without the network: codes and values, no sentences."""

from __future__ import annotations

from pathlib import Path

from zajil import mls
from zajil.client.core import sealing
from zajil.client.state import rows
from zajil.client.state.step import Step
from zajil.client.storage import keyfile
from zajil.client.views import Check
from zajil.protocol.ids import encode_b64


def check_home(step: Step, home: Path) -> list[Check]:
    """All checks, each with its code whether it holds or not. A home that cannot be read fails before, at `open`."""
    return [
        _keys(home),
        Check("store", True, "store-readable"),
        _rollback(step, home),
        _device(step),
        _chats(step),
        _outbox(step),
        _lists(step),
        Check(
            "suite",
            True,
            "suite-post-quantum",
            {"suite": f"{mls.XWING.id:#06x}", "per_epoch": sealing.OWN_MESSAGES_MAX},
        ),
    ]


def _keys(home: Path) -> Check:
    file = home / keyfile.FILE
    mode = file.stat().st_mode & 0o777
    private = mode & 0o077 == 0
    values = {"file": str(file), "mode": f"{mode:04o}"}
    return Check("keys", private, "keys-private" if private else "keys-readable", values)


def _rollback(step: Step, home: Path) -> Check:
    session = step.session()
    old = session.rolled_back or session.starts < keyfile.read_keys(home).starts
    return Check("rollback", not old, "home-old-copy" if old else "home-current")


def _device(step: Step) -> Check:
    revoked = step.session().revoked
    return Check("device", not revoked, "device-removed" if revoked else "device-listed")


def _chats(step: Step) -> Check:
    waiting = sum(chat.status in ("lost", "await") and not chat.merged for chat in rows.all_chats(step.tx))
    return (
        Check("chats", False, "chats-waiting", {"count": waiting}) if waiting else Check("chats", True, "chats-working")
    )


def _outbox(step: Step) -> Check:
    queued = len(rows.items(step.tx))
    return (
        Check("outbox", True, "outbox-waiting", {"count": queued}) if queued else Check("outbox", True, "outbox-empty")
    )


def _lists(step: Step) -> Check:
    forked = [encode_b64(account.account_id) for account in rows.all_accounts(step.tx) if account.alarm]
    if not forked:
        return Check("device-lists", True, "lists-agree")
    return Check("device-lists", False, "lists-forked", {"count": len(forked), "accounts": " ".join(forked)})
