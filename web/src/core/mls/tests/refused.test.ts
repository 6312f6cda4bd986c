/** vectors/mls/refused.json: messages forged in Python, put before the wrapper in the same state, refused alike. */
import { encode } from "ts-mls/codec/tlsEncoder.js";
import { varLenDataEncoder } from "ts-mls/codec/variableLength.js";
import { decodeProposal } from "ts-mls/proposal.js";
import { decodeGroupContext } from "ts-mls/groupContext.js";
import { decodeRatchetTree, encodeNode } from "ts-mls/ratchetTree.js";
import type { SecretTreeNode } from "ts-mls/secretTree.js";
import { bytesToBase64 } from "ts-mls/util/byteArray.js";
import { describe, expect, test } from "vitest";
import document from "../../../../../vectors/mls/refused.json";
import { encodeSecrets } from "../keypackages.ts";
import { type Env, Group, Invalid, MlsError, Rejected, parseKeyPackage } from "../mls.ts";
import { DecodeError, TooManyLeaves } from "../errors.ts";
import { parseTree } from "../rules/trees.ts";
import { fromHex, hex, present } from "./cast.ts";

type Ratchet = readonly [secret: string, generation: number];
interface State {
  readonly context: string;
  readonly tree: string;
  readonly leaf: number;
  readonly private: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly confirmation_tag: string;
  readonly clients: readonly (string | null)[];
  readonly ratchets: readonly ({ readonly handshake: Ratchet; readonly application: Ratchet } | null)[];
  readonly proposals: readonly (readonly [ref: string, sender: number, proposal: string])[];
}
interface Directory {
  readonly keys: Readonly<Record<string, string>>;
  readonly aliases: Readonly<Record<string, string>>;
}
interface Received {
  readonly test: string;
  readonly outcome: string;
  readonly state: string;
  readonly directory: string;
  readonly message: string;
}
interface Joined {
  readonly test: string;
  readonly outcome: string;
  readonly directory: string;
  readonly welcome: string;
  readonly key_package: string;
  readonly init_key: string;
  readonly encryption_key: string;
  readonly known_groups: readonly string[];
}

const states = document.states as unknown as Record<string, State>;
const directories = document.directories as unknown as Record<string, Directory>;
const received = document.received as unknown as Received[];
const joined = document.joined as unknown as Joined[];

function envOf(name: string): Env {
  const { keys, aliases } = present(directories[name]);
  return {
    authenticate: (credential, key) => {
      const identity = hex(credential);
      if (keys[identity] !== hex(key)) return Promise.reject(new Rejected("unknown key"));
      return Promise.resolve(fromHex(aliases[identity] ?? identity));
    },
    sign: () => Promise.reject(new Error("a reader signs nothing")),
    rng: (n) => new Uint8Array(n),
    now: document.now,
  };
}

function groupOf(state: State): Group {
  const secrets = (name: string) => fromHex(present(state.secrets[name]));
  const [ratchetTree] = present(decodeRatchetTree(fromHex(state.tree), 0));
  const nothing = { secret: new Uint8Array(), generation: 0, unusedGenerations: {} };
  const secretTree: SecretTreeNode[] = ratchetTree.map(() => ({ handshake: nothing, application: nothing }));
  for (const [leaf, pair] of state.ratchets.entries()) {
    if (pair === null) continue;
    const ratchet = ([secret, generation]: Ratchet) => ({ secret: fromHex(secret), generation, unusedGenerations: {} });
    secretTree[2 * leaf] = { handshake: ratchet(pair.handshake), application: ratchet(pair.application) };
  }
  const proposals = state.proposals.map(([ref, senderLeafIndex, proposal]) => {
    return [
      bytesToBase64(fromHex(ref)),
      { proposal: present(decodeProposal(fromHex(proposal), 0))[0], senderLeafIndex },
    ] as const;
  });
  return new Group({
    state: {
      groupContext: present(decodeGroupContext(fromHex(state.context), 0))[0],
      keySchedule: {
        senderDataSecret: secrets("sender_data"),
        exporterSecret: secrets("exporter"),
        externalSecret: secrets("external"),
        confirmationKey: secrets("confirmation"),
        membershipKey: secrets("membership"),
        resumptionPsk: new Uint8Array(),
        epochAuthenticator: secrets("authenticator"),
        initSecret: secrets("init"),
      },
      secretTree,
      ratchetTree,
      privatePath: {
        leafIndex: state.leaf,
        privateKeys: Object.fromEntries(
          Object.entries(state.private).map(([node, key]) => [Number(node), fromHex(key)]),
        ),
      },
      signaturePrivateKey: new Uint8Array(),
      unappliedProposals: Object.fromEntries(proposals),
      confirmationTag: fromHex(state.confirmation_tag),
      historicalReceiverData: new Map(),
      groupActiveState: { kind: "active" },
    },
    clients: state.clients.map((client) => (client === null ? undefined : fromHex(client))),
    endedAt: new Map(),
  });
}

async function outcomeOf(work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (problem) {
    if (problem instanceof Invalid) return problem.rule;
    if (problem instanceof MlsError) return problem.name;
    throw problem;
  }
}

const KINDS = { application: "Application", proposed: "Proposed", staged: "Staged" } as const;

describe("what members are shown", () => {
  test.each(received.map((row, index) => [`${index} ${row.test}`, row] as const))("%s", async (_name, row) => {
    const group = groupOf(present(states[row.state]));
    const before = structuredClone(group.snapshot);
    const outcome = await outcomeOf(
      async () => KINDS[(await group.receive(envOf(row.directory), fromHex(row.message))).event.kind],
    );
    expect(outcome).toBe(row.outcome);
    expect(group.snapshot).toEqual(before);
  });
});

describe("what joiners are shown", () => {
  test.each(joined.map((row, index) => [`${index} ${row.test}`, row] as const))("%s", async (_name, row) => {
    const secrets = encodeSecrets({ initKey: fromHex(row.init_key), encryptionKey: fromHex(row.encryption_key) });
    const outcome = await outcomeOf(async () => {
      await Group.join(envOf(row.directory), fromHex(row.welcome), parseKeyPackage(fromHex(row.key_package)), secrets, {
        knownGroups: row.known_groups.map(fromHex),
      });
      return "joined";
    });
    expect(outcome).toBe(row.outcome);
  });
});

test("a ratchet tree wider than 1,024 leaves is not even hashed", () => {
  const [state] = Object.values(states);
  const [tree] = present(decodeRatchetTree(fromHex(present(state).tree), 0));
  const leaf = [1, ...encodeNode(present(tree.find((node) => node?.nodeType === "leaf")))];
  const wide = (blanks: number) =>
    encode(varLenDataEncoder)(Uint8Array.from([...Array<number>(blanks).fill(0), ...leaf]));
  expect(parseTree(wide(2046))).toHaveLength(2047);
  expect(() => parseTree(wide(2048))).toThrow(TooManyLeaves);
  // Nor is anything behind so many nodes read: what stands there is no node.
  const bytes = (...nodes: number[]) => encode(varLenDataEncoder)(Uint8Array.from(nodes));
  const blanks = (count: number) => Array<number>(count).fill(0);
  expect(() => parseTree(bytes(...blanks(2047), 7))).toThrow(TooManyLeaves);
  expect(() => parseTree(bytes(...blanks(2046), 7))).toThrow(DecodeError);
});
