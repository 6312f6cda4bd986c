"""Words of the commands for reports from private chats."""

from __future__ import annotations

from zajil.cli.texts.text import Text

PRIVATE = Text(
    en="Reports from private chats.",
    ar="بلاغات من المحادثات الخاصة.",
    ru="Жалобы из личных чатов.",
)
LIST = Text(en="What waits, unopened.", ar="ما ينتظر، مختومًا.", ru="Что ждёт, нераспечатанное.")
UNLOCK = Text(
    en="Open the key of private reports on the server, until nobody reads them any more.",
    ar="فتح مفتاح البلاغات الخاصة على الخادم، إلى أن لا يقرأها أحد.",
    ru="Открыть на сервере ключ личных жалоб, пока их кто-то читает.",
)
LOCK = Text(en="Lock it at once.", ar="قفله فورًا.", ru="Запереть его сразу.")
PASSPHRASE = Text(
    en="Choose the passphrase of private reports, or change it.",
    ar="اختيار عبارة مرور البلاغات الخاصة أو تغييرها.",
    ru="Задать фразу личных жалоб или сменить её.",
)
CLAIM = Text(en="Take a report for ten minutes.", ar="أخذ بلاغ لعشر دقائق.", ru="Взять жалобу на десять минут.")
SHOW = Text(
    en="Read a report that you hold.",
    ar="قراءة بلاغ أخذته.",
    ru="Прочитать взятую жалобу.",
)
RELEASE = Text(en="Give a report back.", ar="إعادة بلاغ.", ru="Вернуть жалобу.")
CLOSE = Text(
    en="Decide a report: the reporter hears whether something was done.",
    ar="البتّ في بلاغ: يسمع المبلّغ هل فُعل شيء.",
    ru="Решить по жалобе: пожаловавшийся узнает, приняты ли меры.",
)
PROPOSE = Text(
    en="Propose to warn or suspend the account; a second person has to confirm.",
    ar="اقتراح إنذار الحساب أو إيقافه؛ ولا بدّ من موافقة شخص ثانٍ.",
    ru="Предложить предупредить или приостановить аккаунт; нужен второй человек.",
)
CONFIRM = Text(
    en="Confirm what a colleague proposed.",
    ar="الموافقة على اقتراح زميل.",
    ru="Подтвердить предложение коллеги.",
)
REFUSE = Text(en="Refuse what is proposed.", ar="رفض الاقتراح.", ru="Отклонить предложение.")
MEASURES = Text(
    en="Measures against accounts, the newest first.",
    ar="التدابير ضد الحسابات، الأحدث أولًا.",
    ru="Меры к аккаунтам, сначала новые.",
)
UNREAD_MEASURES = Text(
    en="Measures that this server cannot open: {n}. They are damaged, or sealed to a key that it does not have.",
    ar="تدابير لا يستطيع هذا الخادم فتحها: {n}. إمّا أنها تالفة أو مختومة لمفتاح ليس عنده.",
    ru="Меры, которые этот сервер не может открыть: {n}. Они повреждены или запечатаны ключом, которого у него нет.",
)
UNDO = Text(en="Undo a measure.", ar="إلغاء تدبير.", ru="Отменить меру.")
REPORT_ARGUMENT = Text(
    en="Id of the report, as in `private list`.",
    ar="معرّف البلاغ كما في `private list`.",
    ru="Идентификатор жалобы, как в `private list`.",
)
MEASURE_ARGUMENT = Text(
    en="Id of the measure, as in `private measures`.",
    ar="معرّف التدبير كما في `private measures`.",
    ru="Идентификатор меры, как в `private measures`.",
)
OUTCOME_ARGUMENT = Text(en="What the reporter hears.", ar="ما يسمعه المبلّغ.", ru="Что узнает пожаловавшийся.")
ACTION_ARGUMENT = Text(en="What is to be done.", ar="ما العمل.", ru="Что сделать.")
DAYS_OPTION = Text(
    en="Days of a suspension; without it, for good.",
    ar="أيام الإيقاف؛ ودونه يكون دائمًا.",
    ru="Сколько дней; без этого навсегда.",
)
PRIVATE_FILE = Text(
    en="File whose first line is the passphrase of private reports; without it you are asked.",
    ar="ملف سطره الأول عبارة مرور البلاغات الخاصة؛ ودونه تُسأل عنها.",
    ru="Файл, первая строка которого — фраза личных жалоб; без него её спросят.",
)
NEW_FILE = Text(
    en="File whose first line is the new passphrase.",
    ar="ملف سطره الأول عبارة المرور الجديدة.",
    ru="Файл, первая строка которого — новая фраза.",
)
CHANGE_OPTION = Text(
    en="There is a passphrase already; change it.",
    ar="هناك عبارة مرور؛ غيّرها.",
    ru="Фраза уже есть; сменить её.",
)
ASK = Text(
    en="Passphrase of private reports:",
    ar="عبارة مرور البلاغات الخاصة:",
    ru="Фраза личных жалоб:",
)
ASK_NEW = Text(
    en="New passphrase of private reports:",
    ar="عبارة المرور الجديدة للبلاغات الخاصة:",
    ru="Новая фраза личных жалоб:",
)
KEY_STATES: dict[str, Text] = {
    "none": Text(
        en="No passphrase was chosen yet, so no report is taken:  zajil moderation private passphrase",
        ar="لم تُختر عبارة مرور بعد، فلا يُقبل بلاغ:  zajil moderation private passphrase",
        ru="Фраза ещё не задана, жалобы не принимаются:  zajil moderation private passphrase",
    ),
    "clear": Text(
        en="The key lies unsealed on the server; choose a passphrase:  zajil moderation private passphrase",
        ar="المفتاح غير مختوم على الخادم؛ اختر عبارة مرور:  zajil moderation private passphrase",
        ru="Ключ лежит на сервере незапечатанным; задайте фразу:  zajil moderation private passphrase",
    ),
    "locked": Text(
        en="The key is locked:  zajil moderation private unlock",
        ar="المفتاح مقفل:  zajil moderation private unlock",
        ru="Ключ заперт:  zajil moderation private unlock",
    ),
    "open": Text(en="The key is open.", ar="المفتاح مفتوح.", ru="Ключ открыт."),
    "elsewhere": Text(
        en="The key is not on this server, so nothing can be read here.",
        ar="المفتاح ليس على هذا الخادم، فلا يُقرأ شيء هنا.",
        ru="Ключа на этом сервере нет, прочитать ничего нельзя.",
    ),
}
KINDS: dict[str, Text] = {
    "report": Text(en="report with proof", ar="بلاغ مُثبت", ru="жалоба с доказательством"),
    "complaint": Text(en="complaint without proof", ar="شكوى بلا إثبات", ru="обращение без доказательства"),
}
PROPOSED: dict[str, Text] = {
    "mine": Text(en="you proposed a measure", ar="اقترحت تدبيرًا", ru="вы предложили меру"),
    "other": Text(
        en="a measure waits for a second person", ar="تدبير ينتظر شخصًا ثانيًا", ru="мера ждёт второго человека"
    ),
}
ACTIONS: dict[str, Text] = {
    "warn": Text(en="warning", ar="إنذار", ru="предупреждение"),
    "suspend": Text(en="suspension", ar="إيقاف", ru="приостановка"),
}
FOR_DAYS = Text(en="{action}, days: {n}", ar="{action}، الأيام: {n}", ru="{action}, дней: {n}")
FOR_GOOD = Text(en="{action}, for good", ar="{action}، دائمًا", ru="{action}, навсегда")
WAITS = Text(
    en="Proposed: {measure}. A second person has to confirm.",
    ar="المقترح: {measure}. لا بدّ من موافقة شخص ثانٍ.",
    ru="Предложено: {measure}. Нужен второй человек.",
)
FROM = Text(en="from {account}", ar="من {account}", ru="от {account}")
NOTE = Text(en="Note: {text}", ar="ملاحظة: {text}", ru="Примечание: {text}")
UNDONE = Text(en="undone", ar="أُلغي", ru="отменено")
UNTIL = Text(en="until {day}", ar="حتى {day}", ru="до {day}")
NO_TEXT = Text(en="(not shown by this version)", ar="(لا تعرضه هذه النسخة)", ru="(эта версия не показывает)")
