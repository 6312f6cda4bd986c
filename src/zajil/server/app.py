"""One server, wired: storage, the two services, the gateway, the routes. The only module that knows all of them.

Services never import each other; what one needs of another is a callable made here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection

from zajil.auth import contacts, invites, lists, login, passes, registration, retention
from zajil.auth.arrivals import Arrivals
from zajil.auth.challenge import Challenges
from zajil.auth.context import Auth, CallingDevice, RevokedDevice
from zajil.auth.gate.work import WorkGate
from zajil.bridges.registry import holdings as bridge_holdings
from zajil.bridges.registry import joining, tokens
from zajil.bridges.registry import retention as bridge_retention
from zajil.bridges.registry.context import Registry
from zajil.bridges.registry.documents import Documents
from zajil.calls.context import Relays
from zajil.delivery import mailboxes, packages
from zajil.delivery import retention as delivery_retention
from zajil.delivery.attachments import Attachments
from zajil.delivery.context import AccountDevices, Delivery, DeviceCaller
from zajil.delivery.refs import RefBook
from zajil.delivery.reports import Reporting
from zajil.delivery.submissions import Submissions
from zajil.engine import blobs
from zajil.engine.bus import Bus
from zajil.engine.keys import Keys
from zajil.engine.limits import Limits
from zajil.engine.reachkeys import ReachKeys
from zajil.engine.sql.clockguard import ClockGuard
from zajil.engine.sql.database import tell_failure
from zajil.engine.sql.writer import Parts
from zajil.moderation.private import inbox
from zajil.moderation.private.inbox import Inbox
from zajil.moderation.private.keys import ModeratorKeys
from zajil.moderation.private.telling import Telling
from zajil.protocol import frames
from zajil.protocol.errors import Unavailable
from zajil.protocol.ids import AccountId, MailboxId
from zajil.protocol.limits import SUITE_XWING
from zajil.protocol.public.posts import ChannelDecision
from zajil.protocol.reach.seal import ServerSeals
from zajil.server.buses import open_bus
from zajil.server.calls.wiring import Calling
from zajil.server.config import ConfigError, Settings
from zajil.server.gateway.gateway import Gateway, Patience
from zajil.server.gateway.lines import SealDoor
from zajil.server.gateway.receiver import Standing
from zajil.server.gateway.services import Hello, Services
from zajil.server.http.auth_routes import bind_auth
from zajil.server.http.bridge_routes import bind_bridges
from zajil.server.http.calls import HttpAnswer, HttpCall, Peer
from zajil.server.http.data_routes import bind_data
from zajil.server.http.delivery_routes import bind_attachments, bind_delivery, bind_public, bind_reports
from zajil.server.http.dispatch import Dispatcher, Proofs, Spaces
from zajil.server.http.idempotency import AnswerBook, delete_old_answers, delete_old_claims
from zajil.server.measures import Insistence, make_measures, make_tell_outcome, read_statement
from zajil.server.metrics import Metrics
from zajil.server.moderation.beside.supervisor import WorkerProcess
from zajil.server.place import origin_of, place_of
from zajil.server.public_space import PublicSpace, find_console, find_fold, find_moderation
from zajil.server.push.wiring import Pushing
from zajil.server.shell.answers import Answers
from zajil.server.shell.base import Shell
from zajil.server.shell.choice import find_shell
from zajil.server.shell.peers import PeerRules
from zajil.server.site.site import BUILT_CLIENT, Site
from zajil.server.storage import Storage

if TYPE_CHECKING:
    from zajil.server.moderation.wiring import Moderation
    from zajil.server.review.console import Console

_LOG = logging.getLogger(__name__)
_EMPTY_LOG_S = 60.0
"""How long the write-ahead log may tell what changed together: a commit's group and the mailboxes it went to."""
_DROP_SIGNALS_S = 10.0
"""How long the signal of a call that nobody can fetch any more may rest."""


