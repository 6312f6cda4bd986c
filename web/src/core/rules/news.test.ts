/** What the server's moderators say: told at once, and kept as a line among one's own notes. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import * as cbor from "../../protocol/cbor.ts";
import { Kind } from "../../protocol/frames.ts";
import { randomBytes } from "../crypto.ts";
import * as rows from "../state/rows.ts";
import { type Person, World } from "../testing/people.ts";
import * as groups from "./groups.ts";

/** A notice of the server in a mailbox. */
function slip(who: Person, name: string, fields: ReadonlyMap<string, cbor.Value>): void {
  const { mailbox, world } = who;
  const head = { type: "Msg", seq: mailbox.next++, id: randomBytes(16), kind: Kind.NOTICE } as const;
  const body = cbor.encode([name, new Map(fields)]);
  mailbox.queue.push({ ...head, gid: new Uint8Array(), epoch: 0, ts: world.time, frank: null, via: null, body });
}

async function notes(who: Person): Promise<string[]> {
  const all = await who.core.look((look) => rows.allChats(look.tx));
  const own = all.find((chat) => chat.kind === groups.SELF);
  return own === undefined
    ? []
    : (await who.lines(own.gid)).flatMap((line) => (line.notice === null ? [] : [line.notice.code]));
}

test("outcomes of reports and measures reach the person; other words do not", async () => {
  const world = new World();
  const anna = await world.person("Anna");
  const before = await notes(anna);
  slip(anna, "report-outcome", new Map([["outcome", "acted"]]));
  slip(anna, "report-outcome", new Map([["outcome", "not-acted"]]));
  slip(anna, "account-measure", new Map([["action", "warn"]]));
  slip(anna, "account-measure", new Map([["action", "undone"]]));
  slip(anna, "account-measure", new Map([["action", "constructor"]]));
  slip(anna, "report-outcome", new Map([["outcome", "toString"]]));
  slip(anna, "something-new", new Map([["outcome", "acted"]]));
  await world.settle();
  const codes = ["report-acted", "report-not-acted", "account-warned", "measure-undone"];
  expect((await notes(anna)).slice(before.length)).toEqual(codes);
  expect(anna.told.map(({ code }) => code).filter((code) => codes.includes(code))).toEqual(codes);
});

test("what a server tells twice is told once", async () => {
  const world = new World();
  const anna = await world.person("Anna");
  const before = await notes(anna);
  const [one, other] = [randomBytes(16), randomBytes(16)];
  for (const id of [one, one, other, one]) {
    slip(
      anna,
      "account-measure",
      new Map<string, cbor.Value>([
        ["id", id],
        ["action", "warn"],
      ]),
    );
  }
  for (const id of [null, randomBytes(15), null]) {
    slip(
      anna,
      "report-outcome",
      new Map<string, cbor.Value>([
        ["id", id],
        ["outcome", "acted"],
      ]),
    );
  }
  await world.settle();
  const codes = ["account-warned", "account-warned", "report-acted", "report-acted", "report-acted"];
  expect((await notes(anna)).slice(before.length)).toEqual(codes);
});
