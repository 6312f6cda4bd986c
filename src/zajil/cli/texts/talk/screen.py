"""The words of `chat`, the screen of all chats in a terminal."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

CHAT = Text(
    en="All chats on one screen of the terminal; needs the extra zajil[tui].",
    ar="كل المحادثات في شاشة واحدة في الطرفية؛ يحتاج إلى الإضافة zajil[tui].",
    ru="Все чаты на одном экране терминала; нужно дополнение zajil[tui].",
)
CHAT_ARGUMENT = Text(
    en="Open this chat: its name or id.",
    ar="فتح هذه المحادثة: اسمها أو معرّفها.",
    ru="Открыть этот чат: название или идентификатор.",
)
CHOOSE = Text(
    en="Choose a chat: arrow keys and Enter, or Ctrl+K.",
    ar="اختر محادثة: بالأسهم ثم Enter، أو Ctrl+K.",
    ru="Выберите чат: стрелками и Enter или Ctrl+K.",
)
KEYS = (
    ("Ctrl+K", Text(en="jump", ar="انتقال", ru="перейти")),
    ("Alt+↑↓", Text(en="chat", ar="المحادثة", ru="чат")),
    ("Ctrl+R", Text(en="reply", ar="ردّ", ru="ответить")),
    ("Ctrl+F", Text(en="search", ar="بحث", ru="поиск")),
    ("Ctrl+Q", Text(en="quit", ar="خروج", ru="выход")),
)
WRITE_HERE = Text(
    en="Message; Enter sends, Ctrl+J starts a line",
    ar="رسالة؛ Enter للإرسال، وCtrl+J لسطر جديد",
    ru="Сообщение; Enter — отправить, Ctrl+J — новая строка",
)
REPLYING = Text(en="Answering, Esc drops it:", ar="ردّ، وEsc لإلغائه:", ru="Ответ, Esc — отменить:")
JUMP = Text(en="Name of a chat", ar="اسم المحادثة", ru="Название чата")
SEARCH = Text(en="Words, then Enter", ar="كلمات ثم Enter", ru="Слова, затем Enter")
AROUND = Text(
    en="Around what was found; Esc goes to the newest.",
    ar="حول ما وُجد؛ Esc للانتقال إلى الأحدث.",
    ru="Вокруг найденного; Esc — к новым сообщениям.",
)
WAITS = Text(
    en="What you write waits here and goes out by itself.",
    ar="ما تكتبه ينتظر هنا ويُرسل تلقائيًا.",
    ru="Написанное ждёт здесь и уйдёт само.",
)
WAITING_COUNT = Text(en="Waiting: {count}.", ar="في الانتظار: {count}.", ru="Ждёт отправки: {count}.")
REQUESTS_COUNT = Text(
    en="Requests: {count} (zajil requests).",
    ar="طلبات المراسلة: {count} (zajil requests).",
    ru="Запросов: {count} (zajil requests).",
)
CUT = Text(
    en="… characters left out: {count}. All of it:  zajil read",
    ar="… أحرف غير معروضة: {count}. النصّ كاملًا:  zajil read",
    ru="… пропущено знаков: {count}. Целиком:  zajil read",
)

SCREEN_COMPLAINTS: dict[str, Complaint] = {
    "no-screen": Complaint(
        Text(
            en="The part for the screen of chats is not installed.",
            ar="جزء شاشة المحادثات غير مثبّت.",
            ru="Часть для экрана чатов не установлена.",
        ),
        Text(
            en="Add its extra:  pip install '.[tui]'  in the clone; of a wheel, its file name and [tui] behind it.",
            ar="أضف الجزء الخاص به:  pip install '.[tui]'  في نسخة المستودع؛ ومع ملف wheel اسمه متبوعًا بـ [tui].",
            ru="Добавьте дополнение:  pip install '.[tui]'  в клоне; для wheel — имя файла и за ним [tui].",
        ),
    ),
    "no-terminal": Complaint(
        Text(
            en="This needs a terminal, and here is none.",
            ar="هذا يحتاج إلى طرفية، ولا طرفية هنا.",
            ru="Для этого нужен терминал, а его здесь нет.",
        ),
        Text(
            en="In a pipe follow one chat:  zajil read CHAT --follow",
            ar="في أنبوب تابِع محادثة واحدة:  zajil read CHAT --follow",
            ru="В конвейере следите за одним чатом:  zajil read CHAT --follow",
        ),
    ),
}
