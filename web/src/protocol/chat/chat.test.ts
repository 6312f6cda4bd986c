/** What members say inside MLS: AAD, content, forms, mentions, receipts, settings, control parts, by the vectors. */
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import aadVectors from "../../../../vectors/service/aad.json";
import vectors from "../../../../vectors/service/content.json";
import fileVectors from "../../../../vectors/service/files.json";
import settingsVectors from "../../../../vectors/service/extensions.json";
import partVectors from "../../../../vectors/service/parts.json";
import { encodeHex, parseHex as hex } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import { Malformed } from "../errors.ts";
import { encodeB64, parseB64 } from "../ids.ts";
import { encodeAad, hashRefs, parseAad } from "./aad.ts";
import * as content from "./content.ts";
import { checkEmoji } from "./emoji.ts";
import * as extensions from "./extensions.ts";
import * as forms from "./forms.ts";
import * as mentions from "./mentions.ts";
import * as parts from "./parts.ts";
import { encodeReceipts, parseReceipts, STATUS_TYPE } from "./receipts.ts";

describe("AAD", () => {
  it("of an application message", () => {
    const aad = { type: "ApplicationAad", tag: hex(aadVectors.application.tag) } as const;
    expect(encodeHex(encodeAad(aad))).toBe(aadVectors.application.aad);
    expect(parseAad(hex(aadVectors.application.aad))).toEqual(aad);
  });

  it("of a commit", () => {
    const { added, removed, rotate, refs, refs_hash: hash, aad } = aadVectors.commit;
    expect(encodeHex(hashRefs(refs.map(hex)))).toBe(hash);
    const made = { type: "CommitAad", added, removed, rotate, refs_hash: hex(hash) } as const;
    expect(encodeHex(encodeAad(made))).toBe(aad);
    expect(parseAad(hex(aad))).toEqual(made);
  });

  it.each([
    ["another version", [2, 1, new Uint8Array(32)]],
    ["true for a version", [true, 1, new Uint8Array(32)]],
    ["another kind", [1, 3, new Uint8Array(32)]],
    ["a short tag", [1, 1, new Uint8Array(31)]],
    ["an application of six", [1, 1, new Uint8Array(32), null, null, null]],
    ["a commit of three", [1, 2, []]],
    ["leaves not ascending", [1, 2, [2, 2], [], false, new Uint8Array(32)]],
    ["a leaf beyond u32", [1, 2, [2 ** 32], [], false, new Uint8Array(32)]],
    ["a number for rotate", [1, 2, [], [], 1, new Uint8Array(32)]],
    ["no array", 7],
    ["too long", [1, 1, new Uint8Array(20_000)]],
  ] as [string, cbor.Value][])("refuses %s", (_, value) => {
    expect(() => parseAad(cbor.encode(value))).toThrow(Malformed);
  });
});

describe("files", () => {
  it("are read whole, and stand in their chat as something to be shown later", () => {
    for (const { text, reply_to: quoted, files, content: data } of fileVectors.messages) {
      const body = content.parseContent(hex(data));
      expect(forms.parseForm(body)).toEqual({ form: "unsupported", shown: true });
      expect(encodeHex(content.encodeContent(body))).toBe(data);
      expect(body.in_reply_to === null ? null : encodeHex(body.in_reply_to)).toBe(quoted);
      const parts = body.body.type === "MultiPart" ? body.body.parts : [body.body];
      const held = parts.filter((part) => part.type === "ExternalPart");
      expect(held.map((part) => [part.url, part.filename, part.size])).toEqual(
        files.map(({ id, name, size }) => [`zajil:a/${encodeB64(hex(id))}`, name, size]),
      );
      expect(parts.length - held.length).toBe(text === "" ? 0 : 1);
    }
  });

  it.each(fileVectors.others.map(({ about, ...rest }) => [about, rest] as const))("not ours: %s", (_, vector) => {
    expect(forms.parseForm(content.parseContent(hex(vector.content)))).toEqual({
      form: "unsupported",
      shown: vector.shown,
    });
  });
});

