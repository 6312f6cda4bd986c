/**
 * A call's media driven over a port, message by message: what a session calls and is told, as plain objects.
 *
 * Base keys come this way and go no further than the ring.
 */
import type { IceServer, Order } from "../../src/core/callorders.ts";
import { OPUS } from "../../src/core/calls/room/opus.ts";
import type { MediaWay } from "../../src/core/calls/way.ts";
import { MediaLinks } from "../../src/core/calls/media/links.ts";
import type { Measure } from "../../src/core/calls/showing.ts";
import type { LinkFigures } from "../../src/core/calls/media/measure.ts";
import type { MediaSignal } from "../../src/core/calls/media/shared.ts";

export type Drive =
  /** First of all. call: 16 bytes. me: our leaf. firstPc: a ctx from which on all are free. */
  | {
      readonly do: "begin";
      readonly call: Uint8Array;
      readonly me: number;
      readonly firstPc: number;
      readonly video: boolean;
      /** Whether there is a media room, whose part the test plays. */
      readonly room: boolean;
    }
  /** What the room says on the connection of that number, and its end. */
  | { readonly do: "record"; readonly way: number; readonly data: readonly number[] }
  | { readonly do: "cut"; readonly way: number; readonly code: number }
  | { readonly do: "key"; readonly epoch: number; readonly baseKey: Uint8Array; readonly removed: boolean }
  | { readonly do: "relays"; readonly servers: readonly IceServer[] }
  | { readonly do: "open"; readonly leaf: number; readonly relayOnly: boolean }
  | { readonly do: "hear"; readonly leaf: number; readonly signal: MediaSignal }
  | { readonly do: "close"; readonly leaf: number }
  | { readonly do: "media"; readonly microphone: boolean; readonly camera: boolean }
  | { readonly do: "end" };

export type Told =
  | { readonly told: "signal"; readonly signal: MediaSignal }
  | { readonly told: "up" | "down" | "alarm" | "unopened" | "no-route"; readonly leaf: number }
  /** A connection to the room was opened; a record on it; it was closed. */
  | { readonly told: "opened" | "closed"; readonly way: number }
  | { readonly told: "record"; readonly way: number; readonly data: readonly number[] }
  | { readonly told: "figures"; readonly figures: LinkFigures }
  | { readonly told: "measured"; readonly leaf: number; readonly measure: Measure };

/** Serve a port. post: orders for the page. Answers the links of the call that was begun, undefined before and after. */
export function driveOver(
  port: MessagePort,
  post: (order: Order) => void,
  nowMs: () => number,
): () => MediaLinks | undefined {
  let links: MediaLinks | undefined;
  const tell = (told: Told): void => port.postMessage(told);
  const ways: MediaWay[] = [];

  /** A connection that ends in the test. */
  function openMedia(): Promise<MediaWay> {
    const way = ways.length;
    const made: MediaWay = {
      ...{ waiting: 0, onrecord: () => undefined, onclose: () => undefined },
      send: (record) => tell({ told: "record", way, data: [...record] }),
      close: () => tell({ told: "closed", way }),
    };
    ways.push(made);
    tell({ told: "opened", way });
    return Promise.resolve(made);
  }

  function begin({ call, me, firstPc, video, room }: Extract<Drive, { do: "begin" }>): MediaLinks {
    let pc = firstPc - 2;
    const start = { call, leaf: me, kind: video ? "video" : "audio", nextPc: () => (pc += 2) } as const;
    const made = new MediaLinks(start, {
      ...{ post, nowMs },
      roomMeans: () => (room ? { open: openMedia, codec: OPUS } : undefined),
      localSignal: (signal) => tell({ told: "signal", signal }),
      linkUp: (leaf) => tell({ told: "up", leaf }),
      linkDown: (leaf) => tell({ told: "down", leaf }),
      alarm: (leaf) => tell({ told: "alarm", leaf }),
      unopened: (leaf) => tell({ told: "unopened", leaf }),
      noRoute: (leaf) => tell({ told: "no-route", leaf }),
      figures: (figures) => tell({ told: "figures", figures }),
      measured: (leaf, measure) => tell({ told: "measured", leaf, measure }),
    });
    made.setMedia(true, video);
    return made;
  }

  function act(order: Exclude<Drive, { do: "begin" | "key" }>): void {
    if (order.do === "relays") links?.useRelays(order.servers);
    else if (order.do === "open") links?.openLink(order.leaf, order);
    else if (order.do === "hear") links?.hear(order.leaf, order.signal);
    else if (order.do === "close") links?.closeLink(order.leaf);
    else if (order.do === "media") links?.setMedia(order.microphone, order.camera);
    else if (order.do === "record") ways[order.way]?.onrecord(Uint8Array.from(order.data));
    else if (order.do === "cut") ways[order.way]?.onclose(order.code);
    else {
      links?.close();
      links = undefined;
    }
  }

  port.onmessage = ({ data }: MessageEvent<Drive>) => {
    if (data.do === "begin") links = begin(data);
    else if (data.do === "key") links?.useKey(data.epoch, data.baseKey, data.removed);
    else act(data);
  };
  return () => links;
}
