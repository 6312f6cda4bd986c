"""The words for errors that arise on this machine: of the SDK's home, and of the command line itself."""

from __future__ import annotations

from zajil.cli.texts.complaint import LIST_CHATS, LIST_CONTACTS, READDING, RELINK, UPDATE, Complaint
from zajil.cli.texts.text import Text

HOME_COMPLAINTS: dict[str, Complaint] = {
    # Of the client
    "protocol": Complaint(
        Text(
            en="The other side does not keep to the protocol.",
            ar="الطرف الآخر لا يلتزم بالبروتوكول.",
            ru="Другая сторона нарушает протокол.",
        ),
        UPDATE,
    ),
    "wrong-call": Complaint(
        Text(en="Zajil called itself wrongly.", ar="حدث استدعاء خاطئ داخل زاجل.", ru="Ошибка внутри самого Zajil."),
        UPDATE,
    ),
    "state-rolled-back": Complaint(
        Text(
            en="This folder is an old copy; sending from it would endanger your messages, so nothing is sent.",
            ar="هذا المجلّد نسخة قديمة، والإرسال منه يعرّض رسائلك للخطر، فلن يُرسل شيء.",
            ru="Эта папка — старая копия; отправка из неё опасна для переписки, поэтому ничего не отправлено.",
        ),
        RELINK,
    ),
    "no-home": Complaint(
        Text(
            en="There is no account on this device yet.",
            ar="لا حساب على هذا الجهاز بعد.",
            ru="На этом устройстве ещё нет учётной записи.",
        ),
        Text(
            en="Make one:  zajil register --server URL --name NAME\n"
            "Use one you have:  zajil link new --server URL\n"
            "Bring one back by its key:  zajil recovery restore --server URL",
            ar="أنشئ حسابًا:  zajil register --server URL --name NAME\n"
            "أو اربط حسابًا قائمًا:  zajil link new --server URL\n"
            "أو استعد حسابك بمفتاحه:  zajil recovery restore --server URL",
            ru="Создайте её:  zajil register --server URL --name NAME\n"
            "Подключите имеющуюся:  zajil link new --server URL\n"
            "Верните по ключу:  zajil recovery restore --server URL",
        ),
    ),
    "home-exists": Complaint(
        Text(
            en="There is an account on this device already.",
            ar="يوجد حساب على هذا الجهاز بالفعل.",
            ru="На этом устройстве уже есть учётная запись.",
        ),
        Text(
            en="For another person choose another folder:  zajil --home DIR ...",
            ar="لشخص آخر اختر مجلّدًا آخر:  zajil --home DIR ...",
            ru="Для другого человека выберите другую папку:  zajil --home DIR ...",
        ),
    ),
    "work-unfinished": Complaint(
        Text(
            en="The work that this server asks for could not be done on this device.",
            ar="تعذّر على هذا الجهاز إنجاز العمل الذي يطلبه الخادم.",
            ru="Это устройство не смогло выполнить вычисления, которых требует сервер.",
        ),
        Text(
            en="Try again on a faster device or with a newer version, or ask for an invite.",
            ar="حاول على جهاز أسرع أو بإصدار أحدث، أو اطلب دعوة.",
            ru="Повторите на более быстром устройстве или в новой версии либо попросите приглашение.",
        ),
    ),
    "home-busy": Complaint(
        Text(
            en="Another program is using this device's folder.",
            ar="يستعمل برنامج آخر مجلّد هذا الجهاز.",
            ru="Папкой этого устройства пользуется другая программа.",
        ),
        Text(
            en="Is zajil read --follow running in another terminal? End it first.",
            ar="هل يعمل zajil read --follow في طرفيّة أخرى؟ أنهِه أولًا.",
            ru="zajil read --follow открыта в другом терминале? Сначала закройте её.",
        ),
    ),
    "home-damaged": Complaint(
        Text(
            en="The data of this device cannot be read.",
            ar="تعذّرت قراءة بيانات هذا الجهاز.",
            ru="Данные этого устройства не читаются.",
        ),
        RELINK,
    ),
    "ambiguous-name": Complaint(
        Text(en="Several go by that name.", ar="أكثر من واحد بهذا الاسم.", ru="Под этим именем есть несколько."),
        Text(
            en="Use the id of one of these:", ar="استعمل معرّف واحد من هؤلاء:", ru="Укажите идентификатор одного из них:"
        ),
    ),
    "unknown-chat": Complaint(
        Text(en="There is no such chat.", ar="لا توجد محادثة بهذا الاسم.", ru="Такого чата нет."), LIST_CHATS
    ),
    "unknown-contact": Complaint(
        Text(en="There is no such contact.", ar="لا توجد جهة اتصال بهذا الاسم.", ru="Такого контакта нет."),
        LIST_CONTACTS,
    ),
    "contact-blocked": Complaint(
        Text(en="You blocked this person.", ar="أنت حظرت هذا الشخص.", ru="Вы заблокировали этого человека."),
        Text(
            en="To write to them, end the block first: zajil unblock PERSON.",
            ar="لمراسلته ارفع الحظر أولًا: zajil unblock.",
            ru="Чтобы написать, сначала снимите блокировку: zajil unblock.",
        ),
    ),
    "contact-gone": Complaint(
        Text(en="This account no longer exists.", ar="لم يعد هذا الحساب موجودًا.", ru="Этого аккаунта больше нет."),
        Text(
            en="Nothing can be sent there. Ask the person for a new link.",
            ar="لا يمكن إرسال شيء إليه. اطلب من صاحبه رابطًا جديدًا.",
            ru="Отправить туда ничего нельзя. Попросите у этого человека новую ссылку.",
        ),
    ),
    "not-a-member": Complaint(
        Text(en="You are not a member of this chat.", ar="لستَ عضوًا في هذه المحادثة.", ru="Вы не участник этого чата."),
        Text(
            en="What you wrote and read there stays here; someone in it can add you again.",
            ar="ما كتبته وقرأته فيها باقٍ هنا، ويمكن لأحد أعضائها إضافتك من جديد.",
            ru="Всё написанное и прочитанное там остаётся здесь; участники могут добавить вас снова.",
        ),
    ),
    "already-in": Complaint(
        Text(en="You are in this group already.", ar="أنت في هذه المجموعة بالفعل.", ru="Вы уже в этой группе."),
        LIST_CHATS,
    ),
    "too-many-links": Complaint(
        Text(
            en="This group has as many links as it can hold.",
            ar="بلغت هذه المجموعة حدّ الروابط.",
            ru="У группы уже предельное число ссылок.",
        ),
        Text(
            en="End one first:  zajil group link GROUP --list, then --revoke ID",
            ar="أنهِ واحدًا أولًا:  zajil group link GROUP --list ثم --revoke ID",
            ru="Сначала отзовите одну:  zajil group link GROUP --list, затем --revoke ID",
        ),
    ),
    "no-group": Complaint(
        Text(en="This chat is no group.", ar="هذه المحادثة ليست مجموعة.", ru="Этот чат — не группа."), LIST_CHATS
    ),
    "bad-permission": Complaint(
        Text(
            en="A permission is written like send=admin: send, add, info, timer or link, and member or admin.",
            ar="يُكتب الإذن هكذا send=admin: أي send أو add أو info أو timer أو link، ثم member أو admin.",
            ru="Право пишется так: send=admin; слева send, add, info, timer или link, справа member или admin.",
        )
    ),
    "bad-span": Complaint(
        Text(
            en="No length of time, or one that is too long: write 45s, 30m, 12h, 7d or 2w, up to {most}.",
            ar="ليست هذه مدة، أو هي أطول مما يمكن تعيينه: اكتب 45s أو 30m أو 12h أو 7d أو 2w، حتى {most}.",
            ru="Это не срок, или он больше допустимого: пишите 45s, 30m, 12h, 7d или 2w, не больше {most}.",
        )
    ),
    "no-request-id": Complaint(
        Text(
            en="Whose request? Name the id or name after accept or decline.",
            ar="طلب مَن؟ اكتب المعرّف أو الاسم بعد accept أو decline.",
            ru="Чья просьба? Укажите идентификатор или имя после accept или decline.",
        )
    ),
    "no-request": Complaint(
        Text(
            en="Nobody of this id or name waits, or several do.",
            ar="لا ينتظر أحد بهذا المعرّف أو الاسم، أو أكثر من واحد.",
            ru="Никто с таким идентификатором или именем не ждёт, или таких несколько.",
        ),
        Text(
            en="See who waits:  zajil group requests GROUP",
            ar="لمعرفة من ينتظر:  zajil group requests GROUP",
            ru="Кто ждёт:  zajil group requests GROUP",
        ),
    ),
    "not-permitted": Complaint(
        Text(
            en="The rules of this chat do not let you do that.",
            ar="لا تسمح لك قواعد هذه المحادثة بذلك.",
            ru="Правила этого чата вам этого не позволяют.",
        ),
        Text(
            en="Ask one of its admins.", ar="اطلب ذلك من أحد المشرفين.", ru="Попросите кого-нибудь из администраторов."
        ),
    ),
    "chat-stuck": Complaint(
        Text(en="This chat waits to be repaired.", ar="هذه المحادثة في انتظار الإصلاح.", ru="Чат ждёт восстановления."),
        READDING,
    ),
    "not-introduced": Complaint(
        Text(
            en="Somebody has not introduced themselves to this device yet.",
            ar="هناك من لم يعرّف بنفسه لهذا الجهاز بعد.",
            ru="Кто-то ещё не представлен этому устройству.",
        ),
        Text(
            en="It is stored here; once they were online, the next zajil sync makes it. Do not ask for it again.",
            ar="حُفظ التغيير هنا، وسيُنفَّذ مع أول zajil sync بعد أن يتصلوا؛ لا تطلبه من جديد.",
            ru="Изменение сохранено здесь: его сделает zajil sync, когда этот человек побывает в сети. Не повторяйте.",
        ),
    ),
    "group-full": Complaint(
        Text(
            en="The group holds as many devices as it can: 128, or 1,000 where it was made for more than 128.",
            ar="بلغت المجموعة أقصى عدد من الأجهزة: 128، أو 1000 إن أُنشئت لأكثر من 128.",
            ru="В группе предельное число устройств: 128, а если она создана более чем для 128, то 1000.",
        ),
        Text(
            en="Up to 128, an admin makes room for more with:  zajil group grow CHAT",
            ar="حتى 128 جهازًا، يُفسح المشرف مكانًا لأكثر بالأمر:  zajil group grow CHAT",
            ru="Если их 128, место освобождает администратор:  zajil group grow CHAT",
        ),
    ),
    "suite-downgrade": Complaint(
        Text(
            en="The server hands out weaker keys of this person than their device is able to use.",
            ar="يوزّع الخادم لهذا الشخص مفاتيح أضعف مما يستطيع جهازه استعماله.",
            ru="Сервер выдаёт для этого человека ключи слабее тех, которые может использовать его устройство.",
        ),
        Text(
            en="Nothing was sent. Ask them to open Zajil once; if it happens again, do not trust this server.",
            ar="لم يُرسَل شيء. اطلب منه أن يفتح زاجل مرة؛ وإن تكرر ذلك فلا تثق بهذا الخادم.",
            ru="Ничего не отправлено. Попросите его открыть Zajil; если это повторится, не доверяйте этому серверу.",
        ),
    ),
    "too-many-pins": Complaint(
        Text(
            en="Five chats are pinned already.",
            ar="ثُبِّتت خمس محادثات بالفعل.",
            ru="Закреплено уже пять чатов.",
        ),
        Text(
            en="Unpin one first:  zajil unpin CHAT",
            ar="ألغِ تثبيت واحدة أولًا:  zajil unpin CHAT",
            ru="Сначала открепите один:  zajil unpin CHAT",
        ),
    ),
    "text-too-long": Complaint(
        Text(
            en="The text is longer than 65,536 bytes.", ar="النصّ أطول من 65536 بايت.", ru="Текст длиннее 65 536 байт."
        ),
        Text(en="Send it in parts.", ar="أرسله على أجزاء.", ru="Отправьте его по частям."),
    ),
    "no-tool": Complaint(
        Text(
            en="Only your own proxy or transport may be used, and none is set: nothing would connect.",
            ar="لا يُسمح إلا بوكيلك أو ناقلك الخاص، ولم تحدّد أيًّا منهما: لن يتصل شيء.",
            ru="Разрешены только ваши прокси и транспорты, а их нет: соединиться будет нечем.",
        ),
        Text(
            en="Set one first with zajil net proxy ADDRESS, or allow other routes with zajil net prefer speed.",
            ar="حدّد وكيلًا أولًا: zajil net proxy ADDRESS، أو اسمح بالطرق الأخرى: zajil net prefer speed.",
            ru="Сначала укажите прокси: zajil net proxy ADDRESS, или разрешите другие пути: zajil net prefer speed.",
        ),
    ),
    "bad-link": Complaint(
        Text(
            en="This is not a link or code that can be used.",
            ar="هذا ليس رابطًا أو رمزًا صالحًا.",
            ru="Это не похоже на ссылку или код.",
        ),
        Text(
            en="Copy all of it and put it in quotes: the part after # matters.",
            ar="انسخه كاملًا وضعه بين علامتَي اقتباس: ما بعد # ضروري.",
            ru="Скопируйте целиком и возьмите в кавычки: часть после # важна.",
        ),
    ),
    "link-expired": Complaint(
        Text(
            en="The link or code has expired.",
            ar="انتهت صلاحية الرابط أو الرمز.",
            ru="Срок действия ссылки или кода истёк.",
        ),
        Text(en="Ask for a new one.", ar="اطلب رابطًا جديدًا.", ru="Попросите новую."),
    ),
    "link-mismatch": Complaint(
        Text(
            en="The device that answered is not the one whose code this is.",
            ar="الجهاز الذي أجاب ليس صاحب هذا الرمز.",
            ru="Ответило не то устройство, чей это код.",
        ),
        Text(
            en="Somebody may be in between. Start again, on a network you trust.",
            ar="قد يكون هناك من يتوسّط بينكما. ابدأ من جديد على شبكة تثق بها.",
            ru="Возможно, кто-то вмешался. Начните заново в сети, которой доверяете.",
        ),
    ),
    "list-fork": Complaint(
        Text(
            en="Two different device lists exist for one account; nothing is sent until you have looked into it.",
            ar="توجد قائمتا أجهزة مختلفتان لحساب واحد؛ لن يُرسل شيء حتى تتحقّق من الأمر.",
            ru="У одной учётной записи два разных списка устройств; пока вы не разберётесь, ничего не отправляется.",
        ),
        Text(
            en="Speak with the person and compare:  zajil verify NAME",
            ar="تواصل مع الشخص وقارن:  zajil verify NAME",
            ru="Свяжитесь с человеком и сверьте:  zajil verify NAME",
        ),
    ),
    "key-changed": Complaint(
        Text(
            en="The account's key changed without proof; the old one stays.",
            ar="تغيّر مفتاح الحساب دون إثبات؛ يبقى المفتاح القديم.",
            ru="Ключ учётной записи сменился без подтверждения; в силе прежний.",
        ),
        Text(
            en="Speak with the person and compare:  zajil verify NAME",
            ar="تواصل مع الشخص وقارن:  zajil verify NAME",
            ru="Свяжитесь с человеком и сверьте:  zajil verify NAME",
        ),
    ),
    "wrong-signature": Complaint(
        Text(
            en="What the server says of its routes is not signed by its keys; what was known before stays.",
            ar="ما يقوله الخادم عن طرق الوصول إليه غير موقَّع بمفاتيحه؛ يبقى المعروف من قبل.",
            ru="Сведения о путях к серверу не подписаны его ключами; в силе прежние.",
        ),
        Text(
            en="Somebody may be in between. If it happens on every network, ask whoever runs the server.",
            ar="قد يكون هناك من يتوسّط بينكما. إن تكرّر على كل شبكة فاسأل من يدير الخادم.",
            ru="Возможно, кто-то вмешался. Если так в любой сети, спросите того, кто держит сервер.",
        ),
    ),
    "older-document": Complaint(
        Text(
            en="What the server says of its routes is older than what is known here; the newer stays.",
            ar="ما يقوله الخادم عن طرق الوصول إليه أقدم مما هو معروف هنا؛ يبقى الأحدث.",
            ru="Сведения о путях к серверу старше тех, что уже есть; в силе новые.",
        ),
    ),
    "not-this-server": Complaint(
        Text(en="This belongs to another server.", ar="هذا يخصّ خادمًا آخر.", ru="Это относится к другому серверу."),
        Text(
            en="Ask somebody who uses the same server as you.",
            ar="اطلب ذلك ممّن يستعمل الخادم نفسه.",
            ru="Попросите у того, кто пользуется тем же сервером.",
        ),
    ),
    # Of the command line
    "usage": Complaint(
        Text(en="The command was not understood.", ar="تعذّر فهم الأمر.", ru="Не удалось разобрать команду.")
    ),
    "no-command": Complaint(
        Text(en="There is no command {name}.", ar="لا يوجد أمر بهذا الاسم: {name}.", ru="Нет такой команды: {name}."),
        Text(en="All commands:  zajil --help", ar="كل الأوامر:  zajil --help", ru="Все команды:  zajil --help"),
    ),
    "no-text": Complaint(Text(en="There is no text to send.", ar="لا يوجد نصّ لإرساله.", ru="Нет текста для отправки.")),
    "no-name": Complaint(Text(en="The name is empty.", ar="الاسم فارغ.", ru="Имя не указано.")),
    "empty-folder": Complaint(
        Text(en="The name of the folder is empty.", ar="اسم المجلّد فارغ.", ru="Имя папки не указано."),
        Text(
            en="Name one, or leave the option out for the usual folder.",
            ar="اذكر مجلّدًا، أو احذف الخيار ليُستعمل المجلّد المعتاد.",
            ru="Укажите папку или уберите параметр: тогда берётся обычная.",
        ),
    ),
    "person-link": Complaint(
        Text(en="This link adds a person.", ar="هذا الرابط يضيف شخصًا.", ru="Эта ссылка добавляет человека."),
        Text(en="Use it so:  zajil add LINK", ar="يُستعمل هكذا:  zajil add LINK", ru="Её команда:  zajil add LINK"),
    ),
    "group-link": Complaint(
        Text(en="This link leads into a group.", ar="هذا الرابط يقود إلى مجموعة.", ru="Эта ссылка ведёт в группу."),
        Text(en="Use it so:  zajil join LINK", ar="يُستعمل هكذا:  zajil join LINK", ru="Её команда:  zajil join LINK"),
    ),
    "no-link": Complaint(
        Text(en="There is no such link.", ar="لا يوجد رابط كهذا.", ru="Такой ссылки нет."),
        Text(
            en="The links there are:  zajil contact-link list, or zajil group link GROUP --list",
            ar="الروابط الموجودة:  zajil contact-link list أو zajil group link GROUP --list",
            ru="Какие ссылки есть:  zajil contact-link list или zajil group link GROUP --list",
        ),
    ),
    "many-links": Complaint(
        Text(
            en="The ids of several links begin so; give more characters.",
            ar="تبدأ معرّفات عدة روابط بهذه الأحرف؛ اكتب أحرفًا أكثر.",
            ru="Так начинаются идентификаторы нескольких ссылок; укажите больше знаков.",
        ),
        Text(
            en="The links there are:  zajil contact-link list, or zajil group link GROUP --list",
            ar="الروابط الموجودة:  zajil contact-link list أو zajil group link GROUP --list",
            ru="Какие ссылки есть:  zajil contact-link list или zajil group link GROUP --list",
        ),
    ),
    "bridge-link": Complaint(
        Text(en="This link carries bridges.", ar="هذا الرابط يحمل جسورًا.", ru="В этой ссылке мосты."),
        Text(
            en="With an account:  zajil net add LINK",
            ar="إن كان لديك حساب:  zajil net add LINK",
            ru="Если учётная запись есть:  zajil net add LINK",
        ),
    ),
    "own-link": Complaint(
        Text(en="This is your own link.", ar="هذا رابطك أنت.", ru="Это ваша собственная ссылка."),
        Text(
            en="Give it to others; to write to yourself there is the chat “Note to self”.",
            ar="أعطه لغيرك؛ وللكتابة إلى نفسك توجد محادثة «ملاحظات لنفسي».",
            ru="Дайте её другим; а писать самому себе можно в чат «Заметки для себя».",
        ),
    ),
    "bad-address": Complaint(
        Text(en="This is not the address of a server.", ar="هذا ليس عنوان خادم.", ru="Это не похоже на адрес сервера."),
        Text(
            en="It begins with http:// or https://, such as http://127.0.0.1:8440",
            ar="يبدأ بـ http:// أو https://، مثل http://127.0.0.1:8440",
            ru="Он начинается с http:// или https://, например http://127.0.0.1:8440",
        ),
    ),
    "port-busy": Complaint(
        Text(
            en="Another program already uses port {port}.",
            ar="يستعمل برنامج آخر المنفذ {port}.",
            ru="Порт {port} уже занят другой программой.",
        ),
        Text(
            en="If Zajil runs in another terminal, use that one. Otherwise choose another port: add  --port 8441  "
            "(after make run:  ARGS='--port 8441')",
            ar="إن كان زاجل يعمل في طرفيّة أخرى فاستعمله هناك، وإلا فاختر منفذًا آخر: أضف  --port 8441  "
            "(بعد make run:  ARGS='--port 8441')",
            ru="Zajil уже запущен в другом терминале? Пользуйтесь им. Или возьмите другой порт: добавьте  --port 8441  "
            "(после make run:  ARGS='--port 8441')",
        ),
    ),
    "no-start": Complaint(
        Text(en="{part} did not start.", ar="لم يبدأ {part}.", ru="Не запустилось: {part}."),
        Text(
            en="Its own words stand above.",
            ar="التفاصيل مذكورة أعلاه.",
            ru="Подробности выше.",
        ),
    ),
    "no-data": Complaint(
        Text(
            en="There is no server data in {folder}.",
            ar="لا بيانات خادم في {folder}.",
            ru="В папке {folder} нет данных сервера.",
        ),
        Text(
            en="Name the folder with --data DIR; zajil serve makes it.",
            ar="حدّد المجلّد بالخيار --data DIR؛ وينشئه zajil serve.",
            ru="Укажите папку: --data DIR; её создаёт zajil serve.",
        ),
    ),
    "check-failed": Complaint(
        Text(
            en="Something is not as it should be.", ar="هناك ما ليس على ما ينبغي.", ru="Что-то не так, как должно быть."
        ),
        Text(
            en="Do what stands below each ✗, then look again:  zajil doctor",
            ar="نفّذ ما كُتب تحت كل ✗ ثم افحص من جديد:  zajil doctor",
            ru="Сделайте то, что написано под каждым ✗, и проверьте снова:  zajil doctor",
        ),
    ),
    "settings": Complaint(
        Text(
            en="The server's settings cannot be used.",
            ar="إعدادات الخادم غير صالحة.",
            ru="Настройки сервера не годятся.",
        ),
        Text(
            en="Mend what stands in brackets, and run it again.",
            ar="أصلح ما بين القوسين ثم أعد التنفيذ.",
            ru="Исправьте указанное в скобках и повторите.",
        ),
    ),
    "disk": Complaint(
        Text(
            en="A file or folder cannot be used.",
            ar="تعذّر استعمال ملف أو مجلّد.",
            ru="Не удаётся использовать файл или папку.",
        ),
        Text(
            en="Check that it is there, that your user may use it (as root: sudo), and that the disk has room.",
            ar="تحقّق من وجوده، ومن أن حسابك مخوّل باستعماله (بصلاحيات root: sudo)، ومن أن في القرص متّسعًا.",
            ru="Проверьте, что он на месте, доступен вашему пользователю (от root: sudo) и что на диске есть место.",
        ),
    ),
    "crashed": Complaint(
        Text(en="Something went wrong inside Zajil.", ar="حدث خطأ داخل زاجل.", ru="Внутренняя ошибка Zajil."),
        Text(
            en="Run it again with zajil --debug and report what it shows; it holds no message text.",
            ar="أعد التنفيذ مع zajil --debug وأبلغ عمّا يظهر؛ لا يحتوي على نصوص الرسائل.",
            ru="Повторите с zajil --debug и пришлите вывод; текста сообщений в нём нет.",
        ),
    ),
}
