"""`call bot`: what it says, and what it needs."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

CALL = Text(
    en="Take part in calls: a bot that answers them.",
    ar="المشاركة في المكالمات: روبوت يردّ عليها.",
    ru="Участвовать в звонках: бот, который на них отвечает.",
)
CALL_BOT = Text(
    en="Answer every call in your chats, until Ctrl-C.",
    ar="الردّ على كل مكالمة في محادثاتك حتى Ctrl-C.",
    ru="Отвечать на каждый звонок в ваших чатах — до Ctrl-C.",
)
MODE_OPTION = Text(
    en="What callers hear: their own voice half a second later (echo), or a steady tone (tone).",
    ar="ما يسمعه المتصلون: صوتهم بعد نصف ثانية (echo)، أو نغمة ثابتة (tone).",
    ru="Что слышит звонящий: свой голос через полсекунды (echo) или ровный тон (tone).",
)
STATS_OPTION = Text(
    en="Write counts of what went and came to this file, as JSON, every second.",
    ar="كتابة أعداد ما أُرسل وما وصل في هذا الملف، بصيغة JSON، كل ثانية.",
    ru="Каждую секунду записывать в этот файл счётчики отправленного и полученного, в JSON.",
)
READY = Text(
    en="Answering calls. Ctrl-C ends it.",
    ar="جاهز للردّ على المكالمات. Ctrl-C للإنهاء.",
    ru="Жду звонков. Ctrl-C — закончить.",
)
ANSWERED = Text(
    en="Answered a call in {chat}.",
    ar="تم الردّ على مكالمة في {chat}.",
    ru="Отвечаю на звонок в чате «{chat}».",
)
OVER = Text(
    en="The call is over ({reason}).",
    ar="انتهت المكالمة ({reason}).",
    ru="Звонок окончен ({reason}).",
)

CALL_COMPLAINTS: dict[str, Complaint] = {
    "no-calls": Complaint(
        Text(
            en="This installation cannot take part in calls.",
            ar="لا يدعم هذا التثبيت المكالمات.",
            ru="Эта установка не умеет звонить.",
        ),
        Text(
            en="Install it with its extra:  pip install 'zajil[calls]'",
            ar="ثبّته بالإضافة الخاصة به:  pip install 'zajil[calls]'",
            ru="Установите с дополнением:  pip install 'zajil[calls]'",
        ),
    ),
}
