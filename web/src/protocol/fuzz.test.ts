/**
 * Every parser survives what a hostile peer can send: each truncation of each vector, and random edits of it, end in a
 * value or in a ZajilError, never in another exception; and what CBOR accepts, it would have written.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import media from "../../../vectors/calls/media.json";
import signals from "../../../vectors/calls/signals.json";
import aad from "../../../vectors/service/aad.json";
import archive from "../../../vectors/service/archive.json";
import arranging from "../../../vectors/service/arranging.json";
import content from "../../../vectors/service/content.json";
import extensions from "../../../vectors/service/extensions.json";
import files from "../../../vectors/service/files.json";
import frames from "../../../vectors/service/frames.json";
import groups from "../../../vectors/service/groups.json";
import linking from "../../../vectors/service/linking.json";
import links from "../../../vectors/service/links.json";
import objects from "../../../vectors/service/objects.json";
import parts from "../../../vectors/service/parts.json";
import recovery from "../../../vectors/service/recovery.json";
import session from "../../../vectors/service/session.json";
import { encodeHex, encodeText, parseHex, parseText, parseUint } from "./bytes.ts";
import { parseControl, parseFrame, parseRoom } from "./calls/media.ts";
import { parseSignal } from "./calls/signals.ts";
import * as cbor from "./cbor.ts";
import { parseAad } from "./chat/aad.ts";
import { parseSettings as parseArranging, readRegisters } from "./chat/arranging.ts";
import { parseApplication, parseContent } from "./chat/content.ts";
import { parseSettings, parseShare } from "./chat/extensions.ts";
import { parseFiles, readKept } from "./chat/files.ts";
import { parseForm } from "./chat/forms.ts";
import { parseMentions } from "./chat/mentions.ts";
import { parsePart } from "./chat/parts.ts";
import { parseUsername } from "./contacts/usernames.ts";
import * as control from "./control.ts";
import { ZajilError } from "./errors.ts";
import { parseRClient, parseRServer, parseSClient, parseSServer } from "./frames.ts";
import { parseArchive } from "./history/archive.ts";
import { parseBackup } from "./identity/backup.ts";
import { parseGroupLink } from "./identity/grouplinks.ts";
import { parseAnswer, parseOffer } from "./identity/linking.ts";
import { parseContactLink, parseLinkCode } from "./identity/links.ts";
import { parseCertificate, parseList, parseLogin, parseObject } from "./identity/objects.ts";
import { parseKey } from "./identity/recovery.ts";
import { parseSafetyCode } from "./identity/safety.ts";
import { parseB64 } from "./ids.ts";
import { parseHeader } from "./mlsheader.ts";
import { parseMemory } from "./path/memory.ts";
import { parseHandle } from "./public/handles.ts";
import { parseBridgeLink, parsePrivateBridges } from "./reach/endpoints.ts";
import { parseItems } from "./reach/polling.ts";
import { pad, unpad } from "./records.ts";
import { readMessage } from "./report.ts";
import { parseRoster } from "./roster.ts";
import { parseQuery } from "./search/matching.ts";
import { numbers } from "./seeded.ts";
import { parseRecord } from "./session/wire.ts";

/** Edits of each list's vectors together. */
const RUNS = 1500;

const LENGTHS = [
  0, 1, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x5b, 0x7b, 0x9b, 0xbb, 0x7f, 0x80, 0xc1, 0xc4, 0xc6, 0xd9, 0xdb, 0xdd, 0xdf,
  0xff,
];

function edited(data: readonly number[], random: (below: number) => number): Uint8Array {
  const bytes = [...data];
  for (let edit = 0; edit <= random(3); edit++) {
    const at = random(bytes.length + 1);
    const byte = random(2) ? (LENGTHS[random(LENGTHS.length)] ?? 0) : random(256);
    const kind = random(4);
    if (kind === 0) bytes[Math.min(at, Math.max(0, bytes.length - 1))] = byte;
    else if (kind === 1) bytes.splice(at, 0, byte);
    else if (kind === 2) bytes.splice(at, 1 + random(8));
    else bytes.splice(at, 0, ...bytes.slice(at, at + random(16)));
  }
  return Uint8Array.from(bytes);
}

/** Runs a parser; true when it took the bytes. */
function took(parse: (data: Uint8Array) => unknown, data: Uint8Array): boolean {
  try {
    parse(data);
    return true;
  } catch (problem) {
    if (!(problem instanceof ZajilError)) throw problem;
    return false;
  }
}

