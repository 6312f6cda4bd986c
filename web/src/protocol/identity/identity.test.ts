/** Signed objects, list chains, links, linking and the safety number, by the vectors, signatures by WebCrypto. */
import { describe, expect, it } from "vitest";
import linkingVectors from "../../../../vectors/service/linking.json";
import linkVectors from "../../../../vectors/service/links.json";
import vectors from "../../../../vectors/service/objects.json";
import safetyVectors from "../../../../vectors/service/safety.json";
import { publicKeyOf, signerOf, verify } from "../../core/crypto.ts";
import { encodeHex, parseHex as hex } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import { Malformed } from "../errors.ts";
import { clientId, encodeB64 } from "../ids.ts";
import * as chain from "./chain.ts";
import * as linking from "./linking.ts";
import * as links from "./links.ts";
import * as objects from "./objects.ts";
import * as safety from "./safety.ts";

const ACCOUNT = hex(vectors.account_id);
const [FIRST = new Uint8Array(), SECOND = new Uint8Array(), ROTATED = new Uint8Array()] = vectors.lists.map(hex);
const seeded = async (seed: string): Promise<{ sign: objects.Sign; pub: Uint8Array }> => ({
  sign: await signerOf(hex(seed)),
  pub: await publicKeyOf(hex(seed)),
});
const account = await seeded(vectors.account_seed);
const thief = await seeded("77".repeat(32));
const code = (expected: string): object => expect.objectContaining({ code: expected }) as object;

/** The signed list that would follow `after`, with some fields otherwise. */
async function forge(
  changes: Partial<objects.DeviceList>,
  sign = account.sign,
  oldSign?: objects.Sign,
): Promise<Uint8Array> {
  const base = objects.parseList(objects.parseObject(SECOND).payload);
  return objects.signObject("device-list", objects.encodeList({ ...base, ...changes }), sign, oldSign);
}

describe("signed objects", () => {
  it("read, verify and write as Python's", async () => {
    expect(encodeHex(account.pub)).toBe(vectors.account_pub);
    expect(encodeHex(objects.accountIdOf(account.pub))).toBe(vectors.account_id);
    expect(encodeB64(ACCOUNT)).toBe(vectors.account_id_text);
    const certificate = await objects.openCertificate(hex(vectors.certificate), verify);
    expect(encodeHex(objects.clientOf(certificate))).toBe(vectors.client_id);
    expect(objects.clientOf(certificate)).toEqual(clientId(ACCOUNT, 1));
    const resigned = await objects.signObject("device-cert", objects.encodeCertificate(certificate), account.sign);
    expect(encodeHex(resigned)).toBe(vectors.certificate);
    const device = await seeded(vectors.device_seed);
    const login = objects.parseLogin(await objects.openObject("login", hex(vectors.login), device.pub, verify));
    expect(encodeHex(await objects.signObject("login", objects.encodeLogin(login), device.sign))).toBe(vectors.login);
    expect([FIRST, SECOND, ROTATED].map((list) => encodeHex(objects.hashObject(list)))).toEqual(vectors.list_hashes);
    const first = objects.parseList(objects.parseObject(FIRST).payload);
    expect(encodeHex(await objects.signObject("device-list", objects.encodeList(first), account.sign))).toBe(
      vectors.lists[0],
    );
  });

  it("refuse another kind, key, signature count, flipped bit", async () => {
    const data = hex(vectors.certificate);
    await expect(objects.openObject("login", data, account.pub, verify)).rejects.toThrow("bad-signature");
    await expect(objects.openObject("device-cert", data, thief.pub, verify)).rejects.toThrow("bad-signature");
    await expect(objects.openObject("device-cert", data, account.pub, verify, account.pub)).rejects.toThrow(
      "bad-signature",
    );
    for (let at = 0; at < data.length; at++) {
      const flipped = data.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      await expect(objects.openCertificate(flipped, verify), String(at)).rejects.toBeInstanceOf(Malformed);
    }
  });

  it.each([
    [5],
    [[new Uint8Array(1)]],
    [[new Uint8Array(1), "x"]],
    [[new Uint8Array(1), new Uint8Array(64), null]],
    [Array.from({ length: 4 }, () => new Uint8Array(64))],
  ] as [cbor.Value][])("refuse the shape %#", (value) => {
    expect(() => objects.parseObject(cbor.encode(value))).toThrow("bad-signature");
  });
});

