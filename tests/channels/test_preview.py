"""Pages without an account: what they show in each state and language, and that nothing written can act in them."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from tests.channels.world import World
from tests.server.conftest import NO_LIMITS

from zajil.channels import spaces
from zajil.channels.preview.pages import STYLE
from zajil.channels.preview.words import WORDS
from zajil.engine.limits import Limit
from zajil.protocol.ids import parse_b64
from zajil.protocol.public import api, routes
from zajil.protocol.public.posts import ChannelStanding, Effect
from zajil.server.config import Settings

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    '"><script>alert(1)</script>',
    "'><script>alert(1)</script>",
    "<iframe src=javascript:alert(1)>",
    "javascript:alert(1)",
    "<a href=javascript:alert(1)>x</a>",
    "<body onload=alert(1)>",
    "<style>*{display:none}</style>",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "<!--<script>alert(1)//-->",
    "--><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)]]>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<object data=data:text/html,x>",
    "<embed src=x>",
    "<form action=//evil><input>",
    "<meta http-equiv=refresh content='0;url=//evil'>",
    "<base href=//evil>",
    "<link rel=stylesheet href=//evil>",
    "<details open ontoggle=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<video><source onerror=alert(1)>",
    "{{ 7*7 }}",
    "{% raw %}{{ self }}",
    "{{ config }}",
    "${7*7}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)' autofocus='",
    "`onclick=alert(1)`",
    "＜script＞alert(1)＜/script＞",
    "<scr\u00adipt>alert(1)",
    "<\u200bscript>alert(1)",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "\u202e<script>alert(1)</script>\u202c",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)",
]
TAGS = {
    *("html", "head", "meta", "title", "style", "link", "body", "main", "header", "h1", "h2", "p", "a", "article"),
    *("bdi", "time", "details", "summary"),
}
ATTRIBUTES = {
    *("lang", "dir", "charset", "name", "content", "property", "rel", "href", "class", "id", "datetime"),
}


class Page(HTMLParser):
    """A page as a browser's parser takes it apart."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs)
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def check(self) -> None:
        """Nothing but our own elements and attributes, and no address outside."""
        for tag, attributes in self.tags:
            assert tag in TAGS, tag
            assert set(attributes) <= ATTRIBUTES, attributes
            href = attributes.get("href")
            if href is not None:
                assert re.fullmatch(r"/|/c/[^\s\"'<>:]*|https://front\.example/c/[^\s\"'<>:]*", href), href


@pytest.fixture
def settings() -> Settings:
    return Settings(
        port=0, registration="open", limits=NO_LIMITS, drain_s=0, public_space=True, front="https://front.example"
    )