describe("content", () => {
  const marks = new Map<cbor.Key, cbor.Value>([
    [content.SENDER_URI, content.senderUri(vectors.server_name, hex(vectors.account_id))],
    [content.ROOM_URI, content.roomUri(vectors.server_name, hex(vectors.gid))],
    [content.DEVICE_ID, 1],
    [content.SENT_MS, 1_790_000_000_000],
  ]);
  const data = hex(vectors.content);
  const parsed = content.parseContent(data);

  it("reads, writes, names and tags the vector", () => {
    expect(content.findText(parsed)).toBe(vectors.text);
    expect(encodeHex(content.encodeContent(parsed))).toBe(vectors.content);
    for (const [key, value] of marks) expect(parsed.extensions.get(key)).toEqual(value);
    expect(encodeHex(content.messageIdOf(parsed, data))).toBe(vectors.message_id);
    expect(encodeHex(content.contentTag(parsed.salt, data))).toBe(vectors.tag);
    expect(encodeHex(content.reportTbs(hex(vectors.tag), hex(vectors.gid), vectors.epoch))).toBe(vectors.report_tbs);
    expect(encodeHex(content.encodeApplication(data, hex(vectors.sig)))).toBe(vectors.plaintext);
    expect(content.parseApplication(hex(vectors.plaintext))).toEqual({ content: data, sig: hex(vectors.sig) });
  });

  it("writes the same content from its text", () => {
    const made = content.textContent(vectors.text, hex(vectors.salt), parsed.extensions);
    expect(encodeHex(content.encodeContent(made))).toBe(vectors.content);
  });

  it("pads to the steps", () => {
    for (const [size, step] of vectors.pad_to) expect(content.padTo(size ?? 0)).toBe(step);
    expect(() => content.padTo(69_121)).toThrow("too-big");
    expect(content.paddedSize(new Uint8Array(704 - 2 - 2 - 64))).toBe(704);
    expect(content.paddedSize(new Uint8Array(704 - 2 - 2 - 63))).toBe(3776);
  });

  const nest = (inner: cbor.Value): cbor.Value => [1, "", 3, 0, [[1, "", 0], inner]];

  it("takes four levels", () => {
    const bytes = cbor.encode([
      new Uint8Array(16),
      null,
      new Uint8Array(),
      null,
      null,
      new Map(),
      nest(nest(nest([1, "", 0]))),
    ]);
    expect(encodeHex(content.encodeContent(content.parseContent(bytes)))).toBe(encodeHex(bytes));
  });

  it("refuses what is too long or no text", () => {
    expect(() => content.textContent("x".repeat(65_537), hex(vectors.salt), marks)).toThrow("text-too-long");
    expect(() => content.textContent("\ud800", hex(vectors.salt), marks)).toThrow(Malformed);
  });

  it.each([
    ["five levels", (leaf: cbor.Value): cbor.Value => nest(nest(nest(nest(leaf))))],
    ["a multipart of one", (): cbor.Value => [1, "", 3, 0, [[1, "", 0]]]],
    [
      "semantics 3",
      (): cbor.Value => [
        1,
        "",
        3,
        3,
        [
          [1, "", 0],
          [1, "", 0],
        ],
      ],
    ],
    ["a null part of four", (): cbor.Value => [1, "", 0, 0]],
    ["an unknown cardinality", (): cbor.Value => [1, "", 4, "x"]],
    ["no array", (): cbor.Value => 5],
  ])("refuses %s", (_, body) => {
    const bytes = cbor.encode([new Uint8Array(16), null, new Uint8Array(), null, null, new Map(), body([1, "", 0])]);
    expect(() => content.parseContent(bytes)).toThrow(Malformed);
  });

  it("refuses extensions that are too long or named by bytes", () => {
    for (const [key, value] of [
      [1, "x".repeat(5000)],
      ["", 1],
      ["x".repeat(256), 1],
      [new Uint8Array(1), 1],
    ] as const) {
      const bytes = cbor.encode([
        new Uint8Array(16),
        null,
        new Uint8Array(),
        null,
        null,
        new Map<cbor.Key, cbor.Value>([[key, value]]),
        [1, "", 0],
      ]);
      expect(() => content.parseContent(bytes), String(key)).toThrow(Malformed);
    }
  });
});

