"""The server's commands, `zajil run`, and the data inventory."""

from __future__ import annotations

from zajil.cli.texts.text import Text

SERVE = Text(en="Run a server.", ar="تشغيل خادم.", ru="Запустить сервер.")
HOST_OPTION = Text(en="Address to listen on.", ar="العنوان الذي يُنصت عليه.", ru="Адрес, на котором слушать.")
PORT_OPTION = Text(
    en="Port to listen on; 0 takes a free one.",
    ar="المنفذ؛ والقيمة 0 تختار منفذًا حرًّا.",
    ru="Порт; 0 — взять свободный.",
)
REGISTRATION_OPTION = Text(
    en="Who may register: invite or open.",
    ar="من يحق له التسجيل: invite بدعوة، أو open للجميع.",
    ru="Кто может регистрироваться: invite — по приглашению, open — все.",
)
ADMIN = Text(en="Look after a server.", ar="إدارة خادم.", ru="Обслуживание сервера.")
ADMIN_INVITE = Text(
    en="Print one invite code, also while the server runs.",
    ar="طباعة رمز دعوة واحد، حتى والخادم يعمل.",
    ru="Выдать код приглашения, можно при работающем сервере.",
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
RUN_STARTING = Text(en="Starting the server", ar="يجري تشغيل الخادم", ru="Запускаю сервер")
RUN_ECHO = Text(
    en="Waking up Echo, who answers whoever writes",
    ar="يجري إيقاظ «صدى» (Echo) الذي يجيب كل من يكتب إليه",
    ru="Бужу Эхо (Echo) — отвечает каждому, кто напишет",
)
RUN_READY = Text(en="Zajil is running on {url}", ar="زاجل يعمل على {url}", ru="Zajil работает: {url}")
RUN_PASTE = Text(
    en="In a second terminal, make yourself an account and add Echo:",
    ar="في طرفيّة ثانية، أنشئ حسابك وأضف Echo:",
    ru="Во втором терминале создайте учётную запись и добавьте Echo:",
)
RUN_TALK = Text(
    en="Then talk, and watch the answers come:",
    ar="ثم تحدّث وراقب الأجوبة:",
    ru="А потом пишите и смотрите, как приходят ответы:",
)
RUN_INVITE = Text(
    en="Invite code for one person: {invite}",
    ar="رمز دعوة لشخص واحد: {invite}",
    ru="Код приглашения на одного человека: {invite}",
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
