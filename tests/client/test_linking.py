"""Device linking against whoever stands in between: codes, offers and answers that are not what they claim."""

from __future__ import annotations

import asyncio
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest
from tests.client.people import register
from tests.client.serving import Served

from zajil.client import Client
from zajil.client.shell import linking as shell
from zajil.client.shell.calls import Calls
from zajil.mls import XWING, MlsError
from zajil.mls.primitives import hpke
from zajil.protocol import control
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.identity import linking
from zajil.protocol.identity.linking import Answer, Offer
from zajil.protocol.identity.links import LinkCode, encode_link_code, parse_link_code
from zajil.protocol.ids import encode_b64
from zajil.transports.direct import DirectTransport

pytestmark = pytest.mark.slow


async def wait_for_code(home: Path, url: str) -> tuple[asyncio.Task[Client], LinkCode]:
    """A new device that shows its code and waits."""
    codes: asyncio.Queue[str] = asyncio.Queue()
    waiting = asyncio.create_task(Client.link_new(home, server=url, on_code=codes.put_nowait))
    return waiting, parse_link_code(await codes.get())


async def end(waiting: asyncio.Task[Client]) -> None:
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_codes_of_other_servers_unknown_places_and_other_offers_are_refused(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        waiting, code = await wait_for_code(homes / "new", server.url)
        wrong = {
            "bad-link": LinkCode("other.example", code.addr, code.offer_hash, code.secret),
            "link-expired": LinkCode(code.server_name, token_bytes(16), code.offer_hash, code.secret),
            "link-mismatch": LinkCode(code.server_name, code.addr, token_bytes(32), code.secret),
        }
        for reason, forged in wrong.items():
            for act in (amal.link_preview, amal.link_approve):
                with pytest.raises(ZajilError, match=reason):
                    await act(encode_link_code(forged))
        with pytest.raises(ZajilError, match="bad-link"):
            await amal.link_approve(await amal.contact_link())
        assert [device.device_id for device in amal.devices()] == [1]
        await end(waiting)
        assert not (homes / "new" / "keys").exists()


async def test_a_preview_shows_what_the_new_device_shows(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        codes: asyncio.Queue[str] = asyncio.Queue()
        emoji: asyncio.Queue[str] = asyncio.Queue()
        new = asyncio.create_task(
            Client.link_new(homes / "2", server=server.url, on_code=codes.put_nowait, on_emoji=emoji.put_nowait)
        )
        code = await codes.get()
        preview = await amal.link_preview(code)
        assert preview.emoji == await emoji.get()
        assert (await amal.link_approve(code)).device_id == 2
        async with await new as laptop:
            assert (laptop.account_id, laptop.name, laptop.device_id) == (amal.account_id, "Amal", 2)
            assert [device.device_id for device in laptop.devices()] == [1, 2]
        with pytest.raises(ZajilError, match="home-exists"):
            await Client.link_new(homes / "2", server=server.url, on_code=codes.put_nowait)


async def test_a_server_that_answers_itself_cannot_enrol_the_device_elsewhere(server: Served, homes: Path) -> None:
    """It sees the offer with its HPKE key, but not the secret of the code."""
    async with await register(homes, "Mallory", server.url) as mallory:
        waiting, code = await wait_for_code(homes / "victim", server.url)
        async with DirectTransport(server.url) as transport:
            calls = Calls(transport)
            data = await calls.call(control.LINK_OFFER, bytes, addr=encode_b64(code.addr))
            offer = Offer.parse(data)
            guess = LinkCode(code.server_name, code.addr, code.offer_hash, token_bytes(16))
            tokens = mallory._device.tokens
            device = await shell._extend_list(mallory._core, calls, tokens, offer)
            answer = await shell._answer(mallory._core, calls, tokens, device, offer, guess)
            await put_answer(calls, code.addr, offer, answer)
        with pytest.raises(ZajilError, match="link-mismatch"):
            await waiting
        assert not (homes / "victim" / "keys").exists()


async def test_an_answer_whose_parts_do_not_fit_enrols_nobody(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        for spoil in ("seed", "certificate", "lists"):
            waiting, code = await wait_for_code(homes / spoil, server.url)
            async with DirectTransport(server.url) as transport:
                calls = Calls(transport)
                offer = Offer.parse(await calls.call(control.LINK_OFFER, bytes, addr=encode_b64(code.addr)))
                tokens = amal._device.tokens
                device = await shell._extend_list(amal._core, calls, tokens, offer)
                answer = await shell._answer(amal._core, calls, tokens, device, offer, code)
                with amal._core.look() as step:
                    own = step.profile.certificate
                fields = {name: getattr(answer, name) for name in Answer.__dataclass_fields__}
                fields |= {"seed": {"seed": token_bytes(32)}, "certificate": {"certificate": own}}.get(
                    spoil, {"lists": answer.lists[:1]}
                )
                await put_answer(calls, code.addr, offer, Answer(**fields))
            with pytest.raises(ZajilError, match="link-mismatch"):
                await waiting
            assert not (homes / spoil / "keys").exists()


async def test_a_code_is_good_once(server: Served, homes: Path) -> None:
    """Whoever holds a picture of it gets nothing."""
    async with await register(homes, "Amal", server.url) as amal:
        waiting, code = await wait_for_code(homes / "2", server.url)
        assert (await amal.link_approve(encode_link_code(code))).device_id == 2
        await (await waiting).close()
        for act in (amal.link_preview, amal.link_approve):
            with pytest.raises(ZajilError, match="link-expired"):
                await act(encode_link_code(code))
        assert [device.device_id for device in amal.devices()] == [1, 2]


async def test_a_linking_survives_a_line_that_loses_answers(
    server: Served, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Approved is approved: a device that was given up halfway would be in the list for ever, and publish nothing."""
    call, lost = Calls.call, list[str]()

    async def losing(self: Calls, route: control.Route, *arguments: Any, **more: Any) -> Any:
        found = await call(self, route, *arguments, **more)
        if len(lost) < 3 and route is (control.LINK_ANSWER if len(lost) < 2 else control.TAKE_TOKEN):
            lost.append(route.path)
            raise error("unreachable")
        return found

    async with await register(homes, "Amal", server.url) as amal:
        waiting, code = await wait_for_code(homes / "2", server.url)
        monkeypatch.setattr(Calls, "call", losing)
        assert (await amal.link_approve(encode_link_code(code))).device_id == 2
        async with await waiting as phone:
            await asyncio.gather(amal.sync(), phone.sync())
            assert len(lost) == 3
            assert [device.device_id for device in phone.devices()] == [1, 2]


async def test_a_second_reader_who_is_faster_opens_nothing_and_enrols_nobody(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        waiting, code = await wait_for_code(homes / "2", server.url)
        await end(waiting)
        assert (await amal.link_approve(encode_link_code(code))).device_id == 2
        async with DirectTransport(server.url) as transport:
            sealed = await Calls(transport).call(control.LINK_ANSWER, bytes, addr=encode_b64(code.addr))
        private, _ = hpke.generate_key_pair(XWING, token_bytes)
        with pytest.raises(MlsError):
            hpke.open_sealed(
                XWING,
                private,
                enc=sealed[: XWING.enc_bytes],
                info=linking.hpke_info(code.addr),
                ciphertext=sealed[XWING.enc_bytes :],
            )
        assert not (homes / "2" / "keys").exists()


async def test_nobody_lays_another_offer_over_one(server: Served, homes: Path) -> None:
    waiting, code = await wait_for_code(homes / "2", server.url)
    async with DirectTransport(server.url) as transport:
        calls = Calls(transport)
        other = Offer(token_bytes(1216), token_bytes(32), "x", "x").encode()
        with pytest.raises(ZajilError, match="not-allowed"):
            await calls.call(control.PUT_LINK_OFFER, control.Empty, request=other, addr=encode_b64(code.addr))
        data = await calls.call(control.LINK_OFFER, bytes, addr=encode_b64(code.addr))
    linking.open_offer(data, offer_hash=code.offer_hash)
    await end(waiting)


async def test_a_code_that_nobody_approves_expires(server: Served, homes: Path) -> None:
    async with DirectTransport(server.url) as transport:
        with pytest.raises(ZajilError, match="link-expired"):
            await shell.link_new(
                homes / "2",
                Calls(transport),
                server=server.url,
                on_code=lambda _: None,
                on_emoji=None,
                wait_s=0.01,
            )
    assert not (homes / "2" / "keys").exists()


async def put_answer(calls: Calls, addr: bytes, offer: Offer, answer: Answer) -> None:
    enc, sealed = hpke.seal(
        XWING, offer.hpke_pub, info=linking.hpke_info(addr), plaintext=answer.encode(), rng=token_bytes
    )
    await calls.call(control.PUT_LINK_ANSWER, control.Empty, request=enc + sealed, addr=encode_b64(addr))
