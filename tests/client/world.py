"""A deterministic world for the client cores: the real delivery engine, devices on disk, and faults.

Real: `Core`, its store, MLS, the verbs of `zajil.delivery`, the SQLite engine, the gateway's rules of R. Replaced by
plain values: accounts and device lists (signed as the product does), sockets, clocks and randomness. Everything runs
in one thread; between any two acts of a device a test may cut, lose, double, delay, crash or let time pass.
"""

from __future__ import annotations

import atexit
import copy
import random
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.client.ledger import Books, Device, Seals, Violation
from tests.client.phone import Phone
from tests.delivery.world import NO_LIMITS, T0_MS

from zajil.client.core import chats, recovery
from zajil.client.core.contact.doors import WantLink
from zajil.client.core.wants import WantClaim
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Profile
from zajil.client.storage.keyfile import Keys as HomeKeys
from zajil.client.storage.keyfile import make_keys
from zajil.client.storage.store import Store
from zajil.delivery import commit, create, mailboxes, packages, send, store
from zajil.delivery.context import AccountDevices, ContactCaller, Delivery, DeviceCaller
from zajil.delivery.refs import RefBook
from zajil.engine.bus import MemoryBus
from zajil.engine.keys import Keys
from zajil.engine.limits import Limits
from zajil.engine.sql import interface as op
from zajil.engine.sql.sqlite.database import SQLiteDatabase
from zajil.engine.sql.sqlite.engine import SQLiteMailboxEngine
from zajil.engine.sql.writer import Parts
from zajil.protocol import control, frames
from zajil.protocol.chat.extensions import ChatKind, ChatRole, ChatSettings
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.identity import objects
from zajil.protocol.identity.objects import DeviceCertificate, DeviceList, DeviceListEntry, Kind
from zajil.protocol.ids import AccountId, DeviceId, MailboxId
from zajil.protocol.limits import SUITE_RFC1, SUITE_XWING
from zajil.server.gateway.receiver import Standing

T = TypeVar("T")
SERVER = "test.example"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
ROUNDS_MAX = 300
WAITS_MAX = 30
EPOCH_REFUSALS = ("stale-epoch", "bad-group-token", "bad-roster-key")
CREATE_REFUSALS = ("pass-spent", "group-exists")  # a CREATE whose answer was lost for more than a day


