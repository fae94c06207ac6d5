"""The supervisor of the one-machine site."""

import os
import signal
import subprocess

from billing_site import serve
from billing_site.embedded import places


def test_children_of_a_server_that_was_killed_do_not_go_on_answering() -> None:
    server = subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo $!; wait"], start_new_session=True, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    child = int(server.stdout.readline())
    os.kill(server.pid, signal.SIGKILL)

    serve._end(server)  # type: ignore[arg-type]

    server.stdout.close()
    assert places.wait_until(lambda: not places.alive(child), seconds=5)
