"""What happens beside the messages while a chat is followed, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zajil.cli.texts.text import Text

if TYPE_CHECKING:
    from zajil.client.views import EventCode

EVENTS: dict[EventCode, Text] = {
    "members": Text(
        en="People or devices joined or left this chat.",
        ar="انضمّ أشخاص أو أجهزة إلى هذه المحادثة أو غادروها.",
        ru="Состав участников или устройств этого чата изменился.",
    ),
    "created": Text(en="You made this chat.", ar="أنشأتَ هذه المحادثة.", ru="Вы создали этот чат."),
    "joined": Text(
        en="This device is now in this chat.", ar="أصبح هذا الجهاز في هذه المحادثة.", ru="Это устройство теперь в чате."
    ),
    "rejoined": Text(
        en="This device is in this chat again; what was said in between is not readable here.",
        ar="عاد هذا الجهاز إلى هذه المحادثة؛ وما قيل في أثناء غيابه لا يُقرأ هنا.",
        ru="Это устройство снова в чате; сказанное в промежутке здесь не прочесть.",
    ),
    "repaired": Text(
        en="This chat was repaired; nothing was lost.",
        ar="أُصلحت هذه المحادثة ولم يضع شيء.",
        ru="Этот чат восстановлен, ничего не пропало.",
    ),
    "regrouped": Text(
        en="This chat goes on with other keys; nothing was lost.",
        ar="تستمر هذه المحادثة بمفاتيح أخرى، ولم يضع شيء.",
        ru="Этот чат продолжается с другими ключами, ничего не пропало.",
    ),
    "renamed": Text(
        en="This group has a new name.", ar="صار لهذه المجموعة اسم جديد.", ru="У этой группы новое название."
    ),
    "roles": Text(
        en="Somebody's role in this group changed.",
        ar="تغيّر دور أحد أعضاء هذه المجموعة.",
        ru="В этой группе у кого-то изменилась роль.",
    ),
    "timer": Text(
        en="The time after which messages disappear in this chat changed.",
        ar="تغيّرت المدة التي تختفي بعدها الرسائل في هذه المحادثة.",
        ru="Изменился срок исчезновения сообщений в этом чате.",
    ),
    "rules": Text(
        en="The permissions or links of this group changed.",
        ar="تغيّرت أذونات هذه المجموعة أو روابطها.",
        ru="Изменились права или ссылки этой группы.",
    ),
    "asked": Text(
        en="The list of who asks to be let into this group changed.",
        ar="تغيّرت قائمة طالبي الانضمام إلى هذه المجموعة.",
        ru="Изменился список тех, кто просится в эту группу.",
    ),
    "asking": Text(
        en="Something came of a request of yours to be let into a group. See:  zajil join",
        ar="جدّ شيء في طلبك الانضمام إلى مجموعة. انظر:  zajil join",
        ru="Есть новости о вашей просьбе принять в группу. Смотрите:  zajil join",
    ),
    "privacy": Text(
        en="Read receipts or typing were switched on another of your devices.",
        ar="تغيّر إعداد إشعارات القراءة أو الكتابة من جهاز آخر لك.",
        ru="Отчёты о прочтении или о наборе текста переключены на другом вашем устройстве.",
    ),
    "leaving": Text(
        en="Somebody is leaving this chat.", ar="هناك من يغادر هذه المحادثة.", ru="Кто-то выходит из этого чата."
    ),
    "left": Text(
        en="You left this chat; you can still read what is here.",
        ar="غادرتَ هذه المحادثة؛ ويبقى ما فيها مقروءًا لك.",
        ru="Вы вышли из этого чата; прежнее по-прежнему можно читать.",
    ),
    "removed": Text(
        en="You were removed from this chat; you can still read what is here.",
        ar="أُخرجتَ من هذه المحادثة؛ ويبقى ما فيها مقروءًا لك.",
        ru="Вас исключили из этого чата; прежнее по-прежнему можно читать.",
    ),
    "profile": Text(
        en="Somebody in this chat told their name.",
        ar="عرّف أحد أعضاء هذه المحادثة باسمه.",
        ru="Участник этого чата сообщил своё имя.",
    ),
    "gap": Text(
        en="Some messages were lost while this device was away; ask the others to send them again.",
        ar="ضاعت رسائل في أثناء غياب هذا الجهاز؛ اطلب من الآخرين إرسالها من جديد.",
        ru="Пока устройства не было на связи, часть сообщений пропала; попросите прислать их снова.",
    ),
    "device-linked": Text(
        en="A new device was linked to your account. Was it not you? See:  zajil devices",
        ar="رُبط جهاز جديد بحسابك. لم تكن أنت؟ انظر:  zajil devices",
        ru="К вашей учётной записи подключено новое устройство. Это не вы? Смотрите:  zajil devices",
    ),
    "device-list": Text(
        en="Your devices changed. Was it not you? See:  zajil devices",
        ar="تغيّرت أجهزتك. لم تكن أنت؟ انظر:  zajil devices",
        ru="Список ваших устройств изменился. Это не вы? Смотрите:  zajil devices",
    ),
    "old-copy": Text(
        en="This folder is an old copy; nothing is sent from it. Details:  zajil doctor",
        ar="هذا المجلّد نسخة قديمة، فلن يُرسل منه شيء. التفاصيل:  zajil doctor",
        ru="Эта папка — старая копия; из неё ничего не отправляется. Подробнее:  zajil doctor",
    ),
    "forked-list": Text(
        en="Somebody's account shows two different sets of devices. Who it is:  zajil doctor",
        ar="ظهرت لأحد الحسابات مجموعتا أجهزة مختلفتان. لمعرفة صاحبه:  zajil doctor",
        ru="У чьей-то учётной записи два разных списка устройств. Чьей именно:  zajil doctor",
    ),
    "key-changed": Text(
        en="The key of somebody you verified has changed; what you write to them waits. See:  zajil contacts",
        ar="تغيّر مفتاح شخص كنتَ وثّقته؛ ما تكتبه إليه ينتظر قرارك. انظر:  zajil contacts",
        ru="У проверенного вами человека сменился ключ; сообщения ему ждут. Смотрите:  zajil contacts",
    ),
    "refused-change": Text(
        en="This chat took a change that its rules forbid; Zajil asks the others to let this device in again.",
        ar="طرأ على هذه المحادثة تغيير تمنعه قواعدها؛ يطلب زاجل من الآخرين إعادة إضافة هذا الجهاز.",
        ru="В чате произошло изменение, запрещённое его правилами; Zajil просит снова добавить это устройство.",
    ),
    "bad-message": Text(
        en="A message here was dropped: it was damaged, or not proven to be from its sender.",
        ar="أُهملت رسالة هنا: كانت تالفة أو لم يثبت أنها من مرسلها.",
        ru="Одно сообщение отброшено: оно повреждено или не доказано, от кого оно.",
    ),
    "bad-welcome": Text(
        en="An invitation back into this chat could not be used; Zajil asks for another.",
        ar="تعذّر استعمال دعوة للعودة إلى هذه المحادثة؛ يطلب زاجل دعوة أخرى.",
        ru="Приглашение вернуться в этот чат не подошло; Zajil просит другое.",
    ),
    "refused-welcome": Text(
        en="An invitation back into this chat was refused: its sender may not make the changes it contained.",
        ar="رُفضت دعوة للعودة إلى هذه المحادثة: لا يحقّ لمرسلها إجراء ما فيها من تغييرات.",
        ru="Приглашение вернуться в этот чат отклонено: его отправитель не вправе вносить такие изменения.",
    ),
    "report-acted": Text(
        en="The moderators decided on a report of yours: something was done.",
        ar="بتّ المشرفون في بلاغ لك: فُعل شيء.",
        ru="Модераторы решили по вашей жалобе: меры приняты.",
    ),
    "report-not-acted": Text(
        en="The moderators decided on a report of yours: nothing was done.",
        ar="بتّ المشرفون في بلاغ لك: لم يُفعل شيء.",
        ru="Модераторы решили по вашей жалобе: мер не принято.",
    ),
    "account-warned": Text(
        en="The moderators of your server warn you: messages of yours in a private chat were reported with proof and "
        "break its rules. Two people decided it, no program. To object, write to whoever runs the server.",
        ar="يُنذرك مشرفو خادمك: أُبلغ مع الإثبات عن رسائل لك في محادثة خاصة تخالف قواعده. قرّر ذلك شخصان لا برنامج. "
        "للاعتراض اكتب إلى من يدير الخادم.",
        ru="Модераторы сервера предупреждают вас: на ваши сообщения в личном чате пожаловались с доказательством, они "
        "нарушают правила. Решили два человека, не программа. Возразить можно владельцу сервера.",
    ),
    "account-suspended": Text(
        en="The moderators of your server had suspended this account for messages in a private chat that were reported "
        "with proof. Two people decided it, no program. To object, write to whoever runs the server.",
        ar="أوقف مشرفو خادمك هذا الحساب بسبب رسائل في محادثة خاصة أُبلغ عنها مع الإثبات. قرّر ذلك شخصان لا برنامج. "
        "للاعتراض اكتب إلى من يدير الخادم.",
        ru="Модераторы сервера приостанавливали этот аккаунт за сообщения в личном чате, на которые пожаловались с "
        "доказательством. Решили два человека, не программа. Возразить можно владельцу сервера.",
    ),
    "measure-undone": Text(
        en="The moderators of your server took a measure against this account back.",
        ar="ألغى مشرفو خادمك تدبيرًا ضد هذا الحساب.",
        ru="Модераторы сервера отменили меру против этого аккаунта.",
    ),
    "request": Text(
        en="Somebody you do not know asks to write to you; see zajil requests.",
        ar="شخص لا تعرفه يطلب مراسلتك؛ انظر zajil requests.",
        ru="Незнакомый человек просит разрешения писать вам; см. zajil requests.",
    ),
    "accepted": Text(en="Your request was accepted.", ar="قُبل طلبك.", ru="Ваш запрос принят."),
    "blocked": Text(
        en="Somebody was blocked on another of your devices.",
        ar="حُظر شخص من جهاز آخر لك.",
        ru="На другом вашем устройстве кого-то заблокировали.",
    ),
    "unblocked": Text(
        en="A block was ended on another of your devices.",
        ar="رُفع حظر من جهاز آخر لك.",
        ru="На другом вашем устройстве сняли блокировку.",
    ),
}
