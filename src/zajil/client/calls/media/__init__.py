"""Voice of a call by WebRTC: sound, sealing, connections, links. Needs the extra `calls`."""
