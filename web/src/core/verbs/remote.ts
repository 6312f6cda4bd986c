/** The control calls that verbs make themselves: those whose answer a person waits for. */
import * as control from "../../protocol/control.ts";
import { error } from "../../protocol/errors.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { contactAuth } from "../shell/calls.ts";
import type { Id } from "../state/rows.ts";
import type { Host } from "./handlers.ts";

/** What the server says of itself. */
export function fetchConfig(host: Host): Promise<control.Config> {
  return host.calls.call(control.CONFIG);
}

/** All device lists of an account, by its contact token. */
export async function fetchLists(host: Host, account: Id, token: Uint8Array): Promise<readonly Uint8Array[]> {
  const auth = contactAuth(token);
  const answer = await host.calls.call(control.DEVICE_LISTS, { auth, query: "?from=1", parameters: { account } });
  return answer.lists;
}

/** Let holders of a token (hash: its SHA-256) claim our packages. expires: Unix seconds. */
export async function putContactToken(
  host: Host,
  hash: Uint8Array,
  request: { readonly kind: string; readonly uses?: number; readonly expires?: number },
): Promise<void> {
  const auth = await host.tokens().auth();
  await host.calls.call(control.PUT_CONTACT_TOKEN, { auth, request, parameters: { hash: encodeB64(hash) } });
}

/** A registration code for a guest of ours. */
export async function takeInviteCode(host: Host): Promise<string> {
  const auth = await host.tokens().auth();
  const answer = await host.calls.call(control.TAKE_PASSES, { auth, request: { kind: "invite", n: 1 } });
  const code = answer.codes[0];
  if (code === undefined) throw error("malformed", "no code");
  return code;
}

/** What the server stores, with counts of our own. */
export async function fetchOwnData(host: Host): Promise<readonly control.OwnDataRow[]> {
  const auth = await host.tokens().auth();
  return (await host.calls.call(control.OWN_DATA, { auth })).rows;
}

/** Send a report under its key, 16 bytes. Throws Malformed `report-unverified` with detail `item` and `check`. */
export async function sendReport(
  host: Host,
  request: control.Json,
  idempotency: Uint8Array,
): Promise<control.ReportTaken> {
  const auth = await host.tokens().auth();
  return host.calls.call(control.MAKE_REPORT, { auth, request, idempotency });
}

/** The stored row of a message. Throws Refused `gone` where it is not held for us any more. */
export async function fetchMailboxRow(host: Host, id: Id): Promise<readonly control.StoredCell[]> {
  const auth = await host.tokens().auth();
  return (await host.calls.call(control.MAILBOX_ROW, { auth, parameters: { id } })).cells;
}