const hexes = (list: readonly { hex: string }[]): string[] => list.map(({ hex }) => hex);
const payload = (text: string): string => encodeHex(parseObject(parseHex(text)).payload);
const part = (data: Uint8Array): unknown =>
  parsePart({ type: "SinglePart", disposition: 0, language: "", content_type: "", content: data });
const seconds = (rows: readonly unknown[]): string[] => rows.map((row) => (row as [string, string])[1]);
const signal = (data: Uint8Array): unknown => {
  const value = cbor.parse(data);
  return value instanceof Map ? parseSignal(value) : null;
};
const arranged = (data: Uint8Array): unknown => {
  const items = cbor.parse(data);
  if (!Array.isArray(items)) return null;
  const settings = parseArranging(items);
  return [settings, readRegisters({})];
};
const json = (value: control.Json): string => encodeHex(encodeText(control.encodeJson(value)));
const claim = {
  list_seq: 1,
  clients: [{ device_id: 1, suite: 83, key_package: "AA", deliver_to: "AA", last_resort: false }],
};
const problem = { code: "stale-epoch", retry_ms: 5, detail: { epoch: 8 } };
const answers = [
  control.CLAIM_KEY_PACKAGES,
  control.CONFIG,
  control.MAILBOX_ROW,
  control.TAKE_TOKEN,
  control.TAKE_PASSES,
];

const PARSERS: readonly (readonly [string, (data: Uint8Array) => unknown, readonly string[]])[] = [
  [
    "cbor",
    cbor.parse,
    [content.content, linking.answer, extensions.chat_settings, "a70a031864062005416b0461610261620162616107"],
  ],
  ["aad", parseAad, [aad.application.aad, aad.commit.aad]],
  ["content", parseContent, [content.content, ...content.forms.forms.map((one) => one.content)]],
  ["form", (data) => parseForm(parseContent(data)), content.forms.forms.map((one) => one.content)],
  ["application", parseApplication, [content.plaintext]],
  ["settings", parseSettings, [extensions.chat_settings, extensions.changed.before]],
  ["share", parseShare, [extensions.group_info_share, extensions.group_info_share_rotated]],
  ["part", part, parts.parts.map((one) => one.content)],
  ["r_client", parseRClient, hexes(frames.frames.r_client)],
  ["s_client", parseSClient, hexes(frames.frames.s_client)],
  ["r_server", parseRServer, hexes(frames.frames.r_server)],
  ["s_server", parseSServer, hexes(frames.frames.s_server)],
  ["record", parseRecord, hexes(session.frames).map((hex) => encodeHex(pad(parseHex(hex))))],
  ["session frame", (data) => parseRecord(pad(data)), hexes(session.frames)],
  ["unpad", unpad, [session.record.record]],
  ["object", parseObject, [objects.certificate, objects.login, ...objects.lists]],
  ["certificate", parseCertificate, [payload(objects.certificate)]],
  ["list", parseList, objects.lists.map(payload)],
  ["login", parseLogin, [payload(objects.login)]],
  ["offer", parseOffer, [linking.offer]],
  ["answer", (data) => parseAnswer(data, parseHex(linking.secret)), [linking.answer]],
  ["roster", parseRoster, ["0000000a8182005754" + "00".repeat(30), "000000058182014100"]],
  ["header", parseHeader, ["0001000210" + "11".repeat(16) + "00000000000000070102abcd01ee4040" + "cc".repeat(64)]],
  [
    "JSON",
    (data) => answers.map((route) => route.answer && control.parseJson(data, route.answer as control.Read<unknown>)),
    [json(claim)],
  ],
  ["problem", (data) => control.parseProblem(409, data), [json(problem)]],
  ["archive", parseArchive, [archive.archive]],
  ["backup", parseBackup, [recovery.plain]],
  ["private bridges", parsePrivateBridges, [encodeHex(parseB64(links.bridge_text.replace("zajil:", "")))]],
  ["items of a poll", parseItems, ["0000000361626300000001aa"]],
  ["media frame", parseFrame, seconds(media.frames)],
  ["room", parseRoom, seconds(media.room)],
  ["media control", parseControl, seconds(media.control)],
  ["signal", signal, seconds(signals.read)],
  ["arranging", arranged, [...arranging.stories.map((one) => one.told), arranging.later]],
  ["files", (data) => parseFiles(parseContent(data)), files.looks.map((one) => one.content)],
  ["files kept", readKept, files.looks.map((one) => one.content)],
  [
    "reported",
    (data) => readMessage(parseContent(data), "home.example"),
    content.forms.forms.map((one) => one.content),
  ],
  ["memory", parseMemory, [encodeHex(encodeText('{"networks":{"home":{"used_at":1,"known":{}}}}'))]],
];

