/** Proof of work in the browser: the shared vectors, what is refused, stopping, and a real server. */
import "fake-indexeddb/auto";
import { describe, expect, test } from "vitest";
import vectors from "../../../../vectors/service/gate.json";
import { Client } from "../testing/clients.ts";
import { hasServer, ServerProcess } from "../testing/server.ts";
import { solve } from "./solving.ts";

const running = (): AbortSignal => new AbortController().signal;

describe("vectors", () => {
  test.each(vectors.solved)("$by, counter $solution.counter", async ({ challenge, solution }) => {
    const told: number[] = [];
    expect(await solve(challenge, (share) => told.push(share), running())).toEqual({ challenge, solution });
    expect(told[0]).toBe(0);
    expect(told).toEqual([...told].sort((a, b) => a - b));
  });

  test.each(vectors.refused)("nobody works on $name", async ({ challenge }) => {
    await expect(solve(challenge, () => undefined, running())).rejects.toMatchObject({ code: "work-unfinished" });
  });

  test.each([undefined, null, 7, "x", [], {}, { parameters: {} }, { parameters: null, signature: "" }])(
    "%j is no challenge",
    async (value) => {
      await expect(solve(value, () => undefined, running())).rejects.toMatchObject({ code: "malformed" });
    },
  );
});

test("work that is stopped ends", async () => {
  const stop = new AbortController();
  const work = solve(vectors.solved[2]?.challenge, (share) => share > 0 && stop.abort(), stop.signal);
  await expect(work).rejects.toMatchObject({ code: "work-unfinished" });
});

test("a challenge without a solution ends", async () => {
  const [one] = vectors.solved;
  const parameters = { ...one?.challenge.parameters, keyPrefix: "00".repeat(16) };
  const work = solve({ ...one?.challenge, parameters }, () => undefined, running());
  await expect(work).rejects.toMatchObject({ code: "work-unfinished" });
});

test.runIf(hasServer)("a real server takes the work, and says what else it wants", { timeout: 60_000 }, async () => {
  const open = new ServerProcess("", "work");
  const both = new ServerProcess("", "both");
  try {
    await Promise.all([open.start(), both.start()]);
    const omar = await Client.registered(open.url, "Omar");
    await omar.end();
    await expect(Client.registered(both.url, "Omar")).rejects.toMatchObject({ code: "gate-required" });
  } finally {
    await Promise.all([open.remove(), both.remove()]);
  }
});
