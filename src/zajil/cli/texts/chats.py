"""Chats: listing, sending, reading, groups."""

from __future__ import annotations

from zajil.cli.texts.text import Text

CHATS = Text(
    en="Your chats, pinned ones first, then the latest.",
    ar="محادثاتك، المثبّتة أولًا ثم الأحدث.",
    ru="Ваши чаты: сначала закреплённые, затем свежие.",
)
NO_CHATS = Text(
    en="No chats yet. Add someone:  zajil add 'LINK'",
    ar="لا محادثات بعد. أضف أحدًا:  zajil add 'LINK'",
    ru="Чатов пока нет. Добавьте кого-нибудь:  zajil add 'LINK'",
)
NOTE_TO_SELF = Text(en="Note to self", ar="ملاحظات لنفسي", ru="Заметки для себя")
MEMBERS = Text(en="members: {count}", ar="الأعضاء: {count}", ru="участников: {count}")

CHAT_ARGUMENT = Text(en="Name or id of a chat.", ar="اسم المحادثة أو معرّفها.", ru="Название или идентификатор чата.")
CONTACT_ARGUMENT = Text(
    en="Name or id of a contact.", ar="اسم جهة الاتصال أو معرّفها.", ru="Имя или идентификатор контакта."
)
CONTACTS_ARGUMENT = Text(
    en="Names or ids of contacts.", ar="أسماء جهات الاتصال أو معرّفاتها.", ru="Имена или идентификаторы контактов."
)
TITLE_ARGUMENT = Text(
    en="Title of the group; only members see it.",
    ar="عنوان المجموعة؛ لا يراه إلا الأعضاء.",
    ru="Название группы; его видят только участники.",
)

SEND = Text(
    en="Send a message; done means the server holds it safely.",
    ar="إرسال رسالة؛ وانتهاء الأمر يعني أن الخادم حفظها بأمان.",
    ru="Отправить сообщение; команда завершается, когда сервер его сохранил.",
)
TEXT_ARGUMENT = Text(
    en="The text; - reads it from standard input.",
    ar="النصّ؛ وعلامة - تقرأه من الدخل القياسي.",
    ru="Текст; - читает его из стандартного ввода.",
)
QUEUE_OPTION = Text(
    en="Only store it; the next sync, send or read sends it.",
    ar="حفظها فقط؛ يرسلها أول sync أو send أو read لاحق.",
    ru="Только сохранить; отправит следующая команда sync, send или read.",
)
SENT = Text(en="Sent.", ar="أُرسلت.", ru="Отправлено.")
QUEUED = Text(
    en="Stored; it goes out with the next sync.",
    ar="حُفظت، وستُرسل مع المزامنة التالية.",
    ru="Сохранено; уйдёт при следующей синхронизации.",
)

SENT_NEXT = Text(en="The answer, as it comes:", ar="الجواب فور وصوله:", ru="Ответ, как только придёт:")
GROUP_NEXT = Text(en="Say hello to everybody:", ar="ألقِ التحيّة على الجميع:", ru="Поздоровайтесь со всеми:")
ASKED_NEXT = Text(en="Let in or refuse:", ar="للقبول أو الرفض:", ru="Принять или отказать:")
KEPT = Text(
    en="The message is stored and goes out with the next zajil sync; do not write it again.",
    ar="حُفظت الرسالة وستُرسل مع أول zajil sync؛ لا تكتبها من جديد.",
    ru="Сообщение сохранено и уйдёт при следующей zajil sync; набирать его заново не нужно.",
)

REPLY_OPTION = Text(
    en="Answer this message: its id, or the first characters of it.",
    ar="الردّ على هذه الرسالة: معرّفها أو أول أحرفه.",
    ru="Ответить на это сообщение: его идентификатор или первые знаки.",
)

