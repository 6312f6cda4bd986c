"""Search finds what all may see and nothing else, whatever is typed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.channels.world import Clock, World, fold

from zajil.channels.search import parse_query
from zajil.channels.store.index import fts5_query, ts_query
from zajil.protocol.control import parse_json
from zajil.protocol.ids import encode_b64
from zajil.protocol.public import api, routes
from zajil.server.app import Server
from zajil.server.config import Settings


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("", ""),
        ("   ", ""),
        ("!!! ... ***", ""),
        ("cat", '("cat")'),
        ("Cats running", '("cats") AND ("running" OR "runn")'),
        ('"the cat"', '"the cat"'),
        ('"unclosed', '("unclosed" OR "uncl")'),
        ("runn*", '"runn" *'),
        ("*", ""),
        ("e-mail", '("e") AND ("mail")'),
        ("a OR b NOT c", '("a") AND ("or") AND ("b") AND ("not") AND ("c")'),
        ('body:x "; DROP', '("body") AND ("x") AND ("drop")'),
        ("NEAR(a b)", '("near") AND ("a") AND ("b")'),
        ("كتاب", '("كتاب")'),
        ("كِتَابٌ", '("كتاب")'),
        ("cafe\u0301", '("cafe")'),
        ("^a + {b} - c", '("a") AND ("b") AND ("c")'),
    ],
)
def test_a_query_becomes_words_in_quotes_and_nothing_else(query: str, match: str) -> None:
    terms = parse_query(query, fold)
    assert fts5_query(terms) == match
    of_postgres = match.replace('" *', '":*').replace(" AND ", " & ").replace(" OR ", " | ").replace('"', "'")
    if not query.startswith('"'):
        assert ts_query(terms) == of_postgres


def test_a_quotation_is_a_row_of_words_to_postgres() -> None:
    assert ts_query(parse_query('"running fast" far', fold)) == "('running' <-> 'runn' <-> 'fast') & ('far')"


async def test_words_are_found_in_other_forms_and_phrases_as_they_stand(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    running = await world.post(author, channel, "The runners were running fast")
    runner = await world.post(author, channel, "One runner, fast and first")
    cafe = await world.post(author, channel, "Café in Алматы")
    await world.judge()
    assert set(await world.found("runnable")) == {running, runner}
    assert await world.found("runnable running") == [running] or set(await world.found("running")) == {running, runner}
    assert await world.found(quote('"running fast"')) == [running]
    assert await world.found(quote('"fast running"')) == []
    assert await world.found(quote("cafe алматы")) == [cafe]
    assert await world.found(quote("fir*")) == [runner]
    assert await world.found("nothing") == []


async def test_search_goes_by_language_and_channel(world: World) -> None:
    author = await world.author()
    one, two = await world.channel(author, lang="ru"), await world.channel(author)
    first = await world.post(author, one, "слово word")
    second = await world.post(author, two, "word", lang="en")
    await world.judge()
    assert await world.found("word&lang=ru") == [first]
    assert await world.found("word&lang=en") == [second]
    assert await world.found(f"word&channel={two}") == [second]
    assert set(await world.found("word")) == {first, second}
    assert await world.code(routes.SEARCH, query="?q=word&channel=@nowhere") == "gone"


async def test_pages_of_results(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    made = {await world.post(author, channel, f"word {number}") for number in range(60)}
    await world.judge()
    first = parse_json(await world.call(routes.SEARCH, query="?q=word"), api.Posts)
    rest = parse_json(await world.call(routes.SEARCH, query=f"?q=word&before={first.next}"), api.Posts)
    assert rest.next is None
    assert {encode_b64(each.post_id) for each in (*first.posts, *rest.posts)} == made
    assert len(first.posts) == 50


HOSTILE = [
    "'",
    '"',
    '""',
    '"""',
    "\\",
    "%00",
    "%FF",
    "%F0%9F%98%80",
    "a'; DROP TABLE pub_post; --",
    "*" * 199,
    '"' * 199,
    "AND",
    "OR OR OR",
    "NEAR",
    "(",
    ")",
    "{}",
    "^",
    "-",
    "+",
    ":",
    "body:",
    "rowid:1",
    "%E2%80%AE",
    "a" * 200,
    "a b " * 50,
    "%ED%A0%80",
    "\u0000",
    "١٢٣",
    "🙂" * 50,
    "%22%27",
    "x OR 1=1",
    "NOT",
    "a*b*c*",
    '"*"',
    '" "',
    "ﷺ",
    "\u202e",
]


@pytest.mark.parametrize("query", HOSTILE)
async def test_no_query_breaks_the_search(world: World, query: str) -> None:
    text = query if query.startswith("%") else quote(query)
    status, data, _ = await world.raw(routes.SEARCH, query="?q=" + text)
    assert status in (200, 400), data
    if status == 200:
        assert parse_json(data, api.Posts).posts == ()


async def test_a_query_too_long_is_refused(world: World) -> None:
    assert await world.code(routes.SEARCH, query="?q=" + "a" * 201) == "malformed"
    assert await world.code(routes.SEARCH, query="?q=a&lang=" + "x" * 17) == "malformed"


class TestRealFolding:
    """With the folding of the moderation extra, as a server has it."""

    @pytest.fixture
    async def server(self, tmp_path: Path, settings: Settings, clock: Clock) -> AsyncIterator[Server]:
        running = await Server.start(tmp_path / "data", settings, clock=clock)
        yield running
        await running.stop()

    async def test_arabic_and_russian_are_found_in_other_forms(self, world: World) -> None:
        author = await world.author()
        channel = await world.channel(author)
        texts = {
            "ar": "المُدَرِّسَةُ كتبت أخبارًا جديدة",
            "ru": "Ёлки и новые книги читателей",
            "en": "Running stories about gardens",
        }
        made = {lang: await world.post(author, channel, text) for lang, text in texts.items()}
        await world.judge()
        for lang, queries in {
            "ar": ("مدرسة", "اخبار", "أَخْبَار", "جديده"),
            "ru": ("елка", "книга", "читатель", "НОВЫЙ"),
            "en": ("story", "runs", "garden", "GARDENS"),
        }.items():
            for query in queries:
                assert await world.found(quote(query)) == [made[lang]], query
        assert await world.found(quote('"новые книги"')) == [made["ru"]]
        assert await world.found(quote('"книги новые"')) == []
