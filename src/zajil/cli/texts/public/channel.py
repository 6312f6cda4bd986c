"""Channels and posts of the public space."""

from __future__ import annotations

from zajil.cli.texts.text import Text

CHANNEL = Text(
    en="Public channels: anybody can read them.",
    ar="القنوات العامة: يقرؤها الجميع.",
    ru="Публичные каналы: их может читать каждый.",
)
CREATE = Text(en="Open a channel.", ar="فتح قناة.", ru="Открыть канал.")
LIST = Text(
    en="The channels one of your public names follows.",
    ar="القنوات التي تتابعها إحدى شخصياتك.",
    ru="Каналы, на которые подписано ваше публичное имя.",
)
POST = Text(
    en="Publish a post, or with --comment a comment.",
    ar="نشر منشور، أو تعليق مع ‎--comment.",
    ru="Опубликовать запись или, с --comment, комментарий.",
)
EDIT = Text(
    en="Give a post another text; the older version is kept and the new one is moderated again.",
    ar="تغيير نصّ منشور؛ تبقى النسخة القديمة وتُراجَع الجديدة.",
    ru="Изменить текст записи; прежняя версия сохранится, новую проверят снова.",
)
DELETE = Text(
    en="Delete a post, or a channel with all its posts.",
    ar="حذف منشور، أو قناة بكل منشوراتها.",
    ru="Удалить запись или канал со всеми записями.",
)
READ = Text(
    en="Read a channel, or one post with its comments.",
    ar="قراءة قناة، أو منشور واحد مع تعليقاته.",
    ru="Читать канал или одну запись с комментариями.",
)
SEARCH = Text(
    en='Search all channels: every word in any form; "quoted" words as they stand; begin*.',
    ar='البحث في كل القنوات: كل كلمة بأيّ صيغة؛ و"المقتبس" كما هو؛ وبداية*.',
    ru='Искать по всем каналам: слова в любой форме; «"в кавычках"» — как есть; начало*.',
)
SUBSCRIBE = Text(
    en="Follow a channel, or with --off no more. Others do not see it.",
    ar="متابعة قناة، أو تركها مع ‎--off. ولا يرى الآخرون ذلك.",
    ru="Подписаться на канал или, с --off, отписаться. Другим это не видно.",
)
HANDLE_ARGUMENT = Text(
    en="Handle of the new channel; it shares its names with people.",
    ar="معرّف القناة الجديدة؛ والمعرّفات مشتركة مع الأشخاص.",
    ru="Адрес нового канала; адреса общие с людьми.",
)
CHANNEL_ARGUMENT = Text(
    en="Channel: its @handle or id.", ar="القناة: ‎@معرّفها أو رمزها.", ru="Канал: @адрес или идентификатор."
)
PLACE_ARGUMENT = Text(
    en="Channel (@handle), or post (@handle/ID or the address of its page).",
    ar="قناة (‎@معرّف)، أو منشور (‎@معرّف/ID أو عنوان صفحته).",
    ru="Канал (@адрес) или запись (@адрес/ID либо адрес её страницы).",
)
NOT_YOURS_HINT = Text(
    en="Only its author changes a post; with several public names, say which one by --as HANDLE.",
    ar="لا يعدّل المنشور إلا كاتبه؛ وإن كانت لك عدة شخصيات فاذكرها بالخيار ‎--as HANDLE.",
    ru="Запись правит только автор; если имён несколько, укажите нужное: --as HANDLE.",
)
NOT_YOURS_TO_DELETE_HINT = Text(
    en="A post is deleted by its author or an admin of its channel, a channel by its owner.",
    ar="يحذف المنشورَ كاتبُه أو أحد مشرفي قناته، ويحذف القناةَ مالكُها.",
    ru="Запись удаляет автор или администратор канала, канал — владелец.",
)
POST_ARGUMENT = Text(
    en="Post: @handle/ID or the address of its page.",
    ar="المنشور: ‎@معرّف/ID أو عنوان صفحته.",
    ru="Запись: @адрес/ID или адрес её страницы.",
)
TEXT_ARGUMENT = Text(
    en="The text, up to 8,192 characters; - reads it from standard input.",
    ar="النصّ، حتى 8192 حرفًا؛ وعلامة - تقرأه من الدخل القياسي.",
    ru="Текст до 8192 знаков; - читает его из стандартного ввода.",
)
QUERY_ARGUMENT = Text(en="What to look for.", ar="ما يُبحث عنه.", ru="Что искать.")
TITLE_OPTION = Text(en="Title.", ar="العنوان.", ru="Название.")
ABOUT_OPTION = Text(en="What it is about.", ar="نبذة عنها.", ru="О чём он.")
KIND_OPTION = Text(
    en="broadcast: admins post; group: members post.",
    ar="‏broadcast: ينشر المشرفون؛ ‏group: ينشر الأعضاء.",
    ru="broadcast: пишут администраторы; group: пишут участники.",
)
LANG_OPTION = Text(en="Language: ar, ru, en, ...", ar="اللغة: ar أو ru أو en ...", ru="Язык: ar, ru, en, ...")
COMMENTS_OPTION = Text(en="Comments under posts.", ar="التعليقات تحت المنشورات.", ru="Комментарии под записями.")
JOIN_OPTION = Text(
    en="open: whoever follows may comment; approval: an admin decides.",
    ar="‏open: يعلّق كل متابع؛ ‏approval: يقرّر مشرف.",
    ru="open: комментирует любой подписчик; approval: решает администратор.",
)
COMMENT_OPTION = Text(
    en="Comment under this post of the channel.",
    ar="التعليق تحت هذا المنشور من القناة.",
    ru="Комментарий к этой записи канала.",
)
REPLY_OPTION = Text(
    en="Answer this post, or this comment of the same post.",
    ar="الردّ على هذا المنشور، أو على تعليق تحت المنشور نفسه.",
    ru="Ответить на эту запись или на комментарий под той же записью.",
)
LIMIT_OPTION = Text(en="How many.", ar="العدد.", ru="Сколько.")
FOLLOW_OPTION = Text(
    en="Stay and show what comes, is edited or taken down.",
    ar="البقاء وعرض ما يُنشر أو يُعدَّل أو يُزال.",
    ru="Остаться и показывать новое, правки и удаления.",
)
IDS_OPTION = Text(
    en="Show how each post is named.", ar="عرض اسم كل منشور.", ru="Показывать, как называть каждую запись."
)
REVEAL_OPTION = Text(
    en="Show texts that moderation put behind a warning.",
    ar="عرض نصوص وضعها الإشراف خلف تحذير.",
    ru="Показывать тексты, скрытые предупреждением модерации.",
)
IN_OPTION = Text(en="Only in this channel.", ar="في هذه القناة فقط.", ru="Только в этом канале.")
OFF_OPTION = Text(en="Follow it no more.", ar="ترك متابعتها.", ru="Отписаться.")
REASON_OPTION = Text(
    en="Why, for somebody else's post in a channel you moderate; its author gets it.",
    ar="السبب، لمنشور غيرك في قناة تشرف عليها؛ يصل إلى كاتبه.",
    ru="Причина — для чужой записи в канале, где вы модератор; её получит автор.",
)