READ = Text(en="Show a chat.", ar="عرض محادثة.", ru="Показать чат.")
LIMIT_OPTION = Text(
    en="How many of the newest messages.", ar="عدد أحدث الرسائل المعروضة.", ru="Сколько последних сообщений показать."
)
FOLLOW_OPTION = Text(
    en="Stay and show new messages as they come.",
    ar="البقاء وعرض الرسائل الجديدة فور وصولها.",
    ru="Остаться и показывать новые сообщения по мере поступления.",
)
IDS_OPTION = Text(
    en="Show the beginning of each message's id.",
    ar="عرض أول معرّف كل رسالة.",
    ru="Показывать начало идентификатора каждого сообщения.",
)
UNREAD = Text(en="unread: {count}", ar="غير مقروء: {count}", ru="непрочитанных: {count}")
MENTIONED = Text(en="you are mentioned", ar="ذُكر اسمك", ru="вас упомянули")
EMPTY_CHAT = Text(en="Nothing here yet.", ar="لا شيء هنا بعد.", ru="Здесь пока пусто.")
FOLLOWING = Text(
    en="Waiting for new messages; Ctrl-C ends it.",
    ar="في انتظار رسائل جديدة؛ للإنهاء Ctrl-C.",
    ru="Жду новых сообщений; выход — Ctrl-C.",
)
OFFLINE_READ = Text(
    en="No connection to the server: this is what had arrived before.",
    ar="لا اتصال بالخادم: هذا ما وصل من قبل.",
    ru="Нет связи с сервером: показано то, что пришло раньше.",
)
CONNECTION_LOST = Text(
    en="Connection lost; trying again.",
    ar="انقطع الاتصال؛ تجري إعادة المحاولة.",
    ru="Связь прервалась; подключаюсь снова.",
)
CONNECTION_BACK = Text(en="Connected again.", ar="عاد الاتصال.", ru="Связь восстановлена.")

SYNC = Text(
    en="Fetch what waits and send what is queued.",
    ar="جلب ما ينتظر وإرسال ما في الطابور.",
    ru="Забрать новое и отправить отложенное.",
)
NEW_CHAT = Text(en="New chat: {title}", ar="محادثة جديدة: {title}", ru="Новый чат: {title}")
SAVE_NEXT = Text(en="To save the file:", ar="لحفظ الملف:", ru="Сохранить файл:")
SYNCED = Text(en="Up to date.", ar="كل شيء محدَّث.", ru="Всё получено и отправлено.")
NEW_MESSAGES = Text(en="New messages: {count}", ar="رسائل جديدة: {count}", ru="Новых сообщений: {count}")
SENT_COUNT = Text(en="Sent: {count}", ar="أُرسل: {count}", ru="Отправлено: {count}")
STILL_QUEUED = Text(en="Still queued: {count}", ar="ما زال في الطابور: {count}", ru="Ещё в очереди: {count}")

STATE_QUEUED = Text(en="queued", ar="في الطابور", ru="в очереди")
STATE_SENDING = Text(en="sending", ar="قيد الإرسال", ru="отправляется")
STATE_SENT = Text(en="sent", ar="أُرسلت", ru="отправлено")
STATE_DELIVERED = Text(en="delivered", ar="سُلّمت", ru="доставлено")
STATE_READ = Text(en="read", ar="قُرئت", ru="прочитано")
STATE_FAILED = Text(en="not sent", ar="لم تُرسل", ru="не отправлено")
STATE_RECEIVED = Text(en="received", ar="وصلت", ru="получено")
STATES = {
    "queued": STATE_QUEUED,
    "sending": STATE_SENDING,
    "sent": STATE_SENT,
    "delivered": STATE_DELIVERED,
    "read": STATE_READ,
    "failed": STATE_FAILED,
    "received": STATE_RECEIVED,
}

CHAT_CREATING = Text(en="being set up", ar="قيد الإنشاء", ru="создаётся")
CHAT_ACTIVE = Text(en="active", ar="نشطة", ru="активен")
CHAT_REJOINING = Text(en="asking to be let in again", ar="في انتظار إعادة الإضافة", ru="ждёт повторного добавления")
CHAT_REMOVED = Text(en="you were removed", ar="أُخرجتَ منها", ru="вас исключили")
CHAT_LEFT = Text(en="you left", ar="غادرتَها", ru="вы вышли")
CHAT_STUCK = Text(en="is being repaired", ar="قيد الإصلاح", ru="восстанавливается")
STATUSES = {
    "creating": CHAT_CREATING,
    "active": CHAT_ACTIVE,
    "rejoining": CHAT_REJOINING,
    "removed": CHAT_REMOVED,
    "left": CHAT_LEFT,
    "stuck": CHAT_STUCK,
}