describe("numbers beyond 2^53 - 1", () => {
  it.each(Object.entries(vectors.refused))("are refused as by Python: %s", (about, payload) => {
    const parse = about === "certificate" ? objects.parseCertificate : objects.parseList;
    expect(() => parse(hex(payload))).toThrow(Malformed);
  });
});

describe("device lists", () => {
  it("chain through a rotation", async () => {
    const newest = await chain.openChain([FIRST, SECOND, ROTATED], ACCOUNT, verify);
    expect(newest.list.seq).toBe(3);
    expect(encodeHex(newest.hash)).toBe(vectors.list_hashes[2]);
    await expect(chain.openChain([], ACCOUNT, verify)).rejects.toEqual(code("gone"));
    await expect(chain.openChain([FIRST], new Uint8Array(16), verify)).rejects.toEqual(code("key-changed"));
  });

  it("refuse lists that the server or a thief made", async () => {
    const first = await chain.openList(FIRST, verify);
    const wrong: [string, Promise<Uint8Array>][] = [
      ["bad-signature", forge({}, thief.sign)],
      ["bad-signature", forge({ account_pub: thief.pub }, thief.sign)],
      ["bad-signature", forge({ account_pub: thief.pub }, thief.sign, thief.sign)],
      ["bad-signature", forge({}, account.sign, account.sign)],
      ["stale-list", forge({ seq: 3 })],
      ["stale-list", forge({ seq: 1 })],
      ["list-fork", forge({ prev: new Uint8Array(32) })],
      ["key-changed", forge({ account_id: new Uint8Array(16) })],
      ["malformed", forge({ devices: [{ device_id: 1, sig_pub: thief.pub, added: 0, role: 0 }] })],
      ["malformed", forge({ devices: [{ device_id: 1, sig_pub: thief.pub, added: 0, role: 2 }] })],
      [
        "malformed",
        forge({
          devices: [2, 1].map((id) => ({ device_id: id, sig_pub: new Uint8Array(32).fill(id), added: 0, role: 0 })),
        }),
      ],
      ["malformed", forge({ devices: [1, 2].map((id) => ({ device_id: id, sig_pub: thief.pub, added: 0, role: 0 })) })],
      [
        "malformed",
        forge({
          devices: Array.from({ length: 9 }, (_, id) => ({
            device_id: id,
            sig_pub: new Uint8Array(32).fill(id),
            added: 0,
            role: 0,
          })),
        }),
      ],
      ["malformed", forge({ seq: 0 })],
    ];
    for (const [expected, made] of wrong)
      await expect(chain.openList(await made, verify, first), expected).rejects.toEqual(code(expected));
    await expect(chain.openList(SECOND, verify)).rejects.toEqual(code("stale-list"));
  });

  it("end with an empty one", async () => {
    const first = await chain.openList(FIRST, verify);
    const last = await chain.openList(await forge({ devices: [] }), verify, first);
    const after = await forge({ seq: 3, prev: last.hash });
    await expect(chain.openList(after, verify, last)).rejects.toEqual(code("malformed"));
  });

  it("told by a member: the same, the next, one further on, and nothing else", async () => {
    const first = await chain.openList(FIRST, verify);
    const second = await chain.openList(SECOND, verify, first);
    expect(await chain.openLaterList(FIRST, undefined, ACCOUNT, verify)).toEqual(first);
    expect(await chain.openLaterList(SECOND, second, ACCOUNT, verify)).toBe(second);
    expect(await chain.openLaterList(SECOND, first, ACCOUNT, verify)).toEqual(second);
    expect((await chain.openLaterList(SECOND, undefined, ACCOUNT, verify)).list.seq).toBe(2);
    expect(
      (await chain.openLaterList(await forge({ seq: 9, prev: new Uint8Array(32) }), second, ACCOUNT, verify)).list.seq,
    ).toBe(9);
    await expect(chain.openLaterList(FIRST, second, ACCOUNT, verify)).rejects.toEqual(code("stale-list"));
    await expect(chain.openLaterList(ROTATED, first, ACCOUNT, verify)).rejects.toEqual(code("stale-list"));
    await expect(chain.openLaterList(ROTATED, undefined, ACCOUNT, verify)).rejects.toEqual(code("stale-list"));
    await expect(chain.openLaterList(await forge({ issued: 5 }), second, ACCOUNT, verify)).rejects.toEqual(
      code("list-fork"),
    );
    await expect(chain.openLaterList(await forge({ issued: 5 }, thief.sign), second, ACCOUNT, verify)).rejects.toEqual(
      code("bad-signature"),
    );
    await expect(chain.openLaterList(SECOND, first, new Uint8Array(16), verify)).rejects.toEqual(code("key-changed"));
  });
});

