"""Routes to the server, for people."""

from __future__ import annotations

from typing import Final

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

NET = Text(
    en="Routes to the server: look, add bridges, use a proxy.",
    ar="الطرق إلى الخادم: عرضها، وإضافة جسور، واستعمال وكيل.",
    ru="Пути к серверу: посмотреть, добавить мосты, указать прокси.",
)
PROBE = Text(
    en="Look for a route now and show each one with what was measured.",
    ar="البحث عن طريق الآن وعرض كل طريق مع ما قيس فيه.",
    ru="Поискать путь сейчас и показать измеренное по каждому.",
)
ONLY_OPTION = Text(
    en="Try this way of connecting alone.", ar="تجربة طريقة الاتصال هذه وحدها.", ru="Пробовать только этот способ."
)
FORGET = Text(en="Forget what worked on which network.", ar="نسيان ما نجح على كل شبكة.", ru="Забыть, что где работало.")
FORGOTTEN = Text(en="Forgotten.", ar="نُسي.", ru="Забыто.")
ADD = Text(
    en="Add the bridges of a link that somebody gave you.",
    ar="إضافة جسور من رابط أعطاك إياه أحد.",
    ru="Добавить мосты из ссылки, которую вам дали.",
)
LINK_ARGUMENT = Text(
    en="The link: …/b#… or zajil:…, in quotes.",
    ar="الرابط: …/b#… أو zajil:…، بين علامتَي اقتباس.",
    ru="Ссылка: …/b#… или zajil:…, в кавычках.",
)
ADDED = Text(en="Bridges held now: {count}", ar="الجسور لديك الآن: {count}", ru="Мостов теперь: {count}")
SHARE = Text(
    en="A link with fresh bridges for somebody else; five a week, from your eighth day on.",
    ar="رابط بجسور جديدة لشخص آخر؛ خمسة في الأسبوع، ابتداءً من يومك الثامن.",
    ru="Ссылка со свежими мостами для другого; пять в неделю, начиная с восьмого дня.",
)
QR_OPTION = Text(en="Show the link as a QR code too.", ar="عرض الرابط رمزَ QR أيضًا.", ru="Показать ссылку и QR-кодом.")
REMOVE = Text(
    en="Remove your private bridges from this device.",
    ar="إزالة جسورك الخاصة من هذا الجهاز.",
    ru="Удалить свои личные мосты с этого устройства.",
)
REMOVE_YES_OPTION = Text(en="Do not ask.", ar="دون سؤال.", ru="Не спрашивать.")
REMOVE_QUESTION = Text(
    en="All private bridges here go, and come back only with their links: {count}. Remove them?",
    ar="ستُزال كل الجسور الخاصة هنا، ولا تعود إلا بروابطها: {count}. أتزيلها؟",
    ru="Все личные мосты здесь будут удалены, вернуть их можно только по ссылкам: {count}. Удалить?",
)
REMOVED = Text(en="Bridges removed: {count}", ar="الجسور المُزالة: {count}", ru="Удалено мостов: {count}")
NONE_TO_REMOVE = Text(
    en="Nothing to remove: there are no private bridges here.",
    ar="لا شيء يُزال: لا جسور خاصة هنا.",
    ru="Удалять нечего: личных мостов здесь нет.",
)
PROXY = Text(
    en="Go through a SOCKS5 proxy, such as Tor's socks5h://127.0.0.1:9050; off ends it; "
    "without a value it shows the current one.",
    ar="الاتصال عبر وكيل SOCKS5، مثل وكيل Tor على socks5h://127.0.0.1:9050؛ و off لإيقافه، وبلا قيمة لعرضه.",
    ru="Ходить через SOCKS5-прокси, например Tor: socks5h://127.0.0.1:9050; off — выключить, без значения — показать.",
)
PROXY_ARGUMENT = Text(
    en="socks5h://HOST:PORT, or off.", ar="socks5h://HOST:PORT أو off.", ru="socks5h://HOST:PORT или off."
)
PROXY_NOW = Text(en="Proxy: {proxy}", ar="الوكيل: {proxy}", ru="Прокси: {proxy}")
PROXY_USE = Text(
    en="Used when the direct way fails. To use nothing else:  zajil net prefer only",
    ar="يُستعمل حين يخفق الطريق المباشر. لئلّا يُستعمل سواه:  zajil net prefer only",
    ru="Используется, когда прямой путь не удаётся. Чтобы шло только через него:  zajil net prefer only",
)
PROXY_SILENT = Text(
    en="Nothing answers there now. Is it running, and is the port right?",
    ar="لا شيء يجيب هناك الآن. هل الوكيل يعمل، وهل المنفذ صحيح؟",
    ru="Сейчас там никто не отвечает. Прокси запущен? Порт верный?",
)
PROXY_NONE = Text(en="No proxy.", ar="لا وكيل.", ru="Прокси не используется.")
PREFER = Text(
    en="What counts in choosing: speed, privacy (your proxy first) or only (nothing but your proxy).",
    ar="ما يهمّ عند الاختيار: speed السرعة، أو privacy وكيلك أولًا، أو only لا شيء سوى وكيلك.",
    ru="Что важнее при выборе: speed — скорость, privacy — сначала ваш прокси, only — только он.",
)
PREFER_ARGUMENT = Text(en="speed, privacy or only.", ar="speed أو privacy أو only.", ru="speed, privacy или only.")
PREFER_NOW = Text(en="Preference: {preference}", ar="التفضيل: {preference}", ru="Предпочтение: {preference}")

