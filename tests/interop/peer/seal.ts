/** The product's end of sealed carriers: web/src/core/reach/seal.ts. */
import type { RecordSeal } from "../../../web/src/core/reach/records.ts";
import type { Channel } from "../../../web/src/core/reach/channels.ts";
import { ClientSeal } from "../../../web/src/core/reach/seal.ts";

const seals = new Map<string, { seal: ClientSeal; codec?: RecordSeal }>();

function held(name: string): { seal: ClientSeal; codec?: RecordSeal } {
  const found = seals.get(name);
  if (found === undefined) throw new Error("no such seal");
  return found;
}

function codecOf(name: string): RecordSeal {
  const { codec } = held(name);
  if (codec === undefined) throw new Error("no carrier");
  return codec;
}

/** NEW. tape: the randomness in order, or empty for the generator's. */
export async function newSeal(
  name: string,
  key: { kid: Uint8Array; public: Uint8Array },
  channel: number,
  nowMs: number,
  tape: Uint8Array,
): Promise<Uint8Array> {
  let at = 0;
  const random = (n: number): Uint8Array =>
    tape.length
      ? tape.slice(at, (at += n))
      : crypto.getRandomValues(new Uint8Array(n));
  const seal = await ClientSeal.make(channel as Channel, key, {
    nowMs,
    random,
  });
  seals.set(name, { seal });
  return seal.newRecord;
}

/** The clock's offset; the first carrier is open. */
export async function takeAccept(
  name: string,
  accept: Uint8Array,
  nowMs: number,
): Promise<number> {
  const one = held(name);
  const offset = await one.seal.takeAccept(accept, nowMs);
  one.codec = one.seal.first();
  return offset;
}

/** RESUME; the next carrier is open. */
export function resumeSeal(name: string): Uint8Array {
  const one = held(name);
  const { resume, codec } = one.seal.carrier();
  one.codec = codec;
  return resume;
}

export const sealRecord = (
  name: string,
  frame: Uint8Array,
): Promise<Uint8Array> => codecOf(name).seal(frame);

export const openRecord = (
  name: string,
  record: Uint8Array,
): Promise<Uint8Array> => codecOf(name).open(record);
