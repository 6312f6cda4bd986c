"""Reporting messages of a private chat: what is sent, what is not, and why it may be refused."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

REPORT = Text(
    en="Report messages of one person in a chat to the moderators, with proof that they are genuine.",
    ar="الإبلاغ عن رسائل شخص واحد في محادثة لدى المشرفين، مع إثبات أنها حقيقية.",
    ru="Пожаловаться модераторам на сообщения одного человека в чате, с доказательством их подлинности.",
)
REASON_OPTION = Text(en="What is wrong with them.", ar="ما المشكلة فيها.", ru="Что с ними не так.")
NOTE_OPTION = Text(
    en="What moderators should know, up to 1,000 characters.",
    ar="ما ينبغي أن يعرفه المشرفون، حتى 1000 حرف.",
    ru="Что нужно знать модераторам, до 1000 знаков.",
)
COMPLAINT_OPTION = Text(
    en="Without proof: a person reads it, and it counts as your word.",
    ar="من غير إثبات: يقرؤها شخص وتُحسب كلامًا منك.",
    ru="Без доказательства: её прочтёт человек, и она останется вашими словами.",
)
ABOUT = Text(
    en="To the moderators of this server, about {name}:",
    ar="إلى مشرفي هذا الخادم، بشأن {name}:",
    ru="Модераторам этого сервера, о собеседнике {name}:",
)
NO_TEXT = Text(
    en="(a message of a kind that is not shown here)",
    ar="(رسالة من نوع لا يُعرض هنا)",
    ru="(сообщение, которое здесь не показать)",
)
WITH = Text(
    en="With it go who wrote it and when, the proof, and the reason: {reason}.",
    ar="ويُرسل معها: من كتبها ومتى، والإثبات، والسبب: {reason}.",
    ru="Вместе с этим уйдут: кто и когда это написал, доказательство и причина: {reason}.",
)
WITH_NOTE = Text(en="Your note: {note}", ar="ملاحظتك: {note}", ru="Ваше примечание: {note}")
WITHOUT = Text(
    en="Moderators do not learn which chat it is, who else is in it, or who you are. The server knows that you report.",
    ar="لا يعرف المشرفون أي محادثة هي، ولا من فيها، ولا من أنت. أما الخادم فيعرف أنك أبلغت.",
    ru="Модераторы не узнают, что это за чат, кто в нём ещё и кто вы. Сервер знает, что жалуетесь вы.",
)
QUESTION = Text(en="Send it?", ar="هل تُرسل؟", ru="Отправить?")
SENT = Text(
    en="The moderators have the report. Its number: {id}",
    ar="وصل البلاغ إلى المشرفين. رقمه: {id}",
    ru="Жалоба у модераторов. Её номер: {id}",
)
SENT_COMPLAINT = Text(
    en="The moderators have the complaint; it proves nothing by itself. Its number: {id}",
    ar="وصلت الشكوى إلى المشرفين، وهي لا تُثبت شيئًا بذاتها. رقمها: {id}",
    ru="Обращение у модераторов; само по себе оно ничего не доказывает. Его номер: {id}",
)
TOO_OLD = Text(
    en="text {n} is older than 90 days", ar="النص رقم {n} أقدم من 90 يومًا", ru="текст {n} старше 90 дней"
)
UNMARKED = Text(
    en="text {n} does not carry this server's mark",
    ar="النص رقم {n} لا يحمل علامة هذا الخادم",
    ru="на тексте {n} нет отметки этого сервера",
)
CHECK_FAILED = Text(
    en="text {n}, check {check}", ar="النص رقم {n}، الفحص {check}", ru="текст {n}, проверка {check}"
)

REPORT_COMPLAINTS: dict[str, Complaint] = {
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
