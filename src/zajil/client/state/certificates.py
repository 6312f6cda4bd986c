"""Who may hold a leaf: the certificate in its credential, judged by what we know of the account (service.md 2, rule 2).

The certificate alone admits a leaf. Device lists are private knowledge, different on each device, so a device missing
from ours is never a veto on a commit of others: it only stops us from adding that device ourselves.
"""

from __future__ import annotations

from zajil import mls
from zajil.client.state import rows
from zajil.client.state.step import Step
from zajil.protocol.errors import ZajilError
from zajil.protocol.identity import objects
from zajil.protocol.ids import client_id


def authenticate(step: Step) -> mls.Authenticate:
    """The engine's question "whose key is this?", answered from the store of this step."""

    def judge(credential: mls.Credential, signature_key: bytes, use: mls.Use) -> bytes:
        certificate = check_certificate(credential.body, signature_key)
        known = rows.find_account(step.tx, certificate.account_id)
        if use is mls.Use.SEND and known is not None and not lists_device(known, certificate):
            raise mls.Rejected("device is not in the newest list")
        return client_id(certificate.account_id, certificate.device_id)

    return judge


def check_certificate(credential: bytes, signature_key: bytes) -> objects.DeviceCertificate:
    """The certificate of a leaf. Raises mls.Rejected unless it is self-consistent and names that leaf key."""
    try:
        certificate = objects.open_certificate(credential)
    except ZajilError as problem:
        raise mls.Rejected(problem.code) from None
    if certificate.sig_pub != signature_key:
        raise mls.Rejected("certificate of another key")
    if objects.account_id_of(certificate.account_pub) != certificate.account_id:
        # The first key is in every chain, so whoever knows of a rotation judges as whoever does not. Certificates by
        # rotated keys need the whole chain of lists, which later issues bring.
        raise mls.Rejected("account key does not match the account")
    return certificate


def lists_device(account: rows.Account, certificate: objects.DeviceCertificate) -> bool:
    """Whether the newest list we hold has this device; a list older than the certificate says nothing."""
    if account.list_seq < certificate.list_seq:
        return True
    return (certificate.device_id, certificate.sig_pub) in account.devices
