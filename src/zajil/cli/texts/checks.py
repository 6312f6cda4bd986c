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
    "route-direct": Complaint(
        Text(
            en="This network lets you straight to {host}.",
            ar="هذه الشبكة تتيح الوصول مباشرة إلى {host}.",
            ru="Эта сеть пропускает прямо к {host}.",
        )
    ),
    "route-via": Complaint(
        Text(
            en="This network is crossed over a bridge: {host}.",
            ar="تُعبر هذه الشبكة عبر جسر: {host}.",
            ru="Через эту сеть ведёт мост: {host}.",
        )
    ),
    "route-slow": Complaint(
        Text(
            en="This network freezes or slows connections; texts go in small pieces over {host}.",
            ar="هذه الشبكة تجمّد الاتصالات أو تبطئها؛ تمرّ النصوص أجزاءً صغيرة عبر {host}.",
            ru="Эта сеть замораживает или замедляет соединения; текст идёт малыми частями через {host}.",
        )
    ),
    "network-blocked": Complaint(
        Text(
            en="This network works, and seems to block Zajil. Tried: {tried}.",
            ar="هذه الشبكة تعمل، ويبدو أنها تحجب زاجل. جُرّب: {tried}.",
            ru="Эта сеть работает и, похоже, блокирует Zajil. Испробовано: {tried}.",
        ),
        Text(
            en="Ask for a bridge:  zajil net add LINK  ·  Tor:  zajil net proxy ADDRESS  ·  by hand:  zajil bundle",
            ar="اطلب جسرًا:  zajil net add LINK  ·  Tor:  zajil net proxy ADDRESS  ·  باليد:  zajil bundle",
            ru="Мост:  zajil net add LINK  ·  Tor:  zajil net proxy ADDRESS  ·  файлом:  zajil bundle",
        ),
    ),
    "server-down": Complaint(
        Text(
            en="The network works, and the server itself does not answer.",
            ar="الشبكة تعمل، والخادم نفسه لا يجيب.",
            ru="Сеть работает, а сам сервер не отвечает.",
        ),
        Text(
            en="Ask whoever runs it; what you write is kept and goes out by itself.",
            ar="اسأل من يشغّله؛ وما تكتبه يُحفظ ويُرسل وحده.",
            ru="Спросите того, кто его держит; написанное сохранится и уйдёт само.",
        ),
    ),
    "network-offline": Complaint(
        Text(
            en="This device has no network.",
            ar="لا شبكة لهذا الجهاز.",
            ru="У этого устройства нет сети.",
        ),
        Text(
            en="Check the cable, Wi-Fi or mobile data.",
            ar="افحص الكابل أو الواي فاي أو بيانات الهاتف.",
            ru="Проверьте кабель, Wi-Fi или мобильный интернет.",
        ),
    ),
    "route-missing": Complaint(
        Text(
            en="No route to the server was found. Tried: {tried}.",
            ar="لم يُعثر على طريق إلى الخادم. جُرّب: {tried}.",
            ru="Путь к серверу не найден. Испробовано: {tried}.",
        ),
        Text(
            en="Look closer:  zajil net probe",
            ar="انظر عن قرب:  zajil net probe",
            ru="Посмотреть подробнее:  zajil net probe",
        ),
    ),
    "clock-right": Complaint(
        Text(
            en="This machine’s clock agrees with the server’s, as far as it is known.",
            ar="ساعة هذا الجهاز توافق ساعة الخادم، بقدر ما يُعرف.",
            ru="Часы этого компьютера сходятся с часами сервера, насколько известно.",
        )
    ),
    "clock-wrong": Complaint(
        Text(
            en="This machine’s clock differs from the server’s by {minutes} minutes.",
            ar="تختلف ساعة هذا الجهاز عن ساعة الخادم: {minutes} دقيقة.",
            ru="Часы этого компьютера расходятся с часами сервера, минут: {minutes}.",
        ),
        Text(
            en="Set it: bridges open only to the right time.",
            ar="اضبطها: لا تفتح الجسور إلا للوقت الصحيح.",
            ru="Поставьте верное время: мосты открываются только по нему.",
        ),
    ),
    "routes-fresh": Complaint(
        Text(
            en="The list of routes is up to date.",
            ar="قائمة الطرق حديثة.",
            ru="Список путей свежий.",
        )
    ),
    "routes-stale": Complaint(
        Text(
            en="The list of routes is old; it is used until a newer one arrives.",
            ar="قائمة الطرق قديمة، وتُستعمل حتى تصل أحدث منها.",
            ru="Список путей устарел; он служит, пока не придёт новый.",
        ),
        Text(
            en="It is renewed by itself once the server is reached.",
            ar="تُجدَّد وحدها متى أمكن الوصول إلى الخادم.",
            ru="Он обновится сам, как только сервер станет доступен.",
        ),
    ),
    "tls-browser": Complaint(
        Text(
            en="Connections look like a browser’s.",
            ar="تبدو الاتصالات كاتصالات متصفّح.",
            ru="Соединения выглядят как у браузера.",
        )
    ),
    "tls-own": Complaint(
        Text(
            en="Connections look like a Python program’s; some censors know them.",
            ar="تبدو الاتصالات كاتصالات برنامج بايثون، وبعض الرقباء يعرفونها.",
            ru="Соединения выглядят как у программы на Python; некоторые цензоры их узнают.",
        ),
        Text(
            en="Make them look like a browser’s:  pip install 'zajil[reach]'",
            ar="لتبدو كاتصالات متصفّح:  pip install 'zajil[reach]'",
            ru="Чтобы выглядели как у браузера:  pip install 'zajil[reach]'",
        ),
    ),
    "transport-missing": Complaint(
        Text(
            en="A program that you set as a transport is missing: {missing}.",
            ar="برنامج اخترته ناقلًا غير موجود: {missing}.",
            ru="Нет программы, указанной как транспорт: {missing}.",
        ),
        Text(
            en="Install it, or take it out of the settings.",
            ar="ثبّته أو أزله من الإعدادات.",
            ru="Установите её или уберите из настроек.",
        ),
    ),
    "push-set": Complaint(
        Text(
            en="This device is woken through {endpoint} when something comes.",
            ar="يُوقَظ هذا الجهاز عبر {endpoint} حين يصل شيء.",
            ru="Когда что-то приходит, это устройство будят через {endpoint}.",
        )
    ),
    "push-ended": Complaint(
        Text(
            en="This device waits to be woken through {endpoint}, but the server sends no pushes any more.",
            ar="ينتظر هذا الجهاز أن يُوقَظ عبر {endpoint}، لكن الخادم لم يعد يرسل إشارات.",
            ru="Устройство ждёт сигналов через {endpoint}, но сервер их больше не отправляет.",
        ),
        Text(
            en="Fetch with zajil sync or zajil read --follow, and end the push:  zajil push off",
            ar="اجلب الرسائل بالأمر zajil sync أو zajil read --follow، وأوقف الإشارات:  zajil push off",
            ru="Забирайте через zajil sync или zajil read --follow, а сигналы отключите:  zajil push off",
        ),
    ),
}