describe("examples of draft-ietf-mimi-content", () => {
  const folder = resolve(import.meta.dirname, "../../../../vectors/official/mimi-content");
  const found = readdirSync(folder).filter((name) => name.endsWith(".cbor"));
  const read = (name: string): Uint8Array => new Uint8Array(readFileSync(resolve(folder, name)));
  // It shows what a hub would keep of a message, which is no message.
  const messages = found.filter((name) => name !== "implied-original.cbor");

  it("are fifteen, all deterministic CBOR", () => {
    expect(found.length).toBe(15);
    for (const name of found) expect(encodeHex(cbor.encode(cbor.parse(read(name)))), name).toBe(encodeHex(read(name)));
  });

  it("are read, written again byte for byte, and have the id they state", () => {
    for (const name of messages) {
      const data = read(name);
      const parsed = content.parseContent(data);
      expect(encodeHex(content.encodeContent(parsed)), name).toBe(encodeHex(data));
      const text = readFileSync(resolve(folder, name.replace(".cbor", ".edn")), "utf8");
      const stated = /message ID = h'(\w+)\n# +(\w+)'/.exec(text);
      expect(encodeHex(content.messageIdOf(parsed, data)), name).toBe(`${stated?.[1] ?? ""}${stated?.[2] ?? ""}`);
    }
  });
});

describe("forms", () => {
  type FormVector = (typeof vectors.forms.forms)[number];
  const NAMES: Readonly<Record<string, forms.Form["form"]>> = {
    Text: "text",
    Edit: "edit",
    Deletion: "deletion",
    Reaction: "reaction",
    TakeBack: "take-back",
    Receipts: "receipts",
    CallLog: "call-log",
  };

  /** The form as the vectors write it. */
  function told(form: forms.Form): unknown {
    const shown = Object.entries(form).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? encodeHex(value) : value,
    ]);
    if (form.form === "receipts")
      return { form: form.form, receipts: form.receipts.map((one) => [encodeHex(one.message), one.status]) };
    return Object.fromEntries(shown);
  }

  it.each(vectors.forms.forms as FormVector[])("$form reads and writes as Python's", (vector) => {
    const { form: name, content: text, message_id: identity, ...rest } = vector;
    const data = hex(text);
    const body = content.parseContent(data);
    const form = forms.parseForm(body);
    expect(told(form)).toEqual({ ...rest, form: NAMES[name] });
    expect(encodeHex(content.messageIdOf(body, data))).toBe(identity);
    if (form.form === "control" || form.form === "unsupported") throw new Error("no such vector");
    const extensions = new Map([...body.extensions].filter(([key]) => key !== forms.AS_ADMIN));
    expect(encodeHex(content.encodeContent(forms.encodeForm(form, { salt: body.salt, extensions })))).toBe(text);
  });

  it.each(vectors.forms.refused)("refuses $about", ({ content: text }) => {
    expect(() => forms.parseForm(content.parseContent(hex(text)))).toThrow(Malformed);
  });

  it.each(vectors.forms.unsupported)("leaves $about to later versions", ({ content: text, shown }) => {
    expect(forms.parseForm(content.parseContent(hex(text)))).toEqual({ form: "unsupported", shown });
  });

  it("tells a control part", () => {
    const body = {
      ...content.CONTENT_DEFAULTS,
      salt: new Uint8Array(16),
      extensions: new Map(),
      body: parts.encodePart({ op: "typing" }),
    };
    expect(forms.parseForm(body)).toEqual({ form: "control", part: { op: "typing" } });
  });
});

describe("emoji", () => {
  it.each(vectors.emoji.one)("%j is one", (text) => {
    expect(checkEmoji(text)).toBe(text);
  });
  it.each(vectors.emoji.none)("%j is not", (text) => {
    expect(() => checkEmoji(text)).toThrow(Malformed);
  });
});

