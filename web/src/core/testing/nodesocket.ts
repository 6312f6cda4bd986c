/**
 * A WebSocket client over Node's own sockets, for tests against a real server: Node 20 has none without a flag.
 *
 * Binary messages only, one frame each way is one record (RFC 6455 sections 4.1, 5.2); answers pings, ends on anything
 * it does not know.
 */
import { randomBytes } from "node:crypto";
import { request } from "node:http";
import type { Socket as TcpSocket } from "node:net";
import type { Socket } from "../transports/websocket.ts";

const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** Every socket opened here and not yet ended, so that a test can cut them. */
export const openSockets = new Set<NodeSocket>();

/** Looks like a browser's WebSocket as far as `dialWebSocket` uses one. */
export class NodeSocket implements Socket {
  binaryType = "";
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onerror: Socket["onerror"] = null;
  onclose: Socket["onclose"] = null;
  #tcp: TcpSocket | undefined;
  #rest = Buffer.alloc(0);
  #over = false;

  constructor(url: string) {
    const { hostname, port, pathname, search } = new URL(url);
    const headers = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
      Origin: `http://${hostname}:${port}`,
    };
    const upgrade = request({ hostname, port, path: pathname + search, headers });
    upgrade.on("upgrade", (_, tcp, head) => this.#attach(tcp as TcpSocket, head));
    upgrade.on("response", () => this.cut());
    upgrade.on("error", () => this.cut());
    upgrade.end();
    openSockets.add(this);
  }

  send(data: Uint8Array): void {
    this.#write(BINARY, data);
  }

  close(): void {
    this.#write(CLOSE, new Uint8Array());
    this.cut();
  }

  /** As when the line breaks: not another byte. */
  cut(code?: number): void {
    if (this.#over) return;
    this.#over = true;
    openSockets.delete(this);
    this.#tcp?.destroy();
    if (code === undefined) this.onclose?.();
    else this.onclose?.({ code });
  }

  /** What waits to be written. */
  get bufferedAmount(): number {
    return this.#tcp?.writableLength ?? 0;
  }

  #attach(tcp: TcpSocket, head: Buffer): void {
    if (this.#over) return void tcp.destroy();
    this.#tcp = tcp;
    tcp.setNoDelay(true);
    tcp.on("data", (data: Buffer) => this.#read(data));
    tcp.on("close", () => this.cut());
    tcp.on("error", () => this.cut());
    this.onopen?.();
    if (head.length > 0) this.#read(head);
  }

  #write(opcode: number, data: Uint8Array): void {
    const mask = randomBytes(4);
    const wide = data.length > 0xffff;
    const head = Buffer.alloc(data.length < 126 ? 2 : wide ? 10 : 4);
    head[0] = 0x80 | opcode;
    head[1] = 0x80 | (data.length < 126 ? data.length : wide ? 127 : 126);
    if (wide) head.writeBigUInt64BE(BigInt(data.length), 2);
    else if (data.length >= 126) head.writeUInt16BE(data.length, 2);
    const masked = Buffer.from(data.map((byte, at) => byte ^ (mask[at % 4] ?? 0)));
    this.#tcp?.write(Buffer.concat([head, mask, masked]));
  }

  #read(data: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, data]);
    while (!this.#over && this.#rest.length >= 2) {
      const short = (this.#rest[1] ?? 0) & 127;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.#rest.length < head) return;
      const size =
        short < 126 ? short : short === 126 ? this.#rest.readUInt16BE(2) : Number(this.#rest.readBigUInt64BE(2));
      if (this.#rest.length < head + size) return;
      const opcode = this.#rest[0] ?? 0;
      const body = Uint8Array.from(this.#rest.subarray(head, head + size));
      this.#rest = this.#rest.subarray(head + size);
      this.#take(opcode, body);
    }
  }

  #take(opcode: number, body: Uint8Array<ArrayBuffer>): void {
    if (opcode === (0x80 | BINARY)) this.onmessage?.({ data: body.buffer });
    else if (opcode === (0x80 | PING)) this.#write(PONG, body);
    else if (opcode === (0x80 | CLOSE) && body.length >= 2) this.cut(((body[0] ?? 0) << 8) | (body[1] ?? 0));
    else if (opcode !== (0x80 | PONG)) this.cut();
  }
}
