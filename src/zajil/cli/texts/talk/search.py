"""The words of `search`."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

SEARCH = Text(
    en="Find messages by their words, in any spelling; without a server too.",
    ar="البحث عن الرسائل بكلماتها بأي رسم؛ ودون خادم أيضًا.",
    ru="Найти сообщения по словам в любом написании; и без сервера.",
)
WORDS_ARGUMENT = Text(
    en="Words that must all occur, or how they begin; '\"as it stands\"' finds exactly that.",
    ar="كلمات يجب أن ترد كلّها، أو أوائلها؛ و'\"كما هي\"' تُطابَق تمامًا.",
    ru="Слова, которые должны встретиться все, или их начала; '\"как есть\"' ищет в точности.",
)
CHAT_OPTION = Text(en="In this chat only.", ar="في هذه المحادثة وحدها.", ru="Только в этом чате.")
LIMIT_OPTION = Text(en="How many at most.", ar="أقصى عدد للنتائج.", ru="Сколько показать самое большее.")
BEFORE_OPTION = Text(
    en="Go on after the message with this whole id, as --json gives it.",
    ar="المتابعة بعد الرسالة ذات هذا المعرّف الكامل، كما يعطيه --json.",
    ru="Продолжить после сообщения с этим полным идентификатором, как его даёт --json.",
)
AROUND_OPTION = Text(
    en="Show the messages around this one.", ar="عرض الرسائل حول هذه الرسالة.", ru="Показать сообщения вокруг этого."
)
NOTHING_FOUND = Text(
    en="Nothing was found. Try fewer letters or other words.",
    ar="لم يُعثر على شيء. جرّب أحرفًا أقلّ أو كلمات أخرى.",
    ru="Ничего не найдено. Попробуйте меньше букв или другие слова.",
)
SEARCH_COMPLAINTS: dict[str, Complaint] = {
    "short-query": Complaint(
        Text(
            en="A search needs at least two letters or digits.",
            ar="يحتاج البحث إلى حرفين أو رقمين على الأقل.",
            ru="Для поиска нужны хотя бы две буквы или цифры.",
        )
    ),
}
