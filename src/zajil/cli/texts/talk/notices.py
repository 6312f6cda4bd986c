"""Lines of a chat that are no messages, about another member and about this account."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zajil.cli.texts.text import Text

if TYPE_CHECKING:
    from typing import Literal

    Plain = Literal[
        "device-added",
        "device-replaced",
        "left",
        "renamed",
        "write-admins",
        "write-members",
        "rules",
        "link-made",
        "link-ended",
        "asked",
        "repaired",
        "grown",
        "resealed",
        "overtaken",
        "overheard",
        "refused-welcome",
    ]
    """Codes of lines that say nothing but whom they are about."""
    Deed = Literal["role-owner", "role-admin", "role-member", "added", "removed"]
    """Codes of what one does to another."""

NAMED = Text(
    en="{was} is now called {became}.", ar="تغيّر اسم {was} إلى {became}.", ru="{was}: теперь другое имя — {became}."
)
REPAIRED = Text(
    en="A broken change had stopped this chat. It was repaired; nothing was lost.",
    ar="عطّل تغيير معطوب هذه المحادثة. أُصلحت ولم يضع شيء.",
    ru="Неверное изменение остановило этот чат. Он восстановлен, ничего не пропало.",
)
GROWN = Text(
    en="There is room for more people here now; this group is not protected against quantum computers any more.",
    ar="صار هنا مكان لمزيد من الناس؛ لم تعد هذه المجموعة محميّة من الحواسيب الكمومية.",
    ru="Здесь теперь больше места; группа больше не защищена от квантовых компьютеров.",
)
"""On a device that came in later, and does not know who did it."""
RESEALED = Text(
    en="This chat goes on with another kind of encryption; nothing was lost.",
    ar="تستمر هذه المحادثة بنوع آخر من التشفير، ولم يضع شيء.",
    ru="Этот чат продолжается с другим шифрованием, ничего не пропало.",
)
OVERHEARD = Text(
    en="What was written here in between did not reach everybody, and whoever is no longer in it may have read it. "
    "Send again what matters.",
    ar="ما كُتب هنا في الأثناء لم يصل إلى الجميع، وربما قرأه من لم يعد فيها. أرسل المهمّ من جديد.",
    ru="Написанное здесь за это время дошло не до всех, и его мог прочесть тот, кого здесь больше нет. "
    "Отправьте важное ещё раз.",
)

NOTICES: dict[Plain, Text] = {
    "device-added": Text(
        en="{name} has a new device.", ar="لدى {name} جهاز جديد.", ru="{name}: добавлено новое устройство."
    ),
    "device-replaced": Text(
        en="{name} uses a new device; older ones are out.",
        ar="يستعمل {name} جهازًا جديدًا؛ وأُخرجت أجهزة أقدم.",
        ru="{name}: теперь новое устройство, прежние отключены.",
    ),
    "left": Text(en="{name} left the group.", ar="غادر {name} المجموعة.", ru="{name} больше не в группе."),
    "renamed": Text(
        en="{name} gave the group another name.",
        ar="غيّر {name} اسم المجموعة.",
        ru="{name}: у группы новое название.",
    ),
    "write-admins": Text(
        en="{name} lets only admins write here.",
        ar="جعل {name} الكتابة هنا للمشرفين فقط.",
        ru="{name}: теперь здесь пишут только администраторы.",
    ),
    "write-members": Text(
        en="{name} lets every member write here.",
        ar="أتاح {name} الكتابة هنا لكل عضو.",
        ru="{name}: теперь здесь могут писать все участники.",
    ),
    "rules": Text(
        en="{name} changed who may do what here.",
        ar="غيّر {name} من يحقّ له ماذا هنا.",
        ru="{name}: изменены права участников.",
    ),
    "link-made": Text(
        en="{name} made a link into this group.",
        ar="أنشأ {name} رابطًا إلى هذه المجموعة.",
        ru="{name}: создана ссылка в эту группу.",
    ),
    "link-ended": Text(
        en="{name} ended a link into this group.",
        ar="أنهى {name} رابطًا إلى هذه المجموعة.",
        ru="{name}: ссылка в эту группу отозвана.",
    ),
    "asked": Text(en="{name} asks to be let in.", ar="يطلب {name} الانضمام.", ru="{name} просится в группу."),
    "repaired": REPAIRED,
    "grown": Text(
        en="{name} made room for more people here; this group is not protected against quantum computers any more.",
        ar="أفسح {name} هنا مكانًا لمزيد من الناس؛ لم تعد هذه المجموعة محميّة من الحواسيب الكمومية.",
        ru="{name}: здесь теперь больше места; группа больше не защищена от квантовых компьютеров.",
    ),
    "resealed": RESEALED,
    "overtaken": Text(
        en="The server came back from a backup that lacks changes of this chat. {name} made it anew with them.",
        ar="عاد الخادم من نسخة احتياطية تنقصها تغييرات في هذه المحادثة. أنشأها {name} من جديد بها.",
        ru="Сервер восстановлен из копии, где нет изменений этого чата. {name} создаёт его заново вместе с ними.",
    ),
    "overheard": OVERHEARD,
    "refused-welcome": Text(
        en="Refused: {name} tried to bring this device back with changes they may not make. Nothing changed here.",
        ar="رُفضت محاولة من {name} لإعادة هذا الجهاز مع تغييرات غير مسموح بها. لم يتغيّر شيء هنا.",
        ru="{name}: попытка вернуть это устройство с недопустимыми изменениями отклонена. Здесь ничего не изменилось.",
    ),
}
OWN_NOTICES: dict[Plain, Text] = {
    "device-added": Text(
        en="Your account has a new device. Was it not you? See:  zajil devices",
        ar="لحسابك جهاز جديد. لم تكن أنت؟ انظر:  zajil devices",
        ru="У вашей учётной записи новое устройство. Это не вы? Смотрите:  zajil devices",
    ),
    "device-replaced": Text(
        en="Your account uses a new device; older ones are out. Was it not you? See:  zajil devices",
        ar="يستعمل حسابك جهازًا جديدًا؛ وأُخرجت أجهزة أقدم. لم تكن أنت؟ انظر:  zajil devices",
        ru="У вашей учётной записи новое устройство, прежние отключены. Это не вы? Смотрите:  zajil devices",
    ),
    "left": Text(en="You left the group.", ar="غادرتَ المجموعة.", ru="Вы вышли из группы."),
    "renamed": Text(
        en="You gave the group another name.", ar="غيّرتَ اسم المجموعة.", ru="Вы дали группе новое название."
    ),
    "write-admins": Text(
        en="You let only admins write here.",
        ar="جعلتَ الكتابة هنا للمشرفين فقط.",
        ru="Вы разрешили писать здесь только администраторам.",
    ),
    "write-members": Text(
        en="You let every member write here.",
        ar="أتحتَ الكتابة هنا لكل عضو.",
        ru="Вы разрешили писать здесь всем участникам.",
    ),
    "rules": Text(
        en="You changed who may do what here.", ar="غيّرتَ من يحقّ له ماذا هنا.", ru="Вы изменили права участников."
    ),
    "link-made": Text(
        en="You made a link into this group.", ar="أنشأتَ رابطًا إلى هذه المجموعة.", ru="Вы создали ссылку в эту группу."
    ),
    "link-ended": Text(
        en="You ended a link into this group.",
        ar="أنهيتَ رابطًا إلى هذه المجموعة.",
        ru="Вы отозвали ссылку в эту группу.",
    ),
    "repaired": REPAIRED,
    "grown": Text(
        en="You made room for more people here; this group is not protected against quantum computers any more.",
        ar="أفسحتَ هنا مكانًا لمزيد من الناس؛ لم تعد هذه المجموعة محميّة من الحواسيب الكمومية.",
        ru="Вы освободили здесь место; группа больше не защищена от квантовых компьютеров.",
    ),
    "resealed": RESEALED,
    "overtaken": Text(
        en="The server came back from a backup that lacks changes of this chat. You made it anew with them.",
        ar="عاد الخادم من نسخة احتياطية تنقصها تغييرات في هذه المحادثة. أنشأتَها من جديد بها.",
        ru="Сервер восстановлен из копии, где нет изменений этого чата. Вы создали его заново вместе с ними.",
    ),
    "overheard": OVERHEARD,
}


class DeedText(NamedTuple):
    """What one did to another, as four people read it. Placeholders of all: {name} who did it, {whom} to whom."""

    others: Text
    ours: Text
    done_by_us: Text
    our_own: Text

    def of(self, *, own: bool, whom_own: bool) -> Text:
        """The sentence for where we did it, or where it was done to us."""
        if own:
            return self.our_own if whom_own else self.done_by_us
        return self.ours if whom_own else self.others


DEEDS: dict[Deed, DeedText] = {
    "added": DeedText(
        Text(en="{name} added {whom}.", ar="أضاف {name} {whom}.", ru="{name} добавляет: {whom}."),
        Text(en="{name} added you.", ar="أضافك {name}.", ru="{name} добавляет вас."),
        Text(en="You added {whom}.", ar="أضفتَ {whom}.", ru="Вы добавили: {whom}."),
        Text(en="You are in the group now.", ar="صرتَ في المجموعة.", ru="Теперь вы в группе."),
    ),
    "removed": DeedText(
        Text(en="{name} removed {whom}.", ar="أخرج {name} {whom}.", ru="{name} удаляет: {whom}."),
        Text(
            en="{name} removed you; what is here you can still read.",
            ar="أخرجك {name}؛ ويبقى ما هنا مقروءًا لك.",
            ru="{name} удаляет вас; прежнее по-прежнему можно читать.",
        ),
        Text(en="You removed {whom}.", ar="أخرجتَ {whom}.", ru="Вы удалили: {whom}."),
        Text(en="You are out of the group now.", ar="لم تعد في المجموعة.", ru="Вас больше нет в группе."),
    ),
    "role-owner": DeedText(
        Text(
            en="{name} made {whom} an owner.",
            ar="جعل {name} {whom} من المالكين.",
            ru="{name} назначает владельцем: {whom}.",
        ),
        Text(en="{name} made you an owner.", ar="جعلك {name} من المالكين.", ru="{name} назначает вас владельцем."),
        Text(en="You made {whom} an owner.", ar="جعلتَ {whom} من المالكين.", ru="Вы назначили владельцем: {whom}."),
        Text(en="You are an owner now.", ar="صرتَ من المالكين.", ru="Теперь вы владелец."),
    ),
    "role-admin": DeedText(
        Text(
            en="{name} made {whom} an admin.",
            ar="جعل {name} {whom} من المشرفين.",
            ru="{name} назначает администратором: {whom}.",
        ),
        Text(en="{name} made you an admin.", ar="جعلك {name} من المشرفين.", ru="{name} назначает вас администратором."),
        Text(en="You made {whom} an admin.", ar="جعلتَ {whom} من المشرفين.", ru="Вы назначили администратором: {whom}."),
        Text(en="You are an admin now.", ar="صرتَ من المشرفين.", ru="Теперь вы администратор."),
    ),
    "role-member": DeedText(
        Text(
            en="{name} made {whom} an ordinary member.",
            ar="سحب {name} صلاحيات {whom}.",
            ru="{name} снимает роль: {whom}.",
        ),
        Text(en="{name} made you an ordinary member.", ar="سحب {name} صلاحياتك.", ru="{name} снимает с вас роль."),
        Text(en="You made {whom} an ordinary member.", ar="سحبتَ صلاحيات {whom}.", ru="Вы сняли роль: {whom}."),
        Text(en="You are an ordinary member now.", ar="صرتَ عضوًا عاديًا.", ru="Теперь вы обычный участник."),
    ),
}
