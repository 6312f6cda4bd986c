"""One device of `tests.client.world`: a real `Core` over a real store, its sessions, and the ways in which both fail.

It does what the shell does, one small act a call, so that a test can put a fault between any two of them.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
from tests.client.ledger import Device, Sealing, Violation

from zajil.client.core import chats, messages, outbox, recovery
from zajil.client.core.contact.doors import WantAllow, WantDeny, WantDrop, WantLink, WantRef, WantToken
from zajil.client.core.core import Core
from zajil.client.core.wants import Want, WantClaim, WantCreate, WantKeyPackages, WantLists
from zajil.client.state.rows import Intent
from zajil.client.storage.keyfile import Keys
from zajil.client.storage.store import Store
from zajil.protocol import frames
from zajil.protocol.errors import Limited, Unavailable, ZajilError, error_from_wire
from zajil.protocol.ids import MailboxId
from zajil.protocol.limits import SUITE_RFC1, SUITE_XWING
from zajil.server.gateway import receiver as gateway
from zajil.server.gateway import work

if TYPE_CHECKING:
    from tests.client.world import World

T = TypeVar("T")
POOLS = {SUITE_XWING: 3, SUITE_RFC1: 2}


class Crash(Exception):
    """The process ended, at the boundary of a step."""


class Line:
    """One R session: the gateway's real rules over the real engine, and the frames still on their way."""

    def __init__(self, world: World, phone: Phone) -> None:
        self.world = world
        self.phone = phone
        self.receiver = gateway.Receiver(now=0, first_frame_s=1e12, slow_after_s=1e12)
        self.coming: deque[frames.RFromServer] = deque()
        self.hello_open = False
        self.leave: Callable[[], None] = lambda: None

    def hello(self) -> None:
        """HELLO, the first or again."""
        after = self.phone.core.hello()
        self.hello_open = True
        self.run(self.receiver.hello(frames.Hello("token", after)))

    def mack(self, upto: int) -> None:
        """MACK."""
        self.run(self.receiver.mack(frames.Mack(upto), now=0))

    def woken(self, frame: frames.Eph | frames.KeysLow | None) -> None:
        """The bus tells of news."""
        if frame is None:
            self.run(self.receiver.woken(now=0))
        else:
            self.coming.append(frame)

    def run(self, actions: list[work.Action]) -> None:
        """Carry out what the rules ask for, at once."""
        world, box = self.world, self.phone.mailbox
        for action in actions:
            match action:
                case work.Authenticate():
                    self.leave()
                    self.leave = world.bus.subscribe(box, self.woken)
                    identity = gateway.Identity(*self.phone.caller)
                    standing = world.standing(self.phone, action.after)
                    self.run(self.receiver.admitted(identity, standing, now_ms=world.now_ms))
                case work.Acknowledge():
                    world.acknowledge(box, action.upto)
                case work.Read():
                    found = world.engine.read_now(box, action.after, n=action.most, max_bytes=action.size_bytes)
                    rows = [(message, len(message.body)) for message in found]
                    self.run(self.receiver.rows(rows, complete=len(found) < action.most, now=0))
                case work.Emit():
                    self.coming.append(action.frame)
                case work.Finish():
                    raise Violation(f"{self.phone.name}: the gateway ends R: {action.code}")


