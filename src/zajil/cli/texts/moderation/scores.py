"""Words of `zajil moderation`: what the models say, and how well."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

MODERATION = Text(
    en="Moderate the public channels.",
    ar="الإشراف على القنوات العامة.",
    ru="Модерация публичных каналов.",
)
CLASSIFY = Text(
    en="Say what rules and scores would do to each line of the input.",
    ar="بيان ما تفعله القواعد والدرجات بكل سطر من المُدخل.",
    ru="Показать, что правила и оценки сделают с каждой строкой ввода.",
)
CLASSIFY_JSON = Text(
    en="One JSON object a line: lang, scores, action, rule.",
    ar="كائن JSON واحد في كل سطر: lang وscores وaction وrule.",
    ru="По объекту JSON в строке: lang, scores, action, rule.",
)
EVALUATE = Text(
    en="Measure the models on texts they were not trained on.",
    ar="قياس النماذج على نصوص لم تُدرَّب عليها.",
    ru="Измерить модели на текстах, на которых их не обучали.",
)
EVALUATE_JSON = Text(
    en="One JSON object: figures by set, scorer and language, attacks, and what got worse.",
    ar="كائن JSON واحد: الأرقام لكل مجموعة ونموذج ولغة، وحِيل الإخفاء، وما ساء.",
    ru="Один объект JSON: числа по наборам, моделям и языкам, маскировки и что стало хуже.",
)
LINEAR_OPTION = Text(
    en="The linear heads alone: a minute instead of several.",
    ar="الرؤوس الخطية وحدها: دقيقة بدل دقائق عدة.",
    ru="Только линейные модели: минута вместо нескольких.",
)
WORSE = Text(
    en="Worse than stored: {where} is {now}, was at least {was}",
    ar="أسوأ من المحفوظ: {where} هو {now}، وكان {was} على الأقل",
    ru="Хуже сохранённого: {where} — {now}, было не меньше {was}",
)
SUITE_OPTION = Text(
    en="One set by its name, or all.",
    ar="مجموعة واحدة باسمها، أو all لها جميعًا.",
    ru="Один набор по имени или all — все.",
)
EVALUATE_DATA = Text(
    en="Folder of the public sets; ZAJIL_MODERATION_DATA sets it too.",
    ar="مجلّد المجموعات المنشورة؛ ويمكن تحديده أيضًا في ZAJIL_MODERATION_DATA.",
    ru="Папка открытых наборов; можно задать и в ZAJIL_MODERATION_DATA.",
)
SKIPPED = Text(
    en="Left out, its files are not here: {name}",
    ar="متروكة لأن ملفاتها غير موجودة: {name}",
    ru="Пропущено, файлов нет: {name}",
)
SETS = Text(en="It is one of: {names}.", ar="القيم الممكنة: {names}.", ru="Возможны: {names}.")
ATTACKS = Text(
    en="Recall left of what was found before, by how the text was disguised (1.00: all of it):",
    ar="ما بقي ممّا كان يُكتشف، بحسب طريقة تمويه النص (1.00: كلّه):",
    ru="Доля найденного, что осталась после маскировки текста, по её виду (1.00 — всё):",
)
NO_ENCODER = Text(
    en="Sentence embeddings are off: {reason}",
    ar="متجهات الجُمل متوقفة: {reason}",
    ru="Векторы предложений отключены: {reason}",
)

MODERATION_COMPLAINTS: dict[str, Complaint] = {
    "no-moderation": Complaint(
        Text(
            en="This installation has no moderation.",
            ar="لا يتضمّن هذا التثبيت نظام الإشراف.",
            ru="В этой установке нет модерации.",
        ),
        Text(
            en="Install it with its extra:  pip install 'zajil[moderation]'",
            ar="ثبّته بالإضافة الخاصة به:  pip install 'zajil[moderation]'",
            ru="Установите с дополнением:  pip install 'zajil[moderation]'",
        ),
    ),
    "bad-model": Complaint(
        Text(
            en="The model's files are not the ones that belong to this version.",
            ar="ملفات النموذج ليست ملفات هذا الإصدار.",
            ru="Файлы модели не от этой версии.",
        ),
        Text(
            en="Install Zajil again, or train the model:  python -m zajil.moderation.train",
            ar="أعد تثبيت زاجل، أو درّب النموذج:  python -m zajil.moderation.train",
            ru="Переустановите Zajil или обучите модель:  python -m zajil.moderation.train",
        ),
    ),
    "no-set": Complaint(
        Text(en="There is no set {name}.", ar="لا توجد مجموعة باسم {name}.", ru="Нет набора {name}."),
        Text(
            en="All of them:  zajil moderation evaluate --suite all",
            ar="للكل:  zajil moderation evaluate --suite all",
            ru="Все сразу:  zajil moderation evaluate --suite all",
        ),
    ),
}
