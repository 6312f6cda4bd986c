/** What a hostile member's client may do in tests: commit what nobody may. */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeUint } from "../../protocol/bytes.ts";
import { encodeAad, hashRefs } from "../../protocol/chat/aad.ts";
import { CHAT_SETTINGS, changeSettings, type SettingsChange } from "../../protocol/chat/extensions.ts";
import type { Commit, Err, Ok } from "../../protocol/frames.ts";
import { rosterKey } from "../../protocol/roster.ts";
import { randomBytes } from "../crypto.ts";
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
