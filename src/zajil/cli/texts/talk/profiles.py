"""The words of profiles."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

PROFILES = Text(
    en="The accounts of this folder, each a profile.",
    ar="حسابات هذا المجلّد، كلٌّ منها ملفّ.",
    ru="Учётные записи этой папки, каждая — профиль.",
)
PROFILE_OPTION = Text(
    en="Another account in the same folder. ZAJIL_PROFILE sets it too.",
    ar="حساب آخر في المجلّد نفسه. ويمكن تحديده أيضًا في ZAJIL_PROFILE.",
    ru="Другая учётная запись в той же папке. Можно задать и в ZAJIL_PROFILE.",
)
NO_PROFILES = Text(
    en="There is no account here yet. Begin:  zajil register",
    ar="لا حساب هنا بعد. ابدأ بـ:  zajil register",
    ru="Учётной записи здесь ещё нет. Начните:  zajil register",
)
PROFILE_COMPLAINTS: dict[str, Complaint] = {
    "bad-profile": Complaint(
        Text(
            en="That is no name of a profile.",
            ar="هذا لا يصلح اسمًا لملفّ حساب.",
            ru="Это не подходит как имя профиля.",
        ),
        Text(
            en="Up to 32 small Latin letters, digits, - and _; the first one is a letter or a digit.",
            ar="حتى 32 من أحرف لاتينية صغيرة وأرقام و- و_؛ أوّلها حرف أو رقم.",
            ru="До 32 строчных латинских букв, цифр, - и _; первой стоит буква или цифра.",
        ),
    ),
}