describe("links", () => {
  it("read and write as Python's", () => {
    const contact = links.parseContactLink(` ${linkVectors.contact_link}\n`);
    expect(contact).toMatchObject({
      server_name: "home.example",
      name: "ليلى",
      code: "K7QX-3M2P",
      front: "https://home.example",
    });
    expect(encodeHex(contact.account_id ?? new Uint8Array())).toBe(linkVectors.account_id);
    expect(encodeHex(contact.contact_token ?? new Uint8Array())).toBe(linkVectors.contact_token);
    expect(links.encodeContactLink(contact)).toBe(linkVectors.contact_link);
    const invite = links.parseContactLink(linkVectors.server_invite);
    expect(invite).toMatchObject({ account_id: null, contact_token: null, front: "" });
    expect(links.encodeContactLink(invite)).toBe(linkVectors.server_invite);
    const made = links.parseLinkCode(linkVectors.link_code);
    expect([made.addr, made.offer_hash, made.secret].map(encodeHex)).toEqual([
      linkVectors.addr,
      linkVectors.offer_hash,
      linkVectors.secret,
    ]);
    expect(links.encodeLinkCode(made)).toBe(linkVectors.link_code);
    expect(links.encodeLinkCode({ ...made, front: "https://h/x/" })).toBe(`https://h/x/l#${linkVectors.link_code}`);
    expect(links.parseLinkCode(`#${linkVectors.link_code}`)).toEqual(made);
  });

  it.each([
    "",
    "#",
    "x",
    "https://home.example/i#",
    `javascript:/i#${linkVectors.server_invite}`,
    `https://home.example/l#${linkVectors.server_invite}`,
    linkVectors.link_code,
    `${linkVectors.server_invite}=`,
    "A".repeat(5000),
  ])("refuse %j", (text) => {
    expect(() => links.parseContactLink(text)).toThrow("bad-link");
    expect(() => links.parseLinkCode(text === linkVectors.link_code ? linkVectors.server_invite : text)).toThrow(
      "bad-link",
    );
  });

  it("may name whom to ask, and refuse a token without its account", () => {
    const asked = links.parseContactLink(linkVectors.request_link);
    expect(asked.contact_token).toBe(null);
    expect(asked.account_id).toEqual(hex(linkVectors.account_id));
    const half = cbor.encode(
      new Map<cbor.Key, cbor.Value>([
        [1, 1],
        [2, "h"],
        [4, new Uint8Array(32)],
        [5, 1],
      ]),
    );
    expect(() => links.parseContactLink(encodeB64(half))).toThrow("bad-link");
  });
});