class Server:
    """A running server. Make it with `start`, end it with `stop`."""

    def __init__(
        self,
        data: Path,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        bus: Bus,
        web_client: Path = BUILT_CLIENT,
        fold: Callable[[str], str] | None = None,
    ) -> None:
        self.settings = settings
        self.data = data
        self.port = 0
        self._clock = clock
        if settings.public_space and fold is None:
            fold = find_fold()
        self._storage = storage = Storage.open(data, settings, clock=clock)
        keys, self._db = storage.keys, storage.db
        try:
            self._documents = Documents(
                self._db, keys=keys, signing=storage.signing, place=place_of(settings), clock=clock
            )
        except BaseException:
            storage.close()
            raise
        self.metrics = Metrics()
        self._limits = Limits(settings.limits)
        self._bus = bus
        refs = RefBook(keys)
        self._engine = storage.make_mailboxes(
            Parts(
                keys=keys,
                open_ref=refs.open_ref,
                bus=self._bus,
                limits=self._limits,
                clock=clock,
                gather_ms=settings.mailbox_gather_ms,
                push_due=lambda: self.pushing.look(),
                note_batch=self.metrics.note_batch,
            )
        )
        self._delivery = self._make_delivery(keys, refs)
        self._attachments = Attachments(self._delivery, storage.blobs)
        self._auth = self._make_auth(keys, data)
        self._insistence = Insistence()
        self._telling = Telling()
        self.reports = self._make_inbox(keys, storage.moderators)
        self._registry = self._make_registry(keys)
        self.calling = self._make_calling(data, keys, storage.relays)
        self.pushing = self._make_pushing(storage.push_key)
        self.public = self._make_public(keys, fold) if settings.public_space and fold is not None else None
        self.moderation = self._make_moderation(data) if self.public and settings.moderation.enabled else None
        self.worker = self._make_worker(data) if self.moderation and settings.moderation.worker == "child" else None
        dispatcher = self._make_dispatcher(keys)
        self.console = self._make_console(self.moderation) if self.moderation is not None else None
        spaces = Spaces(
            dispatcher,
            self.public.calls if self.public else None,
            self.console.calls if self.console is not None else None,
        )
        self.gateway = self._make_gateway(spaces.answer)
        self._shell: Shell = self._make_shell(
            spaces,
            Site(web_client, dev=settings.dev),
            check_bridge=dispatcher.check_bridge,
            door=self._make_door(storage.signing),
        )
        self.metrics.watch(
            connections=self.gateway.count,
            lag_s=lambda: self.gateway.loop_lag_s,
            media=self.calling.door.count,
            queue=lambda: self._engine.waiting,
            attachments=lambda: storage.blobs.used_bytes,
            untold=lambda: self._telling.aside,
        )
        self._clock_guard = ClockGuard(self._db, every_s=settings.retention_every_s, clock=clock)
        self._metrics_runner: web.AppRunner | None = None
        self._upkeep: list[asyncio.Task[None]] = []

    @property
    def made_root(self) -> bool:
        """Whether this start made the server's first root."""
        return self._documents.made

    @classmethod
    async def start(
        cls,
        data: Path,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        web_client: Path = BUILT_CLIENT,
        fold: Callable[[str], str] | None = None,
    ) -> Server:
        """A server listening on the settings' host and port; `port` is the one in use.

        web_client: the folder of a built web client, which it serves from `/` on. fold: of search in the public space,
        None for that of the moderation extra.
        Raises ConfigError (another server runs on this directory, no bus, an extra is missing), KeyFileError, OSError
        (address in use).
        """
        bus = await open_bus(data, settings)
        try:
            server = cls(data, settings, clock=clock, bus=bus, web_client=web_client, fold=fold)
        except BaseException:
            await bus.close()
            raise
        server._engine.start()
        server.gateway.start()
        server._storage.tell_of_standbys(server.gateway.renew)
        try:
            await lists.finish_revocations(server._auth)
            if server.moderation is not None:
                await server.moderation.start()
            server.port = await server._shell.start(settings.host, settings.port, reuse_port=settings.reuse_port)
            if settings.metrics_port:
                server._metrics_runner = await server.metrics.listen(settings.metrics_port)
        except Unavailable as outage:
            await server.stop()
            raise ConfigError(f"{server._db.place} cannot be used now", code="database-away") from outage
        except BaseException:
            await server.stop()
            raise
        if server.public is not None:
            server.public.start()
        if server.worker is not None:
            server.worker.start()
        if server.console is not None:
            server.console.start()
        server.calling.start()
        server.pushing.start()
        server._upkeep = [asyncio.create_task(work()) for work in (server._keep_up, server._drop_signals)]
        return server

    async def stop(self) -> None:
        """Tell every session `restarting`, finish what was accepted, and let go of the files."""
        for task in self._upkeep:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._auth.arrivals.close()
        if self.console is not None:
            await self.console.stop()
        if self.worker is not None:
            await self.worker.stop()
        if self.moderation is not None:
            await self.moderation.stop()
        if self.public is not None:
            await self.public.stop()
        await self._insistence.close()
        await self.gateway.drain(self.settings.drain_s)
        await self._shell.stop()
        await self.calling.stop()
        await self.pushing.stop()
        if self._metrics_runner is not None:
            await self._metrics_runner.cleanup()
        await self._attachments.close()
        await self._engine.close()
        await self._bus.close()
        await asyncio.to_thread(self._storage.close)

    async def run_retention(self) -> None:
        """Delete what has outlived its retention, everywhere, by the clock as it is."""
        await retention.run(self._auth)
        now = int(self._clock())
        for delete in (delete_old_answers, delete_old_claims):
            while await self._db.write(partial(delete, now=now, limit=1000)) >= 1000:
                pass
        await delivery_retention.run(self._delivery)
        await bridge_retention.run(self._registry)
        await inbox.run_retention(self.reports)
        if self.public is not None:
            await self.public.run_retention()
        if self.moderation is not None:
            await self.moderation.run_retention()
        if self.console is not None:
            await self.console.run_retention()
        await self._attachments.run_retention()
        await self._documents.current()

    async def _keep_up(self) -> None:
        again = 0.0
        while True:
            try:
                if time.monotonic() >= again and await self._clock_guard.may_delete():
                    again = time.monotonic() + self.settings.retention_every_s
                    await self._clock_guard.note_run()  # whatever fails in the run itself
                    await self.run_retention()
                await retention.run_often(self._auth)
                await self._telling.look(self.reports)
                await self._db.empty_log()
            except Exception as bug:  # noqa: BLE001  # the boundary of a background task
                tell_failure(_LOG, "retention failed", bug)
            await asyncio.sleep(min(_EMPTY_LOG_S, self.settings.retention_every_s))

    async def _drop_signals(self) -> None:
        while True:
            try:
                if await self._clock_guard.may_delete():
                    await delivery_retention.run_often(self._delivery)
            except Exception as bug:  # noqa: BLE001  # the boundary of a background task
                tell_failure(_LOG, "signals of calls could not be dropped", bug)
            await asyncio.sleep(_DROP_SIGNALS_S)

    # Wiring

    def _make_delivery(self, keys: Keys, refs: RefBook) -> Delivery:
        return Delivery(
            db=self._db,
            engine=self._engine,
            keys=keys,
            refs=refs,
            bus=self._bus,
            limits=self._limits,
            clock=self._clock,
            find_devices=self._find_devices,
            check_contact_token=lambda token, account: contacts.check_contact_token(self._auth, token, account),
            spend_contact_token=lambda db, token, account: contacts.spend_contact_token(self._auth, db, token, account),
            account_lists=lambda account: lists.fetch_lists(self._auth, account, first=1),
            created_day=lambda account: registration.created_day(self._auth, account),
        )

    def _make_auth(self, keys: Keys, data: Path) -> Auth:
        return Auth(
            db=self._db,
            limits=self._limits,
            challenges=Challenges(keys.challenge_key("login")),
            server_name=self.settings.server_name,
            registration=self.settings.registration,
            work=WorkGate(keys.challenge_key("work"), self._limits, clock=self._clock, random=os.urandom),
            clock=self._clock,
            add_mailbox=self._engine.add_mailbox,
            drop_mailbox=self._engine.drop_mailbox,
            drop_device=self._drop_device,
            notify_list=self._notify_list,
            read_statement=lambda row: read_statement(keys, row),
            forget_account=lambda account: bridge_holdings.forget_account(self._registry, account),
            check_room=lambda size: blobs.check_disk(data, size),
            random=os.urandom,
            arrivals=Arrivals(self._bus),
        )

    def _make_inbox(self, keys: Keys, moderators: ModeratorKeys) -> Inbox:
        return Inbox(
            db=self._db,
            keys=moderators,
            tell=make_tell_outcome(self._delivery, insist=self._insistence.on),
            measures=make_measures(
                keys,
                self._delivery,
                insist=self._insistence.on,
                end_login=lambda mailbox_id: self.gateway.end_login(mailbox_id),
            ),
            clock=self._clock,
        )

    def _make_reporting(self) -> Reporting:
        return Reporting(
            delivery=self._delivery,
            server_name=self.settings.server_name,
            lists_of=lambda account: lists.all_lists(self._auth, account),
            take_report=lambda report: inbox.take_report(self.reports, report),
            take_complaint=lambda complaint: inbox.take_complaint(self.reports, complaint),
        )

    def _make_registry(self, keys: Keys) -> Registry:
        place = place_of(self.settings)
        return Registry(
            db=self._db,
            keys=keys,
            limits=self._limits,
            documents=self._documents,
            origin=origin_of(self.settings),
            app_origins=place.app_origins,
            token_age_days=self.settings.bridge_token_age_days,
            created_day=lambda account: registration.created_day(self._auth, account),
            clock=self._clock,
            random=os.urandom,
        )

    def _make_calling(self, data: Path, keys: Keys, relays: Relays | None) -> Calling:
        return Calling(
            data,
            self.settings,
            relays,
            ticket_key=keys.calls_key("ticket"),
            bus=self._bus,
            limits=self._limits,
            clock=self._clock,
            check_member=self._engine.check_member,
            count_bad=self.metrics.count_bad_media,
            count_over=self.metrics.count_media_over,
        )

    def _make_pushing(self, key: ec.EllipticCurvePrivateKey) -> Pushing:
        return Pushing(
            key,
            self.settings,
            self._delivery,
            is_live=lambda mailbox_id: self.gateway.is_live(mailbox_id),
            count=self.metrics.count_push,
        )

    def _make_door(self, signing: ReachKeys) -> SealDoor:
        return SealDoor(
            ServerSeals(signing.sessions, random=os.urandom),
            limits=self._limits,
            clock=self._clock,
            roots=self._documents.root_answer,
        )

    def _make_public(self, keys: Keys, fold: Callable[[str], str]) -> PublicSpace:
        return PublicSpace(
            db=self._db,
            keys=keys,
            limits=self._limits,
            settings=self.settings,
            clock=self._clock,
            spend_pass=lambda db, one_time_pass: mailboxes.spend_persona_pass(self._delivery, db, one_time_pass),
            fold=fold,
            count=self.metrics.count_call,
            bus=self._bus,
            record_decision=self._record_decision,
        )

    def _make_moderation(self, data: Path) -> Moderation:
        return find_moderation()(
            data,
            self._db,
            self._public_space().space,
            settings=self.settings,
            works=self.settings.moderation.worker == "inside",
            figures=self.metrics.moderation,
        )

    def _make_worker(self, data: Path) -> WorkerProcess:
        return WorkerProcess(
            data, self.settings, wakeups=self._public_space().space.wakeups, figures=self.metrics.moderation
        )

    def _make_console(self, moderation: Moderation) -> Console:
        console = find_console()(
            decisions=moderation.decisions,
            view=moderation.view,
            nudges=moderation.nudges,
            reports=self.reports,
            settings=self.settings,
            limits=self._limits,
            find_port=lambda: self.port or self.settings.port,
            count=self.metrics.count_call,
        )
        self._public_space().add_routes(console.author_routes)
        return console

    def _make_dispatcher(self, keys: Keys) -> Dispatcher:
        public = bind_public(
            server_name=self.settings.server_name,
            registration=self.settings.registration,
            min_client=self.settings.min_client,
            public_space=self.settings.public_space,
            push_key=self.pushing.public_key,
            challenge=self._auth.work.challenge if self.settings.registration in {"work", "both"} else None,
        )
        return Dispatcher(
            routes={
                **bind_auth(self._auth),
                **bind_delivery(
                    self._delivery,
                    make_invites=lambda device, n: invites.make_invites(self._auth, device, n),
                    count_personas=passes.count_persona_passes if self.settings.public_space else None,
                ),
                **bind_attachments(self._attachments, self._limits, self._clock),
                **bind_reports(self._make_reporting()),
                **bind_data(self._auth, self._delivery, self._registry),
                **bind_bridges(self._registry),
                **self.calling.routes(),
                **self.pushing.routes(),
                **public,
            },
            proofs=Proofs(
                device=lambda token: login.check_device(self._auth, token),
                bridge=lambda token: joining.check_bridge(self._registry, token),
                bridge_token=lambda token: tokens.check_token(self._registry, token),
                upload=lambda attachment_id, secret, prefix: self._attachments.check_upload(
                    attachment_id, secret, prefix=prefix
                ),
            ),
            limits=self._limits,
            clock=self._clock,
            answers=AnswerBook(self._db, keys, self._clock, is_shared=self._bus.is_shared),
            count=self.metrics.count_call,
        )

    def _make_gateway(self, call: Callable[[HttpCall], Awaitable[HttpAnswer]]) -> Gateway:
        settings = self.settings
        submissions = Submissions(self._engine, self._limits, clock=self._clock, count=self.metrics.count_request)
        return Gateway(
            services=Services(
                check_hello=self._check_hello,
                check_standing=lambda device: login.check_standing(self._auth, device.account_id, device.device_id),
                find_standing=lambda ids: self._db.read(lambda db: login.standing_mailboxes(db, ids)),
                stand=self._stand,
                mailboxes=self._engine,
                submit=submissions.submit,
                begin=submissions.begin,
                call=call,
                low_keys=self._low_keys,
            ),
            bus=self._bus,
            limits=self._limits,
            patience=Patience(
                first_frame_s=settings.first_frame_s,
                dead_after_s=settings.dead_after_s,
                sender_idle_s=settings.sender_idle_s,
                reread_s=settings.reread_s,
                slow_after_s=settings.slow_after_s,
            ),
            connections_max=settings.connections_max,
            min_client=settings.min_client,
            unfinished_max_bytes=settings.unfinished_max_bytes,
            clock=self._clock,
            media=self.calling.door,
        )

    def _make_shell(
        self,
        spaces: Spaces,
        site: Site,
        *,
        check_bridge: Callable[[str, Peer], Awaitable[bytes]],
        door: SealDoor,
    ) -> Shell:
        settings = self.settings
        return find_shell(settings.gateway)(
            gateway=self.gateway,
            door=door,
            check_bridge=check_bridge,
            call=spaces.answer,
            check_caller=spaces.check_caller,
            site=lambda method, target, headers: site.answer(method, target, headers, now=self._clock()),
            peers=PeerRules(origins=settings.origins, trusted_proxies=settings.trusted_proxies),
            bodies_max_bytes=settings.unfinished_max_bytes // 4,
            answers=Answers(settings.unfinished_max_bytes // 2, patience_s=4 * settings.slow_after_s),
            posts_max=max(1, settings.connections_max // 4),
            public=self.public,
            transparency=self.moderation.transparency.answer if self.moderation else None,
            media_door=self.calling.door,
        )

    # What services need of each other

    def _public_space(self) -> PublicSpace:
        if self.public is None:
            raise ConfigError("moderation needs public_space = true")
        return self.public

    def _record_decision(self, db: Connection, told: ChannelDecision) -> None:
        if self.moderation is not None:
            self.moderation.record_channel_decision(db, told)

    async def _find_devices(self, account_id: AccountId) -> AccountDevices | None:
        found = await lists.find_devices(self._auth, account_id)
        if found is None:
            return None
        return AccountDevices(found.list_seq, tuple((row.device_id, row.mailbox_id) for row in found.devices))

    async def _drop_device(self, device: RevokedDevice) -> None:
        self.gateway.close_device(device.mailbox_id)
        await mailboxes.drop_device(self._delivery, *device)
        # Whoever was being admitted while the list was written is found now; later HELLOs find no mailbox.
        self.gateway.close_device(device.mailbox_id)

    async def _notify_list(self, mailbox_ids: tuple[MailboxId, ...], seq: int) -> None:
        await mailboxes.send_notice(self._delivery, mailbox_ids, "device-list", {"seq": seq})

    async def _check_hello(self, token: bytes) -> Hello:
        return Hello(*await login.check_hello(self._auth, token))

    async def _stand(self, mailbox_id: MailboxId, after: int) -> Standing:
        state = await mailboxes.open_mailbox(self._delivery, mailbox_id, after)
        return Standing(
            head=state.head,
            queued=state.queued,
            acked=state.acked,
            list_seq=0,
            gap_count=state.dropped,
            gap_seq=state.before_seq if state.dropped else 0,
        )

    async def _low_keys(self, device: CallingDevice) -> tuple[frames.KeysLow, ...]:
        held = await packages.count(self._delivery, DeviceCaller(*device))
        if not held.counts:  # as of a device that a restored server heard of anew: it would never bring any
            return (frames.KeysLow(SUITE_XWING, 0),)
        return tuple(frames.KeysLow(count.suite, count.left) for count in held.counts if count.left < packages.KEYS_LOW)
