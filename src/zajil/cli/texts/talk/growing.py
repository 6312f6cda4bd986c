"""Making room in a group for more than 128 devices."""

from __future__ import annotations

from zajil.cli.texts.text import Text

GROW = Text(
    en="Make room for up to 1,000 devices; costs the protection against quantum computers.",
    ar="إفساح مكان لما يصل إلى 1000 جهاز، وثمنه الحماية من الحواسيب الكمومية.",
    ru="Освободить место до 1000 устройств ценой защиты от квантовых компьютеров.",
)
YES_OPTION = Text(en="Do not ask.", ar="دون سؤال.", ru="Не спрашивать.")
COST = Text(
    en="“{title}” gets room for up to 1,000 devices. From then on it is not protected against a recording that a future"
    " quantum computer opens. This cannot be undone. Everybody in it is told that you did it; the chat stays as it is.",
    ar="ستتّسع «{title}» لما يصل إلى 1000 جهاز. ومن بعدها لا تكون محميّة من تسجيل يفتحه حاسوب كمومي في المستقبل،"
    " ولا رجوع عن ذلك. يُخبَر كل من فيها بأنك فعلت هذا، وتبقى المحادثة كما هي.",
    ru="В группе «{title}» станет место до 1000 устройств. После этого она не защищена от записи, которую вскроет"
    " будущий квантовый компьютер; отменить это нельзя. Участники увидят, что это сделали вы; чат останется тем же.",
)
QUESTION = Text(en="Make room?", ar="هل نُفسح المكان؟", ru="Освободить место?")
DONE = Text(
    en="“{title}” now has room for up to 1,000 devices.",
    ar="صارت «{title}» تتّسع لما يصل إلى 1000 جهاز.",
    ru="В группе «{title}» теперь есть место до 1000 устройств.",
)
HAS_ROOM = Text(
    en="“{title}” has room for up to 1,000 devices already.",
    ar="تتّسع «{title}» لما يصل إلى 1000 جهاز من قبل.",
    ru="В группе «{title}» уже есть место до 1000 устройств.",
)
CHANGED = Text(
    en="Nothing was changed here. Try again when nobody else changes the group.",
    ar="لم يتغيّر شيء هنا. أعد المحاولة حين لا يغيّر أحد المجموعة.",
    ru="Здесь ничего не изменилось. Повторите, когда никто не меняет группу.",
)
UNKNOWN = Text(
    en="Nothing was changed. Try again once they have written in the group, or ask another admin.",
    ar="لم يتغيّر شيء. أعد المحاولة بعد أن يكتب في المجموعة، أو اطلب ذلك من مشرف آخر.",
    ru="Ничего не изменилось. Повторите, когда этот человек напишет в группе, или попросите другого администратора.",
)
