"""Messages carried by hand."""

from __future__ import annotations

from typing import Final

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

BUNDLE = Text(
    en="Carry messages by hand when nothing else crosses: on a stick, a card, from phone to phone.",
    ar="نقل الرسائل باليد حين لا يعبر شيء آخر: على ذاكرة USB أو بطاقة أو من هاتف إلى هاتف.",
    ru="Передать сообщения из рук в руки, когда сеть отрезана: на флешке, карте, с телефона на телефон.",
)
EXPORT = Text(
    en="Save what waits in a chat as a file that only its members can open.",
    ar="حفظ ما ينتظر في محادثة في ملف لا يفتحه إلا أعضاؤها.",
    ru="Сохранить ждущие сообщения чата в файл, который откроют только его участники.",
)
IMPORT = Text(
    en="Take the messages of such a file; no server is needed.",
    ar="أخذ الرسائل من ملف كهذا؛ ولا حاجة إلى خادم.",
    ru="Взять сообщения из такого файла; сервер не нужен.",
)
FILE_ARGUMENT = Text(en="The file.", ar="الملف.", ru="Файл.")
TO_OPTION = Text(
    en="Chat whose waiting messages are saved.", ar="المحادثة التي تُحفظ رسائلها المنتظرة.", ru="Чат, который сохранить."
)
EXPORTED = Text(
    en="Saved to {file}. Hand it to a member of the chat: nobody else can read it.\n"
    "The messages stay queued and go out "
    "by themselves once there is a route; nobody sees them twice.",
    ar="حُفظت في {file}. سلّمه إلى أحد أعضاء المحادثة: لا يقرأه غيرهم.\nتبقى الرسائل في الانتظار وتُرسل وحدها متى وُجد "
    "طريق، ولا يراها أحد مرتين.",
    ru="Сохранено в {file}. Передайте файл участнику чата: больше никто его не прочтёт.\n"
    "Сообщения остаются в очереди и "
    "уйдут сами, когда появится путь; дважды их никто не увидит.",
)
IMPORTED = Text(
    en="New messages in {chat}: {count}",
    ar="رسائل جديدة في {chat}: {count}",
    ru="Новых сообщений в чате {chat}: {count}",
)
OUTCOMES: Final = {
    "duplicate": Text(en="Here already: {count}", ar="موجودة من قبل: {count}", ru="Уже были здесь: {count}"),
    "expired": Text(en="Too old: {count}", ar="انتهت مدتها: {count}", ru="Слишком старые: {count}"),
    "stale-epoch": Text(
        en="Sealed for another state of the group, they will come by the server: {count}",
        ar="مختومة لحالة أخرى من المجموعة، وستصل عبر الخادم: {count}",
        ru="Зашифрованы для другого состояния группы, придут через сервер: {count}",
    ),
    "corrupt": Text(
        en="Damaged or not of this chat: {count}",
        ar="تالفة أو ليست من هذه المحادثة: {count}",
        ru="Повреждены или не из этого чата: {count}",
    ),
}

BUNDLE_COMPLAINTS: Final[dict[str, Complaint]] = {
    "bad-bundle": Complaint(
        Text(
            en="This is not a file of saved messages, or it was changed on its way.",
            ar="هذا ليس ملف رسائل محفوظة، أو تغيّر في الطريق.",
            ru="Это не файл сохранённых сообщений, или он изменён по дороге.",
        ),
        Text(en="Ask for it again.", ar="اطلبه مرة أخرى.", ru="Попросите его ещё раз."),
    ),
    "foreign-bundle": Complaint(
        Text(
            en="No chat of this device can open these messages.",
            ar="لا توجد على هذا الجهاز محادثة تفتح هذه الرسائل.",
            ru="Ни один чат на этом устройстве не открывает эти сообщения.",
        ),
        Text(
            en="They are for another chat, or the group has changed since: then they come by the server.",
            ar="هي لمحادثة أخرى، أو تغيّرت المجموعة منذ ذلك الحين: عندها تصل عبر الخادم.",
            ru="Они для другого чата, или группа с тех пор изменилась: тогда они придут через сервер.",
        ),
    ),
    "bundle-too-big": Complaint(
        Text(
            en="More waits than fits into one file.",
            ar="ما ينتظر أكثر مما يسعه ملف واحد.",
            ru="Ждёт больше, чем вмещает один файл.",
        ),
        Text(
            en="All of it stays queued and goes out by itself once there is a route:  zajil net probe",
            ar="يبقى كله في الانتظار ويُرسل وحده متى وُجد طريق:  zajil net probe",
            ru="Всё остаётся в очереди и уйдёт само, когда появится путь:  zajil net probe",
        ),
    ),
    "nothing-waits": Complaint(
        Text(en="Nothing waits in this chat.", ar="لا شيء ينتظر في هذه المحادثة.", ru="В этом чате ничего не ждёт."),
        Text(
            en="What was sent already is with the server. Write first: zajil send CHAT TEXT",
            ar="ما أُرسل من قبل موجود لدى الخادم. اكتب أولًا: zajil send CHAT TEXT",
            ru="Отправленное уже у сервера. Сначала напишите: zajil send CHAT TEXT",
        ),
    ),
    "file-exists": Complaint(
        Text(en="{file} is there already.", ar="{file} موجود من قبل.", ru="{file} уже существует."),
        Text(en="Choose another name.", ar="اختر اسمًا آخر.", ru="Выберите другое имя."),
    ),
    "file-unwritable": Complaint(
        Text(
            en="{file} cannot be written.",
            ar="تعذّرت كتابة {file}.",
            ru="Не удалось записать {file}.",
        ),
        Text(
            en="Name a file in a folder that is there and that you may write to.",
            ar="اذكر ملفًّا في مجلّد موجود يمكنك الكتابة فيه.",
            ru="Укажите файл в существующей папке, куда вы можете писать.",
        ),
    ),
    "file-unreadable": Complaint(
        Text(
            en="{file} cannot be read.",
            ar="تعذّرت قراءة {file}.",
            ru="Не удалось прочитать {file}.",
        ),
        Text(
            en="Name the file that somebody saved with zajil bundle export and that you may read.",
            ar="اذكر الملف الذي حفظه أحدهم بالأمر zajil bundle export ويمكنك قراءته.",
            ru="Укажите файл, сохранённый командой zajil bundle export и доступный вам для чтения.",
        ),
    ),
}
