// Runs in the page before it: what comes out of the call's loudspeaker, and what its connections count.
// Nothing of the call is changed. `lab.sound` is [ms since 1970, loudest sample heard, loudest sample said] every 20 ms.
(() => {
  if (window !== top || globalThis.lab) return;
  const EVERY_MS = 20;
  const COUNT_EVERY_MS = 250;
  const heard = new Map();
  const said = new Map();
  const counts = new Map();
  const open = new Set();
  const lab = (globalThis.lab = { sound: [], counts });
  let context;
  const block = new Float32Array(1024);

  /** The loudness of what `who` plays or takes in, from now on. */
  function listen(ears, who, stream) {
    ears.get(who)?.source.disconnect();
    ears.delete(who);
    if (!stream || stream.getAudioTracks().length === 0) return;
    context ??= new AudioContext({ sinkId: { type: "none" } });
    const source = context.createMediaStreamSource(stream);
    const ear = context.createAnalyser();
    ear.fftSize = block.length;
    source.connect(ear);
    ears.set(who, { source, ear });
  }

  function loudest(ears) {
    let loud = 0;
    for (const { ear } of ears.values()) {
      ear.getFloatTimeDomainData(block);
      for (const one of block) loud = Math.max(loud, Math.abs(one));
    }
    return loud;
  }

  const { get, set } = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "srcObject");
  Object.defineProperty(HTMLMediaElement.prototype, "srcObject", {
    configurable: true,
    get,
    set(stream) {
      set.call(this, stream);
      if (this instanceof HTMLAudioElement) listen(heard, this, stream);
    },
  });

  setInterval(() => {
    lab.sound.push([Date.now(), loudest(heard), loudest(said)]);
    if (lab.sound.length > 30_000) lab.sound.splice(0, 10_000);
  }, EVERY_MS);

  // Made to clean a voice in a room: both microphones here have none, and it would take a part of the sound away.
  const devices = navigator.mediaDevices;
  const openDevice = devices.getUserMedia.bind(devices);
  const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  devices.getUserMedia = async ({ audio, ...rest }) => {
    const stream = await openDevice({ ...rest, ...(audio && { audio: { ...audio, ...RAW } }) });
    if (audio) listen(said, "microphone", new MediaStream(stream.getAudioTracks()));
    return stream;
  };

  const Native = RTCPeerConnection;
  let number = 0;
  globalThis.RTCPeerConnection = class extends Native {
    constructor(...words) {
      super(...words);
      open.add([++number, this]);
    }
  };

  async function count(id, connection) {
    const all = [...(await connection.getStats()).values()];
    const find = (type) => all.find((one) => one.type === type && (one.kind ?? "audio") === "audio");
    const pair = all.find((one) => one.id === find("transport")?.selectedCandidatePairId);
    const local = all.find((one) => one.id === pair?.localCandidateId);
    const [sent, received] = [find("outbound-rtp"), find("inbound-rtp")];
    counts.set(id, {
      ...{ at: Date.now(), rtt_ms: (pair?.currentRoundTripTime ?? 0) * 1_000 },
      ...{ rtts: pair?.responsesReceived ?? 0, rtts_s: pair?.totalRoundTripTime ?? 0 },
      way: local ? `${local.candidateType} ${local.relayProtocol ?? ""}`.trim() : "",
      ...(sent && { sent: { packets: sent.packetsSent, bytes: sent.bytesSent } }),
      ...(received && {
        received: {
          ...{ packets: received.packetsReceived, lost: received.packetsLost, samples: received.totalSamplesReceived },
          concealed: received.concealedSamples - received.silentConcealedSamples,
          ...{ buffer_s: received.jitterBufferDelay, buffered: received.jitterBufferEmittedCount },
        },
      }),
    });
  }

  lab.count = async () => {
    for (const entry of [...open]) {
      if (entry[1].connectionState === "closed") open.delete(entry);
      else await count(...entry).catch(() => undefined);
    }
    return [...counts.values()];
  };
  setInterval(() => void lab.count(), COUNT_EVERY_MS);
  lab.clear = () => {
    lab.sound.length = 0;
    counts.clear();
  };
})();
