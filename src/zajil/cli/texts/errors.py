"""What each error code means for the person who sees it, and what they can do.

`CODES` of `zajil.protocol.errors` names the protocol's; a test holds the two together. Those that never travel stand in
`home_errors`.
"""

from __future__ import annotations

from zajil.cli.texts.calls.relay import RELAY_COMPLAINTS
from zajil.cli.texts.complaint import LATER, READDING, RELINK, SYNC, UPDATE, Complaint
from zajil.cli.texts.home_errors import HOME_COMPLAINTS
from zajil.cli.texts.lasting.ending import ENDING_COMPLAINTS
from zajil.cli.texts.lasting.export import EXPORT_COMPLAINTS
from zajil.cli.texts.lasting.push import PUSH_COMPLAINTS
from zajil.cli.texts.lasting.recovery import RECOVERY_COMPLAINTS
from zajil.cli.texts.messages import TALK_COMPLAINTS
from zajil.cli.texts.moderation.accounting import ACCOUNTING_COMPLAINTS
from zajil.cli.texts.moderation.review_errors import REVIEW_COMPLAINTS
from zajil.cli.texts.moderation.scores import MODERATION_COMPLAINTS
from zajil.cli.texts.moderation.steering import STEERING_COMPLAINTS
from zajil.cli.texts.operating.backup import BACKUP_COMPLAINTS
from zajil.cli.texts.operating.keys import KEY_COMPLAINTS
from zajil.cli.texts.people.names import NAME_COMPLAINTS
from zajil.cli.texts.public.errors import PUBLIC_COMPLAINTS
from zajil.cli.texts.public.persona import PERSONA_COMPLAINTS
from zajil.cli.texts.public.redress import REDRESS_COMPLAINTS
from zajil.cli.texts.reach.bridge import BRIDGE_COMPLAINTS
from zajil.cli.texts.reach.bundle import BUNDLE_COMPLAINTS
from zajil.cli.texts.reach.net import NET_COMPLAINTS
from zajil.cli.texts.reach.registry import REGISTRY_COMPLAINTS
from zajil.cli.texts.server import SERVER_COMPLAINTS
from zajil.cli.texts.talk.arranging import ARRANGING_COMPLAINTS
from zajil.cli.texts.talk.files import FILE_COMPLAINTS
from zajil.cli.texts.talk.profiles import PROFILE_COMPLAINTS
from zajil.cli.texts.talk.screen import SCREEN_COMPLAINTS
from zajil.cli.texts.talk.search import SEARCH_COMPLAINTS
from zajil.cli.texts.text import Text

