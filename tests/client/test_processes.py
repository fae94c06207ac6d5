"""Real processes that are killed, end, fork, share a spool and meet a full disk: each event arrives, under its own id."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from meterbook_client.reports import Reports
from meterbook_client.sender import Pace, Sender
from meterbook_client.spool import Spool
from meterbook_client.transport import Transport
from tests.client.server import PATIENCE, Lose, Server

CLIENT = Path(__file__).resolve().parents[2] / "client"
NOWHERE = "http://127.0.0.1:9"
BEGIN = """
import os, signal, sys
from meterbook_client import Meterbook
told = []
client = Meterbook(sys.argv[1], "mb_test", spool=sys.argv[2], flush_seconds=0.01, first_retry_seconds=0.01,
                   most_retry_seconds=0.05, on_error=told.append)
def record(count):
    for _ in range(count):
        # In one write, since a forked child writes to the same pipe.
        os.write(1, (client.record(customer="acme", type="api.call") + "\\n").encode())
"""


def run(program: str, url: str, spool: Path) -> tuple[int, list[str]]:
    """Run a program that begins with a client; return its exit code and the ids that it was given by `record`."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + program, url, str(spool)],
        env={**os.environ, "PYTHONPATH": str(CLIENT)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.split()


KILL = "os.kill(os.getpid(), signal.SIGKILL)"


def test_what_a_killed_process_recorded_is_sent_by_the_next(server: Server, spool: Path) -> None:
    killed, made = run(f"record(500); {KILL}", NOWHERE, spool)

    ended, others = run("record(1); client.close()", server.url, spool)

    assert (killed, ended, len(made)) == (-9, 0, 500)
    assert sorted(server.ids()) == sorted(made + others)
    assert list(spool.iterdir()) == []


@pytest.mark.parametrize("before", [1, 37, 400])
def test_a_process_killed_while_it_sends_loses_nothing(server: Server, spool: Path, before: int) -> None:
    server.script.extend([Lose()] * 2)

    _, made = run(f"record({before}); client.flush(0.02); record(10); {KILL}", server.url, spool)
    run("client.close()", server.url, spool)

    assert set(server.ids()) == set(made)
    assert len(made) == before + 10


def test_a_process_that_just_ends_sends_what_it_has(server: Server, spool: Path) -> None:
    ended, made = run("record(3)", server.url, spool)

    assert ended == 0
    assert sorted(server.ids()) == sorted(made)


def test_a_living_process_sends_what_a_dead_one_left(server: Server, spool: Path) -> None:
    kept = Spool(spool, most_bytes=1_000_000)
    transport = Transport(server.url, "mb_test", timeout=PATIENCE)
    sender = Sender(kept, transport, Pace(flush=0.01, adopt=0.01), Reports())
    _, made = run(f"record(5); {KILL}", NOWHERE, spool)

    sender.start()

    server.wait_for(made)
    sender.stop()
    kept.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_sends_its_own_events_and_leaves_its_parents_alone(server: Server, spool: Path) -> None:
    program = """
record(20)
child = os.fork()
record(20)
if child == 0:
    client.close()
    os._exit(len(told))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    ended, made = run(program, server.url, spool)

    assert ended == 0
    assert len(set(made)) == 60
    assert sorted(server.ids()) == sorted(made)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files here")
def test_a_disk_that_takes_half_a_line_keeps_the_others_whole(server: Server, spool: Path) -> None:
    program = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
record(20)
lost = [str(error) for error in told if "could not be spooled" in str(error)]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
record(5)
print("lost", len(lost))
{KILL}
"""
    _, said = run(program.replace(KILL, f"sys.stdout.flush(); {KILL}"), NOWHERE, spool)
    run("client.close()", server.url, spool)

    lost = int(said[-1])
    assert 0 < lost < 20
    assert set(server.ids()) <= set(said[:-2])
    assert len(server.ids()) == 25 - lost
