/** The page's side of the worker: typed calls, events, and the end of the worker. Knows no key and no store. */
import type { Answer, Arguments, CallName, CoreEvent, Failure, FromWorker, ToWorker } from "./api.ts";

/** What a link needs of a worker; `Worker` and `MessagePort` fit. */
export interface WorkerLike {
  postMessage(message: ToWorker, transfer?: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<FromWorker>) => void): void;
  addEventListener(type: "error", listener: (event: Event) => void): void;
  terminate?(): void;
}

/** A call that failed: the code says what happened; the words are the user interface's. */
export class CallFailed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.code);
    this.name = "CallFailed";
    this.failure = failure;
  }

  get code(): string {
    return this.failure.code;
  }
}

/** Calls without arguments take none; the others exactly theirs. */
export type CallArguments<N extends CallName> = Arguments<N> extends undefined ? [] : [args: Arguments<N>];

export interface Link {
  /** Rejects with `CallFailed`. Calls made after `stop` reject with code `stopped`. */
  call<N extends CallName>(name: N, ...args: CallArguments<N>): Promise<Answer<N>>;
  /** Events in the order in which the changes became durable. Answers a function that ends the listening. */
  on(listener: (event: CoreEvent) => void): () => void;
  /** Whether the tab can be seen: only a visible one takes the lead from a silent leader. */
  setVisible(visible: boolean): void;
  /** End the worker. */
  stop(): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(reason: CallFailed): void;
}

/** What goes over to the worker instead of being copied. */
function transferred(args: object | undefined): Transferable[] {
  return args !== undefined && "port" in args && args.port instanceof MessagePort ? [args.port] : [];
}

/** Connect to a worker that runs `worker.ts`. */
export function connect(worker: WorkerLike): Link {
  const waiting = new Map<number, Waiting>();
  const listeners = new Set<(event: CoreEvent) => void>();
  let last = 0;
  let stopped = false;
  let heard = false;

  function fail(failure: Failure): void {
    for (const call of waiting.values()) call.reject(new CallFailed(failure));
    waiting.clear();
  }

  worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
    heard = true;
    if ("event" in data) {
      for (const listener of [...listeners]) listener(data);
      return;
    }
    const call = waiting.get(data.id);
    waiting.delete(data.id);
    if ("error" in data) call?.reject(new CallFailed(data.error));
    else call?.resolve(data.ok);
  });
  worker.addEventListener("error", () => {
    // A worker that never spoke could not be loaded; one that did tells its failures call by call.
    if (!heard) fail({ code: "worker-ended", category: "bug" });
  });

  return {
    call<N extends CallName>(name: N, ...args: CallArguments<N>): Promise<Answer<N>> {
      if (stopped) return Promise.reject(new CallFailed({ code: "stopped", category: "local" }));
      const id = ++last;
      return new Promise<Answer<N>>((resolve, reject) => {
        // The worker answers a call with that call's answer: the union of api.ts says so and the worker's table is typed.
        waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
        worker.postMessage({ id, call: name, args: args[0] }, transferred(args[0]));
      });
    },
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    setVisible(visible) {
      if (!stopped) worker.postMessage({ visible });
    },
    stop() {
      stopped = true;
      fail({ code: "stopped", category: "local" });
      listeners.clear();
      worker.terminate?.();
    },
  };
}
