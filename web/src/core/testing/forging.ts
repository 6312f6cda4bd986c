/** What a hostile member's client may do in tests: commit what nobody may. */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeAad, hashRefs } from "../../protocol/chat/aad.ts";
import { CHAT_SETTINGS, changeSettings, type SettingsChange } from "../../protocol/chat/extensions.ts";
import type { Err, Ok } from "../../protocol/frames.ts";
import { rosterKey } from "../../protocol/roster.ts";
import { randomBytes } from "../crypto.ts";
import * as groups from "../rules/groups.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import type { Person } from "./people.ts";

/** The server takes a commit of this member that changes settings, allowed or not; its answer. */
export function commitSettings(by: Person, gid: Id, changes: SettingsChange): Promise<Ok | Err> {
  return by.core.step("evil", async (step) => {
    const chat = await step.chat(gid);
    const group = await step.loadGroup(gid);
    const extensions = group.extensions.map((extension) =>
      extension.type === CHAT_SETTINGS ? { ...extension, data: changeSettings(extension.data, changes) } : extension,
    );
    const told = { type: "CommitAad", added: [], removed: [], rotate: false, refs_hash: hashRefs([]) } as const;
    const made = await group.commit(await step.env(), [{ extensions }], { aad: encodeAad(told) });
    return by.world.service.take({
      type: "Commit",
      rid: 1,
      mid: randomBytes(16),
      gid: rows.bytesOf(gid),
      token: await groups.sendToken(group, gid),
      epoch: chat.epoch,
      roster_key: rosterKey(chat.gs),
      new_roster_key: null,
      next_token_hash: sha256(await groups.sendToken(made.staged, gid)),
      add: [],
      rm: [],
      commit: made.staged.message ?? new Uint8Array(),
      welcome: null,
    });
  });
}
