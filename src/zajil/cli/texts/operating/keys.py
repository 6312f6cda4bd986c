"""`admin keys`."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

KEYS = Text(en="A server's own keys.", ar="مفاتيح الخادم نفسه.", ru="Собственные ключи сервера.")
ROTATE = Text(
    en="Give a stopped server a new key of one kind.",
    ar="إعطاء خادم متوقف مفتاحًا جديدًا من نوع واحد.",
    ru="Дать остановленному серверу новый ключ одного вида.",
)
KIND = Text(
    en="storage: seals columns; ref: delivery references; frank: marks on messages; calls: relays and rooms.",
    ar="storage يختم الأعمدة، وref مراجع التوصيل، وfrank علامات الرسائل، وcalls المُرحِّلات والغرف.",
    ru="storage — столбцы, ref — адреса доставки, frank — метки сообщений, calls — ретрансляторы и комнаты.",
)
ROTATED = Text(
    en="Key {number} of {kind} is used from the next start on; older ones still open what they sealed. Back it up.",
    ar="يُستعمل المفتاح {number} من {kind} عند التشغيل التالي، والأقدم ما زال يفتح ما ختمه. انسخه احتياطيًّا.",
    ru="Ключ {number} ({kind}) действует со следующего запуска; прежние открывают своё. Сделайте резервную копию.",
)

KEY_COMPLAINTS: dict[str, Complaint] = {
    "foreign-file": Complaint(
        Text(
            en="{file} does not belong to this database; nothing was changed.",
            ar="الملف {file} لا يخصّ قاعدة البيانات هذه؛ ولم يتغيّر شيء.",
            ru="{file} не от этой базы данных; ничего не изменено.",
        ),
        Text(
            en="Put back the one from the newest FILE.keys of zajil backup, or a copy from a server on this database.",
            ar="أعِد الملف من أحدث FILE.keys صنعه zajil backup، أو نسخة من خادم يعمل على قاعدة البيانات هذه.",
            ru="Верните его из новейшего FILE.keys команды zajil backup или с сервера, который работает с этой базой.",
        ),
    ),
}
