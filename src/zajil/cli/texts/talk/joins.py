"""Permissions of groups, links into them, and who asks by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zajil.cli.texts.text import Text

if TYPE_CHECKING:
    from zajil.client.views import JoinPolicy, JoinState, Needs

GROUP_PERMS = Text(
    en="Show or change who may do what in a group.",
    ar="عرض من يحقّ له ماذا في المجموعة أو تغييره.",
    ru="Показать или изменить, кому что можно в группе.",
)
PERMS_ARGUMENT = Text(
    en="Changes, for example send=admin; none shows them.",
    ar="تغييرات مثل send=admin؛ ومن دونها تُعرض فقط.",
    ru="Изменения, например send=admin; без них права только показываются.",
)
NEEDS: dict[Needs, Text] = {
    "member": Text(en="every member", ar="كل عضو", ru="каждый участник"),
    "admin": Text(en="admins only", ar="المشرفون فقط", ru="только администраторы"),
}
PERMS: dict[str, Text] = {
    "send": Text(en="write: {who}", ar="الكتابة: {who}", ru="писать: {who}"),
    "add": Text(en="add people: {who}", ar="إضافة أشخاص: {who}", ru="добавлять людей: {who}"),
    "info": Text(en="change the name: {who}", ar="تغيير الاسم: {who}", ru="менять название: {who}"),
    "timer": Text(en="change the timer: {who}", ar="تغيير المؤقّت: {who}", ru="менять таймер: {who}"),
    "link": Text(
        en="make links, where they may add people: {who}",
        ar="إنشاء روابط لمن يحقّ له الإضافة: {who}",
        ru="создавать ссылки, если можно добавлять: {who}",
    ),
}
UNSHOWN = Text(
    en="Messages of members that were not shown, as only admins write here: {count}",
    ar="رسائل من أعضاء لم تُعرض، إذ لا يكتب هنا إلا المشرفون: {count}",
    ru="Не показано сообщений участников, так как здесь пишут только администраторы: {count}",
)

GROUP_LINK = Text(
    en="Make a link by which people ask to be let in, list or end links.",
    ar="إنشاء رابط يطلب به الناس الانضمام، وعرض الروابط وإنهاؤها.",
    ru="Создать ссылку, по которой просят принять в группу; показать или отозвать ссылки.",
)
AUTO_OPTION = Text(
    en="Let in at once whoever asks; who was removed before still waits.",
    ar="إدخال من يطلب فورًا؛ ومن أُخرج سابقًا ينتظر مع ذلك.",
    ru="Принимать сразу; исключённые раньше всё равно ждут.",
)
EXPIRES_OPTION = Text(
    en="How long the link holds: 30m, 12h, 7d.", ar="مدة صلاحية الرابط: 30m أو 12h أو 7d.", ru="Срок: 30m, 12h, 7d."
)
REVOKE_OPTION = Text(
    en="End this link (its id, the beginning of it, or the link); who asks by it later is refused.",
    ar="إنهاء هذا الرابط (معرّفه أو أوله أو الرابط نفسه)؛ ويُرفض من يطلب به بعد ذلك.",
    ru="Отозвать ссылку (её номер, его начало или сама ссылка); кто попросит по ней позже, получит отказ.",
)
LIST_OPTION = Text(en="List the links that hold.", ar="عرض الروابط الصالحة.", ru="Показать действующие ссылки.")
LINK_ASK = Text(
    en="Whoever opens this may ask to be let in; you decide. Who asks:",
    ar="من يفتح هذا يطلب الانضمام والقرار لك. لمعرفة الطالبين:",
    ru="Открывший эту ссылку может попроситься в группу, решаете вы. Кто просится:",
)
LINK_AUTO = Text(
    en="Whoever opens this and asks is let in while a device of yours is connected.",
    ar="من يفتح هذا ويطلب يدخل ما دام أحد أجهزتك متصلًا.",
    ru="Открывший эту ссылку и попросившийся будет принят, пока какое-то ваше устройство на связи.",
)
REVOKED = Text(en="The link is ended.", ar="أُنهي الرابط.", ru="Ссылка отозвана.")
NO_LINKS = Text(en="No link leads into this group.", ar="لا رابط إلى هذه المجموعة.", ru="Ссылок в эту группу нет.")
LINK_LINE = Text(en="{policy}, until {until}", ar="{policy}، حتى {until}", ru="{policy}, до {until}")
POLICIES: dict[JoinPolicy, Text] = {
    "ask": Text(en="with approval", ar="بموافقة", ru="с одобрением"),
    "auto": Text(en="at once", ar="فورًا", ru="сразу"),
}

GROUP_REQUESTS = Text(
    en="Who asks to be let in by a link of yours, and the answer.",
    ar="من يطلب الانضمام برابط منك، والردّ عليه.",
    ru="Кто просится в группу по вашей ссылке, и ответ.",
)
ACTION_ARGUMENT = Text(en="accept or decline.", ar="accept للقبول أو decline للرفض.", ru="accept или decline.")
WHO_ARGUMENT = Text(en="Id or name of who asks.", ar="معرّف الطالب أو اسمه.", ru="Идентификатор или имя просящего.")
ACCEPTED = Text(en="{name} is now in the group.", ar="صار {name} في المجموعة.", ru="{name} теперь в группе.")
DECLINED = Text(
    en="{name} is told no, and cannot ask by this link again.",
    ar="أُبلغ {name} بالرفض، ولا يطلب بهذا الرابط ثانيةً.",
    ru="{name} получит отказ и по этой ссылке больше не попросится.",
)
NO_REQUESTS = Text(en="Nobody waits.", ar="لا أحد ينتظر.", ru="Никто не ждёт.")
REMOVED_BEFORE = Text(en="was removed before", ar="أُخرج سابقًا", ru="раньше исключали")
BEING_ADDED = Text(en="is being added", ar="تجري إضافته", ru="добавляется")

JOIN = Text(
    en="Ask to be let into a group by its link; without one, see what you asked for.",
    ar="طلب الانضمام إلى مجموعة برابطها؛ ومن دونه تُعرض طلباتك.",
    ru="Попроситься в группу по ссылке; без неё — показать свои просьбы.",
)
JOIN_ARGUMENT = Text(en="A link into a group.", ar="رابط إلى مجموعة.", ru="Ссылка в группу.")
ASKED = Text(
    en="Whoever made the link is asked to let you into “{title}”. Waiting for approval.",
    ar="طُلب من صاحب الرابط إدخالك إلى «{title}». في انتظار الموافقة.",
    ru="Создателя ссылки просят принять вас в «{title}». Ждём одобрения.",
)
ASKED_HINT = Text(en="See what came of it:", ar="لمعرفة ما صار:", ru="Что из этого вышло:")
NO_JOINS = Text(en="You asked for nothing.", ar="لم تطلب شيئًا.", ru="Просьб нет.")
JOIN_LINE = Text(en="group “{title}”: {state}", ar="المجموعة «{title}»: {state}", ru="группа «{title}»: {state}")
JOIN_STATES: dict[JoinState, Text] = {
    "asked": Text(en="waiting for approval", ar="في انتظار الموافقة", ru="ждёт одобрения"),
    "declined": Text(en="declined", ar="رُفض", ru="отказано"),
    "closed": Text(en="the link holds no more", ar="لم يعد الرابط صالحًا", ru="ссылка больше не действует"),
    "dropped": Text(
        en="too many people asked; ask again later",
        ar="كثر الطالبون؛ اطلب لاحقًا",
        ru="слишком много просьб; попробуйте позже",
    ),
    "expired": Text(en="expired without an answer", ar="انتهت المهلة بلا ردّ", ru="истекла без ответа"),
}
