"""Own KeyPackages: made here, published by the shell, used once by a Welcome (service.md 4, mls.md 4.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from zajil import mls
from zajil.client.core import groups
from zajil.client.state import rows
from zajil.client.state.rows import OwnKeyPackage
from zajil.client.state.step import Step
from zajil.protocol import control
from zajil.protocol.limits import SUITE_RFC1, SUITE_XWING

POOLS = MappingProxyType({SUITE_XWING: 30, SUITE_RFC1: 20})
"""How many ordinary packages the server holds of each suite; one last resort comes to each."""
HOUR_S, DAY_S = 3600, 86_400
LIFETIME_S = 89 * DAY_S
KEEP_MS = 92 * DAY_S * 1000
LAST_RESORT_MS = 30 * DAY_S * 1000


def make(
    step: Step, held: Sequence[control.SuiteCount], pools: Mapping[int, int] = POOLS
) -> tuple[control.KeyPackage, ...]:
    """What is missing in the pools beside what the server holds; the secrets are stored in this step.

    pools: how many of each suite. Last resorts are made where one is missing, and all of them where they are old.
    """
    counts = {count.suite: count for count in held}
    old = step.now - step.session().last_resort_at >= LAST_RESORT_MS
    made: list[control.KeyPackage] = []
    for suite_id, size in pools.items():
        count, suite = counts.get(suite_id), mls.suite_of(suite_id)
        made += [_make_one(step, suite, last_resort=False) for _ in range(size - (count.left if count else 0))]
        if old or count is None or not count.last_resort:
            made.append(_make_one(step, suite, last_resort=True))
    if any(package.last_resort for package in made):
        step.change_session(last_resort_at=step.now)
    return tuple(made)


def lacks_pool(step: Step) -> bool:
    """Whether there is a suite of which this device published nothing yet, as before it was offered."""
    packages = [rows.parse_row(data, OwnKeyPackage) for data in step.tx.scan("key_package")]
    return {package.suite for package in packages} != set(POOLS)


def _make_one(step: Step, suite: mls.Suite, *, last_resort: bool) -> control.KeyPackage:
    now = step.now // 1000
    lifetime = mls.Lifetime(now - HOUR_S, now - HOUR_S + LIFETIME_S)
    package, secrets = mls.make_key_package(
        step.env(),
        suite,
        mls.basic_credential(step.profile.certificate),
        step.profile.device_pub,
        groups.CAPABILITIES,
        lifetime,
        last_resort=last_resort,
    )
    reference = package.reference(suite)
    body = mls.encode_key_package(package)
    row = OwnKeyPackage(reference, body, secrets.encode(), last_resort, step.now, suite.id)
    step.tx.put("key_package", reference, rows.encode_row(row))
    return control.KeyPackage(suite.id, control.Blob(body), lifetime.not_after, last_resort)


def candidates(step: Step, welcome: bytes) -> list[OwnKeyPackage]:
    """Own packages that a Welcome names by their reference, 64 bytes or 32."""
    packages = [rows.parse_row(data, OwnKeyPackage) for data in step.tx.scan("key_package")]
    return [package for package in packages if package.reference in welcome]


def use_up(step: Step, package: OwnKeyPackage) -> None:
    """The init key is forgotten at once; a last-resort one is replaced soon (RFC 9420 16.8)."""
    if package.last_resort:
        step.change_session(keys_wanted=True, last_resort_at=0)
    else:
        step.tx.delete("key_package", package.reference)


def forget_all(step: Step) -> None:
    """After a rollback no old Welcome may open: every restored secret goes, new ones are published (mls.md 7.10).

    What the server still holds of the old ones is claimed away first, or it would be handed to who re-adds us.
    """
    step.tx.clear("key_package")
    step.change_session(keys_wanted=True, pool_stale=True, last_resort_at=0)


def forget_expired(step: Step) -> None:
    """Packages nobody can use any more."""
    step.tx.delete_older("key_package", step.now - KEEP_MS)
