/** What is said to a worker reaches it in order; once it was ended, nothing does. */
import { expect, test } from "vitest";
import type { FromWorker, ToWorker } from "./api.ts";
import { connect, type WorkerLike } from "./link.ts";

/** A worker that notes what it hears, and answers when it is told to. */
class Noted implements WorkerLike {
  readonly heard: ToWorker[] = [];
  ended = false;
  #listener: ((event: MessageEvent<FromWorker>) => void) | undefined;

  postMessage(message: ToWorker): void {
    this.heard.push(message);
  }

  addEventListener(type: string, listener: (event: MessageEvent<FromWorker>) => void): void {
    if (type === "message") this.#listener = listener;
  }

  say(data: FromWorker): void {
    this.#listener?.({ data } as MessageEvent<FromWorker>);
  }

  terminate(): void {
    this.ended = true;
  }
}

test("calls go to the worker in their order, and are answered", async () => {
  const worker = new Noted();
  const link = connect(worker);
  link.setVisible(true);
  const asked = link.call("request_count");
  link.setVisible(false);
  expect(worker.heard).toEqual([
    { visible: true },
    { id: 1, call: "request_count", args: undefined },
    { visible: false },
  ]);
  worker.say({ id: 1, ok: 3 });
  expect(await asked).toBe(3);
});

test("after the end nothing is asked, and what waits is told", async () => {
  const worker = new Noted();
  const link = connect(worker);
  const waiting = expect(link.call("request_count")).rejects.toMatchObject({ code: "stopped" });
  link.stop();
  await waiting;
  await expect(link.call("request_count")).rejects.toMatchObject({ code: "stopped" });
  expect([worker.ended, worker.heard.length]).toEqual([true, 1]);
});
