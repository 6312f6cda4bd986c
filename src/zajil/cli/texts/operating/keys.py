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
ACCEPT_LOSS = Text(
    en="Have a stopped server go on without keys that nobody has any more.",
    ar="تشغيل خادم متوقف دون مفاتيح لم تعد عند أحد.",
    ru="Дать остановленному серверу работать без ключей, которых больше ни у кого нет.",
)
YES = Text(
    en="Delete what only those keys open; without it this only says what that is.",
    ar="حذف ما لا تفتحه إلا تلك المفاتيح؛ ومن دونه يُذكر ذلك فقط.",
    ru="Удалить то, что открывали только они; без этого — лишь сказать, что это.",
)
LOST = Text(
    en="Lost keys: {keys}. Messages that waited for devices: {messages}; bridge tokens: {tokens}. They were deleted.",
    ar="المفاتيح المفقودة: {keys}. رسائل كانت تنتظر الأجهزة: {messages}؛ رموز الجسور: {tokens}. وقد حُذفت.",
    ru="Потеряно ключей: {keys}. Сообщений, ждавших устройств: {messages}; токенов мостов: {tokens}. Они удалены.",
)
LOST_TOO = Text(
    en="Devices are told of the gap. If it was a key of ref, addresses given out since then reach nobody; if one of "
    "frank, reports about messages since then prove nothing.",
    ar="تُبلَّغ الأجهزة بالنقص. فإن كان مفتاح ref فالعناوين المعطاة منذئذٍ لا تصل إلى أحد؛ وإن كان مفتاح frank فالبلاغات "
    "عن رسائل ما بعده لا تُثبت شيئًا.",
    ru="Устройства узнают о пропуске. Если это был ключ ref, выданные с тех пор адреса никуда не ведут; если frank — "
    "жалобы на сообщения с тех пор ничего не доказывают.",
)
NONE_LOST = Text(
    en="The file has every key that the database knows; nothing was changed.",
    ar="في الملف كل مفتاح تعرفه قاعدة البيانات؛ ولم يتغيّر شيء.",
    ru="В файле есть все ключи, которые знает база; ничего не изменено.",
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
    "loss-unasked": Complaint(
        Text(
            en="Lost keys: {keys}. With them go messages that wait for devices: {messages}; bridge tokens: {tokens}.",
            ar="المفاتيح المفقودة: {keys}. تذهب معها رسائل تنتظر الأجهزة: {messages}؛ ورموز الجسور: {tokens}.",
            ru="Потеряно ключей: {keys}. С ними уйдут сообщения для устройств: {messages}; токены мостов: {tokens}.",
        ),
        Text(
            en="Stop all servers of this database; look for a newer zajil.key on them or in FILE.keys. If none: --yes.",
            ar="أوقف كل خوادم هذه القاعدة، وابحث عن zajil.key أحدث عليها أو في FILE.keys. وإن لم يوجد: --yes.",
            ru="Остановите все серверы этой базы, ищите новый zajil.key на них и в FILE.keys. Если его нет: --yes.",
        ),
    ),
}
