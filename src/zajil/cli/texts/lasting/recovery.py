"""The recovery key: showing, confirming, replacing, restoring. And what cannot be opened."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

RECOVERY = Text(
    en="A key on paper that brings your account back when every device is lost.",
    ar="مفتاح على ورقة يعيد إليك حسابك إن ضاعت كل أجهزتك.",
    ru="Ключ на бумаге, который вернёт учётную запись, если пропадут все устройства.",
)
SHOW = Text(
    en="Show the recovery key; the first time, make it. Write it down.",
    ar="عرض مفتاح الاستعادة، وإنشاؤه في المرّة الأولى. دوّنه.",
    ru="Показать ключ восстановления; в первый раз — создать. Запишите его.",
)
CONFIRM = Text(
    en="Type the key back from the paper, so that you know it is right.",
    ar="كتابة المفتاح من الورقة للتأكّد من صحّته.",
    ru="Ввести ключ с бумаги, чтобы убедиться, что он записан верно.",
)
STATUS = Text(
    en="Whether there is a key, and whether the backup is up to date.",
    ar="هل لك مفتاح، وهل النسخة الاحتياطية محدّثة.",
    ru="Есть ли ключ и свежа ли резервная копия.",
)
ROTATE = Text(
    en="Make a new key; the old one then opens nothing.",
    ar="إنشاء مفتاح جديد؛ ولا يفتح القديم بعدها شيئًا.",
    ru="Создать новый ключ; старый больше ничего не откроет.",
)
RESTORE = Text(
    en="Bring an account back in an empty home, by its recovery key.",
    ar="استعادة حساب في مجلّد فارغ بمفتاح الاستعادة.",
    ru="Вернуть учётную запись в пустую папку по ключу восстановления.",
)
QR_OPTION = Text(en="Show it as a QR code too.", ar="عرضه برمز QR أيضًا.", ru="Показать ещё и QR-кодом.")
KEEP_OPTION = Text(
    en="Keep the account's other devices; else they all end.",
    ar="إبقاء أجهزة الحساب الأخرى؛ وإلا انتهت كلّها.",
    ru="Оставить другие устройства; иначе все они отключаются.",
)
KEY_QUESTION = Text(en="Recovery key:", ar="مفتاح الاستعادة:", ru="Ключ восстановления:")
KEY_SHOWN = Text(
    en="Write this down and keep it away from your devices. Whoever has it has your account.",
    ar="دوّن هذا واحفظه بعيدًا عن أجهزتك. من يملكه يملك حسابك.",
    ru="Запишите и храните отдельно от устройств. У кого ключ — у того и учётная запись.",
)
WITH_SERVER = Text(
    en="Write down the server beside it; you need both:",
    ar="دوّن معه عنوان الخادم، فستحتاج إليهما معًا:",
    ru="Рядом запишите адрес сервера: нужны будут оба:",
)
CONFIRM_NEXT = Text(
    en="Then type it back once:",
    ar="ثم اكتبه مرّة للتأكّد:",
    ru="Затем введите его один раз для проверки:",
)
CONFIRMED = Text(en="The key is right.", ar="المفتاح صحيح.", ru="Ключ верен.")
COMES_BACK = Text(
    en="The backup is on the server: your contacts and chats come back with the key; messages do not.",
    ar="النسخة الاحتياطية على الخادم: تعود بالمفتاح جهات اتصالك ومحادثاتك، لا الرسائل.",
    ru="Резервная копия на сервере: с ключом вернутся контакты и чаты, но не сообщения.",
)
NOT_STORED = Text(
    en="But its backup is not on the server yet, and without it the key opens nothing. When the server answers:",
    ar="لكن نسختها الاحتياطية ليست على الخادم بعد، ولا يفتح المفتاح شيئًا دونها. حين يجيب الخادم:",
    ru="Но копии на сервере ещё нет, а без неё ключ ничего не откроет. Когда сервер ответит:",
)
STATES = {
    "none": Text(en="There is no recovery key.", ar="لا مفتاح استعادة بعد.", ru="Ключа восстановления нет."),
    "shown": Text(
        en="The key was shown and not typed back yet.",
        ar="عُرض المفتاح ولم يُكتب للتأكّد بعد.",
        ru="Ключ показан, но ещё не проверен вводом.",
    ),
    "confirmed": Text(
        en="The key was typed back and is right.", ar="كُتب المفتاح للتأكّد وهو صحيح.", ru="Ключ проверен вводом."
    ),
    "rotated": Text(
        en="A new key took the old one's place and was not typed back yet.",
        ar="حلّ مفتاح جديد محل القديم ولم يُكتب للتأكّد بعد.",
        ru="Новый ключ заменил старый, но ещё не проверен вводом.",
    ),
}
BACKUP_CURRENT = Text(
    en="The backup is up to date, stored on {date}.",
    ar="النسخة الاحتياطية محدّثة، وحُفظت في {date}.",
    ru="Резервная копия свежая, сохранена {date}.",
)
BACKUP_WAITS = Text(
    en="The backup is not up to date; the next sync stores it.",
    ar="النسخة الاحتياطية غير محدّثة؛ تُحفظ في المزامنة القادمة.",
    ru="Резервная копия устарела; её обновит следующая синхронизация.",
)
BACKUP_PROBLEM = Text(
    en="The server refused the last try: {code}.",
    ar="رفض الخادم آخر محاولة: {code}.",
    ru="Сервер отклонил последнюю попытку: {code}.",
)
RESTORED = Text(
    en="Welcome back, {name}. This is device {device}; chats come back as their members answer.",
    ar="أهلًا بعودتك يا {name}. هذا الجهاز رقم {device}؛ وتعود المحادثات حين يجيب أعضاؤها.",
    ru="С возвращением, {name}! Это устройство {device}; чаты вернутся, когда ответят участники.",
)

RECOVERY_COMPLAINTS: dict[str, Complaint] = {
    "stale-backup": Complaint(
        Text(
            en="A newer backup is stored already.",
            ar="هناك نسخة احتياطية أحدث محفوظة.",
            ru="На сервере уже есть более новая резервная копия.",
        ),
        Text(en="Sync again:  zajil sync", ar="زامن من جديد:  zajil sync", ru="Повторите:  zajil sync"),
    ),
    "no-recovery-key": Complaint(
        Text(
            en="This account has no recovery key yet.",
            ar="لا مفتاح استعادة لهذا الحساب بعد.",
            ru="У этой учётной записи ещё нет ключа восстановления.",
        ),
        Text(
            en="Make one:  zajil recovery show",
            ar="أنشئه:  zajil recovery show",
            ru="Создайте его:  zajil recovery show",
        ),
    ),
    "bad-recovery-key": Complaint(
        Text(
            en="This is not the recovery key, or it has a typo.",
            ar="هذا ليس مفتاح الاستعادة، أو فيه خطأ في الكتابة.",
            ru="Это не ключ восстановления, или в нём опечатка.",
        ),
        Text(
            en="It has 8 groups of 4 characters; compare each with the paper.",
            ar="يتألّف من 8 مجموعات في كلٍّ منها 4 رموز؛ قارنها بالورقة.",
            ru="В нём 8 групп по 4 знака; сверьте каждую с бумагой.",
        ),
    ),
    "no-backup": Complaint(
        Text(
            en="The server has no backup for this recovery key.",
            ar="لا نسخة احتياطية على الخادم لهذا المفتاح.",
            ru="На сервере нет резервной копии для этого ключа.",
        ),
        Text(
            en="Compare the key and the server's address; a replaced key opens nothing.",
            ar="تحقّق من المفتاح ومن عنوان الخادم؛ والمفتاح المستبدَل لا يفتح شيئًا.",
            ru="Сверьте ключ и адрес сервера; заменённый ключ ничего не открывает.",
        ),
    ),
    "bad-backup": Complaint(
        Text(
            en="The backup cannot be opened.",
            ar="تعذّر فتح النسخة الاحتياطية.",
            ru="Не удаётся открыть резервную копию.",
        ),
        Text(
            en="It was damaged, or a newer version wrote it; update and try again.",
            ar="إمّا أنها تلفت أو كتبها إصدار أحدث؛ حدّث البرنامج وأعد المحاولة.",
            ru="Она повреждена или создана более новой версией; обновите программу и повторите.",
        ),
    ),
}
