"""A thousand digests in, every one of their links opened by a program twice: nothing may change by it, and one press of a person must.

Run with --benchmark-only -n 0 -s; it asks some ninety thousand times, five minutes long.
"""

from __future__ import annotations

import hashlib
import re
import statistics
import time
from email import message_from_bytes, policy
from typing import Any

import pytest
from busy_house import House, busy_house, busy_ranker, publish
from factories import NOW
from mail_pages import AS_A_PERSON
from sqlalchemy import text

from recommender.daily import Rankers
from recommender.desk import Desk
from recommender.hours import Schedule
from recommender.settings import Settings
from recommender.store import accounts, events, pages, readers
from recommender.store.db import Database
from recommender.types import Channel
from training.labels import grade_day
from web.app import create_app
from web.digest import Together, draft
from web.ledger import AT_ONCE
from web.links import Signer, secret_key
from web.smtp import octets

READERS = 1000
LINK = re.compile(r"/m/\w+/[\w.~-]+")
SEEN = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL"


@pytest.mark.timeout(3000)
def test_programs_that_open_every_link_of_a_thousand_mails(database: Database, settings: Settings, benchmark: Any) -> None:
    house = busy_house(database, candidates=200, archive=600, people=READERS)
    publish(database, settings, busy_ranker(house, rounds=20))
    mails = _digests(database, settings, house)
    client = create_app(settings, database=database, clock=lambda: NOW).test_client()
    before, taught, taken = _held(database), _labels(database, house), list[float]()

    def open_everything() -> None:
        for links in mails:
            for path in links:
                for method in ("HEAD", "GET"):
                    begun = time.perf_counter()
                    assert client.open(path, method=method, headers=AS_A_PERSON if len(taken) % 3 else {}).status_code == 200
                    taken.append(1000 * (time.perf_counter() - begun))

    benchmark.pedantic(open_everything, rounds=1)
    assert _held(database) == before
    assert _labels(database, house) == taught
    assert client.get_cookie("broadsheet") is None

    votes = [next(path for path in links if path.startswith("/m/vote/")) for links in mails]
    homes = [{"REMOTE_ADDR": f"10.0.{number // 250}.{number % 250}"} for number in range(READERS)]  # an address may not press on
    assert {client.post(path, environ_base=home).status_code for path, home in zip(votes, homes, strict=True)} == {200}
    now_taught = _labels(database, house)
    assert sum(now_taught[reader] != taught[reader] for reader in house.readers) == READERS
    print(
        f"\n{len(taken):,} requests for the {sum(map(len, mails)):,} links of {READERS:,} mails, median {statistics.median(taken):.2f} ms: "
        f"nothing changed; {READERS:,} presses: {READERS:,} readers taught",
        end="",
    )


def _digests(database: Database, settings: Settings, house: House) -> list[list[str]]:
    """Write everybody's digest as it would be sent; return the different links in each, those of its headers among them."""
    desk, hour = Desk(database, Rankers(settings.models_folder), settings.rank), Schedule(7, "Europe/Berlin")
    with database.write() as session:
        for number in house.readers:
            accounts.confirm_email(session, number, f"r{number}@example.org", now=NOW)
            accounts.set_digest(session, number, hour, on=True, next_at=hour.after(NOW))
    with database.read() as session:
        people = [found for number in house.readers if (found := readers.by_id(session, number)) is not None]
    signer, mails, stood = Signer(secret_key(settings)), list[list[str]](), list[int]()
    for start in range(0, len(people), AT_ONCE):
        some = people[start : start + AT_ONCE]
        together = Together.of(database, desk, [reader.id for reader in some], house.day, now=NOW)
        for reader in some:
            made = draft(database, desk, reader, day=house.day, now=NOW, together=together, settings=settings, signer=signer)
            stood += made.item_ids
            mails.append(_links(octets(made.message)))
    with database.write() as session:
        pages.mark_shown(session, stood, Channel.EMAIL, NOW)
    return mails


def _links(data: bytes) -> list[str]:
    message = message_from_bytes(data, policy=policy.strict)
    parts = [part.get_content() for part in message.walk() if not part.is_multipart()]
    found = list(dict.fromkeys(LINK.findall("\n".join([*parts, *map(str, message.values())]))))
    assert {path.split("/")[2] for path in found} >= {"read", "vote", "leave"}
    return found


def _held(database: Database) -> str:
    """Return a digest of every row of every table."""
    told = hashlib.sha256()
    with database.read() as session:
        for (table,) in session.execute(text(SEEN)).all():
            for row in session.execute(text(f'SELECT * FROM "{table}"')):
                told.update(repr(tuple(row)).encode())
    return told.hexdigest()


def _labels(database: Database, house: House) -> dict[int, dict[str, int]]:
    """Return what each reader's presses and clicks teach: papers, and their grades."""
    found: dict[int, dict[str, int]] = {number: {} for number in house.readers}
    with database.read() as session:
        for page in list(pages.shown(session)):
            reader = page.page.reader_id
            for graded in grade_day([page], events.history(session, reader)):
                found[reader] |= {row.item.paper_id: row.grade for row in graded.rows}
    return found
