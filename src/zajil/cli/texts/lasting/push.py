"""`push`, and `admin push-forget`."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

PUSH = Text(
    en="Be woken by a push service (UnifiedPush) while no command runs.",
    ar="الإيقاظ عبر خدمة دفع (UnifiedPush) حين لا يعمل أي أمر.",
    ru="Сигналы через push-службу (UnifiedPush), пока ни одна команда не работает.",
)
SET = Text(
    en="Have the server wake this device through this address.",
    ar="ليوقظ الخادم هذا الجهاز عبر هذا العنوان.",
    ru="Пусть сервер будит это устройство по этому адресу.",
)
STATUS = Text(
    en="Show whether this device is woken, and through whom.",
    ar="إظهار ما إذا كان هذا الجهاز يُوقَظ، وعبر مَن.",
    ru="Показать, будят ли это устройство и через кого.",
)
OFF = Text(en="Do not wake this device any more.", ar="إيقاف إيقاظ هذا الجهاز.", ru="Больше не будить это устройство.")
ENDPOINT_ARGUMENT = Text(
    en="The https address that your distributor gave, such as ntfy.",
    ar="عنوان https الذي أعطاك إياه موزّعك، مثل ntfy.",
    ru="Адрес https от вашего дистрибьютора, например ntfy.",
)
P256DH_OPTION = Text(
    en="Public key of whoever reads the pushes; one is made without.",
    ar="المفتاح العام لمن يقرأ الإشارات؛ ويُصنع واحد إن لم يُعطَ.",
    ru="Открытый ключ того, кто читает сигналы; без него создаётся новый.",
)
AUTH_OPTION = Text(
    en="The secret that goes with --p256dh.", ar="السرّ المرافق لـ --p256dh.", ru="Секрет, который идёт с --p256dh."
)
SET_DONE = Text(
    en="This device is woken through {host} from now on.",
    ar="من الآن يُوقَظ هذا الجهاز عبر {host}.",
    ru="Теперь это устройство будят через {host}.",
)
LEARNS = Text(
    en="It learns when you are woken and by which server; never what was written, by whom or to whom.",
    ar="وهو يعرف متى تُوقَظ ومن أي خادم، ولا يعرف أبدًا ما كُتب ولا من كتبه ولا لمن.",
    ru="Он узнаёт, когда и каким сервером вас будят, но не что написано, кем и кому.",
)
ON = Text(
    en="This device is woken through {host}.", ar="يُوقَظ هذا الجهاز عبر {host}.", ru="Это устройство будят через {host}."
)
IS_OFF = Text(en="Nothing wakes this device.", ar="لا شيء يوقظ هذا الجهاز.", ru="Это устройство ничто не будит.")
NOT_OFFERED = Text(
    en="This server sends no wake-ups.", ar="هذا الخادم لا يرسل إشارات إيقاظ.", ru="Этот сервер не отправляет сигналов."
)
FORGET = Text(
    en="Forget every device that is woken by push, and the key for it; the server must not run.",
    ar="نسيان كل جهاز يُوقَظ بالدفع، مع مفتاحه؛ ويجب ألّا يكون الخادم قيد التشغيل.",
    ru="Забыть все устройства, которые будят через push, и ключ для этого; сервер должен быть остановлен.",
)
FORGOTTEN = Text(
    en="Forgotten: {count}. The next start makes a new key; devices ask anew when they are opened.",
    ar="نُسي: {count}. يصنع التشغيل القادم مفتاحًا جديدًا، وتطلب الأجهزة من جديد عند فتحها.",
    ru="Забыто: {count}. Следующий запуск создаст новый ключ; устройства спросят заново, когда их откроют.",
)

PUSH_COMPLAINTS: dict[str, Complaint] = {
    "half-push-keys": Complaint(
        Text(
            en="--p256dh and --auth go together.",
            ar="الخياران --p256dh و--auth لا يفترقان.",
            ru="--p256dh и --auth указываются вместе.",
        ),
        Text(
            en="Give both, or neither: then keys are made here.",
            ar="أعطهما معًا أو اتركهما معًا، فتُصنع المفاتيح هنا.",
            ru="Укажите оба или ни одного: тогда ключи создаются здесь.",
        ),
    ),
}
