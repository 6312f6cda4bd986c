/**
 * Own KeyPackages: made here, published by the shell, used once by a Welcome (service.md 4, mls.md 4.8).
 * Twin of zajil.client.core.keypackages.
 */
import type { KeyPackageCounts } from "../../protocol/control.ts";
import { SUITE_RFC1, SUITE_XWING } from "../../protocol/limits.ts";
import { makeKeyPackage } from "../mls/mls.ts";
import * as rows from "../state/rows.ts";
import type { OwnKeyPackage } from "../state/rows.ts";
import type { Step } from "../state/step.ts";
import { CAPABILITIES } from "./groups.ts";

/** How many ordinary packages the server holds of each suite, by number; one last resort comes to each. */
export const POOLS: Pools = [
  [SUITE_XWING, 30],
  [SUITE_RFC1, 20],
];
const HOUR_S = 3600;
const DAY_S = 86_400;
export const LIFETIME_S = 89 * DAY_S;
export const KEEP_MS = 92 * DAY_S * 1000;
export const LAST_RESORT_MS = 30 * DAY_S * 1000;

/** A package as the server takes it. expires: Unix seconds. */
export interface PublishedPackage {
  readonly suite: number;
  readonly body: Uint8Array;
  readonly expires: number;
  readonly last_resort: boolean;
}

export type Pools = readonly (readonly [suite: number, size: number])[];

/** What the server holds of one suite. */
export type Held = KeyPackageCounts["counts"][number];

/**
 * What is missing in the pools beside what the server holds; the secrets are stored in this step. Last resorts are made
 * where one is missing, and all of them where they are old.
 */
export async function make(step: Step, held: readonly Held[], pools: Pools = POOLS): Promise<PublishedPackage[]> {
  const made: PublishedPackage[] = [];
  const old = step.now - (await step.session()).last_resort_at >= LAST_RESORT_MS;
  for (const [suite, size] of pools) {
    const count = held.find((one) => one.suite === suite);
    for (let n = count?.left ?? 0; n < size; n++) made.push(await makeOne(step, suite, false));
    if (old || count?.last_resort !== true) made.push(await makeOne(step, suite, true));
  }
  if (made.some(({ last_resort }) => last_resort)) await step.changeSession({ last_resort_at: step.now });
  return made;
}

/** Whether there is a suite of which this device published nothing yet, as before it was offered. */
export async function lacksPool(step: Step): Promise<boolean> {
  const packages = (await step.tx.scan("key_package")).map((data) => rows.parseRow<OwnKeyPackage>(data));
  return POOLS.some(([suite]) => packages.every((own) => (own.suite ?? SUITE_XWING) !== suite));
}

async function makeOne(step: Step, suite: number, lastResort: boolean): Promise<PublishedPackage> {
  const from = Math.floor(step.now / 1000) - HOUR_S;
  const made = await makeKeyPackage(await step.env(), {
    suite,
    credential: step.profile.certificate,
    signatureKey: step.profile.device_pub,
    capabilities: CAPABILITIES,
    lifetime: { notBefore: from, notAfter: from + LIFETIME_S },
    lastResort,
  });
  const row: OwnKeyPackage = {
    reference: made.reference,
    package: made.keyPackage,
    secrets: made.secrets,
    last_resort: lastResort,
    made_at: step.now,
    suite,
  };
  await step.tx.put("key_package", made.reference, rows.encodeRow(row));
  return { suite, body: made.keyPackage, expires: from + LIFETIME_S, last_resort: lastResort };
}

/** Own packages that a Welcome names by their reference. */
export async function candidates(step: Step, welcome: Uint8Array): Promise<OwnKeyPackage[]> {
  const packages = (await step.tx.scan("key_package")).map((data) => rows.parseRow<OwnKeyPackage>(data));
  return packages.filter((own) => contains(welcome, own.reference));
}

function contains(data: Uint8Array, part: Uint8Array): boolean {
  const first = part[0];
  if (first === undefined) return false;
  for (let at = data.indexOf(first); at >= 0 && at + part.length <= data.length; at = data.indexOf(first, at + 1)) {
    if (part.every((byte, offset) => data[at + offset] === byte)) return true;
  }
  return false;
}

/** The init key is forgotten at once; a last-resort one is replaced soon (RFC 9420 16.8). */
export async function useUp(step: Step, own: OwnKeyPackage): Promise<void> {
  if (own.last_resort) await step.changeSession({ keys_wanted: true, last_resort_at: 0 });
  else await step.tx.delete("key_package", own.reference);
}

/**
 * After a rollback no old Welcome may open: every restored secret goes, new ones are published (mls.md 7.10).
 *
 * What the server still holds of the old ones is claimed away first, or it would be handed to who re-adds us.
 */
export async function forgetAll(step: Step): Promise<void> {
  await step.tx.clear("key_package");
  await step.changeSession({ keys_wanted: true, pool_stale: true, last_resort_at: 0 });
}

/** Packages nobody can use any more. */
export async function forgetExpired(step: Step): Promise<void> {
  await step.tx.deleteOlder("key_package", step.now - KEEP_MS);
}
