"""What went wrong with appeals, and for those who review."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

REVIEW_COMPLAINTS: dict[str, Complaint] = {
    "appeal-closed": Complaint(
        Text(
            en="No appeal is taken here, or not any more.",
            ar="لا يُقبل اعتراض هنا، أو انتهت مدّته.",
            ru="Обжаловать это нельзя или уже поздно.",
        ),
        Text(en="Your notices:  zajil notices", ar="إشعاراتك:  zajil notices", ru="Ваши уведомления:  zajil notices"),
    ),
    "own-decision": Complaint(
        Text(
            en="Nobody judges their own decision.",
            ar="لا يحكم أحد في قراره.",
            ru="Своё решение никто не проверяет сам.",
        ),
        Text(en="Leave it to a colleague.", ar="اتركه لزميل.", ru="Оставьте это коллеге."),
    ),
    "step-up-needed": Complaint(
        Text(
            en="Your key has to be asked again for this.",
            ar="يلزم التحقّق من مفتاحك من جديد لهذا.",
            ru="Для этого нужно снова подтвердить ключ.",
        ),
        Text(
            en="Log in anew:  zajil moderation login",
            ar="سجّل الدخول من جديد:  zajil moderation login",
            ru="Войдите заново:  zajil moderation login",
        ),
    ),
    "invite-spent": Complaint(
        Text(
            en="This invite is unknown, used or over.",
            ar="هذه الدعوة مجهولة أو مستعملة أو منتهية.",
            ru="Приглашение неизвестно, использовано или истекло.",
        ),
        Text(
            en="Ask an admin for another:  zajil moderation staff invite",
            ar="اطلب غيرها من مدير:  zajil moderation staff invite",
            ru="Попросите новое у администратора:  zajil moderation staff invite",
        ),
    ),
    "item-claimed": Complaint(
        Text(en="Somebody else works on this.", ar="يعمل شخص آخر على هذا.", ru="Над этим работает кто-то другой."),
        Text(
            en="Take another:  zajil moderation claim",
            ar="خذ غيره:  zajil moderation claim",
            ru="Возьмите другое:  zajil moderation claim",
        ),
    ),
    "item-closed": Complaint(
        Text(en="This was decided in the meantime.", ar="حُسم هذا في هذه الأثناء.", ru="По этому уже приняли решение."),
        Text(
            en="Take another:  zajil moderation claim",
            ar="خذ غيره:  zajil moderation claim",
            ru="Возьмите другое:  zajil moderation claim",
        ),
    ),
    "preview-changed": Complaint(
        Text(
            en="These copies were judged since the preview.",
            ar="صدر قرار في هذه النسخ منذ المعاينة.",
            ru="С тех пор об этих копиях уже решили.",
        ),
        Text(
            en="Look again, then decide:  zajil moderation show ITEM",
            ar="انظر من جديد ثم قرّر:  zajil moderation show ITEM",
            ru="Посмотрите снова, затем решите:  zajil moderation show ITEM",
        ),
    ),
    "undo-late": Complaint(
        Text(
            en="This cannot be taken back any more.",
            ar="لم يعد ممكنًا التراجع عن هذا.",
            ru="Отменить это уже нельзя.",
        ),
        Text(en="Decide anew.", ar="قرّر من جديد.", ru="Примите новое решение."),
    ),
    "no-staff-key": Complaint(
        Text(
            en="There is no staff key in this home.",
            ar="لا يوجد مفتاح مشرف في هذا المجلّد.",
            ru="В этой папке нет ключа модератора.",
        ),
        Text(
            en="With an invite:  zajil moderation login --server URL --invite CODE",
            ar="بدعوة:  zajil moderation login --server URL --invite CODE",
            ru="С приглашением:  zajil moderation login --server URL --invite CODE",
        ),
    ),
    "wrong-passphrase": Complaint(
        Text(
            en="This passphrase does not open the key.",
            ar="عبارة المرور هذه لا تفتح المفتاح.",
            ru="Эта фраза не открывает ключ.",
        ),
        Text(
            en="Try again; nobody can restore a lost one.",
            ar="حاول من جديد؛ ولا أحد يستطيع استعادة عبارة مفقودة.",
            ru="Попробуйте ещё раз; восстановить забытую фразу никто не может.",
        ),
    ),
    "staff-key-exists": Complaint(
        Text(
            en="This home has a staff key already.",
            ar="في هذا المجلّد مفتاح مشرف بالفعل.",
            ru="В этой папке уже есть ключ модератора.",
        ),
        Text(
            en="Use another home:  zajil --home DIR moderation login --server URL --invite CODE",
            ar="استعمل مجلّدًا آخر:  zajil --home DIR moderation login --server URL --invite CODE",
            ru="Возьмите другую папку:  zajil --home DIR moderation login --server URL --invite CODE",
        ),
    ),
    "logged-out": Complaint(
        Text(en="Nobody is logged in here.", ar="لا أحد مسجّل الدخول هنا.", ru="Здесь никто не вошёл."),
        Text(
            en="Log in:  zajil moderation login",
            ar="سجّل الدخول:  zajil moderation login",
            ru="Войдите:  zajil moderation login",
        ),
    ),
    "short-passphrase": Complaint(
        Text(
            en="The passphrase is too short, or the second one differs.",
            ar="عبارة المرور قصيرة، أو الثانية مختلفة.",
            ru="Фраза слишком короткая или вторая не совпала.",
        ),
        Text(
            en="Twice the same: at least 8 characters for your own key, 12 for private reports.",
            ar="مرّتين متطابقتين: 8 أحرف على الأقل لمفتاحك، و12 للبلاغات الخاصة.",
            ru="Дважды одинаково: не меньше 8 знаков для своего ключа, 12 для личных жалоб.",
        ),
    ),
    "private-locked": Complaint(
        Text(
            en="The key of private reports is locked.",
            ar="مفتاح البلاغات الخاصة مقفل.",
            ru="Ключ личных жалоб заперт.",
        ),
        Text(
            en="Unlock it:  zajil moderation private unlock",
            ar="افتحه:  zajil moderation private unlock",
            ru="Откройте его:  zajil moderation private unlock",
        ),
    ),
    "reports-closed": Complaint(
        Text(
            en="Nobody on this server reads reports yet.",
            ar="لا أحد على هذا الخادم يقرأ البلاغات بعد.",
            ru="На этом сервере жалобы пока никто не читает.",
        ),
        Text(
            en="Whoever runs it chooses a passphrase first:  zajil moderation private passphrase",
            ar="يختار من يدير الخادم عبارة مرور أوّلًا:  zajil moderation private passphrase",
            ru="Сначала владелец сервера задаёт фразу:  zajil moderation private passphrase",
        ),
    ),
    "no-such-word": Complaint(
        Text(
            en="This command does not know one of these words.",
            ar="لا يعرف هذا الأمر إحدى هذه الكلمات.",
            ru="Команда не знает одного из этих слов.",
        ),
        Text(
            en="What it knows:  zajil moderation COMMAND --help",
            ar="ما يعرفه:  zajil moderation COMMAND --help",
            ru="Что она знает:  zajil moderation COMMAND --help",
        ),
    ),
    "no-cluster": Complaint(
        Text(
            en="This item has no copies to decide together.",
            ar="ليس لهذا العنصر نسخ يُبتّ فيها معًا.",
            ru="У этой записи нет копий.",
        ),
        Text(
            en="Leave --cluster out; with it, decide allow or remove.",
            ar="اترك --cluster؛ ومعه لا يُقبل إلا allow أو remove.",
            ru="Уберите --cluster; с ним бывает только allow или remove.",
        ),
    ),
}
