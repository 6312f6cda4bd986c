"""`admin name`."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

NAMES = Text(
    en="Keep usernames back, or free them.",
    ar="حجز أسماء المستخدمين أو تحريرها.",
    ru="Придержать имена пользователей или освободить их.",
)
RESERVE = Text(
    en="Keep a username from everybody, and all that look like it. It is hashed here.",
    ar="حجز اسم مستخدم عن الجميع مع كل ما يشبهه. ويُحسب تلبيده هنا.",
    ru="Не отдавать имя никому, и похожие на него тоже. Хеш считается здесь.",
)
RELEASE = Text(
    en="End that: whoever comes first may take it.",
    ar="إنهاء الحجز: يأخذه من يسبق إليه.",
    ru="Отменить это: имя возьмёт первый желающий.",
)
NAME_ARGUMENT = Text(
    en="3 to 32 letters of one script, digits, and _ or a dot between them.",
    ar="من 3 إلى 32 حرفًا من كتابة واحدة، وأرقام، وبينها _ أو نقطة.",
    ru="От 3 до 32 букв одной письменности, цифры, между ними _ или точка.",
)
RESERVED = Text(
    en="@{name} is kept back: nobody can take it.",
    ar="حُجز @{name}: لا يمكن لأحد أخذه.",
    ru="@{name}: имя придержано, его никто не возьмёт.",
)
RESERVED_BEFORE = Text(
    en="@{name} was kept back before.",
    ar="سبق حجز @{name}.",
    ru="@{name}: имя уже было придержано.",
)
RELEASED = Text(
    en="@{name} is kept back no more. If somebody had it within 90 days, the rest of them still runs.",
    ar="لم يعد @{name} محجوزًا. وإن كان لأحد قبل أقل من 90 يومًا فما بقي منها يسري.",
    ru="@{name}: больше не придержано. Если имя у кого-то было меньше 90 дней назад, остаток срока идёт дальше.",
)

NAME_COMPLAINTS: dict[str, Complaint] = {
    "name-used": Complaint(
        Text(
            en="Somebody uses @{name}, or a name that looks like it.",
            ar="يستعمل أحدٌ @{name} أو اسمًا يشبهه.",
            ru="@{name} или похожее имя уже кем-то занято.",
        ),
        Text(
            en="A name is not taken from an account; once its owner gives it up, it can be kept back.",
            ar="لا يُنتزع اسم من حساب؛ ويمكن حجزه متى تخلّى عنه صاحبه.",
            ru="У учётной записи имя не отнять; его можно придержать, когда владелец от него откажется.",
        ),
    ),
    "not-reserved": Complaint(
        Text(
            en="@{name} is not kept back on this server.",
            ar="@{name} ليس محجوزًا على هذا الخادم.",
            ru="@{name}: на этом сервере имя не придержано.",
        ),
        Text(
            en="Look at the spelling. To keep it back:  zajil admin name reserve NAME",
            ar="تحقّق من الكتابة. ولحجزه:  zajil admin name reserve NAME",
            ru="Проверьте написание. Придержать имя:  zajil admin name reserve NAME",
        ),
    ),
}
