"""What the people of `zajil demo` say: each in their own language, with the watcher's language beside it."""

from __future__ import annotations

from zajil.cli.texts.text import Text

AMINA = Text(en="Amina", ar="أمينة", ru="Амина")
BORIS = Text(en="Boris", ar="بوريس", ru="Борис")
CLARA = Text(en="Clara", ar="كلارا", ru="Клара")
GROUP_TITLE = Text(en="Mountain hike", ar="رحلة الجبل", ru="Поход в горы")

HELLO = Text(
    en="Peace be upon you, Boris! Do you read me? 🕊️",
    ar="السلام عليكم يا بوريس! هل تصلك رسالتي؟ 🕊️",
    ru="Мир тебе, Борис! Ты меня читаешь? 🕊️",
)
HELLO_BACK = Text(
    en="And upon you, Amina! Loud and clear 👍🏽",
    ar="وعليكم السلام يا أمينة! بوضوح تام 👍🏽",
    ru="И тебе, Амина! Читаю прекрасно 👍🏽",
)
WHEN = Text(
    en="Friday at dawn, at the old bridge?",
    ar="الجمعة فجرًا عند الجسر القديم؟",
    ru="В пятницу на рассвете, у старого моста?",
)
YES_TEA = Text(
    en="I'm in. I bring tea and the map.", ar="أنا معكم. سأحضر الشاي والخريطة.", ru="Я с вами. Возьму чай и карту."
)
WEATHER = Text(
    en="Snow is possible. Take warm things ❄️", ar="قد تُثلج. خذوا ملابس دافئة ❄️", ru="Может пойти снег. Берите тёплое ❄️"
)
ON_THE_WAY = Text(en="On the way, stop {number}", ar="في الطريق، المحطّة {number}", ru="В дороге, остановка {number}")
SECRET = Text(
    en="The key lies under the third stone",
    ar="المفتاح تحت الحجر الثالث",
    ru="Ключ лежит под третьим камнем",
)
ON_LAPTOP = Text(en="Writing this on my laptop 💻", ar="أكتب هذا من حاسوبي 💻", ru="Пишу с ноутбука 💻")
BOTH_DEVICES = Text(
    en="Then this finds you on both devices", ar="إذن ستصلك هذه على الجهازين", ru="Тогда это придёт на оба устройства"
)
NEW_PLACE = Text(
    en="Meet at the mill instead, one hour later",
    ar="لنلتقِ عند الطاحونة بدلًا من ذلك، بعد ساعة",
    ru="Встречаемся у мельницы, на час позже",
)
AT_THE_MILL = Text(en="At the mill, understood.", ar="عند الطاحونة، مفهوم.", ru="У мельницы, понял.")
INTRUDER = Text(en="hi, where do we meet?", ar="مرحبًا، أين نلتقي؟", ru="привет, где встречаемся?")
COUNTED = Text(en="Message {number}", ar="رسالة {number}", ru="Сообщение {number}")
