"""`Core`: the delivery rules of one device. Every method is one transaction or one read; nothing else happens.

The shell (or a test) moves bytes: it sends HELLO when `hello` says so, feeds what R delivers, sends `requests` on S and
reports each answer, and makes the control calls of `wants`. Any of it may be cut, doubled or repeated at any point.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from zajil.client.core import chats, duties, keypackages, messages, outbox, sealing, sync
from zajil.client.core import wants as calls
from zajil.client.core.contact import doors
from zajil.client.core.expiry import sweep
from zajil.client.core.kept import backup
from zajil.client.core.sealing import Request
from zajil.client.core.talk import arranging, callkeys, contents, receipts, whispers
from zajil.client.core.talk.callkeys import CallKeys
from zajil.client.core.talk.whispers import Course
from zajil.client.core.wants import Want
from zajil.client.state import certificates, deadlines, rows
from zajil.client.state.step import CallNews, GroupCache, Signal, Step
from zajil.client.storage.keyfile import Keys
from zajil.client.storage.store import Rng, Store
from zajil.protocol import cbor
from zajil.protocol.backups.wire import DeleteBackup, StoredBackup
from zajil.protocol.chat import forms
from zajil.protocol.control import ClaimedKeyPackages, KeyPackage, SuiteCount
from zajil.protocol.frames import Eph, Gap, Msg, Ready, Send

Now = Callable[[], int]


class Core:
    """One device over one store. now: Unix milliseconds; rng: random bytes; both are asked once or more a step.

    ticks: milliseconds that never jump back, for the age of call signals; `now` where none are given.
    """

    def __init__(self, store: Store, keys: Keys, *, now: Now, rng: Rng, ticks: Now | None = None) -> None:
        self.store = store
        self.keys = keys
        self.now = now
        self.rng = rng
        self._ticks = ticks or now
        self._clock: tuple[int, int, int] | None = None
        self._hear: Callable[[CallNews], None] | None = None
        self._watched: frozenset[bytes] = frozenset()
        self._cache = GroupCache()
        with store.look() as tx:
            self._opened_at = Step(tx, keys, self._cache, certificates.authenticate).session().hellos
        self.sweep()

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """One transaction. A step that raises leaves store and cache as they were."""
        try:
            with self.store.step(name, self.now(), self.rng) as tx:
                step = Step(tx, self.keys, self._cache, certificates.authenticate)
                yield step
        except BaseException:
            self._cache.groups.clear()
            raise
        for news in step.calls:
            if self._hear is not None and (isinstance(news, Signal) or news.gid in self._watched):
                self._hear(news)

    @contextmanager
    def look(self) -> Iterator[Step]:
        """A read-only view."""
        with self.store.look(self.now()) as tx:
            yield Step(tx, self.keys, self._cache, certificates.authenticate)

    def is_locked(self) -> bool:
        """Whether this home must neither receive nor send: an old copy, or a revoked device."""
        with self.look() as step:
            session = step.session()
            return session.rolled_back or session.revoked

    def sweep(self) -> None:
        """Remove the messages that are over; nothing is shown before that."""
        with self.store.look() as tx:
            due = deadlines.is_due(tx, self.now())
        if due:
            with self.step("sweep") as step:
                sweep.sweep(step)

    def show_kept(self) -> None:
        """Show what an older version kept as a kind that it did not know; once after an update."""
        with self.look() as step:
            wanted = contents.has_old_kept(step)
        if wanted:
            with self.step("show-kept") as step:
                contents.show_kept(step)

    # -- receiving (the holder of sync.lock alone)
    def start(self, file_starts: int) -> int:
        """Raise the start counter; the new value, to be written to the key file next (mls.md 7.10)."""
        with self.step("start") as step:
            session = step.session()
            if session.adopt_ack and not self._cache.recovering:
                # The process that recovered ended before its READY, or this is a copy of then: it must alarm again.
                session = step.change_session(adopt_ack=False)
            if session.starts < file_starts:
                step.change_session(rolled_back=True)
                return file_starts
            step.change_session(starts=session.starts + 1)
            return session.starts + 1

    def hello(self) -> int:
        """A HELLO goes out now: the highest seq stored. One HELLO at a time until its DRAINED came."""
        with self.step("hello") as step:
            return sync.begin_hello(step)

    def take_ready(self, ready: Ready) -> None:
        """The server's answer to HELLO."""
        self._clock = (ready.now, self.now(), self._ticks())
        with self.step("ready") as step:
            sync.take_ready(step, ready)

    def take_messages(self, batch: Sequence[Msg]) -> int:
        """Up to 64 mailbox entries in seq order; the seq to acknowledge, as they are durable now."""
        with self.step("receive") as step:
            return sync.take_messages(step, batch)

    def take_drained(self) -> None:
        """DRAINED came for the HELLO sent last."""
        with self.step("drained") as step:
            sync.take_drained(step)

    def position(self) -> int:
        """The highest seq stored."""
        with self.look() as step:
            return step.session().last_seq

    def holding(self) -> bool:
        """Whether messages of a later epoch are kept."""
        with self.look() as step:
            return bool(step.tx.count("held"))

    def take_waited(self) -> None:
        """What is held waited too long on a standing connection."""
        with self.step("waited") as step:
            sync.take_waited(step)

    def take_ephemeral(self, eph: Eph) -> None:
        """EPH came: somebody writes or calls, or it changes nothing."""
        with self.step("ephemeral") as step:
            whispers.take_ephemeral(step, eph)

    def want_key_packages(self) -> None:
        """KEYS_LOW came."""
        with self.step("keys-low") as step:
            step.change_session(keys_wanted=True)

    def take_gap(self, gap: Gap) -> None:
        """The server lost entries of our mailbox; groups that miss a commit of it will show at the drain."""
        del gap
        with self.step("gap") as step:
            step.event("gap")

    def take_revoked(self) -> None:
        """This device is no longer one of its account's."""
        with self.step("revoked") as step:
            step.change_session(revoked=True)

    def drain_wanted(self) -> bool:
        """Whether something waits for a drain that no HELLO has begun yet."""
        with self.look() as step:
            session = step.session()
            return session.wanted > session.hellos

    # -- sending
    def want_drain(self) -> None:
        """Ask whoever receives for one drain, so that this process may seal (mls.md 7.10)."""
        with self.step("want-drain") as step:
            step.wanted_drain()

    def requests(self) -> list[Request]:
        """Seal what may be sealed, then every sealed request without an answer."""
        with self.look() as step:
            sealable = sealing.may_seal(step, self._opened_at) and sealing.has_queued(step)
        if sealable:
            with self.step("seal") as step:
                sealing.seal_due(step)
        with self.look() as step:
            session = step.session()
            if session.rolled_back or session.revoked or not sealing.may_seal(step, self._opened_at):
                return []
            return sealing.open_requests(step)

    def seal_typing(self, gid: bytes) -> Send | None:
        """The request that tells a chat we write, sent once or not at all; None where it is off or not due."""
        with self.look() as step:
            if not sealing.may_seal(step, self._opened_at):
                return None
        with self.step("typing") as step:
            return whispers.seal_typing(step, gid)

    def flush_receipts(self) -> bool:
        """Queue all receipts and drafts that are owed without waiting for their time; whether there were any."""
        with self.look() as step:
            owed = any(receipts.due_at(chat) is not None for chat in rows.all_chats(step.tx))
            if not owed and arranging.due_at(step) is None:
                return False
        with self.step("receipts") as step:
            receipts.flush_due(step, at_once=True)
            arranging.flush_due(step, at_once=True)
        return True

    def take_ok(self, mid: bytes) -> None:
        """The server holds the request durably."""
        with self.step("ok") as step:
            outbox.take_ok(step, mid)

    def take_err(self, mid: bytes, code: str) -> None:
        """The server refused the request, not for being busy or limited (then the same request goes again)."""
        with self.step("err") as step:
            outbox.take_err(step, mid, code)

    def is_settled(self, hello: int) -> bool:
        """Whether that drain is over and nothing is left that could be sent or asked for now."""
        with self.look() as step:
            session = step.session()
            if session.rolled_back or session.revoked:
                return True
            if session.drained < max(hello, self._opened_at + 1) or session.wanted > session.drained:
                return False
            if any(calls.is_pressing(step, want) for want in calls.wants(step)):
                return False
            deadline = duties.next_deadline(step)
            if deadline is not None and deadline <= self.now():
                return False
            return not sealing.has_sendable(step)

    def lacks_introduction(self, n: int) -> bool:
        """Whether, after a drain of this process, outbox item n waits for somebody to introduce themselves."""
        with self.look() as step:
            item = outbox.find_item(step, n)
            drained = step.session().drained > self._opened_at
            return item is not None and drained and sealing.lacks_introduction(step, item)

    # -- control calls and time
    def wants(self) -> list[Want]:
        """Control calls needed now."""
        with self.look() as step:
            return calls.wants(step)

    def take_create(self, n: int, group_pass: bytes, own_ref: bytes) -> None:
        """The answer to a WantCreate."""
        with self.step("create") as step:
            calls.take_create(step, n, group_pass, own_ref)

    def take_claim(self, want: calls.WantClaim, answer: ClaimedKeyPackages) -> bool:
        """The answer to a WantClaim. False: nothing to claim yet, ask again after a pause."""
        with self.step("claim") as step:
            return calls.take_claim(step, want, answer)

    def take_door(self, want: doors.WantMind) -> None:
        """The server did what was wanted."""
        with self.step("door") as step:
            doors.take_done(step, want)

    def take_ref(self, n: int, own_ref: bytes) -> None:
        """The answer to a WantRef."""
        with self.step("ref") as step:
            doors.take_ref(step, n, own_ref)

    def take_lists(self, want: calls.WantLists, lists: Sequence[bytes]) -> None:
        """The answer to a WantLists. Raises Malformed or HomeError for lists that do not verify."""
        with self.step("lists") as step:
            calls.take_lists(step, want, lists)

    def lists_lost(self, lists: Sequence[bytes]) -> list[bytes]:
        """Our own lists that the server, whose chain this is, does not have. Raises Malformed or HomeError."""
        with self.step("lists") as step:
            return calls.lists_lost(step, lists)

    def take_lists_brought(self) -> None:
        """The server has all our own lists."""
        with self.step("lists-brought") as step:
            step.change_session(list_lost=False)

    def make_key_packages(
        self, held: Sequence[SuiteCount], pools: Mapping[int, int] = keypackages.POOLS
    ) -> tuple[KeyPackage, ...]:
        """Fresh packages for the server beside those it holds, secrets stored. pools: suite -> how many."""
        with self.step("key-packages") as step:
            return keypackages.make(step, held, pools)

    def pool_stale(self) -> bool:
        """Whether the server still hands out packages whose secrets this device forgot."""
        with self.look() as step:
            return step.session().pool_stale

    def take_published(self) -> None:
        """The pool at the server is full again."""
        with self.step("published") as step:
            step.change_session(keys_wanted=False, pool_stale=False)

    def take_refusal(self, want: Want, code: str) -> None:
        """The server refused a wanted call for good."""
        with self.step("refusal") as step:
            calls.take_refusal(step, want, code)

    def seal_backup(self, want: backup.WantBackup) -> backup.SealedBackup | None:
        """What is to be put for it; None where it is not wanted any more. Raises Malformed `too-big`."""
        with self.step("seal-backup") as step:
            return backup.seal(step, want)

    def take_backed_up(self, want: backup.WantBackup, sealed: backup.SealedBackup) -> None:
        """The server holds it."""
        with self.step("backed-up") as step:
            backup.take_stored(step, want, sealed)

    def take_newer_backup(self, want: backup.WantBackup, stored: StoredBackup, *, refused: int) -> None:
        """The server holds a newer one than the version it refused. Raises Malformed, Conflict."""
        with self.step("newer-backup") as step:
            backup.take_newer(step, want, stored, refused=refused)

    def forget_backup(self, want: backup.WantForget) -> DeleteBackup | None:
        """What deletes it; None where that is done."""
        with self.look() as step:
            return backup.deletion(step, want)

    def take_forgotten(self, want: backup.WantForget) -> None:
        """It is gone."""
        with self.step("forgotten") as step:
            backup.take_forgotten(step, want)

    def next_deadline(self) -> int | None:
        """Unix ms at which `tick` has something to do."""
        with self.look() as step:
            return duties.next_deadline(step)

    def daily(self) -> None:
        """Retention and upkeep, once a start and once a day."""
        with self.step("daily") as step:
            duties.daily(step)

    def tick(self) -> None:
        """Do what time made due."""
        with self.step("tick") as step:
            duties.tick(step)

    # -- calls
    def hear_calls(self, hear: Callable[[CallNews], None] | None) -> None:
        """Whom to tell of signals and epochs, after the step that brought them is durable. None: nobody."""
        self._hear = hear

    def watch_calls(self, gids: Collection[bytes]) -> None:
        """The groups whose epochs are told."""
        self._watched = frozenset(gids)

    def age_ms(self, signal: Signal) -> int:
        """How long ago the server took a signal, by the server's own clock; no clock of this device is believed.

        READY said what that clock was. Since then the longer of what our two clocks counted has passed: one may stand
        still while the machine sleeps, the other may be set back.
        """
        if self._clock is None:
            return 0
        server, now, ticks = self._clock
        return max(0, server + max(self.now() - now, self._ticks() - ticks) - signal.ts)

    def seal_signal(self, gid: bytes, fields: Mapping[str, cbor.Value], course: Course) -> Send | None:
        """The request that carries a call signal, sent once or not at all; None where nothing may be said now."""
        with self.look() as step:
            if not sealing.may_seal(step, self._opened_at):
                return None
        with self.step("signal") as step:
            return whispers.seal_signal(step, gid, fields, course)

    def call_keys(self, gid: bytes, *, context: bytes) -> CallKeys:
        """Keys and members of a call in the group's epoch. Raises `not-a-member`, `chat-stuck`."""
        with self.look() as step:
            return callkeys.call_keys(step, gid, context)

    def send_token(self, gid: bytes) -> tuple[int, bytes]:
        """The epoch and its send token. Raises `not-a-member`, `chat-stuck`."""
        with self.look() as step:
            return callkeys.send_token(step, gid)

    def keep_call(self, record: bytes | None) -> None:
        """Keep the record of the call this device is in, durable on return; None forgets it."""
        with self.step("call") as step:
            rows.save_call(step.tx, record)

    def kept_call(self) -> bytes | None:
        """The record kept last."""
        with self.look() as step:
            return rows.find_call(step.tx)

    def submit_call_log(self, gid: bytes, log: forms.CallLog) -> bytes:
        """Store and queue what became of a call; its message id. Raises `not-a-member`."""
        with self.step("call-log") as step:
            return messages.submit_call_log(step, chats.check_member(step, gid).gid, log)
