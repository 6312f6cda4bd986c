"""Which certificates and device lists a client believes, and what a forged one changes: nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil import mls
from zajil.client.core import chats
from zajil.client.core.core import Core
from zajil.client.shell import enrol
from zajil.client.state import accounts, rows
from zajil.client.storage.keyfile import make_keys
from zajil.client.storage.store import Store
from zajil.protocol.errors import ZajilError
from zajil.protocol.identity import objects
from zajil.protocol.identity.objects import DeviceCertificate, DeviceList, DeviceListEntry, Kind
from zajil.protocol.ids import AccountId, DeviceId

NOW = 1_800_000_000
RNG = random.Random(7).randbytes


class Person:
    """An account with its keys, able to sign whatever a test needs."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(RNG(32))
        self.pub = self.key.public_key().public_bytes_raw()
        self.account_id = objects.account_id_of(self.pub)
        self.leaf = Ed25519PrivateKey.from_private_bytes(RNG(32)).public_key().public_bytes_raw()

    def list(
        self, seq: int, prev: bytes, *devices: tuple[int, bytes], signer: Ed25519PrivateKey | None = None
    ) -> bytes:
        entries = tuple(DeviceListEntry(DeviceId(number), leaf, NOW) for number, leaf in devices)
        made = DeviceList(self.account_id, seq, prev, self.pub, entries, NOW)
        return objects.sign_object(Kind.DEVICE_LIST, made.encode(), signer or self.key)

    def certificate(
        self,
        *,
        account_id: AccountId | None = None,
        device: int = 1,
        seq: int = 1,
        signer: Ed25519PrivateKey | None = None,
    ) -> mls.Credential:
        made = DeviceCertificate(account_id or self.account_id, self.pub, DeviceId(device), self.leaf, seq, NOW)
        return mls.basic_credential(objects.sign_object(Kind.CERTIFICATE, made.encode(), signer or self.key))


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    keys = make_keys(RNG)
    store = Store(tmp_path, keys.store_key)
    profile = enrol.first_profile(keys, name="Amal", server="http://x", server_name="localhost", now=NOW * 1000)
    with store.step("profile", NOW * 1000, RNG) as tx:
        rows.save_profile(tx, profile)
    yield Core(store, keys, now=lambda: NOW * 1000, rng=RNG)
    store.close()


@pytest.mark.parametrize("use", list(mls.Use))
def test_a_certificate_of_the_account_admits_its_leaf(core: Core, use: mls.Use) -> None:
    boris = Person()
    with core.look() as step:
        client = step.env().authenticate(boris.certificate(), boris.leaf, use)
    assert client == boris.account_id + (1).to_bytes(4, "big")


def test_forged_certificates_admit_nobody(core: Core) -> None:
    boris, mallory = Person(), Person()
    forged = [
        (boris.certificate(signer=mallory.key), boris.leaf),
        (boris.certificate(account_id=mallory.account_id), boris.leaf),
        (boris.certificate(), mallory.leaf),
        (mls.basic_credential(b"Boris"), boris.leaf),
    ]
    with core.look() as step:
        for credential, leaf in forged:
            with pytest.raises(mls.Rejected):
                step.env().authenticate(credential, leaf, mls.Use.RECEIVE)


def test_a_device_missing_from_the_newest_list_is_no_veto_but_is_not_added_by_us(core: Core) -> None:
    boris = Person()
    with core.step("list") as step:
        accounts.learn_list(step, boris.account_id, boris.list(1, objects.NO_LIST, (2, RNG(32))))
        judge = step.env().authenticate
        assert judge(boris.certificate(), boris.leaf, mls.Use.RECEIVE)
        with pytest.raises(mls.Rejected):
            judge(boris.certificate(), boris.leaf, mls.Use.SEND)
        # A certificate of a later list than ours says nothing against the device.
        assert judge(boris.certificate(seq=2), boris.leaf, mls.Use.SEND)


def test_lists_only_go_forward_and_a_fork_raises_the_alarm(core: Core) -> None:
    boris, mallory = Person(), Person()
    first = boris.list(1, objects.NO_LIST, (1, boris.leaf))
    second = boris.list(2, objects.hash_object(first), (1, boris.leaf), (2, RNG(32)))
    with core.step("lists") as step:
        assert accounts.learn_list(step, boris.account_id, first).list_seq == 1
        by_server = boris.list(2, objects.hash_object(first), (9, RNG(32)), signer=mallory.key)
        assert accounts.learn_list(step, boris.account_id, by_server).list_seq == 1
        assert accounts.learn_list(step, boris.account_id, second).list_seq == 2
        assert accounts.learn_list(step, boris.account_id, first).list_seq == 2
        assert not accounts.known(step, boris.account_id).alarm
        fork = boris.list(2, objects.hash_object(first), (1, boris.leaf), (3, RNG(32)))
        held = accounts.learn_list(step, boris.account_id, fork)
        assert held.alarm
        assert held.list_object == second
        with pytest.raises(ZajilError, match="list-fork"):
            chats.open_group(step, "Doves", [boris.account_id])


@pytest.mark.parametrize("is_own", [False, True])
def test_a_chain_that_ends_right_before_a_list_that_we_know_is_what_that_one_follows(core: Core, is_own: bool) -> None:
    """Of the lists before the newest only what that one names may be known, as where it came inside a message."""
    boris = Person()
    first = boris.list(1, objects.NO_LIST, (1, boris.leaf))
    second, other = (boris.list(2, objects.hash_object(first), (1, boris.leaf), (2, RNG(32))) for _ in range(2))
    third = boris.list(3, objects.hash_object(second), (1, boris.leaf))
    fourth = boris.list(4, objects.hash_object(third), (1, boris.leaf))
    rival = boris.list(3, objects.hash_object(other), (1, boris.leaf))
    with core.step("chains") as step:
        if is_own:
            step.profile = rows.save_profile(
                step.tx, msgspec.structs.replace(step.profile, account_id=boris.account_id)
            )
        accounts.learn_chain(step, boris.account_id, [first])
        accounts.learn_list(step, boris.account_id, fourth)
        for told, is_fork in (([first], False), ([first, second, third], False), ([first, other, rival], True)):
            held = accounts.learn_chain(step, boris.account_id, told)
            assert (held.alarm, held.list_object) == (is_fork, fourth)


def test_a_chain_of_another_account_or_with_a_gap_is_refused(core: Core) -> None:
    boris, mallory = Person(), Person()
    first = boris.list(1, objects.NO_LIST, (1, boris.leaf))
    third = boris.list(3, objects.hash_object(first), (1, boris.leaf))
    with core.step("chains") as step:
        with pytest.raises(ZajilError, match="key-changed"):
            accounts.learn_chain(step, mallory.account_id, [first])
        with pytest.raises(ZajilError, match="stale-list"):
            accounts.learn_chain(step, boris.account_id, [first, third])
        assert rows.find_account(step.tx, boris.account_id) is None
        assert accounts.learn_chain(step, boris.account_id, [first]).devices == ((1, boris.leaf),)


def test_what_a_person_says_of_himself_stays_above_what_others_say(core: Core) -> None:
    boris = Person()
    with core.step("names") as step:
        accounts.learn_introduction(step, boris.account_id, "B.", b"1" * 32)
        accounts.learn_name(step, boris.account_id, "Boris", b"2" * 32, at=0)
        account = accounts.learn_introduction(step, boris.account_id, "Bob", b"3" * 32)
        assert (account.name, account.contact_token) == ("Boris", b"2" * 32)
