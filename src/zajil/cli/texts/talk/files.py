"""Sending files with a message and saving them."""

from __future__ import annotations

from zajil.cli.texts.complaint import LATER, Complaint
from zajil.cli.texts.text import Text

FILE_OPTION = Text(
    en="A file to send with the message. About a photo that tells where it was taken you are asked first, unless you "
    "add --strip or --keep. May be given up to 10 times.",
    ar="ملف يُرسل مع الرسالة. إن كان في الصورة مكان التقاطها سُئلتَ أولًا، ما لم تُضف --strip أو --keep. "
    "ويمكن تكراره حتى 10 مرات.",
    ru="Файл, который уйдёт вместе с сообщением. Если в фото записано место съёмки, сначала будет вопрос, "
    "если не указать --strip или --keep. Можно указать до 10 раз.",
)
STRIP_OPTION = Text(
    en="Take out of JPEG and PNG pictures where, when and with what they were taken; other files are refused.",
    ar="إزالة مكان الالتقاط ووقته وجهازه من صور JPEG وPNG؛ وتُرفض الملفات الأخرى.",
    ru="Убрать из картинок JPEG и PNG место, время и устройство съёмки; другие файлы не принимаются.",
)
KEEP_OPTION = Text(
    en="Send pictures as they are, with the place where they were taken.",
    ar="إرسال الصور كما هي، ومعها مكان التقاطها.",
    ru="Отправить фото без изменений, вместе с местом съёмки.",
)
PLACE_QUESTION = Text(
    en="{file} tells where it was taken. Send the place along?",
    ar="في {file} مكان التقاط الصورة. هل تُرسل المكان معها؟",
    ru="В {file} записано место съёмки. Отправить его вместе с фото?",
)
STRIPPED = Text(
    en="{file} goes without the place, the time and the device.",
    ar="يُرسل {file} دون المكان والوقت والجهاز.",
    ru="{file} уходит без места, времени и устройства съёмки.",
)
SAVE = Text(
    en="Fetch a file of a message, check it, and save it.",
    ar="تنزيل ملف من رسالة وفحصه وحفظه.",
    ru="Скачать файл из сообщения, проверить и сохранить.",
)
OUTPUT_OPTION = Text(
    en="File or folder to save it to; without, under its own name in this folder.",
    ar="ملف أو مجلّد للحفظ؛ وبدونه يُحفظ باسمه في هذا المجلّد.",
    ru="Файл или папка, куда сохранить; без этого — под своим именем в текущей папке.",
)
NUMBER_OPTION = Text(
    en="Which of the message's files, from 1; without, all of them.",
    ar="رقم الملف بين ملفات الرسالة، بدءًا من 1؛ وبدونه كلّها.",
    ru="Который из файлов сообщения, считая с 1; без этого — все.",
)
YES_OPTION = Text(
    en="Replace a file of that name without asking.",
    ar="استبدال ملف بهذا الاسم دون سؤال.",
    ru="Заменить файл с таким именем, не спрашивая.",
)
REPLACE = Text(
    en="{file} is there already. Replace it?", ar="{file} موجود من قبل. هل تستبدله؟", ru="{file} уже есть. Заменить?"
)
SAVED = Text(en="Saved: {file}", ar="حُفظ: {file}", ru="Сохранено: {file}")
EXISTS_HINT = Text(
    en="Give another name with -o FILE, or replace it with --yes.",
    ar="حدّد اسمًا آخر بالخيار -o FILE، أو استبدله بالخيار --yes.",
    ru="Укажите другое имя: -o FILE — или замените его: --yes.",
)
UNREADABLE_HINT = Text(
    en="Name a file that is there and that you may read; a folder goes as an archive.",
    ar="اذكر ملفًّا موجودًا يمكنك قراءته؛ أما المجلّد فيُرسل بعد ضغطه في ملف واحد.",
    ru="Укажите существующий файл, который вам можно читать; папку отправляют архивом.",
)
NO_TEXT_HINT = Text(
    en="Write the text behind the chat, or give a file:  --file PATH",
    ar="اكتب النصّ بعد اسم المحادثة، أو حدّد ملفًّا:  --file PATH",
    ru="Напишите текст после имени чата или укажите файл:  --file PATH",
)
SIZES = (
    Text(en="{n} B", ar="{n} بايت", ru="{n} Б"),
    Text(en="{n} KB", ar="{n} كيلوبايت", ru="{n} КБ"),
    Text(en="{n} MB", ar="{n} ميغابايت", ru="{n} МБ"),
)


def say_size(size_bytes: int) -> str:
    """`4.2 MB`, in thousands, in the language of this process."""
    unit = 0 if size_bytes < 1000 else 1 if size_bytes < 1_000_000 else 2
    n: float = size_bytes / 1000**unit
    return SIZES[unit](n=f"{n:.1f}" if unit and n < 100 else f"{n:.0f}")


