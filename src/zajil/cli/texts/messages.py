"""What is done to messages: reacting, editing, deleting, reporting, and how that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

MESSAGE_ARGUMENT = Text(
    en="Id of a message, or its first characters; zajil read CHAT --ids shows them.",
    ar="معرّف الرسالة أو أول أحرفه؛ يعرضها zajil read CHAT --ids.",
    ru="Идентификатор сообщения или его первые знаки; их показывает zajil read CHAT --ids.",
)
REACT = Text(
    en="Answer a message with one emoji.", ar="التفاعل مع رسالة برمز تعبيري.", ru="Отреагировать на сообщение эмодзи."
)
EMOJI_ARGUMENT = Text(en="One emoji.", ar="رمز تعبيري واحد.", ru="Один эмодзи.")
REMOVE_OPTION = Text(en="Take your reaction back.", ar="سحب تفاعلك.", ru="Убрать свою реакцию.")
REACTED_DONE = Text(en="Reacted.", ar="أُرسل التفاعل.", ru="Реакция отправлена.")
TAKEN_BACK_DONE = Text(en="Taken back.", ar="سُحب التفاعل.", ru="Реакция убрана.")

EDIT = Text(
    en="Change the text of your message, within a day; all see that it was edited.",
    ar="تعديل نصّ رسالتك خلال يوم؛ ويرى الجميع أنها عُدّلت.",
    ru="Изменить текст своего сообщения в течение суток; все увидят пометку.",
)
EDITED_DONE = Text(en="Edited.", ar="عُدّلت.", ru="Изменено.")

DELETE = Text(
    en="Delete a message for all, or with --for-me from this device alone.",
    ar="حذف رسالة لدى الجميع، أو من هذا الجهاز وحده مع --for-me.",
    ru="Удалить сообщение у всех или, с --for-me, только на этом устройстве.",
)
FOR_ME_OPTION = Text(
    en="On this device alone; the others keep it.",
    ar="من هذا الجهاز وحده؛ وتبقى لدى الآخرين.",
    ru="Только на этом устройстве; у других останется.",
)
DELETED_DONE = Text(en="Deleted for all.", ar="حُذفت لدى الجميع.", ru="Удалено у всех.")
DELETED_HERE_DONE = Text(en="Deleted on this device.", ar="حُذفت من هذا الجهاز.", ru="Удалено на этом устройстве.")
KEPT = Text(
    en="The change is stored here and goes out with the next zajil sync.",
    ar="حُفظ التغيير هنا وسيُرسل مع أول zajil sync.",
    ru="Изменение сохранено здесь и уйдёт при следующей zajil sync.",
)

EDITED = Text(en="edited", ar="معدّلة", ru="изменено")
DELETED = Text(en="This message was deleted.", ar="حُذفت هذه الرسالة.", ru="Сообщение удалено.")
UNSUPPORTED = Text(
    en="A newer Zajil can show this message.",
    ar="تُعرض هذه الرسالة في إصدار أحدث من زاجل.",
    ru="Это сообщение покажет более новая версия Zajil.",
)
QUOTE = Text(en="to {name}: {text}", ar="ردًّا على {name}: {text}", ru="в ответ {name}: {text}")
QUOTE_GONE = Text(
    en="to a message that is not here",
    ar="ردًّا على رسالة غير موجودة هنا",
    ru="в ответ на сообщение, которого здесь нет",
)
QUOTE_EXPIRED = Text(
    en="to a message that has disappeared", ar="ردًّا على رسالة اختفت", ru="в ответ на исчезнувшее сообщение"
)
SAW_DELETION = Text(en="{name} deleted a message.", ar="حذف {name} رسالة.", ru="{name} удаляет сообщение.")
SAW_REACTION = Text(
    en="{name} reacted with {emoji} to: {text}",
    ar="تفاعل {name} بـ {emoji} مع: {text}",
    ru="{name}: {emoji} на «{text}»",
)
SAW_TAKE_BACK = Text(
    en="{name} took a reaction back from: {text}",
    ar="سحب {name} تفاعله مع: {text}",
    ru="{name} убирает реакцию с «{text}»",
)
WRITING = Text(en="{name} is writing…", ar="{name} يكتب…", ru="{name} печатает…")

REPORT = Text(
    en="Report messages of one person in a chat to the moderators, with proof that they are genuine.",
    ar="الإبلاغ عن رسائل شخص واحد في محادثة لدى المشرفين، مع إثبات أنها حقيقية.",
    ru="Пожаловаться модераторам на сообщения одного человека в чате, с доказательством их подлинности.",
)
REPORT_REASON_OPTION = Text(en="What is wrong with them.", ar="ما المشكلة فيها.", ru="Что с ними не так.")
REPORT_NOTE_OPTION = Text(
    en="What moderators should know, up to 1,000 characters.",
    ar="ما ينبغي أن يعرفه المشرفون، حتى 1000 حرف.",
    ru="Что нужно знать модераторам, до 1000 знаков.",
)
REPORT_COMPLAINT_OPTION = Text(
    en="Without proof: a person reads it, and it counts as your word.",
    ar="من غير إثبات: يقرؤها شخص وتُحسب كلامًا منك.",
    ru="Без доказательства: её прочтёт человек, и она останется вашими словами.",
)
REPORT_ABOUT = Text(
    en="To the moderators of this server, about {name}:",
    ar="إلى مشرفي هذا الخادم، بشأن {name}:",
    ru="Модераторам этого сервера, о собеседнике {name}:",
)
REPORT_NO_TEXT = Text(
    en="(a message of a kind that is not shown here)",
    ar="(رسالة من نوع لا يُعرض هنا)",
    ru="(сообщение, которое здесь не показать)",
)
REPORT_WITH = Text(
    en="With it go who wrote it and when, the proof, and the reason: {reason}.",
    ar="ويُرسل معها: من كتبها ومتى، والإثبات، والسبب: {reason}.",
    ru="Вместе с этим уйдут: кто и когда это написал, доказательство и причина: {reason}.",
)
REPORT_WITH_NOTE = Text(en="Your note: {note}", ar="ملاحظتك: {note}", ru="Ваше примечание: {note}")
REPORT_WITHOUT = Text(
    en=(
        "Moderators do not learn which chat it is, who else is in it, or who you are. "
        "While it checks, the server sees that you report, and the number of the chat."
    ),
    ar=(
        "لا يعرف المشرفون أي محادثة هي، ولا من فيها، ولا من أنت. "
        "أما الخادم فيرى أثناء الفحص أنك أبلغت ويرى رقم المحادثة."
    ),
    ru=(
        "Модераторы не узнают, что это за чат, кто в нём ещё и кто вы. "
        "Сервер при проверке видит, что жалуетесь вы, и номер чата."
    ),
)
REPORT_QUESTION = Text(en="Send it?", ar="هل تُرسل؟", ru="Отправить?")
REPORT_SENT = Text(
    en="The moderators have the report. Its number: {id}",
    ar="وصل البلاغ إلى المشرفين. رقمه: {id}",
    ru="Жалоба у модераторов. Её номер: {id}",
)
REPORT_SENT_COMPLAINT = Text(
    en="The moderators have the complaint; it proves nothing by itself. Its number: {id}",
    ar="وصلت الشكوى إلى المشرفين، وهي لا تُثبت شيئًا بذاتها. رقمها: {id}",
    ru="Обращение у модераторов; само по себе оно ничего не доказывает. Его номер: {id}",
)
REPORT_TOO_OLD = Text(
    en="text {n} is older than 90 days", ar="النص رقم {n} أقدم من 90 يومًا", ru="текст {n} старше 90 дней"
)
REPORT_UNMARKED = Text(
    en="text {n} does not carry this server's mark",
    ar="النص رقم {n} لا يحمل علامة هذا الخادم",
    ru="на тексте {n} нет отметки этого сервера",
)
REPORT_CHECK_FAILED = Text(
    en="text {n}, check {check}", ar="النص رقم {n}، الفحص {check}", ru="текст {n}, проверка {check}"
)

TALK_COMPLAINTS: dict[str, Complaint] = {
    "codes-differ": Complaint(
        Text(
            en="The codes do not belong together: somebody may stand between you.",
            ar="الرمزان غير متطابقين: ربما يتوسّط أحدهم بينكما.",
            ru="Коды не сходятся: возможно, между вами кто-то стоит.",
        ),
        Text(
            en="Check that it is the code for this very chat; then do not trust it until you have talked in person.",
            ar="تأكّد أنه رمز هذه المحادثة نفسها؛ وإلا فلا تثق بها حتى تلتقيا.",
            ru="Проверьте, что это код именно этого чата; если да, не доверяйте ему, пока не поговорите лично.",
        ),
    ),
    "no-code": Complaint(
        Text(en="This is not the code of a safety number.", ar="هذا ليس رمز رقم أمان.", ru="Это не код безопасности.")
    ),
    "verify-again": Complaint(
        Text(
            en="The key of {name} is another one than you verified; nothing was sent.",
            ar="مفتاح {name} غير الذي وثّقته؛ لم يُرسل شيء.",
            ru="Ключ {name} не тот, что вы проверили; ничего не отправлено.",
        ),
        Text(
            en="Compare the safety number anew:  zajil verify NAME, then --confirm; or give up the mark: --withdraw",
            ar="قارن رقم الأمان من جديد:  zajil verify NAME ثم --confirm؛ أو أزل العلامة: --withdraw",
            ru="Сверьте код заново:  zajil verify NAME, затем --confirm; или снимите отметку: --withdraw",
        ),
    ),
    "no-message": Complaint(
        Text(
            en="There is no such message in this chat.",
            ar="لا توجد رسالة كهذه في هذه المحادثة.",
            ru="Такого сообщения в этом чате нет.",
        ),
        Text(
            en="Their ids:  zajil read CHAT --ids",
            ar="معرّفات الرسائل:  zajil read CHAT --ids",
            ru="Идентификаторы:  zajil read CHAT --ids",
        ),
    ),
    "many-messages": Complaint(
        Text(
            en="The ids of several messages begin so.",
            ar="تبدأ معرّفات عدة رسائل بهذه الأحرف.",
            ru="Так начинаются идентификаторы нескольких сообщений.",
        ),
        Text(
            en="Give more characters, or the whole id:  zajil read CHAT --json",
            ar="اكتب أحرفًا أكثر أو المعرّف كاملًا:  zajil read CHAT --json",
            ru="Укажите больше знаков или идентификатор целиком:  zajil read CHAT --json",
        ),
    ),
    "no-emoji": Complaint(
        Text(
            en="A reaction is exactly one emoji.",
            ar="التفاعل رمز تعبيري واحد بالضبط.",
            ru="Реакция — ровно один эмодзи.",
        )
    ),
    "not-yours": Complaint(
        Text(
            en="Only its author can edit a message.",
            ar="لا يعدّل الرسالة إلا كاتبها.",
            ru="Изменить сообщение может только автор.",
        )
    ),
    "too-late": Complaint(
        Text(
            en="A message can be edited for a day only.",
            ar="لا تُعدّل الرسالة إلا خلال يوم من إرسالها.",
            ru="Изменить сообщение можно только в течение суток.",
        ),
        Text(
            en="You can delete it for all:  zajil delete CHAT ID",
            ar="يمكنك حذفها لدى الجميع:  zajil delete CHAT ID",
            ru="Его можно удалить у всех:  zajil delete CHAT ID",
        ),
    ),
    "edit-file": Complaint(
        Text(
            en="The text of a message with files cannot be edited.",
            ar="لا يُعدّل نصّ رسالة فيها ملفات.",
            ru="Текст сообщения с файлами изменить нельзя.",
        ),
        Text(
            en="You can delete it for all and send it anew:  zajil delete CHAT ID",
            ar="يمكنك حذفها لدى الجميع وإرسالها من جديد:  zajil delete CHAT ID",
            ru="Его можно удалить у всех и отправить заново:  zajil delete CHAT ID",
        ),
    ),
    "report-unverified": Complaint(
        Text(
            en="It could not be proven that this was written so; nothing was reported.",
            ar="تعذّر إثبات أن هذا كُتب هكذا؛ ولم يُبلّغ عن شيء.",
            ru="Не удалось доказать, что это было написано именно так; жалоба не отправлена.",
        ),
        Text(
            en="You can send it without proof, as a complaint:  --complaint",
            ar="يمكنك إرسالها من غير إثبات، شكوى:  --complaint",
            ru="Можно отправить без доказательства, как обращение:  --complaint",
        ),
    ),
    "not-reportable": Complaint(
        Text(
            en="These messages cannot be reported together.",
            ar="لا يمكن الإبلاغ عن هذه الرسائل معًا.",
            ru="Пожаловаться на эти сообщения вместе нельзя.",
        ),
        Text(
            en="Choose messages of one other person, not deleted, with their edits six texts at most.",
            ar="اختر رسائل شخص واحد غيرك، لم تُحذف، وستة نصوص مع تعديلاتها على الأكثر.",
            ru="Выберите неудалённые сообщения одного собеседника, с правками не больше шести текстов.",
        ),
    ),
}

# What became of a call, as its caller and as the others read it.
CALL_KINDS: Final[Mapping[str, Text]] = {
    "audio": Text(en="Voice call", ar="مكالمة صوتية", ru="Аудиозвонок"),
    "video": Text(en="Video call", ar="مكالمة فيديو", ru="Видеозвонок"),
}
CALL_ANSWERED = Text(en="{kind}, lasted {length}", ar="{kind}، مدتها {length}", ru="{kind}, длительность {length}")
CALL_OWN: Final[Mapping[str, Text]] = {
    "answered": CALL_ANSWERED,
    "missed": Text(en="{kind}, no answer", ar="{kind}، لم يُرَدّ عليها", ru="{kind}, нет ответа"),
    "declined": Text(en="{kind}, declined", ar="{kind}، رُفضت", ru="{kind}, отклонён"),
    "busy": Text(en="{kind}, busy", ar="{kind}، الخط مشغول", ru="{kind}, занято"),
    "failed": Text(en="{kind}, no connection", ar="{kind}، تعذّر الاتصال", ru="{kind}, нет связи"),
}
CALL_OTHERS: Final[Mapping[str, Text]] = {
    **CALL_OWN,
    "missed": Text(en="{kind}, missed", ar="{kind}، فائتة", ru="{kind}, пропущен"),
}
