"""Words of the frame itself: help headings, wrong usage, shared options."""

from __future__ import annotations

from zajil.cli.texts.text import Text

APP = Text(
    en="Zajil: a messenger that only the people in a chat can read.",
    ar="زاجل: تطبيق مراسلة لا يقرأ رسائله إلا المشاركون في المحادثة.",
    ru="Zajil — мессенджер, в котором переписку читают только её участники.",
)
START_HERE = Text(
    en="New here? `zajil run` starts a server with someone to talk to; `zajil demo` tells the story in two minutes.",
    ar="جديد هنا؟ يشغّل `zajil run` خادمًا ومعه من يحادثك، ويعرض `zajil demo` الحكاية في دقيقتين.",
    ru="Впервые здесь? `zajil run` запустит сервер и собеседника, `zajil demo` за две минуты всё покажет.",
)
LANGUAGE_NOTE = Text(
    en="Language: ZAJIL_LANG=ar, en or ru. "
    "Exit codes: 0 done, 1 refused or failed, 2 usage, 3 server unreachable, 4 not the same.",
    ar="اللغة: ‏ZAJIL_LANG=ar أو en أو ru. "
    "رموز الخروج: 0 تمّ، 1 رُفض أو فشل، 2 استعمال خاطئ، 3 تعذّر الوصول إلى الخادم، 4 ليسا متطابقين.",
    ru="Язык: ZAJIL_LANG=ar, en или ru. "
    "Коды выхода: 0 готово, 1 отказ или сбой, 2 ошибка вызова, 3 сервер недоступен, 4 не совпадает.",
)

USAGE = Text(en="Usage", ar="الاستعمال", ru="Использование")
ARGUMENTS = Text(en="Arguments", ar="الوسائط", ru="Аргументы")
OPTIONS = Text(en="Options", ar="الخيارات", ru="Параметры")
PEOPLE_COMMANDS = Text(en="You and your people", ar="أنت ومعارفك", ru="Вы и ваши собеседники")
CHAT_COMMANDS = Text(en="Chats", ar="المحادثات", ru="Чаты")
SERVER_COMMANDS = Text(en="Server", ar="الخادم", ru="Сервер")
COMMANDS = Text(en="Commands", ar="الأوامر", ru="Команды")
DEFAULT = Text(en="default: {value}", ar="الافتراضي: {value}", ru="по умолчанию: {value}")

HELP_OPTION = Text(en="Show this page.", ar="عرض هذه الصفحة.", ru="Показать эту страницу.")
INSTALL_COMPLETION_OPTION = Text(
    en="Let your shell complete Zajil's commands.",
    ar="تفعيل الإكمال التلقائي لأوامر زاجل في الصدفة.",
    ru="Включить автодополнение команд в оболочке.",
)
SHOW_COMPLETION_OPTION = Text(
    en="Show the completion script.", ar="عرض نصّ الإكمال التلقائي.", ru="Показать сценарий автодополнения."
)
HOME_OPTION = Text(
    en="Folder of this device: keys, contacts, messages. ZAJIL_HOME sets it too.",
    ar="مجلّد هذا الجهاز: المفاتيح وجهات الاتصال والرسائل. ويمكن تحديده أيضًا في ZAJIL_HOME.",
    ru="Папка этого устройства: ключи, контакты, сообщения. Можно задать и в ZAJIL_HOME.",
)
VERSION_OPTION = Text(en="Show the version.", ar="عرض رقم الإصدار.", ru="Показать версию.")
DEBUG_OPTION = Text(
    en="Show where in the code an error arose.",
    ar="عرض موضع الخطأ في الشيفرة.",
    ru="Показать, в каком месте кода возникла ошибка.",
)
JSON_OPTION = Text(
    en="One JSON document instead of text for people.",
    ar="مستند JSON واحد بدلًا من النصّ المقروء.",
    ru="Один документ JSON вместо обычного текста.",
)
JSON_LINES_OPTION = Text(
    en="JSON; with --follow one object a line.",
    ar="إخراج JSON؛ ومع ‎--follow كائن واحد في كل سطر.",
    ru="JSON; вместе с --follow — по объекту в строке.",
)
DATA_OPTION = Text(
    en="Data folder of the server.",
    ar="مجلّد بيانات الخادم.",
    ru="Папка данных сервера.",
)