FILE = Text(en="File: {name}, {size}", ar="ملف: {name}، {size}", ru="Файл: {name}, {size}")
SENDING = Text(en="Sending: {done} of {whole}", ar="الإرسال: {done} من {whole}", ru="Отправка: {done} из {whole}")
FETCHING = Text(en="Fetching: {done} of {whole}", ar="التنزيل: {done} من {whole}", ru="Загрузка: {done} из {whole}")
STILL_SENDING = Text(en="{state}, {done} of {whole}", ar="{state}، {done} من {whole}", ru="{state}, {done} из {whole}")
WITHDRAWN = Text(
    en="Withdrawn: the message is not sent, and its files are gone from here.",
    ar="سُحبت الرسالة: لن تُرسل، وحُذفت ملفاتها من هنا.",
    ru="Отозвано: сообщение не уйдёт, подготовленные файлы отсюда удалены.",
)
KEPT = Text(
    en="The message is kept here with its files and goes on with the next:  zajil sync",
    ar="الرسالة محفوظة هنا مع ملفاتها وتُستأنف عند:  zajil sync",
    ru="Сообщение с файлами сохранено здесь; отправка продолжится с командой:  zajil sync",
)

FILE_COMPLAINTS: dict[str, Complaint] = {
    "place-unasked": Complaint(
        Text(
            en="{file} tells where it was taken, and nobody is there to be asked; nothing was sent.",
            ar="في {file} مكان التقاط الصورة، ولا أحد هنا ليُسأل؛ لم يُرسل شيء.",
            ru="В {file} записано место съёмки, а спросить некого; ничего не отправлено.",
        ),
        Text(
            en="Add --strip to take the place out, or --keep to send the picture as it is.",
            ar="أضف --strip لإزالة المكان، أو --keep لإرسال الصورة كما هي.",
            ru="Добавьте --strip, чтобы убрать место, или --keep, чтобы отправить фото без изменений.",
        ),
    ),
    "not-stripped": Complaint(
        Text(
            en="{file} is no JPEG or PNG that can be read: nothing was taken out of it, and nothing was sent.",
            ar="{file} ليس صورة JPEG أو PNG يمكن قراءتها، فلم يُزَل منه شيء ولم يُرسل شيء.",
            ru="{file} — не картинка JPEG или PNG, которую удалось прочитать: ничего не убрано и ничего не отправлено.",
        ),
        Text(
            en="Send it as it is, without --strip, if it tells nothing that it should not.",
            ar="أرسله كما هو دون --strip إن لم يكن فيه ما لا يجوز كشفه.",
            ru="Отправьте без --strip, если в файле нет ничего лишнего.",
        ),
    ),
    "hash-mismatch": Complaint(
        Text(
            en="The file did not arrive as it was sent, so it was not opened.",
            ar="لم يصل الملف كما أُرسل، فلم يُفتح.",
            ru="Файл пришёл не таким, каким был отправлен, поэтому он не открыт.",
        ),
        Text(
            en="Try once more; if it stays so, ask for it to be sent again.",
            ar="حاول مرة أخرى؛ وإن تكرّر فاطلب إرساله من جديد.",
            ru="Попробуйте ещё раз; если не поможет, попросите прислать его снова.",
        ),
    ),
    "wrong-offset": Complaint(
        Text(
            en="The upload stands at another place.",
            ar="الرفع متوقّف عند موضع آخر.",
            ru="Передача остановилась в другом месте.",
        ),
        LATER,
    ),
    "storage-full": Complaint(
        Text(
            en="The server has no room for more files now.",
            ar="لا مساحة في الخادم لملفات أخرى الآن.",
            ru="На сервере сейчас нет места для новых файлов.",
        ),
        LATER,
    ),
    "file-too-big": Complaint(
        Text(
            en="The file is larger than 100 MiB.",
            ar="الملف أكبر من 100 ميبيبايت.",
            ru="Файл больше 100 МиБ.",
        ),
        Text(en="Send it in parts.", ar="أرسله على أجزاء.", ru="Отправьте его по частям."),
    ),
    "too-many-files": Complaint(
        Text(
            en="A message holds at most 10 files.",
            ar="تحمل الرسالة 10 ملفات على الأكثر.",
            ru="В одном сообщении не больше 10 файлов.",
        ),
        Text(en="Send several messages.", ar="أرسل عدة رسائل.", ru="Отправьте несколько сообщений."),
    ),
    "which-file": Complaint(
        Text(
            en="The message holds {count} files.",
            ar="في الرسالة عدة ملفات ({count}).",
            ru="Файлов в сообщении: {count}.",
        ),
        Text(
            en="Say which one:  --number N",
            ar="حدّد أحدها:  --number N",
            ru="Укажите, который:  --number N",
        ),
    ),
    "no-attachment": Complaint(
        Text(
            en="This message holds no such file.",
            ar="لا ملف كهذا في هذه الرسالة.",
            ru="В этом сообщении нет такого файла.",
        ),
        Text(
            en="What it holds:  zajil read CHAT --ids",
            ar="لمعرفة ما فيها:  zajil read CHAT --ids",
            ru="Что в нём есть:  zajil read CHAT --ids",
        ),
    ),
}
