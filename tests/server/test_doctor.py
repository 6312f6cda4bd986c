"""`zajil doctor --data`: every mistake is made for real, and found by its name."""

from __future__ import annotations

import datetime
import http.client
import http.server
import json
import os
import resource
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import get_args

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy.exc import DBAPIError

from zajil.cli.main import run_command
from zajil.cli.texts.operating.doctor import FINDINGS
from zajil.engine.sql.database import say_outage
from zajil.engine.sql.postgres.connection import find_address
from zajil.engine.sql.postgres.database import PostgresDatabase
from zajil.moderation.private.untold import TRIES_MAX
from zajil.server.backup.making import make_backup
from zajil.server.doctor import folder
from zajil.server.doctor.finding import FindingCode
from zajil.server.doctor.whole import examine
from zajil.server.main import OPEN_FILES
from zajil.server.schema import find_revision, open_database

SETTINGS = 'server_name = "chat.example"\nport = {port}\nmetrics_port = {metrics}\nconnections_max = 100\n'


class Running:
    """`zajil serve` on a data directory, and what the doctor says of it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port, self.metrics = free_port(), free_port()
        self.settings()
        command = [sys.executable, "-m", "zajil.cli.main", "serve", "--data", str(data)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith(b"listening")

    def settings(self, more: str = "") -> None:
        text = SETTINGS.format(port=self.port, metrics=self.metrics) + more
        (self.data / "zajil.toml").write_text(text + "[calls]\nmedia_connections_max = 0\n")

    def codes(self) -> dict[str, str]:
        return {found.name: found.code for found in examine(self.data)}

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    data = tmp_path_factory.mktemp("doctor") / "data"
    data.mkdir(mode=0o700)
    running = Running(data)
    yield running
    running.stop()


@contextmanager
def proxy(server: Running, *, figures: bool = False, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """One that forgets what an upgrade is, on a port; with figures it passes /metrics on as well."""

    class Passing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            port = server.metrics if figures and self.path == "/metrics" else server.port
            upgrade = {"Upgrade", "Connection"} if not figures else set()
            behind = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            kept = {name: value for name, value in self.headers.items() if name not in upgrade}
            behind.request("GET", self.path, headers=kept)
            answer = behind.getresponse()
            body = answer.read() if answer.status != 101 else b""
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            behind.close()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Passing) as passing:
        if tls is not None:
            passing.socket = tls.wrap_socket(passing.socket, server_side=True)
        thread = threading.Thread(target=passing.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield int(passing.server_address[1])
        passing.shutdown()
        thread.join()


def test_a_server_that_runs_well_is_told_so(
    server: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.settings(f'front = "http://127.0.0.1:{server.port}"\n')
    assert run_command(["doctor", "--data", str(server.data), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [each["code"] for each in said if not each["ok"]] == ["backup-none"]
    assert run_command(["doctor", "--data", str(server.data)]) == 1
    told = capsys.readouterr()
    assert f"  zajil backup DIR/ --data {server.data}\n" in told.out
    assert f"  zajil doctor --data {server.data}\n" in told.err
    assert run_command(["backup", str(tmp_path / "b.tar"), "--data", str(server.data)]) == 0
    assert capsys.readouterr().out.startswith("chat.example: ")
    assert run_command(["doctor", "--data", str(server.data)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[0] for line in lines] == [*"✓✓✓✓✓✓✓✓✓✓", "A"]
    assert {each["code"] for each in said} - {"backup-none"} == {
        "settings-good",
        "files-private",
        "database-good",
        "clock-good",
        "disk-roomy",
        "server-answers",
        "open-files-good",
        "front-good",
        "proxy-trusted",
    }


def test_what_stands_in_front_is_looked_at_as_a_stranger_does(
    server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def code(front: str, more: str = "") -> str:
        server.settings(f'front = "{front}"\n{more}')
        return server.codes()["front"]

    assert code(f"http://127.0.0.1:{free_port()}") == "front-unreachable"
    assert code("") == "front-none"
    with proxy(server) as port:
        assert code(f"http://127.0.0.1:{port}") == "front-no-sockets"
    with proxy(server, figures=True) as port:
        assert code(f"http://127.0.0.1:{port}") == "front-metrics"
    for name, days, expected in (
        ("localhost", 400, "front-good"),
        ("localhost", 5, "front-expiring"),
        ("localhost", -1, "front-certificate"),
        ("other.example", 400, "front-certificate"),
    ):
        context = make_certificate(tmp_path / "cert.pem", name, days)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        with tunnel(server, context) as port:
            assert code(f"https://localhost:{port}", 'trusted_proxies = ["127.0.0.1"]\n') == expected
    other = make_certificate(tmp_path / "other.pem", "localhost", 400)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    (tmp_path / "manifest.json").write_text('{"files": []}')
    with tunnel(server, other) as port:
        address = f"https://localhost:{port}"
        for command in (
            ["--home", str(tmp_path / "home"), "register", "--name", "Amina", "--server", address],
            ["verify-web", address, "--manifest", str(tmp_path / "manifest.json")],
        ):
            assert run_command(command) == 3
            assert "SSL_CERT_FILE" in capsys.readouterr().err
    (server.data / "server_name").write_text("localhost\n")
    (server.data / "zajil.toml").write_text(f'front = "http://127.0.0.1:{server.port}"\nport = {server.port}\n')
    assert server.codes()["front"] == "front-other"
    (server.data / "server_name").write_text("chat.example\n")


@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx: apt-get install nginx")
def test_the_nginx_of_the_documentation_passes_everything_on(
    server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_certificate(tmp_path / "cert.pem", "localhost", 400)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    port, page = free_port(), Path(__file__).parents[2] / "docs" / "operate" / "front.md"
    site = page.read_text(encoding="utf-8").split("```nginx\n")[1].split("```")[0]
    for told, here in (
        ("    listen [::]:443 ssl;\n", ""),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("chat.example;", "localhost;"),
        ("/etc/letsencrypt/live/chat.example/fullchain.pem", str(tmp_path / "cert.pem")),
        ("/etc/letsencrypt/live/chat.example/privkey.pem", str(tmp_path / "cert.pem")),
        ("127.0.0.1:8440", f"127.0.0.1:{server.port}"),
    ):
        assert told in site
        site = site.replace(told, here)
    kept = "".join(f"{name}_temp_path {tmp_path};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    config = f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}} http {{ {kept} {site} }}"
    (tmp_path / "nginx.conf").write_text(config)
    with subprocess.Popen(["nginx", "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "log")]) as nginx:
        while not (tmp_path / "pid").exists() and nginx.poll() is None:
            time.sleep(0.02)
        server.settings(f'front = "https://localhost:{port}"\ntrusted_proxies = ["127.0.0.1"]\n')
        found = {each.name: each for each in examine(server.data)}
        large = http.client.HTTPSConnection("localhost", port, timeout=10)
        large.request("POST", "/v1/config", headers={"Content-Length": str(8 << 20)})
        assert large.getresponse().status == 413, "what nginx writes into a log of errors, with who it was"
        large.close()
        nginx.terminate()
    assert "client:" not in (tmp_path / "log").read_text()
    assert (found["front"].code, found["proxy"].code) == ("front-good", "proxy-trusted"), found["front"].values
    assert "warn" not in (tmp_path / "log").read_text()


@contextmanager
def tunnel(server: Running, tls: ssl.SSLContext) -> Iterator[int]:
    """TLS ends here, and bytes go on to the server, upgrades too; one connection at a time."""

    def run() -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                plain, _ = listener.accept()
                with suppress(ssl.SSLError), plain, tls.wrap_socket(plain, server_side=True) as secured:
                    join(secured, server.port)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=run)
        thread.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def join(one: socket.socket, port: int) -> None:
    """Carry bytes both ways until either ends."""
    with socket.create_connection(("127.0.0.1", port)) as other:
        pair = [threading.Thread(target=carry, args=ends) for ends in ((one, other), (other, one))]
        for each in pair:
            each.start()
        for each in pair:
            each.join()


def carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def make_certificate(path: Path, name: str, days: int) -> ssl.SSLContext:
    """Its own authority; the file holds certificate and key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - datetime.timedelta(days=9)).not_valid_after(
        now + datetime.timedelta(days=days, hours=1)
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    signed = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        key, hashes.SHA256()
    )
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_limits_addresses_and_proxies_that_do_not_fit_are_found(server: Running) -> None:
    soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (300, hard))
    server.settings('front = "https://127.0.0.1:9"\n')
    codes = server.codes()
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert (codes["open-files"], codes["proxy"]) == ("open-files-low", "proxy-unknown")
    assert soft == min(hard, OPEN_FILES), "the server raised it itself"
    server.settings('front = "https://127.0.0.1:9"\ntrusted_proxies = ["127.0.0.1"]\nhost = "0.0.0.0"\n')
    assert server.codes()["proxy"] == "proxy-passed"
    was, server.port = server.port, free_port()
    server.settings()
    assert server.codes()["server"] == "server-silent"
    server.port = was
    server.settings()


