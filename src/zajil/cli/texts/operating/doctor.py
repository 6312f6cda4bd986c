"""What `doctor --data` found of a server: what it means and, where something is wrong, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

if TYPE_CHECKING:
    from zajil.server.doctor.finding import FindingCode

DATA_OPTION = Text(
    en="Check the server in this folder, not this device.",
    ar="فحص الخادم في هذا المجلّد، لا هذا الجهاز.",
    ru="Проверить сервер в этой папке, а не это устройство.",
)
HOST_OPTION = Text(
    en="With --data: the address that the server was started with.",
    ar="مع --data: العنوان الذي شُغّل به الخادم.",
    ru="Вместе с --data: адрес, с которым запущен сервер.",
)
PORT_OPTION = Text(
    en="With --data: the port that the server was started with.",
    ar="مع --data: المنفذ الذي شُغّل به الخادم.",
    ru="Вместе с --data: порт, с которым запущен сервер.",
)
NEEDS_DATA = Text(
    en="--host and --port go with --data.",
    ar="لا يُعطى --host و--port إلا مع --data.",
    ru="--host и --port указывают вместе с --data.",
)

AWAY = Text(
    en="Start PostgreSQL, and look at the network and at host, port, user and passfile= of the address. Its data is "
    "still there: restore nothing.",
    ar="شغّل PostgreSQL، وتحقّق من الشبكة ومن المضيف والمنفذ والمستخدم و passfile= في العنوان. "
    "بياناته باقية: لا تستعِد شيئًا.",
    ru="Запустите PostgreSQL; проверьте сеть, а также хост, порт, пользователя и passfile= в адресе базы. "
    "Данные целы: ничего не восстанавливайте.",
)

LOOK_AGAIN = Text(
    en="Do what stands below each ✗, then look again:",
    ar="نفّذ ما كُتب تحت كل ✗ ثم افحص من جديد:",
    ru="Сделайте то, что написано под каждым ✗, и проверьте снова:",
)

FINDINGS: dict[FindingCode, Complaint] = {
    "settings-good": Complaint(
        Text(
            en="The settings can be read, and what they need is installed: {name}.",
            ar="الإعدادات مقروءة وما تحتاجه مثبّت: {name}.",
            ru="Настройки читаются, всё нужное для них установлено: {name}.",
        )
    ),
    "settings-bad": Complaint(
        Text(
            en="The server cannot start with these settings: {remark}.",
            ar="لا يستطيع الخادم العمل بهذه الإعدادات: {remark}.",
            ru="С такими настройками сервер не запустится: {remark}.",
        ),
        Text(
            en="Mend zajil.toml. The other checks need it.",
            ar="أصلح zajil.toml؛ فالفحوص الأخرى تحتاجه.",
            ru="Исправьте zajil.toml: остальным проверкам это нужно.",
        ),
    ),
    "settings-extra": Complaint(
        Text(
            en="{setting} in zajil.toml needs a part of Zajil that is not installed: the server cannot start.",
            ar="يحتاج {setting} في zajil.toml إلى جزء من زاجل غير مثبّت: لا يستطيع الخادم العمل.",
            ru="Для {setting} в zajil.toml нужна часть Zajil, которая не установлена: сервер не запустится.",
        ),
        Text(en="Install it:", ar="ثبّته:", ru="Установите её:"),
    ),
    "settings-password": Complaint(
        Text(
            en="{setting} in zajil.toml has a password in it.",
            ar="في {setting} من zajil.toml كلمة مرور.",
            ru="В {setting} файла zajil.toml стоит пароль.",
        ),
        Text(
            en="No backup is made so: it belongs in a file, mode 0600, that passfile= in database, blobs_key_file or "
            "moderation.judge_key_file names (docs/operate/running.md).",
            ar="لا تُصنع نسخة احتياطية هكذا: مكانها ملف نمطه 0600 يسمّيه passfile= في database أو blobs_key_file أو "
            "moderation.judge_key_file (docs/operate/running.md).",
            ru="Копия так не делается: его место в файле с режимом 0600, который называют passfile= в database, "
            "blobs_key_file или moderation.judge_key_file (docs/operate/running.md).",
        ),
    ),
    "files-private": Complaint(
        Text(
            en="All files are the server's own, and nobody else can read its keys.",
            ar="كل الملفات للخادم وحده، ولا يقرأ مفاتيحه سواه.",
            ru="Все файлы принадлежат серверу, и ключей больше никто не прочтёт.",
        )
    ),
    "files-open": Complaint(
        Text(
            en="Others on this machine can get at {file}.",
            ar="يستطيع غيرك على هذا الجهاز الوصول إلى {file}.",
            ru="Другие пользователи этой машины могут добраться до {file}.",
        ),
        Text(en="Shut them out:", ar="امنعهم:", ru="Закройте доступ:"),
    ),
    "files-foreign": Complaint(
        Text(
            en="{file} does not belong to {user}, whose folder it is in: the server may fail to open it.",
            ar="{file} ليس ملكًا للمستخدم {user} صاحب المجلّد: قد يعجز الخادم عن فتحه.",
            ru="{file} принадлежит не {user}, чья это папка: сервер может не открыть файл.",
        ),
        Text(
            en="A command was run as another user, often root. Give it back, and use  sudo -u {user} zajil  from now:",
            ar="نُفّذ أمر بحساب آخر، وكثيرًا ما يكون root. أعِد الملكية، واستعمل بعدها  sudo -u {user} zajil  دائمًا:",
            ru="Команду выполнили от другого имени, часто root. Верните файлы и впредь пишите  sudo -u {user} zajil:",
        ),
    ),
    "files-missing": Complaint(
        Text(
            en="{file} is missing, which zajil.toml names: the server cannot start, or not do what it is for.",
            ar="الملف {file} المذكور في zajil.toml مفقود: فلا يعمل الخادم أو لا يؤدي ما الملف له.",
            ru="Нет файла {file}, названного в zajil.toml: сервер не запустится или не сделает того, для чего он.",
        ),
        Text(
            en="Write it anew with mode 0600, or put it back from the FILE.keys of zajil backup.",
            ar="اكتبه من جديد بالنمط 0600، أو أعِده من FILE.keys الذي صنعه zajil backup.",
            ru="Создайте его заново с режимом 0600 или верните из FILE.keys команды zajil backup.",
        ),
    ),
    "database-good": Complaint(
        Text(
            en="The database is of this version (schema {schema}).",
            ar="قاعدة البيانات من هذا الإصدار (المخطط {schema}).",
            ru="База данных от этой версии (схема {schema}).",
        )
    ),
    "database-none": Complaint(
        Text(
            en="There is no database yet; the first start makes it.",
            ar="لا توجد قاعدة بيانات بعد؛ ينشئها أول تشغيل.",
            ru="Базы данных ещё нет; её создаст первый запуск.",
        )
    ),
    "database-old": Complaint(
        Text(
            en="An earlier version made the database (schema {schema}; this version has {newest}).",
            ar="أنشأ إصدار سابق قاعدة البيانات (المخطط {schema}، ولهذا الإصدار {newest}).",
            ru="База данных от более ранней версии (схема {schema}, у этой — {newest}).",
        ),
        Text(
            en="Back it up, then start the server, which brings it up to date. The backup is the only way back.",
            ar="انسخها احتياطيًّا ثم شغّل الخادم: فهو يحدّثها. ولا رجوع إلا بالنسخة.",
            ru="Сделайте резервную копию и запустите сервер: он обновит базу. Назад — только из копии.",
        ),
    ),
    "database-newer": Complaint(
        Text(
            en="A newer version made the database (schema {schema}; this version knows {newest}).",
            ar="أنشأ إصدار أحدث قاعدة البيانات (المخطط {schema}، وهذا الإصدار يعرف {newest}).",
            ru="База данных от более новой версии (схема {schema}, эта знает {newest}).",
        ),
        Text(
            en="Install that version again, or restore a backup from before.",
            ar="أعِد تثبيت ذلك الإصدار، أو استعِد نسخة أقدم.",
            ru="Верните ту версию или восстановите более раннюю копию.",
        ),
    ),
    "database-foreign": Complaint(
        Text(
            en="{file} is lost, or not the one that the database was used with.",
            ar="الملف {file} مفقود أو ليس هو الذي استُعملت معه قاعدة البيانات.",
            ru="{file} пропал или не тот, с которым работала база данных.",
        ),
        Text(
            en="The server does not start so. Put back the one from the newest FILE.keys of zajil backup.",
            ar="لن يعمل الخادم هكذا. أعِد الملف من أحدث FILE.keys صنعه zajil backup.",
            ru="Так сервер не запустится. Верните файл из новейшего FILE.keys команды zajil backup.",
        ),
    ),
    "database-untold": Complaint(
        Text(
            en="Moderators' decisions of which this server can tell nobody: {n}. They are damaged, or sealed to a key "
            "that it does not have.",
            ar="قرارات للمشرفين لا يستطيع هذا الخادم إبلاغ أصحابها بها: {n}. إمّا أنها تالفة أو مختومة لمفتاح ليس عنده.",
            ru="Решения модераторов, о которых этот сервер не может сообщить: {n}. Они повреждены или запечатаны "
            "ключом, которого у него нет.",
        ),
        Text(
            en="Put back moderators.sealed from the FILE.keys of that time and unlock it:  zajil moderation private "
            "unlock. Where there is none they are forgotten after 90 days (docs/operate/moderation.md).",
            ar="أعِد moderators.sealed من FILE.keys لذلك الوقت وافتحه:  zajil moderation private unlock. وإن لم يوجد "
            "نُسيت القرارات بعد 90 يومًا (docs/operate/moderation.md).",
            ru="Верните moderators.sealed из FILE.keys того времени и откройте его:  zajil moderation private unlock. "
            "Если файла нет, они забудутся через 90 дней (docs/operate/moderation.md).",
        ),
    ),
    "database-unread": Complaint(
        Text(
            en="The database cannot be read: {remark}.",
            ar="تتعذّر قراءة قاعدة البيانات: {remark}.",
            ru="База данных не читается: {remark}.",
        ),
        Text(
            en="Run this as the server's user; start PostgreSQL if that is it. If damaged: restore a backup elsewhere.",
            ar="نفّذ هذا بحساب الخادم، وشغّل PostgreSQL إن كان هو. وإن تلف الملف فاستعِد نسخة في مكان آخر.",
            ru="Выполните это от имени сервера; запустите PostgreSQL, если база там. Файл испорчен — верните копию.",
        ),
    ),
    "database-away": Complaint(
        Text(
            en="PostgreSQL at {place} does not answer, or does not let the server in: {remark}.",
            ar="لا يجيب PostgreSQL على {place} أو لا يسمح للخادم بالدخول: {remark}.",
            ru="PostgreSQL по адресу {place} не отвечает или не пускает сервер: {remark}.",
        ),
        AWAY,
    ),
    "clock-good": Complaint(
        Text(
            en="Nothing was stored at a time that is still to come.",
            ar="لم يُخزَّن شيء بوقت لم يحن بعد.",
            ru="Записей из будущего нет.",
        )
    ),
    "clock-behind": Complaint(
        Text(
            en="This clock was later before: messages are dated {seconds} s from now.",
            ar="كانت هذه الساعة متقدّمة من قبل: رسائل مؤرّخة بعد {seconds} ثانية من الآن.",
            ru="Раньше эти часы показывали больше: есть сообщения из будущего, через {seconds} с.",
        ),
        Text(
            en="Set it by the network:  timedatectl set-ntp true. Logins, limits and deletion go by this clock.",
            ar="اضبطها من الشبكة:  timedatectl set-ntp true. فالدخول والحدود والحذف تتبع هذه الساعة.",
            ru="Включите сверку по сети:  timedatectl set-ntp true. По этим часам идут вход, ограничения и удаление.",
        ),
    ),
    "clock-ahead": Complaint(
        Text(
            en="This clock is ahead, or no server ran: days since what is over was last deleted: {days}.",
            ar="هذه الساعة متقدّمة، أو لم يعمل خادم: الأيام منذ آخر حذف لما انتهت مدّته: {days}.",
            ru="Эти часы спешат, или сервер не работал: дней с последнего удаления того, что истекло: {days}.",
        ),
        Text(
            en="Look at  date  and set it:  timedatectl set-ntp true. A server deletes nothing in its next hour.",
            ar="انظر  date  واضبطها:  timedatectl set-ntp true. فالخادم لا يحذف شيئًا في ساعته الآتية.",
            ru="Проверьте  date  и сверьте:  timedatectl set-ntp true. Ближайший час сервер ничего не удаляет.",
        ),
    ),
    "disk-roomy": Complaint(
        Text(
            en="There is room on the disk: {free} MiB.",
            ar="في القرص متّسع: {free} ميبيبايت.",
            ru="Место на диске есть: {free} МиБ.",
        )
    ),
    "disk-full": Complaint(
        Text(
            en="The disk is nearly full: {free} MiB are left of the {room} that there should be.",
            ar="القرص يوشك أن يمتلئ: بقي {free} ميبيبايت، والمطلوب {room}.",
            ru="Диск почти полон: осталось {free} МиБ, а нужно {room}.",
        ),
        Text(
            en="Make room, or lower attachments_max_bytes. With no room left no message is taken.",
            ar="أفسح مكانًا أو اخفض attachments_max_bytes. فإن امتلأ لم تُقبل رسالة.",
            ru="Освободите место или уменьшите attachments_max_bytes. На полном диске ничего не принимается.",
        ),
    ),
    "disk-network": Complaint(
        Text(
            en="The folder is on a network file system ({kind}).",
            ar="المجلّد على نظام ملفات شبكي ({kind}).",
            ru="Папка лежит на сетевой файловой системе ({kind}).",
        ),
        Text(
            en="Locks are not to be trusted there, and SQLite can be damaged. Use a local disk, or PostgreSQL.",
            ar="لا يوثق بالأقفال هناك، وقد تتلف قاعدة SQLite. استعمل قرصًا محليًّا أو PostgreSQL.",
            ru="Блокировкам там верить нельзя, и SQLite может испортиться. Нужен местный диск или PostgreSQL.",
        ),
    ),
    "backup-fresh": Complaint(
        Text(
            en="Days since the last backup: {days}.",
            ar="الأيام منذ آخر نسخة احتياطية: {days}.",
            ru="Дней с последней резервной копии: {days}.",
        )
    ),
    "backup-old": Complaint(
        Text(
            en="Days since the last backup: {days}.",
            ar="الأيام منذ آخر نسخة احتياطية: {days}.",
            ru="Дней с последней резервной копии: {days}.",
        ),
        Text(
            en="Make one each day, by a timer:",
            ar="انسخ كل يوم بمؤقّت:",
            ru="Делайте её каждый день по таймеру:",
        ),
    ),
    "backup-none": Complaint(
        Text(
            en="zajil backup never made a backup of this server.",
            ar="لم يصنع zajil backup نسخة لهذا الخادم قط.",
            ru="zajil backup ещё ни разу не делал копию этого сервера.",
        ),
        Text(
            en="Make one, and keep its keys elsewhere:",
            ar="اصنع نسخة واحفظ مفاتيحها في مكان آخر:",
            ru="Сделайте её и храните ключи отдельно:",
        ),
    ),
    "server-answers": Complaint(
        Text(
            en="The server runs and answers at {address}.",
            ar="الخادم يعمل ويجيب على {address}.",
            ru="Сервер работает и отвечает: {address}.",
        )
    ),
    "server-stopped": Complaint(
        Text(
            en="No server runs on this folder, and {address} is free for it.",
            ar="لا خادم يعمل على هذا المجلّد، والعنوان {address} متاح له.",
            ru="На этой папке сервер не запущен; адрес {address} для него свободен.",
        )
    ),
    "server-silent": Complaint(
        Text(
            en="A server holds this folder, but none answers at {address}.",
            ar="يمسك خادم بهذا المجلّد، لكن لا أحد يجيب على {address}.",
            ru="Папка занята сервером, но по адресу {address} никто не отвечает.",
        ),
        Text(
            en="Was it started with another --port or --host than zajil.toml says? Give them here, too. Else it is "
            "stuck: restart it.",
            ar="أشُغّل بمنفذ --port أو عنوان --host غير المذكور في zajil.toml؟ اذكرهما هنا أيضًا. وإلا فهو عالق: "
            "أعد تشغيله.",
            ru="Его запустили с другим --port или --host, чем в zajil.toml? Укажите их и здесь. Иначе он завис: "
            "перезапустите.",
        ),
    ),
    "port-taken": Complaint(
        Text(
            en="Something else answers at {address}; the server cannot start there.",
            ar="شيء آخر يجيب على {address}؛ فلا يستطيع الخادم العمل هناك.",
            ru="По адресу {address} отвечает что-то другое; сервер там не запустится.",
        ),
        Text(
            en="Find it, and end it or set another port in zajil.toml:  ss -ltnp sport = :{port}",
            ar="ابحث عنه وأوقفه، أو غيّر المنفذ في zajil.toml:  ss -ltnp sport = :{port}",
            ru="Найдите это и завершите или смените порт в zajil.toml:  ss -ltnp sport = :{port}",
        ),
    ),
    "open-files-good": Complaint(
        Text(
            en="The server may have enough files and connections open: {limit}.",
            ar="حد الملفات والاتصالات المفتوحة للخادم كافٍ: {limit}.",
            ru="Серверу хватает открытых файлов и соединений: {limit}.",
        )
    ),
    "open-files-low": Complaint(
        Text(
            en="The server may have {limit} files and connections open; its settings allow people {need}.",
            ar="للخادم أن يفتح {limit} من الملفات والاتصالات، وإعداداته تسمح للناس بعدد {need}.",
            ru="Серверу разрешено открыть {limit} файлов и соединений, а его настройки обещают {need}.",
        ),
        Text(
            en="Lower connections_max in zajil.toml to {fits}, or raise the limit to {need}: LimitNOFILE={need} in the "
            "service, or  ulimit -n {need}  as root before zajil serve.",
            ar="اخفض connections_max في zajil.toml إلى {fits}، أو ارفع الحد إلى {need}: ‏LimitNOFILE={need} في الخدمة، "
            "أو  ulimit -n {need}  بحساب root قبل zajil serve.",
            ru="Уменьшите connections_max в zajil.toml до {fits} или поднимите предел до {need}: LimitNOFILE={need} в "
            "службе или  ulimit -n {need}  от имени root перед zajil serve.",
        ),
    ),
    "front-none": Complaint(
        Text(
            en="No address for people is set (front): for this machine alone that is fine.",
            ar="لم يُضبط عنوان للناس (front): وهذا يكفي لهذا الجهاز وحده.",
            ru="Адрес для людей (front) не задан: только для этой машины это нормально.",
        )
    ),
    "front-good": Complaint(
        Text(
            en="People reach this server at {front}, over WebSockets too.",
            ar="يصل الناس إلى هذا الخادم على {front}، وعبر WebSocket أيضًا.",
            ru="Люди попадают на этот сервер по адресу {front}, в том числе через WebSocket.",
        )
    ),
    "front-unreachable": Complaint(
        Text(
            en="{front} does not lead to this server: {remark}.",
            ar="{front} لا يصل إلى هذا الخادم: {remark}.",
            ru="{front} не ведёт на этот сервер: {remark}.",
        ),
        Text(
            en="Look whether the server and the proxy run, the name points here, and ports 80 and 443 are open.",
            ar="تحقّق من أن الخادم والوكيل يعملان، وأن الاسم يشير إلى هنا، وأن المنفذين 80 و443 مفتوحان.",
            ru="Проверьте: сервер и прокси работают, имя указывает сюда, порты 80 и 443 открыты.",
        ),
    ),
    "front-certificate": Complaint(
        Text(
            en="The certificate of {front} is refused: {remark}.",
            ar="شهادة {front} مرفوضة: {remark}.",
            ru="Сертификат {front} не принят: {remark}.",
        ),
        Text(
            en="Look at the log of the proxy: it renews by ports 80 and 443, for the name in its configuration. "
            "With an authority of its own, name the root:  SSL_CERT_FILE=root.crt",
            ar="انظر في سجلّ الوكيل: فهو يجدّد عبر المنفذين 80 و443 للاسم المذكور في إعداده. "
            "وإن كانت له هيئة خاصة فسمِّ شهادتها الجذرية:  SSL_CERT_FILE=root.crt",
            ru="Посмотрите журнал прокси: он продлевает сертификат через порты 80 и 443 на имя из своих настроек. "
            "Со своим центром сертификации назовите корень:  SSL_CERT_FILE=root.crt",
        ),
    ),
    "front-expiring": Complaint(
        Text(
            en="The certificate of {front} ends soon; days left: {days}.",
            ar="شهادة {front} تنتهي قريبًا؛ الأيام الباقية: {days}.",
            ru="Сертификат {front} скоро истечёт; осталось дней: {days}.",
        ),
        Text(
            en="It should have been renewed: look at the log of the proxy.",
            ar="كان ينبغي أن تُجدَّد: انظر في سجلّ الوكيل.",
            ru="Он должен был продлиться сам: посмотрите журнал прокси.",
        ),
    ),
    "front-other": Complaint(
        Text(
            en="At {front} answers another server: {name}.",
            ar="يجيب على {front} خادم آخر: {name}.",
            ru="По адресу {front} отвечает другой сервер: {name}.",
        ),
        Text(
            en="The proxy passes on to another place, or nowhere. server_name is for ever: mend the proxy, or front.",
            ar="يمرّر الوكيل إلى مكان آخر أو لا يمرّر. وserver_name دائم: أصلح الوكيل أو front.",
            ru="Прокси передаёт не туда или никуда. server_name не меняется никогда: исправьте прокси или front.",
        ),
    ),
    "front-no-sockets": Complaint(
        Text(
            en="The proxy at {front} passes no WebSockets on: people get messages late.",
            ar="الوكيل على {front} لا يمرّر WebSocket: فتصل الرسائل متأخرة.",
            ru="Прокси {front} не пропускает WebSocket: сообщения доходят с задержкой.",
        ),
        Text(
            en="It must pass the headers Upgrade and Connection on. For nginx see docs/operate/front.md.",
            ar="عليه أن يمرّر الترويستين Upgrade وConnection. وعن nginx انظر docs/operate/front.md.",
            ru="Он должен передавать заголовки Upgrade и Connection. Про nginx: docs/operate/front.md.",
        ),
    ),
    "front-metrics": Complaint(
        Text(
            en="Everybody can read the server's figures at {front}/metrics.",
            ar="يستطيع الجميع قراءة أرقام الخادم على {front}/metrics.",
            ru="Показатели сервера открыты всем: {front}/metrics.",
        ),
        Text(
            en="The proxy must pass on to the server's port alone, never to metrics_port.",
            ar="على الوكيل أن يمرّر إلى منفذ الخادم وحده، لا إلى metrics_port.",
            ru="Прокси должен передавать только на порт сервера, а не на metrics_port.",
        ),
    ),
    "proxy-trusted": Complaint(
        Text(
            en="Limits count people by their own addresses.",
            ar="تُحسب الحدود على عناوين الناس أنفسهم.",
            ru="Ограничения считаются по адресам самих людей.",
        )
    ),
    "proxy-unknown": Complaint(
        Text(
            en="All people share one limit: the proxy in front is not named in trusted_proxies.",
            ar="يتقاسم الجميع حدًّا واحدًا: الوكيل الأمامي غير مذكور في trusted_proxies.",
            ru="У всех людей одно ограничение на всех: прокси впереди не назван в trusted_proxies.",
        ),
        Text(
            en='In zajil.toml:  trusted_proxies = ["127.0.0.1", "::1"], and the proxy sets X-Forwarded-For.',
            ar='في zajil.toml:  trusted_proxies = ["127.0.0.1", "::1"]، ويضبط الوكيل X-Forwarded-For.',
            ru='В zajil.toml:  trusted_proxies = ["127.0.0.1", "::1"], и прокси задаёт X-Forwarded-For.',
        ),
    ),
    "proxy-passed": Complaint(
        Text(
            en="The server listens on {host}: people can come past the proxy, without TLS.",
            ar="ينصت الخادم على {host}: يمكن للناس تجاوز الوكيل دون TLS.",
            ru="Сервер слушает {host}: можно зайти мимо прокси, без TLS.",
        ),
        Text(
            en='In zajil.toml:  host = "127.0.0.1"',
            ar='في zajil.toml:  host = "127.0.0.1"',
            ru='В zajil.toml:  host = "127.0.0.1"',
        ),
    ),
}
