"""`call bot`: what it says."""

from __future__ import annotations

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
OVER = Text(en="The call is over.", ar="انتهت المكالمة.", ru="Звонок окончен.")
ENDS: dict[str, Text] = {
    "declined": Text(
        en="The call was declined.",
        ar="رُفضت المكالمة.",
        ru="Звонок отклонён.",
    ),
    "busy": Text(
        en="Busy in another call.",
        ar="مشغول بمكالمة أخرى.",
        ru="Занято: идёт другой разговор.",
    ),
    "unsupported": Text(
        en="The other side’s app is too old for this call.",
        ar="تطبيق الطرف الآخر أقدم من أن يجري هذه المكالمة.",
        ru="Приложение собеседника слишком старое для этого звонка.",
    ),
    "no-answer": Text(
        en="Nobody answered.",
        ar="لم يردّ أحد.",
        ru="Никто не ответил.",
    ),
    "cancelled": Text(
        en="The call was cancelled.",
        ar="أُلغيت المكالمة.",
        ru="Звонок отменён.",
    ),
    "missed": Text(
        en="You missed this call.",
        ar="فاتتك هذه المكالمة.",
        ru="Вы пропустили этот звонок.",
    ),
    "elsewhere": Text(
        en="Answered on another of your devices.",
        ar="تم الرد على جهاز آخر من أجهزتك.",
        ru="На звонок ответили на другом вашем устройстве.",
    ),
    "declined-elsewhere": Text(
        en="Declined on another of your devices.",
        ar="رُفضت على جهاز آخر من أجهزتك.",
        ru="Отклонён на другом вашем устройстве.",
    ),
    "failed": Text(
        en="The call could not be connected.",
        ar="تعذّر توصيل المكالمة.",
        ru="Не удалось соединиться.",
    ),
    "lost": Text(
        en="The connection was lost and did not come back.",
        ar="انقطع الاتصال ولم يعد.",
        ru="Связь прервалась и не восстановилась.",
    ),
    "remote": Text(
        en="The other side hung up.",
        ar="أنهى الطرف الآخر المكالمة.",
        ru="Собеседник повесил трубку.",
    ),
    "removed": Text(
        en="You are no longer in this chat.",
        ar="لم تعد في هذه المحادثة.",
        ru="Вас больше нет в этом чате.",
    ),
    "not-encrypted": Text(
        en="The call was ended at once, since something was about to be sent without encryption.",
        ar="أُنهيت المكالمة فورًا لأن شيئًا كاد يُرسل بلا تشفير.",
        ru="Звонок сразу прерван: что-то могло уйти без шифрования.",
    ),
    "full": Text(
        en="Four people are in this call already.",
        ar="في هذه المكالمة أربعة أشخاص بالفعل.",
        ru="В этом звонке уже четверо.",
    ),
}
"""Why a call ended, by the codes of `CallView.ended`; none for `hangup`."""
