"""`zajil bridge init` and its files: settings for their owner alone, a site like no other, nothing overwritten."""

from __future__ import annotations

import html.parser
import shutil
import stat
import subprocess
import sys
import tomllib
from itertools import combinations
from pathlib import Path
from random import Random

import msgspec
import pytest

from zajil.bridges.edge.config import ConfigError, EdgeConfig, EdgeKind, check_config, load_config, parse_origin
from zajil.bridges.edge.decoy.site import TONGUES, write_site
from zajil.bridges.edge.prepare import (
    FOLDER,
    PROGRAM,
    BridgeExists,
    NoSite,
    Prepared,
    Wish,
    prepare,
    render_unit,
)

ROOT = Path(__file__).resolve().parents[3]
UNIT = ROOT / "deploy" / "bridge.service"
CODE = "4GZ2M-AAAAA-BBBBB-CCCCC"
NOW = 1_790_000_000.0


def made(out: Path, edge: EdgeKind = "nginx", **more: object) -> Prepared:
    wish = Wish(edge, "bridge.example", "https://chat.example/", CODE, **more)  # type: ignore[arg-type]  # of tests
    return prepare(out, wish, random=Random(7), now_s=NOW)


def test_everything_is_written_once_and_its_settings_are_its_owners_alone(tmp_path: Path) -> None:
    out = tmp_path / "bridge"
    files = made(out)
    config = load_config(files.config)
    assert (config.domain, config.origin, config.join, config.dir) == (
        "bridge.example",
        "https://chat.example",
        CODE,
        files.dir,
    )
    assert files.config.stat().st_mode & 0o777 == 0o600
    assert (files.site / files.dir).is_dir(), "secret paths lie below a folder that is there"
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(BridgeExists):
        made(out)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    files.config.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_config(files.config)


@pytest.mark.parametrize("mode", [0o700, 0o1777])
def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    """A home of somebody, named by mistake, is not opened to all."""
    out = tmp_path / "mine"
    out.mkdir()
    out.chmod(mode)
    files = made(out)
    assert stat.S_IMODE(out.stat().st_mode) == mode
    assert stat.S_IMODE(files.site.stat().st_mode) == 0o755


def test_the_web_server_gets_the_site_the_socket_and_nothing_of_the_home_server(tmp_path: Path) -> None:
    for edge in ("nginx", "caddy"):
        files = made(tmp_path / edge, edge)
        text = files.edge.read_text()
        assert str(files.site) in text
        assert "/run/zajil-bridge/s.sock" in text
        for secret in ("chat.example", CODE):
            assert secret not in text


BASE = {"domain": "b.example", "dir": "assets", "origin": "https://c.example", "edge": "nginx", "site": "/srv/site"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("domain", "B.example"),
        ("domain", "b.example; evil"),
        ("domain", "b" * 60 + ".example"),
        ("dir", "a"),
        ("dir", "a/b"),
        ("dir", "../etc"),
        ("dir", ".well-known"),
        ("dir", "a b"),
        ("origin", "http://chat.example"),
        ("origin", "https://chat.example/path"),
        ("origin", "https://user@chat.example"),
        ("origin", "https://chat.example?x=1"),
        ("origin", "ftp://chat.example"),
        ("origin", "https://chat.example:0"),
        ("origin", "https://chat.example:99999"),
        ("origin", ""),
        ("site", "/srv/$host"),
        ("site", "site"),
        ("site", "/srv/../etc"),
        ("site", "/srv/a b"),
        ("socket", '/run/"; include /etc/passwd; "'),
    ],
)
def test_settings_that_could_mean_something_else_are_refused(name: str, value: str) -> None:
    check_config(EdgeConfig(**BASE))  # type: ignore[arg-type]  # values of tests
    with pytest.raises(ConfigError, match=name):
        check_config(EdgeConfig(**(BASE | {name: value})))  # type: ignore[arg-type]  # as above


def test_a_home_server_on_this_machine_may_do_without_tls() -> None:
    assert parse_origin("http://127.0.0.1:8440/") == "http://127.0.0.1:8440"
    assert parse_origin(" https://Chat.example:8443 ") == "https://chat.example:8443"


