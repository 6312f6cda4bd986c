"""Words of contact links, requests, block and usernames."""

from __future__ import annotations

from zajil.cli.texts.text import Text

CONTACT_LINK = Text(
    en="A link by which others add you: 20 people, 30 days.",
    ar="رابط يضيفك به الآخرون: يصلح لعشرين شخصًا ولثلاثين يومًا.",
    ru="Ссылка, по которой вас добавят: на 20 человек и 30 дней.",
)
LINK_ACTION = Text(
    en="list: links that still work; revoke: end one.",
    ar="list: الروابط التي ما زالت تعمل؛ revoke: إبطال أحدها.",
    ru="list: действующие ссылки; revoke: отозвать одну.",
)
LINK_ID = Text(
    en="For revoke: the id that list shows, or the link.",
    ar="مع revoke: المعرّف الظاهر في list، أو الرابط.",
    ru="Для revoke: номер из list или сама ссылка.",
)
ONCE_OR_USES = Text(
    en="Either --once or --uses N, not both.",
    ar="إمّا --once وإمّا --uses N، لا كلاهما.",
    ru="Либо --once, либо --uses N.",
)
LINK_OVER = Text(
    en="This link lets nobody in any more.",
    ar="لم يعد هذا الرابط يتيح لأحد شيئًا.",
    ru="Эта ссылка больше не действует.",
)
LINK_OVER_HINT = Text(
    en="It was used up or withdrawn: ask whoever gave it to you for a new one.",
    ar="استُنفد أو أُبطل: اطلب رابطًا جديدًا ممن أعطاك إياه.",
    ru="Она исчерпана или отозвана: попросите новую у того, кто её дал.",
)
ALL_LINKS = Text(en="The links there are:", ar="الروابط الموجودة:", ru="Какие ссылки есть:")
ONCE_OPTION = Text(en="For one person only.", ar="لشخص واحد فقط.", ru="Только на одного человека.")
USES_OPTION = Text(
    en="For how many people, 1 to 100.", ar="عدد الأشخاص، من 1 إلى 100.", ru="На сколько человек, от 1 до 100."
)
EXPIRES_OPTION = Text(
    en="How long it works: 45m, 12h or 7d, up to 400d.",
    ar="مدة صلاحيته: 45m أو 12h أو 7d، حتى 400d.",
    ru="Сколько действует: 45m, 12h или 7d, до 400d.",
)
ASK_OPTION = Text(
    en="A link by which others can only ask you.",
    ar="رابط لا يتيح للآخرين إلا أن يطلبوا منك.",
    ru="Ссылка, по которой вам можно только отправить запрос.",
)
LINK_ROW = Text(
    en="people left: {left}  until {until}",
    ar="بقي لعدد: {left}  حتى {until}",
    ru="осталось человек: {left}  до {until}",
)
LINK_INTO = Text(en="into the group “{title}”", ar="إلى المجموعة «{title}»", ru="в группу «{title}»")
LINK_OF_GROUP = Text(
    en="That link leads into the group “{title}”: end it with --revoke of `group link`.",
    ar="يقود هذا الرابط إلى المجموعة «{title}»: أنهِه بالخيار --revoke للأمر `group link`.",
    ru="Эта ссылка ведёт в группу «{title}»: отзовите её через --revoke команды `group link`.",
)
NO_LINKS = Text(en="No link of yours works now.", ar="لا رابط لك يعمل الآن.", ru="Действующих ссылок нет.")
LINK_REVOKED = Text(
    en="Nobody can add you by that link any more.",
    ar="لم يعد أحد يستطيع إضافتك بذلك الرابط.",
    ru="По этой ссылке вас больше не добавить.",
)
REQUESTS = Text(
    en="People you do not know who ask to write to you.",
    ar="أشخاص لا تعرفهم يطلبون مراسلتك.",
    ru="Незнакомые люди, которые просят разрешения писать.",
)
REQUEST_ACTION = Text(
    en="What to do with one: accept, decline or block.",
    ar="ما يُفعل بأحدها: accept للقبول أو decline للرفض أو block للحظر.",
    ru="Что сделать: accept (принять), decline (отклонить) или block (заблокировать).",
)
REQUEST_ID = Text(en="Its id, or the name.", ar="معرّفه أو الاسم.", ru="Номер запроса или имя.")
NO_REQUESTS = Text(en="Nobody is asking.", ar="لا طلبات.", ru="Запросов нет.")
RESEMBLES = Text(
    en="The name looks like that of your contact {name}; it is another account.",
    ar="يشبه الاسم اسم {name} في جهات اتصالك، لكنه حساب آخر.",
    ru="Имя похоже на ваш контакт {name}, но это другой аккаунт.",
)
REQUEST_HOW = Text(
    en="They learn nothing until you accept: {command}",
    ar="لا يعلمون شيئًا حتى تقبل: {command}",
    ru="Пока вы не примете, они ничего не узнают: {command}",
)
REQUEST_ACCEPTED = Text(
    en="{name} is in your contacts now.", ar="أصبح {name} في جهات اتصالك.", ru="{name} теперь в контактах."
)
REQUEST_DECLINED = Text(
    en="Declined. {name} is told nothing.",
    ar="رُفض الطلب. لا يُبلَّغ {name} بشيء.",
    ru="Отклонено. {name} об этом не узнает.",
)
REQUEST_SENT = Text(
    en="{name} was asked. Until they accept, only this one message reaches them.",
    ar="أُرسل الطلب إلى {name}. إلى أن يقبل لا تصله إلا هذه الرسالة.",
    ru="Запрос отправлен: {name}. До согласия дойдёт только это сообщение.",
)
REQUEST_WAITS = Text(
    en="You have asked {name} before; there is no answer yet.",
    ar="سبق أن أرسلت طلبًا إلى {name}، ولا جواب بعد.",
    ru="Вы уже отправили запрос: {name}. Ответа пока нет.",
)
TEXT_WAITS = Text(
    en="Your text is kept here and goes out once {name} accepts.",
    ar="نصّك محفوظ هنا ويُرسل حين يقبل {name} طلبك.",
    ru="Ваш текст сохранён здесь и уйдёт, когда запрос примут: {name}.",
)
ASKED_NOTE = Text(en="has not answered your request", ar="لم يُجب عن طلبك بعد", ru="ещё не ответил(а) на ваш запрос")
KNOWN_ALREADY = Text(
    en="{name} is in your contacts already.", ar="{name} في جهات اتصالك بالفعل.", ru="{name} уже в контактах."
)
ADDED = Text(en="{name} is in your contacts.", ar="أصبح {name} في جهات اتصالك.", ru="Контакт добавлен: {name}.")
UNNAMED = Text(en="Unnamed ({id})", ar="بلا اسم ({id})", ru="Без имени ({id})")
WHY_UNNAMED = Text(
    en="Who has no name here has not told you one yet; it comes with their first message.",
    ar="من لا اسم له هنا لم يخبرك به بعد؛ يصل مع أول رسالة منه.",
    ru="У кого нет имени, тот его ещё не сообщил: оно придёт с первым сообщением.",
)
HELLO_NEXT = Text(en="Say hello:", ar="ألقِ التحيّة:", ru="Поздоровайтесь:")
HELLO_EXAMPLE = Text(en="Hello!", ar="مرحبًا!", ru="Привет!")
CHAT_NEXT = Text(en="Your chat:", ar="محادثتكما:", ru="Ваш чат:")
ANSWER_NEXT = Text(en="Whether they accepted:", ar="لمعرفة هل قُبل:", ru="Приняли ли запрос:")
TEXT_OPTION = Text(
    en="What to say with a request, up to 2,048 bytes.",
    ar="ما يُقال مع الطلب، حتى 2048 بايتًا.",
    ru="Что написать в запросе, до 2048 байт.",
)
HELLO = Text(en="Hello!", ar="مرحبًا!", ru="Здравствуйте!")
BLOCK = Text(
    en="Block a person: nothing of them reaches you, and they cannot tell.",
    ar="حظر شخص: لا يصلك منه شيء، ولا يعلم بذلك.",
    ru="Заблокировать: от человека ничего не придёт, и он об этом не узнает.",
)
UNBLOCK = Text(en="End a block.", ar="رفع الحظر.", ru="Снять блокировку.")
PERSON = Text(en="The contact's name or id.", ar="اسم جهة الاتصال أو معرّفها.", ru="Имя или номер контакта.")
BLOCKED_NOW = Text(
    en="{name} is blocked. In groups you share, what they write is left out.",
    ar="حُظر {name}. ما يكتبه في المجموعات المشتركة لا يظهر لك.",
    ru="{name}: заблокирован. В общих группах его сообщения не показываются.",
)
UNBLOCKED_NOW = Text(
    en="{name} can write to you again. What they wrote meanwhile does not come.",
    ar="يستطيع {name} مراسلتك من جديد. ما كتبه في أثناء الحظر لا يصل.",
    ru="{name} снова может вам писать. Написанное за это время не придёт.",
)
BLOCKED = Text(en="blocked", ar="محظور", ru="заблокирован")
USERNAME = Text(
    en="A name by which people find you on this server.",
    ar="اسم يجدك به الناس على هذا الخادم.",
    ru="Имя, по которому вас найдут на этом сервере.",
)
USERNAME_SET = Text(en="Take a username.", ar="اختيار اسم مستخدم.", ru="Взять имя пользователя.")
USERNAME_SHOW = Text(en="Show it.", ar="عرضه.", ru="Показать его.")
USERNAME_RELEASE = Text(
    en="Give it up; for 90 days nobody else gets it.",
    ar="التخلي عنه؛ لا يأخذه غيرك قبل 90 يومًا.",
    ru="Отказаться; 90 дней его никто не займёт.",
)
USERNAME_ARGUMENT = Text(
    en="3 to 32 letters of one script, digits, and _ or a dot between them.",
    ar="من 3 إلى 32 حرفًا من كتابة واحدة، وأرقام، وبينها _ أو نقطة.",
    ru="От 3 до 32 букв одной письменности, цифры, между ними _ или точка.",
)
USERNAME_BAD = Text(
    en="This cannot be a username.", ar="هذا لا يصلح اسم مستخدم.", ru="Такого имени пользователя быть не может."
)
USERNAME_TAKEN = Text(
    en="This username, or one that looks like it, is taken.",
    ar="اسم المستخدم هذا أو ما يشبهه مأخوذ.",
    ru="Это имя пользователя или похожее на него занято.",
)
USERNAME_OTHER = Text(en="Choose another one.", ar="اختر غيره.", ru="Выберите другое.")
USERNAME_NOW = Text(en="People find you as @{name}.", ar="يجدك الناس باسم @{name}.", ru="Вас можно найти как @{name}.")
USERNAME_NONE = Text(en="No username.", ar="لا اسم مستخدم.", ru="Имени пользователя нет.")
USERNAME_RELEASED = Text(
    en="@{name} finds nobody any more.", ar="لم يعد @{name} يدلّ على أحد.", ru="@{name} больше никого не находит."
)
