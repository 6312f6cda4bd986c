"""`Complaint`: the words for an error code, and the hints that several codes share."""

from __future__ import annotations

from typing import NamedTuple

from zajil.cli.texts.text import Text


class Complaint(NamedTuple):
    """One sentence for a code, and what to do about it where there is something to do."""

    sentence: Text
    hint: Text | None = None


UPDATE = Text(
    en="Update Zajil; if it stays, report it as a bug.",
    ar="حدّث زاجل؛ وإن بقي الخطأ فأبلغ عنه.",
    ru="Обновите Zajil; если не поможет, сообщите об ошибке.",
)
LATER = Text(en="Try again in a moment.", ar="أعد المحاولة بعد لحظات.", ru="Попробуйте чуть позже.")
SYNC = Text(
    en="Run zajil sync, then try again.", ar="نفّذ zajil sync ثم أعد المحاولة.", ru="Выполните zajil sync и повторите."
)
LIST_CHATS = Text(en="Your chats:  zajil chats", ar="محادثاتك:  zajil chats", ru="Ваши чаты:  zajil chats")
LIST_CONTACTS = Text(
    en="Your contacts:  zajil contacts", ar="جهات اتصالك:  zajil contacts", ru="Ваши контакты:  zajil contacts"
)
RELINK = Text(
    en="Start with an empty folder and link this device again:  zajil --home DIR link new --server URL",
    ar="ابدأ بمجلّد فارغ واربط هذا الجهاز من جديد:  zajil --home DIR link new --server URL",
    ru="Начните с пустой папки и подключите устройство заново:  zajil --home DIR link new --server URL",
)
READDING = Text(
    en="Zajil asks the others to let this device in again; run zajil sync in a minute.",
    ar="يطلب زاجل من الآخرين إعادة إضافة هذا الجهاز؛ نفّذ zajil sync بعد دقيقة.",
    ru="Zajil просит остальных снова добавить это устройство; через минуту выполните zajil sync.",
)
