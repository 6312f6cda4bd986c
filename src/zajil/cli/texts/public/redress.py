"""Reports, notices and appeals: the author's and the reporter's side of moderation."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

REPORT = Text(
    en="Report a post, channel or persona to the moderators. Who reports is told to nobody.",
    ar="الإبلاغ عن منشور أو قناة أو شخصية. ولا يُقال لأحد من أبلغ.",
    ru="Пожаловаться модераторам на запись, канал или имя. Кто жалуется, не узнает никто.",
)
PLACE_ARGUMENT = Text(
    en="Post (@handle/ID or the address of its page), channel or persona (@handle).",
    ar="منشور (‎@معرّف/ID أو عنوان صفحته)، أو قناة أو شخصية (‎@معرّف).",
    ru="Запись (@адрес/ID либо адрес её страницы), канал или имя (@адрес).",
)
OWN_HINT = Text(
    en="Nobody reports what is their own. To take a post back:  zajil channel delete POST",
    ar="لا يبلّغ أحد عمّا هو له. ولسحب منشور:  zajil channel delete POST",
    ru="На своё не жалуются. Убрать свою запись:  zajil channel delete POST",
)
NOTICES = Text(
    en="What moderation decided about your public names, and what became of your reports.",
    ar="ما قرّره الإشراف بشأن شخصياتك، وما آلت إليه بلاغاتك.",
    ru="Что модерация решила о ваших публичных именах и чем кончились ваши жалобы.",
)
APPEAL = Text(
    en="Appeal against a decision; another person looks again. Without a text it shows the decision.",
    ar="الاعتراض على قرار؛ ينظر فيه شخص آخر. وبلا نصّ يُعرض القرار.",
    ru="Обжаловать решение; его рассмотрит другой человек. Без текста — показать решение.",
)
CATEGORY_OPTION = Text(en="What it breaks.", ar="نوع المخالفة.", ru="Что нарушено.")
NOTE_OPTION = Text(
    en="A note for the moderators, up to 1,000 characters.",
    ar="ملاحظة للمشرفين، حتى 1000 حرف.",
    ru="Пояснение для модераторов, до 1000 знаков.",
)
DECISION_ARGUMENT = Text(
    en="Decision, as `notices` names it.", ar="القرار كما يسمّيه notices.", ru="Решение, как его называет notices."
)
APPEAL_ARGUMENT = Text(
    en="Why it should be decided anew, up to 2,000 characters; - reads it from standard input.",
    ar="لماذا يُعاد النظر، حتى 2000 حرف؛ وعلامة - تقرأه من الدخل القياسي.",
    ru="Почему решить заново, до 2000 знаков; - читает из стандартного ввода.",
)
LIMIT_OPTION = Text(en="How many of each kind.", ar="العدد من كل نوع.", ru="Сколько каждого вида.")

REPORTED = Text(
    en="Reported. What becomes of it:  zajil notices",
    ar="أُبلغ عنه. ولمتابعته:  zajil notices",
    ru="Жалоба принята. Что с ней стало:  zajil notices",
)
NOTHING_TOLD = Text(en="Nothing to tell.", ar="لا جديد.", ru="Сообщать нечего.")
POINTS = Text(en="strikes: {points}", ar="المخالفات: {points}", ru="нарушений: {points}")
LIMITED = Text(en="5 posts a day until {day}", ar="5 منشورات في اليوم حتى {day}", ru="5 записей в день до {day}")
SUSPENDED = Text(en="suspended until {day}", ar="موقوفة حتى {day}", ru="приостановлено до {day}")
REPORTS_MUTED = Text(
    en="your reports count nothing until {day}",
    ar="لا تُحتسب بلاغاتك حتى {day}",
    ru="ваши жалобы не учитываются до {day}",
)
ACTIONS = {
    "allow": Text(en="let stand", ar="أُبقي", ru="оставлено"),
    "label": Text(en="put behind a warning", ar="وُضع خلف تحذير", ru="скрыто предупреждением"),
    "limit": Text(en="limited", ar="قُيّد انتشاره", ru="ограничено"),
    "hold": Text(en="held for review", ar="حُجز للمراجعة", ru="задержано для проверки"),
    "remove": Text(en="removed", ar="أُزيل", ru="убрано"),
    "remove_cluster": Text(en="removed with its copies", ar="أُزيل مع نسخه", ru="убрано вместе с копиями"),
    "restore": Text(en="restored", ar="أُعيد", ru="восстановлено"),
    "mute": Text(en="muted in the channel", ar="كُتم في القناة", ru="лишение слова в канале"),
    "strike": Text(en="a strike", ar="مخالفة", ru="нарушение"),
    "restrict_channel": Text(en="channel restricted", ar="قُيّدت القناة", ru="канал ограничен"),
    "block_channel": Text(en="channel blocked", ar="حُجبت القناة", ru="канал закрыт"),
    "suspend_persona": Text(en="persona suspended", ar="أُوقفت الشخصية", ru="имя приостановлено"),
}
AUTOMATED = Text(en="decided by machine", ar="قرار آلي", ru="решено автоматически")
BY_PERSON = Text(en="decided by a person", ar="قرار بشري", ru="решил человек")
OVERTAKEN = Text(en="no longer in force", ar="لم يعد ساريًا", ru="больше не действует")
UNTIL = Text(en="until {when}", ar="حتى {when}", ru="до {when}")
MAY_APPEAL = Text(
    en="Appeal by {day}:  zajil appeal {decision} TEXT",
    ar="يمكن الاعتراض حتى {day}:  zajil appeal {decision} TEXT",
    ru="Обжаловать до {day}:  zajil appeal {decision} TEXT",
)
CARE = Text(
    en="If you are not well, you are not alone: talk to somebody you trust, or call a helpline where you live.",
    ar="إن كنت في ضيق فلست وحدك: تحدّث إلى من تثق به، أو اتصل بخط مساعدة حيث تعيش.",
    ru="Если вам тяжело, вы не одни: поговорите с тем, кому доверяете, или позвоните на линию помощи там, где живёте.",
)
APPEAL_STATES = {
    "open": Text(
        en="appeal: waiting, answer due by {day}",
        ar="الاعتراض: قيد الانتظار، والردّ حتى {day}",
        ru="обжалование: ждёт, ответ до {day}",
    ),
    "assigned": Text(
        en="appeal: being looked at, answer due by {day}",
        ar="الاعتراض: قيد النظر، والردّ حتى {day}",
        ru="обжалование: рассматривается, ответ до {day}",
    ),
    "upheld": Text(en="appeal: the decision stands", ar="الاعتراض: بقي القرار", ru="обжалование: решение оставлено"),
    "reversed": Text(
        en="appeal: the decision was taken back", ar="الاعتراض: أُلغي القرار", ru="обжалование: решение отменено"
    ),
    "partly": Text(
        en="appeal: the decision was softened", ar="الاعتراض: خُفّف القرار", ru="обжалование: решение смягчено"
    ),
}
REPORT_STATES = {
    "received": Text(en="received", ar="استُلم", ru="получена"),
    "in_review": Text(en="being looked at", ar="قيد النظر", ru="рассматривается"),
    "acted": Text(en="something was done", ar="اتُّخذ إجراء", ru="приняты меры"),
    "declined": Text(en="nothing against the rules was found", ar="لم تُوجد مخالفة", ru="нарушений не найдено"),
    "reversed": Text(en="what was done was taken back", ar="أُلغي الإجراء", ru="меры отменены"),
}
REPORT_LINE = Text(en="report, {category}: {state}", ar="بلاغ، {category}: {state}", ru="жалоба, {category}: {state}")
APPEALED = Text(
    en="The appeal is in; somebody who did not decide this answers by {day}.",
    ar="سُجّل الاعتراض؛ يجيب عليه من لم يتّخذ القرار، حتى {day}.",
    ru="Обжалование принято; ответит другой человек до {day}.",
)

REDRESS_COMPLAINTS: dict[str, Complaint] = {
    "bad-decision": Complaint(
        Text(en="This names no decision.", ar="هذا لا يدلّ على قرار.", ru="Это не указывает на решение."),
        Text(
            en="Decisions and their names:  zajil notices",
            ar="القرارات وأسماؤها:  zajil notices",
            ru="Решения и их названия:  zajil notices",
        ),
    ),
    "note-too-long": Complaint(
        Text(
            en="An appeal or note holds up to {most} characters; this is longer.",
            ar="يتّسع الاعتراض أو الملاحظة لـ {most} حرفًا؛ وهذا أطول.",
            ru="Здесь помещается до {most} знаков; у вас больше.",
        ),
        Text(en="Shorten it.", ar="اختصره.", ru="Сократите текст."),
    ),
    "no-moderation": Complaint(
        Text(
            en="This server does not moderate, so it takes no reports or appeals.",
            ar="هذا الخادم بلا إشراف، فلا يستقبل بلاغات أو اعتراضات.",
            ru="Этот сервер не модерирует, поэтому не принимает жалоб и обжалований.",
        ),
        Text(
            en="Whoever runs it turns it on in its settings.",
            ar="يفعّله القائم عليه في الإعدادات.",
            ru="Владелец включает её в настройках.",
        ),
    ),
}