CREATED = Text(
    en="@{handle} is open. Anybody can read it at {address}",
    ar="فُتحت ‎@{handle}. يقرؤها الجميع في {address}",
    ru="@{handle} открыт. Читать может каждый: {address}",
)
NONE_FOLLOWED = Text(
    en="It follows no channel yet. Look for one:  zajil channel search WORDS",
    ar="لا تتابع أيّ قناة بعد. ابحث:  zajil channel search WORDS",
    ru="Подписок пока нет. Поищите:  zajil channel search WORDS",
)
NOTHING_FOUND = Text(en="Nothing found.", ar="لا نتائج.", ru="Ничего не найдено.")
NO_POSTS = Text(en="No posts yet.", ar="لا منشورات بعد.", ru="Записей пока нет.")
NO_COMMENTS = Text(en="No comments yet.", ar="لا تعليقات بعد.", ru="Комментариев пока нет.")
FOLLOWING = Text(
    en="Waiting for news; Ctrl-C ends it.",
    ar="في انتظار الجديد؛ للإنهاء Ctrl-C.",
    ru="Жду нового; выход — Ctrl-C.",
)
GAP = Text(
    en="Some of what happened was missed; read the channel again.",
    ar="فات بعض ما حدث؛ اقرأ القناة من جديد.",
    ru="Часть событий пропущена; прочитайте канал заново.",
)
POSTED = {
    "pending": Text(
        en="Accepted; it appears once it was checked.",
        ar="قُبل، ويظهر بعد مراجعته.",
        ru="Принято; появится после проверки.",
    ),
    "visible": Text(en="Published.", ar="نُشر.", ru="Опубликовано."),
}
DELETED = Text(en="Deleted.", ar="حُذف.", ru="Удалено.")
DELETE_QUESTION = Text(
    en="Delete @{handle} with all its posts, for good?",
    ar="حذف ‎@{handle} بكل منشوراتها نهائيًّا؟",
    ru="Удалить @{handle} со всеми записями навсегда?",
)
SUBSCRIBED = Text(en="You follow @{handle} now.", ar="تتابع الآن ‎@{handle}.", ru="Вы подписаны на @{handle}.")
UNSUBSCRIBED = Text(
    en="You follow @{handle} no more.", ar="لم تعد تتابع ‎@{handle}.", ru="Вы больше не подписаны на @{handle}."
)
SUBSCRIBERS = Text(en="subscribers: {count}", ar="المتابعون: {count}", ru="подписчиков: {count}")
POSTS = Text(en="posts: {count}", ar="المنشورات: {count}", ru="записей: {count}")
COMMENTS = Text(en="comments: {count}", ar="التعليقات: {count}", ru="комментариев: {count}")
KINDS = {
    "broadcast": Text(en="broadcast", ar="بثّ", ru="рассылка"),
    "group": Text(en="group", ar="مجموعة", ru="группа"),
}
ROLES = {
    "owner": Text(en="yours", ar="لك", ru="ваш"),
    "admin": Text(en="you are an admin", ar="أنت مشرف", ru="вы администратор"),
    "moderator": Text(en="you moderate it", ar="أنت مراقب", ru="вы модератор"),
    "member": Text(en="you are a member", ar="أنت عضو", ru="вы участник"),
    "subscriber": Text(en="you follow it", ar="أنت متابع", ru="вы подписчик"),
}
CHANNEL_STATES = {
    "restricted": Text(
        en="restricted by moderators: {category}", ar="قيّدها الإشراف: {category}", ru="ограничен модерацией: {category}"
    ),
    "blocked": Text(
        en="blocked by moderators: {category}", ar="حجبها الإشراف: {category}", ru="закрыт модерацией: {category}"
    ),
}
MUTED = Text(en="muted until {when}", ar="مكتوم حتى {when}", ru="нельзя писать до {when}")
STATES = {
    "pending": Text(en="being checked", ar="قيد المراجعة", ru="проверяется"),
    "limited": Text(en="limited: {category}", ar="محدود: {category}", ru="ограничено: {category}"),
    "held": Text(en="held for review", ar="محجوز للمراجعة", ru="задержано для проверки"),
    "removed": Text(en="removed: {category}", ar="أُزيل: {category}", ru="убрано: {category}"),
}
HELD_UNTIL = Text(
    en="held for review until {when}", ar="محجوز للمراجعة حتى {when}", ru="задержано для проверки до {when}"
)
EDITED = Text(en="edited", ar="عُدّل", ru="изменено")
UNCHECKED = Text(en="not checked yet", ar="لم يُراجَع بعد", ru="ещё не проверено")
REMOVED_STUB = Text(en="Removed on {day}: {category}.", ar="أُزيل في {day}: {category}.", ru="Убрано {day}: {category}.")
BEHIND_WARNING = Text(
    en="Behind a warning: {category}. --reveal shows it.",
    ar="خلف تحذير: {category}. يعرضه ‎--reveal.",
    ru="Скрыто предупреждением: {category}. --reveal покажет.",
)
TAKEN_AWAY = Text(en="{post} is gone.", ar="حُذف {post}.", ru="{post} больше нет.")
CATEGORIES = {
    "": Text(en="against the rules", ar="مخالف للقواعد", ru="нарушение правил"),
    "fraud": Text(en="fraud", ar="احتيال", ru="мошенничество"),
    "violence_incitement": Text(en="incitement to violence", ar="تحريض على العنف", ru="призыв к насилию"),
    "hate": Text(en="hate", ar="كراهية", ru="вражда"),
    "harassment": Text(en="harassment", ar="مضايقة", ru="травля"),
    "sexual": Text(en="sexual content", ar="محتوى جنسي", ru="сексуальное содержание"),
    "self_harm": Text(en="self-harm", ar="إيذاء النفس", ru="вред себе"),
    "spam": Text(en="spam", ar="رسائل مزعجة", ru="спам"),
    "channel_rules": Text(en="against the channel's own rules", ar="مخالف لقواعد القناة", ru="нарушение правил канала"),
}
