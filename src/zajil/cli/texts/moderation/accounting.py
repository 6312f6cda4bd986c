"""Words of `zajil moderation report` and `zajil admin disclose|delete-account`: giving account."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

REPORT = Text(
    en="A month's transparency report.",
    ar="تقرير الشفافية لشهر واحد.",
    ru="Отчёт о прозрачности за месяц.",
)
MONTH_ARGUMENT = Text(en="The month, as 2026-11.", ar="الشهر، مثل 2026-11.", ru="Месяц, например 2026-11.")
SERVER_OPTION = Text(
    en="Fetch it from the server at this address.",
    ar="جلبه من الخادم الذي على هذا العنوان.",
    ru="Взять его у сервера по этому адресу.",
)
FORMAT_OPTION = Text(
    en="How to print it: text, json, csv or html.",
    ar="صيغة العرض: text أو json أو csv أو html.",
    ru="Как печатать: text, json, csv или html.",
)
REPORT_JSON = Text(
    en="The same as --format json.",
    ar="مثل ‎--format json.",
    ru="То же, что --format json.",
)
CHECK_OPTION = Text(
    en="Say whether report, log and database agree to the unit.",
    ar="بيان هل يتطابق التقرير والسجل وقاعدة البيانات بالتمام.",
    ru="Сказать, совпадают ли отчёт, журнал и база до единицы.",
)
AGREED = Text(
    en="Report, log and database agree: {entries} entries, {decisions} decisions, {cells} figures compared.",
    ar="التقرير والسجل وقاعدة البيانات متطابقة: المداخل {entries}، والقرارات {decisions}، والأرقام المقارنة {cells}.",
    ru="Отчёт, журнал и база совпадают: записей {entries}, решений {decisions}, сравнено чисел {cells}.",
)
DISCLOSE = Text(
    en="Everything stored of an account, for a lawful request; it is logged.",
    ar="كل ما هو مخزّن عن حساب، استجابةً لطلب قانوني؛ ويُسجَّل ذلك.",
    ru="Всё, что хранится об аккаунте, по законному запросу; это записывается в журнал.",
)
ACCOUNT_ARGUMENT = Text(
    en="The account's id, 22 characters, as its owner sees it.",
    ar="معرّف الحساب، 22 محرفًا، كما يراه صاحبه.",
    ru="Идентификатор аккаунта, 22 знака, как его видит владелец.",
)
REFERENCE_OPTION = Text(
    en="The request's own number; only a salted hash of it is logged.",
    ar="رقم الطلب؛ ولا يُسجَّل منه إلا بصمة مملّحة.",
    ru="Номер запроса; в журнал попадает только его хеш с солью.",
)

DELETE_ACCOUNT = Text(
    en="End an account for its owner, as after a restore; it is logged.",
    ar="إنهاء حساب نيابةً عن صاحبه، كما بعد استعادة نسخة؛ ويُسجَّل ذلك.",
    ru="Закрыть аккаунт за владельца, например после восстановления; это записывается в журнал.",
)
DELETE_QUESTION = Text(
    en="End the account {account} on all its devices? They keep what they have; nobody can bring it back.",
    ar="أتريد إنهاء الحساب {account} على كل أجهزته؟ يبقى فيها ما لديها، ولن يستعيده أحد.",
    ru="Закрыть аккаунт {account} на всех устройствах? На них останется то, что есть; вернуть его не сможет никто.",
)
ENDED = Text(
    en="The account has ended; entry {n} of the log. A running server closes its connections within a minute.",
    ar="انتهى الحساب؛ المدخل {n} في السجل. والخادم العامل يغلق اتصالاته خلال دقيقة.",
    ru="Аккаунт закрыт; запись {n} в журнале. Работающий сервер закроет его соединения за минуту.",
)
ENDED_BEFORE = Text(
    en="This account was deleted before; nothing was changed.",
    ar="حُذف هذا الحساب من قبل؛ ولم يتغيّر شيء.",
    ru="Этот аккаунт уже удалён; ничего не изменено.",
)

_MONTHS = Text(
    en="For example:  zajil moderation report 2026-11",
    ar="مثلًا:  zajil moderation report 2026-11",
    ru="Например:  zajil moderation report 2026-11",
)
ACCOUNTING_COMPLAINTS: dict[str, Complaint] = {
    "bad-month": Complaint(
        Text(en="That is no month.", ar="هذا ليس شهرًا.", ru="Это не месяц."),
        _MONTHS,
    ),
    "no-report": Complaint(
        Text(
            en="There is no report of this month: it lies ahead, or before the log began.",
            ar="لا يوجد تقرير لهذا الشهر: إما لم يأتِ بعد أو يسبق بداية السجل.",
            ru="За этот месяц отчёта нет: он ещё не наступил или был до начала журнала.",
        ),
        _MONTHS,
    ),
    "check-here": Complaint(
        Text(
            en="A report is checked against the data folder only.",
            ar="لا يُتحقق من التقرير إلا مقابل مجلد البيانات.",
            ru="Отчёт сверяется только с папкой данных.",
        ),
        Text(
            en="For a server's log use  zajil moderation log verify URL",
            ar="لسجل خادم استعمل  zajil moderation log verify URL",
            ru="Журнал сервера проверяет  zajil moderation log verify URL",
        ),
    ),
    "no-agreement": Complaint(
        Text(
            en="Report, log and database do not agree; differences: {count}.",
            ar="التقرير والسجل وقاعدة البيانات غير متطابقة؛ الفروق: {count}.",
            ru="Отчёт, журнал и база не совпадают; различий: {count}.",
        ),
        Text(
            en="Keep a copy of the data folder, then look at each place named above.",
            ar="احفظ نسخة من مجلد البيانات، ثم افحص كل موضع مذكور أعلاه.",
            ru="Сохраните копию папки данных и проверьте каждое место, названное выше.",
        ),
    ),
    "bad-account": Complaint(
        Text(en="That is no account id.", ar="هذا ليس معرّف حساب.", ru="Это не идентификатор аккаунта."),
        Text(
            en="An id has 22 characters of A-Z a-z 0-9 - _; its owner sees it with  zajil whoami",
            ar="المعرّف 22 محرفًا من A-Z a-z 0-9 - _؛ ويراه صاحبه بالأمر  zajil whoami",
            ru="Идентификатор — 22 знака A-Z a-z 0-9 - _; владелец видит его командой  zajil whoami",
        ),
    ),
    "no-reference": Complaint(
        Text(
            en="A disclosure needs the reference of its request.",
            ar="يحتاج الإفصاح إلى رقم الطلب.",
            ru="Для раскрытия нужен номер запроса.",
        ),
        Text(
            en="Name it:  --reference 'Court of X, file 12/2026'",
            ar="اذكره:  --reference 'Court of X, file 12/2026'",
            ru="Укажите его:  --reference 'Court of X, file 12/2026'",
        ),
    ),
    "no-account": Complaint(
        Text(
            en="No account {account} was ever made on this server. Nothing was done or logged.",
            ar="لم يُنشأ حساب {account} على هذا الخادم قط. لم يُفعل شيء ولم يُسجَّل شيء.",
            ru="Аккаунта {account} на этом сервере никогда не было. Ничего не сделано и не записано.",
        ),
        Text(
            en="Check the id; the server cannot find an account by anything else.",
            ar="تحقق من المعرّف؛ فالخادم لا يستطيع إيجاد حساب بأي شيء آخر.",
            ru="Проверьте идентификатор: найти аккаунт по чему-то другому сервер не может.",
        ),
    ),
}