def test_a_server_that_was_started_with_another_port_is_found_by_it(
    server: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    was, server.port = server.port, free_port()
    server.settings()
    command = ["doctor", "--data", str(server.data), "--port", str(was)]
    run_command([*command, "--json"])
    (found,) = [each for each in json.loads(capsys.readouterr().out) if each["name"] == "server"]
    assert (found["code"], found["values"]["port"]) == ("server-answers", was)
    (server.data / "zajil.key").chmod(0o644)
    assert run_command([*command, "--host", "127.0.0.1"]) == 1
    (server.data / "zajil.key").chmod(0o600)
    told = capsys.readouterr()
    assert f"  zajil doctor --data {server.data} --host 127.0.0.1 --port {was}\n" in told.err
    assert run_command(["doctor", "--port", str(was)]) == 2, "of a server's folder alone"
    assert "--data" in capsys.readouterr().err
    server.port = was
    server.settings()


def test_a_folder_that_is_wrong_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # A server of its own: that of the others runs, and has its folder as it made it.
    (tmp_path / "data").mkdir(mode=0o700)
    server = Running(tmp_path / "data")
    server.stop()
    assert server.codes()["server"] == "server-stopped"
    with socket.create_server(("127.0.0.1", server.port)):
        assert server.codes()["server"] == "port-taken"
    data = server.data
    (data / "zajil.key").chmod(0o640)
    assert (server.codes()["files"], server.codes()["database"]) == ("files-open", "database-good")
    assert run_command(["doctor", "--data", str(data)]) == 1
    assert f"chmod go-rwx {data}/zajil.key" in capsys.readouterr().out
    (data / "zajil.key").chmod(0o600)
    (data / "reach.key").rename(data / "elsewhere")
    assert server.codes()["database"] == "database-foreign", "the server does not start without it"
    (data / "elsewhere").rename(data / "reach.key")
    text = (data / "zajil.toml").read_text()
    (data / "zajil.toml").write_text('blobs = "s3://files/one"\n' + text)
    assert server.codes()["files"] == "files-missing"
    (data / "s3.key").write_bytes(b"id\nsecret\n")
    (data / "s3.key").chmod(0o644)
    assert server.codes()["files"] == "files-open"
    (data / "s3.key").unlink()
    (data / "zajil.toml").write_text(text)
    make_backup(data, tmp_path / "b.tar", now=time.time() - 9 * 86_400)
    assert server.codes()["backup"] == "backup-old"

    with closing(sqlite3.connect(data / "zajil.db", isolation_level=None)) as database:
        database.execute(
            "INSERT INTO message (id, kind, epoch, ts, body, refs, expires) VALUES (X'00', 1, 1, ?, X'00', 0, 0)",
            (int(time.time() * 1000) + 3_600_000,),
        )
        assert server.codes()["clock"] == "clock-behind"
        untold = "INSERT INTO mod_untold (about, kind, tries) VALUES (X'00', 0, ?)"
        database.execute(untold, (TRIES_MAX - 1,))
        assert server.codes()["database"] == "database-good"
        database.execute("UPDATE mod_untold SET tries = ?", (TRIES_MAX,))
        assert server.codes()["database"] == "database-untold"
        database.execute("DELETE FROM mod_untold")
        database.execute("DELETE FROM message")
        assert server.codes()["clock"] == "clock-good"
        database.execute(
            "INSERT OR REPLACE INTO server_state (name, value) VALUES ('retention', ?)",
            (str(int(time.time()) - 3 * 86_400),),
        )
        assert server.codes()["clock"] == "clock-ahead"
        for version, code in (("0001", "database-old"), ("9999", "database-newer")):
            database.execute("UPDATE alembic_version SET version_num = ?", (version,))
            assert server.codes()["database"] == code
    (data / "zajil.db").write_bytes(b"no database" * 1000)
    assert server.codes()["database"] == "database-unread"
    (data / "zajil.db").unlink()
    assert server.codes()["database"] == "database-unread", "beside its keys none is made"
    (data / "zajil.toml").write_text("port = 'high'\n")
    assert server.codes() == {"settings": "settings-bad", "files": "files-private"}
    assert folder.check_disk(data, room=1 << 60).code == "disk-full"
    mounts = f"30 1 0:1 / / rw - ext4 /dev/sda rw\n31 30 0:2 / {data.parent} rw,x - nfs4 box:/x rw\n"
    assert folder.check_disk(data, mounts=mounts).code == "disk-network"


def test_a_database_that_is_only_away_is_nowhere_called_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, place = tmp_path / "data", f"127.0.0.1:{free_port()}"
    data.mkdir(mode=0o700)
    url = f"postgresql://zajil@{place}/chat"

    def said(*command: str) -> str:
        assert run_command([*command, "--data", str(data)]) == 1
        out, err = capsys.readouterr()
        assert "Connection refused" in out + err
        assert "sqlalche.me" not in out + err
        assert "restore nothing" in out + err
        return (out + err).replace("\u2068", "").replace("\u2069", "")

    open_database(data, "").close()
    assert "error: database-away: " in said("admin", "move", "--database", url)
    assert (data / "zajil.db").exists()
    (data / "zajil.toml").write_text(f'server_name = "chat.example"\ndatabase = "{url}"\n')
    assert f"PostgreSQL at {place} does not answer" in said("doctor")
    assert "error: database-away: " in said("admin", "invite")
    assert "error: database-away: " in said("backup", str(tmp_path / "b.tar"))


def test_what_is_not_installed_is_named_with_the_pip_of_this_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "zajil.toml").write_text('database = "postgresql://zajil@127.0.0.1:1/chat"\n')
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setitem(sys.modules, "zajil.engine.sql.postgres.database", None)
    monkeypatch.setattr("zajil.server.doctor.whole.find_spec", lambda _: None)
    command = f"{sys.executable.rpartition('/')[0]}/pip install 'zajil[postgres]'"
    if not Path(sys.executable).with_name("pip").exists():
        command = f"{sys.executable} -m pip install 'zajil[postgres]'"
    assert run_command(["doctor", "--data", str(tmp_path)]) == 1
    assert command in capsys.readouterr().out
    assert run_command(["migrate", "--check", "--data", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: no-extra: ")
    assert command in said


def test_a_port_that_is_taken_is_named_as_the_settings_have_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "zajil.toml").write_text(f'server_name = "chat.example"\nport = {port}\n')
        command = [sys.executable, "-m", "zajil.cli.main", "serve", "--data", str(tmp_path)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert f"uses port {port}." in ended.stderr


def test_an_address_of_a_database_is_read_as_libpq_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGPORT"):
        monkeypatch.delenv(name, raising=False)
    for url, place in (
        ("postgresql://u@db.example/n", "db.example:5432"),
        ("postgresql://u@a:1,b:2/n?passfile=/x", "a:1, b:2"),
        ("host=a,b port=7", "a:7, b:7"),
        ("postgresql:///n?host=/run/postgresql", "/run/postgresql:5432"),
        ("postgresql:///n", "socket:5432"),
        ("host=@abstract", "@abstract:5432"),
    ):
        assert find_address(url) == place


UNREADABLE = (
    *(
        "postgresql://u:se/cret@db.example/n",
        "postgresql://u:1/cret@db.example/n",
        "postgresql://u:se@cret@db.example/n",
    ),
    *("postgresql://u:se%cret@db.example/n", "postgresql://u:secret@[::1]x/n", "host=db.example password=se cret"),
)


@pytest.mark.parametrize("url", UNREADABLE)
def test_nothing_of_a_password_is_told_where_the_name_of_a_database_cannot_be_read(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What libpq says of it quotes it, or takes a part for a host, a port or a database."""
    database = PostgresDatabase(url)
    assert database.place == "the database of PostgreSQL at an unreadable address"
    with pytest.raises(DBAPIError) as refused:
        database.read_sync(find_revision)
    database.close()
    assert "cret" not in say_outage(refused.value)
    (tmp_path / "zajil.toml").write_text(f'database = "{url}"\n')
    if "://" not in url:  # which the settings do not take
        return
    for command in (("doctor",), ("doctor", "--json"), ("migrate",), ("admin", "invite")):
        assert run_command([*command, "--data", str(tmp_path)]) == 1
        out, err = capsys.readouterr()
        assert "cret" not in out + err
        assert "the name of the database cannot be read" in (out + err).replace("\n", " ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_files_that_another_user_made_are_found(tmp_path: Path) -> None:
    (tmp_path / "zajil.key").write_bytes(b"")
    (tmp_path / "lost+found").mkdir(mode=0o700)
    os.chown(tmp_path / "lost+found", 12345, 12345)
    assert folder.check_files(tmp_path).code != "files-foreign"
    os.chown(tmp_path / "zajil.key", 12345, 12345)
    assert folder.check_files(tmp_path).code == "files-foreign"


def test_every_code_has_its_words_and_what_is_wrong_its_remedy() -> None:
    assert set(FINDINGS) == set(get_args(FindingCode))
    good = {"good", "private", "none", "roomy", "fresh", "answers", "stopped", "trusted"}
    for code, complaint in FINDINGS.items():
        fine = code.rpartition("-")[2] in good and code != "backup-none"
        assert (complaint.hint is None) == fine, code
