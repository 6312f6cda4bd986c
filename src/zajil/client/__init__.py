"""The SDK: one device of one account. `Client` is the whole public surface; values are in `views`."""

from zajil.client.api import Client
from zajil.client.shell.ending import wipe_home
from zajil.client.state.reach import ReachSettings
from zajil.client.views import (
    Attachment,
    Call,
    Chat,
    Check,
    Contact,
    Device,
    Event,
    LinkedDevice,
    LinkPreview,
    Mention,
    Message,
    MessageDetails,
    Privacy,
    Reaction,
    RecoveryStatus,
    ReportDraft,
    ReportedText,
    SentReport,
    SharedBridges,
    WhoAmI,
)

__all__ = [
    "Attachment",
    "Call",
    "Chat",
    "Check",
    "Client",
    "Contact",
    "Device",
    "Event",
    "LinkPreview",
    "LinkedDevice",
    "Mention",
    "Message",
    "MessageDetails",
    "Privacy",
    "ReachSettings",
    "Reaction",
    "RecoveryStatus",
    "ReportDraft",
    "ReportedText",
    "SentReport",
    "SharedBridges",
    "WhoAmI",
    "wipe_home",
]
