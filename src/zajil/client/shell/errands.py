"""Carries out the control calls the core wants, and hands it the answers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from secrets import token_bytes

from zajil.client.core import keypackages
from zajil.client.core.contact.doors import WantAllow, WantDeny, WantDrop, WantLink, WantMind, WantRef, WantToken
from zajil.client.core.core import Core
from zajil.client.core.kept.backup import WantBackup, WantForget
from zajil.client.core.wants import Want, WantClaim, WantCreate, WantKeyPackages, WantLists, WantOwnLists
from zajil.client.shell.calls import Calls, contact_auth, device_auth
from zajil.client.shell.chains import bring_lists, fetch_chain
from zajil.client.shell.login import Tokens
from zajil.protocol import control
from zajil.protocol.backups.wire import StoredBackup
from zajil.protocol.errors import AuthError, Conflict, Limited, Unavailable, Unreachable, ZajilError, error
from zajil.protocol.ids import AccountId, encode_b64

CLAIM_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""After each claim that came back empty: a device that was just linked needs a minute to publish on a bad line, and
every claim counts towards an allowance of 20, and one more a minute (`engine.limits`)."""
# A caller waits that long for an allowance to come back; beyond it, he is told.
PATIENCE_S = 5.0
RETRY_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0)


class Errands:
    """One call at a time. A call that could not be made is made again after a pause; a refused one fails its item."""

    def __init__(
        self,
        core: Core,
        calls: Calls,
        tokens: Tokens,
        *,
        backups: Callable[[], Calls],
        down: Callable[[ZajilError], None],
    ) -> None:
        """backups: makes the calls that are not to be seen beside those of `calls`."""
        self._core = core
        self._calls = calls
        self._backups = backups
        self._tokens = tokens
        self._down = down
        self._not_before: dict[Want, float] = {}
        self._failures: dict[Want, int] = {}
        self._empty: dict[tuple[bytes, tuple[int, ...] | None], tuple[int, float]] = {}
        """Of devices that had no packages yet: how often, and when to ask again, for whichever item."""
        self._worn = ""
        """The token of the call that is being made, empty for one without."""

    async def run(self) -> None:
        """Make the calls that are wanted and not put off."""
        loop = asyncio.get_running_loop()
        for want in self._core.wants():
            if self._not_before.get(want, 0.0) > loop.time():
                continue
            if isinstance(want, WantClaim) and self._empty.get((want.account, want.devices), (0, 0.0))[1] > loop.time():
                continue
            self._worn = ""
            try:
                await self._make(want)
                self._failures.pop(want, None)
            except (Limited, Unavailable) as problem:
                pause = self._put_off(want, problem.retry_ms or 0)
                if isinstance(want, WantBackup | WantForget) and not isinstance(problem, Unreachable):
                    self._core.take_refusal(want, problem.code)  # nobody waits for a backup
                elif isinstance(problem, Unavailable) or pause > PATIENCE_S:
                    self._down(problem)
            except AuthError as problem:
                self._refused(want, problem)
            except ZajilError as problem:
                self._put_off(want, 0)
                self._core.take_refusal(want, problem.code)

    def _put_off(self, want: Want, retry_ms: int) -> float:
        """Seconds until the next try: what the server says, else longer each time. A want may outlive its refusal."""
        failures = self._failures[want] = self._failures.get(want, 0) + 1
        pause = retry_ms / 1000 or RETRY_S[min(failures, len(RETRY_S)) - 1]
        self._not_before[want] = asyncio.get_running_loop().time() + pause
        return pause

    def _refused(self, want: Want, problem: AuthError) -> None:
        """A token that ended is taken anew once; a second refusal in a row counts."""
        self._tokens.forget(self._worn)
        if want not in self._failures:
            self._failures[want] = 1
            return
        self._put_off(want, 0)
        self._core.take_refusal(want, problem.code)

    async def _auth(self) -> str:
        self._worn = await self._tokens.token()
        return device_auth(self._worn)

    async def _make(self, want: Want) -> None:
        match want:
            case WantCreate():
                await self._create(want)
            case WantClaim():
                await self._claim(want)
            case WantLists():
                await self._lists(want)
            case WantOwnLists():
                await bring_lists(self._core, self._calls, auth=await self._auth())
            case WantKeyPackages():
                await self._publish()
            case WantBackup():
                await self._back_up(want)
            case WantForget():
                await self._forget(want)
            case WantRef():
                auth = await self._auth()
                refs = await self._calls.call(control.TAKE_REFS, control.Refs, request=control.TakeRefs(1), auth=auth)
                self._core.take_ref(want.n, bytes(refs.refs[0]) if refs.refs else b"")
            case WantDeny() | WantAllow() | WantToken() | WantDrop() | WantLink():
                await self._mind(want)

    async def _mind(self, want: WantMind) -> None:
        """Tell the server who reaches us."""
        auth = await self._auth()
        if isinstance(want, WantToken):
            name = encode_b64(hashlib.sha256(want.token).digest())
            request = control.PutContactToken("profile")
            await self._calls.call(control.PUT_CONTACT_TOKEN, control.Empty, request=request, auth=auth, hash=name)
        elif isinstance(want, WantLink):
            request, name = control.PutContactToken("invite", want.uses, want.expires), encode_b64(want.hash)
            await self._calls.call(control.PUT_CONTACT_TOKEN, control.Empty, request=request, auth=auth, hash=name)
        elif isinstance(want, WantDrop):
            name = encode_b64(hashlib.sha256(want.token).digest())
            await self._calls.call(control.DROP_CONTACT_TOKEN, control.Empty, auth=auth, hash=name)
        else:
            route = control.DENY_REF if isinstance(want, WantDeny) else control.ALLOW_REF
            await self._calls.call(route, control.Empty, auth=auth, serial=encode_b64(want.serial))
        self._core.take_door(want)

    async def _create(self, want: WantCreate) -> None:
        auth = await self._auth()
        passes = await self._calls.call(
            control.TAKE_PASSES, control.Passes, request=control.TakePasses("group", 1), auth=auth
        )
        refs = await self._calls.call(control.TAKE_REFS, control.Refs, request=control.TakeRefs(1), auth=auth)
        if not passes.passes or not refs.refs:
            raise error("malformed", "no pass or reference")
        self._core.take_create(want.n, bytes(passes.passes[0]), bytes(refs.refs[0]))

    async def _claim(self, want: WantClaim) -> None:
        auth = await self._auth() if want.token is None else contact_auth(want.token)
        request = control.ClaimKeyPackages(
            control.B16(want.account), want.suites, control.B16(want.claim_id), want.devices
        )
        answer = await self._calls.call(
            control.CLAIM_KEY_PACKAGES, control.ClaimedKeyPackages, request=request, auth=auth
        )
        whose = want.account, want.devices
        if self._core.take_claim(want, answer):
            self._empty.pop(whose, None)
            return
        times, _ = self._empty.get(whose, (0, 0.0))
        pause = CLAIM_PAUSES_S[min(times, len(CLAIM_PAUSES_S) - 1)]
        self._empty[whose] = times + 1, asyncio.get_running_loop().time() + pause

    async def _lists(self, want: WantLists) -> None:
        auth = await self._auth() if want.token is None else contact_auth(want.token)
        self._core.take_lists(want, await fetch_chain(self._calls, AccountId(want.account), auth=auth))

    async def _back_up(self, want: WantBackup) -> None:
        """Without an account and apart from its calls: the server is not to learn whose the backup is."""
        sealed = self._core.seal_backup(want)
        if sealed is None:
            return
        locator, calls = encode_b64(want.locator), self._backups()
        try:
            await calls.call(control.PUT_BACKUP, control.Empty, request=sealed.request, locator=locator)
        except Conflict as problem:
            if problem.code != "stale-backup":
                raise
            stored = await calls.call(control.BACKUP, StoredBackup, locator=locator)
            self._core.take_newer_backup(want, stored, refused=sealed.request.version)
            return
        self._core.take_backed_up(want, sealed)

    async def _forget(self, want: WantForget) -> None:
        request = self._core.forget_backup(want)
        if request is not None:
            await self._backups().call(
                control.DELETE_BACKUP, control.Empty, request=request, locator=encode_b64(want.locator)
            )
        self._core.take_forgotten(want)

    async def _empty_pool(self, auth: str) -> None:
        """Claim our own packages until only the last resort is left: their secrets are gone."""
        with self._core.look() as step:
            profile = step.profile
        for suite, size in keypackages.POOLS.items():
            for _ in range(size + 1):
                request = control.ClaimKeyPackages(
                    control.B16(profile.account_id), (suite,), control.B16(token_bytes(16)), (profile.device_id,)
                )
                answer = await self._calls.call(
                    control.CLAIM_KEY_PACKAGES, control.ClaimedKeyPackages, request=request, auth=auth
                )
                if all(client.last_resort for client in answer.clients):
                    break
            else:
                raise error("malformed", "more packages than were published")

    async def _publish(self) -> None:
        auth = await self._auth()
        if self._core.pool_stale():
            await self._empty_pool(auth)
        counts = await self._calls.call(control.COUNT_KEY_PACKAGES, control.KeyPackageCounts, auth=auth)
        packages = self._core.make_key_packages(counts.counts)
        if packages:
            counts = await self._calls.call(
                control.PUT_KEY_PACKAGES,
                control.KeyPackageCounts,
                request=control.PutKeyPackages(packages),
                auth=auth,
            )
        self._core.take_published()
