"""What `Client` does so that an account outlives its home: the recovery key and the backup behind it."""

from __future__ import annotations

from zajil.client.core.kept import backup
from zajil.client.shell.device import Device as OpenHome
from zajil.client.state.recovery import load_recovery
from zajil.client.views import RecoveryStatus
from zajil.protocol.identity import recovery


class Recovering:
    """The part of `Client` about the recovery key. A key is text of 8 groups of 4 characters."""

    _device: OpenHome

    def recovery_status(self) -> RecoveryStatus:
        """Where the key and its backup stand; touches no network."""
        with self._device.core.look() as step:
            held = load_recovery(step.tx)
            current = bool(held.digest) and not any(isinstance(w, backup.WantBackup) for w in backup.wants(step))
            return RecoveryStatus(held.state, held.stored_at // 1000, current, held.problem)

    def show_recovery_key(self) -> str:
        """The key, made at the first call; `sync` stores the backup."""
        with self._device.core.step("recovery-show") as step:
            return recovery.spell_key(backup.move(step, "show"))

    def confirm_recovery_key(self, text: str) -> None:
        """The person typed the key back. Raises HomeError `no-recovery-key`, `bad-recovery-key`."""
        typed = recovery.parse_key(text)
        with self._device.core.step("recovery-confirm") as step:
            backup.confirm(step, typed)

    def rotate_recovery_key(self) -> str:
        """A new key in the place of the old one, whose backup goes once the new one is stored.

        Raises HomeError `no-recovery-key`.
        """
        with self._device.core.step("recovery-rotate") as step:
            return recovery.spell_key(backup.move(step, "rotate"))