class Phone:
    """One device. `name` for people; the rest as the product has it."""

    def __init__(self, world: World, name: str, home: Path, *, keys: Keys, device: Device, mailbox: MailboxId) -> None:
        self.world = world
        self.name = name
        self.home = home
        self.keys = keys
        self.device = device
        self.mailbox = mailbox
        self.caller = world.caller(device, mailbox)
        self.fuse: int | None = None
        self.line: Line | None = None
        self.session = 0
        self.flying: set[bytes] = set()
        self.answers: deque[tuple[int, bytes, frames.Ok | frames.Err]] = deque()
        self.backup: tuple[Path, Keys, int] | None = None
        self.open()

    # -- the process
    def open(self) -> None:
        """A process begins on this home."""
        self.store = Store(self.home, self.keys.store_key, hook=self._boundary)
        self.store.db.execute("PRAGMA synchronous=OFF")  # processes die here, not machines
        self.core = Core(self.store, self.keys, now=self.world.read_clock, rng=self.world.rng.randbytes)

    def boot(self) -> None:
        """What the shell does first."""
        starts = self.core.start(self.keys.starts)
        self.keys = msgspec.structs.replace(self.keys, starts=starts)
        self.core.daily()
        self.core.want_drain()

    def close(self) -> None:
        """The process ends between two steps."""
        self.cut_receiving()
        self.cut_sending()
        self.store.close()

    def crash(self) -> None:
        """The process ends and another one begins."""
        self.fuse = None
        self.close()
        self.open()
        self.boot()

    def _boundary(self, name: str) -> None:
        if self.fuse is None:
            return
        self.fuse -= 1
        if self.fuse <= 0:
            raise Crash(name)

    def run(self, act: Callable[[], T]) -> T | None:
        """Do one act; when the fuse burns down within, the process has crashed there and begun anew."""
        try:
            return act()
        except Crash:
            self.crash()
            return None

    # -- the person
    def text(self, gid: bytes, text: str) -> bytes | None:
        """Queue a text, as `Client.queue` does; its id, None where we are no member."""
        with self.core.step("submit") as step:
            try:
                chat = chats.check_member(step, gid)
            except (ZajilError, KeyError):
                return None
            identity = messages.submit_text(step, chat.gid, text)
        self.world.books.submitted.setdefault((chat.gid, self.device), []).append(identity)
        return identity

    def intend(self, gid: bytes, intent: Intent) -> None:
        """Queue a commit."""
        with self.core.step("intend") as step:
            outbox.submit_intent(step, gid, intent)

    # -- receiving
    def cut_receiving(self) -> None:
        """R is gone with everything on its way."""
        if self.line is not None:
            self.line.leave()
        self.line = None

    def greet(self) -> bool:
        """Open R, or HELLO again where a drain is wanted; whether either was due."""
        if self.line is None:
            self.line = Line(self.world, self)
        elif self.line.hello_open or not self.core.drain_wanted():
            return False
        self.line.hello()
        return True

    def receive(self, most: int, *, mack: bool = True, doubled: bool = False) -> bool:
        """Take the next frame, or up to `most` messages in one batch; whether there was any."""
        line = self.line
        if line is None or not line.coming:
            return False
        batch: list[frames.Msg] = []
        while line.coming and len(batch) < most and isinstance(line.coming[0], frames.Msg):
            batch.append(line.coming.popleft())  # type: ignore[arg-type]  # the line above
        if batch:
            self.world.before_storing(self, batch)
            upto = self.core.take_messages([*batch, *batch] if doubled else batch)
            if mack:
                line.mack(upto)
            return True
        self._take_frame(line, line.coming.popleft())
        return True

    def _take_frame(self, line: Line, frame: frames.RFromServer) -> None:
        match frame:
            case frames.Ready():
                self.core.take_ready(frame)
            case frames.Drained():
                line.hello_open = False
                self.core.take_drained()
            case frames.KeysLow():
                self.core.want_key_packages()
            case frames.Eph():
                self.core.take_ephemeral(frame)
            case _:
                raise Violation(f"{self.name}: unexpected {frame}")

    # -- sending
    def cut_sending(self) -> None:
        """S is gone: answers are lost, requests under way may still arrive."""
        self.session += 1
        self.flying.clear()
        self.answers.clear()

    def post(self) -> bool:
        """Put sealed requests without an answer on the wire; whether there was any."""
        fresh = [request for request in self.core.requests() if request.mid not in self.flying]
        for request in fresh:
            self._record(request.mid, request.frame)
            self.flying.add(request.mid)
            self.world.wire.append((self, self.session, request.frame))
        return bool(fresh)

    def _record(self, mid: bytes, frame: frames.Request) -> None:
        seals, books = self.world.seals, self.world.books
        if isinstance(frame, frames.Commit):
            seals.leave(frame.commit)
        elif isinstance(frame, frames.Send):
            seals.leave(frame.body)
            with self.core.look() as step:
                found = outbox.find_sealing(step, mid)
            if found is None:
                raise Violation("a request without an item")
            item = found[1]
            books.sealings[hashlib.sha256(frame.body).digest()] = Sealing(item.message_id, self.device, item.shown)

    def hear(self) -> bool:
        """Take the next answer on S; whether there was any."""
        if not self.answers:
            return False
        session, mid, answer = self.answers.popleft()
        if session != self.session:
            return True
        self.flying.discard(mid)
        if isinstance(answer, frames.Ok):
            self.core.take_ok(mid)
        elif not isinstance(error_from_wire(answer.code), Limited | Unavailable):
            self.core.take_err(mid, answer.code)
        return True

    # -- control calls and time
    def call(self) -> bool:
        """Make every control call that is wanted; whether there was any."""
        wanted = self.core.wants()
        for want in wanted:
            self._make(want)
        return bool(wanted)

    def _make(self, want: Want) -> None:
        world = self.world
        try:
            match want:
                case WantCreate():
                    group_pass, ref = world.new_pass(self), world.new_ref(self)
                    self.core.take_create(want.n, group_pass, ref)
                case WantClaim():
                    if not self.core.take_claim(want, world.claim(self, want)):
                        world.now_ms += 1_000
                case WantLists():
                    self.core.take_lists(want, world.lists[want.account])
                case WantKeyPackages():
                    self._publish()
                case WantRef():
                    self.core.take_ref(want.n, world.new_ref(self))
                case WantDrop():
                    world.tokens.pop(want.token, None)
                    self.core.take_door(want)
                case WantToken():
                    world.puts.append((self.device, want.token))
                    self.core.take_door(want)
                case WantLink():
                    world.links.append((self.device, want))
                    self.core.take_door(want)
                case WantDeny() | WantAllow():
                    self.core.take_door(want)
        except ZajilError as refusal:
            self.core.take_refusal(want, refusal.code)

    def _publish(self) -> None:
        if self.core.pool_stale():
            self.world.empty_pool(self)
        made = self.core.make_key_packages(self.world.count_packages(self), POOLS)
        if made:
            self.world.put_packages(self, made)
        self.core.take_published()

    def tick(self) -> bool:
        """Do what time made due; whether anything was."""
        due = self.core.next_deadline()
        if due is None or due > self.world.now_ms:
            return False
        self.core.tick()
        return True

    def turn(self) -> bool:
        """One honest round of everything; whether anything moved."""
        if self.device in self.world.books.restored and self.core.is_locked():
            self.recover()  # the process that had recovered ended before its READY, so the alarm came again
        moved = self.greet()
        while self.receive(64):
            moved = True
        moved |= self.tick()
        moved |= self.call()
        moved |= self.post()
        while self.world.serve(self):
            moved = True
        while self.hear():
            moved = True
        return moved

    # -- copies of the home
    def save_copy(self) -> None:
        """Copy the home as a backup program would, between two steps."""
        copy = self.home.with_name(f"{self.home.name}-copy")
        shutil.rmtree(copy, ignore_errors=True)
        self.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copytree(self.home, copy)
        with self.core.look() as step:
            # Only an acknowledgement above what the copy has stored tells it apart (mls.md 7.10).
            self.backup = copy, self.keys, step.session().last_seq

    def put_back(self) -> None:
        """Put the copy in place of the home."""
        assert self.backup is not None
        copy, self.keys, _ = self.backup
        self.close()
        shutil.rmtree(self.home)
        shutil.copytree(copy, self.home)
        self.backup = None
        self.open()
        self.boot()

    def recover(self) -> None:
        """The person keeps this copy. What came while the home was locked was not stored, so R begins anew."""
        with self.core.step("recover") as step:
            recovery.recover(step, self.keys.starts)
        self.cut_receiving()
        self.core.want_drain()