describe("mentions", () => {
  const { server_name: server, members, stranger, texts, links, refused_names: refused } = vectors.mentions;
  const isMember = (account: Uint8Array): boolean => members.includes(encodeB64(account));

  it.each(texts)("$text", ({ text, plain, mentions: expected }) => {
    const found = mentions.parseMentions(text, server, isMember);
    expect(found.text).toBe(plain);
    expect(
      found.mentions.map(({ start, end, account }) => ({ utf16: [start, end], account: encodeB64(account) })),
    ).toEqual(expected.map(({ utf16, account }) => ({ utf16, account })));
    for (const { start, end } of found.mentions) expect(found.text.slice(start, end)).toMatch(/^@./su);
    const again = mentions.parseMentions(mentions.encodeMentions(found.text, found.mentions, server), server, isMember);
    expect(again).toEqual(found);
  });

  it("leaves a stranger as written", () => {
    expect(mentions.parseMentions(stranger.text, server, isMember)).toEqual({ text: stranger.text, mentions: [] });
    expect(mentions.parseMentions(stranger.text, server).mentions.length).toBe(1);
  });

  it.each(links)("links $name", ({ name, link }) => {
    expect(
      mentions.encodeMention(
        server,
        mentions.parseMentions(link, server).mentions[0]?.account ?? new Uint8Array(),
        name,
      ),
    ).toBe(link);
  });

  it.each(refused)("refuses the name %j", (name) => {
    expect(() => mentions.encodeMention(server, parseB64(members[0] ?? "", 16), name)).toThrow(Malformed);
  });

  it("refuses ranges that overlap, lie outside or name nobody", () => {
    const account = parseB64(members[0] ?? "", 16);
    for (const ranges of [
      [
        [0, 3],
        [2, 4],
      ],
      [[0, 9]],
      [[1, 3]],
      [[2, 1]],
      [[0, 1]],
      [[-1, 2]],
    ]) {
      const list = ranges.map(([start = 0, end = 0]) => ({ start, end, account }));
      expect(() => mentions.encodeMentions("@ab @c", list, server), JSON.stringify(ranges)).toThrow(Malformed);
    }
    const many = Array.from({ length: 65 }, (_, at) => ({ start: 3 * at, end: 3 * at + 2, account }));
    expect(() => mentions.encodeMentions("@a ".repeat(65), many, server)).toThrow(Malformed);
  });

  it("reads a long hostile text in linear time", () => {
    expect(mentions.parseMentions("[@".repeat(30_000), server).mentions).toEqual([]);
    expect(mentions.parseMentions(`[@${"a".repeat(60_000)}](mimi://`, server).mentions).toEqual([]);
  });
});

describe("receipts", () => {
  const receipt = { message: new Uint8Array(32).fill(1), status: 2 };
  it("leaves out a later status and refuses the rest", () => {
    const body = (value: cbor.Value): content.SinglePart => ({
      type: "SinglePart",
      disposition: 0,
      language: "",
      content_type: STATUS_TYPE,
      content: cbor.encode(value),
    });
    expect(parseReceipts(encodeReceipts([receipt]))).toEqual([receipt]);
    expect(
      parseReceipts(
        body([
          [receipt.message, 9],
          [receipt.message, 1],
        ]),
      ),
    ).toEqual([{ ...receipt, status: 1 }]);
    for (const wrong of [
      [[receipt.message]],
      [[new Uint8Array(31), 1]],
      [[receipt.message, 256]],
      {}.toString(),
      Array.from({ length: 257 }, () => [receipt.message, 1]),
    ]) {
      expect(() => parseReceipts(body(wrong))).toThrow(Malformed);
    }
    expect(() => encodeReceipts([])).toThrow("wrong-call");
    expect(() => encodeReceipts(Array.from({ length: 257 }, () => receipt))).toThrow("wrong-call");
  });
});

