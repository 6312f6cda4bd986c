"""`export`: what it says, and the words on the page it writes."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

EXPORT = Text(
    en="Write all chats of this device as a page to read (HTML) and as JSON.",
    ar="كتابة كل محادثات هذا الجهاز في صفحة للقراءة (HTML) وفي ملف JSON.",
    ru="Записать все чаты этого устройства: страницей для чтения (HTML) и в JSON.",
)
OUTPUT_OPTION = Text(
    en="A new or empty folder; by default zajil-export-DATE here.",
    ar="مجلّد جديد أو فارغ؛ والمبدئي zajil-export-DATE هنا.",
    ru="Новая или пустая папка; иначе zajil-export-DATE здесь.",
)
FILES_OPTION = Text(
    en="Fetch the files of messages too, those that are still there.",
    ar="جلب ملفات الرسائل أيضًا ما دامت موجودة.",
    ru="Скачать и файлы из сообщений, которые ещё доступны.",
)
EXPORTED = Text(
    en="{chats} chats with {messages} messages stand in {folder}. They are not encrypted there.",
    ar="في {folder} الآن {chats} من المحادثات وفيها {messages} من الرسائل، وهي هناك غير مشفّرة.",
    ru="В папке {folder}: чатов {chats}, сообщений {messages}. Там они не зашифрованы.",
)
FILES_MISSED = Text(
    en="Files that could not be fetched: {count}.",
    ar="ملفات تعذّر جلبها: {count}.",
    ru="Файлов не удалось скачать: {count}.",
)
TITLE = Text(en="Zajil: chats of {name}", ar="زاجل: محادثات {name}", ru="Zajil: чаты — {name}")
MADE_ON = Text(en="Written on {date}.", ar="كُتبت في {date}.", ru="Записано {date}.")
CONTENTS = Text(en="Chats", ar="المحادثات", ru="Чаты")
MEMBERS = Text(en="Members: {names}", ar="الأعضاء: {names}", ru="Участники: {names}")
EARLIER = Text(en="Earlier text", ar="نص سابق", ru="Прежний текст")
NO_MESSAGES = Text(en="No messages.", ar="لا رسائل.", ru="Сообщений нет.")

EXPORT_COMPLAINTS: dict[str, Complaint] = {
    "folder-used": Complaint(
        Text(
            en="There is something in {folder} already.",
            ar="في {folder} شيء من قبل.",
            ru="В папке {folder} уже что-то есть.",
        ),
        Text(
            en="Name a new or empty folder with -o.",
            ar="حدّد مجلّدًا جديدًا أو فارغًا بالخيار -o.",
            ru="Укажите новую или пустую папку: -o.",
        ),
    ),
}