async def page(world: World, path: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    status, body, answered = await world.http.raw("GET", path, headers=named)
    return status, body.decode("utf-8"), answered


async def test_a_channel_and_a_post_are_read_without_an_account(world: World) -> None:
    author = await world.author("writer", name="The Writer")
    channel = await world.channel(author, "news_room", title="News of the day", about="All of it", kind="broadcast")
    post = await world.post(author, channel, "First line\nsecond line")
    await world.judge()
    comment = await world.comment(author, post, "well said")
    await world.judge()
    status, text, headers = await page(world, "/c/news_room")
    assert status == 200
    for wanted in ("News of the day", "All of it", "First line\nsecond line", "The Writer", "@writer"):
        assert wanted in "".join(Page(text).text)
    assert headers["cache-control"] == "public, max-age=30"
    assert headers["vary"] == "Accept-Language"
    assert "set-cookie" not in headers
    assert "server" not in headers
    status, text, _ = await page(world, f"/c/news_room/{post}")
    assert status == 200
    assert "well said" in text
    assert f'id="p{comment}"' in text
    meta = {a.get("property"): a.get("content") for tag, a in Page(text).tags if tag == "meta"}
    assert meta["og:title"] == "News of the day (@news_room)"
    assert meta["og:description"] == "First line second line"
    assert meta["og:url"] == f"https://front.example/c/news_room/{post}"
    assert (await page(world, "/c/NEWS_ROOM"))[0] == 200


async def test_the_policy_forbids_everything_but_one_style_sheet(world: World) -> None:
    author = await world.author()
    await world.channel(author, "news_room")
    for path in ("/c/news_room", "/c/nothing_here"):
        _, text, headers = await page(world, path)
        digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
        assert headers["content-security-policy"] == (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        assert f"<style>{STYLE}</style>" in text
        assert "<script" not in text
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("accepted", "language", "direction"), [("ar", "ar", "rtl"), ("ru-RU", "ru", "ltr"), ("de", "en", "ltr")]
)
async def test_pages_speak_three_languages_and_let_texts_have_their_own_direction(
    world: World, accepted: str, language: str, direction: str
) -> None:
    author = await world.author()
    channel = await world.channel(author, "news_room")
    post = await world.post(author, channel, "نص عربي")
    await world.judge()
    for path in ("/c/news_room", f"/c/news_room/{post}"):
        _, text, _ = await page(world, path, accept_language=accepted)
        found = Page(text)
        assert found.tags[0] == ("html", {"lang": language, "dir": direction})
        assert ("p", {"class": "text", "dir": "auto"}) in found.tags
        assert WORDS[language].open_app in text
    _, text, _ = await page(world, "/c/nothing", accept_language=accepted)
    assert WORDS[language].missing_text in text


async def test_a_text_runs_by_its_words_not_by_a_link_or_handle_before_them(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author, "news_room")
    for text in ("@omar_n شكرًا", "https://example.org/a أُعيد فتح الجسر\n\nEnglish below"):
        await world.post(author, channel, text)
    await world.judge()
    _, text, _ = await page(world, "/c/news_room", accept_language="ar")
    assert '<p class="text" dir="auto"><bdi>@omar_n</bdi> شكرًا</p>' in text
    assert '<p class="text" dir="auto"><bdi>https://example.org/a</bdi> أُعيد فتح الجسر\n\nEnglish below</p>' in text
    # Each paragraph for itself, and at the side where it begins.
    (rule,) = re.findall(r"}\.text{([^}]*)}", STYLE)
    assert {"unicode-bidi:plaintext", "text-align:start"} <= set(rule.split(";"))


async def test_an_address_is_not_torn_apart_at_its_sign(world: World) -> None:
    """Isolated, its second half would be drawn before the first among Arabic: `@bank.example` of somebody else."""
    author = await world.author()
    channel = await world.channel(author, "news_room")
    for text in ("راسلوا help@bank.example اليوم", "شكرًا لكم و@omar_n أيضًا", "(@omar_n)"):
        await world.post(author, channel, text)
    await world.judge()
    _, text, _ = await page(world, "/c/news_room", accept_language="ar")
    assert ">راسلوا help@bank.example اليوم</p>" in text
    assert ">شكرًا لكم و<bdi>@omar_n</bdi> أيضًا</p>" in text
    assert ">(<bdi>@omar_n)</bdi></p>" in text


async def test_a_name_cannot_end_its_isolation(world: World) -> None:
    """Browsers make signs of the elements that isolate, and one in the name would close them."""
    author = await world.author(name="Nora\u2069\u202e\u2067")
    channel = await world.channel(author, "news_room", title="News\u202b \u2068room\u2066", about="about\u202e")
    post = await world.post(author, channel, "words\u202e")
    await world.judge()
    for path in ("/c/news_room", f"/c/news_room/{post}"):
        _, text, _ = await page(world, path)
        assert "<bdi>Nora</bdi>" in text
        assert "News room" in text
        rest = re.sub(r'<p class="text".*?</p>', "", text)
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", rest), "a text is a paragraph of its own, all else is not"


async def test_dates_in_arabic_keep_their_order_and_no_arabic_is_slanted(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author, "news_room")
    post = await world.post(author, channel, "words")
    await world.judge()
    await world.decide(post, "remove", category="hate", human=True)
    _, text, _ = await page(world, "/c/news_room", accept_language="ar")
    assert "أُزيل في \u20662027-01-15 08:00\u2069: كراهية." in text
    assert ".stub:lang(ar){font-style:normal}" in STYLE


def test_every_language_says_everything() -> None:
    for words in WORDS.values():
        assert all(words)
        assert words.categories.keys() == WORDS["en"].categories.keys()
        for name, text in words._asdict().items():
            if isinstance(text, str):
                assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", getattr(WORDS["en"], name))), name


async def test_what_was_taken_down_is_a_stub_with_category_and_date(world: World) -> None:
    author = await world.author("writer")
    channel = await world.channel(author, "news_room")
    post = await world.post(author, channel, "terrible words")
    await world.judge()
    world.clock.advance(60)
    await world.decide(post, "remove", category="hate", human=True)
    for path in ("/c/news_room", f"/c/news_room/{post}"):
        status, text, _ = await page(world, path)
        assert status == 200
        assert "Removed on \u20662027-01-15 08:01\u2069: hate." in text
        assert "terrible" not in text
        assert "writer" not in text.replace("og:", "")
    _, text, _ = await page(world, f"/c/news_room/{post}")
    assert '<meta name="robots" content="noindex">' in text


async def test_limited_and_labelled_posts_stand_behind_a_warning(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author, "news_room")
    limited, labelled = (
        await world.post(author, channel, "limited words"),
        await world.post(author, channel, "odd words"),
    )
    await world.judge()
    await world.decide(limited, "limit", category="hate")
    await world.decide(labelled, "label", category="sexual")
    _, text, _ = await page(world, "/c/news_room")
    assert "limited words" not in text
    assert re.search(r"<details><summary>Possibly disturbing \(sexual content\)", text)
    _, text, _ = await page(world, f"/c/news_room/{limited}")
    assert re.search(r"<details><summary>Shown to fewer people \(hate\)", text)
    assert '<meta property="og:description" content="">' in text
    effects: tuple[Effect, ...] = ("hold", "remove")
    for effect in effects:
        await world.decide(limited, effect, human=True)
        status, text, _ = await page(world, f"/c/news_room/{limited}")
        assert "limited words" not in text
        assert status == (404 if effect == "hold" else 200)


async def test_a_blocked_channel_is_a_stub_too(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author, "news_room", title="Very bad news")
    post = await world.post(author, channel, "terrible words")
    await world.judge()
    standing = ChannelStanding(channel_id=parse_b64(channel), state="blocked", category="fraud")
    await spaces.set_channel_standing(world.public.space, standing)
    status, text, _ = await page(world, "/c/news_room")
    assert (status, "This channel was blocked: fraud." in text) == (200, True)
    assert "bad" not in text
    assert (await page(world, f"/c/news_room/{post}"))[0] == 404
    assert await world.code(routes.READ_POST, post=post) == "gone"
    assert await world.code(routes.LIST_POSTS, channel=channel) == "gone"
    assert await world.found("terrible") == []
    assert await world.code(routes.CREATE_POST, api.NewPost("x"), auth=author.auth, channel=channel) == "channel-closed"


async def test_a_page_that_did_not_change_is_not_sent_again(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author, "news_room")
    _, _, headers = await page(world, "/c/news_room")
    status, text, again = await page(world, "/c/news_room", if_none_match=headers["etag"])
    assert (status, text, again["etag"]) == (304, "", headers["etag"])
    assert "content-security-policy" in again
    await world.post(author, channel)
    await world.judge()
    assert (await page(world, "/c/news_room", if_none_match=headers["etag"]))[0] == 200
    status, _, _ = await page(world, "/c/news_room", if_none_match=headers["etag"], accept_language="ru")
    assert status == 200


async def test_nothing_that_is_written_acts_in_a_page(world: World) -> None:
    for number, payload in enumerate(PAYLOADS):
        letters = chr(ord("a") + number // 26) + chr(ord("a") + number % 26)
        handle = f"news_room_{letters}"
        author = await world.author(f"writer_{letters}", name=payload[:64])
        channel = await world.channel(author, handle, title=payload[:128], about=payload)
        post = await world.post(author, channel, payload)
        await world.judge()
        await world.comment(author, post, payload)
        await world.judge()
        for path in (f"/c/{handle}", f"/c/{handle}/{post}"):
            status, text, _ = await page(world, path)
            assert status == 200, payload
            found = Page(text)
            found.check()
            shown = "".join(found.text)
            assert shown.count(payload) >= 2, f"it is shown as it was written: {payload}"
            words = re.sub(r"\d{4}-\d\d-\d\d.\d\d:\d\d|#\w+", "", "".join(found.text[8:]))
            assert "49" not in words or "49" in payload, payload


def test_there_are_forty_payloads() -> None:
    assert len(set(PAYLOADS)) >= 40


ELSEWHERE = [
    "/c/",
    "/c//",
    "/c/../etc/passwd",
    "/c/%2e%2e/x",
    "/c/%00",
    "/c/%ff",
    "/c/news_room/",
    "/c/news_room/x",
    "/c/news_room/" + "A" * 22,
    "/c/news_room/" + "A" * 22 + "/more",
    "/c/" + "a" * 5000,
    "/c/@news_room",
    "/c/news_room%2f",
    "/c/%F0%9F%98%80",
    "/c/<script>",
    "/c/news_room/%3Cscript%3E",
    "/c/" + quote("нет_такой"),
    "/c/news_room?before=x",
    "/c/news_room?x=1",
    "/c/news_room?before=a&before=b",
    "/c/news_room?before=" + "A" * 500,
]


async def test_any_other_address_is_not_found(world: World) -> None:
    author = await world.author()
    await world.channel(author, "news_room")
    for path in ELSEWHERE:
        status, body, headers = await world.http.raw("GET", path)
        assert status == 404, path
        assert "content-security-policy" in headers, path
        assert b"<script" not in body, path


async def test_a_post_is_found_below_its_own_channel_alone(world: World) -> None:
    author = await world.author()
    one, _ = await world.channel(author, "channel_one"), await world.channel(author, "channel_two")
    post = await world.post(author, one)
    await world.judge()
    assert (await page(world, f"/c/channel_one/{post}"))[0] == 200
    assert (await page(world, f"/c/channel_two/{post}"))[0] == 404


async def test_only_reading_is_allowed(world: World) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert (await world.http.raw(method, "/c/news_room"))[0] == 405
    status, body, headers = await world.http.raw("HEAD", "/c/nothing")
    assert (status, body) == (404, b"")
    assert headers["content-type"].startswith("text/html")


class TestLimited:
    @pytest.fixture
    def settings(self) -> Settings:
        limits = {**NO_LIMITS, "public_read": Limit(3, 60)}
        return Settings(port=0, registration="open", limits=limits, drain_s=0, public_space=True)

    async def test_reading_is_limited_by_prefix_and_says_when_again(self, world: World) -> None:
        for _ in range(3):
            assert (await page(world, "/c/nothing"))[0] == 404
        status, _, headers = await page(world, "/c/nothing")
        assert (status, headers["cache-control"]) == (429, "no-store")
        assert int(headers["retry-after"]) >= 1
        assert await world.code(routes.SEARCH, query="?q=x") == "slow-down"
