"""What a device may try, and what it believes of its server: without a network."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil.client.shell.reach.candidates import home_endpoint, make_candidates, parse_transport, private_endpoints
from zajil.client.shell.reach.knowledge import BUNDLES, Knowledge
from zajil.client.state.reach import ReachSettings, ReachState
from zajil.protocol.control import B32
from zajil.protocol.errors import HomeError
from zajil.protocol.reach import signed
from zajil.protocol.reach.dsse import sign
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind, PluggableTransport, PrivateBridges
from zajil.protocol.reach.seal import OriginKey, SessionKey

SERVER = "https://home.example"
NOW = int(time.time())
LISTED = (
    Endpoint("o", EndpointKind.ORIGIN, "home.example", ips=("192.0.2.1",)),
    Endpoint("b", EndpointKind.BRIDGE, "bridge.example", dir="a", token=bytes(32)),
    Endpoint("p", EndpointKind.PT, "bridge.example", dir="a", token=bytes(32), pt=PluggableTransport("obfs4", "h", 1)),
)


def bundle(n: int, *bridges: tuple[str, int, str], root_hash: bytes = bytes(32)) -> PrivateBridges:
    return PrivateBridges(root_hash, bytes([n]) * 8, bytes([n]) * 32, bridges or ((f"b{n}.example", 443, "a"),))


def ids(server: str = SERVER, *, browser: bool = False, settings: ReachSettings = ReachSettings()) -> list[str]:  # noqa: B008  # frozen
    private = private_endpoints([bundle(1)])
    made = make_candidates(
        server, home=home_endpoint(server), listed=LISTED, private=private, settings=settings, browser=browser
    )
    return [candidate.id for candidate in made]


def test_the_better_strategy_of_an_endpoint_comes_first() -> None:
    private = f"private-{'01' * 8}-1"
    assert ids() == [
        *("origin/wss", "origin/poll", "b/wss", "b/poll", "p/pt"),
        *(f"{private}/wss", f"{private}/poll"),
    ]
    assert ids(browser=True)[:3] == ["origin/wss-browser", "origin/poll", "origin/wss"]


def test_the_list_adds_addresses_to_the_home_and_no_second_one() -> None:
    made = make_candidates(
        SERVER, home=home_endpoint(SERVER), listed=LISTED, private=(), settings=ReachSettings(), browser=False
    )
    assert made[0].endpoint == Endpoint("origin", EndpointKind.ORIGIN, "home.example", ips=("192.0.2.1",))
    assert sum(candidate.endpoint.host == "home.example" for candidate in made) == 2


def test_a_listed_origin_at_another_address_stands_beside_the_home() -> None:
    listed = (Endpoint("origin", EndpointKind.ORIGIN, "front.example"),)
    made = make_candidates(
        SERVER, home=home_endpoint(SERVER), listed=listed, private=(), settings=ReachSettings(), browser=False
    )
    assert [(c.id, c.endpoint.host) for c in made if c.strategy == "wss"] == [
        ("origin/wss", "home.example"),
        ("listed-origin/wss", "front.example"),
    ]


def test_a_laptop_has_one_way() -> None:
    laptop = "http://127.0.0.1:8440"
    made = make_candidates(
        laptop, home=home_endpoint(laptop), listed=(), private=(), settings=ReachSettings(), browser=True
    )
    assert [candidate.id for candidate in made] == ["origin/wss"]


def test_the_persons_own_tools() -> None:
    settings = ReachSettings(socks="127.0.0.1:9050", transports=("obfs4 192.0.2.9:443 cert=a=b iat-mode=0", "broken"))
    found = [one for one in ids(settings=settings) if one.endswith(("socks", "pt"))]
    assert found[:3] == ["p/pt", "origin/socks", "b/socks"]
    own = parse_transport(settings.transports[0], home_endpoint(SERVER))
    assert found[3:] == [f"private-{'01' * 8}-1/socks", f"{own.id}/pt"], "a private bridge is reached through it too"
    assert (own.host, own.token) == ("home.example", None)
    assert own.pt == PluggableTransport("obfs4", "192.0.2.9", 443, (("cert", "a=b"), ("iat-mode", "0")))


@pytest.mark.parametrize("address", ["h:0", "h:" + "1" * 5000, "h:65536", "h"])
def test_a_transport_at_no_port_is_none(address: str) -> None:
    with pytest.raises(HomeError, match="bad-link"):
        parse_transport(f"obfs4 {address} cert=a", home_endpoint(SERVER))


def test_ids_of_private_bridges_do_not_move() -> None:
    first = private_endpoints([bundle(1), bundle(2)])
    assert [e.id for e in private_endpoints([bundle(2)])] == [first[1].id]


# -- what is believed


class Signer:
    """A server's keys."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.origin = OriginKey.from_seed(bytes(range(96)))

    def root(self, version: int = 1, hosts: tuple[str, ...] = ("home.example",)) -> bytes:
        public = B32(self.key.public_key().public_bytes_raw())
        role = signed.RoleKeys((public,), 1)
        key = signed.OriginSessionKey(
            signed.B4(self.origin.kid), signed.PublicKey(self.origin.public), NOW + 10_000_000
        )
        document = signed.RootDocument(version, NOW + 10_000, signed.Roles(role, role), (signed.Origin(hosts, (key,)),))
        return sign(signed.ROOT_TYPE, document.encode(), [self.key])

    def list(self, version: int = 1, endpoints: tuple[Endpoint, ...] = LISTED) -> bytes:
        body = signed.encode_list(endpoints, version=version, expires=NOW + 10_000, root_version=1)
        return sign(signed.LIST_TYPE, body, [self.key])


