"""Letters about answers: to whom, in which words, once, and never about what was taken back."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage

import pytest
from factories import NOW, make_paper, make_reader
from sqlalchemy import update

from recommender.errors import MailError
from recommender.settings import Settings
from recommender.store import belongings, comments, papers, suppressions
from recommender.store.comments import Comment
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.tables import ReaderRow
from web.mail import MemoryMailer
from web.replies import NAMED, Told, tell

PAPER = make_paper(1, title="Graphs of $O(n)$\u202e edges")
MINUTE = timedelta(minutes=1)
SETTLED = NOW + 15 * MINUTE


@pytest.fixture
def alice(database: Database) -> Reader:
    with database.write() as session:
        papers.upsert(session, [PAPER], now=NOW)
    return make_reader(database, "alice", email="alice@example.org")


@pytest.fixture
def mailer() -> MemoryMailer:
    return MemoryMailer()


def say(database: Database, reader: Reader, text: str, answers: Comment | None = None, at: int = 0) -> Comment:
    with database.write() as session:
        parent = answers.id if answers is not None else None
        return comments.add(session, PAPER.id, reader.id, text, now=NOW + at * MINUTE, parent_id=parent)


def test_whoever_is_answered_gets_one_letter(
    database: Database, settings: Settings, alice: Reader, bob: Reader, mailer: MemoryMailer
) -> None:
    asked = say(database, alice, "Question")
    last = say(database, bob, "Yes,\n\nit does.\r\nBcc: evil@example.org", asked)
    assert tell(database, settings, mailer, after=0, now=SETTLED) == Told(1, 0, last.id)
    (message,) = mailer.sent
    text = message.get_content()
    assert (message["To"], message["Subject"]) == ("alice <alice@example.org>", "bob answered you")
    assert message["Message-ID"] == f"<reply-{last.id}-{alice.id}@127.0.0.1>"
    assert "bob answered your remark on “Graphs of $O(n)$ edges”:" in text
    assert "    Yes, it does. Bcc: evil@example.org" in text
    assert f"http://127.0.0.1:8020/paper/{PAPER.id}#comment-{last.id}" in text
    assert "http://127.0.0.1:8020/account" in text
    assert tell(database, settings, mailer, after=last.id, now=SETTLED) == Told(0, 0, last.id)


def test_several_answers_are_one_letter(
    database: Database, settings: Settings, alice: Reader, bob: Reader, mailer: MemoryMailer
) -> None:
    asked = say(database, alice, "Question")
    for number in range(NAMED + 2):
        say(database, bob, f"Answer {number}.", asked)
    assert tell(database, settings, mailer, after=0, now=SETTLED).sent == 1
    (message,) = mailer.sent
    assert message["Subject"] == "12 answers to your remarks"
    assert "Answer 9." in message.get_content()
    assert "Answer 10." not in message.get_content()
    assert "And 2 more." in message.get_content()


def test_it_waits_until_words_cannot_change_any_more(
    database: Database, settings: Settings, alice: Reader, bob: Reader, mailer: MemoryMailer
) -> None:
    asked = say(database, alice, "Question")
    first = say(database, bob, "Early", asked, at=1)
    say(database, bob, "Late", asked, at=9)
    assert tell(database, settings, mailer, after=0, now=NOW + 14 * MINUTE) == Told(0, 0, 0)
    assert tell(database, settings, mailer, after=0, now=NOW + 20 * MINUTE) == Told(1, 0, first.id)
    assert "Late" not in mailer.sent[0].get_content()


def test_what_was_taken_back_or_is_old_is_not_told(
    database: Database, settings: Settings, alice: Reader, bob: Reader, mailer: MemoryMailer
) -> None:
    asked = say(database, alice, "Question")
    gone, removed = say(database, bob, "Gone", asked), say(database, bob, "Rude", asked)
    say(database, bob, "Kept", asked)
    with database.write() as session:
        comments.withdraw(session, gone.id, bob.id, now=NOW)
        comments.remove(session, removed.id, now=NOW)
    assert tell(database, settings, mailer, after=0, now=NOW + timedelta(days=3)).sent == 0
    assert tell(database, settings, mailer, after=0, now=SETTLED).sent == 1
    text = mailer.sent[0].get_content()
    assert "Kept" in text
    assert "Rude" not in text
    assert "Gone" not in text


@pytest.mark.parametrize("leaves", [False, True])
def test_an_answer_is_told_of_though_a_remark_told_of_before_it_is_gone(
    database: Database, settings: Settings, alice: Reader, bob: Reader, mailer: MemoryMailer, leaves: bool
) -> None:
    """SQLite would give the number of the deleted remark again."""
    asked = say(database, alice, "Question")
    carol = make_reader(database, "carol")
    gone = say(database, carol, "A word of its own")
    told = tell(database, settings, mailer, after=0, now=SETTLED)
    with database.write() as session:
        if leaves:
            belongings.remove(session, carol.id, now=SETTLED)
        else:
            comments.withdraw(session, gone.id, carol.id, now=SETTLED)
    say(database, bob, "Answer", asked, at=20)
    assert tell(database, settings, mailer, after=told.until, now=SETTLED + 60 * MINUTE).sent == 1


@pytest.mark.parametrize("facts", [{"notices": {"replies": False}}, {"email": None}, {"disabled_at": NOW}, {"simulated": True}])
def test_who_does_not_want_it_or_cannot_get_it(
    database: Database, settings: Settings, alice: Reader, bob: Reader, mailer: MemoryMailer, facts: dict[str, object]
) -> None:
    say(database, bob, "Answer", say(database, alice, "Question"))
    with database.write() as session:
        session.execute(update(ReaderRow).where(ReaderRow.id == alice.id).values(**facts))
    assert tell(database, settings, mailer, after=0, now=SETTLED) == Told(0, 0, 2)


def test_an_address_that_is_left_alone_gets_no_letter(
    database: Database, settings: Settings, alice: Reader, bob: Reader, mailer: MemoryMailer
) -> None:
    say(database, bob, "Answer", say(database, alice, "Question"))
    with database.write() as session:
        suppressions.add(session, "alice@example.org", "bounce", now=NOW)
    assert tell(database, settings, mailer, after=0, now=SETTLED) == Told(0, 0, 2)
    assert mailer.sent == []


def test_nobody_is_told_of_their_own_words_or_of_a_remark_of_its_own(
    database: Database, settings: Settings, alice: Reader, bob: Reader, mailer: MemoryMailer
) -> None:
    asked = say(database, alice, "Question")
    say(database, alice, "To myself", asked)
    say(database, bob, "Something else")
    assert tell(database, settings, mailer, after=0, now=SETTLED) == Told(0, 0, 3)


def test_one_letter_that_fails_does_not_keep_the_others(
    database: Database, settings: Settings, alice: Reader, bob: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    carol = make_reader(database, "carol", email="carol@example.org")
    for reader in (alice, carol):
        say(database, bob, "Answer", say(database, reader, "Question"))

    class Broken(MemoryMailer):
        def send(self, message: EmailMessage) -> None:
            if "alice" in message["To"]:
                raise MailError("alice@example.org is refused")
            super().send(message)

    mailer = Broken()
    assert tell(database, settings, mailer, after=0, now=SETTLED) == Told(1, 1, 4)
    assert [message["To"] for message in mailer.sent] == ["carol <carol@example.org>"]
    assert "alice@example.org" not in caplog.text
    assert "is refused" in caplog.text