/** Those of which a beginning may be whole, or which answer with nothing instead of refusing. */
const TAKE_CUTS = new Set(["problem", "items of a poll", "media frame", "room", "memory"]);

/** Readers that are in no list: what they take apart another of the list does, or they are of use to others here. */
const ELSEWHERE = new Set([
  ...["openObject", "openCertificate", "openList", "openChain", "openLaterList", "openOffer"],
  ...["parseFile", "parseLooks", "parseContact", "parseGroup", "parseReceipts", "parseChallenge"],
  ...["parseAdded", "parseOffset", "parseJson", "parseProblem"],
]);

const TEXTS: readonly (readonly [string, (text: string) => unknown, string])[] = [
  ["contact link", parseContactLink, links.contact_link],
  ["contact link with bridges", parseContactLink, links.contact_link_with_bridges],
  ["bridge link", parseBridgeLink, links.bridge_text],
  ["link code", parseLinkCode, links.link_code],
  [
    "mentions",
    (text) => parseMentions(text, "home.example"),
    "hi [@Лейла](mimi://home.example/u/1-Voi3snc9Iz36deeha9pg)!",
  ],
  ["base64url", parseB64, links.link_code],
  ["group link", parseGroupLink, groups.link],
  ["recovery key", parseKey, recovery.text],
  ["handle", parseHandle, "news_أخبار"],
  ["username", parseUsername, "@Новости"],
  ["search", parseQuery, 'words "and a quotation" begin*'],
  ["hex", parseHex, "00ff"],
  ["text", (text) => [parseText(encodeText(text)), parseUint(encodeText(text).subarray(0, 4))], "text"],
];

// A stack for each of 200,000 refusals would cost more than the parsers do; a failure says its vector and message.
let depth = 0;
beforeAll(() => {
  depth = Error.stackTraceLimit;
  Error.stackTraceLimit = 3;
});
afterAll(() => {
  Error.stackTraceLimit = depth;
});

describe("hostile bytes", () => {
  it.each(PARSERS)("%s: every truncation", (name, parse, vectors) => {
    for (const text of vectors) {
      const data = parseHex(text);
      for (let size = 0; size < Math.min(data.length, 2000); size++) {
        const taken = took(parse, data.subarray(0, size));
        if (!TAKE_CUTS.has(name) && taken) expect.fail(`took ${String(size)} bytes of ${text.slice(0, 40)}`);
      }
    }
  });

  it.each(PARSERS)("%s: random edits", (name, parse, vectors) => {
    const random = numbers(name.length);
    for (const text of vectors) {
      const data = [...parseHex(text)];
      for (let run = 0; run < Math.ceil(RUNS / vectors.length); run++) took(parse, edited(data, random));
    }
  });

  it("CBOR that is taken is what we would have written", () => {
    const random = numbers(8949);
    let taken = 0;
    for (const text of PARSERS[0]?.[2] ?? []) {
      const vector = [...parseHex(text)];
      for (let run = 0; run < 2 * RUNS; run++) {
        const data = edited(vector, random);
        if (!took(cbor.parse, data)) continue;
        taken += 1;
        const [again, given] = [encodeHex(cbor.encode(cbor.parse(data))), encodeHex(data)];
        if (again !== given) expect(again).toBe(given);
      }
    }
    expect(taken).toBeGreaterThan(500);
  });

  it.each(TEXTS)("%s: random edits of the text", (name, parse, text) => {
    const random = numbers(name.length);
    for (let run = 0; run < RUNS; run++) {
      const letters = [...text];
      letters.splice(random(letters.length), random(3), String.fromCharCode(random(2) ? random(128) : random(65_536)));
      took(() => parse(letters.join("")), new Uint8Array());
      took(() => parse(text.slice(0, random(text.length))), new Uint8Array());
      took(() => parseSafetyCode(letters.join("")), new Uint8Array());
    }
  });

  it("every reader of bytes or text is in a list", () => {
    const folder = import.meta.dirname;
    const own = readFileSync(import.meta.filename, "utf8");
    const sources = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
      (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"),
    );
    const readers = sources.flatMap((name) =>
      [
        ...readFileSync(join(folder, name), "utf8").matchAll(
          /^export (?:async )?(?:function|const) ((?:parse|open|read)[A-Z]\w*)/gmu,
        ),
      ].map(([, reader = ""]) => reader),
    );
    expect(readers.length).toBeGreaterThan(50);
    const missing = readers.filter((reader) => !ELSEWHERE.has(reader) && !new RegExp(`\\b${reader}\\b`, "u").test(own));
    expect(missing).toEqual([]);
  });
});
