"""`account delete`."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

ACCOUNT = Text(en="Your account as a whole.", ar="حسابك كلّه.", ru="Учётная запись целиком.")
DELETE = Text(
    en="Delete the account for good: groups are left, the server forgets it, this home is emptied.",
    ar="حذف الحساب نهائيًّا: تغادر المجموعات، وينساه الخادم، ويُفرَّغ هذا المجلّد.",
    ru="Удалить учётную запись навсегда: выйти из групп, стереть её с сервера и очистить эту папку.",
)
YES_OPTION = Text(en="Do not ask.", ar="دون سؤال.", ru="Не спрашивать.")
QUESTION = Text(
    en="Delete the account of {name} on all its devices? Nobody can bring it back, its recovery key neither.",
    ar="أتريد حذف حساب {name} من كل أجهزته؟ لن يستعيده أحد، ولا مفتاح الاستعادة.",
    ru="Удалить учётную запись «{name}» на всех устройствах? Её не вернуть, даже ключом восстановления.",
)
PERSONAS = Text(
    en="Public personas are apart and stay; delete them first:  zajil persona delete",
    ar="الشخصيات العامة منفصلة وتبقى؛ احذفها أوّلًا:  zajil persona delete",
    ru="Публичные имена отдельны и останутся; сначала удалите их:  zajil persona delete",
)
DELETED = Text(
    en="The account is deleted. What others received from you stays with them.",
    ar="حُذف الحساب. وما وصل الآخرين منك يبقى لديهم.",
    ru="Учётная запись удалена. То, что вы отправили другим, остаётся у них.",
)

CUT_OFF = Text(
    en="The deletion of this account was cut off. Finish it, or say no when asked to keep the account:",
    ar="انقطع حذف هذا الحساب. أكمله، أو أجب بلا حين تُسأل لتُبقي الحساب:",
    ru="Удаление этой учётной записи прервалось. Завершите его или ответьте «нет», чтобы её оставить:",
)

ENDING_COMPLAINTS: dict[str, Complaint] = {
    "account-ended": Complaint(
        Text(
            en="This account was deleted; what was left of it here is removed now.",
            ar="حُذف هذا الحساب؛ وأُزيل الآن ما بقي منه هنا.",
            ru="Эта учётная запись удалена; остатки здесь теперь тоже стёрты.",
        ),
        Text(
            en="A new account:  zajil register",
            ar="حساب جديد:  zajil register",
            ru="Новая учётная запись:  zajil register",
        ),
    ),
    "not-asked": Complaint(
        Text(
            en="This cannot be undone, and nobody is here to be asked.",
            ar="لا رجوع عن هذا، ولا أحد هنا يُسأل.",
            ru="Это нельзя отменить, а спросить некого.",
        ),
        Text(
            en="If you mean it, add --yes.",
            ar="إن كنت تقصد ذلك فأضف --yes.",
            ru="Если вы уверены, добавьте --yes.",
        ),
    ),
}
