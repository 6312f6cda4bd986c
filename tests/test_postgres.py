"""The PostgreSQL that tests run on: real, shared by the workers of a run, and gone with the last of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from tests.postgres import ROOT, Postgres

pytestmark = pytest.mark.scale

HOLDING = """
import sys
from pathlib import Path
from tests.postgres import Postgres
print(Postgres(Path(sys.argv[1])).folder, flush=True)
sys.stdin.read()
"""


def test_each_database_is_a_copy_of_its_template_and_empty_for_the_next(postgres: Postgres) -> None:
    def fill(url: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE t (n BIGINT NOT NULL)")

    for _ in range(2):  # the second time it is there
        postgres.make_template("a_template", fill)
    with postgres.database("a_template") as one, postgres.database("a_template") as other:
        with psycopg.connect(one) as connection:
            connection.execute("INSERT INTO t (n) VALUES (1)")
        with psycopg.connect(other) as connection:
            assert connection.execute("SELECT COUNT(*) FROM t").fetchone() == (0,)
        left = psycopg.connect(one)
    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    left.close()
    with postgres.database("a_template") as again, psycopg.connect(again) as connection:
        assert again in (one, other)
        assert connection.execute("SELECT COUNT(*) FROM t").fetchone() == (0,)


def test_it_is_no_root_and_listens_to_no_network(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url("postgres")) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.info.server_version // 10_000 == 18
    assert (postgres.folder / "data").stat().st_uid == (os.geteuid() or 65534)


@pytest.mark.kill
@pytest.mark.slow
def test_it_is_shared_and_ends_with_the_last_that_holds_it_even_a_killed_one(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDING, str(tmp_path)]
    with (
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first,
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as second,
    ):
        assert first.stdout
        assert second.stdout
        folders = {first.stdout.readline(), second.stdout.readline()}
        assert len(folders) == 1
        folder = Path(folders.pop().decode().strip())
        url = f"postgresql://zajil@/postgres?host={folder}"
        first.kill()
        first.wait()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        second.kill()
        second.wait()
        while folder.exists():  # the keeper stops the server, then deletes its files
            time.sleep(0.02)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
