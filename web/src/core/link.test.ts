/** What is said to a worker before it begins reaches it in order; one that was ended before never begins. */
import { expect, test } from "vitest";
import type { FromWorker, ToWorker } from "./api.ts";
import { beginLater, connect, type WorkerLike } from "./link.ts";

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

test("calls wait for the worker, in their order, and are answered", async () => {
  const worker = new Noted();
  const later = beginLater(() => worker);
  const link = connect(later);
  link.setVisible(true);
  const asked = link.call("request_count");
  expect(worker.heard).toEqual([]);
  later.begin();
  link.setVisible(false);
  expect(worker.heard).toEqual([
    { visible: true },
    { id: 1, call: "request_count", args: undefined },
    { visible: false },
  ]);
  worker.say({ id: 1, ok: 3 });
  expect(await asked).toBe(3);
});

test("it begins once, and not after its end", () => {
  let began = 0;
  const start = (): Noted => {
    began += 1;
    return new Noted();
  };
  const later = beginLater(start);
  later.begin();
  later.begin();
  expect(began).toBe(1);
  const ended = beginLater(start);
  connect(ended).stop();
  ended.begin();
  expect(began).toBe(1);
});