describe("group settings", () => {
  it("reads and writes the vectors", () => {
    const settings = extensions.parseSettings(hex(settingsVectors.chat_settings));
    expect(settings).toMatchObject({
      kind: extensions.ChatKind.GROUP,
      name: "Голуби",
      perms: extensions.DEFAULT_PERMISSIONS,
    });
    expect(settings.roles.map(({ account, role }) => [encodeHex(account), role])).toEqual([[vectors.account_id, 2]]);
    expect(encodeHex(extensions.encodeSettings(settings))).toBe(settingsVectors.chat_settings);
    for (const text of [settingsVectors.group_info_share, settingsVectors.group_info_share_rotated]) {
      expect(encodeHex(extensions.encodeShare(extensions.parseShare(hex(text))))).toBe(text);
    }
  });

  it("changes name and roles and keeps what it does not know", () => {
    const { before, name, with_name: named, roles, with_roles: assigned } = settingsVectors.changed;
    expect(encodeHex(extensions.changeSettings(hex(before), { name }))).toBe(named);
    const { timer, with_timer: timed } = settingsVectors.changed;
    expect(encodeHex(extensions.changeSettings(hex(before), { timer }))).toBe(timed);
    expect([...extensions.findChanges(hex(before), hex(timed))]).toEqual([extensions.TIMER]);
    const list = Object.entries(roles).map(([account, role]) => ({ account: hex(account), role }));
    expect(encodeHex(extensions.changeSettings(hex(before), { roles: list }))).toBe(assigned);
    const doubled = [...list, ...list.map(({ account, role }) => ({ account: account.slice(), role }))];
    expect(() => extensions.changeSettings(hex(before), { roles: doubled })).toThrow(Malformed);
  });

  it.each([
    [
      "another version",
      new Map<cbor.Key, cbor.Value>([
        [1, 2],
        [2, 2],
      ]),
      "unsupported-version",
    ],
    [
      "another kind",
      new Map<cbor.Key, cbor.Value>([
        [1, 1],
        [2, 3],
      ]),
      "unsupported-version",
    ],
    [
      "role 3",
      new Map<cbor.Key, cbor.Value>([
        [1, 1],
        [2, 2],
        [7, new Map<cbor.Key, cbor.Value>([[new Uint8Array(16), 3]])],
      ]),
      "malformed",
    ],
    [
      "a role of text",
      new Map<cbor.Key, cbor.Value>([
        [1, 1],
        [2, 2],
        [7, new Map<cbor.Key, cbor.Value>([["a", 1]])],
      ]),
      "malformed",
    ],
    [
      "half the permissions",
      new Map<cbor.Key, cbor.Value>([
        [1, 1],
        [2, 2],
        [8, new Map<cbor.Key, cbor.Value>([["send", 1]])],
      ]),
      "malformed",
    ],
    [
      "a long name",
      new Map<cbor.Key, cbor.Value>([
        [1, 1],
        [2, 2],
        [3, "x".repeat(257)],
      ]),
      "malformed",
    ],
  ])("refuses %s", (_, value, code) => {
    expect(() => extensions.parseSettings(cbor.encode(value))).toThrow(code);
  });
});

describe("control parts", () => {
  const body = (data: Uint8Array): content.SinglePart => ({
    type: "SinglePart",
    disposition: 0,
    language: "",
    content_type: parts.CONTROL_TYPE,
    content: data,
  });

  it.each(partVectors.parts)("$op reads and writes as Python's", ({ op, content: text }) => {
    const part = parts.parsePart(body(hex(text)));
    expect(part.op).toBe(op);
    if (part.op === "unknown") throw new Error("unknown op in the vectors");
    const encoded = parts.encodePart(part);
    expect(encodeHex(encoded.content)).toBe(text);
    expect(parts.isControl(encoded)).toBe(true);
  });

  it("ignores a call that no client writes, and writes none that is too long", () => {
    for (const text of partVectors.ignored_calls) {
      expect(parts.parsePart(body(hex(text)))).toEqual({ op: "unknown", name: "call" });
    }
    const fields = new Map([["sdp", "x".repeat(parts.CALL_BYTES - 13)]]);
    expect(() => parts.encodePart({ op: "call", fields })).toThrow(Malformed);
  });

  it("names what it does not know and refuses the rest", () => {
    expect(partVectors.content_type).toBe(parts.CONTROL_TYPE);
    expect(parts.parsePart(body(hex(partVectors.unknown)))).toEqual({ op: "unknown", name: "later" });
    for (const wrong of [
      5,
      ["profile"],
      ["profile", 1],
      [1, new Map()],
      ["profile", new Map()],
      ["sync", new Map()],
      ["lists", new Map([["lists", [1]]])],
    ] as cbor.Value[]) {
      expect(() => parts.parsePart(body(cbor.encode(wrong)))).toThrow(Malformed);
    }
  });
});
