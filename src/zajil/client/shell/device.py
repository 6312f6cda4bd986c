"""One open home: store, core, transport and runner, from opening to closing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from secrets import token_bytes

from zajil.client.core import outbox
from zajil.client.core.core import Core
from zajil.client.shell.calls import Calls
from zajil.client.shell.enrol import now_ms, ticks_ms
from zajil.client.shell.login import Tokens
from zajil.client.shell.reach.reach import Reach
from zajil.client.shell.runner import Runner
from zajil.client.state import rows
from zajil.client.state.reach import ReachState, load_reach, load_reach_settings, save_reach
from zajil.client.storage.keyfile import read_keys
from zajil.client.storage.store import Hook, Store
from zajil.protocol.errors import ZajilError, error, error_from_wire

INTRODUCTION_S = 5.0
"""Whoever is to be added and has not introduced themselves yet may be doing so just now; longer nobody waits."""


class Device:
    """The open home of one device. Network parts begin with the first call that needs them."""

    def __init__(self, home: Path, *, hook: Hook | None = None) -> None:
        """hook: see `Store`. Raises `no-home`, `home-damaged`."""
        keys = read_keys(home)
        self.home = home
        self.store = Store(home, keys.store_key, hook=hook)
        try:
            with self.store.look() as tx:
                self.profile = rows.load_profile(tx)
            if not self.profile.registered:
                raise KeyError("the server has not taken this account")
        except KeyError:
            self.store.close()
            raise error("no-home") from None
        self.core = Core(self.store, keys, now=now_ms, rng=token_bytes, ticks=ticks_ms)
        self.core.show_kept()
        self._reach: Reach | None = None
        self._runner: Runner | None = None
        self._tokens: Tokens | None = None

    @property
    def reach(self) -> Reach:
        """The ways to our server."""
        if self._reach is None:
            with self.store.look() as tx:
                state, settings = load_reach(tx), load_reach_settings(tx)
            self._reach = Reach(self.profile.server, state, settings=settings, keep=self._keep_reach)
        return self._reach

    def _keep_reach(self, change: Callable[[ReachState], ReachState]) -> ReachState:
        with self.store.step("reach", now_ms(), token_bytes) as tx:
            return save_reach(tx, change(load_reach(tx)))

    @property
    def calls(self) -> Calls:
        """Control calls to our server."""
        return self.reach.calls

    @property
    def tokens(self) -> Tokens:
        """Session tokens of this device."""
        if self._tokens is None:
            self._tokens = Tokens(self.core, self.calls)
        return self._tokens

    @property
    def runner(self) -> Runner:
        """The running sessions. Raises `state-rolled-back`, `device-revoked` where nothing may be sent."""
        if self._runner is None:
            self._runner = Runner(self.core, self.reach, self.tokens, home=self.home)
        self._runner.start()
        return self._runner

    @property
    def running(self) -> Runner | None:
        """The sessions, where they run already."""
        return self._runner

    async def close(self) -> None:
        """End sessions and close the store."""
        if self._runner is not None:
            await self._runner.close()
        if self._reach is not None:
            await self._reach.close()
        self.store.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Run until `condition` holds. Raises Unreachable, `state-rolled-back`, `device-revoked`."""

        def holds() -> bool:
            with self.core.look() as step:
                outbox.check_may_send(step)
            return condition()

        runner = self.runner
        # Somebody waits for this: look for a way now, and do not answer with what failed before they asked.
        if self.reach.race.problem is not None and self.reach.race.tap():
            runner.problem = None
        await runner.until(holds)

    async def settle(self, items: list[int]) -> None:
        """Run until these outbox items are done. Raises the reason of one that failed.

        Raises `not-introduced`, and the item stays queued, where somebody to be added has not said yet how.
        """
        since: float | None = None

        def held() -> bool:
            nonlocal since
            if not any(self.core.lacks_introduction(n) for n in items):
                since = None
                return False
            now = asyncio.get_running_loop().time()
            since = now if since is None else since
            return now - since >= INTRODUCTION_S

        await self.until(lambda: self.is_over(items) or held())
        if not self.is_over(items):
            raise error("not-introduced")
        for n in items:
            self._raise_failure(n)

    def is_over(self, items: list[int]) -> bool:
        """Whether none of these outbox items waits any more."""
        with self.core.look() as step:
            found = [outbox.find_item(step, n) for n in items]
        return all(item is None or item.state in ("failed", "refused") for item in found)

    def _raise_failure(self, n: int) -> None:
        with self.core.look() as step:
            item = outbox.find_item(step, n)
        if item is None:
            return
        if item.state == "failed":
            with self.core.step("seen") as step:
                outbox.finish(step, n, item)
        raise local_error(item.reason)


def local_error(code: str) -> ZajilError:
    """The exception of a code that an item failed with, ours or one a newer server made."""
    problem = error(code)
    return problem if problem.code == code else error_from_wire(code)
