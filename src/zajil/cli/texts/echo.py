"""What Echo says. Echo answers in the language it is written to, whatever the language of its own process."""

from __future__ import annotations

from zajil.cli.texts.text import Text

ECHO = Text(
    en="The resident contact of `zajil run`.",
    ar="جهة الاتصال المقيمة في `zajil run`.",
    ru="Постоянный собеседник `zajil run`.",
)
WELCOME = Text(
    en="Hello! I am Echo: whatever you write comes back to you. Only the two of us can read this chat.",
    ar="مرحبًا! أنا «صدى»: كل ما تكتبه يعود إليك. لا يقرأ هذه المحادثة سوانا نحن الاثنين.",
    ru="Здравствуйте! Я Эхо: всё, что вы напишете, вернётся к вам. Этот чат читаем только мы вдвоём.",
)
GREETING = Text(
    en="Hello again. I am listening.",
    ar="أهلًا بك من جديد، كلّي آذان صاغية.",
    ru="И снова здравствуйте. Я слушаю.",
)
PEACE = Text(en="And peace be upon you.", ar="وعليكم السلام ورحمة الله وبركاته.", ru="И вам мир.")
THANKS = Text(
    en="You are welcome; it was only your own voice.",
    ar="على الرحب والسعة؛ ما هو إلا صوتك أنت.",
    ru="Пожалуйста! Это был всего лишь ваш собственный голос.",
)
GOODBYE = Text(en="Goodbye. I stay right here.", ar="إلى اللقاء. أنا باقٍ هنا.", ru="До встречи. Я никуда не денусь.")
FILE = Text(
    en="I see your file, in bytes: {sizes}. I open none, and send only words back.",
    ar="أرى ملفك، بالبايت: {sizes}. لا أفتح الملفات ولا أعيد إلا الكلمات.",
    ru="Вижу ваш файл, байт: {sizes}. Я их не открываю и возвращаю только слова.",
)
HELP = Text(
    en="Write anything and I answer with it. Make a group with me: there I answer when you call me by name, Echo.",
    ar="اكتب أي شيء وأردّه عليك. وأنشئ مجموعة معي: هناك أجيب حين تناديني باسمي «صدى».",
    ru="Напишите что угодно — я отвечу тем же. Создайте группу со мной: там я отвечаю, когда зовут по имени — Эхо.",
)