PROTOCOL_COMPLAINTS: dict[str, Complaint] = {
    # Malformed
    "malformed": Complaint(
        Text(
            en="The server did not understand the request.",
            ar="لم يفهم الخادم الطلب.",
            ru="Сервер не понял запрос.",
        ),
        UPDATE,
    ),
    "too-big": Complaint(
        Text(en="That is too big.", ar="الحجم أكبر من المسموح.", ru="Слишком большой объём."),
        Text(
            en="A message holds up to 64 KiB of text; send it in parts.",
            ar="تتّسع الرسالة لنصّ حجمه 64 كيلوبايت؛ أرسله على أجزاء.",
            ru="В сообщение помещается до 64 КиБ текста; отправьте по частям.",
        ),
    ),
    "bad-signature": Complaint(
        Text(
            en="A signature does not fit; nothing was accepted.",
            ar="التوقيع غير مطابق؛ لم يُقبل شيء.",
            ru="Подпись не сходится; ничего не принято.",
        ),
        UPDATE,
    ),
    "mixed-auth": Complaint(
        Text(
            en="The request named an account where it must not.",
            ar="ذكر الطلب حسابًا حيث لا يجوز ذلك.",
            ru="В запросе указана учётная запись там, где её быть не должно.",
        ),
        UPDATE,
    ),
    "idem-conflict": Complaint(
        Text(
            en="The server already has another message under this number.",
            ar="لدى الخادم رسالة أخرى بهذا الرقم.",
            ru="Под этим номером на сервере уже есть другое сообщение.",
        ),
        UPDATE,
    ),
    "unsupported-version": Complaint(
        Text(
            en="The server needs a newer Zajil.",
            ar="يحتاج الخادم إلى إصدار أحدث من زاجل.",
            ru="Серверу нужна более новая версия Zajil.",
        ),
        UPDATE,
    ),
    # AuthError
    "token-expired": Complaint(
        Text(en="The login has expired.", ar="انتهت صلاحية الدخول.", ru="Срок входа истёк."), LATER
    ),
    "device-revoked": Complaint(
        Text(
            en="This device was taken off the account.",
            ar="أُزيل هذا الجهاز من الحساب.",
            ru="Это устройство отключено от учётной записи.",
        ),
        RELINK,
    ),
    "bad-challenge": Complaint(
        Text(
            en="The login took too long or does not fit.",
            ar="تأخّر الدخول أو لم يكن مطابقًا.",
            ru="Вход занял слишком много времени или не подошёл.",
        ),
        LATER,
    ),
    # Refused
    "not-allowed": Complaint(
        Text(en="That is not allowed.", ar="هذا غير مسموح.", ru="Это не разрешено."),
        Text(
            en="The link may be used up, or only an admin of the group may do this.",
            ar="ربما نفدت صلاحية الرابط، أو أن هذا من حق مشرفي المجموعة وحدهم.",
            ru="Возможно, ссылка исчерпана или это может сделать только администратор группы.",
        ),
    ),
    "work-required": Complaint(
        Text(
            en="Too many people are signing up just now; the server asked for more and more work.",
            ar="كثيرون يسجّلون الآن، والخادم يطلب عملًا يزداد كلّ مرّة.",
            ru="Сейчас регистрируется слишком много людей: сервер требовал всё больше вычислений.",
        ),
        Text(
            en="Try again in some minutes, or add --invite CODE if you have one.",
            ar="حاول مجدّدًا بعد دقائق، أو أضف --invite CODE إن كان لديك رمز.",
            ru="Повторите через несколько минут или добавьте --invite CODE, если он у вас есть.",
        ),
    ),
    "gate-required": Complaint(
        Text(
            en="This server asks for a valid invite code; this one is missing, mistyped or used up.",
            ar="يطلب هذا الخادم رمز دعوة صالحًا؛ والرمز هنا ناقص أو مكتوب خطأً أو سبق استعماله.",
            ru="Серверу нужен действующий код приглашения; он не указан, набран с ошибкой или уже использован.",
        ),
        Text(
            en="Add --invite CODE; whoever runs the server makes one with: zajil admin invite",
            ar="أضف --invite CODE؛ ويُنشئه القائم على الخادم بالأمر: zajil admin invite",
            ru="Добавьте --invite CODE; код выдаёт владелец сервера: zajil admin invite",
        ),
    ),
    "suspended": Complaint(
        Text(
            en="The server has suspended this account.",
            ar="أوقف الخادم هذا الحساب.",
            ru="Сервер приостановил эту учётную запись.",
        )
    ),
    "bad-group-token": Complaint(
        Text(
            en="This device is not part of the chat as it now stands.",
            ar="هذا الجهاز ليس ضمن المحادثة بصورتها الحالية.",
            ru="Это устройство не входит в чат в его нынешнем виде.",
        ),
        READDING,
    ),
    "bad-roster-key": Complaint(
        Text(
            en="This device does not hold the chat's current keys.",
            ar="لا يملك هذا الجهاز مفاتيح المحادثة الحالية.",
            ru="У этого устройства нет текущих ключей чата.",
        ),
        READDING,
    ),
    "bad-delivery-ref": Complaint(
        Text(
            en="The other person's delivery address is no longer valid.",
            ar="عنوان التسليم للشخص الآخر لم يعد صالحًا.",
            ru="Адрес доставки собеседника больше не действует.",
        ),
        SYNC,
    ),
    "pass-spent": Complaint(
        Text(
            en="A one-time pass had been used before.",
            ar="استُعمل التصريح لمرة واحدة من قبل.",
            ru="Одноразовый пропуск уже использован.",
        ),
        LATER,
    ),
    "push-refused": Complaint(
        Text(
            en="Your server sends no wake-ups to this push service.",
            ar="لا يرسل خادمك إشارات إيقاظ إلى خدمة الدفع هذه.",
            ru="Ваш сервер не отправляет сигналы через эту службу push-уведомлений.",
        ),
        Text(
            en="Its operator chooses the services, in the setting push.hosts.",
            ar="يختار مشغّل الخادم الخدمات في الإعداد push.hosts.",
            ru="Службы выбирает администратор сервера, в настройке push.hosts.",
        ),
    ),
    "gone": Complaint(
        Text(en="It is not there any more.", ar="لم يعد موجودًا.", ru="Этого больше нет."),
        Text(
            en="Link codes last two minutes and work once.",
            ar="رمز الربط صالح دقيقتين ولمرة واحدة.",
            ru="Код подключения действует две минуты и один раз.",
        ),
    ),
    "no-such-route": Complaint(
        Text(
            en="The server does not know this request.",
            ar="لا يعرف الخادم هذا الطلب.",
            ru="Сервер не знает такого запроса.",
        ),
        Text(
            en="Is this the address of a Zajil server?",
            ar="هل هذا عنوان خادم زاجل؟",
            ru="Это точно адрес сервера Zajil?",
        ),
    ),
    # Conflict
    "stale-epoch": Complaint(
        Text(
            en="The group changed at the same moment.",
            ar="تغيّرت المجموعة في اللحظة نفسها.",
            ru="Группа изменилась в ту же минуту.",
        ),
        SYNC,
    ),
    "stale-list": Complaint(
        Text(
            en="The list of your devices changed meanwhile.",
            ar="تغيّرت قائمة أجهزتك في هذه الأثناء.",
            ru="Список ваших устройств тем временем изменился.",
        ),
        SYNC,
    ),
    "account-exists": Complaint(
        Text(en="This account already exists.", ar="هذا الحساب موجود بالفعل.", ru="Такая учётная запись уже есть."),
        Text(
            en="Who this device is:  zajil whoami",
            ar="هويّة هذا الجهاز:  zajil whoami",
            ru="Чьё это устройство:  zajil whoami",
        ),
    ),
    "group-exists": Complaint(
        Text(en="This group already exists.", ar="هذه المجموعة موجودة بالفعل.", ru="Такая группа уже есть."), SYNC
    ),
    "replaced": Complaint(
        Text(
            en="Another program with this device's keys has connected.",
            ar="اتّصل برنامج آخر بمفاتيح هذا الجهاز.",
            ru="Подключилась другая программа с ключами этого устройства.",
        ),
        Text(
            en="Is zajil read --follow running elsewhere? One at a time.",
            ar="هل يعمل zajil read --follow في مكان آخر؟ واحد فقط في كل مرة.",
            ru="zajil read --follow запущена где-то ещё? Можно только одну.",
        ),
    ),
    # Limited
    "slow-down": Complaint(
        Text(en="That was too fast for the server.", ar="هذا أسرع مما يقبله الخادم.", ru="Слишком часто для сервера."),
        LATER,
    ),
    "quota": Complaint(
        Text(
            en="A limit of the server is reached.",
            ar="بلغتَ حدًّا وضعه الخادم.",
            ru="Достигнут предел, заданный сервером.",
        ),
        LATER,
    ),
    "links-full": Complaint(
        Text(
            en="This account has as many links as it may have.",
            ar="لدى هذا الحساب من الروابط أقصى ما يُسمح به.",
            ru="Ссылок уже столько, сколько разрешено.",
        ),
        Text(
            en="End one, into a group or for contacts:  zajil contact-link list",
            ar="أنهِ أحدها، لمجموعة أو لجهات الاتصال:  zajil contact-link list",
            ru="Отзовите одну, в группу или для контактов:  zajil contact-link list",
        ),
    ),
    # Unavailable
    "busy": Complaint(Text(en="The server is busy.", ar="الخادم مشغول.", ru="Сервер занят."), LATER),
    "restarting": Complaint(
        Text(en="The server is restarting.", ar="الخادم يعيد التشغيل.", ru="Сервер перезапускается."), LATER
    ),
    "unreachable": Complaint(
        Text(en="The server cannot be reached.", ar="تعذّر الوصول إلى الخادم.", ru="Сервер недоступен."),
        Text(
            en="Check the network. What was tried:  zajil net probe",
            ar="تحقّق من الشبكة. ما جُرّب:  zajil net probe",
            ru="Проверьте сеть. Что испробовано:  zajil net probe",
        ),
    ),
    "internal": Complaint(
        Text(en="The server had an error of its own.", ar="حدث خطأ داخل الخادم.", ru="На сервере произошла ошибка."),
        LATER,
    ),
}
COMPLAINTS = PROTOCOL_COMPLAINTS | HOME_COMPLAINTS | TALK_COMPLAINTS | SERVER_COMPLAINTS | MODERATION_COMPLAINTS
COMPLAINTS |= BRIDGE_COMPLAINTS | BUNDLE_COMPLAINTS | NET_COMPLAINTS | REGISTRY_COMPLAINTS | PUBLIC_COMPLAINTS
COMPLAINTS |= STEERING_COMPLAINTS | ACCOUNTING_COMPLAINTS | REVIEW_COMPLAINTS
COMPLAINTS |= PERSONA_COMPLAINTS | REDRESS_COMPLAINTS | RELAY_COMPLAINTS | FILE_COMPLAINTS | ARRANGING_COMPLAINTS
COMPLAINTS |= RECOVERY_COMPLAINTS | ENDING_COMPLAINTS | EXPORT_COMPLAINTS | SEARCH_COMPLAINTS | PROFILE_COMPLAINTS
COMPLAINTS |= PUSH_COMPLAINTS | SCREEN_COMPLAINTS | NAME_COMPLAINTS | BACKUP_COMPLAINTS | KEY_COMPLAINTS


def find_complaint(code: str) -> Complaint | None:
    """The words for this code, None for one that this version does not know."""
    return COMPLAINTS.get(code)
