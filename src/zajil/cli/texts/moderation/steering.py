"""Words of `zajil moderation policy`, `lists`, `suspensions`, `log` and `worker`: what moderation is steered with."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

WORKER = Text(
    en="Judge public posts beside a server, until SIGTERM or Ctrl-C.",
    ar="الحكم على المنشورات العامة إلى جانب خادم، حتى SIGTERM أو Ctrl-C.",
    ru="Проверять публикации рядом с сервером, до SIGTERM или Ctrl-C.",
)
WORKING = Text(en="judging posts", ar="بدأ الحكم على المنشورات", ru="проверка публикаций идёт")
POLICY = Text(
    en="Check, compare, try and activate moderation policies.",
    ar="فحص سياسات الإشراف ومقارنتها وتجربتها وتفعيلها.",
    ru="Проверить, сравнить, опробовать и ввести политику модерации.",
)
POLICY_CHECK = Text(
    en="Say whether a policy file can be used, and what is wrong with it.",
    ar="بيان صلاحية ملف السياسة وما فيه من أخطاء.",
    ru="Сказать, годится ли файл политики, и что в нём не так.",
)
POLICY_DIFF = Text(
    en="Say what a policy file would change.",
    ar="بيان ما سيغيّره ملف السياسة.",
    ru="Показать, что изменит файл политики.",
)
POLICY_REPLAY = Text(
    en="Run a policy file on the verdicts of the last 24 hours, without acting.",
    ar="تجربة ملف السياسة على أحكام آخر 24 ساعة دون أي إجراء.",
    ru="Прогнать файл политики по вердиктам за сутки, ничего не делая.",
)
POLICY_ACTIVATE = Text(
    en="Let a policy decide from now on; it must have been replayed within 24 hours.",
    ar="جعل السياسة هي المقرِّرة من الآن؛ يجب أن تكون قد جُرّبت خلال 24 ساعة.",
    ru="Ввести политику; её нужно было прогнать за последние сутки.",
)
POLICY_FILE = Text(en="The policy file.", ar="ملف السياسة.", ru="Файл политики.")
ADMIN_NAME = Text(
    en="Who decides this, for the log.",
    ar="صاحب هذا القرار، للسجل.",
    ru="Кто это решает, для журнала.",
)
POLICY_GOOD = Text(
    en="Version {version} can be used: {rules} rules.",
    ar="الإصدار {version} صالح: عدد القواعد {rules}.",
    ru="Версия {version} годится, правил: {rules}.",
)
NO_CHANGES = Text(en="Nothing would change.", ar="لن يتغيّر شيء.", ru="Ничего не изменится.")
REPLAYED = Text(
    en="{posts} posts: removed {before} before, {after} after.",
    ar="المنشورات: {posts}؛ المحذوف قبل: {before}، وبعد: {after}.",
    ru="Публикаций: {posts}; удалено раньше: {before}, теперь: {after}.",
)
UNSEEN = Text(
    en="No hits are stored of {rule}: let it run in shadow first.",
    ar="لا إصابات مخزّنة للقاعدة {rule}: دعها تعمل في الظل أولًا.",
    ru="Для правила {rule} нет сохранённых срабатываний: сначала включите его в режиме shadow.",
)
ACTIVATED = Text(
    en="Version {version} decides from now on.",
    ar="الإصدار {version} هو المقرِّر من الآن.",
    ru="Теперь действует версия {version}.",
)
SECOND_NEEDED = Text(
    en="Automatic removals grow by more than a tenth: a second admin has to agree.",
    ar="يزيد الحذف الآلي بأكثر من العُشر: تلزم موافقة مشرف ثانٍ.",
    ru="Автоматических удалений станет больше чем на десятую часть: нужен второй администратор.",
)
LISTS = Text(
    en="Lists of links, hosts, domains, phones and wallets.",
    ar="قوائم الروابط والمواقع والنطاقات والهواتف والمحافظ.",
    ru="Списки ссылок, сайтов, доменов, телефонов и кошельков.",
)
LISTS_SHOW = Text(en="Show the entries.", ar="عرض المداخل.", ru="Показать записи.")
LISTS_ADD = Text(
    en="List an address: posts from now on meet it.",
    ar="إدراج عنوان: يسري على المنشورات من الآن.",
    ru="Внести адрес: он действует для новых публикаций.",
)
LISTS_REMOVE = Text(
    en="Take an address off a list.",
    ar="إزالة عنوان من قائمة.",
    ru="Убрать адрес из списка.",
)
LIST_ARGUMENT = Text(
    en="url, host, domain, phone or wallet.",
    ar="url أو host أو domain أو phone أو wallet.",
    ru="url, host, domain, phone или wallet.",
)
VALUE_ARGUMENT = Text(en="The address.", ar="العنوان.", ru="Адрес.")
CATEGORY_OPTION = Text(
    en="What it serves, such as fraud.",
    ar="ما يخدمه، مثل fraud.",
    ru="Чему служит, например fraud.",
)
SOURCE_OPTION = Text(en="Who says so.", ar="مصدر الإدراج.", ru="Кто так говорит.")
DAYS_OPTION = Text(
    en="For so many days; without it until it is taken off.",
    ar="لعدد من الأيام؛ ومن دونه حتى تُزال.",
    ru="На столько дней; без этого — пока не уберут.",
)
EMPTY_LIST = Text(en="No entries.", ar="لا مداخل.", ru="Записей нет.")
LISTED = Text(en="Listed: {value}", ar="أُدرج: {value}", ru="Внесено: {value}")
UNLISTED = Text(en="Taken off: {value}", ar="أُزيل: {value}", ru="Убрано: {value}")
SUSPENDED = Text(
    en="suspended after reversals",
    ar="معلَّق بعد تراجعات",
    ru="приостановлено после отмен",
)
SUSPENSIONS = Text(
    en="Rules and list entries that count no more since people reversed what followed from them.",
    ar="قواعد ومداخل قوائم لم تعد تُحتسب بعد أن تراجع أشخاص عمّا ترتّب عليها.",
    ru="Правила и записи списков, которые не действуют после отмен их решений людьми.",
)
SUSPENSIONS_SHOW = Text(
    en="Say which are suspended, since when, and what was reversed.",
    ar="بيان المعلَّق منها، ومنذ متى، وما جرى التراجع عنه.",
    ru="Показать, что приостановлено, с каких пор и что было отменено.",
)
SUSPENSIONS_LIFT = Text(
    en="Let one count again, with a reason for the log.",
    ar="إعادة احتساب أحدها، مع سبب للسجل.",
    ru="Вернуть в действие, с причиной для журнала.",
)
SUSPENDED_KIND = Text(
    en="rule, url, host, domain, phone or wallet.",
    ar="rule أو url أو host أو domain أو phone أو wallet.",
    ru="rule, url, host, domain, phone или wallet.",
)
SUSPENDED_NAME = Text(
    en="The rule's id, or the entry as the list has it.",
    ar="معرّف القاعدة، أو المدخل كما في القائمة.",
    ru="Идентификатор правила или запись, как она стоит в списке.",
)
LIFT_REASON = Text(
    en="Why it may count again; stands in the record beside the log.",
    ar="سبب إعادة الاحتساب؛ يُحفظ في السجل المرافق.",
    ru="Почему снова действует; остаётся в записи при журнале.",
)
NONE_SUSPENDED = Text(en="Nothing is suspended.", ar="لا شيء معلَّق.", ru="Ничего не приостановлено.")
SINCE = Text(en="since {day}", ar="منذ {day}", ru="с {day}")
STANDS_NO_MORE = Text(
    en="no longer in the policy or list",
    ar="لم يعد في السياسة أو القائمة",
    ru="в политике или списке больше нет",
)
LIFTED = Text(en="Counts again: {name}", ar="عاد إلى الاحتساب: {name}", ru="Снова действует: {name}")
LOG = Text(
    en="The log of every moderation decision.",
    ar="سجل كل قرارات الإشراف.",
    ru="Журнал всех решений модерации.",
)
LOG_VERIFY = Text(
    en="Prove that the log is whole and says what the database says.",
    ar="إثبات سلامة السجل ومطابقته لقاعدة البيانات.",
    ru="Доказать, что журнал цел и совпадает с базой.",
)
LOG_EXPORT = Text(
    en="Write the whole log, freshly signed, to a file.",
    ar="كتابة السجل كاملًا موقّعًا في ملف.",
    ru="Записать весь журнал с новой подписью в файл.",
)
LOG_KEY = Text(
    en="The public key that outsiders check the log with.",
    ar="المفتاح العام الذي يتحقق به الآخرون من السجل.",
    ru="Открытый ключ, которым журнал проверяют другие.",
)
EXPORT_ARGUMENT = Text(en="The file.", ar="الملف.", ru="Файл.")
LOG_ARGUMENT = Text(
    en="An exported log, or the address of a server that publishes one; without it, the data folder's.",
    ar="سجل مُصدَّر، أو عنوان خادم ينشر سجله؛ وبدونه سجل مجلد البيانات.",
    ru="Выгруженный журнал или адрес сервера, который его публикует; без него — журнал папки данных.",
)
KEY_TOLD = Text(
    en="Checked with a key that came along; compare it with one you have from elsewhere:  {key}",
    ar="جرى التحقق بمفتاح جاء مع السجل؛ قارنه بمفتاح لديك من مصدر آخر:  {key}",
    ru="Проверено ключом, который пришёл вместе с журналом; сравните с известным вам:  {key}",
)
KEY_OPTION = Text(
    en="The log's public key, as `log key` prints it.",
    ar="المفتاح العام للسجل كما يعرضه `log key`.",
    ru="Открытый ключ журнала, как его печатает `log key`.",
)
TRUSTED_OPTION = Text(
    en="A checkpoint you kept: the log must go on from it.",
    ar="نقطة تحقق محفوظة لديك: يجب أن يمتد السجل منها.",
    ru="Сохранённая контрольная точка: журнал должен её продолжать.",
)
LOG_WHOLE = Text(
    en="The log is whole. Entries: {size}, signed heads: {checkpoints}, decisions checked: {decisions}.",
    ar="السجل سليم: المداخل {size}، والنقاط الموقّعة {checkpoints}، والقرارات المفحوصة {decisions}.",
    ru="Журнал цел: записей {size}, подписанных точек {checkpoints}, проверено решений {decisions}.",
)

STEERING_COMPLAINTS: dict[str, Complaint] = {
    "policy-faults": Complaint(
        Text(
            en="The policy file cannot be used.",
            ar="لا يمكن استعمال ملف السياسة.",
            ru="Файл политики не годится.",
        ),
        Text(
            en="Each line above names what is wrong and where.",
            ar="يذكر كل سطر أعلاه الخطأ وموضعه.",
            ru="Строки выше говорят, что и где не так.",
        ),
    ),
    "policy-refused": Complaint(
        Text(
            en="This policy may not be activated.",
            ar="لا يجوز تفعيل هذه السياسة.",
            ru="Эту политику нельзя ввести.",
        ),
        Text(
            en="Replay it first:  zajil moderation policy replay FILE",
            ar="جرّبها أولًا:  zajil moderation policy replay FILE",
            ru="Сначала прогоните:  zajil moderation policy replay FILE",
        ),
    ),
    "no-file": Complaint(
        Text(en="There is no file {name}.", ar="لا يوجد ملف {name}.", ru="Нет файла {name}."),
        Text(
            en="Give the path of a file that exists.",
            ar="اذكر مسار ملف موجود.",
            ru="Укажите путь к существующему файлу.",
        ),
    ),
    "no-address": Complaint(
        Text(en="That is no {name}.", ar="ليس هذا {name}.", ru="Это не {name}."),
        Text(
            en="Example:  zajil moderation lists add domain example.com --category fraud",
            ar="مثال:  zajil moderation lists add domain example.com --category fraud",
            ru="Пример:  zajil moderation lists add domain example.com --category fraud",
        ),
    ),
    "not-listed": Complaint(
        Text(en="It is on no such list.", ar="ليس في هذه القائمة.", ru="В этом списке его нет."),
        Text(
            en="See what is:  zajil moderation lists show",
            ar="لعرض الموجود:  zajil moderation lists show",
            ru="Что там есть:  zajil moderation lists show",
        ),
    ),
    "bad-reason": Complaint(
        Text(
            en="The reason is empty, or longer than {most} characters.",
            ar="السبب فارغ، أو أطول من {most} حرف.",
            ru="Причина пуста или длиннее {most} знаков.",
        ),
        Text(
            en="Say in a sentence why it may count again:  --reason TEXT",
            ar="اذكر في جملة سبب إعادة الاحتساب:  --reason TEXT",
            ru="Одним предложением: почему снова действует:  --reason TEXT",
        ),
    ),
    "not-suspended": Complaint(
        Text(en="No such one is suspended.", ar="لا يوجد معلَّق كهذا.", ru="Такое не приостановлено."),
        Text(
            en="See what is:  zajil moderation suspensions show",
            ar="لعرض المعلَّق:  zajil moderation suspensions show",
            ru="Что приостановлено:  zajil moderation suspensions show",
        ),
    ),
    "no-public-log": Complaint(
        Text(
            en="This server publishes no moderation log.",
            ar="لا ينشر هذا الخادم سجل إشراف.",
            ru="Этот сервер не публикует журнал модерации.",
        ),
        Text(
            en="Give the server's own address, as in  https://chat.example",
            ar="اكتب عنوان الخادم نفسه، مثل  https://chat.example",
            ru="Укажите адрес самого сервера, например  https://chat.example",
        ),
    ),
    "bad-log-key": Complaint(
        Text(en="That is no key of a log.", ar="ليس هذا مفتاح سجل.", ru="Это не ключ журнала."),
        Text(
            en="Copy it whole, as  zajil moderation log key  prints it: NAME+ID+KEY.",
            ar="انسخه كاملًا كما يعرضه  zajil moderation log key  : ‎NAME+ID+KEY.",
            ru="Скопируйте целиком, как выводит  zajil moderation log key: NAME+ID+KEY.",
        ),
    ),
    "other-log-key": Complaint(
        Text(
            en="The log of this data folder is signed by another key.",
            ar="سجل مجلد البيانات هذا موقّع بمفتاح آخر.",
            ru="Журнал этой папки подписан другим ключом.",
        ),
        Text(
            en="Is it the folder of the server you mean? A key that changed proves nothing of what came before.",
            ar="أهذا مجلد الخادم المقصود؟ المفتاح الذي تغيّر لا يثبت شيئًا مما سبقه.",
            ru="Это папка нужного сервера? Сменившийся ключ ничего не доказывает о прежнем.",
        ),
    ),
    "log-broken": Complaint(
        Text(
            en="The moderation log is not whole.",
            ar="سجل الإشراف غير سليم.",
            ru="Журнал модерации не цел.",
        ),
        Text(
            en="Keep a copy of the data folder before anything else, and compare with an export that somebody kept.",
            ar="احفظ نسخة من مجلد البيانات قبل أي شيء، وقارن بنسخة مُصدَّرة محفوظة.",
            ru="Сначала сохраните копию папки данных и сравните с сохранённой кем-то выгрузкой.",
        ),
    ),
}
