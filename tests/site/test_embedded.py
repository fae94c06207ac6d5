"""The embedded services, tried for real: each test has a folder of its own and leaves no process."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import kombu
import psycopg
import pytest

from billing_site.embedded import places
from billing_site.embedded.places import Trouble
from billing_site.embedded.postgres import Postgres, find_postgres, start_postgres
from billing_site.embedded.valkey import Valkey, find_valkey, start_valkey

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to drop")

# --- PostgreSQL ----------------------------------------------------------------------------------


def test_a_server_starts_answers_and_leaves_no_process(var: Path) -> None:
    server = start_throw_away(var)
    assert ask(server, "show server_encoding") == "UTF8"

    server.stop()

    assert not places.alive(server.pid)
    assert find_postgres(var / "postgres") is None


def test_a_durable_server_keeps_its_data_over_a_restart(empty: Path) -> None:
    server = start_postgres(empty / "postgres", log=empty / "log" / "postgres.log")
    do(server, "create table kept as select 42 as answer")
    assert (ask(server, "show fsync"), ask(server, "show synchronous_commit")) == ("on", "on")
    server.stop()

    with running(start_postgres(empty / "postgres", log=empty / "log" / "postgres.log")) as again:
        assert ask(again, "select answer from kept") == 42


def test_a_second_start_attaches_to_the_running_server(var: Path) -> None:
    with running(start_throw_away(var)) as first:
        second = start_throw_away(var)

        assert (second.pid, second.url) == (first.pid, first.url)


def test_a_server_killed_hard_comes_back_with_its_data(var: Path) -> None:
    server = start_postgres(var / "postgres", log=var / "postgres.log")
    do(server, "create table kept as select 42 as answer")
    kill_hard(server)
    assert (server.folder / "data" / "postmaster.pid").exists()

    with running(start_postgres(var / "postgres", log=var / "postgres.log")) as again:
        assert again.pid != server.pid
        assert ask(again, "select answer from kept") == 42


def test_a_stale_process_id_that_another_program_has_now_is_no_obstacle(var: Path) -> None:
    server = start_throw_away(var)
    kill_hard(server)
    stale = server.folder / "data" / "postmaster.pid"
    other = subprocess.Popen(["sleep", "60"], **places.settle(var / "postgres").run_as)
    stale.write_text(f"{other.pid}\n" + stale.read_text().partition("\n")[2])

    with running(start_throw_away(var)) as again:
        assert ask(again, "select 1") == 1
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_server_that_lost_its_socket_is_replaced(var: Path) -> None:
    server = start_throw_away(var)
    (server.folder / "run" / ".s.PGSQL.5432").unlink()

    with running(start_throw_away(var)) as again:
        assert not places.alive(server.pid)
        assert ask(again, "select 1") == 1
    server.stop()


def test_a_half_made_cluster_is_made_anew(empty: Path) -> None:
    half_made = places.settle(empty / "postgres").folder("data.new")
    (half_made / "PG_VERSION").write_text("18\n")

    with running(start_throw_away(empty)) as server:
        assert ask(server, "select 1") == 1


def test_a_deep_folder_gets_its_socket_elsewhere(empty: Path) -> None:
    deep = empty / ("d" * 60) / ("e" * 60)

    with running(start_postgres(deep, log=empty / "postgres.log", durable=False)) as server:
        assert "%2Ftmp%2Fmeterbook-" in server.url
        assert ask(server, "select 1") == 1
        shutil.rmtree(places.settle(deep).sockets(".s.PGSQL.5432"))


def test_a_foreign_folder_in_the_sockets_place_is_refused(empty: Path) -> None:
    home = places.settle(empty / ("d" * 60) / ("e" * 60))
    sockets = home.sockets("s")
    sockets.chmod(0o777)

    with pytest.raises(Trouble, match="not a private folder"):
        home.sockets("s")
    sockets.rmdir()


def test_no_programs_is_told_with_the_ways_out(empty: Path) -> None:
    with pytest.raises(
        Trouble, match=r"No PostgreSQL can be run here \(tried /nowhere: .*make setup.*DATABASE_URL"
    ):
        start_postgres(empty / "postgres", log=empty / "postgres.log", choice="/nowhere/bin")


def test_programs_with_missing_libraries_are_told_with_their_own_words(empty: Path) -> None:
    program = empty / "broken" / "bin" / "initdb"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho 'libz.so.1: cannot open shared object file' >&2\nexit 127\n")
    program.chmod(0o755)

    with pytest.raises(Trouble, match=r"libz\.so\.1: cannot open"):
        start_postgres(empty / "postgres", log=empty / "postgres.log", choice=str(program.parent))


def test_data_of_another_version_are_not_touched(empty: Path) -> None:
    data = places.settle(empty / "postgres").folder("data")
    (data / "PG_VERSION").write_text("14\n")

    with pytest.raises(Trouble, match=r"made by PostgreSQL 14, .* METERBOOK_POSTGRES .*`make demo-reset`"):
        start_throw_away(empty)
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_full_disk_is_told_before_anything_is_written(empty: Path) -> None:
    with pytest.raises(Trouble, match="METERBOOK_VAR to a folder on another disk"):
        places.require_space(empty, megabytes=10**12)


# --- Valkey --------------------------------------------------------------------------------------


def test_the_broker_keeps_its_queue_over_a_restart(empty: Path) -> None:
    broker = start_valkey(empty / "valkey", log=empty / "log" / "valkey.log")
    put(broker, "close the month")
    broker.stop()
    assert not places.alive(broker.pid)

    with running(start_valkey(empty / "valkey", log=empty / "log" / "valkey.log")) as again:
        assert take(again) == "close the month"


def test_a_broker_killed_hard_comes_back_over_its_leftovers(empty: Path) -> None:
    broker = start_valkey(empty / "valkey", log=empty / "valkey.log")
    kill_hard(broker)

    with running(start_valkey(empty / "valkey", log=empty / "valkey.log")) as again:
        put(again, "still there")
        assert take(again) == "still there"


def test_a_path_with_a_space_works_in_both_urls(empty: Path) -> None:
    with (
        running(start_postgres(empty / "a b", log=empty / "postgres.log", durable=False)) as server,
        running(start_valkey(empty / "c d", log=empty / "valkey.log")) as broker,
    ):
        put(broker, "heard")
        assert (ask(server, "select 1"), take(broker)) == (1, "heard")


# --- The command ---------------------------------------------------------------------------------


def test_the_command_gets_all_urls_and_its_exit_code_passes_through(empty: Path) -> None:
    done = subprocess.run(
        [
            *EMBEDDED,
            "sh",
            "-c",
            "echo $DATABASE_URL $METERBOOK_OWNER_DATABASE_URL $CELERY_BROKER_URL; exit 7",
        ],
        env=environment(empty),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert done.returncode == 7
    database, owner, broker = done.stdout.split()
    assert database.startswith("postgresql://meterbook_app@%2F")
    assert owner.startswith("postgresql://meterbook@%2F")
    assert broker.startswith("redis+socket:///")
    assert_nothing_runs(empty)


def test_given_servers_are_used_and_nothing_is_started(empty: Path) -> None:
    given = {"DATABASE_URL": "postgresql://elsewhere/billing", "CELERY_BROKER_URL": "redis://elsewhere"}

    done = subprocess.run(
        [*EMBEDDED, "sh", "-c", "echo $DATABASE_URL $CELERY_BROKER_URL"],
        env=environment(empty) | given,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )

    assert done.stdout.split() == list(given.values())
    assert list(empty.iterdir()) == []


def test_an_interrupt_reaches_the_command_and_then_stops_the_services(var: Path) -> None:
    with command(var, "trap 'sleep 0.1; exit 5' INT; echo ready; while :; do sleep 0.05; done") as wrapper:
        server, broker = services(var)

        wrapper.send_signal(signal.SIGINT)

        assert wrapper.wait(30) == 5
    assert not places.alive(server.pid)
    assert not places.alive(broker.pid)


def test_two_commands_share_the_services_and_the_last_one_stops_them(var: Path) -> None:
    with command(var, STAY) as first, command(var, STAY) as second:
        server, broker = services(var)

        first.terminate()
        assert first.wait(30) == 128 + signal.SIGTERM
        assert ask(server, "select 1") == 1

        second.terminate()
        assert second.wait(30) == 128 + signal.SIGTERM
    assert not places.alive(server.pid)
    assert not places.alive(broker.pid)


def test_the_next_command_takes_over_what_a_killed_one_left_running(var: Path) -> None:
    with command(var, STAY) as killed:
        server, broker = services(var)
        killed.kill()
        killed.wait()
    assert ask(server, "select 1") == 1

    with command(var, STAY) as following:
        assert [service.pid for service in services(var)] == [server.pid, broker.pid]
        following.terminate()
    assert not places.alive(server.pid)
    assert not places.alive(broker.pid)


def test_a_reset_removes_no_data_in_use_but_stops_what_a_killed_command_left(var: Path) -> None:
    with command(var, STAY) as wrapper:
        refused = subprocess.run(
            [*EMBEDDED, "--reset"], env=environment(var), stderr=subprocess.PIPE, check=False
        )
        assert refused.returncode == 2
        assert b"Stop it first, then reset." in refused.stderr
        server, broker = services(var)
        wrapper.kill()

    subprocess.run([*EMBEDDED, "--reset"], env=environment(var), stdout=subprocess.DEVNULL, check=True)
    assert not (var / "postgres").exists()
    assert not (var / "valkey").exists()
    assert not places.alive(server.pid)
    assert not places.alive(broker.pid)


def test_trouble_is_one_paragraph_and_exit_code_2(empty: Path) -> None:
    done = subprocess.run(
        [*EMBEDDED, "true"],
        env=environment(empty) | {"METERBOOK_POSTGRES": "/nowhere/bin"},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "make setup" in done.stderr
    assert_nothing_runs(empty)


# --- As root -------------------------------------------------------------------------------------


@as_root
def test_root_runs_the_services_as_another_account(var: Path) -> None:
    with (
        running(start_throw_away(var)) as server,
        running(start_valkey(var / "valkey", log=var / "valkey.log")) as broker,
    ):
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid in (server.pid, broker.pid)}

        assert 0 not in owners


@as_root
def test_where_that_account_cannot_come_the_service_has_a_place_of_its_own(empty: Path) -> None:
    closed = empty / "closed"
    closed.mkdir(mode=0o700)

    with running(start_postgres(closed / "postgres", log=closed / "postgres.log", durable=False)) as server:
        assert server.folder == places.stand_in(closed / "postgres")
        assert ask(server, "select 1") == 1
        assert closed.stat().st_mode & 0o777 == 0o700
        assert list(closed.iterdir()) == [closed / "postgres.log"]
    shutil.rmtree(server.folder)


@as_root
def test_programs_that_account_cannot_reach_are_copied_once(empty: Path) -> None:
    tree = empty / "closed"
    tree.mkdir(mode=0o700)
    tool = tree / "bin" / "tool"
    tool.parent.mkdir(mode=0o700)
    tool.write_text("#!/bin/sh\n. ${0%/bin/tool}/beside/words\n")
    tool.chmod(0o700)
    (tree / "beside").mkdir()
    (tree / "beside" / "words").write_text("echo copied\n")
    home = places.settle(empty / "home")

    copies = {home.program(tree, "bin/tool", parts=("bin", "beside")) for _ in range(2)}

    assert len(copies) == 1
    assert subprocess.check_output([copies.pop()], cwd="/", **home.run_as) == b"copied\n"
    assert tree.stat().st_mode & 0o777 == 0o700


# --- What the tests share ------------------------------------------------------------------------

EMBEDDED = (sys.executable, "-m", "billing_site.embedded")
STAY = "echo ready; exec sleep 60"
Service = TypeVar("Service", Postgres, Valkey)


@contextmanager
def folder() -> Iterator[Path]:
    """Give a short path that every account can pass, unlike pytest's own temporary folders."""
    made = Path(tempfile.mkdtemp(prefix="meterbook-var-", dir="/tmp"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made)


@pytest.fixture
def empty() -> Iterator[Path]:
    with folder() as made:
        yield made


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    with folder() as made:
        start_throw_away(made).stop()
        yield made / "postgres"


@pytest.fixture
def var(cluster: Path, empty: Path) -> Path:
    """Give a folder whose PostgreSQL has been made before, to save each test a second."""
    subprocess.run(["cp", "-a", cluster, empty / "postgres"], check=True)
    return empty


@contextmanager
def running(service: Service) -> Iterator[Service]:
    try:
        yield service
    finally:
        service.stop()


def start_throw_away(var: Path) -> Postgres:
    return start_postgres(var / "postgres", log=var / "postgres.log", durable=False)


def do(server: Postgres, statement: str) -> None:
    with psycopg.connect(server.owner_url) as connection:
        connection.execute(statement.encode())


def ask(server: Postgres, question: str) -> object:
    with psycopg.connect(server.owner_url) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


def put(broker: Valkey, message: str) -> None:
    with kombu.Connection(broker.url) as connection, closing(connection.SimpleQueue("tests")) as queue:
        queue.put(message)


def take(broker: Valkey) -> object:
    with kombu.Connection(broker.url) as connection, closing(connection.SimpleQueue("tests")) as queue:
        return queue.get(timeout=5).payload


def kill_hard(service: Postgres | Valkey) -> None:
    os.kill(service.pid, signal.SIGKILL)
    service.stop()


def environment(var: Path) -> dict[str, str]:
    ours = {
        key: value for key, value in os.environ.items() if not key.endswith(("DATABASE_URL", "BROKER_URL"))
    }
    return ours | {"METERBOOK_VAR": str(var)}


@contextmanager
def command(var: Path, script: str) -> Iterator[subprocess.Popen[str]]:
    """Run a script, once it says it is ready, with the services of `var`; end it and all it left."""
    wrapper = subprocess.Popen(
        [*EMBEDDED, "sh", "-c", script],
        env=environment(var),
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert wrapper.stdout is not None
    try:
        assert wrapper.stdout.readline() == "ready\n"
        yield wrapper
        wrapper.terminate()
        wrapper.wait(30)
    finally:
        wrapper.stdout.close()
        with suppress(ProcessLookupError):
            os.killpg(wrapper.pid, signal.SIGKILL)
        wrapper.wait()


def services(var: Path) -> tuple[Postgres, Valkey]:
    server, broker = find_postgres(var / "postgres"), find_valkey(var / "valkey")
    assert server is not None
    assert broker is not None
    return server, broker


def assert_nothing_runs(var: Path) -> None:
    assert find_postgres(var / "postgres") is None
    assert find_valkey(var / "valkey") is None
