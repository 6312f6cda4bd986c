"""nginx: static files as the floor of downloads, and the edge that ends TLS before Zajil. One worker."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers.starting import Running, ask_version, find_free_port, find_program, folder_for, started
from bench.record import Subject
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

INSTALL = "apt-get install --no-install-recommends nginx"
_CONFIG = """
daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log error;
worker_rlimit_nofile 65536;
events {{ worker_connections 32768; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {server}
}}
"""
_EDGE = """
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/edge.pem;
    ssl_certificate_key {folder}/edge.key;
    ssl_protocols TLSv1.3;
    location / {{
      proxy_pass http://127.0.0.1:{upstream};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_set_header Host $http_host;
      proxy_read_timeout 1h;
      proxy_buffering off;
    }}
  }}
"""
_FILES = """
  sendfile on;
  server {{
    listen 127.0.0.1:{port};
    root {folder}/files;
  }}
"""


class Nginx:
    """See the module."""

    name = "nginx"

    def describe(self) -> Subject:
        """Raises MissingError."""
        version = ask_version([find_program("nginx", install=INSTALL), "-v"]).rpartition("/")[2]
        return Subject(name=self.name, version=version.split()[0], settings="one worker, sendfile")

    @contextmanager
    def run_edge(self, upstream: int) -> Iterator[Running]:
        """TLS 1.3 before a server at this port, until the end of the block. Raises MissingError."""
        with folder_for(self.name) as folder:
            _write_certificate(folder)
            with self._run(folder, _EDGE, upstream=upstream) as running:
                yield running

    @contextmanager
    def run(self) -> Iterator[Running]:
        """Files below `files` of its folder, until the end of the block."""
        with folder_for(self.name) as folder:
            (folder / "files").mkdir()
            with self._run(folder, _FILES) as running:
                yield running

    @contextmanager
    def _run(self, folder: Path, server: str, **names: object) -> Iterator[Running]:
        port, user = find_free_port(), "user root;" if os.geteuid() == 0 else ""
        inner = server.format(port=port, folder=folder, **names)
        (folder / "nginx.conf").write_text(_CONFIG.format(folder=folder, user=user, server=inner))
        program = find_program("nginx", install=INSTALL)
        command: list[str | Path] = [program, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"]
        with started(command, port=port, folder=folder) as running:
            yield running


def _write_certificate(folder: Path) -> None:
    """A certificate for as long as a turn, on P-256."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    made = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    (folder / "edge.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    kind, format_, none = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "edge.key").write_bytes(key.private_bytes(kind, format_, none))
