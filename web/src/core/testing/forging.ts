/** What a hostile member's client may do in tests: commit what nobody may, hand out a group of its making. */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeUint } from "../../protocol/bytes.ts";
import { encodeAad, hashRefs } from "../../protocol/chat/aad.ts";
import {
  CHAT_SETTINGS,
  changeSettings,
  encodeShare,
  GROUP_INFO_SHARE,
  type SettingsChange,
} from "../../protocol/chat/extensions.ts";
import { type Commit, type Err, Kind, type Ok } from "../../protocol/frames.ts";
import { SUITE_XWING } from "../../protocol/limits.ts";
import { rosterKey } from "../../protocol/roster.ts";
import { randomBytes } from "../crypto.ts";
import { parseKeyPackage } from "../mls/mls.ts";
import * as groups from "../rules/groups.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import type { Person } from "./people.ts";

/** The server takes a commit of this member that changes settings, allowed or not; its answer. */
export async function commitSettings(by: Person, gid: Id, changes: SettingsChange): Promise<Ok | Err> {
  return by.world.service.take((await makeCommit(by, gid, changes)).request);
}

/**
 * The server takes bytes for a commit of this member that nobody can open, and a message of the epoch after it, which
 * only this member is in.
 */
export async function commitNothing(by: Person, gid: Id): Promise<void> {
  const { service } = by.world;
  const { request, next } = await makeCommit(by, gid, {});
  const commit = request.commit.slice();
  commit[commit.length - 1] = (commit.at(-1) ?? 0) ^ 1;
  service.take({ ...request, commit });
  const body = commit.slice();
  body.set(encodeUint(request.epoch + 1, 8), 4 + 1 + request.gid.length); // version, wire format, length and id before it
  const { roster_key } = request;
  service.take({
    type: "Send",
    rid: 2,
    mid: randomBytes(16),
    gid: request.gid,
    token: next,
    roster_key,
    flags: 0,
    ttl: 0,
    body,
  });
}

interface Made {
  readonly request: Commit;
  /** What authorises sends in the epoch that it makes. */
  readonly next: Uint8Array;
}

function makeCommit(by: Person, gid: Id, changes: SettingsChange): Promise<Made> {
  return by.core.step("evil", async (step) => {
    const chat = await step.chat(gid);
    const group = await step.loadGroup(gid);
    const extensions = group.extensions.map((extension) =>
      extension.type === CHAT_SETTINGS ? { ...extension, data: changeSettings(extension.data, changes) } : extension,
    );
    const told = { type: "CommitAad", added: [], removed: [], rotate: false, refs_hash: hashRefs([]) } as const;
    const made = await group.commit(await step.env(), [{ extensions }], { aad: encodeAad(told) });
    const next = await groups.sendToken(made.staged, gid);
    const request: Commit = {
      type: "Commit",
      rid: 1,
      mid: randomBytes(16),
      gid: rows.bytesOf(gid),
      token: await groups.sendToken(group, gid),
      epoch: chat.epoch,
      roster_key: rosterKey(chat.gs),
      new_roster_key: null,
      next_token_hash: sha256(next),
      add: [],
      rm: [],
      commit: made.staged.message ?? new Uint8Array(),
      welcome: null,
    };
    return { request, next };
  });
}

interface Forged {
  /** Data of extension 0xF0A0; those of the real group where it is left out. */
  readonly settings?: Uint8Array;
  /** Everybody in it besides the forger; the victims where it is left out. */
  readonly people?: readonly Person[];
  readonly suite?: number;
}

/** A real Welcome by this member into a group of its making under the id of a known one; it comes to each victim. */
export async function offerGroup(by: Person, gid: Id, victims: readonly Person[], forged: Forged = {}): Promise<void> {
  const { suite = SUITE_XWING, people = victims } = forged;
  const { service, time } = by.world;
  const adds = people.map((person) => {
    const { clients } = service.claim({
      want: "claim",
      n: 0,
      account: person.id,
      devices: null,
      claimId: randomBytes(16),
      token: null,
      suites: [suite],
    });
    return { add: parseKeyPackage(clients[0]?.key_package ?? new Uint8Array()) };
  });
  await by.core.step("evil", async (step) => {
    const settings = forged.settings ?? groups.findSettings((await step.loadGroup(gid)).extensions);
    let group = await groups.create(step, gid, settings, suite);
    // Beyond every epoch of the real one, so that the epoch does not give it away.
    for (let n = 0; n < 12; n++) {
      const empty = await group.commit(await step.env(), []);
      group = empty.staged.apply(empty.group);
    }
    const share = encodeShare({ group_secret: randomBytes(32), lists: [], accounts: [] });
    const welcomeExtensions = [{ type: GROUP_INFO_SHARE, data: share }];
    const { staged } = await group.commit(await step.env(), adds, { welcomeExtensions });
    for (const { mailbox } of victims) {
      const head = { type: "Msg", seq: mailbox.next++, id: randomBytes(16), kind: Kind.WELCOME } as const;
      const rest = { gid: rows.bytesOf(gid), epoch: staged.epoch, ts: time, frank: null, via: null };
      mailbox.queue.push({ ...head, ...rest, body: staged.welcome ?? new Uint8Array() });
    }
  });
}
