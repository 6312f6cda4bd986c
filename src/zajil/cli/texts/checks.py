"""What `doctor` found, said to a person: what it means and, where something is wrong, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zajil.cli.texts.complaint import LATER, READDING, RELINK, Complaint
from zajil.cli.texts.text import Text

if TYPE_CHECKING:
    from zajil.client.views import CheckCode

CHECKS: dict[CheckCode, Complaint] = {
    "keys-private": Complaint(
        Text(
            en="Only your user on this computer can read the keys; whoever copies the folder has them too.",
            ar="لا يقرأ المفاتيح إلا حسابك على هذا الحاسوب؛ ومن نسخ المجلّد حصل عليها أيضًا.",
            ru="Ключи доступны только вам на этом компьютере; но у того, кто скопирует папку, они тоже будут.",
        )
    ),
    "keys-readable": Complaint(
        Text(
            en="Other users of this computer may be able to read your keys, and so your messages.",
            ar="قد يتمكّن مستخدمون آخرون لهذا الحاسوب من قراءة مفاتيحك، ومعها رسائلك.",
            ru="Другие пользователи этого компьютера могут прочитать ваши ключи, а значит, и сообщения.",
        ),
        Text(
            en="Shut them out:",
            ar="امنعهم:",
            ru="Закройте доступ:",
        ),
    ),
    "store-readable": Complaint(
        Text(
            en="Messages and contacts are stored here encrypted, and this device can read them.",
            ar="الرسائل وجهات الاتصال محفوظة هنا مشفّرة، وهذا الجهاز يقرؤها.",
            ru="Сообщения и контакты хранятся здесь зашифрованными, и устройство их читает.",
        )
    ),
    "home-current": Complaint(
        Text(
            en="Nothing suggests that this folder is an old copy.",
            ar="لا شيء يدلّ على أن هذا المجلّد نسخة قديمة.",
            ru="Ничто не указывает на то, что эта папка — старая копия.",
        )
    ),
    "home-old-copy": Complaint(
        Text(
            en="This folder is an old copy; sending from it would endanger your messages, so nothing is sent.",
            ar="هذا المجلّد نسخة قديمة، والإرسال منه يعرّض رسائلك للخطر، فلن يُرسل شيء.",
            ru="Эта папка — старая копия; отправка из неё опасна для переписки, поэтому ничего не отправляется.",
        ),
        RELINK,
    ),
    "device-listed": Complaint(
        Text(
            en="This device belongs to your account.",
            ar="هذا الجهاز تابع لحسابك.",
            ru="Устройство подключено к вашей учётной записи.",
        )
    ),
    "device-removed": Complaint(
        Text(
            en="This device was removed from your account: it shows what is here but sends and receives nothing.",
            ar="أُزيل هذا الجهاز من حسابك: يمكنك قراءة ما فيه، لكنه لا يرسل ولا يستقبل.",
            ru="Устройство отключено от вашей учётной записи: прежнее можно читать, но отправки и получения нет.",
        ),
        RELINK,
    ),
    "chats-working": Complaint(
        Text(en="All chats work.", ar="كل المحادثات تعمل.", ru="Все чаты работают."),
    ),
    "chats-waiting": Complaint(
        Text(
            en="Chats that wait until this device is let in again: {count}.",
            ar="محادثات تنتظر إعادة إضافة هذا الجهاز: {count}.",
            ru="Чатов, где устройство ждёт повторного добавления: {count}.",
        ),
        READDING,
    ),
    "outbox-empty": Complaint(
        Text(en="Nothing is waiting to be sent.", ar="لا شيء ينتظر الإرسال.", ru="Всё отправлено.")
    ),
    "outbox-waiting": Complaint(
        Text(
            en="Waiting to be sent: {count}; zajil sync sends it.",
            ar="ينتظر الإرسال: {count}؛ يرسله zajil sync.",
            ru="Ждёт отправки: {count}; отправит zajil sync.",
        )
    ),
    "lists-agree": Complaint(
        Text(
            en="No account has shown this device two different sets of its devices.",
            ar="لم يرَ هذا الجهاز لأي حساب مجموعتَي أجهزة مختلفتين.",
            ru="Двух разных списков устройств у одной учётной записи здесь не встречалось.",
        )
    ),
    "lists-forked": Complaint(
        Text(
            en="Accounts with two different sets of devices: {count}. Somebody may be pretending to be them.",
            ar="حسابات ظهرت لها مجموعتا أجهزة مختلفتان: {count}. قد يكون هناك من ينتحل شخصيّة أصحابها.",
            ru="Учётных записей с двумя разными списками устройств: {count}. Возможно, кто-то выдаёт себя за других.",
        ),
        Text(
            en="Speak with the person and compare:",
            ar="تواصل مع الشخص وقارن:",
            ru="Свяжитесь с человеком и сверьте:",
        ),
    ),
    "suite-post-quantum": Complaint(
        Text(
            en="Chats are encrypted against quantum computers too (suite {suite}).",
            ar="تشفير المحادثات مصمَّم ليصمد أمام الحواسيب الكموميّة أيضًا (الطقم {suite}).",
            ru="Шифрование чатов рассчитано и на квантовые компьютеры (набор {suite}).",
        )
    ),
    "server-answers": Complaint(
        Text(
            en="The server answers, and everything is exchanged with it: {server}",
            ar="الخادم يجيب، واكتمل تبادل كل شيء معه: {server}",
            ru="Сервер отвечает, обмен с ним завершён: {server}",
        )
    ),
    "server-fails": Complaint(
        Text(
            en="The server refused: {error}.",
            ar="رفض الخادم: {error}.",
            ru="Сервер ответил отказом: {error}.",
        ),
        LATER,
    ),
}
