"""What the page of a report says, in the three languages of the product."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

LANGUAGE_NAMES: Final[Mapping[str, str]] = MappingProxyType({"ar": "العربية", "en": "English", "ru": "Русский"})


class Words(NamedTuple):
    """One language. states: of a report. names: of rows and columns by their codes."""

    direction: str
    title: str
    intro: str
    states: Mapping[str, str]
    restrictions: str
    total: str
    undone: str
    by_category: str
    by_language: str
    by_action: str
    by_source: str
    notices: str
    received: str
    decided: str
    median: str
    appeals: str
    share_reversed: str
    precision: str
    precision_text: str
    prevalence: str
    prevalence_text: str
    false_removals: str
    per_million: str
    posts: str
    requests: str
    private: str
    opened: str
    acted: str
    not_acted: str
    measures: str
    measures_undone: str
    downtime: str
    not_measured: str
    log: str
    log_text: str
    entries: str
    checkpoint: str
    category: str
    language: str
    judged: str
    share: str
    interval: str
    too_few: str
    names: Mapping[str, str]

    def name(self, code: str) -> str:
        """What people call a row or column."""
        return self.names[code]


_EN: Final = Words(
    direction="ltr",
    title="Transparency report",
    intro="Counted from the signed log of moderation and from posts drawn by lot. A count below 5 is shown as <5. "
    "≥5 stands where the exact count would give a small one away.",
    states={
        "running": "the month is not over",
        "preliminary": "preliminary: appeals and judgements still come in",
        "final": "final",
    },
    restrictions="Restrictions",
    total="In all",
    undone="Taken back by people",
    by_category="By category",
    by_language="By language",
    by_action="By action",
    by_source="What led to them, and how far programs decided",
    notices="Reports by users",
    received="Received",
    decided="Decided",
    median="Median time to decision",
    appeals="Appeals",
    share_reversed="Share reversed",
    precision="Precision of programs",
    precision_text="People judged a part of the automatic actions, drawn by lot, without knowing what had been done. "
    "The share they found right, with its 95 % interval (Wilson).",
    prevalence="Prevalence",
    prevalence_text="The share of posts that break a rule among those let stand, judged in the same way.",
    false_removals="False removals",
    per_million="For a million posts",
    posts="Posts judged",
    requests="Disclosures on request of authorities",
    private="Reports from private chats",
    opened="Read",
    acted="Something was done",
    not_acted="Nothing was done",
    measures="Measures against accounts",
    measures_undone="Measures undone",
    downtime="Downtime",
    not_measured="not measured",
    log="The log",
    log_text="Every decision is an entry. Anybody can check that none is missing:  zajil moderation log verify URL",
    entries="Entries",
    checkpoint="Newest checkpoint",
    category="Category",
    language="Language",
    judged="Judged",
    share="Share",
    interval="95 % interval",
    too_few="Too few judgements yet.",
    names={
        "fraud": "Fraud",
        "violence_incitement": "Incitement to violence",
        "hate": "Hate",
        "harassment": "Harassment",
        "sexual": "Sexual content",
        "self_harm": "Self-harm",
        "spam": "Spam",
        "channel_rules": "Rules of a channel",
        "other": "Other",
        "total": "Total",
        "ar": "Arabic",
        "en": "English",
        "ru": "Russian",
        "und": "Other or unknown",
        "all": "All languages",
        "none": "Could not be judged",
        "match": "Known text or address",
        "rule": "Rule",
        "score": "Score",
        "notice": "Report by users",
        "judge": "Language model",
        "person": "Moderator",
        "appeal": "Appeal",
        "channel": "Channel's own moderator",
        "clock": "End of a hold",
        "edit": "Newer text of a restricted post",
        "fully": "Program alone",
        "partially": "Program and person",
        "not": "Person",
        "label": "Label",
        "limit": "Limit",
        "hold": "Hold",
        "remove": "Remove",
        "slow_mode": "Slow mode",
        "mute": "Mute",
        "strike": "Strike",
        "restrict_channel": "Restrict a channel",
        "block_channel": "Block a channel",
        "suspend_persona": "Suspend a persona",
        "acted": "Acted on",
        "declined": "Declined",
        "upheld": "Upheld",
        "reversed": "Reversed",
        "partly": "Reversed in part",
        "decision": "Decision",
        "policy": "Change of policy",
        "list": "Change of a list",
        "staff": "Change of staff",
        "evidence": "Private reports of a month",
        "disclosure": "Lawful disclosure",
        "export": "Export",
        "account": "Account ended by the operator",
    },
)
_AR: Final = Words(
    direction="rtl",
    title="تقرير الشفافية",
    intro="محسوب من سجل الإشراف الموقَّع ومن منشورات سُحبت بالقرعة. كل عدد أقل من 5 يُعرض هكذا: \u2066<5\u2069. "
    "وتُعرض \u2066≥5\u2069 حيث يكشف العدد الدقيق عددًا صغيرًا.",
    states={
        "running": "لم ينتهِ الشهر بعد",
        "preliminary": "أوّلي: ما زالت ترد اعتراضات وأحكام",
        "final": "نهائي",
    },
    restrictions="القيود",
    total="المجموع",
    undone="تراجَع عنها أشخاص",
    by_category="حسب الفئة",
    by_language="حسب اللغة",
    by_action="حسب الإجراء",
    by_source="ما أدّى إليها، ومدى قرار البرامج فيها",
    notices="بلاغات المستخدمين",
    received="الواردة",
    decided="المبتوت فيها",
    median="وسيط الوقت حتى القرار",
    appeals="الاعتراضات",
    share_reversed="نسبة المقبول منها",
    precision="دقة البرامج",
    precision_text="حكم أشخاص على جزء من الإجراءات الآلية سُحب بالقرعة دون أن يعرفوا ما اتُّخذ. "
    "النسبة التي وجدوها صحيحة، مع مجال ثقة 95 % (ويلسون).",
    prevalence="الانتشار",
    prevalence_text="نسبة المنشورات المخالفة بين ما تُرك ظاهرًا، بالطريقة نفسها.",
    false_removals="الإزالات الخاطئة",
    per_million="لكل مليون منشور",
    posts="المنشورات المفحوصة",
    requests="الإفصاحات بطلب من السلطات",
    private="بلاغات من محادثات خاصة",
    opened="قُرئت",
    acted="فُعل شيء",
    not_acted="لم يُفعل شيء",
    measures="تدابير ضد حسابات",
    measures_undone="تدابير أُلغيت",
    downtime="مدة التوقف",
    not_measured="غير مقيسة",
    log="السجل",
    log_text="كل قرار قيدٌ في السجل، ولأي شخص أن يتحقق من أن شيئًا لم يُحذف منه:  zajil moderation log verify URL",
    entries="القيود من إلى",
    checkpoint="أحدث نقطة تحقق",
    category="الفئة",
    language="اللغة",
    judged="المحكوم عليها",
    share="النسبة",
    interval="مجال ثقة 95 %",
    too_few="الأحكام قليلة حتى الآن.",
    names={
        "fraud": "احتيال",
        "violence_incitement": "تحريض على العنف",
        "hate": "كراهية",
        "harassment": "مضايقة",
        "sexual": "محتوى جنسي",
        "self_harm": "إيذاء النفس",
        "spam": "رسائل مزعجة",
        "channel_rules": "قواعد قناة",
        "other": "غير ذلك",
        "total": "المجموع",
        "ar": "العربية",
        "en": "الإنجليزية",
        "ru": "الروسية",
        "und": "أخرى أو غير معروفة",
        "all": "كل اللغات",
        "none": "تعذّر الحكم",
        "match": "نص أو عنوان معروف",
        "rule": "قاعدة",
        "score": "درجة",
        "notice": "بلاغ مستخدمين",
        "judge": "نموذج لغوي",
        "person": "مشرف",
        "appeal": "اعتراض",
        "channel": "مشرف القناة نفسها",
        "clock": "انتهاء تعليق",
        "edit": "نص أحدث لمنشور مقيّد",
        "fully": "برنامج وحده",
        "partially": "برنامج وشخص",
        "not": "شخص",
        "label": "وسم",
        "limit": "تقييد",
        "hold": "تعليق",
        "remove": "إزالة",
        "slow_mode": "وضع بطيء",
        "mute": "كتم",
        "strike": "مخالفة مسجّلة",
        "restrict_channel": "تقييد قناة",
        "block_channel": "حجب قناة",
        "suspend_persona": "إيقاف شخصية",
        "acted": "اتُّخذ إجراء",
        "declined": "رُفض",
        "upheld": "أُبقي القرار",
        "reversed": "أُلغي القرار",
        "partly": "أُلغي جزئيًا",
        "decision": "قرار",
        "policy": "تغيير السياسة",
        "list": "تغيير قائمة",
        "staff": "تغيير في الطاقم",
        "evidence": "بلاغات خاصة في شهر",
        "disclosure": "إفصاح قانوني",
        "export": "تصدير",
        "account": "حساب أنهاه المشغّل",
    },
)
_RU: Final = Words(
    direction="ltr",
    title="Отчёт о прозрачности",
    intro="Посчитано по подписанному журналу модерации и по публикациям, взятым по жребию. Число меньше 5 показано как "
    "<5. ≥5 стоит там, где точное число выдало бы малое.",
    states={
        "running": "месяц не закончился",
        "preliminary": "предварительный: ещё приходят апелляции и оценки",
        "final": "окончательный",
    },
    restrictions="Ограничения",
    total="Всего",
    undone="Отменено людьми",
    by_category="По категориям",
    by_language="По языкам",
    by_action="По мерам",
    by_source="Что к ним привело и насколько решала программа",
    notices="Жалобы пользователей",
    received="Получено",
    decided="Рассмотрено",
    median="Медиана времени до решения",
    appeals="Апелляции",
    share_reversed="Доля отменённых решений",
    precision="Точность программ",
    precision_text="Люди оценили часть автоматических мер, взятую по жребию, не зная, что было сделано. "
    "Доля верных, с 95 %-интервалом (Уилсон).",
    prevalence="Распространённость",
    prevalence_text="Доля нарушений среди оставленных публикаций, оценённая так же.",
    false_removals="Ошибочные удаления",
    per_million="На миллион публикаций",
    posts="Проверено публикаций",
    requests="Раскрытия по запросам властей",
    private="Жалобы из личных чатов",
    opened="Прочитано",
    acted="Меры приняты",
    not_acted="Мер не принято",
    measures="Меры к аккаунтам",
    measures_undone="Меры отменены",
    downtime="Простой",
    not_measured="не измеряется",
    log="Журнал",
    log_text="Каждое решение — запись. Любой может проверить, что ни одна не пропала:  zajil moderation log verify URL",
    entries="Записи",
    checkpoint="Последняя контрольная точка",
    category="Категория",
    language="Язык",
    judged="Оценено",
    share="Доля",
    interval="95 %-интервал",
    too_few="Оценок пока слишком мало.",
    names={
        "fraud": "Мошенничество",
        "violence_incitement": "Призывы к насилию",
        "hate": "Ненависть",
        "harassment": "Травля",
        "sexual": "Сексуальное содержание",
        "self_harm": "Самоповреждение",
        "spam": "Спам",
        "channel_rules": "Правила канала",
        "other": "Другое",
        "total": "Итого",
        "ar": "Арабский",
        "en": "Английский",
        "ru": "Русский",
        "und": "Другой или неизвестен",
        "all": "Все языки",
        "none": "Не удалось проверить",
        "match": "Известный текст или адрес",
        "rule": "Правило",
        "score": "Оценка модели",
        "notice": "Жалоба пользователей",
        "judge": "Языковая модель",
        "person": "Модератор",
        "appeal": "Апелляция",
        "channel": "Модератор канала",
        "clock": "Конец удержания",
        "edit": "Новый текст ограниченной публикации",
        "fully": "Только программа",
        "partially": "Программа и человек",
        "not": "Человек",
        "label": "Метка",
        "limit": "Ограничение показа",
        "hold": "Удержание",
        "remove": "Удаление",
        "slow_mode": "Медленный режим",
        "mute": "Запрет писать",
        "strike": "Предупреждение",
        "restrict_channel": "Ограничение канала",
        "block_channel": "Блокировка канала",
        "suspend_persona": "Приостановка персоны",
        "acted": "Приняты меры",
        "declined": "Отклонено",
        "upheld": "Решение оставлено",
        "reversed": "Решение отменено",
        "partly": "Отменено частично",
        "decision": "Решение",
        "policy": "Изменение политики",
        "list": "Изменение списка",
        "staff": "Изменение состава",
        "evidence": "Личные жалобы за месяц",
        "disclosure": "Раскрытие по закону",
        "export": "Выгрузка",
        "account": "Аккаунт закрыт оператором",
    },
)
WORDS: Final[Mapping[str, Words]] = MappingProxyType({"en": _EN, "ar": _AR, "ru": _RU})
