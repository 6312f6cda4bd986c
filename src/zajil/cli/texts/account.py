"""Account, devices, contacts: registering, linking, verifying."""

from __future__ import annotations

from zajil.cli.texts.text import Text

REGISTER = Text(
    en="Create your account on a server; keys are made here and stay here.",
    ar="إنشاء حسابك على خادم؛ تُولَّد المفاتيح هنا وتبقى هنا.",
    ru="Создать учётную запись на сервере; ключи создаются и остаются здесь.",
)
SERVER_OPTION = Text(
    en="Address of the server, such as http://127.0.0.1:8440.",
    ar="عنوان الخادم، مثل http://127.0.0.1:8440.",
    ru="Адрес сервера, например http://127.0.0.1:8440.",
)
NAME_OPTION = Text(
    en="The name your contacts see; the server never does.",
    ar="الاسم الذي يراه معارفك؛ أمّا الخادم فلا يراه أبدًا.",
    ru="Имя, которое увидят собеседники; серверу оно не видно.",
)
INVITE_OPTION = Text(
    en="Invite code of the server, if it asks for one; or the whole link, which also says where the server is.",
    ar="رمز الدعوة إن كان الخادم يطلبه؛ أو الرابط كلّه، وهو يدلّ على الخادم أيضًا.",
    ru="Код приглашения, если сервер его требует, или ссылка целиком: в ней есть и адрес сервера.",
)
SERVER_SILENT = Text(
    en="Nothing answers at {address}. Check the address and the network.",
    ar="لا شيء يجيب على العنوان {address}. تحقّق منه ومن الشبكة.",
    ru="По адресу {address} никто не отвечает. Проверьте адрес и сеть.",
)
CERTIFICATE_REFUSED = Text(
    en="{address} answers with a certificate that this machine does not trust, or that is for another name. If the "
    "server has its own authority, name its root:  SSL_CERT_FILE=root.crt zajil ...",
    ar="يجيب {address} بشهادة لا يثق بها هذا الجهاز أو هي لاسم آخر. إن كان للخادم هيئة شهادات خاصة به فسمِّ "
    "شهادتها الجذرية:  SSL_CERT_FILE=root.crt zajil ...",
    ru="{address} отвечает с сертификатом, которому эта машина не доверяет или который на другое имя. Если у сервера "
    "свой центр сертификации, назовите его корень:  SSL_CERT_FILE=root.crt zajil ...",
)
WORKING = Text(
    en="Your device proves that it is no machine for mass sign-ups. This takes a few seconds… {percent} %",
    ar="يُثبت جهازك أنّه ليس آلة تسجيل جماعيّ. يستغرق هذا بضع ثوانٍ… {percent}٪",
    ru="Ваше устройство доказывает, что это не массовая регистрация. Это займёт несколько секунд… {percent} %",
)
REGISTERED = Text(en="Welcome, {name}.", ar="أهلًا بك يا {name}.", ru="Добро пожаловать, {name}!")
REGISTERED_NEXT = Text(
    en="To show your link for others:",
    ar="لعرض رابطك لمن تريد أن يراسلك:",
    ru="Показать ссылку для тех, кто хочет вам написать:",
)
INVITER_NEXT = Text(en="Write to whoever invited you:", ar="لمراسلة من دعاك:", ru="Напишите тому, кто вас пригласил:")

WHOAMI = Text(en="Who this device is.", ar="هويّة هذا الجهاز.", ru="Чьё это устройство.")
NAME = Text(en="name", ar="الاسم", ru="имя")
ACCOUNT = Text(en="account", ar="الحساب", ru="учётная запись")
DEVICE = Text(en="device", ar="الجهاز", ru="устройство")
SERVER = Text(en="server", ar="الخادم", ru="сервер")
HOME = Text(en="folder", ar="المجلّد", ru="папка")

ADD = Text(
    en="Add the person behind a contact link or a @username.",
    ar="إضافة صاحب رابط اتصال أو اسم مستخدم @.",
    ru="Добавить человека по его ссылке или @имени.",
)
LINK_ARGUMENT = Text(
    en="The link the other person sent you, quoted; or @username.",
    ar="الرابط الذي أرسله لك الشخص الآخر بين علامتَي اقتباس، أو @اسم المستخدم.",
    ru="Ссылка, которую вам прислали, в кавычках; или @имя.",
)
CONTACTS = Text(en="The people you know.", ar="معارفك.", ru="Ваши контакты.")
NO_CONTACTS = Text(
    en="No contacts yet. Ask someone for a link, then:  zajil add 'LINK'",
    ar="لا جهات اتصال بعد. اطلب رابطًا من أحدهم، ثم:  zajil add 'LINK'",
    ru="Контактов пока нет. Попросите ссылку и выполните:  zajil add 'LINK'",
)
VERIFIED = Text(en="verified", ar="موثّق", ru="проверен")
DEVICES_COUNT = Text(en="devices: {count}", ar="الأجهزة: {count}", ru="устройств: {count}")

