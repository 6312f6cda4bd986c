"""Exact digests and addresses meet their entries in whatever clothes they come."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.moderation.match.entries import Entry
from zajil.moderation.match.spelling import digest_packed, pack
from zajil.moderation.match.urls import AddressLists, ListName, encode_host, parse_url
from zajil.moderation.normalise.entities import Entity
from zajil.moderation.normalise.text import normalise

NOW = 1_800_000_000.0
ENTRY = Entry(category="fraud", source="decision:1", human=True)


def test_a_digest_is_that_of_the_text_without_spaces_and_what_may_stand_between_spelled_letters() -> None:
    assert digest_packed(pack("free money now")) == hashlib.sha256(b"freemoneynow").digest()
    assert digest_packed(pack("free-money, now.")) == hashlib.sha256(b"freemoneynow").digest()
    assert digest_packed(pack("free money now!")) == hashlib.sha256(b"freemoneynow!").digest()
    assert digest_packed(pack("free money")) is None, "ten characters are said by too many"


@pytest.mark.parametrize(
    ("url", "canonical", "host", "domain"),
    [
        ("HTTPS://User:pw@WWW.Example.CO.UK:443/Path/?utm_source=x&id=5&fbclid=1#top",
         "www.example.co.uk/Path?id=5", "www.example.co.uk", "example.co.uk"),
        ("t.me/JoinChat", "t.me/JoinChat", "t.me", "t.me"),
        ("http://пример.рф/а", "xn--e1afmkfd.xn--p1ai/а", "xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai"),
        ("hxxp://bad.example:8080", "bad.example:8080", "bad.example", "bad.example"),
        ("https://bit.ly/AbC?utm_medium=y", "bit.ly/AbC", "bit.ly", "bit.ly"),
        ("http://192.0.2.7/x", "192.0.2.7/x", "192.0.2.7", "192.0.2.7"),
        ("http://[2001:db8::1]/x", "[2001:db8::1]/x", "[2001:db8::1]", "[2001:db8::1]"),
        ("a.b.blogspot.com.", "a.b.blogspot.com", "a.b.blogspot.com", "blogspot.com"),
    ],
)  # fmt: skip
def test_a_url_has_one_form(url: str, canonical: str, host: str, domain: str) -> None:
    assert parse_url(url) == (canonical, host, domain)
    again = parse_url(canonical)
    assert again is not None
    assert again.url == canonical


@given(text=st.text(max_size=60))
def test_any_text_is_a_url_or_none(text: str) -> None:
    address = parse_url(text)
    assert address is None or address.host == encode_host(address.host)


@pytest.mark.parametrize("url", ["", "https://", "/path", "?x", "http://" + "a" * 300])
def test_what_has_no_host_is_no_url(url: str) -> None:
    assert parse_url(url) is None


@pytest.mark.parametrize(
    ("list_name", "value", "text"),
    [
        ("url", "https://bit.ly/AbC1", "see HTTP://BIT.LY/AbC1?utm_source=tg !"),
        ("host", "shop.bad.example", "https://shop.bad.example/any"),
        ("domain", "https://bad.com/", "look: www.sub.bad.com/x or so"),
        ("domain", "bad.com", "mail me at boss@mail.bad.com please"),
        ("phone", "+7 912 345-67-89", "call 7 (912) 345 67 89"),
        ("wallet", "0x52908400098527886E0F7030069857D2E4169EE7", "to 0x52908400098527886e0f7030069857d2e4169ee7"),
    ],
)
def test_a_listed_address_is_found(list_name: ListName, value: str, text: str) -> None:
    lists = AddressLists()
    lists.add(list_name, value, ENTRY)
    found = lists.find(normalise(text).entities, now=NOW)
    assert [(one.list_name, one.entry) for one in found] == [(list_name, ENTRY)]
    lists.remove(list_name, value)
    lists.remove(list_name, value)
    assert not lists.find(normalise(text).entities, now=NOW)


def test_the_narrowest_list_speaks_and_an_expired_entry_does_not() -> None:
    lists = AddressLists()
    lists.add("domain", "bad.com", Entry(category="spam", source="wide"))
    lists.add("url", "bad.com/x", Entry(category="fraud", source="narrow", expires_at=NOW))
    entities = [Entity("url", "bad.com/x"), Entity("user", "someone")]
    assert [one.entry.source for one in lists.find(entities, now=NOW - 1)] == ["narrow"]
    assert [one.entry.source for one in lists.find(entities, now=NOW)] == ["wide"]


def test_a_short_link_of_another_case_is_another_link() -> None:
    lists = AddressLists()
    lists.add("url", "bit.ly/AbC1", ENTRY)
    assert not lists.find(normalise("bit.ly/abc1").entities, now=NOW)


def test_a_list_refuses_what_is_no_url() -> None:
    with pytest.raises(ValueError, match="no url"):
        AddressLists().add("url", "https://", ENTRY)