def make(state: ReachState = ReachState(), *, http: bool = False) -> tuple[Knowledge, Callable[[], ReachState]]:  # noqa: B008  # frozen
    kept = [state]

    def keep(change: Callable[[ReachState], ReachState]) -> ReachState:
        kept.append(change(kept[-1]))
        return kept[-1]

    home = home_endpoint("http://127.0.0.1:8440" if http else SERVER)
    return Knowledge(home, state, http=http, now_s=time.time, keep=keep), lambda: kept[-1]


def test_documents_are_kept_and_come_back() -> None:
    signer = Signer()
    known, kept = make()
    assert known.session_key() is None
    known.take_own_roots([signer.root()])
    known.take_list(signer.list())
    assert known.session_key() == SessionKey.of(signer.origin.public)
    again, _ = make(kept())
    assert again.root == known.root
    assert again.listed() == LISTED


def test_plain_frames_go_to_the_hosts_of_the_root_alone() -> None:
    known, _ = make()
    home = home_endpoint(SERVER)
    bridge = LISTED[1]
    assert known.is_plain(home), "before any root: the address a person gave"
    assert not known.is_plain(bridge)
    assert not known.is_plain(Endpoint("x", EndpointKind.ORIGIN, "other.example"))
    known.take_own_roots([Signer().root(hosts=("new.example", "home.example:8443"))])
    assert not known.is_plain(home), "an address that the root does not name may be a CDN"
    assert known.is_plain(Endpoint("x", EndpointKind.ORIGIN, "home.example", 8443))
    assert known.is_plain(Endpoint("x", EndpointKind.PT, "new.example", pt=LISTED[2].pt))
    assert not known.is_plain(Endpoint("x", EndpointKind.BRIDGE, "new.example", dir="a", token=bytes(32)))


def test_a_laptop_stays_plain_whatever_its_root_says() -> None:
    known, _ = make(http=True)
    known.take_own_roots([Signer().root()])
    assert known.is_plain(home_endpoint("http://127.0.0.1:8440"))


def test_what_does_not_verify_changes_nothing() -> None:
    signer = Signer()
    known, kept = make()
    known.take_own_roots([signer.root()])
    known.take_list(signer.list(version=2))
    held = kept()
    for wrong in ([Signer().root(version=2)], [signer.root(version=3)], [b"garbage"]):
        with pytest.raises(HomeError):
            known.take_roots(wrong)
    for envelope in (Signer().list(version=3), signer.list(version=1), b"{}"):
        with pytest.raises(HomeError):
            known.take_list(envelope)
    assert kept() == held
    known.take_roots([signer.root(version=2)])
    assert known.root_version == 2


def test_a_root_damaged_in_the_store_is_none() -> None:
    known, _ = make(ReachState(root=b"damaged", endpoints=b"damaged"))
    assert known.root is None
    assert known.listed() == ()


def hash_of(envelope: bytes) -> bytes:
    return signed.step_root(None, envelope).hash


def test_the_bundle_of_the_registration_pins_the_first_root() -> None:
    signer = Signer()
    for take in (Knowledge.take_roots, Knowledge.take_own_roots):
        known, _ = make(ReachState(pin=hash_of(signer.root())))
        with pytest.raises(HomeError, match="not-this-server"):
            take(known, [Signer().root()])
        take(known, [signer.root(), signer.root(version=2)])
        assert known.root_version == 2, "from the pinned one on"


def test_no_later_bundle_decides_whose_the_first_root_is() -> None:
    """A link pasted before the documents came: its bridges would answer ROOT as they like, for good."""
    signer, foreign = Signer(), Signer()
    known, kept = make()
    known.add_private(bundle(1, root_hash=hash_of(foreign.root())))
    with pytest.raises(HomeError, match="not-this-server"):
        known.take_roots([foreign.root()])
    assert (known.session_key(), kept().root) == (None, b"")
    known.take_own_roots([signer.root()])
    assert known.session_key() == SessionKey.of(signer.origin.public)


def test_the_address_of_the_profile_is_a_front_where_the_root_does_not_name_it() -> None:
    known, _ = make()
    assert known.home().kind is EndpointKind.ORIGIN, "before any root: the address a person gave"
    known.take_own_roots([Signer().root(hosts=("new.example",))])
    front = Endpoint("f", EndpointKind.FRONT, "home.example", ips=("192.0.2.1",))
    made = make_candidates(
        SERVER, home=known.home(), listed=(front,), private=(), settings=ReachSettings(), browser=False
    )
    assert [(c.id, c.endpoint.ips, c.direct) for c in made] == [
        ("home-front/wss", front.ips, False),
        ("home-front/poll", front.ips, False),
    ]
    assert not known.is_plain(made[0].endpoint)
    named, _ = make()
    named.take_own_roots([Signer().root()])
    laptop, _ = make(http=True)
    laptop.take_own_roots([Signer().root()])
    assert [one.home().kind for one in (named, laptop)] == [EndpointKind.ORIGIN] * 2


def test_bundles_replace_their_own_token_and_the_oldest_goes() -> None:
    known, _ = make()
    assert known.add_private(bundle(1))
    assert not known.add_private(bundle(1))
    assert known.add_private(bundle(1, ("moved.example", 443, "a")))
    assert [one.bridges[0][0] for one in known.private_bundles()] == ["moved.example"]
    for n in range(2, BUNDLES + 2):
        known.add_private(bundle(n))
    assert [one.token_id[0] for one in known.private_bundles()] == list(range(2, BUNDLES + 2))
    known.remove_private()
    assert known.private_bundles() == []
