"""Personas: public names of an account, and which of them a command speaks as."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

PUBLIC_COMMANDS = Text(en="Public channels", ar="القنوات العامة", ru="Публичные каналы")
PERSONA = Text(
    en="Your public names. Nobody is told that an account stands behind them.",
    ar="شخصياتك العامة. ولا يُقال لأحد إن خلفها حسابًا.",
    ru="Ваши публичные имена. Никому не сообщается, что за ними стоит аккаунт.",
)
CREATE = Text(
    en="Make a public name; an account has three, once and for all.",
    ar="إنشاء شخصية عامة؛ لكل حساب ثلاث لا أكثر، مرة واحدة وإلى الأبد.",
    ru="Создать публичное имя; их у аккаунта три, раз и навсегда.",
)
LIST = Text(en="Your public names and how they stand.", ar="شخصياتك العامة وحالها.", ru="Ваши публичные имена.")
DELETE = Text(
    en="Delete a public name with everything it wrote.",
    ar="حذف شخصية عامة مع كل ما كتبته.",
    ru="Удалить публичное имя и всё, что под ним написано.",
)
HANDLE_ARGUMENT = Text(
    en="Handle: 3 to 32 letters of one script, digits, and _ or . between them.",
    ar="المعرّف: من 3 إلى 32 حرفًا من كتابة واحدة، وأرقام، وبينها _ أو نقطة.",
    ru="Адрес: от 3 до 32 букв одной письменности, цифры, между ними _ или точка.",
)
NAME_OPTION = Text(
    en="Name shown beside the handle; everybody can read it.",
    ar="الاسم الظاهر بجانب المعرّف؛ يقرؤه الجميع.",
    ru="Имя рядом с адресом; его видят все.",
)
NAME_DEFAULT = Text(en="the handle", ar="المعرّف نفسه", ru="сам адрес")
AS_OPTION = Text(
    en="Which of your public names does this.",
    ar="أيّ شخصياتك العامة تقوم بهذا.",
    ru="От какого из ваших публичных имён.",
)
AS_READER_OPTION = Text(
    en="Read as this public name and see what only it may; without it nobody learns who reads.",
    ar="القراءة بهذه الشخصية ورؤية ما يخصّها؛ وبدونها لا يُعرف من يقرأ.",
    ru="Читать от этого имени и видеть своё; без него никто не узнает, кто читает.",
)
YES_OPTION = Text(en="Do not ask.", ar="بلا سؤال.", ru="Не спрашивать.")
CREATED = Text(
    en="@{handle} is yours. Its posts are read before they appear for the first day or so.",
    ar="صار ‎@{handle} لك. تُراجَع منشوراته قبل ظهورها في اليوم الأول تقريبًا.",
    ru="@{handle} — теперь ваш адрес. Первые сутки записи проверяются до показа.",
)
NONE = Text(
    en="No public names yet. Make one:  zajil persona create HANDLE",
    ar="لا شخصيات عامة بعد. أنشئ واحدة:  zajil persona create HANDLE",
    ru="Публичных имён пока нет. Создать:  zajil persona create HANDLE",
)
TRUST = {
    0: Text(en="new", ar="جديدة", ru="новое"),
    1: Text(en="known a little", ar="معروفة قليلًا", ru="немного знакомое"),
    2: Text(en="established", ar="معروفة", ru="известное"),
}
STRIKE = Text(en="strike until {day}", ar="مخالفة حتى {day}", ru="нарушение до {day}")
LIMITED = Text(en="5 posts a day until {day}", ar="5 منشورات في اليوم حتى {day}", ru="5 записей в день до {day}")
SUSPENDED = Text(en="suspended until {day}", ar="موقوفة حتى {day}", ru="приостановлено до {day}")
DELETE_QUESTION = Text(
    en="Delete @{handle} and everything it wrote, for good? It gives no other name back.",
    ar="حذف ‎@{handle} وكل ما كتبته نهائيًّا؟ لا يعود بدلًا منها شيء.",
    ru="Удалить @{handle} и всё написанное навсегда? Нового имени взамен не будет.",
)
DELETED = Text(en="@{handle} is deleted.", ar="حُذفت ‎@{handle}.", ru="@{handle} удалено.")

PERSONA_COMPLAINTS: dict[str, Complaint] = {
    "no-persona": Complaint(
        Text(
            en="This account has no public name of that handle.",
            ar="ليس لهذا الحساب شخصية عامة بهذا المعرّف.",
            ru="У этого аккаунта нет такого публичного имени.",
        ),
        Text(
            en="Your public names:  zajil persona list",
            ar="شخصياتك العامة:  zajil persona list",
            ru="Ваши публичные имена:  zajil persona list",
        ),
    ),
    "which-persona": Complaint(
        Text(
            en="This account has several public names: {names}.",
            ar="لهذا الحساب عدة شخصيات عامة: {names}.",
            ru="У этого аккаунта несколько публичных имён: {names}.",
        ),
        Text(en="Say which one: --as HANDLE", ar="حدّد أيّها: --as HANDLE", ru="Укажите одно: --as HANDLE"),
    ),
    "delete-unasked": Complaint(
        Text(
            en="This deletes for good, and nobody is there to be asked.",
            ar="هذا حذف نهائي، ولا أحد هنا ليُسأل.",
            ru="Это удаление навсегда, а спросить некого.",
        ),
        Text(en="With --yes it goes ahead.", ar="مع ‎--yes يُنفَّذ بلا سؤال.", ru="С --yes выполнится без вопроса."),
    ),
    "no-public-space": Complaint(
        Text(
            en="This server has no public channels.",
            ar="لا قنوات عامة على هذا الخادم.",
            ru="На этом сервере нет публичных каналов.",
        ),
        Text(
            en="Whoever runs it opens them with public_space = true in its zajil.toml.",
            ar="يفتحها القائم عليه بالإعداد public_space = true في ملفه zajil.toml.",
            ru="Владелец включает их настройкой public_space = true в файле zajil.toml.",
        ),
    ),
    "bad-post": Complaint(
        Text(
            en="This names no post.",
            ar="هذا لا يدلّ على منشور.",
            ru="Это не указывает на запись.",
        ),
        Text(
            en="A post is named as read --ids shows it, or by the address of its page.",
            ar="يُسمّى المنشور كما يعرضه read --ids، أو بعنوان صفحته.",
            ru="Запись называют так, как показывает read --ids, или адресом её страницы.",
        ),
    ),
    "post-too-long": Complaint(
        Text(
            en="A post holds up to {most} characters; this is longer.",
            ar="يتّسع المنشور لـ {most} حرفًا؛ وهذا أطول.",
            ru="В запись помещается до {most} знаков; здесь больше.",
        ),
        Text(en="Post it in parts.", ar="انشره على أجزاء.", ru="Опубликуйте по частям."),
    ),
    "no-reason": Complaint(
        Text(
            en="Removing somebody else's post needs a reason, which its author gets.",
            ar="إزالة منشور غيرك تحتاج إلى سبب يصل إلى كاتبه.",
            ru="Чтобы убрать чужую запись, нужна причина: её получит автор.",
        ),
        Text(en="Add --reason TEXT.", ar="أضف ‎--reason TEXT.", ru="Добавьте --reason TEXT."),
    ),
}
GONE_HINT = Text(
    en="No such channel, persona or post, or it was taken down.",
    ar="لا توجد قناة أو شخصية أو منشور كهذا، أو أُزيل.",
    ru="Такого канала, имени или записи нет, или они убраны.",
)
NOT_ALLOWED_HINT = Text(
    en="In a broadcast channel its admins post; to comment, subscribe first:  zajil channel subscribe CHANNEL",
    ar="في قناة البثّ ينشر المشرفون؛ وللتعليق اشترك أولًا:  zajil channel subscribe CHANNEL",
    ru="В канале-рассылке пишут администраторы; чтобы комментировать, подпишитесь:  zajil channel subscribe CHANNEL",
)