DEVICES = Text(en="Your devices.", ar="أجهزتك.", ru="Ваши устройства.")
THIS_DEVICE = Text(en="this one", ar="هذا الجهاز", ru="это устройство")
ADDED_ON = Text(en="added {date}", ar="أُضيف في {date}", ru="добавлено {date}")

LINK = Text(
    en="Use your account on a further device.",
    ar="استعمال حسابك على جهاز آخر.",
    ru="Подключить ещё одно устройство к своей учётной записи.",
)
LINK_NEW = Text(
    en="On the new device: print a code and wait for an old device.",
    ar="على الجهاز الجديد: يعرض رمزًا وينتظر موافقة جهاز سابق.",
    ru="На новом устройстве: показать код и ждать подтверждения со старого.",
)
LINK_APPROVE = Text(
    en="On an old device: let the new one in.",
    ar="على جهاز سابق: السماح للجهاز الجديد بالدخول.",
    ru="На старом устройстве: впустить новое.",
)
LINK_CODE_ARGUMENT = Text(
    en="The code the new device prints.", ar="الرمز الذي يعرضه الجهاز الجديد.", ru="Код с экрана нового устройства."
)
YES_OPTION = Text(en="Do not ask.", ar="دون سؤال.", ru="Не спрашивать.")
LINK_WAITING = Text(
    en="On a device you already use, within two minutes:",
    ar="على جهاز تستعمله بالفعل، خلال دقيقتين:",
    ru="На уже подключённом устройстве, в течение двух минут:",
)
LINK_EMOJI = Text(
    en="Both devices must show: {emoji}",
    ar="يجب أن يعرض الجهازان: {emoji}",
    ru="На обоих устройствах должно быть: {emoji}",
)
LINK_QUESTION = Text(
    en="Let “{name}” ({platform}) into your account? It will read and write everything you can.",
    ar="هل تسمح للجهاز «{name}» ({platform}) بدخول حسابك؟ سيقرأ ويكتب كل ما تستطيعه أنت.",
    ru="Впустить «{name}» ({platform}) в вашу учётную запись? Ему будет доступно всё, что доступно вам.",
)
LINK_APPROVED = Text(
    en="“{name}” is now device {device} of your account.",
    ar="أصبح «{name}» الجهاز رقم {device} في حسابك.",
    ru="«{name}» теперь ваше устройство № {device}.",
)
LINK_DONE = Text(
    en="This is now device {device} of {name}.",
    ar="أصبح هذا الجهاز رقم {device} في حساب {name}.",
    ru="Теперь это устройство № {device} учётной записи {name}.",
)
LINK_HISTORY_OPTION = Text(
    en="Send the messages of this device along, which is done unless you say --no-history.",
    ar="إرسال رسائل هذا الجهاز معه، وهو ما يجري ما لم تكتب --no-history.",
    ru="Передать и сообщения этого устройства; так и будет, если не указать --no-history.",
)
LINK_HISTORY_GOES = Text(
    en="Its history goes along; until it is through, keep this device online.",
    ar="تُرسل الرسائل السابقة معه؛ أبقِ هذا الجهاز متصلًا حتى تصل.",
    ru="Прежние сообщения передаются; пока они в пути, не отключайте это устройство.",
)
LINK_HISTORY_STAYS = Text(
    en="Earlier messages stay on this device.",
    ar="تبقى الرسائل السابقة على هذا الجهاز.",
    ru="Прежние сообщения остаются на этом устройстве.",
)
LINK_HISTORY_COMES = Text(
    en="Earlier messages: {percent} %",
    ar="الرسائل السابقة: {percent}٪",
    ru="Прежние сообщения: {percent} %",
)
LINK_HISTORY_HERE = Text(
    en="Earlier messages are here.",
    ar="وصلت الرسائل السابقة.",
    ru="Прежние сообщения получены.",
)
LINK_HISTORY_LATER = Text(
    en="Earlier messages are still on their way; zajil sync takes them.",
    ar="ما زالت الرسائل السابقة في الطريق؛ يجلبها zajil sync.",
    ru="Прежние сообщения ещё в пути; их получит zajil sync.",
)
LINK_HISTORY_NONE = Text(
    en="Earlier messages stay on the old device.",
    ar="تبقى الرسائل السابقة على الجهاز السابق.",
    ru="Прежние сообщения остаются на прежнем устройстве.",
)
LINK_NEXT = Text(
    en="Your chats appear with the next zajil sync, as the old device brings this one in.",
    ar="تظهر محادثاتك عند zajil sync التالي، إذ يُدخل الجهاز السابق هذا الجهاز فيها.",
    ru="Ваши чаты появятся после следующего zajil sync: прежнее устройство вводит в них это.",
)

