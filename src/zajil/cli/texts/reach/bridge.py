"""What a volunteer who runs a bridge reads."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

BRIDGE = Text(
    en="Run a bridge for people whose way to a server is blocked.",
    ar="تشغيل جسر لمن حُجب عنهم طريق الخادم.",
    ru="Мост для тех, кому перекрыли путь к серверу.",
)
INIT = Text(
    en="Prepare a bridge: settings, web server file, service and a site.",
    ar="تجهيز جسر: الإعدادات وملف خادم الويب والخدمة والموقع.",
    ru="Подготовить мост: настройки, файл веб-сервера, службу и сайт.",
)
UP = Text(
    en="Run the bridge until it is stopped.",
    ar="تشغيل الجسر إلى أن يُوقَف.",
    ru="Запустить мост; работает, пока не остановят.",
)
CHECK = Text(
    en="Probe the bridge as a censor would, beside the same web server without Zajil.",
    ar="فحص الجسر كما يفعل الرقيب، مقارنةً بخادم الويب نفسه من دون زاجل.",
    ru="Проверить мост так, как это делает цензор, рядом с тем же веб-сервером без Zajil.",
)
EDGE_OPTION = Text(
    en="Web server in front: nginx (recommended) or caddy.",
    ar="خادم الويب في الواجهة: nginx (موصى به) أو caddy.",
    ru="Веб-сервер впереди: nginx (лучше) или caddy.",
)
DOMAIN_OPTION = Text(
    en="Domain of the bridge's site; it must point to this machine.",
    ar="نطاق موقع الجسر؛ ويجب أن يشير إلى هذا الجهاز.",
    ru="Домен сайта моста; он должен указывать на эту машину.",
)
ORIGIN_OPTION = Text(
    en="Address of the server that the bridge leads to; nothing is forwarded elsewhere.",
    ar="عنوان الخادم الذي يقود إليه الجسر؛ ولا يُمرَّر شيء إلى سواه.",
    ru="Адрес сервера, к которому ведёт мост; больше никуда ничего не передаётся.",
)
JOIN_OPTION = Text(
    en="File with the code of the server's operator (zajil admin bridges invite); without it you are asked.",
    ar="ملف فيه رمز من مشغّل الخادم (zajil admin bridges invite)؛ ومن دونه تُسأل عن الرمز.",
    ru="Файл с кодом от владельца сервера (zajil admin bridges invite); без него код спросят.",
)
JOIN_QUESTION = Text(
    en="Code from the server's operator:",
    ar="الرمز من مشغّل الخادم:",
    ru="Код от владельца сервера:",
)
SITE_OPTION = Text(
    en="Folder with your own pages, index.html and 404.html among them; the best disguise.",
    ar="مجلّد فيه صفحاتك، ومنها index.html و404.html؛ وهو أفضل تمويه.",
    ru="Папка с вашими страницами, среди них index.html и 404.html; лучшая маскировка.",
)
LANGUAGE_OPTION = Text(
    en="Language of the made-up site: en, ar, ru or es; any by default.",
    ar="لغة الموقع المصنوع: en أو ar أو ru أو es؛ وتُختار عشوائيًّا إن لم تُذكر.",
    ru="Язык придуманного сайта: en, ar, ru или es; по умолчанию любой.",
)
OUT_OPTION = Text(
    en="Folder for everything the bridge needs.",
    ar="مجلّد لكل ما يحتاج إليه الجسر.",
    ru="Папка для всего, что нужно мосту.",
)
YES_OPTION = Text(
    en="I know the danger and want to run a bridge.",
    ar="أعرف الخطر وأريد تشغيل جسر.",
    ru="Я знаю об опасности и хочу запустить мост.",
)
CONFIG_OPTION = Text(
    en="The bridge's settings.",
    ar="إعدادات الجسر.",
    ru="Настройки моста.",
)
URL_ARGUMENT = Text(
    en="Where to connect instead of the bridge's domain, such as https://127.0.0.1.",
    ar="أين يُتّصل بدل نطاق الجسر، مثل https://127.0.0.1.",
    ru="К чему подключаться вместо домена моста, например https://127.0.0.1.",
)

DANGER = Text(
    en=(
        "Where such tools are forbidden, running a bridge can bring you fines, prison or worse. Whoever rents you this "
        "machine and the domain can tell who you are. A bridge sees the addresses of the people who come through it; "
        "it writes none down, but a seized machine can be watched. Do not run one in a country that blocks the server."
    ),
    ar=(
        "حيث تُحظر أدوات كهذه قد يجلب لك تشغيل جسر غرامة أو سجنًا أو ما هو أسوأ. ومن أجّرك هذا الجهاز والنطاق يعرف من "
        "أنت. يرى الجسر عناوين من يمرّون به؛ لا يدوّن شيئًا منها، لكن الجهاز المصادَر يمكن أن يُراقَب. لا تشغّله في بلد "
        "يحجب الخادم."
    ),
    ru=(
        "Там, где такие средства запрещены, за мост могут оштрафовать, посадить или хуже. Те, у кого вы арендуете эту "
        "машину и домен, знают, кто вы. Мост видит адреса тех, кто через него идёт; он их не записывает, но за "
        "изъятой машиной можно следить. Не запускайте мост в стране, где сервер заблокирован."
    ),
)
AGREE = Text(en="Go on?", ar="هل تتابع؟", ru="Продолжить?")
WRITTEN = Text(en="Written: {file}", ar="كُتب: {file}", ru="Записано: {file}")
MADE_UP = Text(
    en=(
        "The site in {folder} is made up. Pages of your own are better, since nobody else has them: put them there, "
        "or start again with --site."
    ),
    ar=("الموقع في {folder} مصنوع. صفحاتك أنت أفضل لأن لا أحد سواك يملكها: ضعها هناك، أو ابدأ من جديد مع --site."),
    ru=(
        "Сайт в {folder} придуман. Свои страницы лучше: таких больше ни у кого нет. Положите их туда или начните "
        "заново с --site."
    ),
)
NEXT = Text(
    en="Next, on this machine, as root:",
    ar="الخطوات التالية على هذا الجهاز، بصلاحيات root:",
    ru="Дальше на этой машине, от root:",
)
STEP_CERTIFICATE = Text(
    en="Get a certificate (the web server must answer on port 80):",
    ar="احصل على شهادة (على خادم الويب أن يجيب على المنفذ 80):",
    ru="Получите сертификат (веб-сервер должен отвечать на порту 80):",
)
STEP_SERVICE = Text(en="Start the bridge:", ar="شغّل الجسر:", ru="Запустите мост:")
STEP_GROUP = Text(
    en="Let the web server reach it:",
    ar="اسمح لخادم الويب بالوصول إليه:",
    ru="Пустите к нему веб-сервер:",
)
STEP_EDGE = Text(
    en="Give the web server its file:",
    ar="سلّم خادم الويب ملفه:",
    ru="Отдайте веб-серверу его файл:",
)
STEP_CHECK = Text(
    en="See whether it runs, and whether it can be told from a plain web server:",
    ar="تحقّق هل يعمل، وهل يمكن تمييزه عن خادم ويب عادي:",
    ru="Проверьте, работает ли он и отличим ли от обычного веб-сервера:",
)

JOINED = Text(
    en="This bridge has joined {origin}.",
    ar="انضمّ هذا الجسر إلى {origin}.",
    ru="Мост подключён к {origin}.",
)
READY = Text(
    en="The bridge is up. It says nothing more, and writes down counts alone.",
    ar="الجسر يعمل. لن يقول أكثر من هذا، ولا يدوّن إلا أعدادًا.",
    ru="Мост работает. Больше он ничего не скажет и записывает только количества.",
)

HOME_SILENT = Text(
    en="The home server at {origin} does not answer. Check origin in {file}, and this machine's network and clock.",
    ar="الخادم على {origin} لا يجيب. تحقّق من origin في {file}، ومن شبكة هذا الجهاز وساعته.",
    ru="Сервер {origin} не отвечает. Проверьте origin в {file}, а также сеть и часы этой машины.",
)
SITE_SILENT = Text(
    en="Nothing answers HTTPS at {address}, the address of the bridge's own site: {edge} must be running there with "
    "the bridge's file. Where this machine does not reach its own name:  zajil bridge check https://127.0.0.1",
    ar="لا شيء يجيب عبر HTTPS على {address}، وهو عنوان موقع الجسر نفسه: يجب أن يعمل هناك {edge} بملف الجسر. وإن كان "
    "هذا الجهاز لا يصل إلى اسمه هو:  zajil bridge check https://127.0.0.1",
    ru="По адресу {address}, это сайт самого моста, никто не отвечает по HTTPS: там должен работать {edge} с файлом "
    "моста. Если машина не достаёт до собственного имени:  zajil bridge check https://127.0.0.1",
)
NAME_FILE = Text(
    en="This is a folder; name the file in it:  --config {file}",
    ar="هذا مجلّد؛ اذكر الملف الذي فيه:  --config {file}",
    ru="Это папка; укажите файл в ней:  --config {file}",
)
PLAIN_SILENT = Text(
    en="Bridge and plain {edge} are compared on this machine. Does it start by hand?",
    ar="تُجرى المقارنة بخادم {edge} عادي على هذا الجهاز. هل يبدأ يدويًّا؟",
    ru="Мост сравнивается с обычным {edge} на этой машине. Запускается ли он вручную?",
)
PROBING = Text(
    en="Probing {domain}; this takes a minute or two.",
    ar="يجري فحص {domain}؛ قد يستغرق ذلك دقيقة أو اثنتين.",
    ru="Проверяю {domain}; это займёт минуту-две.",
)
PASSED = Text(
    en="Pass: {count} probes, and every answer is that of a plain {edge}.",
    ar="نجح: {count} فحصًا، وكل جواب مطابق لجواب {edge} عادي.",
    ru="Годится: проб {count}, и каждый ответ — как у обычного {edge}.",
)
DIFFERENCES = Text(
    en="Probes whose answers differ from those of a plain {edge}: {count}",
    ar="فحوص يختلف جوابها عن جواب {edge} عادي: {count}",
    ru="Пробы, на которые ответ не такой, как у обычного {edge}: {count}",
)
NO_TOKEN = Text(
    en="Expired and replayed paths were left out: the server told no token of this bridge.",
    ar="لم تُفحص المسارات المنتهية والمعادة: لم يذكر الخادم رمزًا لهذا الجسر.",
    ru="Просроченные и повторные пути пропущены: сервер не сообщил токенов этого моста.",
)
TIMES = Text(
    en="Time to answer, median (plain / bridge):",
    ar="زمن الجواب، الوسيط (عادي / جسر):",
    ru="Время ответа, медиана (обычный / мост):",
)

BRIDGE_COMPLAINTS: dict[str, Complaint] = {
    "bridge-danger": Complaint(
        Text(
            en="Running a bridge can be dangerous, so it is not prepared without your word.",
            ar="قد يكون تشغيل الجسر خطرًا، لذلك لا يُجهَّز دون موافقتك.",
            ru="Держать мост может быть опасно, поэтому без вашего согласия он не готовится.",
        ),
        Text(
            en="Read what is said above; if you want it, repeat the command with --yes.",
            ar="اقرأ ما ورد أعلاه؛ وإن أردت فأعد الأمر مع --yes.",
            ru="Прочитайте сказанное выше; если решились, повторите команду с --yes.",
        ),
    ),
    "bridge-settings": Complaint(
        Text(
            en="The bridge's settings cannot be used.",
            ar="إعدادات الجسر غير صالحة.",
            ru="Настройки моста не годятся.",
        ),
        Text(
            en="Mend what stands in brackets, and run it again.",
            ar="أصلح ما بين القوسين ثم أعد التنفيذ.",
            ru="Исправьте указанное в скобках и повторите.",
        ),
    ),
    "bridge-busy": Complaint(
        Text(
            en="The bridge in {folder} is already running.",
            ar="الجسر الذي في {folder} يعمل بالفعل.",
            ru="Мост из папки {folder} уже запущен.",
        ),
        Text(
            en="As a service:  systemctl status zajil-bridge  ·  to end it:  systemctl stop zajil-bridge",
            ar="إن كان خدمة:  systemctl status zajil-bridge  ·  ولإيقافه:  systemctl stop zajil-bridge",
            ru="Если это служба:  systemctl status zajil-bridge  ·  остановить:  systemctl stop zajil-bridge",
        ),
    ),
    "bad-join": Complaint(
        Text(
            en="This is not a code that a bridge joins with.",
            ar="هذا ليس رمزًا ينضمّ به جسر.",
            ru="Это не код для подключения моста.",
        ),
        Text(
            en="It is four groups of five letters and digits; the operator prints one:  zajil admin bridges invite",
            ar="هو أربع مجموعات من خمسة أحرف وأرقام؛ ويطبعه مشغّل الخادم:  zajil admin bridges invite",
            ru="В нём четыре группы по пять букв и цифр; его выдаёт владелец сервера:  zajil admin bridges invite",
        ),
    ),
    "join-shown": Complaint(
        Text(
            en="A code among the arguments can be read by everybody on this machine, and stays in the shell's history.",
            ar="الرمز المكتوب في الأمر يقرؤه كل من على هذا الجهاز، ويبقى في سجلّ الأوامر.",
            ru="Код среди аргументов видят все на этой машине, и он остаётся в истории команд.",
        ),
        Text(
            en="Leave --join out and type the code when asked, or give a file that only you may read:  --join FILE",
            ar="احذف --join واكتب الرمز حين تُسأل، أو حدّد ملفًا لا يقرؤه سواك:  --join FILE",
            ru="Уберите --join и введите код по запросу или укажите файл, доступный только вам:  --join FILE",
        ),
    ),
    "join-open": Complaint(
        Text(
            en="Others may read the code in {file}.",
            ar="يستطيع آخرون قراءة الرمز في {file}.",
            ru="Код в {file} могут прочитать другие.",
        ),
        Text(
            en="Only you should:  chmod 600 FILE",
            ar="اجعله لك وحدك:  chmod 600 FILE",
            ru="Пусть читаете только вы:  chmod 600 FILE",
        ),
    ),
    "join-refused": Complaint(
        Text(
            en="The home server does not take the code in {file}: it is mistyped, used or older than a week.",
            ar="لا يقبل الخادم الرمز الذي في {file}: فيه خطأ، أو سبق استعماله، أو مضى عليه أكثر من أسبوع.",
            ru="Сервер не принял код из {file}: он набран с ошибкой, уже использован или старше недели.",
        ),
        Text(
            en="Ask the operator for another (zajil admin bridges invite) and put it there as join.",
            ar="اطلب من مشغّل الخادم رمزًا آخر (zajil admin bridges invite) وضعه هناك في join.",
            ru="Попросите у владельца сервера другой (zajil admin bridges invite) и впишите его там в join.",
        ),
    ),
    "bad-site": Complaint(
        Text(
            en="This folder cannot be the bridge's site: {file}.",
            ar="لا يصلح هذا المجلّد موقعًا للجسر: {file}.",
            ru="Эта папка не годится как сайт моста: {file}.",
        ),
        Text(
            en="It needs index.html and 404.html, and no symbolic links.",
            ar="لا بد من index.html و404.html، ومن دون روابط رمزية.",
            ru="Нужны index.html и 404.html, и никаких символических ссылок.",
        ),
    ),
    "no-settings": Complaint(
        Text(
            en="There is no bridge here: {file}.",
            ar="لا يوجد جسر هنا: {file}.",
            ru="Здесь нет моста: {file}.",
        ),
        Text(
            en="Prepare one:  zajil bridge init",
            ar="جهّز واحدًا:  zajil bridge init",
            ru="Подготовьте его:  zajil bridge init",
        ),
    ),
    "no-edge": Complaint(
        Text(
            en="{name} is not installed here, so there is nothing to compare with.",
            ar="ليس {name} مثبّتًا هنا، فلا شيء يُقارَن به.",
            ru="Здесь нет {name}, сравнивать не с чем.",
        ),
        Text(
            en="Install it:  sudo apt-get install nginx  or  caddy",
            ar="ثبّته:  sudo apt-get install nginx  أو  caddy",
            ru="Установите:  sudo apt-get install nginx  или  caddy",
        ),
    ),
}
