"""What the page without a client says, in the three languages of the product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Words(NamedTuple):
    """One language. fixes: what to do, each with its command ("" = none). step: takes step and steps."""

    direction: str
    title: str
    missing: str
    fixes: tuple[tuple[str, str], ...]
    working: str
    building: str
    step: str


_INSTALL: Final = ".venv/bin/uv sync --group node && make web"
WORDS: Final[Mapping[str, Words]] = {
    "en": Words(
        direction="ltr",
        title="Zajil",
        missing="The server runs, but its web client has not been built. Any one of these helps:",
        fixes=(
            ("Install Node.js 20.19 or newer, then build the client and reload this page:", "make web"),
            ("Or let Python bring Node.js along, then build:", _INSTALL),
            ("Or install a released version of Zajil; it carries the client:", "pip install zajil"),
        ),
        working="The command line works all the same:",
        building="The web client is being built. This page turns into it by itself.",
        step="Step {step} of {steps}",
    ),
    "ar": Words(
        direction="rtl",
        title="زاجل",
        missing="الخادم يعمل، لكن تطبيق الويب لم يُبنَ بعد. يكفي واحد من هذه الحلول:",
        fixes=(
            ("ثبّت Node.js بالإصدار 20.19 أو أحدث، ثم ابنِ التطبيق وأعد تحميل هذه الصفحة:", "make web"),
            ("أو دع بايثون يجلب Node.js معه، ثم ابنِ التطبيق:", _INSTALL),
            ("أو ثبّت إصدارًا منشورًا من زاجل، ففيه التطبيق جاهز:", "pip install zajil"),
        ),
        working="ويعمل سطر الأوامر على أي حال:",
        building="يجري بناء تطبيق الويب، وستتحول هذه الصفحة إليه وحدها.",
        step="الخطوة {step} من {steps}",
    ),
    "ru": Words(
        direction="ltr",
        title="Zajil",
        missing="Сервер работает, но веб-клиент ещё не собран. Поможет любое из этого:",
        fixes=(
            ("Установите Node.js 20.19 или новее, соберите клиент и обновите эту страницу:", "make web"),
            ("Или поставьте Node.js вместе с Python-пакетами и соберите:", _INSTALL),
            ("Или установите готовый выпуск Zajil — клиент уже внутри:", "pip install zajil"),
        ),
        working="Командная строка работает и так:",
        building="Веб-клиент собирается. Эта страница сама превратится в него.",
        step="Шаг {step} из {steps}",
    ),
}