def test_unknown_and_mistyped_settings_are_named(tmp_path: Path) -> None:
    path = made(tmp_path / "b").config
    for line in ("carrier = 5", "carriers = 0", 'edge = "apache"'):
        text = "\n".join(each for each in path.read_text().splitlines() if not each.startswith(line.split(" ")[0]))
        path.write_text(f"{text}\n{line}\n")
        with pytest.raises(ConfigError, match=line.split(" ")[0]):
            load_config(path)
        path.write_text(path.read_text().removesuffix(f"{line}\n"))
    assert set(tomllib.loads(path.read_text())) <= {field.name for field in msgspec.structs.fields(EdgeConfig)}


def test_own_content_is_taken_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "pictures").mkdir(parents=True)
    (own / ".git").mkdir()
    (own / ".git" / "config").write_text("secret")
    (own / "index.html").write_text("mine")
    with pytest.raises(NoSite, match=r"404\.html"):
        made(tmp_path / "b", site=own)
    (own / "404.html").write_text("not mine")
    (own / "pictures" / "a.jpg").write_bytes(b"jpg")
    (own / "link").symlink_to("/etc/passwd")
    with pytest.raises(NoSite, match="symbolic link"):
        made(tmp_path / "b", site=own)
    (own / "link").unlink()
    assert not (tmp_path / "b").exists(), "nothing is left of what was refused"
    files = made(tmp_path / "b", site=own)
    assert files.dir == "pictures"
    found = sorted(str(path.relative_to(files.site)) for path in files.site.rglob("*") if path.is_file())
    assert found == ["404.html", "index.html", "pictures/a.jpg"]


class Links(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for name, value in attrs if name in ("href", "src") and value}


@pytest.mark.parametrize("language", TONGUES)
def test_a_made_up_site_is_whole_and_older_than_today(tmp_path: Path, language: str) -> None:
    site = tmp_path / "site"
    write_site(site, folder="assets", random=Random(3), language=language, now_s=NOW)
    pages = list(site.rglob("*.html"))
    assert len(pages) >= 8
    for page in pages:
        text = page.read_text()
        assert f'lang="{language}"' in text
        assert "{" not in text
        for link in Links(text).found:
            target = site / link.lstrip("/")
            assert target.is_file() or (target / "index.html").is_file(), link
    assert all(path.stat().st_mtime < NOW - 86_400 for path in site.rglob("*") if path.is_file())
    assert not any(word in path.read_text().lower() for path in pages for word in ("zajil", "bridge", "script"))


def test_no_two_made_up_sites_are_alike(tmp_path: Path) -> None:
    """In words, file names and look: what one of them teaches a censor does not find the next."""
    sites = []
    for seed in range(12):
        site = tmp_path / str(seed)
        write_site(site, folder="assets", random=Random(seed), language="en", now_s=NOW)
        sites.append({str(path.relative_to(site)): path.read_text() for path in site.rglob("*") if path.is_file()})
    for one, other in combinations(sites, 2):
        shared = {name for name in one.keys() & other.keys() if one[name] == other[name]}
        assert shared <= {"robots.txt"}
        assert set(one) != set(other) or one["404.html"] != other["404.html"]


def test_the_unit_in_deploy_is_the_one_that_init_writes(tmp_path: Path) -> None:
    assert UNIT.read_text(encoding="utf-8") == render_unit(PROGRAM, FOLDER)
    assert made(tmp_path / "b").unit.read_text() == render_unit(PROGRAM, str(tmp_path / "b"))
    with pytest.raises(ConfigError):
        render_unit(PROGRAM, "/srv/a b")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze: apt-get install systemd")
def test_the_unit_is_understood_and_shut_off_from_the_machine(tmp_path: Path) -> None:
    unit = tmp_path / "bridge.service"
    unit.write_text(UNIT.read_text(encoding="utf-8").replace(PROGRAM, sys.executable))
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    secure = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)]
    assert subprocess.run(secure, capture_output=True, text=True, check=False).returncode == 0