describe("linking", () => {
  const offer = hex(linkingVectors.offer);

  it("reads and writes as Python's", () => {
    expect(linking.EMOJI).toEqual(linkingVectors.emoji);
    const parsed = linking.openOffer(offer, hex(linkingVectors.offer_hash));
    expect(encodeHex(linking.encodeOffer(parsed))).toBe(linkingVectors.offer);
    expect(linking.emojiOf(offer)).toEqual(linkingVectors.offer_emoji);
    expect(encodeHex(linking.hpkeInfo(hex(linkVectors.addr)))).toBe(linkingVectors.hpke_info);
    const answer = linking.parseAnswer(hex(linkingVectors.answer), hex(linkingVectors.secret));
    expect(encodeHex(linking.encodeAnswer(answer))).toBe(linkingVectors.answer);
    expect(answer).toMatchObject({
      name: "Лейла",
      contacts: [{ name: "Ольга", contact_token: null }],
      groups: [{ kind: 1 }],
      archive: [],
    });
    const more = linking.parseAnswer(hex(linkingVectors.answer_with_history), hex(linkingVectors.secret));
    expect(more.archive.map(({ size }) => size)).toEqual([9_000_000, 77]);
    expect(encodeHex(linking.encodeAnswer(more))).toBe(linkingVectors.answer_with_history);
  });

  it("is linked without a history whose parts are not as they should be", () => {
    const answer = linking.parseAnswer(hex(linkingVectors.answer_with_history), hex(linkingVectors.secret));
    const [part] = answer.archive;
    if (part === undefined) throw new Error("no part");
    for (const archive of [[{ ...part, key: new Uint8Array(31) }], Array.from({ length: 33 }, () => part)]) {
      const read = linking.parseAnswer(linking.encodeAnswer({ ...answer, archive }), answer.secret);
      expect(read.archive).toEqual([]);
      expect(read.name).toBe("Лейла");
    }
  });

  it("refuses a changed offer and an answer with another secret", () => {
    const changed = offer.slice();
    changed[40] = (changed[40] ?? 0) ^ 1;
    expect(() => linking.openOffer(changed, hex(linkingVectors.offer_hash))).toThrow("link-mismatch");
    expect(() => linking.parseAnswer(hex(linkingVectors.answer), new Uint8Array(16))).toThrow("link-mismatch");
  });
});

describe("safety number", () => {
  const side = ([id = "", pub = ""]: readonly string[]): safety.Side => ({
    account_id: hex(id),
    account_pub: hex(pub),
  });

  it("is Python's, and libsignal's", () => {
    expect(safety.safetyNumber(side(safetyVectors.own), side(safetyVectors.other))).toBe(safetyVectors.safety_number);
    expect(safety.safetyNumber(side(safetyVectors.other), side(safetyVectors.own))).toBe(safetyVectors.safety_number);
    const halves = [safetyVectors.libsignal.alice, safetyVectors.libsignal.bob].map(([id = "", pub = ""]) =>
      safety.half(hex(pub), new TextEncoder().encode(id)),
    );
    expect(halves.sort().join("")).toBe(safetyVectors.libsignal.number);
  });

  it("has a code that the other side compares", () => {
    const {
      own_half: own,
      other_half: other,
      epoch,
      epoch_authenticator: authenticator,
      text,
      compared,
      refused,
    } = safetyVectors.code;
    const mine = { own, other, epoch, epoch_authenticator: hex(authenticator) };
    expect(safety.encodeSafetyCode(mine)).toBe(text);
    expect(safety.parseSafetyCode(text)).toEqual(mine);
    for (const { theirs, result } of compared)
      expect(safety.compareCodes(mine, safety.parseSafetyCode(theirs))).toBe(result);
    for (const wrong of refused) expect(() => safety.parseSafetyCode(wrong), wrong).toThrow(Malformed);
  });
});
