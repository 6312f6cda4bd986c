"""The server's commands, `zajil run`, and the data inventory."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

SERVE = Text(en="Run a server.", ar="تشغيل خادم.", ru="Запустить сервер.")
HOST_OPTION = Text(en="Address to listen on.", ar="العنوان الذي يُنصت عليه.", ru="Адрес, на котором слушать.")
PORT_OPTION = Text(
    en="Port to listen on; 0 takes a free one.",
    ar="المنفذ؛ والقيمة 0 تختار منفذًا حرًّا.",
    ru="Порт; 0 — взять свободный.",
)
REGISTRATION_OPTION = Text(
    en="Who may register: with an invite, after some seconds of work, both, or anybody (open).",
    ar="من يحق له التسجيل: invite بدعوة، أو work بعد ثوانٍ من عمل الجهاز، أو both بكليهما، أو open للجميع.",
    ru="Кто может регистрироваться: по приглашению (invite), за вычисления (work), за то и другое (both), все (open).",
)
ADMIN = Text(en="Look after a server.", ar="إدارة خادم.", ru="Обслуживание сервера.")
ADMIN_INVITE = Text(
    en="Print one invite code, also while the server runs.",
    ar="طباعة رمز دعوة واحد، حتى والخادم يعمل.",
    ru="Выдать код приглашения, можно при работающем сервере.",
)
LINK_OPTION = Text(
    en="Print a link that carries the code.",
    ar="طباعة رابط يحمل الرمز.",
    ru="Выдать ссылку с этим кодом.",
)
QR_OPTION = Text(
    en="Print the link as a QR code too.",
    ar="طباعة الرابط كرمز QR أيضًا.",
    ru="Показать ссылку ещё и как QR-код.",
)
FRONT_OPTION = Text(
    en="Address the link begins with, instead of the setting `front`.",
    ar="العنوان الذي يبدأ به الرابط، بدل الإعداد `front`.",
    ru="Адрес, с которого начинается ссылка, вместо настройки `front`.",
)
DATABASE_OPTION = Text(
    en="Database of PostgreSQL, postgresql://user@host/name, without a password; a file here without it.",
    ar="قاعدة بيانات PostgreSQL، بصيغة postgresql://user@host/name دون كلمة مرور؛ وبدونها ملف هنا.",
    ru="База данных PostgreSQL, postgresql://user@host/name без пароля; без этого — файл здесь.",
)
BUS_OPTION = Text(
    en="NATS, nats://host:4222, where several servers share the database; without it there is this one alone.",
    ar="خادم NATS، بصيغة nats://host:4222، حين تتشارك عدة خوادم قاعدة البيانات؛ وبدونه هذا الخادم وحده.",
    ru="NATS, nats://host:4222, если базу данных делят несколько серверов; без этого — только этот сервер.",
)
METRICS_OPTION = Text(
    en="Port for figures, on this machine alone; of several servers here each has its own.",
    ar="منفذ الأرقام، على هذا الجهاز وحده؛ ولكل خادم منفذه إن تعددت الخوادم هنا.",
    ru="Порт показателей, только на этой машине; у каждого из нескольких серверов здесь он свой.",
)
DEV_OPTION = Text(
    en="For development: pages may call other ports of this machine.",
    ar="للتطوير: يحق للصفحات مخاطبة منافذ أخرى على هذا الجهاز.",
    ru="Для разработки: страницам можно обращаться к другим портам этой машины.",
)
USES_OPTION = Text(en="How many people it admits.", ar="عدد من يُدخلهم الرمز.", ru="На сколько человек он рассчитан.")

INVENTORY = Text(
    en="Every column the server stores: what it is, why, and for how long.",
    ar="كل عمود يخزّنه الخادم: ما هو ولماذا وإلى متى.",
    ru="Каждый столбец, который хранит сервер: что это, зачем и как долго.",
)
ROWS = Text(en="rows: {count}", ar="الصفوف: {count}", ru="строк: {count}")

RUN = Text(
    en="Start a server with someone to talk to, and say what to do next.",
    ar="تشغيل خادم ومعه من يحادثك، مع بيان الخطوة التالية.",
    ru="Запустить сервер с собеседником и подсказать, что делать дальше.",
)
RUN_LOOK = Text(
    en="Its own words stand above; this looks for the cause:  {command}",
    ar="التفاصيل مذكورة أعلاه؛ ويبحث هذا عن السبب:  {command}",
    ru="Подробности выше; причину поищет:  {command}",
)
RUN_STARTING = Text(en="Starting the server", ar="يجري تشغيل الخادم", ru="Запускаю сервер")
RUN_ECHO = Text(
    en="Waking up Echo, who answers whoever writes",
    ar="يجري إيقاظ «صدى» (Echo) الذي يجيب كل من يكتب إليه",
    ru="Бужу Эхо (Echo) — отвечает каждому, кто напишет",
)
RUN_READY = Text(en="Zajil is running on {url}", ar="زاجل يعمل على {url}", ru="Zajil работает: {url}")
RUN_OPEN = Text(
    en="Open this in a browser on this machine: a name is all it asks for, and Echo is your first chat.",
    ar="افتح هذا في متصفّح على هذا الجهاز: لا يسألك إلا عن اسم، وأول محادثة لك مع Echo.",
    ru="Откройте в браузере на этой машине: нужно только имя, и первый чат — с Echo.",
)
RUN_BUILDING = Text(
    en="The web client is being built, about a minute the first time; the page shows how far it is.",
    ar="يجري بناء تطبيق الويب، نحو دقيقة في المرة الأولى؛ والصفحة تُظهر تقدّمه.",
    ru="Веб-клиент собирается, в первый раз около минуты; страница показывает, сколько осталось.",
)
RUN_BUILT = Text(
    en="The web client is ready: open the link above.",
    ar="تطبيق الويب جاهز: افتح الرابط أعلاه.",
    ru="Веб-клиент готов: откройте ссылку выше.",
)
RUN_NOT_BUILT = Text(
    en="The web client could not be built; the page says what helps. The command line works.",
    ar="تعذّر بناء تطبيق الويب؛ والصفحة تبيّن الحل. سطر الأوامر يعمل.",
    ru="Веб-клиент не собрался; на странице сказано, что поможет. Командная строка работает.",
)
RUN_PASTE = Text(
    en="Or stay in the terminal. In a second one, make yourself an account and add Echo:",
    ar="أو ابقَ في الطرفيّة: افتح واحدة ثانية، وأنشئ حسابك، وأضف Echo:",
    ru="Или останьтесь в терминале. Во втором создайте учётную запись и добавьте Echo:",
)
RUN_TALK = Text(
    en="Then talk, and watch the answers come:",
    ar="ثم تحدّث وراقب الأجوبة:",
    ru="А потом пишите и смотрите, как приходят ответы:",
)
RUN_MORE = Text(
    en="More people:",
    ar="لدعوة آخرين:",
    ru="Пригласить ещё:",
)
RUN_STOP = Text(
    en="Ctrl-C stops everything. Your data stays in {folder}.",
    ar="يوقف Ctrl-C كل شيء، وتبقى بياناتك في {folder}.",
    ru="Ctrl-C остановит всё. Данные останутся в {folder}.",
)
RUN_STOPPING = Text(en="Stopping.", ar="يجري الإيقاف.", ru="Останавливаюсь.")
RUN_STOPPED = Text(
    en="Stopped. Everything is stored; start again whenever you like.",
    ar="توقّف كل شيء وحُفظ؛ يمكنك التشغيل من جديد متى شئت.",
    ru="Остановлено. Всё сохранено; запускайте снова когда угодно.",
)
RUN_ECHO_AGAIN = Text(
    en="Echo had fallen asleep and was woken again.",
    ar="غفا Echo فأُيقظ من جديد.",
    ru="Echo задремало, разбудили.",
)

INIT = Text(
    en="Prepare a server for other people on a domain of yours.",
    ar="تجهيز خادم للآخرين على نطاق تملكه.",
    ru="Подготовить сервер для других на своём домене.",
)
DOMAIN_OPTION = Text(
    en="Domain that people will open; it becomes the server's permanent name.",
    ar="النطاق الذي سيفتحه الناس؛ ويصير اسم الخادم الدائم.",
    ru="Домен, который будут открывать; он станет постоянным именем сервера.",
)
INTERNAL_CA_OPTION = Text(
    en="Certificates of Caddy's own authority, for tests and networks without the internet.",
    ar="شهادات من سلطة Caddy الداخلية، للتجربة والشبكات المعزولة عن الإنترنت.",
    ru="Сертификаты собственного центра Caddy: для проб и сетей без интернета.",
)
ZAJIL_PORT_OPTION = Text(
    en="Port of Zajil behind Caddy, on this machine only.",
    ar="منفذ زاجل خلف Caddy، على هذا الجهاز وحده.",
    ru="Порт Zajil за Caddy, только на этой машине.",
)
HTTP_PORT_OPTION = Text(en="Caddy's HTTP port.", ar="منفذ HTTP لدى Caddy.", ru="Порт HTTP у Caddy.")
HTTPS_PORT_OPTION = Text(en="Caddy's HTTPS port.", ar="منفذ HTTPS لدى Caddy.", ru="Порт HTTPS у Caddy.")
INIT_WRITTEN = Text(en="Written: {file}", ar="كُتب الملف: {file}", ru="Записано: {file}")
INIT_NEXT = Text(
    en="Next, on this machine:",
    ar="الخطوات التالية على هذا الجهاز:",
    ru="Дальше на этой машине:",
)
INIT_SERVE = Text(
    en="Start the server (or enable deploy/zajil.service):",
    ar="شغّل الخادم (أو فعّل deploy/zajil.service):",
    ru="Запустите сервер (или включите deploy/zajil.service):",
)
INIT_CADDY = Text(
    en="Give Caddy its file:",
    ar="سلّم Caddy ملفه:",
    ru="Отдайте Caddy его файл:",
)
INIT_INVITE = Text(
    en="Invite people; the link opens {front}:",
    ar="ادعُ الناس؛ يفتح الرابط {front}:",
    ru="Приглашайте людей; ссылка откроет {front}:",
)
INIT_TRUST = Text(
    en="Every device must first trust Caddy's root certificate; docs/operate/install.md says how.",
    ar="على كل جهاز أن يثق أولًا بشهادة Caddy الجذرية؛ والطريقة في docs/operate/install.md.",
    ru="Каждое устройство сначала должно доверять корневому сертификату Caddy; как — в docs/operate/install.md.",
)

VERIFY_WEB = Text(
    en="Check that a server gives out the web client of this version.",
    ar="التحقق من أن الخادم يقدّم تطبيق الويب الخاص بهذا الإصدار.",
    ru="Проверить, что сервер отдаёт веб-клиент именно этой версии.",
)
VERIFY_URL = Text(en="Address of the page.", ar="عنوان الصفحة.", ru="Адрес страницы.")
MANIFEST_OPTION = Text(
    en="Manifest to compare with; without it, that of this installation.",
    ar="ملف البيان للمقارنة؛ وإن غاب فبيان هذا التثبيت.",
    ru="Список файлов для сравнения; без него — из этой установки.",
)
VERIFY_BUILD = Text(en="Build {build}", ar="البناء {build}", ru="Сборка {build}")
VERIFY_SAME = Text(
    en="Every file is the same ({count}).",
    ar="كل الملفات مطابقة ({count}).",
    ru="Все файлы совпадают ({count}).",
)
FINDINGS: dict[str, Text] = {
    "differs": Text(en="differs:", ar="مختلف:", ru="отличается:"),
    "missing": Text(en="missing:", ar="مفقود:", ru="нет на сервере:"),
    "extra": Text(en="not of this version:", ar="ليس من هذا الإصدار:", ru="не из этой версии:"),
}

SERVER_COMPLAINTS: dict[str, Complaint] = {
    "no-manifest": Complaint(
        Text(
            en="There is no manifest of a web client in {file}.",
            ar="لا يوجد بيان لتطبيق الويب في {file}.",
            ru="В {file} нет списка файлов веб-клиента.",
        ),
        Text(
            en="Name a release's web-manifest.json with --manifest FILE, or build the client:  make web",
            ar="حدّد ملف web-manifest.json لإصدار بالخيار --manifest FILE، أو ابنِ التطبيق:  make web",
            ru="Укажите web-manifest.json выпуска: --manifest FILE, или соберите клиент:  make web",
        ),
    ),
    "bad-domain": Complaint(
        Text(
            en="This is not a domain name: {name}.",
            ar="هذا ليس اسم نطاق: {name}.",
            ru="Это не доменное имя: {name}.",
        ),
        Text(
            en="Give the name alone, without https://:  --domain chat.example",
            ar="اكتب الاسم وحده دون https://:  --domain chat.example",
            ru="Укажите только имя, без https://:  --domain chat.example",
        ),
    ),
    "setup-exists": Complaint(
        Text(
            en="{file} exists already and is left as it is.",
            ar="الملف {file} موجود وبقي كما هو.",
            ru="Файл {file} уже есть, он не изменён.",
        ),
        Text(
            en="Edit it, or move it away first.",
            ar="عدّله، أو انقله من مكانه أولًا.",
            ru="Измените его или сначала уберите.",
        ),
    ),
}
