/** Calls about bridges: looking at a link with some, keeping them, passing a fresh bundle on. */
import type { BridgesPreview } from "../api.ts";
import { equal } from "../../protocol/bytes.ts";
import * as control from "../../protocol/control.ts";
import { error, ZajilError } from "../../protocol/errors.ts";
import { encodeBridgeLink, endpointsOf, parseBridgeLink, type PrivateBridges } from "../../protocol/reach/endpoints.ts";
import * as rows from "../state/rows.ts";
import { parseRootAnswer } from "../reach/signed.ts";
import type { Handlers, Host } from "./handlers.ts";

type Names = "preview_bridges" | "add_bridges" | "share_bridges" | "remove_bridges";

/** So long a look at a link waits for the server. */
const LOOK_MS = 3_000;

/** Calls about bridges. */
export function reachVerbs(host: Host): Handlers<Names> {
  const { documents } = host.way;
  return {
    async preview_bridges({ text }) {
      const found = parseBridgeLink(text);
      const held = documents.bridges;
      return {
        hosts: hostsOf(found),
        ours: await isOurs(host, found),
        known: held !== null && equal(held.token, found.token) && sameBridges(held, found),
      } satisfies BridgesPreview;
    },
    async add_bridges({ text }) {
      const found = parseBridgeLink(text);
      await checkOurs(host, found);
      await pinFirst(host, found);
      await documents.keepBridges(found);
      host.way.carriers.tap();
      return { added: found.bridges.length };
    },
    async share_bridges() {
      const { bundle, left } = await takeBundle(host);
      return { link: encodeBridgeLink(bundle, host.server), left };
    },
    remove_bridges: () => documents.forgetBridges(),
  };
}

/** Hosts of bridges, as people are shown them. */
export const hostsOf = ({ bridges }: PrivateBridges): readonly string[] => bridges.map(([name]) => name);

const sameBridges = (a: PrivateBridges, b: PrivateBridges): boolean =>
  JSON.stringify(a.bridges) === JSON.stringify(b.bridges);

/** Who has no account yet may reach the server by the bridges of an invite alone: they are kept at once. */
export async function keepFirstBridges(host: Host, bridges: PrivateBridges): Promise<void> {
  const { documents } = host.way;
  const held = documents.bridges;
  if ((await pinFirst(host, bridges)) && !(held && equal(held.token, bridges.token)))
    await documents.keepBridges(bridges);
}

/** Whether there is no account yet: then these bridges say which root is our server's. */
async function pinFirst({ store, way }: Host, { root_hash }: PrivateBridges): Promise<boolean> {
  const profile = await store.look(rows.findProfile);
  if (profile?.registered) return false;
  await way.documents.pin(root_hash);
  return true;
}

/**
 * Asks for the documents before there is an account. used: bridges of the link by which it is made; others, of a link
 * that was only looked at, go where the server denies them. Rejects with `not-this-server` where it denies these.
 */
export async function learnServer({ way }: Host, used: PrivateBridges | null): Promise<void> {
  try {
    await way.learn();
  } catch (problem) {
    if (used || !(problem instanceof ZajilError)) throw problem;
    await way.documents.forgetBridges();
    await way.documents.pin(null);
    await way.learn();
  }
}

/** A fresh bundle for somebody else. Throws `too-young`, `quota`, `gone`, `unreachable`. */
export async function takeBundle(host: Host): Promise<{ readonly bundle: PrivateBridges; readonly left: number }> {
  const auth = await host.tokens().auth();
  const { root_hash, id, token, bridges, left } = await host.calls.call(control.ISSUE_BUNDLE, { auth });
  const addresses = bridges.map((bridge) => [bridge.host, bridge.port, bridge.dir] as const);
  return { bundle: { root_hash, token_id: id, token, bridges: addresses }, left };
}

/** A bundle for an invite, null where the server gives none now: the invite is as good without. */
export async function takeBundleIfAny(host: Host): Promise<PrivateBridges | null> {
  try {
    return (await takeBundle(host)).bundle;
  } catch (problem) {
    if (problem instanceof ZajilError) return null;
    throw problem;
  }
}

/** Whether these bridges lead to our server; what cannot be found out counts as ours. */
async function isOurs(host: Host, found: PrivateBridges): Promise<boolean> {
  try {
    await askServer(host, found);
    return true;
  } catch (problem) {
    if (!(problem instanceof ZajilError)) throw problem;
    return problem.code !== "not-this-server";
  }
}

/** Throws `not-this-server` where these bridges lead to another server. The server is asked, or else the bridges. */
async function checkOurs(host: Host, found: PrivateBridges): Promise<void> {
  const ways = [
    () => askServer(host, found),
    ...endpointsOf(found).map((endpoint) => async () => {
      const answer = await host.way.fetchRoots(endpoint, AbortSignal.timeout(2 * LOOK_MS));
      await host.way.documents.checkOurs(found.root_hash, parseRootAnswer(answer));
    }),
  ];
  for (const ask of ways) {
    try {
      return await ask();
    } catch (problem) {
      if (!(problem instanceof ZajilError)) throw problem;
      if (problem.code === "not-this-server") throw problem;
    }
  }
  // Nobody answers now. Kept all the same: a bridge of another server cannot open what is sealed for ours.
}

async function askServer({ way, calls }: Host, { root_hash }: PrivateBridges): Promise<void> {
  if (way.documents.isOurs(root_hash)) return;
  const signal = AbortSignal.timeout(LOOK_MS);
  try {
    const { roots } = await calls.call(control.REACH_DOCS, { query: "?root=0", signal });
    await way.documents.takeRoots(roots);
    await way.documents.checkOurs(root_hash, roots);
  } catch (problem) {
    if (problem === signal.reason) throw error("unreachable");
    throw problem;
  }
}
