"""What went wrong in the public space."""

from __future__ import annotations

from zajil.cli.texts.complaint import UPDATE, Complaint
from zajil.cli.texts.text import Text

ANOTHER_HANDLE = Text(en="Choose another handle.", ar="اختر معرّفًا آخر.", ru="Выберите другой адрес.")
WAIT = Text(
    en="It ends by itself; a decision you can appeal is in your notices.",
    ar="ينتهي من تلقاء نفسه؛ والقرار الذي يمكنك الاعتراض عليه في إشعاراتك.",
    ru="Это пройдёт само; решение, которое можно обжаловать, — в ваших уведомлениях.",
)

PUBLIC_COMPLAINTS: dict[str, Complaint] = {
    "bad-handle": Complaint(
        Text(
            en="This can be nobody's handle.",
            ar="لا يصلح هذا معرّفًا لأحد.",
            ru="Такого адреса быть не может.",
        ),
        Text(
            en="3 to 32 letters of one script, digits, and _ or . between them.",
            ar="من 3 إلى 32 حرفًا من كتابة واحدة، وأرقام، وبينها _ أو نقطة.",
            ru="От 3 до 32 букв одной письменности, цифры, между ними _ или точка.",
        ),
    ),
    "wrong-space": Complaint(
        Text(
            en="A token of the private space was used in the public one, or the reverse.",
            ar="استُعمل رمز من الفضاء الخاص في الفضاء العام أو العكس.",
            ru="Токен закрытой части использован в открытой или наоборот.",
        ),
        UPDATE,
    ),
    "no-passes-left": Complaint(
        Text(
            en="This account has had all its passes for personas.",
            ar="أخذ هذا الحساب كل تصاريحه للشخصيات العامة.",
            ru="Этот аккаунт получил все пропуска для публичных имён.",
        ),
        Text(
            en="There are three for each account, once and for all.",
            ar="لكل حساب ثلاثة لا أكثر.",
            ru="Их три на аккаунт, раз и навсегда.",
        ),
    ),
    "persona-suspended": Complaint(
        Text(
            en="This persona is suspended.",
            ar="هذه الشخصية العامة موقوفة.",
            ru="Это публичное имя приостановлено.",
        ),
        WAIT,
    ),
    "muted": Complaint(
        Text(
            en="This persona is muted in this channel.",
            ar="كُتم صوت هذه الشخصية في هذه القناة.",
            ru="В этом канале этому имени пока нельзя писать.",
        ),
        WAIT,
    ),
    "channel-closed": Complaint(
        Text(
            en="Nobody can write in this channel now.",
            ar="لا يمكن لأحد الكتابة في هذه القناة الآن.",
            ru="Сейчас в этом канале никто не может писать.",
        ),
        Text(
            en="The server's moderators closed it; its owner can appeal.",
            ar="أغلقها مشرفو الخادم؛ ويمكن لمالكها الاعتراض.",
            ru="Его закрыли модераторы сервера; владелец может обжаловать.",
        ),
    ),
    "persona-exists": Complaint(
        Text(
            en="This persona is registered already.",
            ar="هذه الشخصية مسجّلة من قبل.",
            ru="Это публичное имя уже зарегистрировано.",
        ),
        Text(en="Log in instead.", ar="سجّل الدخول بدلًا من ذلك.", ru="Просто войдите."),
    ),
    "handle-taken": Complaint(
        Text(en="This handle is taken.", ar="هذا المعرّف مأخوذ.", ru="Этот адрес занят."),
        ANOTHER_HANDLE,
    ),
    "handle-confusable": Complaint(
        Text(
            en="This handle looks like one that is taken.",
            ar="هذا المعرّف يشبه معرّفًا مأخوذًا.",
            ru="Этот адрес похож на занятый.",
        ),
        ANOTHER_HANDLE,
    ),
    "version-conflict": Complaint(
        Text(
            en="The post was edited in the meantime.",
            ar="عُدّل المنشور في هذه الأثناء.",
            ru="Запись тем временем изменили.",
        ),
        Text(
            en="Read it again, then repeat the edit.",
            ar="اقرأه من جديد ثم أعد التعديل.",
            ru="Прочитайте её снова и повторите правку.",
        ),
    ),
    "owns-channels": Complaint(
        Text(
            en="This persona still owns channels.",
            ar="ما زالت هذه الشخصية تملك قنوات.",
            ru="У этого имени ещё есть каналы.",
        ),
        Text(en="Delete those first.", ar="احذفها أولًا.", ru="Сначала удалите их."),
    ),
}
