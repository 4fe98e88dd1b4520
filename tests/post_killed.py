"""A number of readers and of killings in, what the mail server took and what the ledger says out: the clock dies at random moments."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from factories import DAY, NOW, fill, make_edition
from mail_server import CERTIFICATES, Elsewhere, Rule, elsewhere
from sender import house
from sqlalchemy import select

from recommender.store import readers, schema
from recommender.store.db import Database, open_database
from recommender.store.tables import ReaderRow
from recommender.store.tables_mail import DigestRow

SENDER = Path(__file__).parent / "sender.py"
PATIENCE_S = 120.0  # with which one step of the way to the next killing is waited for


@dataclass
class Story:
    """What became of everybody's digest.

    `received` counts by address what the server accepted; `ledger` holds each address's status; the others are the addresses that
    the script treats so: refused for good, hung up on after the closing dot, with the message kept or thrown away, and hung up on in
    the middle of the message (`torn`).
    """

    received: Counter[str]
    ledger: dict[str, str]
    refused: set[str]
    kept_silently: set[str]
    thrown_away: set[str]
    torn: set[str]
    killed: int
    killed_while_handed: int = 0
    message_ids: dict[str, str] = field(default_factory=dict)


def live_through(home: Path, *, people: int, killings: int, seed: int) -> Story:
    """Send everybody's digest by a clock that is killed again and again, through a server that is in a bad mood."""
    rng = random.Random(seed)
    database = _house_with(home, people)
    everybody = [address(number) for number in range(people)]
    odd = rng.sample(everybody, 10 + people // 20)
    rules, refused, kept, thrown, torn = _mood(odd, rng)
    with elsewhere(home / "received.jsonl", rules, security="starttls") as server:
        dead = still = 0
        for _ in range(killings):
            process = _send(home, server.port)
            _wait_for(server, process, more=rng.randrange(2, max(4, people // (killings + 1))))
            time.sleep(rng.random() * 0.02)  # at any moment of the next message
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                dead += 1
            process.wait()
            still += sum(status == "handed" for status in _statuses(database).values())
        assert _send(home, server.port).wait(1800) == 0
        received = Counter(one.to for one in server.stored())
        message_ids = {one.to: one.message_id for one in server.stored()}
    ledger = _statuses(database)
    database.close()
    return Story(received, ledger, refused, kept, thrown, torn, dead, still, message_ids)


def check(story: Story, people: int) -> None:
    """Nobody got two, everybody who can be written to got one, and the ledger says of each what became of it."""
    everybody = {address(number) for number in range(people)}
    assert max(story.received.values()) == 1, "somebody got two"
    missing = everybody - set(story.received)
    unknown = {one for one, status in story.ledger.items() if status == "unknown"}
    sent = {one for one, status in story.ledger.items() if status == "sent"}
    assert set(story.ledger) == everybody
    assert sent <= set(story.received), "the ledger says sent of what never arrived"
    assert set(story.received) - sent <= unknown, "it arrived, and the ledger does not even say that it may have"
    assert {one for one, status in story.ledger.items() if status == "failed"} == story.refused
    # A server that hangs up in the middle of a message may be noticed only when the closing dot is on its way already.
    noticed_late = story.torn & unknown
    assert len(unknown) == len(story.kept_silently | story.thrown_away | noticed_late) + story.killed_while_handed
    # Whoever got none was refused for good, or hung up on with nothing to tell that from a message that was kept, or the clock was
    # killed between its word that the last byte is about to leave and that byte.
    left = missing - (story.refused | story.thrown_away | noticed_late)
    assert left <= unknown
    assert len(left) <= story.killed_while_handed
    assert not (story.refused | story.thrown_away) & set(story.received)


def address(number: int) -> str:
    """Everybody's address; twenty domains."""
    return f"reader{number}@d{number % 20}.example"


def _mood(odd: list[str], rng: random.Random) -> tuple[list[Rule], set[str], set[str], set[str], set[str]]:
    """What the server does to some people's mail, and to anybody's now and then."""
    refused, later, torn, late, kept, thrown = set(odd[:3]), odd[3:], [], [], set(odd[-1:]), set(odd[-2:-1])
    rules = [Rule("RCPT", "550 5.1.1 nobody of that name", to=one) for one in refused]
    rules += [Rule("end", to=one, hang_up=True, stored=True, times=1) for one in kept]
    rules += [Rule("end", to=one, hang_up=True, times=1) for one in thrown]
    for number, one in enumerate(later[:-2]):
        (torn if number % 3 == 0 else late if number % 3 == 1 else []).append(one)
        if number % 3 == 2:
            rules.append(Rule("RCPT", "450 4.2.0 come back later", to=one, times=1 + number % 2))
    rules += [Rule("text", to=one, hang_up=True, times=1) for one in torn]  # in the middle of the message
    rules += [Rule("end", "451 4.3.0 not now", to=one, times=1) for one in late]
    rules += [Rule("MAIL", slow_s=rng.uniform(0.05, 0.2), times=5), Rule("MAIL", "421 4.3.2 closing", times=1, hang_up=True)]
    rules += [Rule("connect", "421 4.3.2 too busy", times=1, hang_up=True), Rule("DATA", times=1)]  # the last one falls silent
    return rules, refused, kept, thrown, set(torn)


def _house_with(home: Path, people: int) -> Database:
    """A house with an edition of papers and readers who all want their digest now."""
    settings = house(home, 1)
    settings.folder.mkdir(parents=True, exist_ok=True)
    database = open_database(settings.url)
    schema.upgrade(database)
    fill(database, settings, make_edition(DAY))
    with database.write() as session:
        first = readers.create(session, address(0), email=address(0), now=NOW)
        facts = {"simulated": False, "is_owner": False, "created_at": NOW, "time_zone": "UTC", "digest_hour": 8}
        session.add_all(ReaderRow(name=address(n), email=address(n), **facts) for n in range(1, people))
        session.flush()
        for row in session.scalars(select(ReaderRow)):
            row.digest_on, row.digest_hour, row.next_digest_at = True, 8, NOW
    assert first.id == 1
    return database


def _send(home: Path, port: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "SSL_CERT_FILE": str(CERTIFICATES / "server.pem"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SENDER), str(home), str(port), NOW.isoformat()]
    return subprocess.Popen(command, env=environment, cwd=SENDER.parent.parent)


def _wait_for(server: Elsewhere, process: subprocess.Popen[bytes], *, more: int) -> None:
    """Wait until so many more messages were accepted, or the process has ended."""
    until, before = time.monotonic() + PATIENCE_S, _size(server)
    lines = len(server.stored()) + more
    while process.poll() is None and time.monotonic() < until:
        if _size(server) != before and len(server.stored()) >= lines:
            return
        time.sleep(0.005)
    assert time.monotonic() < until, "nothing is sent"


def _size(server: Elsewhere) -> int:
    return server.file.stat().st_size if server.file.exists() else 0


def _statuses(database: Database) -> dict[str, str]:
    query = select(ReaderRow.email, DigestRow.status).join(DigestRow, DigestRow.reader_id == ReaderRow.id)
    with database.read() as session:
        return {email or "": status for email, status in session.execute(query)}
