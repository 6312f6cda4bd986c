"""Words of the reviewing commands."""

from __future__ import annotations

from zajil.cli.texts.text import Text

STAFF = Text(
    en="Who reviews.",
    ar="من يراجع.",
    ru="Кто модерирует.",
)
STAFF_INVITE = Text(
    en="Print a code that one person comes in by, good for 15 minutes.",
    ar="طباعة رمز يدخل به شخص واحد، صالح 15 دقيقة.",
    ru="Вывести код, по которому войдёт один человек; действует 15 минут.",
)
STAFF_OFF = Text(
    en="Moderation is off here, so the code opens nothing yet. Write public_space = true above every table and, below "
    "[moderation], enabled = true into {file}, and start the server again.",
    ar="الإشراف متوقف هنا، فالرمز لا يفتح شيئًا بعد. اكتب public_space = true فوق كل الجداول، و enabled = true تحت "
    "[moderation]، في {file}، ثم شغّل الخادم من جديد.",
    ru="Модерация здесь выключена, и код пока ничего не открывает. Впишите public_space = true выше всех таблиц и "
    "enabled = true под [moderation] в {file} и перезапустите сервер.",
)
STAFF_LIST = Text(
    en="Everybody of the staff.",
    ar="كل المشرفين.",
    ru="Все модераторы.",
)
STAFF_REVOKE = Text(
    en="Take somebody off the staff.",
    ar="إخراج شخص من المشرفين.",
    ru="Исключить модератора.",
)
LOGIN = Text(
    en="Come in by an invite, or open a session by the key of this home.",
    ar="الدخول بدعوة، أو بدء جلسة بمفتاح هذا المجلّد.",
    ru="Войти по приглашению или открыть сеанс ключом этой папки.",
)
LOGOUT = Text(
    en="End the session of this home.",
    ar="إنهاء جلسة هذا المجلّد.",
    ru="Завершить сеанс этой папки.",
)
QUEUE = Text(
    en="What waits for people.",
    ar="ما ينتظر الأشخاص.",
    ru="Что ждёт людей.",
)
CLAIM = Text(
    en="Take items for ten minutes.",
    ar="أخذ عناصر لعشر دقائق.",
    ru="Взять на десять минут.",
)
SHOW = Text(
    en="Show an item with all that a decision needs.",
    ar="عرض عنصر مع كل ما يحتاجه القرار.",
    ru="Показать всё, что нужно для решения.",
)
DECIDE = Text(
    en="Decide an item.",
    ar="البتّ في عنصر.",
    ru="Принять решение.",
)
RELEASE = Text(
    en="Give an item back.",
    ar="إعادة عنصر إلى القائمة.",
    ru="Вернуть в очередь.",
)
SKIP = Text(
    en="Give an item back and take another.",
    ar="إعادة عنصر وأخذ غيره.",
    ru="Вернуть и взять другое.",
)
UNDO = Text(
    en="Take back your decision of the last minute.",
    ar="التراجع عن قرارك في الدقيقة الأخيرة.",
    ru="Отменить своё решение последней минуты.",
)
APPEALS = Text(
    en="Appeals that you may judge.",
    ar="الاعتراضات التي يمكنك البتّ فيها.",
    ru="Обжалования, которые вы можете рассмотреть.",
)
APPEAL = Text(
    en="Judge appeals.",
    ar="البتّ في الاعتراضات.",
    ru="Рассматривать обжалования.",
)
APPEAL_SHOW = Text(
    en="Show an appeal with what it is about.",
    ar="عرض اعتراض مع موضوعه.",
    ru="Показать обжалование и его предмет.",
)
APPEAL_CLAIM = Text(
    en="Take an appeal.",
    ar="أخذ اعتراض.",
    ru="Взять обжалование.",
)
APPEAL_DECIDE = Text(
    en="Judge an appeal; never one against your own decision.",
    ar="البتّ في اعتراض، ما عدا الاعتراض على قرارك.",
    ru="Рассмотреть обжалование, но не своего решения.",
)
ROLE_OPTION = Text(
    en="reviewer, senior, policy, admin or auditor.",
    ar="reviewer أو senior أو policy أو admin أو auditor.",
    ru="reviewer, senior, policy, admin или auditor.",
)
LANGUAGES_OPTION = Text(
    en="A language they judge (ar, en, ru, und); may be repeated, none means all.",
    ar="لغة يحكم فيها (ar أو en أو ru أو und)؛ يمكن تكراره، ودونه كل اللغات.",
    ru="Язык, который он проверяет (ar, en, ru, und); можно повторять, без него — все.",
)
CATEGORIES_OPTION = Text(
    en="A category they judge; may be repeated, none means all.",
    ar="فئة يحكم فيها؛ يمكن تكراره، ودونه كل الفئات.",
    ru="Категория, которую он проверяет; можно повторять, без неё — все.",
)
PRIVATE_OPTION = Text(
    en="They may also read reports from private chats, which no role alone allows.",
    ar="يحق له أيضًا قراءة البلاغات من المحادثات الخاصة، ولا يتيحها أي دور وحده.",
    ru="Может читать и жалобы из личных чатов: ни одна роль сама этого не даёт.",
)
MEMBER_OPTION = Text(
    en="One more key for this member.",
    ar="مفتاح إضافي لهذا المشرف.",
    ru="Ещё один ключ для этого модератора.",
)
MEMBER_ARGUMENT = Text(
    en="Id of the member, as in `staff list`.",
    ar="معرّف المشرف كما في `staff list`.",
    ru="Идентификатор модератора, как в `staff list`.",
)
PASSPHRASE_FILE = Text(
    en="File whose first line is the passphrase; without it you are asked.",
    ar="ملف سطره الأول عبارة المرور؛ ودونه تُسأل عنها.",
    ru="Файл, первая строка которого — фраза; без него её спросят.",
)
SERVER_OPTION = Text(
    en="Address of the server, such as https://chat.example.",
    ar="عنوان الخادم، مثل https://chat.example.",
    ru="Адрес сервера, например https://chat.example.",
)
INVITE_OPTION = Text(
    en="Code of the invite.",
    ar="رمز الدعوة.",
    ru="Код приглашения.",
)
NAME_OPTION = Text(
    en="What colleagues call you.",
    ar="ما يناديك به زملاؤك.",
    ru="Как вас зовут коллеги.",
)
ITEM_ARGUMENT = Text(
    en="Id of the item, as in `queue`.",
    ar="معرّف العنصر كما في `queue`.",
    ru="Идентификатор, как в `queue`.",
)
QUEUE_ARGUMENT = Text(
    en="main, escalate, senior, error or audit.",
    ar="main أو escalate أو senior أو error أو audit.",
    ru="main, escalate, senior, error или audit.",
)
CATEGORY_OPTION = Text(
    en="What for.",
    ar="الفئة.",
    ru="Категория.",
)
LANG_OPTION = Text(
    en="Only this language.",
    ar="هذه اللغة وحدها.",
    ru="Только этот язык.",
)
SOURCE_OPTION = Text(
    en="human, bot or model: who asked.",
    ar="human أو bot أو model: من طلب المراجعة.",
    ru="human, bot или model: кто попросил.",
)
NOTE_OPTION = Text(
    en="A note for colleagues.",
    ar="ملاحظة للزملاء.",
    ru="Заметка для коллег.",
)
N_OPTION = Text(
    en="How many.",
    ar="العدد.",
    ru="Сколько.",
)
ACTION_ARGUMENT = Text(
    en="allow, label, limit, hold, remove, restore, escalate; "
    "strike or suspend_persona; restrict_channel or block_channel.",
    ar="allow أو label أو limit أو hold أو remove أو restore أو escalate؛ "
    "أو strike وsuspend_persona؛ أو restrict_channel وblock_channel.",
    ru="allow, label, limit, hold, remove, restore, escalate; "
    "strike или suspend_persona; restrict_channel или block_channel.",
)
SUB_OPTION = Text(
    en="threat, sabotage or terrorism.",
    ar="threat أو sabotage أو terrorism.",
    ru="threat, sabotage или terrorism.",
)
DAYS_OPTION = Text(
    en="How long a hold or suspension lasts.",
    ar="مدّة الحجز أو التعليق بالأيام.",
    ru="Сколько дней длится удержание или блокировка.",
)
CLUSTER_OPTION = Text(
    en="Decide every copy of its text, those to come too.",
    ar="البتّ في كل نسخ النص، حتى القادمة.",
    ru="Решить для всех копий текста, и будущих тоже.",
)
APPEAL_ARGUMENT = Text(
    en="Id of the appeal, as in `appeals`.",
    ar="معرّف الاعتراض كما في `appeals`.",
    ru="Идентификатор, как в `appeals`.",
)
OUTCOME_ARGUMENT = Text(
    en="How it ends.",
    ar="كيف ينتهي.",
    ru="Чем закончится.",
)
ANSWER_OPTION = Text(
    en="What the author is told.",
    ar="ما يُقال للكاتب.",
    ru="Что ответить автору.",
)
SOFTER_OPTION = Text(
    en="With `partly`: what stands instead.",
    ar="مع `partly`: ما يحلّ محلّه.",
    ru="С `partly`: что останется вместо этого.",
)
LEFT = Text(
    en="left",
    ar="غادر",
    ru="ушёл",
)
KEYS = Text(
    en="keys: {n}",
    ar="المفاتيح: {n}",
    ru="ключей: {n}",
)
REVOKED = Text(
    en="They are of the staff no more.",
    ar="لم يعد من المشرفين.",
    ru="Больше не модератор.",
)
LOGGED_IN = Text(
    en="You are {name}, {role}.",
    ar="أنت {name}، {role}.",
    ru="Вы — {name}, {role}.",
)
SECOND_KEY = Text(
    en="An admin should have two keys: invite yourself with --member and log in from another home.",
    ar="ينبغي للمدير مفتاحان: ادعُ نفسك بالخيار --member وادخل من مجلّد آخر.",
    ru="Администратору нужны два ключа: пригласите себя с --member и войдите из другой папки.",
)
LOGGED_OUT = Text(
    en="The session is over.",
    ar="انتهت الجلسة.",
    ru="Сеанс завершён.",
)
PASSPHRASE = Text(
    en="Passphrase:",
    ar="عبارة المرور:",
    ru="Фраза:",
)
AGAIN = Text(
    en="Once more:",
    ar="مرة أخرى:",
    ru="Ещё раз:",
)
KEY_LABEL = Text(
    en="command line",
    ar="سطر الأوامر",
    ru="командная строка",
)
QUEUE_LINE = Text(
    en="{name}: {open} open, {claimed} taken",
    ar="{name}: المفتوح {open}، المأخوذ {claimed}",
    ru="{name}: ждёт {open}, взято {claimed}",
)
APPEALS_WAIT = Text(
    en="Appeals that you may judge: {n}",
    ar="اعتراضات يمكنك البتّ فيها: {n}",
    ru="Обжалований, которые вы можете рассмотреть: {n}",
)
NOTHING_WAITS = Text(
    en="Nothing waits.",
    ar="لا شيء ينتظر.",
    ru="Ничего не ждёт.",
)
DONE = Text(
    en="Done.",
    ar="تمّ.",
    ru="Готово.",
)
DECIDED = Text(
    en="{action}, copies: {copies}",
    ar="{action}، النسخ: {copies}",
    ru="{action}, копий: {copies}",
)
WAITS_FOR_SECOND = Text(
    en="Noted. A colleague has to agree before it happens.",
    ar="سُجّل. يلزم أن يوافق زميل قبل تنفيذه.",
    ru="Записано. Нужно согласие коллеги.",
)
SAYS = Text(
    en="Against {action} for {category}:",
    ar="ضد {action} بسبب {category}:",
    ru="Против {action} за {category}:",
)
IN_CHANNEL = Text(
    en="In @{name}, followers: {n}",
    ar="في @{name}، المتابعون: {n}",
    ru="В @{name}, подписчиков: {n}",
)
BY = Text(
    en="By @{name}, trust {trust}, points {points}",
    ar="كتبه @{name}، الثقة {trust}، النقاط {points}",
    ru="Автор @{name}, доверие {trust}, баллов {points}",
)
BEFORE = Text(
    en="Before it:",
    ar="قبله:",
    ru="Перед этим:",
)
AFTER = Text(
    en="After it:",
    ar="بعده:",
    ru="После этого:",
)
POST = Text(
    en="The post, version {version}, {state}:",
    ar="المنشور، النسخة {version}، {state}:",
    ru="Запись, версия {version}, {state}:",
)
NORMALISED = Text(
    en="As it is read:",
    ar="كما يُقرأ:",
    ru="Как это читается:",
)
EVIDENCE = Text(
    en="Why it is here:",
    ar="سبب وجوده هنا:",
    ru="Почему это здесь:",
)
SCORE = Text(en="score", ar="درجة", ru="оценка")
WEIGHTS = Text(
    en="Words that weigh most:",
    ar="أثقل الكلمات وزنًا:",
    ru="Слова с наибольшим весом:",
)
POLICY = Text(
    en="The policy on {category}:",
    ar="السياسة بشأن {category}:",
    ru="Правила о {category}:",
)
SIMILAR = Text(
    en="Decided before on others:",
    ar="قرارات سابقة في غيره:",
    ru="Прежние решения о других:",
)
ABOUT_IT = Text(
    en="Decided before on this:",
    ar="قرارات سابقة فيه:",
    ru="Прежние решения об этом:",
)
HISTORY = Text(
    en="Decided before on its author:",
    ar="قرارات سابقة في كاتبه:",
    ru="Прежние решения об авторе:",
)
COMPLAINTS = Text(
    en="Users' reports: {n}",
    ar="بلاغات المستخدمين: {n}",
    ru="Жалоб: {n}",
)
PERSON = Text(
    en="a person",
    ar="شخص",
    ru="человек",
)
PROGRAM = Text(
    en="a program",
    ar="برنامج",
    ru="программа",
)
NEWER = Text(
    en="Edited since, to version {version}; a decision here is about the version above. The newest text:",
    ar="عُدّل بعد ذلك، وصار في النسخة {version}؛ والقرار هنا يخصّ النسخة المذكورة أعلاه. النصّ الأحدث:",
    ru="Позже изменена, теперь версия {version}; решение здесь — о версии выше. Новый текст:",
)
NEWER_NEAR = Text(
    en="It is nearly the same: decide takes it along, unless --no-newest.",
    ar="النصّان متقاربان: يشمله القرار ما لم تُضف ‎--no-newest.",
    ru="Он почти тот же: decide решит и о нём, если нет --no-newest.",
)
NEWER_OTHER = Text(
    en="It is another text: what restricts holds it, and it waits for people next; --newest decides it too.",
    ar="نصّ مختلف: التقييد يحجزه فينتظر المراجعة أوّلًا؛ وليشمله القرار أضف ‎--newest.",
    ru="Это другой текст: ограничение удержит его до проверки, она следующая; с --newest решение и о нём.",
)
NEWEST_TOO = Text(
    en="The same for version {version}, the newest.",
    ar="والقرار نفسه للنسخة {version}، وهي الأحدث.",
    ru="То же — для версии {version}, самой новой.",
)
NEWEST_OPTION = Text(
    en="Decide the newest text too; without either, where it is nearly the same.",
    ar="البتّ في النصّ الأحدث أيضًا؛ ودون الخيارين إن تقارب النصّان.",
    ru="Решить и о новом тексте; без выбора — если он почти тот же.",
)
NO_CONSOLE_HINT = Text(
    en="Whoever runs it sets enabled = true below [moderation] in its zajil.toml. Is it the right address?",
    ar="يفعّله القائم عليه بالإعداد enabled = true تحت [moderation] في ملفه zajil.toml. وهل العنوان صحيح؟",
    ru="Владелец пишет enabled = true под [moderation] в файле zajil.toml. И верен ли адрес?",
)
HINTS = {
    "gone": Text(
        en="No such queue, item, appeal or member. What waits:  zajil moderation queue",
        ar="لا قائمة أو عنصر أو اعتراض أو مشرف كهذا. ما ينتظر:  zajil moderation queue",
        ru="Нет такой очереди, записи, обжалования или модератора. Что ждёт:  zajil moderation queue",
    ),
    "malformed": Text(
        en="Copy ids and addresses whole. What restricts needs --category; partly needs --action.",
        ar="انسخ المعرّفات والعناوين كاملة. والتقييد يحتاج --category، وpartly يحتاج --action.",
        ru="Копируйте id и адреса целиком. Ограничению нужен --category, для partly — --action.",
    ),
    "not-allowed": Text(
        en="Your role is not for this. Whoever runs the server may:  --data DIR, where the command takes it.",
        ar="دورك لا يتيح هذا. وللقائم على الخادم ذلك بالخيار ‎--data DIR حيث يقبله الأمر.",
        ru="Ваша роль этого не позволяет. Владелец сервера может: --data DIR, где команда его принимает.",
    ),
}
"""What a refusal means to somebody who reviews, by its code."""