QUESTION_KEYS = Text(en="[y/N]", ar="[y = نعم / N = لا]", ru="[y = да / N = нет]")
NOTHING_CHANGED = Text(en="Nothing was changed.", ar="لم يتغيّر شيء.", ru="Ничего не изменено.")
MISSING = Text(en="{name} is missing.", ar="الوسيط {name} ناقص.", ru="Не указано: {name}.")
NO_OPTION = Text(
    en="There is no option {name}.", ar="لا يوجد خيار بهذا الاسم: {name}.", ru="Нет такого параметра: {name}."
)
ROOT_OPTION = Text(
    en="It stands before the command:  zajil --home DIR COMMAND ...",
    ar="مكانه قبل الأمر:  zajil --home DIR COMMAND ...",
    ru="Его место — перед командой:  zajil --home DIR COMMAND ...",
)
BAD_VALUE = Text(
    en="{name} has a value that does not fit.",
    ar="قيمة {name} غير صالحة.",
    ru="Недопустимое значение параметра {name}.",
)
ONE_OF = Text(en="It is one of: {values}.", ar="القيم الممكنة: {values}.", ru="Возможны: {values}.")
BAD_USAGE = Text(en="The command was not understood.", ar="تعذّر فهم الأمر.", ru="Не удалось разобрать команду.")
SEE_HELP = Text(en="{command} explains it.", ar="الشرح في: {command}", ru="Подробнее: {command}")
DID_YOU_MEAN = Text(en="Did you mean {names}?", ar="هل تقصد {names}؟", ru="Возможно, вы имели в виду: {names}?")
SUSPENDED = Text(
    en="For good. Why: {reason}, in messages of a private chat that were reported with proof. Two people decided it, "
    "no program. To object, write to whoever runs the server.",
    ar="دائمًا. السبب: {reason}، في رسائل محادثة خاصة أُبلغ عنها مع الإثبات. قرّر ذلك شخصان لا برنامج. للاعتراض اكتب "
    "إلى من يدير الخادم.",
    ru="Навсегда. Причина: {reason}, в сообщениях личного чата, на которые пожаловались с доказательством. Решили два "
    "человека, не программа. Возразить можно владельцу сервера.",
)
SUSPENDED_UNTIL = Text(
    en="Until {day}. Why: {reason}, in messages of a private chat that were reported with proof. Two people decided "
    "it, no program. To object, write to whoever runs the server.",
    ar="حتى {day}. السبب: {reason}، في رسائل محادثة خاصة أُبلغ عنها مع الإثبات. قرّر ذلك شخصان لا برنامج. للاعتراض "
    "اكتب إلى من يدير الخادم.",
    ru="До {day}. Причина: {reason}, в сообщениях личного чата, на которые пожаловались с доказательством. Решили два "
    "человека, не программа. Возразить можно владельцу сервера.",
)
LATER_MINUTES = Text(
    en="Try again later; minutes to wait: {n}.",
    ar="أعد المحاولة لاحقًا؛ دقائق الانتظار: {n}.",
    ru="Попробуйте позже; ждать минут: {n}.",
)
LATER_HOURS = Text(
    en="Try again later; hours to wait: {n}.",
    ar="أعد المحاولة لاحقًا؛ ساعات الانتظار: {n}.",
    ru="Попробуйте позже; ждать часов: {n}.",
)
ERROR_LABEL = Text(en="error", ar="خطأ", ru="ошибка")
HINT_LABEL = Text(en="hint", ar="تلميح", ru="подсказка")
