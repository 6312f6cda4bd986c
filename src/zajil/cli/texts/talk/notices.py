"""Lines of a chat that are no messages, about another member and about this account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zajil.cli.texts.text import Text

if TYPE_CHECKING:
    from typing import Literal

    Plain = Literal["device-added", "device-replaced", "left"]
    """Codes of lines that say nothing but whom they are about."""

NOTICES: dict[Plain, Text] = {
    "device-added": Text(
        en="{name} has a new device.", ar="لدى {name} جهاز جديد.", ru="{name}: добавлено новое устройство."
    ),
    "device-replaced": Text(
        en="{name} uses a new device; older ones are out.",
        ar="يستعمل {name} جهازًا جديدًا؛ وأُخرجت أجهزة أقدم.",
        ru="{name}: теперь новое устройство, прежние отключены.",
    ),
    "left": Text(en="{name} left the group.", ar="غادر {name} المجموعة.", ru="{name} больше не в группе."),
}
OWN_NOTICES: dict[Plain, Text] = {
    "device-added": Text(
        en="Your account has a new device. Was it not you? See:  zajil devices",
        ar="لحسابك جهاز جديد. لم تكن أنت؟ انظر:  zajil devices",
        ru="У вашей учётной записи новое устройство. Это не вы? Смотрите:  zajil devices",
    ),
    "device-replaced": Text(
        en="Your account uses a new device; older ones are out. Was it not you? See:  zajil devices",
        ar="يستعمل حسابك جهازًا جديدًا؛ وأُخرجت أجهزة أقدم. لم تكن أنت؟ انظر:  zajil devices",
        ru="У вашей учётной записи новое устройство, прежние отключены. Это не вы? Смотрите:  zajil devices",
    ),
    "left": Text(en="You left the group.", ar="غادرتَ المجموعة.", ru="Вы вышли из группы."),
}