COLUMNS: Final = (
    Text(en="Route", ar="الطريق", ru="Путь"),
    Text(en="How", ar="الطريقة", ru="Способ"),
    Text(en="Result", ar="النتيجة", ru="Итог"),
    Text(en="Connected", ar="الاتصال", ru="Связь"),
    Text(en="Usable", ar="صالح", ru="Готов"),
    Text(en="Echo", ar="الصدى", ru="Эхо"),
)
PRIVATE = Text(en="private {number}", ar="خاص {number}", ru="личный {number}")
DIRECT_ROUTE = Text(en="direct: {host}", ar="مباشر: {host}", ru="напрямую: {host}")
BRIDGE_ROUTE = Text(en="bridge: {host}", ar="جسر: {host}", ru="мост: {host}")
FRONT_ROUTE = Text(en="front: {host}", ar="واجهة: {host}", ru="фронт: {host}")
IN_PIECES = Text(en="in pieces", ar="مجزّأ", ru="по частям")

RESULTS: Final = {
    "": Text(en="not tried", ar="لم يُجرَّب", ru="не пробовали"),
    "dialing": Text(en="trying", ar="قيد المحاولة", ru="пробуем"),
    "works": Text(en="works", ar="يعمل", ru="работает"),
    "proved": Text(en="proved", ar="مُثبَت", ru="проверен"),
    "frozen": Text(en="freezes", ar="يتجمّد", ru="замирает"),
    "failed": Text(en="failed", ar="فشل", ru="не вышло"),
    "stopped": Text(en="another was quicker", ar="سبقه غيره", ru="другой оказался быстрее"),
}
REASONS: Final = {
    "refused": Text(en="refused", ar="رُفض الاتصال", ru="отказ"),
    "reset": Text(en="cut off", ar="قُطع", ru="оборвано"),
    "timeout": Text(en="no answer", ar="بلا جواب", ru="нет ответа"),
    "unreachable": Text(en="not reachable", ar="لا يمكن الوصول", ru="недоступно"),
    "cert": Text(en="false certificate", ar="شهادة مزيّفة", ru="чужой сертификат"),
    "status": Text(en="another answer", ar="جواب آخر", ru="другой ответ"),
    "frozen": Text(en="froze", ar="تجمّد", ru="замерло"),
    "proxy": Text(en="the proxy failed", ar="أخفق الوكيل", ru="прокси не справился"),
    "closed": Text(en="closed", ar="أُغلق", ru="закрыто"),
}
NOT_INSTALLED = Text(
    en="not installed: package {package}",
    ar="غير مثبَّت: الحزمة {package}",
    ru="не установлено: пакет {package}",
)
STATES: Final = {
    "direct": Text(en="Direct: straight to {host}.", ar="مباشر: إلى {host} دون وسيط.", ru="Напрямую: прямо к {host}."),
    "via": Text(
        en="Via {host}: it passes sealed data on and sees your address, not what you write.",
        ar="عبر {host}: يمرّر بيانات مختومة ويرى عنوانك لا ما تكتبه.",
        ru="Через {host}: он передаёт запечатанные данные и видит ваш адрес, но не то, что вы пишете.",
    ),
    "slow": Text(
        en="Slow: only short connections live here. Texts go first.",
        ar="بطيء: لا تعيش هنا إلا اتصالات قصيرة. النصوص أولًا.",
        ru="Медленно: здесь живут только короткие соединения. Сначала уходит текст.",
    ),
    "trying": Text(en="Still trying.", ar="ما زالت المحاولة جارية.", ru="Ещё пробуем."),
    "waiting": Text(
        en="No route yet; the next try comes by itself.",
        ar="لا طريق بعد؛ والمحاولة التالية تلقائية.",
        ru="Пути пока нет; следующая попытка — сама.",
    ),
    "blocked": Text(
        en="This network works, and seems to block Zajil.",
        ar="هذه الشبكة تعمل، ويبدو أنها تحجب زاجل.",
        ru="Эта сеть работает и, похоже, блокирует Zajil.",
    ),
    "server_down": Text(
        en="The server itself seems to be off. A network that refuses every connection looks the same.",
        ar="يبدو أن الخادم نفسه متوقف. والشبكة التي ترفض كل اتصال تبدو كذلك.",
        ru="Похоже, сам сервер выключен. Сеть, которая отклоняет все соединения, выглядит так же.",
    ),
    "offline": Text(
        en="There is no network.",
        ar="لا توجد شبكة.",
        ru="Сети нет.",
    ),
}
BLOCKED_HELP: Final = (
    Text(
        en="Ask somebody for a bridge, then:  zajil net add LINK",
        ar="اطلب جسرًا من أحد، ثم:  zajil net add LINK",
        ru="Попросите у кого-нибудь мост, затем:  zajil net add LINK",
    ),
    Text(
        en="Have Tor or a proxy?  zajil net proxy socks5h://127.0.0.1:9050",
        ar="لديك Tor أو وكيل؟  zajil net proxy socks5h://127.0.0.1:9050",
        ru="Есть Tor или прокси?  zajil net proxy socks5h://127.0.0.1:9050",
    ),
    Text(
        en="Nothing helps? Carry messages by hand:  zajil bundle export --to CHAT FILE",
        ar="لا شيء ينفع؟ انقل الرسائل باليد:  zajil bundle export --to CHAT FILE",
        ru="Ничего не помогает? Передайте сообщения файлом:  zajil bundle export --to CHAT FILE",
    ),
)
NET_COMPLAINTS: Final[dict[str, Complaint]] = {
    "bad-proxy": Complaint(
        Text(
            en="This is not the address of a SOCKS5 proxy.",
            ar="هذا ليس عنوان وكيل SOCKS5.",
            ru="Это не адрес SOCKS5-прокси.",
        ),
        Text(
            en="It looks like socks5h://127.0.0.1:9050 or 127.0.0.1:9050; to use none: off",
            ar="يشبه socks5h://127.0.0.1:9050 أو 127.0.0.1:9050؛ ولئلّا يُستعمل وكيل: off",
            ru="Он похож на socks5h://127.0.0.1:9050 или 127.0.0.1:9050; чтобы прокси не было: off",
        ),
    ),
    "remove-unasked": Complaint(
        Text(
            en="This would remove all private bridges, {count}, and nobody is here to ask.",
            ar="سيزيل هذا كل الجسور الخاصة، وعددها {count}، ولا أحد هنا ليُسأل.",
            ru="Будут удалены все личные мосты ({count}), а спросить некого.",
        ),
        Text(
            en="If that is meant, add --yes.", ar="إن كان هذا مقصودًا فأضف --yes.", ru="Если так и надо, добавьте --yes."
        ),
    ),
    "no-route-so": Complaint(
        Text(
            en="No route is of this kind: {how}.", ar="لا طريق من هذا النوع: {how}.", ru="Путей такого вида нет: {how}."
        ),
        Text(
            en="Which there are:  zajil net probe  ·  for socks set a proxy first:  zajil net proxy ADDRESS",
            ar="الطرق الموجودة:  zajil net probe  ·  ومع socks حدّد وكيلًا أولًا:  zajil net proxy ADDRESS",
            ru="Какие есть:  zajil net probe  ·  для socks сначала нужен прокси:  zajil net proxy ADDRESS",
        ),
    ),
    "no-route": Complaint(
        Text(en="No route was found.", ar="لم يُعثر على طريق.", ru="Путь не найден."),
        Text(
            en="What is wrong, and what helps:  zajil doctor",
            ar="ما الخلل وما الذي ينفع:  zajil doctor",
            ru="Что не так и что поможет:  zajil doctor",
        ),
    ),
}
