"""The supervisor of the one-machine site."""

import os
import signal
import subprocess

from django.conf import settings

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


def test_systemd_starts_the_web_server_as_the_one_machine_site_does() -> None:
    """The same threads, the same patience with a worker that hangs: what was measured is what runs."""
    unit = (settings.BASE_DIR / "deploy/systemd/meterbook-web.service").read_text()
    (line,) = (line for line in unit.splitlines() if line.startswith("ExecStart="))
    ours = serve.web_command(host="127.0.0.1", port=8000)
    level = ours.index("--log-level")

    # journald keeps what is worth a line; the terminal of the demo shows warnings only.
    assert line.split()[1:] == ours[3:level] + ours[level + 2 :]
