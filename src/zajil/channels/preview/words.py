"""What the pages say around people's texts, in the three languages of the product."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Words(NamedTuple):
    """One language. categories: by name, `""` for one that is not listed. `{...}` is filled in by the page."""

    direction: str
    name: str
    broadcast: str
    group: str
    followers: str
    posts: str
    comments: str
    comment_count: str
    edited: str
    unchecked: str
    limited: str
    labelled: str
    removed: str
    reply: str
    older: str
    more: str
    empty: str
    blocked: str
    missing: str
    missing_text: str
    somebody: str
    open_app: str
    categories: Mapping[str, str]


_EN: Final = Words(
    direction="ltr",
    name="Zajil",
    broadcast="Channel",
    group="Public group",
    followers="Followers: {n}",
    posts="Posts: {n}",
    comments="Comments",
    comment_count="Comments: {n}",
    edited="edited {when}",
    unchecked="not checked yet",
    limited="Shown to fewer people ({category}). Show it all the same",
    labelled="Possibly disturbing ({category}). Show it",
    removed="Removed on {when}: {category}.",
    reply="In reply to",
    older="Older posts",
    more="More comments",
    empty="Nothing here yet.",
    blocked="This channel was blocked: {category}.",
    missing="Not found",
    missing_text="There is no such channel or post, or not any more.",
    somebody="deleted",
    open_app="What is Zajil?",
    categories=MappingProxyType(
        {
            "": "against the rules",
            "channel_rules": "against the channel's own rules",
            "fraud": "fraud",
            "violence_incitement": "incitement to violence",
            "hate": "hate",
            "harassment": "harassment",
            "sexual": "sexual content",
            "self_harm": "self-harm",
            "spam": "spam",
        }
    ),
)
_AR: Final = Words(
    direction="rtl",
    name="زاجل",
    broadcast="قناة",
    group="مجموعة عامة",
    followers="المتابعون: {n}",
    posts="المنشورات: {n}",
    comments="التعليقات",
    comment_count="التعليقات: {n}",
    edited="عُدّل في {when}",
    unchecked="لم يُراجَع بعد",
    limited="يظهر لعدد أقل من الناس ({category}). أظهره مع ذلك",
    labelled="قد يكون مزعجًا ({category}). أظهره",
    removed="أُزيل في {when}: {category}.",
    reply="ردًا على",
    older="منشورات أقدم",
    more="تعليقات أخرى",
    empty="لا شيء هنا بعد.",
    blocked="حُجبت هذه القناة: {category}.",
    missing="غير موجود",
    missing_text="لا توجد قناة أو منشور بهذا العنوان، أو لم يعد موجودًا.",
    somebody="محذوف",
    open_app="ما هو زاجل؟",
    categories=MappingProxyType(
        {
            "": "مخالف للقواعد",
            "channel_rules": "مخالف لقواعد القناة",
            "fraud": "احتيال",
            "violence_incitement": "تحريض على العنف",
            "hate": "كراهية",
            "harassment": "مضايقة",
            "sexual": "محتوى جنسي",
            "self_harm": "إيذاء النفس",
            "spam": "رسائل مزعجة",
        }
    ),
)
_RU: Final = Words(
    direction="ltr",
    name="Zajil",
    broadcast="Канал",
    group="Открытая группа",
    followers="Подписчиков: {n}",
    posts="Записей: {n}",
    comments="Комментарии",
    comment_count="Комментариев: {n}",
    edited="изменено {when}",
    unchecked="ещё не проверено",
    limited="Показывается меньшему числу людей ({category}). Всё равно показать",
    labelled="Может быть неприятно ({category}). Показать",
    removed="Удалено {when}: {category}.",
    reply="В ответ на",
    older="Более ранние записи",
    more="Ещё комментарии",
    empty="Здесь пока ничего нет.",
    blocked="Канал заблокирован: {category}.",
    missing="Не найдено",
    missing_text="Такого канала или записи нет — или уже нет.",
    somebody="удалён",
    open_app="Что такое Zajil?",
    categories=MappingProxyType(
        {
            "": "нарушение правил",
            "channel_rules": "нарушение правил канала",
            "fraud": "мошенничество",
            "violence_incitement": "призыв к насилию",
            "hate": "вражда",
            "harassment": "травля",
            "sexual": "сексуальное содержание",
            "self_harm": "вред себе",
            "spam": "спам",
        }
    ),
)
WORDS: Final[Mapping[str, Words]] = MappingProxyType({"en": _EN, "ar": _AR, "ru": _RU})
