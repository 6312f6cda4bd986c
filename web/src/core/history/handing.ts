/**
 * The history of this device on its way to one that is approved here: announced before the answer, sent after it.
 * Twin of zajil.client.history.handing.
 *
 * The answer names where the parts will be. So neither the 120 s of an offer nor the 256 KiB of an answer bound a history,
 * and what ends this worker only makes it later.
 */
import { ZajilError } from "../../protocol/errors.ts";
import type { ArchivePart } from "../../protocol/identity/linking.ts";
import type { Core } from "../rules/core.ts";
import { pack } from "./packing.ts";
import type { ArchiveSender } from "./view.ts";

/** What cannot be announced in that time is left out: an offer does not live long enough for a bad line. */
export const ANNOUNCE_MS = 45_000;

/** Parts that an answer may name. */
export interface Announced {
  readonly parts: readonly ArchivePart[];
  /** The answer is out: send them. */
  send(): void;
  /** Nobody will know of them. */
  drop(): Promise<void>;
}

/** Seal all history of this device and announce it; undefined where that is not possible now. */
export async function announce(core: Core, files: ArchiveSender, ms = ANNOUNCE_MS): Promise<Announced | undefined> {
  try {
    const { job, parts } = await files.submitArchive(pack(core), AbortSignal.timeout(ms));
    return {
      parts: parts.map(({ attachment_id, size, key, nonce, sha256 }) => ({ attachment_id, size, key, nonce, sha256 })),
      send: () => files.sendArchive(),
      drop: () => files.dropArchive(job),
    };
  } catch (problem) {
    if (problem instanceof ZajilError || problem instanceof DOMException) return undefined;
    throw problem;
  }
}