def finished(work: Coroutine[Any, Any, T]) -> T:  # Any: what a coroutine yields and takes; ours do neither
    """The result of a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # StopIteration is not generic
    raise RuntimeError("it waits")


class InlineDatabase(SQLiteDatabase):
    """Transactions in the calling thread."""

    async def write(self, work: Any) -> Any:  # Any: as the base class, whose TypeVar a subclass need not repeat
        return self.write_sync(work)

    async def read(self, work: Any) -> Any:  # Any: as above
        return self.read_sync(work)


class InlineEngine(SQLiteMailboxEngine):
    """The engine without its thread: the asynchronous verbs apply at once."""

    async def _submit(self, operation: op.Operation) -> op.Outcome:
        (outcome,) = self.apply([operation], now_ms=int(self._clock() * 1000))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def mailbox_state(self, mailbox_id: MailboxId) -> op.MailboxState:
        return self.state_now(mailbox_id)


_templates: dict[Callable[[World], None], World] = {}


def begin(build: Callable[[World], None], folder: Path, *, seed: int) -> World:
    """A settled copy, in this folder, of the world that `build` makes of an empty one: once in a run."""
    if build not in _templates:
        world = World(Path(tempfile.mkdtemp(prefix="zajil-world-")), seed=7)
        atexit.register(shutil.rmtree, world.folder, ignore_errors=True)
        build(world)
        world.close()
        _templates[build] = world
    world = _templates[build].fork(folder, seed=seed)
    world.settle()
    return world


def build_trio(world: World) -> None:
    """Amal owns a group with Boris and Mallory; all know each other."""
    amal, boris, mallory = (world.enrol(name) for name in ("amal", "boris", "mallory"))
    world.befriend()
    world.settle()
    world.open_main(amal, [], [boris, mallory])


def _build_small(world: World) -> None:
    a1, b, c = (world.enrol(name) for name in ("a1", "b", "c"))
    world.befriend()
    world.settle()
    world.link("a2", a1)
    world.befriend()
    world.settle()
    world.open_main(a1, [b], [b, c])


def small_world(seed: int = 0) -> World:
    """A settled world of four devices in a folder of its own, which whoever closes it removes.

    a1 and a2 are devices of one account, which owns the group; b is an admin of it, c a member.
    """
    return begin(_build_small, Path(tempfile.mkdtemp(prefix="zajil-world-")), seed=seed)


class World:
    """One server and its devices. `main`: the group that tests act in."""

    def __init__(self, folder: Path, *, seed: int) -> None:
        self.folder = folder
        self.rng = random.Random(seed)
        self.now_ms = T0_MS
        self.books = Books()
        self.seals = Seals()
        self.lists: dict[bytes, list[bytes]] = {}
        self.devices: dict[bytes, list[Device]] = {}
        self.boxes: dict[Device, MailboxId] = {}
        self.tokens: dict[bytes, bytes] = {}
        self.puts: list[tuple[Device, bytes]] = []
        """Profile tokens as they were brought, the newest last."""
        self.links: list[tuple[Device, WantLink]] = []
        """Links that were brought to a server that came back, likewise."""
        self.seeds: dict[bytes, bytes] = {}
        self.wire: list[tuple[Phone, int, frames.Request]] = []
        self.phones: dict[str, Phone] = {}
        self.main = b""
        self.mutants: set[str] = set()
        self.server_keys = Keys.create(self.rng.randbytes)
        self.start_server()
        self.seals.install()

    # -- the server
    def start_server(self) -> None:
        """A server process on the files of this world."""
        self.bus = MemoryBus()
        self.database = InlineDatabase.open(self.folder / "zajil.db")
        self.database.create_tables()
        self.refs = RefBook(self.server_keys, random=self.rng.randbytes)
        limits = Limits(NO_LIMITS)
        self.engine = InlineEngine(
            self.database,
            Parts(
                keys=self.server_keys,
                open_ref=self.refs.open_ref,
                bus=self.bus,
                limits=limits,
                clock=self.read_seconds,
                random=self.rng.randbytes,
            ),
        )
        self.engine._writing().execute("PRAGMA synchronous=OFF")  # processes die here, not machines
        self.delivery = Delivery(
            db=self.database,
            engine=self.engine,
            keys=self.server_keys,
            refs=self.refs,
            bus=self.bus,
            limits=limits,
            clock=self.read_seconds,
            find_devices=self.find_devices,
            check_contact_token=self.check_token,
            spend_contact_token=lambda _db, token, account: self.open_by(token, account),
            account_lists=self.account_lists,
            created_day=self.created_day,
            random=self.rng.randbytes,
        )

    def stop_server(self) -> None:
        """The server process ends at once: what it had not answered yet is lost, all sessions are gone."""
        for phone in self.phones.values():
            phone.cut_receiving()
            phone.cut_sending()
        self.wire.clear()
        self.engine.abandon()
        self.database.close()

    def crash_server(self) -> None:
        """It ends and another one begins on its files."""
        self.stop_server()
        self.start_server()

    def read_clock(self) -> int:
        """Unix milliseconds."""
        return self.now_ms

    def read_seconds(self) -> float:
        """Unix seconds."""
        return self.now_ms / 1000

    def caller(self, device: Device, mailbox: MailboxId) -> DeviceCaller:
        """The device as the server knows it."""
        return DeviceCaller(AccountId(device[0]), DeviceId(device[1]), mailbox)

    async def account_lists(self, account: AccountId) -> list[bytes]:
        return []

    async def created_day(self, account: AccountId) -> int:
        return 0

    async def find_devices(self, account: AccountId) -> AccountDevices | None:
        """What the Authentication Service says."""
        found = self.devices.get(account)
        if found is None:
            return None
        return AccountDevices(len(self.lists[account]), tuple((DeviceId(d[1]), self.boxes[d]) for d in found))

    async def check_token(self, token: bytes, account: AccountId) -> None:
        """Raises `not-allowed` unless the contact token opens the account."""
        self.open_by(token, account)

    def open_by(self, token: bytes, account: AccountId) -> None:
        """The same at once, as inside a transaction."""
        if self.tokens.get(token) != account:
            raise error("not-allowed")

    def standing(self, phone: Phone, after: int) -> Standing:
        """What a HELLO finds."""
        state = finished(mailboxes.open_mailbox(self.delivery, phone.mailbox, after))
        list_seq = len(self.lists[phone.device[0]])
        if state.acked > after and phone.device not in self.books.restored:
            raise Violation(f"{phone.name}: the server was told of more than was stored")
        return Standing(state.head, state.queued, state.acked, list_seq, state.dropped, state.before_seq)

    def acknowledge(self, mailbox: MailboxId, upto: int) -> None:
        """MACK."""
        finished(mailboxes.acknowledge(self.delivery, mailbox, upto))

    def before_storing(self, phone: Phone, batch: Sequence[frames.Msg]) -> None:
        """A place for the mutant that acknowledges before its transaction."""
        if "mack-first" in self.mutants and phone.line is not None:
            phone.line.mack(batch[-1].seq)

    def new_pass(self, phone: Phone) -> bytes:
        """One pass for a group."""
        answer = finished(mailboxes.take_passes(self.delivery, phone.caller, control.TakePasses("group", 1)))
        return bytes(answer.passes[0])

    def new_ref(self, phone: Phone) -> bytes:
        """A fresh reference to the own mailbox."""
        return bytes(finished(mailboxes.take_refs(self.delivery, phone.caller, control.TakeRefs(1))).refs[0])

    def claim(self, phone: Phone, want: WantClaim) -> control.ClaimedKeyPackages:
        """Packages of an account."""
        caller = phone.caller if want.token is None else ContactCaller(want.token)
        request = control.ClaimKeyPackages(
            control.B16(want.account), want.suites, control.B16(want.claim_id), want.devices
        )
        return finished(packages.claim(self.delivery, caller, request))

    def empty_pool(self, phone: Phone) -> None:
        """A device claims its own packages until only the last resort is left."""
        account, device = phone.device
        for suite in (SUITE_XWING, SUITE_RFC1):
            while True:
                claim_id = control.B16(self.rng.randbytes(16))
                request = control.ClaimKeyPackages(control.B16(account), (suite,), claim_id, (device,))
                answer = finished(packages.claim(self.delivery, phone.caller, request))
                if all(client.last_resort for client in answer.clients):
                    break

    def count_packages(self, phone: Phone) -> tuple[control.SuiteCount, ...]:
        """Ordinary ones left of each suite, and whether there is a last resort."""
        return finished(packages.count(self.delivery, phone.caller)).counts

    def put_packages(self, phone: Phone, made: tuple[control.KeyPackage, ...]) -> None:
        """Publish packages."""
        finished(packages.put(self.delivery, phone.caller, control.PutKeyPackages(made)))

    def serve(self, phone: Phone, *, also: Phone | None = None, lose: bool = False, busy: bool = False) -> bool:
        """Accept the next request of `phone` (and of `also` in the same transaction); whether there was any.

        lose: the answer gets lost. busy: the server refuses for now.
        """
        taken = [found for one in (phone, also) if one is not None and (found := self._next_request(one))]
        if not taken:
            return False
        if busy:
            for sender, session, frame in taken:
                sender.answers.append((session, frame.mid, frames.Err(0, "busy", 1_000)))
            return True
        outcomes = self.engine.apply([prepare(frame) for _, _, frame in taken], now_ms=self.now_ms)
        for (sender, session, frame), outcome in zip(taken, outcomes, strict=True):
            answer = self._note(sender, frame, outcome)
            if not lose and session == sender.session:
                sender.answers.append((session, frame.mid, answer))
        return True

    def _next_request(self, phone: Phone) -> tuple[Phone, int, frames.Request] | None:
        at = next((i for i, (sender, _, _) in enumerate(self.wire) if sender is phone), None)
        return None if at is None else self.wire.pop(at)

    def double(self, phone: Phone) -> None:
        """The next request of this device arrives twice."""
        found = next((entry for entry in self.wire if entry[0] is phone), None)
        if found is not None:
            self.wire.append((phone, -1, found[2]))

    def _note(self, phone: Phone, frame: frames.Request, outcome: op.Outcome | Exception) -> frames.Ok | frames.Err:
        if isinstance(outcome, ZajilError):
            expected = CREATE_REFUSALS if isinstance(frame, frames.Create) else EPOCH_REFUSALS
            if outcome.code not in expected and phone.device not in self.books.restored:
                raise Violation(f"{phone.name}: {type(frame).__name__} refused: {outcome.code} {outcome.detail}")
            return frames.Err(0, outcome.code, 0)
        assert isinstance(outcome, op.Accepted), outcome
        if not outcome.dup:
            match frame:
                case frames.Create():
                    self.books.found(frame.gid, phone.device)
                case frames.Commit():
                    added = [(each.leaf, self.owner(each.deliver_to)) for each in frame.add]
                    self.books.advance(frame.gid, added, frame.rm)
                case frames.Send():
                    self.books.accept(frame.gid, outcome.epoch, frame.body)
        return frames.Ok(0, outcome.epoch, outcome.ts, None, outcome.dup)

    def owner(self, deliver_to: bytes) -> Device:
        """Whose mailbox a reference leads to."""
        box = self.refs.open_ref(deliver_to).mailbox_id
        return next(device for device, mailbox in self.boxes.items() if mailbox == box)

    # -- time
    def pass_time(self, ms: int) -> None:
        """Time passes; nothing older than a day is still on its way, and retention runs."""
        self.now_ms += ms
        if ms >= DAY_MS:
            self.wire.clear()
            for phone in self.phones.values():
                phone.cut_sending()
                phone.run(phone.core.daily)
        while finished(self.engine.expire()).rows:
            pass
        now = self.now_ms // 1000
        while self.database.write_sync(lambda connection: store.expire_rows(connection, now=now, rows=1000)):
            pass

    def settle(self) -> None:
        """Faults stop: everything moves until nothing does any more. Late copies arrive too."""
        for phone in self.phones.values():
            phone.fuse = None
            phone.cut_sending()  # an answer is lost with its session only
        waits = 0
        for _ in range(ROUNDS_MAX):
            self.now_ms += 10
            moved = [phone for phone in self.phones.values() if phone.turn()]
            if moved or any(map(self.recover_again, self.phones.values())):
                continue
            due = [at for phone in self.phones.values() if (at := phone.core.next_deadline()) is not None]
            if not due or min(due) > self.now_ms + 6 * HOUR_MS or waits == WAITS_MAX:
                return  # whoever still asks is no member any more, or finds nobody; the audit tells which
            waits += 1
            self.now_ms = max(self.now_ms, min(due))
        raise Violation("the world does not settle: " + "; ".join(map(describe_work, moved)))

    def recover_again(self, phone: Phone) -> bool:
        """A process that ended between the decision to keep a copy and its READY alarms again; so does the person."""
        with phone.core.look() as step:
            if not step.session().rolled_back or phone.device not in self.books.restored:
                return False
        with phone.core.step("recover") as step:
            recovery.recover(step, phone.keys.starts)
        phone.core.want_drain()
        return True

    # -- people
    def enrol(self, name: str) -> Phone:
        """A new account with its first device; it knows nobody."""
        keys = make_keys(self.rng.randbytes)
        return self._enrol(name, keys, profile_token=self.rng.randbytes(32), device=1)

    def link(self, name: str, old: Phone) -> Phone:
        """A second device of the account of `old`, as linking leaves both."""
        keys = make_keys(self.rng.randbytes, account_seed=old.keys.account_seed)
        with old.core.look() as step:
            profile = step.profile
            people = [a for a in rows.all_accounts(step.tx) if a.contact]
        device = len(self.devices[profile.account_id]) + 1
        phone = self._enrol(name, keys, profile_token=profile.profile_token, device=device)
        with phone.core.step("linked") as step:
            for person in people:
                accounts.learn_chain(step, person.account_id, self.lists[person.account_id])
                accounts.learn_introduction(step, person.account_id, person.name, person.contact_token)
                accounts.change(step, person.account_id, contact=True)
        with old.core.step("add-own-device") as step:
            accounts.learn_chain(step, profile.account_id, self.lists[profile.account_id])
            chats.add_own_device(step, device)
        return phone

    def _enrol(self, name: str, keys: HomeKeys, *, profile_token: bytes, device: int) -> Phone:
        account_key = Ed25519PrivateKey.from_private_bytes(keys.account_seed)
        account_pub = account_key.public_key().public_bytes_raw()
        device_pub = Ed25519PrivateKey.from_private_bytes(keys.device_seed).public_key().public_bytes_raw()
        account, now = objects.account_id_of(account_pub), self.now_ms // 1000
        chain = self.lists.setdefault(account, [])
        before = DeviceList.parse(objects.parse_object(chain[-1]).payload).devices if chain else ()
        entries = (*before, DeviceListEntry(DeviceId(device), device_pub, now))
        prev = objects.hash_object(chain[-1]) if chain else objects.NO_LIST
        newest = DeviceList(account, len(chain) + 1, prev, account_pub, entries, now)
        chain.append(objects.sign_object(Kind.DEVICE_LIST, newest.encode(), account_key))
        told = DeviceCertificate(account, account_pub, DeviceId(device), device_pub, newest.seq, now)
        signed = objects.sign_object(Kind.CERTIFICATE, told.encode(), account_key)
        profile = Profile(
            account, account_pub, device, device_pub, signed, name, SERVER, SERVER, profile_token, registered=True
        )
        home = self.folder / name
        home_store = Store(home, keys.store_key)
        with home_store.step("profile", self.now_ms, self.rng.randbytes) as tx:
            rows.save_profile(tx, profile)
        home_store.close()
        mine = (bytes(account), device)
        self.devices.setdefault(account, []).append(mine)
        self.tokens[profile_token] = account
        self.boxes[mine] = MailboxId(self.rng.randbytes(16))
        finished(mailboxes.add_mailbox(self.delivery, self.boxes[mine]))
        phone = self.phones[name] = Phone(self, name, home, keys=keys, device=mine, mailbox=self.boxes[mine])
        with phone.core.step("registered") as step:
            accounts.learn_chain(step, account, chain)
            accounts.change(step, account, name=name)
            if device == 1:
                chats.open_self_chat(step)
        phone.boot()
        return phone

    def befriend(self) -> None:
        """Everybody knows everybody's newest list, name and contact token."""
        for phone in self.phones.values():
            for other in self.phones.values():
                if other.device[0] == phone.device[0]:
                    continue
                with other.core.look() as step:
                    token, name = step.profile.profile_token, step.profile.name
                with phone.core.step("befriend") as step:
                    accounts.learn_chain(step, other.device[0], self.lists[other.device[0]])
                    accounts.learn_introduction(step, other.device[0], name, token)
                    accounts.change(step, other.device[0], contact=True)

    def open_main(self, owner: Phone, admins: Sequence[Phone], people: Sequence[Phone]) -> None:
        """The group that tests act in, settled."""
        roles = {AccountId(owner.device[0]): ChatRole.OWNER} | {AccountId(a.device[0]): ChatRole.ADMIN for a in admins}
        invited = tuple(dict.fromkeys(phone.device[0] for phone in people))
        with owner.core.step("open-group") as step:
            self.main = chats._create(step, ChatSettings(ChatKind.GROUP, "Doves", roles=roles), invited)
        self.settle()

    # -- copies
    def close(self) -> None:
        """Every process ends."""
        self.seals.remove()
        self.stop_server()
        for phone in self.phones.values():
            phone.store.close()

    def fork(self, folder: Path, *, seed: int) -> World:
        """A copy of this closed world that goes on by itself."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        twin = copy.copy(self)
        twin.folder, twin.rng = folder, random.Random(seed)
        twin.books, twin.seals = copy.deepcopy(self.books), copy.deepcopy(self.seals)
        # Also what the server knows of accounts: a device linked in one copy is unknown to the next one's mailboxes.
        twin.lists, twin.devices = copy.deepcopy(self.lists), copy.deepcopy(self.devices)
        twin.boxes, twin.tokens, twin.seeds = dict(self.boxes), dict(self.tokens), dict(self.seeds)
        twin.mutants, twin.puts, twin.links = set(), list(self.puts), list(self.links)
        twin.wire, twin.phones = [], {}
        twin.start_server()
        twin.seals.install()
        for name, phone in self.phones.items():
            twin.phones[name] = Phone(
                twin, name, folder / name, keys=phone.keys, device=phone.device, mailbox=phone.mailbox
            )
            twin.phones[name].boot()
        return twin


def describe_work(phone: Phone) -> str:
    """What a device that comes to no rest still has to do, for whoever reads why a test failed."""
    with phone.core.look() as step:
        items = [f"{item.kind} {item.state} {item.intent and item.intent.op}" for _, item in rows.items(step.tx)]
    due = phone.core.next_deadline()
    wants = [type(want).__name__ for want in phone.core.wants()]
    left_ms = None if due is None else due - phone.world.now_ms
    return f"{phone.name}: wants {wants}, items {items}, due in {left_ms} ms, drain {phone.core.drain_wanted()}"


def prepare(frame: frames.Request) -> op.Operation:
    """The engine's operation for a request."""
    match frame:
        case frames.Create():
            return create.prepare(frame)
        case frames.Commit():
            return commit.prepare(frame)
        case frames.Send():
            return send.prepare(frame)
