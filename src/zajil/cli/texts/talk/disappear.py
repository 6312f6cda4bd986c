"""Disappearing messages: the command, the notes at a chat and the lines in it."""

from __future__ import annotations

from typing import Final

from zajil.cli.texts.text import Text

DISAPPEAR_COMMAND = Text(
    en="Let new messages of a chat disappear after they were read; without a time, say how it is set.",
    ar="جعل الرسائل الجديدة في محادثة تختفي بعد قراءتها؛ ومن دون مدة: عرض الضبط الحالي.",
    ru="Новые сообщения чата исчезают после прочтения; без времени — показать, как настроено.",
)
TIME_ARGUMENT = Text(
    en="Such as 30s, 5m, 1h, 7d or 4w, up to 365d; off ends it.",
    ar="مثل 30s أو 5m أو 1h أو 7d أو 4w، حتى 365d؛ وoff يوقفه.",
    ru="Например 30s, 5m, 1h, 7d или 4w, не больше 365d; off отключает.",
)
BAD_TIME = Text(
    en="To let messages stay, write off.",
    ar="ولتبقى الرسائل اكتب off.",
    ru="Чтобы сообщения оставались, напишите off.",
)
SET = Text(
    en="New messages in {title} disappear {time} after they were read; for you, after you sent them.",
    ar="تختفي الرسائل الجديدة في {title} بعد قراءتها بمدة {time}؛ وعندك بعد إرسالها.",
    ru="Новые сообщения в чате {title} исчезают через {time} после прочтения, у вас — после отправки.",
)
SET_OFF = Text(
    en="New messages in {title} stay.",
    ar="تبقى الرسائل الجديدة في {title}.",
    ru="Новые сообщения в чате {title} остаются.",
)
DISAPPEAR = Text(
    en="messages disappear after {time}", ar="تختفي الرسائل بعد {time}", ru="сообщения исчезают через {time}"
)
_CHANGED = Text(
    en="{name} set messages to disappear after {time}.",
    ar="ضبط {name} الرسائل لتختفي بعد {time}.",
    ru="{name}: сообщения теперь исчезают через {time}.",
)
_CHANGED_OFF = Text(
    en="{name} turned disappearing messages off.",
    ar="أوقف {name} اختفاء الرسائل.",
    ru="{name}: сообщения больше не исчезают.",
)
_OWN_CHANGED = Text(
    en="You set messages to disappear after {time}.",
    ar="ضبطتَ الرسائل لتختفي بعد {time}.",
    ru="Вы включили исчезновение сообщений через {time}.",
)
_OWN_CHANGED_OFF = Text(
    en="You turned disappearing messages off.",
    ar="أوقفتَ اختفاء الرسائل.",
    ru="Вы отключили исчезновение сообщений.",
)
_TIMES: Final[dict[int, Text]] = {
    3_600: Text(en="1 hour", ar="ساعة", ru="1 час"),
    86_400: Text(en="1 day", ar="يوم", ru="1 день"),
    604_800: Text(en="7 days", ar="7 أيام", ru="7 дней"),
    2_592_000: Text(en="30 days", ar="30 يومًا", ru="30 дней"),
}
_UNITS: Final = (
    (86_400, Text(en="{n} d", ar="{n} ي", ru="{n} д")),
    (3_600, Text(en="{n} h", ar="{n} س", ru="{n} ч")),
    (60, Text(en="{n} min", ar="{n} د", ru="{n} мин")),
    (1, Text(en="{n} s", ar="{n} ث", ru="{n} с")),
)
"""Largest first, in seconds. Short forms have no plurals."""


def say_timer(seconds: int) -> str:
    """`7 days`, `1 min 30 s`. seconds: above 0."""
    if seconds in _TIMES:
        return _TIMES[seconds]()
    parts, rest = [], seconds
    for unit_s, text in _UNITS:
        count, rest = divmod(rest, unit_s)
        parts += [text(n=count)] if count else []
    return " ".join(parts)


def say_change(name: str, seconds: int, *, own: bool) -> str:
    """The line of a chat whose timer `name`, or we, set. seconds: 0 = off."""
    if not seconds:
        return _OWN_CHANGED_OFF() if own else _CHANGED_OFF(name=name)
    time = say_timer(seconds)
    return _OWN_CHANGED(time=time) if own else _CHANGED(name=name, time=time)
