"""Pins, archive, mute and drafts, in words."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

PIN = Text(en="Keep a chat first in the list.", ar="إبقاء محادثة في أول القائمة.", ru="Держать чат в начале списка.")
UNPIN = Text(en="Stop that.", ar="إلغاء التثبيت.", ru="Открепить чат.")
ARCHIVE = Text(
    en="Take a chat out of the list until somebody writes in it.",
    ar="إخراج محادثة من القائمة إلى أن يكتب فيها أحد.",
    ru="Убрать чат из списка, пока в нём никто не напишет.",
)
UNARCHIVE = Text(en="Bring a chat back into the list.", ar="إعادة محادثة إلى القائمة.", ru="Вернуть чат в список.")
MUTE = Text(
    en="No notifications of a chat, but for mentions of you in a group.",
    ar="لا إشعارات من محادثة، إلا حين يُذكر اسمك في مجموعة.",
    ru="Никаких уведомлений из чата, кроме упоминаний вас в группе.",
)
UNMUTE = Text(en="Notifications again.", ar="إعادة الإشعارات.", ru="Снова включить уведомления.")
DRAFT = Text(
    en="Keep a text that is not sent yet, on all your devices; without a text, show it.",
    ar="حفظ نصّ لم يُرسل بعد على كل أجهزتك؛ ومن دون نصّ يُعرض المحفوظ.",
    ru="Сохранить неотправленный текст на всех ваших устройствах; без текста — показать его.",
)
DRAFT_ARGUMENT = Text(
    en="The text; - reads it from standard input, an empty one removes it.",
    ar="النصّ؛ وعلامة - تقرأه من الدخل القياسي، والفارغ يحذفه.",
    ru="Текст; - читает его из стандартного ввода, пустой удаляет черновик.",
)
FOR_OPTION = Text(
    en="For so long: 30m, 8h, 2d, 1w. Default: until you unmute it.",
    ar="لهذه المدة: 30m أو 8h أو 2d أو 1w. الافتراضي: إلى أن تلغي الكتم.",
    ru="На такое время: 30m, 8h, 2d, 1w. По умолчанию: пока не включите.",
)
UNTIL_OPTION = Text(
    en="Until then, in local time: 2026-12-01 or '2026-12-01 08:00'.",
    ar="حتى ذلك الوقت بالتوقيت المحلّي: 2026-12-01 أو '2026-12-01 08:00'.",
    ru="До этого времени, местного: 2026-12-01 или '2026-12-01 08:00'.",
)
ARCHIVED_OPTION = Text(
    en="Those that are out of the list, and no others.",
    ar="المؤرشفة وحدها.",
    ru="Только те, что убраны из списка.",
)

PINNED = Text(en="pinned", ar="مثبّتة", ru="закреплён")
MUTED = Text(en="muted", ar="مكتومة", ru="без звука")
MUTED_UNTIL = Text(en="muted until {when}", ar="مكتومة حتى {when}", ru="без звука до {when}")
ARCHIVED = Text(en="archived", ar="مؤرشفة", ru="в архиве")
HAS_DRAFT = Text(en="draft: {text}", ar="مسودة: {text}", ru="черновик: {text}")
ARCHIVED_COUNT = Text(
    en="Archived: {count}  (zajil chats --archived)",
    ar="المؤرشفة: {count}  (zajil chats --archived)",
    ru="В архиве: {count}  (zajil chats --archived)",
)
NOTHING_ARCHIVED = Text(en="Nothing is archived.", ar="لا شيء مؤرشف.", ru="В архиве пусто.")

SAID_PIN = Text(en="Pinned.", ar="ثُبِّتت.", ru="Закреплён.")
SAID_UNPIN = Text(en="Not pinned any more.", ar="أُلغي التثبيت.", ru="Откреплён.")
SAID_ARCHIVE = Text(en="Archived.", ar="أُرشفت.", ru="Убран в архив.")
SAID_UNARCHIVE = Text(en="Back in the list.", ar="عادت إلى القائمة.", ru="Снова в списке.")
SAID_MUTE = Text(en="Muted until you unmute it.", ar="كُتمت إلى أن تلغي الكتم.", ru="Без звука, пока не включите.")
SAID_MUTE_UNTIL = Text(en="Muted until {when}.", ar="كُتمت حتى {when}.", ru="Без звука до {when}.")
SAID_UNMUTE = Text(en="Not muted any more.", ar="أُلغي الكتم.", ru="Звук включён.")
DRAFT_KEPT = Text(en="Kept as a draft.", ar="حُفظت مسودة.", ru="Черновик сохранён.")
DRAFT_REMOVED = Text(en="No draft any more.", ar="حُذفت المسودة.", ru="Черновик удалён.")
NO_DRAFT = Text(en="No draft.", ar="لا مسودة.", ru="Черновика нет.")

ARRANGING_COMPLAINTS = {
    "bad-time": Complaint(
        Text(
            en="This is no time to come.",
            ar="هذا ليس وقتًا قادمًا.",
            ru="Это не время в будущем.",
        ),
        Text(
            en="Write --for 30m, 8h, 2d or 1w, or --until '2026-12-01 08:00'; not both.",
            ar="اكتب --for 30m أو 8h أو 2d أو 1w، أو --until '2026-12-01 08:00'؛ لا كليهما.",
            ru="Пишите --for 30m, 8h, 2d или 1w либо --until '2026-12-01 08:00', но не то и другое.",
        ),
    ),
}
