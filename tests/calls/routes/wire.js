// Runs in every worker before its script: compares each frame of sound as it comes from the encoder, or from the
// network, with what the product makes of it: over WebRTC frames of transforms, over the server packets of WebCodecs and
// messages of WebSockets. It knows nothing of the product's own counters.
(() => {
  if (globalThis.lab) return;
  const none = () => ({ sealed: 0, sealed_bytes: 0, sealed_room: 0, opened: 0, plaintext: 0, blocks: 0, gaps: 0 });
  const lab = (globalThis.lab = { clear: () => void ([lab.frames, lab.packets] = [none(), { said: [], played: [] }]) });
  lab.clear();
  if (!globalThis.RTCEncodedAudioFrame) return;
  const before = new WeakMap();
  const isFrame = (one) => one instanceof RTCEncodedAudioFrame;

  /** Whether all of `part` stands somewhere in `whole`. */
  function holds(whole, part) {
    for (let at = 0; at + part.length <= whole.length; at++) {
      let same = 0;
      while (same < part.length && whole[at + same] === part[same]) same++;
      if (same === part.length) return true;
    }
    return false;
  }

  const { read } = ReadableStreamDefaultReader.prototype;
  ReadableStreamDefaultReader.prototype.read = async function () {
    const result = await read.call(this);
    if (isFrame(result.value)) before.set(result.value, new Uint8Array(result.value.data.slice(0)));
    return result;
  };
  const { write } = WritableStreamDefaultWriter.prototype;
  WritableStreamDefaultWriter.prototype.write = function (frame) {
    if (isFrame(frame)) {
      const [was, is] = [before.get(frame) ?? new Uint8Array(0), new Uint8Array(frame.data)];
      // What is longer was sealed, what is shorter was opened; Opus frames of nothing do not occur.
      if (is.length < was.length) lab.frames.opened++;
      else if (was.length === 0 || holds(is, was)) lab.frames.plaintext++;
      else {
        lab.frames.sealed++;
        lab.frames.sealed_bytes += is.length;
      }
    }
    return write.call(this, frame);
  };

  // Before its script is there a worker's context is not secure, and has no codecs. A room begins with a channel.
  let watched = false;
  function watchOnce() {
    if (watched || !globalThis.AudioEncoder || !globalThis.AudioDecoder) return;
    watched = true;
    watchRoom();
  }
  const Channel = MessageChannel;
  globalThis.MessageChannel = class extends Channel {
    constructor() {
      super();
      watchOnce();
    }
  };
  const { clear } = lab;
  lab.clear = () => {
    clear();
    watchOnce();
  };

  function watchRoom() {
    const RECENT = 50;
    const packets = [];
    const NOTED = 3_000;
    /** When a packet was made or played, and a number by which it is known (FNV-1a). */
    function note(list, bytes) {
      const mark = bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193) >>> 0, 0x811c9dc5);
      list.push([Date.now(), mark]);
      if (list.length > NOTED) list.shift();
    }
    const Encoder = AudioEncoder;
    globalThis.AudioEncoder = class extends Encoder {
      constructor({ output, ...rest }) {
        super({
          ...rest,
          output(chunk, meta) {
            const bytes = new Uint8Array(chunk.byteLength);
            chunk.copyTo(bytes);
            packets.push(bytes);
            if (packets.length > RECENT) packets.shift();
            note(lab.packets.said, bytes);
            output(chunk, meta);
          },
        });
      }
    };
    const Decoder = AudioDecoder;
    globalThis.AudioDecoder = class extends Decoder {
      decode(chunk) {
        lab.frames.opened++;
        const bytes = new Uint8Array(chunk.byteLength);
        chunk.copyTo(bytes);
        note(lab.packets.played, bytes);
        return super.decode(chunk);
      }
    };
    // To the audio thread go blocks of sound, and empty ones in the place of what is missing.
    const { postMessage } = MessagePort.prototype;
    MessagePort.prototype.postMessage = function (message, ...rest) {
      if (message instanceof Float32Array) lab.frames[message.length > 0 ? "blocks" : "gaps"]++;
      return postMessage.call(this, message, ...rest);
    };
    // A frame of sound on the way to a media room: kind 1, flags 0, six more bytes of header.
    const isSound = (bytes) => bytes.length > 60 && bytes[0] === 1 && bytes[1] === 0;
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (data) {
      const bytes = ArrayBuffer.isView(data)
        ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
        : data instanceof ArrayBuffer && new Uint8Array(data);
      if (bytes && isSound(bytes)) {
        if (packets.some((packet) => holds(bytes, packet))) lab.frames.plaintext++;
        else lab.frames.sealed_room++;
      }
      return send.call(this, data);
    };
  }
})();
