"""The operator's words about bridges and the signed root."""

from __future__ import annotations

from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.text import Text

BRIDGES = Text(
    en="Look after the bridges that lead to this server.",
    ar="إدارة الجسور المؤدّية إلى هذا الخادم.",
    ru="Мосты, ведущие к этому серверу.",
)
LIST = Text(
    en="Show the bridges that joined, and how many tokens open each.",
    ar="عرض الجسور المنضمّة وعدد الرموز التي تفتح كلًّا منها.",
    ru="Показать подключённые мосты и сколько токенов открывает каждый.",
)
INVITE = Text(
    en="Print a code that one bridge joins with, within a week.",
    ar="طباعة رمز ينضمّ به جسر واحد خلال أسبوع.",
    ru="Выдать код, по которому за неделю подключится один мост.",
)
PUBLIC = Text(
    en="Have the signed list name a bridge, so that everybody knows it, censors too.",
    ar="إدراج جسر في القائمة الموقّعة، فيعرفه الجميع، ومنهم الرقيب.",
    ru="Внести мост в подписанный список: его узнают все, и цензор тоже.",
)
REMOVE = Text(
    en="Forget a bridge, and every token that opens nothing else.",
    ar="نسيان جسر وكل رمز لا يفتح سواه.",
    ru="Забыть мост и все токены, которые открывают только его.",
)
ID_ARGUMENT = Text(
    en="A bridge, as zajil admin bridges list names it.",
    ar="جسر كما يسمّيه zajil admin bridges list.",
    ru="Мост, как его называет zajil admin bridges list.",
)
NONE = Text(
    en="No bridge has joined yet. Invite one:  zajil admin bridges invite",
    ar="لم ينضمّ أي جسر بعد. ادعُ واحدًا:  zajil admin bridges invite",
    ru="Мостов пока нет. Пригласите:  zajil admin bridges invite",
)
PRIVATE_KIND = Text(en="private", ar="خاص", ru="закрытый")
PUBLIC_KIND = Text(en="public", ar="عام", ru="открытый")
TOKENS = Text(en="tokens: {count}", ar="الرموز: {count}", ru="токенов: {count}")
JOINED = Text(en="since {day}", ar="منذ {day}", ru="с {day}")
PUBLISHED = Text(
    en="{host} is public from now on. Only removing it takes that back.",
    ar="صار {host} عامًّا. ولا يُلغي ذلك إلا إزالته.",
    ru="{host} теперь открытый. Отменить это можно, только удалив его.",
)
REMOVED = Text(en="Removed: {host}", ar="أُزيل: {host}", ru="Удалён: {host}")
ROOT_MADE = Text(
    en=(
        "This server signed its root, by one key of one: {file}. Keep a copy elsewhere. Without the file clients can "
        "never be told of a new address; whoever else has it can pose as this server behind bridges."
    ),
    ar=(
        "وقّع هذا الخادم وثيقته الجذرية بمفتاح واحد من واحد: {file}. احفظ نسخة في مكان آخر. من دون هذا الملف لن يعرف "
        "المستخدمون أي عنوان جديد، ومن حصل عليه انتحل صفة الخادم خلف الجسور."
    ),
    ru=(
        "Сервер подписал свой корень одним ключом из одного: {file}. Храните копию в другом месте. Без файла клиенты "
        "никогда не узнают нового адреса, а завладевший им выдаст себя за этот сервер позади мостов."
    ),
)

REGISTRY_COMPLAINTS: dict[str, Complaint] = {
    "no-bridge": Complaint(
        Text(
            en="There is no bridge {name}.",
            ar="لا يوجد جسر باسم {name}.",
            ru="Моста {name} нет.",
        ),
        Text(
            en="Bridges that joined:  zajil admin bridges list",
            ar="الجسور المنضمّة:  zajil admin bridges list",
            ru="Подключённые мосты:  zajil admin bridges list",
        ),
    ),
    "many-bridges": Complaint(
        Text(
            en="The signed list has no room for another bridge.",
            ar="لم يبقَ في القائمة الموقّعة مكان لجسر آخر.",
            ru="В подписанном списке нет места для ещё одного моста.",
        ),
        Text(
            en="Remove a public one that nobody needs:  zajil admin bridges remove ID",
            ar="أزل جسرًا عامًّا لا يحتاجه أحد:  zajil admin bridges remove ID",
            ru="Удалите ненужный открытый:  zajil admin bridges remove ID",
        ),
    ),
    "too-young": Complaint(
        Text(
            en="This account is too young to pass on private bridges: accounts may from their eighth day on.",
            ar="هذا الحساب أحدث من أن يُعطي الآخرين جسورًا خاصّة: يمكن ذلك ابتداءً من اليوم الثامن.",
            ru="Эта учётная запись слишком новая, чтобы делиться закрытыми мостами: можно с восьмого дня.",
        ),
        Text(
            en="Some servers wait longer. Until then somebody whose account is older can give a bridge.",
            ar="بعض الخوادم تنتظر أكثر. وإلى ذلك الحين يمكن لمن حسابه أقدم أن يعطي جسرًا.",
            ru="Некоторые серверы ждут дольше. А пока мостом может поделиться тот, чья учётная запись старше.",
        ),
    ),
    "bridge-exists": Complaint(
        Text(
            en="A bridge at this address has joined already.",
            ar="انضمّ من قبل جسر على هذا العنوان.",
            ru="Мост с этим адресом уже подключён.",
        ),
        Text(
            en="The operator removes the old one first:  zajil admin bridges remove ID",
            ar="يزيل القائم على الخادم القديمَ أولًا:  zajil admin bridges remove ID",
            ru="Сначала владелец сервера удалит старый:  zajil admin bridges remove ID",
        ),
    ),
}
