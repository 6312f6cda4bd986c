"""What a statement of reasons says beside the policy's own text, in Arabic, English and Russian."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from zajil.moderation.categories import Language

Sentence: TypeAlias = dict[Language, str]
Facts: TypeAlias = Literal["confirmed", "campaign", "listed", "score", "rule", "notice", "person", "appeal", "edited"]

FACTS: Final[Mapping[Facts, Sentence]] = MappingProxyType(
    {
        "confirmed": {
            "en": "The post is a copy, or nearly a copy, of content on which a person decided before.",
            "ar": "المنشور نسخة، أو شبه نسخة، من محتوى قرر فيه شخص من قبل.",
            "ru": "Публикация — точная или почти точная копия содержания, о котором человек уже принял решение.",
        },
        "campaign": {
            "en": "Many accounts or channels posted nearly the same text within a day.",
            "ar": "نشرت حسابات أو قنوات كثيرة نصا يكاد يكون واحدا خلال يوم.",
            "ru": "Много аккаунтов или каналов опубликовали почти один и тот же текст в течение суток.",
        },
        "listed": {
            "en": "The post holds a link, host, phone number or wallet that is on a list of this server.",
            "ar": "في المنشور رابط أو موقع أو رقم هاتف أو محفظة مدرجة في قائمة لهذا الخادم.",
            "ru": "В публикации есть ссылка, сайт, номер телефона или кошелёк из списка этого сервера.",
        },
        "score": {
            "en": "A program compared the words of the post with examples; no person has looked at it yet.",
            "ar": "قارن برنامج كلمات المنشور بأمثلة، ولم ينظر فيه شخص بعد.",
            "ru": "Программа сравнила слова публикации с примерами; человек её ещё не смотрел.",
        },
        "rule": {
            "en": "The post meets a fixed rule of this server; no person has looked at it yet.",
            "ar": "ينطبق على المنشور شرط ثابت من قواعد هذا الخادم، ولم ينظر فيه شخص بعد.",
            "ru": "Публикация подпадает под постоянное правило этого сервера; человек её ещё не смотрел.",
        },
        "notice": {
            "en": "People reported the post, and a reviewer looked at it.",
            "ar": "أبلغ أشخاص عن المنشور، ونظر فيه مراجع.",
            "ru": "На публикацию пожаловались, и её посмотрел проверяющий.",
        },
        "person": {
            "en": "A reviewer looked at the post.",
            "ar": "نظر مراجع في المنشور.",
            "ru": "Публикацию посмотрел проверяющий.",
        },
        "appeal": {
            "en": "The post was looked at again after an appeal, by a reviewer who had not decided before.",
            "ar": "أعيد النظر في المنشور بعد اعتراض، من مراجع لم يشارك في القرار.",
            "ru": "После обжалования публикацию пересмотрел проверяющий, который прежде не принимал решения.",
        },
        "edited": {
            "en": (
                "The post was edited, and then a reviewer restricted its earlier text. The newer text is held until "
                "people have looked at it; that took no strike."
            ),
            "ar": (
                "عُدّل المنشور ثم قيّد مراجع نصه السابق. النص الأحدث محجوز إلى أن ينظر فيه أشخاص، ولم تُحتسب عليه مخالفة."
            ),
            "ru": (
                "Публикацию исправили, а затем проверяющий ограничил её прежний текст. Новый текст удержан, пока его "
                "не посмотрят люди; страйка за него нет."
            ),
        },
    }
)

REDRESS: Final[Sentence] = {
    "en": (
        "You can appeal to this server free of charge until {until}. You can also turn to a certified out-of-court "
        "dispute settlement body or to a court."
    ),
    "ar": (
        "يمكنك الاعتراض لدى هذا الخادم مجانا حتى {until}. ويمكنك أيضا اللجوء إلى هيئة معتمدة لتسوية النزاعات خارج "
        "المحاكم، أو إلى القضاء."
    ),
    "ru": (
        "До {until} решение можно бесплатно обжаловать на этом сервере. Можно также обратиться в сертифицированный "
        "орган внесудебного урегулирования споров или в суд."
    ),
}
