"""`backup` and `restore`."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.operating.doctor import AWAY
from zajil.cli.texts.text import Text

BACKUP = Text(
    en="Back up a server, also while it runs.",
    ar="نسخ خادم احتياطيًّا، حتى وهو يعمل.",
    ru="Сделать резервную копию сервера, можно при работающем.",
)
RESTORE = Text(
    en="Put a server's backup into an empty folder, or check it.",
    ar="استعادة نسخة احتياطية لخادم إلى مجلّد فارغ، أو فحصها.",
    ru="Восстановить сервер из резервной копии в пустую папку или проверить её.",
)
ARCHIVE_TO = Text(
    en="File to write, or a folder (end it with /) for one with the day's name.",
    ar="الملف الذي يُكتب، أو مجلّد (ينتهي بـ /) يوضع فيه ملف باسم اليوم.",
    ru="Файл, который записать, или папка (с / на конце) для файла с датой в имени.",
)
ARCHIVE_FROM = Text(en="The backup.", ar="النسخة الاحتياطية.", ru="Резервная копия.")
KEYS_TO = Text(
    en="File or folder (end it with /) for the keys, instead of FILE.keys.",
    ar="ملف أو مجلّد (ينتهي بـ /) للمفاتيح، بدل FILE.keys.",
    ru="Файл или папка (с / на конце) для ключей вместо FILE.keys.",
)
KEYS_FROM = Text(
    en="Where the keys are, instead of FILE.keys.",
    ar="أين توجد المفاتيح، إن لم تكن في FILE.keys.",
    ru="Где лежат ключи, если не в FILE.keys.",
)
NO_ATTACHMENTS = Text(
    en="Leave out the files people sent.",
    ar="دون الملفات التي أرسلها الناس.",
    ru="Без файлов, которые присылали люди.",
)
CHECK = Text(
    en="Only read both files to their ends; nothing is written.",
    ar="قراءة الملفين إلى آخرهما فقط دون كتابة شيء.",
    ru="Только прочитать оба файла до конца, ничего не записывая.",
)
UNPROVEN = Text(
    en="Take a backup of an earlier version too, which proves nothing and may be forged.",
    ar="قبول نسخة من إصدار سابق أيضًا، وهي لا تُثبت شيئًا وقد تكون مزوّرة.",
    ru="Принять и копию прежней версии: она ничего не доказывает и может быть подделана.",
)
CLOCK_RIGHT = Text(
    en="This machine's clock is right; the one that made the backup was ahead.",
    ar="ساعة هذا الجهاز صحيحة، وكانت ساعة الجهاز الذي صنع النسخة متقدّمة.",
    ru="Часы этой машины верны, спешили те, по которым сделана копия.",
)
DATABASE = Text(
    en="Empty database of PostgreSQL to fill; '' for a file of SQLite. Else as the backup says.",
    ar="قاعدة PostgreSQL فارغة تُملأ؛ و '' لملف SQLite. وإلا فكما في النسخة.",
    ru="Пустая база PostgreSQL, которую заполнить; '' — файл SQLite. Иначе как в копии.",
)
MOVE = Text(
    en="Move a stopped server's database from SQLite to PostgreSQL.",
    ar="نقل قاعدة بيانات خادم متوقف من SQLite إلى PostgreSQL.",
    ru="Перенести базу остановленного сервера из SQLite в PostgreSQL.",
)
MOVE_TO = Text(
    en="An empty database: postgresql://USER@HOST/NAME.",
    ar="قاعدة فارغة: postgresql://USER@HOST/NAME.",
    ru="Пустая база: postgresql://USER@HOST/NAME.",
)
RENUMBER = Text(
    en="Number anew on a stopped server whose database lost its last commits.",
    ar="إعادة الترقيم في خادم متوقف فقدت قاعدة بياناته آخر ما كُتب فيها.",
    ru="Перенумеровать на остановленном сервере, чья база потеряла последние записи.",
)
RENUMBERED = Text(
    en="New messages get numbers that no client has seen. Everybody logs in again by themselves.",
    ar="تأخذ الرسائل الجديدة أرقامًا لم يرها أي عميل، ويسجّل الجميع الدخول من جديد تلقائيًّا.",
    ru="Новые сообщения получат номера, которых не видел ни один клиент. Все войдут заново сами.",
)
MOVED = Text(
    en="Rows moved: {rows}. The server uses the new database from its next start. Delete {file} once all is well.",
    ar="الصفوف المنقولة: {rows}. يستعمل الخادم القاعدة الجديدة عند تشغيله التالي. احذف {file} متى اطمأننت.",
    ru="Перенесено строк: {rows}. Со следующего запуска сервер работает с новой базой. Убедитесь и удалите {file}.",
)
WRITTEN = Text(
    en="{server}: {file}: {bytes} bytes, as of {time}; rows: {rows}, files: {attachments}",
    ar="{server}: {file}: {bytes} بايت، حتى {time}؛ الصفوف: {rows}، الملفات: {attachments}",
    ru="{server}: {file}: байт — {bytes}, на {time}; строк: {rows}, файлов: {attachments}",
)
KEYS_WRITTEN = Text(
    en="{file}: the keys. Keep them apart: whoever has both files reads what the server could read and can pose as it.",
    ar="{file}: المفاتيح. احفظها بعيدًا عن النسخة: من يملك الملفين يقرأ ما كان الخادم يقرؤه ويستطيع انتحاله.",
    ru="{file}: ключи. Храните их отдельно: с обоими файлами читают то, что мог читать сервер, и выдают себя за него.",
)
SOUND = Text(
    en="Both files are whole: {server}, as of {time}; rows: {rows}, files: {attachments}",
    ar="الملفان سليمان: {server}، حتى {time}؛ الصفوف: {rows}، الملفات: {attachments}",
    ru="Оба файла целы: {server}, на {time}; строк: {rows}, файлов: {attachments}",
)
RESTORED = Text(
    en="{server} is back as of {time}; rows: {rows}, files: {attachments}",
    ar="عاد {server} كما كان في {time}؛ الصفوف: {rows}، الملفات: {attachments}",
    ru="{server} восстановлен на {time}; строк: {rows}, файлов: {attachments}",
)
NEXT = Text(
    en="Never let the old server run again beside this one. Start it:  {command}",
    ar="لا تُشغّل الخادم القديم بعد الآن مع هذا. لتشغيله:  {command}",
    ru="Старый сервер рядом с этим больше не запускайте. Запуск:  {command}",
)

BACKUP_COMPLAINTS: dict[str, Complaint] = {
    "backup-exists": Complaint(
        Text(
            en="{file} exists already and is left as it is.",
            ar="الملف {file} موجود وبقي كما هو.",
            ru="Файл {file} уже есть, он не изменён.",
        ),
        Text(
            en="Name another file, or a folder.",
            ar="سمِّ ملفًّا آخر أو مجلّدًا.",
            ru="Укажите другой файл или папку.",
        ),
    ),
    "backup-no-folder": Complaint(
        Text(
            en="There is no folder {file}; no backup was made.",
            ar="لا يوجد المجلّد {file}؛ ولم تُصنع نسخة.",
            ru="Папки {file} нет; копия не сделана.",
        ),
        Text(
            en="If its disk is mounted, make it for the server's user:  sudo install -d -o zajil -m 700 DIR",
            ar="إن كان قرصه موصولًا فأنشئه لمستخدم الخادم:  sudo install -d -o zajil -m 700 DIR",
            ru="Если её диск смонтирован, создайте её для пользователя сервера:  sudo install -d -o zajil -m 700 DIR",
        ),
    ),
    "backup-unreadable": Complaint(
        Text(
            en="The server's data cannot be read.",
            ar="تتعذّر قراءة بيانات الخادم.",
            ru="Не удаётся прочитать данные сервера.",
        ),
        Text(
            en="Name the server's folder with --data DIR, and run this as the user whose server it is.",
            ar="سمِّ مجلّد الخادم بالخيار --data DIR، ونفّذ هذا بحساب المستخدم الذي يعمل به الخادم.",
            ru="Укажите папку сервера: --data DIR, и выполняйте от имени пользователя, под которым он работает.",
        ),
    ),
    "backup-unwritable": Complaint(
        Text(
            en="The backup could not be written whole; nothing of it was kept.",
            ar="تعذّرت كتابة النسخة كاملة؛ ولم يبقَ منها شيء.",
            ru="Копию не удалось записать целиком; от неё ничего не осталось.",
        ),
        Text(en="Try again.", ar="أعد المحاولة.", ru="Повторите."),
    ),
    "backup-damaged": Complaint(
        Text(
            en="This is no whole backup; nothing was restored.",
            ar="هذه ليست نسخة احتياطية سليمة؛ ولم يُستعد شيء.",
            ru="Это не целая резервная копия; ничего не восстановлено.",
        ),
        Text(
            en="Fetch the file again, or take an older backup.",
            ar="أحضر الملف من جديد، أو خذ نسخة أقدم.",
            ru="Скопируйте файл ещё раз или возьмите копию постарше.",
        ),
    ),
    "backup-forged": Complaint(
        Text(
            en="Whoever made or changed this backup did not have the server's keys; nothing was restored.",
            ar="من صنع هذه النسخة أو غيّرها لم تكن لديه مفاتيح الخادم؛ ولم يُستعد شيء.",
            ru="Эту копию сделал или изменил тот, у кого не было ключей сервера; ничего не восстановлено.",
        ),
        Text(
            en="Take another copy of it, and find out who could write where this one lay.",
            ar="خذ نسخة أخرى منها، وتحقّق ممن كان يستطيع الكتابة حيث كانت هذه.",
            ru="Возьмите другой экземпляр и выясните, кто мог писать туда, где лежал этот.",
        ),
    ),
    "backup-unproven": Complaint(
        Text(
            en="This backup is of an earlier version's form: nothing shows whether somebody changed or forged it.",
            ar="هذه النسخة بصيغة إصدار سابق: لا شيء فيها يُظهر هل غيّرها أحد أو زوّرها.",
            ru="Копия в форме прежней версии: по ней не видно, менял ли её кто-нибудь и не подделка ли она.",
        ),
        Text(
            en="If nobody else could write where it lay:  zajil restore FILE --unproven",
            ar="إن لم يكن بوسع غيرك الكتابة حيث كانت:  zajil restore FILE --unproven",
            ru="Если никто другой не мог писать туда, где она лежала:  zajil restore FILE --unproven",
        ),
    ),
    "backup-unproven-place": Complaint(
        Text(
            en="This backup names a database, and nothing shows that it is yours; nothing was sent there.",
            ar="تسمّي هذه النسخة قاعدة بيانات، ولا شيء يُظهر أنها لك؛ ولم يُرسل إليها شيء.",
            ru="Копия называет базу данных, и ничто не доказывает, что она ваша; туда ничего не отправлено.",
        ),
        Text(
            en="Name it yourself:  --database URL, or --database '' for a file. Read zajil.toml before you start.",
            ar="سمّها بنفسك:  --database URL، أو --database '' لملف. واقرأ zajil.toml قبل التشغيل.",
            ru="Назовите её сами:  --database URL, или --database '' для файла. До запуска прочтите zajil.toml.",
        ),
    ),
    "backup-newer": Complaint(
        Text(
            en="A newer version of Zajil made this backup.",
            ar="صنع هذه النسخة إصدار أحدث من زاجل.",
            ru="Эту копию сделала более новая версия Zajil.",
        ),
        Text(
            en="Install that version, then restore.",
            ar="ثبّت ذلك الإصدار ثم استعِد.",
            ru="Установите ту версию и повторите.",
        ),
    ),
    "backup-clock": Complaint(
        Text(
            en="This backup was made later than it is now by the clock of this machine.",
            ar="صُنعت هذه النسخة في وقت لم تبلغه ساعة هذا الجهاز بعد.",
            ru="Копия сделана позже, чем показывают часы этой машины.",
        ),
        Text(
            en="Set the clock by the network (timedatectl set-ntp true). If it is right already: --clock-right",
            ar="اضبط الساعة من الشبكة (timedatectl set-ntp true). وإن كانت صحيحة فأضف --clock-right",
            ru="Сверьте часы по сети (timedatectl set-ntp true). Если они уже верны: --clock-right",
        ),
    ),
    "backup-swapped": Complaint(
        Text(
            en="The backup and the keys are named the wrong way round.",
            ar="تبادل ملفا النسخة والمفاتيح موضعيهما.",
            ru="Файлы копии и ключей перепутаны местами.",
        ),
        Text(
            en="First the backup, then the keys:  zajil restore FILE --keys FILE",
            ar="النسخة أولًا ثم المفاتيح:  zajil restore FILE --keys FILE",
            ru="Сначала копия, потом ключи:  zajil restore FILE --keys FILE",
        ),
    ),
    "backup-no-keys": Complaint(
        Text(
            en="There is no file with the keys: {file}.",
            ar="لا يوجد ملف للمفاتيح: {file}.",
            ru="Нет файла с ключами: {file}.",
        ),
        Text(
            en="Say where they are:  --keys FILE. Without them a restored server can neither read nor prove anything.",
            ar="بيّن مكانها:  --keys FILE. فمن دونها لا يستطيع الخادم المستعاد قراءة شيء ولا إثباته.",
            ru="Укажите, где они:  --keys FILE. Без них восстановленный сервер ничего не прочтёт и не докажет.",
        ),
    ),
    "backup-other-keys": Complaint(
        Text(
            en="These are not the keys of this backup; they are of another server, or older.",
            ar="ليست هذه مفاتيح هذه النسخة؛ بل هي لخادم آخر أو أقدم منها.",
            ru="Это ключи не от этой копии: от другого сервера или старше её.",
        ),
        Text(
            en="Take the keys that were written with it, or later ones of the same server.",
            ar="خذ المفاتيح التي كُتبت معها، أو ما بعدها من الخادم نفسه.",
            ru="Возьмите ключи, записанные вместе с ней, или более поздние того же сервера.",
        ),
    ),
    "database-away": Complaint(
        Text(
            en="PostgreSQL does not answer, or does not let the server in; nothing was changed.",
            ar="لا يجيب PostgreSQL أو لا يسمح للخادم بالدخول؛ ولم يتغيّر شيء.",
            ru="PostgreSQL не отвечает или не пускает сервер; ничего не изменено.",
        ),
        AWAY,
    ),
    "database-unwritable": Complaint(
        Text(
            en="The database cannot be filled; nothing was kept of what went into it.",
            ar="تتعذّر تعبئة قاعدة البيانات؛ ولم يبقَ شيء مما وُضع فيها.",
            ru="Базу данных не удаётся заполнить; из записанного в неё ничего не осталось.",
        ),
        Text(
            en="It must be empty and belong to the user that the URL names:  CREATE DATABASE name OWNER user",
            ar="يجب أن تكون فارغة ومملوكة للمستخدم المذكور في العنوان:  CREATE DATABASE name OWNER user",
            ru="Она должна быть пустой и принадлежать пользователю из адреса:  CREATE DATABASE name OWNER user",
        ),
    ),
    "no-extra": Complaint(
        Text(
            en="A part of Zajil that the server's settings ask for is not installed.",
            ar="جزء من زاجل تطلبه إعدادات الخادم غير مثبّت.",
            ru="Не установлена часть Zajil, которой требуют настройки сервера.",
        ),
        Text(
            en="Run the command in brackets, then this one again.",
            ar="نفّذ الأمر الذي بين القوسين ثم أعد هذا.",
            ru="Выполните команду в скобках, затем повторите эту.",
        ),
    ),
    "data-held": Complaint(
        Text(
            en="Something else is at work on this folder.",
            ar="يعمل شيء آخر على هذا المجلّد.",
            ru="С этой папкой уже кто-то работает.",
        ),
        Text(
            en="Stop it first (systemctl stop zajil, or Ctrl-C where it runs), then run this again.",
            ar="أوقفه أولًا (systemctl stop zajil، أو Ctrl-C حيث يعمل) ثم أعد التنفيذ.",
            ru="Сначала остановите это (systemctl stop zajil или Ctrl-C там, где оно запущено), затем повторите.",
        ),
    ),
    "move-nothing": Complaint(
        Text(
            en="There is no database of SQLite here to move.",
            ar="لا توجد هنا قاعدة SQLite تُنقل.",
            ru="Здесь нет базы SQLite для переноса.",
        ),
        Text(
            en="Name the server's folder:  --data DIR. From PostgreSQL back:  zajil backup, then restore --database ''",
            ar="سمِّ مجلّد الخادم:  --data DIR. وللعودة من PostgreSQL:  zajil backup ثم restore --database ''",
            ru="Укажите папку сервера:  --data DIR. Обратно из PostgreSQL:  zajil backup, затем restore --database ''",
        ),
    ),
    "backup-not-empty": Complaint(
        Text(
            en="There is something already: {file}.",
            ar="يوجد شيء سلفًا: {file}.",
            ru="Здесь уже что-то есть: {file}.",
        ),
        Text(
            en="Rows go into an empty folder or database alone. Move away what is there; do not delete it yet.",
            ar="لا توضع الصفوف إلا في مجلّد فارغ أو قاعدة فارغة. انقل ما هناك، ولا تحذفه بعد.",
            ru="Строки кладут только в пустую папку или базу. Уберите то, что там есть, но пока не удаляйте.",
        ),
    ),
}