GROUP = Text(
    en="Make groups and change who is in them.", ar="إنشاء المجموعات وتغيير أعضائها.", ru="Группы и их участники."
)
GROUP_CREATE = Text(en="Make a group.", ar="إنشاء مجموعة.", ru="Создать группу.")
GROUP_ADD = Text(en="Bring someone in.", ar="إضافة شخص.", ru="Добавить участника.")
GROUP_REMOVE = Text(
    en="Put someone out; from then on they can read nothing new.",
    ar="إخراج شخص؛ ومن بعدها لا يقرأ أي جديد.",
    ru="Исключить участника; новых сообщений он больше не прочтёт.",
)
GROUP_LEAVE = Text(en="Leave a group.", ar="مغادرة مجموعة.", ru="Выйти из группы.")
GROUP_RENAME = Text(en="Give a group another name.", ar="تغيير اسم مجموعة.", ru="Переименовать группу.")
GROUP_PROMOTE = Text(
    en="Make a member an admin, or with --owner an owner.",
    ar="جعل عضو مشرفًا، أو مالكًا مع --owner.",
    ru="Сделать участника администратором или, с --owner, владельцем.",
)
GROUP_DEMOTE = Text(
    en="Make somebody an ordinary member again.", ar="إعادة شخص إلى عضو عادي.", ru="Снять особые права."
)
OWNER_OPTION = Text(
    en="Owner: may also change roles.", ar="مالك: يغيّر الأدوار أيضًا.", ru="Владелец: может менять и роли."
)
GROUP_RENAMED = Text(
    en="The group is now called “{title}”.", ar="صار اسم المجموعة «{title}».", ru="Группа теперь называется «{title}»."
)
ROLE_NAMES = {
    "member": Text(en="member", ar="عضو", ru="участник"),
    "admin": Text(en="admin", ar="مشرف", ru="администратор"),
    "owner": Text(en="owner", ar="مالك", ru="владелец"),
}
GROUP_ROLE_SET = Text(
    en="{name} in “{title}” is now: {role}.",
    ar="دور {name} في «{title}» الآن: {role}.",
    ru="{name} в «{title}» теперь: {role}.",
)
LARGE_OPTION = Text(
    en="for more than 128 devices; such a group is not protected against quantum computers",
    ar="لأكثر من 128 جهازًا؛ ومثل هذه المجموعة ليست محميّة من الحواسيب الكمومية",
    ru="более чем для 128 устройств; такая группа не защищена от квантовых компьютеров",
)
GROUP_PLAIN = Text(
    en="This group is made for more than 128 devices: it is not protected against a recording that a future quantum"
    " computer opens, and it stays so.",
    ar="تُنشأ هذه المجموعة لأكثر من 128 جهازًا: ليست محميّة من تسجيل يفتحه حاسوب كمومي في المستقبل، ويبقى ذلك على حاله.",
    ru="Эта группа создаётся более чем для 128 устройств: она не защищена от записи, которую вскроет будущий квантовый"
    " компьютер, и это не изменится.",
)
GROUP_CREATED = Text(
    en="“{title}” is ready; members: {count}.",
    ar="المجموعة «{title}» جاهزة؛ الأعضاء: {count}.",
    ru="Группа «{title}» создана; участников: {count}.",
)
GROUP_ADDED = Text(
    en="{name} is now in “{title}”.", ar="انضمّ {name} إلى «{title}».", ru="{name} теперь в группе «{title}»."
)
GROUP_REMOVED = Text(
    en="{name} is no longer in “{title}”; all keys were changed.",
    ar="لم يعد {name} في «{title}»، وتغيّرت كل المفاتيح.",
    ru="{name} больше не в группе «{title}»; все ключи сменены.",
)
GROUP_KEPT = Text(
    en="The group is stored here and will be made with the next zajil sync; do not make it again.",
    ar="حُفظت المجموعة هنا وستُنشأ مع أول zajil sync؛ لا تُنشئها من جديد.",
    ru="Группа сохранена здесь и будет создана при следующей zajil sync; создавать её заново не нужно.",
)
CHANGE_KEPT = Text(
    en="The change is stored here and will be made with the next zajil sync; do not ask for it again.",
    ar="حُفظ التغيير هنا وسيُنفَّذ مع أول zajil sync؛ لا تطلبه من جديد.",
    ru="Изменение сохранено здесь и будет сделано при следующей zajil sync; повторять команду не нужно.",
)
GROUP_LEFT = Text(en="You left “{title}”.", ar="غادرتَ «{title}».", ru="Вы вышли из группы «{title}».")
