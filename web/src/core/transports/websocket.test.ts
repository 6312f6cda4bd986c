/** Carriers over sockets that a test drives. */
import { describe, expect, it } from "vitest";
import { DialError } from "./base.ts";
import { dialWebSocket, type Socket } from "./websocket.ts";

describe("carriers", () => {
  class FakeSocket implements Socket {
    binaryType = "";
    onopen: Socket["onopen"] = null;
    onmessage: Socket["onmessage"] = null;
    onerror: Socket["onerror"] = null;
    onclose: Socket["onclose"] = null;
    sent: Uint8Array[] = [];
    closed = 0;
    send = (data: Uint8Array): void => void this.sent.push(data);
    close = (): void => void (this.closed += 1);
  }

  function dialling() {
    const socket = new FakeSocket();
    const given = new AbortController();
    const records: Uint8Array[] = [];
    const ends: (number | undefined)[] = [];
    const listener = {
      record: (data: Uint8Array) => void records.push(data),
      ended: (code?: number) => void ends.push(code),
    };
    const carrier = dialWebSocket("wss://h", listener, { signal: given.signal, open: () => socket });
    return { carrier, socket, records, ends, giveUp: () => given.abort() };
  }

  it("move records, and end once", async () => {
    const { carrier, socket, records, ends } = dialling();
    expect(socket.binaryType).toBe("arraybuffer");
    socket.onopen?.();
    const opened = await carrier;
    opened.send(Uint8Array.of(1));
    expect(socket.sent).toEqual([Uint8Array.of(1)]);
    socket.onmessage?.({ data: Uint8Array.of(2).buffer });
    expect(records).toEqual([Uint8Array.of(2)]);
    expect([opened.txBytes, opened.rxBytes]).toEqual([1, 1]);
    socket.onclose?.({ code: 4502 });
    socket.onerror?.();
    opened.close();
    socket.onmessage?.({ data: Uint8Array.of(3).buffer });
    opened.send(Uint8Array.of(4));
    expect([ends, records.length, socket.sent.length, socket.closed]).toEqual([[4502], 1, 1, 1]);
  });

  it.each([
    ["text", "hello"],
    ["a record beyond 64 KiB and a tag", new ArrayBuffer(65_553)],
  ])("end with %s", async (_, data) => {
    const { carrier, socket, records, ends } = dialling();
    socket.onopen?.();
    await carrier;
    socket.onmessage?.({ data });
    expect([records.length, ends, socket.closed]).toEqual([0, [0], 1]);
  });

  it("fail when nothing opens, at once or when they are given up", async () => {
    const refused = dialling();
    refused.socket.onerror?.();
    await expect(refused.carrier).rejects.toMatchObject({ stage: "connect", reason: "closed" });
    const silent = dialling();
    silent.giveUp();
    await expect(silent.carrier).rejects.toMatchObject({ stage: "connect", reason: "timeout" });
    silent.socket.onopen?.();
    expect([silent.ends, silent.socket.closed]).toEqual([[], 1]);
    const open = dialling();
    open.socket.onopen?.();
    const carrier = await open.carrier;
    open.giveUp();
    carrier.send(Uint8Array.of(1));
    expect([open.ends, open.socket.sent.length]).toEqual([[], 1]);
    await expect(silent.carrier).rejects.toBeInstanceOf(DialError);
  });
});
