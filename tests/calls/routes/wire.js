// Runs in every worker before its script: compares each frame of sound as it comes from the encoder, or from the
// network, with what the product makes of it. It knows nothing of the product's own counters.
(() => {
  if (globalThis.lab) return;
  const none = () => ({ sealed: 0, sealed_bytes: 0, opened: 0, plaintext: 0 });
  const lab = (globalThis.lab = { frames: none(), clear: () => (lab.frames = none()) });
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
})();
