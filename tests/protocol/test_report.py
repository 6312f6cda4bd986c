"""Proofs of private messages: what proves, what is refused and by which check, and that no forgery slips through."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol import report_vectors as made
from tests.protocol.report_vectors import DAY_MS, GID, NOW_MS, OMAR, RITA, SERVER, Author

from zajil.moderation.categories import CATEGORIES
from zajil.protocol.chat import content, forms
from zajil.protocol.chat.files import File
from zajil.protocol.errors import Malformed, ZajilError
from zajil.protocol.identity.objects import DeviceList
from zajil.protocol.ids import GroupId
from zajil.protocol.report import franking, proofs
from zajil.protocol.report.proofs import Check, Proof, Proven
from zajil.protocol.report.reasons import Reason

FILE = Path(__file__).resolve().parents[2] / "vectors" / "report.json"


def prove(proof: Proof, *, lists: list[DeviceList] | None = None, now_ms: int = NOW_MS) -> Proven:
    """As the server does it."""
    (claim,) = proofs.read_claims([proof], server_name=SERVER)
    known = made.lists_of(claim.certificate.account_id) if lists is None else lists
    return proofs.prove_claim(claim, keys_of=made.frank_keys, lists=known, now_ms=now_ms)


def refused_by(proof: Proof, **how: object) -> str:
    with pytest.raises(Malformed) as refused:
        prove(proof, **how)  # type: ignore[arg-type]  # passed through as given
    assert (refused.value.code, refused.value.status) == ("report-unverified", 422)
    assert refused.value.detail["item"] == 0
    return str(refused.value.detail["check"])


def test_the_file_is_what_we_write() -> None:
    assert FILE.read_text(encoding="utf-8") == made.render(), "run python -m tests.protocol.report_vectors"


@pytest.mark.parametrize("name", made.genuine())
def test_a_genuine_message_proves_its_sender_and_says_what_receivers_saw(name: str) -> None:
    proof = made.genuine()[name]
    proven = prove(proof)
    (told,) = [item for item in json.loads(FILE.read_text(encoding="utf-8"))["items"] if item["name"] == name]
    assert proven.account == OMAR.account
    read = (proven.message.form, proven.message.text, proven.message.sent_ms)
    assert read == (told["read"]["form"], told["read"]["text"], told["read"]["sent"])
    assert proven.message.accepted_ms == proof.ts


def test_a_file_beside_a_text_does_not_hide_the_text() -> None:
    """Else a threat with any file beside it could not be reported."""
    file = File(bytes(16), "a.jpg", "image/jpeg", 5, bytes(32), bytes(12), bytes(32))
    proven = prove(OMAR.proof(OMAR.write(forms.Files((file,), "I know where you live"))))
    assert (proven.message.form, proven.message.text) == ("text", "I know where you live")
    proven = prove(OMAR.proof(OMAR.write(forms.Files((file,)))))
    assert (proven.message.form, proven.message.text) == ("other", "")


FORGERIES = tuple(made.forgeries())


@pytest.mark.parametrize(("name", "check", "proof"), FORGERIES, ids=[name for name, _, _ in FORGERIES])
def test_a_forgery_is_refused_by_name(name: str, check: Check, proof: Proof) -> None:
    assert refused_by(proof) == check, name


def test_every_check_refuses_something() -> None:
    assert {check for _, check, _ in FORGERIES} == set(Check.__args__)  # type: ignore[attr-defined]  # a Literal


def test_a_report_is_of_one_person_and_names_the_item_that_is_not() -> None:
    good, other = made.genuine()["text"], RITA.proof(RITA.write(forms.Text("mine")))
    prove(other)
    with pytest.raises(Malformed) as refused:
        proofs.read_claims([good, good, other], server_name=SERVER)
    assert dict(refused.value.detail) == {"item": 2, "check": "sender"}


def test_a_mention_names_nobodys_account() -> None:
    text = prove(made.genuine()["mention"]).message.text
    assert text == "@Rita [r] pays"


class TestRemovedDevice:
    """Whose device was removed answers for what it sent before, not for what somebody sends with it afterwards."""

    REMOVED_AT_S = (NOW_MS - 10 * DAY_MS) // 1000

    def author(self) -> Author:
        author = Author("omar")
        author.put_list((1,), issued=self.REMOVED_AT_S)
        return author

    def proof(self, ts: int) -> Proof:
        return OMAR.proof(OMAR.write(forms.Text("from my laptop"), device=2), device=2, ts=ts)

    def test_before_the_removal_it_proves(self) -> None:
        prove(self.proof(self.REMOVED_AT_S * 1000 - 1), lists=self.author().parsed_lists())

    def test_from_the_removal_on_it_is_refused(self) -> None:
        for ts in (self.REMOVED_AT_S * 1000, NOW_MS - 1):
            assert refused_by(self.proof(ts), lists=self.author().parsed_lists()) == "device"

    def test_the_end_of_the_account_takes_nothing_back(self) -> None:
        author = self.author()
        author.put_list((), issued=self.REMOVED_AT_S + 100)
        prove(self.proof(self.REMOVED_AT_S * 1000 - 1), lists=author.parsed_lists())
        assert refused_by(self.proof(NOW_MS - 1), lists=author.parsed_lists()) == "device"

    def test_a_later_list_does_not_bring_it_back(self) -> None:
        author = self.author()
        author.put_list((1, 3), issued=self.REMOVED_AT_S + 100)
        assert refused_by(self.proof(NOW_MS - 1), lists=author.parsed_lists()) == "device"

    def test_lists_of_somebody_else_are_no_lists(self) -> None:
        assert refused_by(made.genuine()["text"], lists=RITA.parsed_lists()) == "account"
        assert refused_by(made.genuine()["text"], lists=[]) == "account"


def test_a_key_of_an_older_master_still_proves() -> None:
    old = made.secret("older master")
    proof = made.frank(made.genuine()["text"], master=old)
    (claim,) = proofs.read_claims([proof], server_name=SERVER)
    keys = [franking.derive_day_key(key, franking.frank_day(proof.ts)) for key in (made.MASTER, old)]
    proofs.prove_claim(claim, keys_of=lambda _: keys, lists=OMAR.parsed_lists(), now_ms=NOW_MS)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_changed_byte_of_any_field_proves(data: st.DataObject) -> None:
    proof = made.genuine()[data.draw(st.sampled_from(sorted(made.genuine())))]
    name = data.draw(st.sampled_from([field.name for field in fields(Proof)]))
    value = getattr(proof, name)
    if isinstance(value, int):
        changed: object = data.draw(st.integers(0, (1 << 63) - 1).filter(lambda other: other != value))
    else:
        at, bit = data.draw(st.integers(0, len(value) - 1)), data.draw(st.integers(0, 7))
        changed = value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :]
    with pytest.raises(ZajilError) as refused:
        prove(replace(proof, **{name: changed}))  # type: ignore[arg-type]  # of the field's type
    assert refused.value.code == "report-unverified"


@settings(max_examples=150, deadline=None)
@given(mixed=st.fixed_dictionaries({field.name: st.integers(0, 2) for field in fields(Proof)}))
def test_no_mixture_of_genuine_parts_proves(mixed: dict[str, int]) -> None:
    """Whoever holds many true items cannot put a new one together."""
    other_group = GroupId(made.OTHER_GID)
    sources = (
        OMAR.proof(OMAR.write(forms.Text("one"), salt="1"), epoch=7),
        OMAR.proof(OMAR.write(forms.Text("two"), device=2, salt="2"), device=2, epoch=8, ts=NOW_MS - 2 * DAY_MS),
        OMAR.proof(OMAR.write(forms.Text("three"), gid=other_group, salt="3"), gid=other_group, epoch=9),
    )
    proof = Proof(**{name: getattr(sources[index], name) for name, index in mixed.items()})
    if proof in sources:
        prove(proof)
    else:
        refused_by(proof)


def test_the_reporters_own_words_cannot_pass_for_anothers() -> None:
    """Rita is a member and may send anything in the group, so the server franks anything for her."""
    for device in (1, 2):
        claimed = OMAR.write(forms.Text("framed"), device=device)
        for signer in (RITA.device_key(1), RITA.device_key(2)):
            sig = signer.sign(content.report_tbs(made.tag_of(claimed), GID, 7))
            for cert in (OMAR.certificate(device), RITA.certificate(1), RITA.certificate(2)):
                assert refused_by(made.frank(Proof(claimed, sig, 7, GID, NOW_MS, None, cert))) in {
                    "signature",
                    "sender",
                }


def test_the_reasons_are_the_categories_and_one_for_all_else() -> None:
    assert Reason.__args__ == (*CATEGORIES, "other")  # type: ignore[attr-defined]  # a Literal