VERIFY = Text(
    en="Safety number: compare it with the person, face to face or by phone.",
    ar="رقم الأمان: قارنه مع الشخص وجهًا لوجه أو عبر الهاتف.",
    ru="Код безопасности: сверьте его с собеседником лично или по телефону.",
)
VERIFY_ARGUMENT = Text(
    en="Name or id of a contact or of a chat with one person.",
    ar="اسم جهة اتصال أو محادثة ثنائية، أو معرّفها.",
    ru="Имя или идентификатор контакта либо чата на двоих.",
)
VERIFY_COMPARE = Text(
    en="{name} sees the same digits? Then nobody stands between you.",
    ar="هل يرى {name} الأرقام نفسها؟ إذن لا أحد يتوسّط بينكما.",
    ru="{name} видит те же цифры? Значит, между вами никого нет.",
)

VERIFY_CONFIRM_OPTION = Text(
    en="You compared the digits and they are equal: mark this person as verified.",
    ar="قارنتَ الأرقام فوجدتها متطابقة: علّم هذا الشخص موثّقًا.",
    ru="Вы сверили цифры, и они совпали: отметить человека как проверенного.",
)
VERIFY_WITHDRAW_OPTION = Text(en="Take that mark back.", ar="إزالة هذه العلامة.", ru="Снять эту отметку.")
VERIFY_CODE_OPTION = Text(
    en="Compare with the code that the other side shows (the text of its QR).",
    ar="المقارنة مع الرمز الذي يعرضه الطرف الآخر (نصّ رمز QR).",
    ru="Сверить с кодом на экране собеседника (текст его QR-кода).",
)
VERIFY_CONFIRMED = Text(en="{name} is verified.", ar="صار {name} موثّقًا.", ru="Отмечено: {name} — проверенный контакт.")
VERIFY_WITHDRAWN = Text(en="{name} is no longer verified.", ar="لم يعد {name} موثّقًا.", ru="Отметка снята: {name}.")
VERIFY_HOW = Text(
    en="If so, mark it:  {command}", ar="إن كان كذلك فعلّم:  {command}", ru="Если да, отметьте это:  {command}"
)
KEY_CHANGED = Text(en="key changed", ar="تغيّر المفتاح", ru="ключ сменился")
CODES_SAME = Text(
    en="Both codes agree: nobody stands between you.",
    ar="الرمزان متطابقان: لا أحد يتوسّط بينكما.",
    ru="Коды совпадают: между вами никого нет.",
)
CODES_OTHER_EPOCH = Text(
    en="The keys agree; run zajil sync on both sides and compare once more to check the server too.",
    ar="المفاتيح متطابقة؛ نفّذ zajil sync عند الطرفين وقارن مرة أخرى للتحقّق من الخادم أيضًا.",
    ru="Ключи совпадают; выполните zajil sync на обеих сторонах и сверьте ещё раз, чтобы проверить и сервер.",
)

PRIVACY = Text(
    en="What others learn from you, and you from them: read receipts and typing.",
    ar="ما يعرفه الآخرون عنك وتعرفه عنهم: إشعارات القراءة والكتابة.",
    ru="Что видят другие и видите вы: отчёты о прочтении и наборе текста.",
)
RECEIPTS_OPTION = Text(
    en="Delivery and read receipts, on or off; off means you see none either.",
    ar="إشعارات التسليم والقراءة، on أو off؛ ومع off لا تراها أنت أيضًا.",
    ru="Отчёты о доставке и прочтении, on или off; с off их не видите и вы.",
)
TYPING_OPTION = Text(
    en="That somebody is writing, on or off; off means you see it of nobody either.",
    ar="إظهار أن أحدهم يكتب، on أو off؛ ومع off لا تراه أنت أيضًا.",
    ru="Что кто-то печатает, on или off; с off этого не видите и вы.",
)
RECEIPTS_STATE = Text(en="Read receipts: {state}", ar="إشعارات القراءة: {state}", ru="Отчёты о прочтении: {state}")
TYPING_STATE = Text(en="Typing: {state}", ar="إشعار الكتابة: {state}", ru="Набор текста: {state}")
ON = Text(en="on", ar="مفعّل", ru="включено")
OFF = Text(en="off", ar="معطّل", ru="выключено")

DOCTOR = Text(
    en="Check this device's folder and its server.",
    ar="فحص مجلّد هذا الجهاز والخادم.",
    ru="Проверить папку этого устройства и сервер.",
)
DOCTOR_GOOD = Text(en="All is well.", ar="كل شيء على ما يُرام.", ru="Всё в порядке.")
