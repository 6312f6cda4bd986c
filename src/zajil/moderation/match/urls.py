"""Addresses on lists: URLs, hosts, registered domains, phones and wallets.

Shorteners are never followed: the short link itself is what a list holds. Source: design/moderation.md section 6; UTS
46.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

import idna
import tldextract

from zajil.moderation.match.entries import Entry
from zajil.moderation.normalise.entities import Entity

ListName: TypeAlias = Literal["url", "host", "domain", "phone", "wallet"]

URL: Final = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?+(?:[^/?#@\s]*@)?+"
    r"(\[[0-9a-f:.]+\]|[^/?#:\s]+)(?::(\d{1,5}))?(/[^?#]*)?(\?[^#]*)?",
    re.IGNORECASE,
)
TRACKING: Final = re.compile(
    r"utm_\w+|(?:fb|g|y)clid|gclsrc|dclid|wbraid|gbraid|msclkid|twclid|ttclid|igshid|igsh|mc_[ce]id|_openstat|"
    r"_hs(?:enc|mi)|vero_id|mkt_tok|ref_src|oly_(?:anon|enc)_id|si|spm",
    re.IGNORECASE,
)
DEFAULT_PORTS: Final = ("", "80", "443")
MAX_HOST: Final = 253


class Address(NamedTuple):
    """A URL as lists hold it: no scheme, user, default port, tracking parameter or fragment; host in A-labels.

    domain: the registered domain, such as `example.co.uk`; the host itself where there is none (an IP address).
    """

    url: str
    host: str
    domain: str


class Listed(NamedTuple):
    """An entity of a text that a list has, under which name and value."""

    entity: Entity
    list_name: ListName
    value: str
    entry: Entry


@cache
def _load_extractor() -> tldextract.TLDExtract:
    # The list inside the package: no network, no cache on disk.
    return tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())


def encode_host(host: str) -> str:
    """The host in lower case and A-labels. Total: a label that IDNA refuses is punycode all the same."""
    host = host.rstrip(".").lower()
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode()
    except UnicodeError:
        labels = host.split(".")
        return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)


@lru_cache(maxsize=65_536)
def find_domain(host: str) -> str:
    """The registered domain of a host in A-labels; the host itself where the public suffix list knows none."""
    return _load_extractor()(host).top_domain_under_public_suffix or host


def parse_url(url: str) -> Address | None:
    """The URL of an entity or a list as lists hold it; None where it has no host. The path keeps its case."""
    split = split_url(url)
    return Address(*split, find_domain(split[1])) if split is not None else None


def split_url(url: str) -> tuple[str, str] | None:
    """`url` and `host` of its `Address`: what can be said without the list of public suffixes."""
    match = URL.match(url)
    if match is None or len(match[1]) > MAX_HOST:
        return None
    host = encode_host(match[1])
    if not host:
        return None
    port = "" if (match[2] or "") in DEFAULT_PORTS else f":{match[2]}"
    path = (match[3] or "").rstrip("/")
    kept = [part for part in (match[4] or "?")[1:].split("&") if part and not TRACKING.fullmatch(part.split("=", 1)[0])]
    query = f"?{'&'.join(kept)}" if kept else ""
    return f"{host}{port}{path}{query}", host


class AddressLists:
    """The lists of one moment, in memory: five tables by value."""

    def __init__(self) -> None:
        self._tables: dict[ListName, dict[str, Entry]] = {
            "url": {},
            "host": {},
            "domain": {},
            "phone": {},
            "wallet": {},
        }

    def add(self, list_name: ListName, value: str, entry: Entry) -> str:
        """Put a value on a list in its canonical form, which is returned. Raises ValueError for an unreadable URL."""
        canonical = self._canonical(list_name, value)
        self._tables[list_name][canonical] = entry
        return canonical

    def remove(self, list_name: ListName, value: str) -> None:
        """Take a value off a list; none that is absent."""
        self._tables[list_name].pop(self._canonical(list_name, value), None)

    @staticmethod
    def _canonical(list_name: ListName, value: str) -> str:
        if list_name == "phone":
            return "".join(re.findall(r"\d", value))
        if list_name == "wallet":
            # Folded text has lost the case where something was hidden in the address.
            return value.lower()
        address = parse_url(value)
        if address is None:
            raise ValueError(f"no {list_name}")
        return {"url": address.url, "host": address.host, "domain": address.domain}[list_name]

    def find(self, entities: Iterable[Entity], *, now: float) -> tuple[Listed, ...]:
        """Every entity that a list has, the narrowest list first. now: Unix seconds.

        Without its country a phone is another number: lists hold the digits as they are written.
        """
        found: list[Listed] = []
        for entity in entities:
            for list_name, value in self._values(entity):
                entry = self._tables[list_name].get(value)
                if entry is not None and entry.is_valid(now):
                    found.append(Listed(entity, list_name, value, entry))
                    break
        return tuple(found)

    @staticmethod
    def _values(entity: Entity) -> tuple[tuple[ListName, str], ...]:
        match entity.kind:
            case "phone":
                return (("phone", entity.value.lstrip("+")),)
            case "wallet":
                return (("wallet", entity.value.lower()),)
            case "url":
                address = parse_url(entity.value)
            case "mail":
                address = parse_url(entity.value.rpartition("@")[2])
            case _:
                return ()
        if address is None:
            return ()
        return ("url", address.url), ("host", address.host), ("domain", address.domain)
