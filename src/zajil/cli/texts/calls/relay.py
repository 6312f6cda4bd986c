"""The operator's words about relays of calls."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

CALLS = Text(
    en="Relays for calls of people who cannot reach each other.",
    ar="مرحّلات لمكالمات من لا يصل بعضهم إلى بعض مباشرة.",
    ru="Ретрансляторы для звонков, когда напрямую не соединиться.",
)
CONFIG = Text(
    en="Print coturn's configuration for a relay of this server.",
    ar="طباعة إعدادات coturn لمرحّل هذا الخادم.",
    ru="Вывести настройки coturn для ретранслятора этого сервера.",
)
CHECK = Text(
    en="Try every relay as a call would, over UDP, TCP and TLS.",
    ar="تجربة كل مرحّل كما تفعل المكالمة، عبر UDP وTCP وTLS.",
    ru="Проверить каждый ретранслятор, как при звонке: UDP, TCP и TLS.",
)
DOMAIN_OPTION = Text(en="Name of the relay.", ar="اسم المرحّل.", ru="Имя ретранслятора.")
IP_OPTION = Text(en="Public address of its machine.", ar="العنوان العام لجهازه.", ru="Публичный адрес его машины.")
PRIVATE_IP_OPTION = Text(
    en="Its own address where that differs: behind NAT.",
    ar="عنوانه الداخلي إن اختلف: خلف NAT.",
    ru="Её собственный адрес, если он другой: за NAT.",
)
CERT_OPTION = Text(
    en="Certificate for TLS, PEM; coturn must be able to read it.",
    ar="شهادة TLS بصيغة PEM؛ يجب أن يستطيع coturn قراءتها.",
    ru="Сертификат для TLS, PEM; coturn должен иметь право его читать.",
)
KEY_OPTION = Text(
    en="Key of that certificate, PEM.", ar="مفتاح تلك الشهادة بصيغة PEM.", ru="Ключ этого сертификата, PEM."
)
RELAY_OPTION = Text(
    en="Run a relay for calls beside it, if coturn is installed.",
    ar="تشغيل مرحّل للمكالمات معه إن كان coturn مثبّتًا.",
    ru="Запустить рядом ретранслятор для звонков, если установлен coturn.",
)
CONFIG_NEXT = Text(
    en="Write this to /etc/turnserver.conf (mode 0640, group turnserver), restart coturn, and put into zajil.toml:",
    ar="اكتبه في /etc/turnserver.conf (بالأذونات 0640 والمجموعة turnserver)، وأعد تشغيل coturn، وضع في zajil.toml:",
    ru="Запишите это в /etc/turnserver.conf (права 0640, группа turnserver), перезапустите coturn, а в zajil.toml:",
)
WORKS = Text(en="works ({ms} ms)", ar="يعمل ({ms} م‌ث)", ru="работает ({ms} мс)")
TROUBLES: dict[str, Text] = {
    "unreachable": Text(
        en="nothing answers at this address", ar="لا شيء يجيب على هذا العنوان", ru="по этому адресу никто не отвечает"
    ),
    "no-answer": Text(en="no answer: is the port open?", ar="لا جواب: هل المنفذ مفتوح؟", ru="нет ответа: порт открыт?"),
    "certificate": Text(
        en="its certificate is not valid for this name, so no client connects",
        ar="شهادته غير صالحة لهذا الاسم، فلن يتصل به أي تطبيق",
        ru="его сертификат не подходит к этому имени, клиенты не соединятся",
    ),
    "refused": Text(
        en="refused ({code}): do the secrets and the clocks agree?",
        ar="رُفض ({code}): هل يتطابق السرّان وتتفق الساعتان؟",
        ru="отказ ({code}): совпадают ли секреты и часы?",
    ),
}

RELAY_COMPLAINTS: dict[str, Complaint] = {
    "bad-relay-ip": Complaint(
        Text(en="This is no IP address: {name}.", ar="هذا ليس عنوان IP: {name}.", ru="Это не IP-адрес: {name}."),
        Text(
            en="Give the number, as in  --ip 198.51.100.7",
            ar="اكتب الأرقام، مثل  --ip 198.51.100.7",
            ru="Укажите числа, например  --ip 198.51.100.7",
        ),
    ),
    "half-certificate": Complaint(
        Text(
            en="A certificate and its key go together.",
            ar="الشهادة ومفتاحها لا يفترقان.",
            ru="Сертификат и его ключ указываются вместе.",
        ),
        Text(
            en="Give both:  --cert FILE --key FILE",
            ar="حدّدهما معًا:  --cert FILE --key FILE",
            ru="Укажите оба:  --cert FILE --key FILE",
        ),
    ),
    "no-relay": Complaint(
        Text(
            en="This server has no relay for calls.",
            ar="ليس لهذا الخادم مرحّل للمكالمات.",
            ru="У этого сервера нет ретранслятора для звонков.",
        ),
        Text(
            en="Name one with relay_hosts in zajil.toml, or start the server with --relay; see docs/operate/relays.md.",
            ar="سمِّ واحدًا في relay_hosts بملف zajil.toml، أو شغّل الخادم مع --relay؛ انظر docs/operate/relays.md.",
            ru="Укажите его в relay_hosts в zajil.toml или запустите сервер с --relay; см. docs/operate/relays.md.",
        ),
    ),
    "no-calls": Complaint(
        Text(
            en="The part for calls is not installed.",
            ar="جزء المكالمات غير مثبّت.",
            ru="Часть для звонков не установлена.",
        ),
        Text(
            en="Add its extra:  pip install '.[calls]'  in the clone; of a wheel, its file name and [calls] behind it.",
            ar="أضف الجزء الخاص به:  pip install '.[calls]'  في نسخة المستودع؛ ومع ملف wheel اسمه متبوعًا بـ [calls].",
            ru="Добавьте дополнение:  pip install '.[calls]'  в клоне; для wheel — имя файла и за ним [calls].",
        ),
    ),
}
