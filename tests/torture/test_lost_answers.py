"""Answers are lost after the commit; callers retry under the same ids, and totals are exact (R04)."""

import time

from tests.torture import books
from tests.torture.clients import BATCH, posting
from tests.torture.conftest import Site
from tests.torture.proxy import losing_answers
from tests.torture.report import Torture

SHARE = 0.2


def test_totals_are_exact_when_a_fifth_of_the_answers_is_lost(site: Site, torture: Torture) -> None:
    run = f"lost-{torture.seed}"

    with (
        losing_answers(site.server.port, share=SHARE, dice=torture.dice("lost")) as proxy,
        posting(
            run, count=8, port=proxy.server_port, key=site.server.key, folder=site.folder, pause=0.01
        ) as clients,
    ):
        time.sleep(torture.size(2.0, 60.0))

    journals = [client.journal for client in clients]
    found = books.balance(site.cluster, run, journals)
    assert (found.lost, found.counted_twice, found.torn) == ([], [], [])
    assert [one for journal in journals for one in journal.wrong] == []
    assert set().union(*(journal.statuses for journal in journals)) == {200}
    assert proxy.lost == sum(journal.broken for journal in journals) > 0
    # Beyond what was acknowledged there are only the batches that clients were still asking about at the end.
    assert 0 <= found.stored - found.acknowledged <= len(clients) * BATCH
    books.require_reconciled(site.environment)
    torture.found(
        "R04 answers lost after the commit, 20 %",
        f"{proxy.lost:,} answers lost; {found.acknowledged:,} events acknowledged, each counted once",
    )
