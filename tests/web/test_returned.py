"""What came back of digests: who is left alone for it and who is not, once, and only on the word of whoever held the digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from factories import DAY, NOW, make_reader
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st
from returned_mail import bounce, report
from sqlalchemy import delete

from recommender.errors import MailError
from recommender.hours import Schedule
from recommender.settings import Settings
from recommender.store import accounts, digests, readers, subscribers, suppressions
from recommender.store.db import Database
from recommender.store.digests import Digest
from recommender.store.readers import Reader
from recommender.store.tables_mail import DigestRow
from web.links import Signer
from web.returned import read_folder, take
from web.stationery import message_id

ADDRESS = "alice@example.org"
GONE = ("Action: failed", "Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 <alice@example.org>: no such\tuser")
FULL = ("Action: failed", "Status: 5.2.2", "Diagnostic-Code: smtp; 552 5.2.2 mailbox full")
LATER = ("Action: delayed", "Status: 4.4.1", "Diagnostic-Code: smtp; 421 4.4.1 try again")


@dataclass
class Post:
    """A ledger with digests in it, and reports about them."""

    database: Database
    settings: Settings

    def sent(self, who: str, day: date = DAY, *, status: str = "sent", **facts: Any) -> str:
        """Enter a digest and return the id of its message."""
        name = message_id(Signer("a secret that only this house holds, I hope"), self.settings, day, who)
        column = "reader_id" if who.startswith("r") else "subscriber_id"
        facts = {column: int(who[1:]), "message_id": f"<{name}>", "claimed_at": NOW, "attempts": 1} | facts
        with self.database.write() as session:
            session.add(DigestRow(day=day, status=status, **facts))
        return f"<{name}>"

    def take(self, raw: bytes) -> str:
        return take(self.database, raw, now=NOW).kind

    def line(self, number: int = 0) -> Digest:
        with self.database.read() as session:
            return digests.recent(session)[number]

    def held(self, address: str = ADDRESS) -> tuple[str, str] | None:
        with self.database.read() as session:
            found = suppressions.among(session, [address]).get(address)
        return (found.reason, found.detail) if found is not None else None

    def reader(self, who: Reader) -> Reader:
        with self.database.read() as session:
            found = readers.by_id(session, who.id)
        assert found is not None
        return found


@pytest.fixture
def post(database: Database, settings: Settings) -> Post:
    return Post(database, settings)


@pytest.fixture
def alice(database: Database) -> Reader:
    made = make_reader(database, "alice", email=ADDRESS)
    with database.write() as session:
        accounts.confirm_email(session, made.id, ADDRESS, now=NOW - timedelta(days=30))
        accounts.set_digest(session, made.id, Schedule(7, "Europe/Berlin"), on=True, next_at=NOW)
    return made


def to(address: str, *lines: str, original: str = "", about: str) -> bytes:
    named = [f"Original-Recipient: rfc822; {original}"] if original else []
    return bounce(*named, *([f"Final-Recipient: rfc822; {address}"] if address else []), *lines, about=about)


@pytest.mark.parametrize("server", ["postfix", "exim", "exim_old", "exchange", "gmail"])
@pytest.mark.parametrize("status", ["sent", "unknown", "handed"])
def test_an_address_that_is_gone_is_left_alone(post: Post, alice: Reader, server: str, status: str) -> None:
    about = post.sent(f"r{alice.id}", status=status)
    assert post.take(report(server, to="Alice@EXAMPLE.org", about=about)) == "suppressed"
    line, held = post.line(), post.held()
    assert (line.status, line.code, line.ended_at) == ("failed", 550, NOW)
    assert held is not None
    assert held[0] == "bounce"
    for said in (line.error, held[1]):
        assert said is not None
        assert said.startswith(("550 5.1.1 (an address) ", "550-5.1.1 ", "550 5.1.10 "))
        assert "@" not in said
    assert post.reader(alice).digest_on


def test_the_same_report_counts_once(post: Post, alice: Reader) -> None:
    raw = report("postfix", to=ADDRESS, about=post.sent(f"r{alice.id}"))
    assert [post.take(raw) for _ in range(3)] == ["suppressed", "known", "known"]
    with post.database.write() as session:
        suppressions.lift(session, ADDRESS)
    assert post.take(raw) == "known"
    assert post.held() is None


def test_a_subscriber_is_left_alone_too(post: Post) -> None:
    with post.database.write() as session:
        nora = subscribers.confirm(session, "nora@example.org", Schedule(7), locale="", now=NOW - timedelta(days=1))
    about = post.sent(f"s{nora.id}")
    assert post.take(report("gmail", to="nora@example.org", about=about)) == "suppressed"
    assert post.held("nora@example.org") is not None


def test_a_forged_bounce_changes_nothing(post: Post, alice: Reader, bob: Reader) -> None:
    """Whoever knows how ids are made, and whose digest went out when, still cannot make one; nor one for somebody else with their own."""
    about = post.sent(f"r{alice.id}")
    forged = about.replace(about.split("-")[5][:4], "AAAA", 1)
    mine = post.sent(f"r{bob.id}", DAY - timedelta(days=1))
    plain = f"<digest-{DAY - timedelta(days=2)}-{alice.id}@127.0.0.1>"
    with post.database.write() as session:
        session.add(DigestRow(reader_id=alice.id, day=DAY - timedelta(days=2), status="sent", claimed_at=NOW, message_id=plain))
    assert forged != about
    told = {name: post.take(report("postfix", to=ADDRESS, about=name)) for name in (forged, plain, "<note-1@127.0.0.1>", mine)}
    assert list(told.values()) == ["foreign", "foreign", "foreign", "noted"]
    assert post.take(report("abuse", to=ADDRESS, about=plain)) == "foreign"
    assert post.held() is None
    with post.database.read() as session:
        assert {line.status for line in digests.recent(session)} == {"sent"}


@pytest.mark.parametrize("raw", [b"", b"\xff\x00", report("vacation", to=ADDRESS), b"X-Failed-Recipients: alice@example.org\n\n"])
def test_what_is_no_report_is_left_alone(post: Post, alice: Reader, raw: bytes) -> None:
    post.sent(f"r{alice.id}")
    assert post.take(raw) == "other"
    assert (post.held(), post.line().status) == (None, "sent")


def test_what_arrived_in_the_end_is_no_bounce(post: Post, alice: Reader) -> None:
    about = post.sent(f"r{alice.id}")
    assert post.take(to(ADDRESS, "Action: relayed", "Status: 2.0.0", about=about)) == "other"
    assert (post.line().status, post.line().error) == ("sent", None)


def test_a_delay_is_only_noted(post: Post, alice: Reader) -> None:
    """The digest may still arrive: three days of a server that is down are no three failures."""
    for back in range(4):
        about = post.sent(f"r{alice.id}", DAY - timedelta(days=back))
        assert post.take(to(ADDRESS, *LATER, about=about)) == "noted"
        assert post.take(to(ADDRESS, *LATER, about=about)) == "known"
    assert (post.line().status, post.line().error) == ("sent", "delayed 421 4.4.1 try again")
    assert post.held() is None
    assert post.take(to(ADDRESS, *GONE, about=about)) == "suppressed"  # and in the end it says that there is nobody


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("Status: 5.1.1",), "5.1.1"),
        (("Status: 5.1.1", "Diagnostic-Code: smtp; 550 no"), "5.1.1 550 no"),
        (("Status: 5.1.1", "Diagnostic-Code: who knows <Ada@example.org>,\u202e(b@c.d)"), "5.1.1 who knows (an address)"),
        (("Status: 5.1.1", "Diagnostic-Code: smtp; 5.1.1 " + "long " * 300), ("5.1.1 " + "long " * 300)[:400]),
    ],
)
def test_what_was_said_is_kept_short_and_without_addresses(post: Post, alice: Reader, lines: tuple[str, ...], told: str) -> None:
    post.take(to(ADDRESS, "Action: failed", *lines, about=post.sent(f"r{alice.id}")))
    assert (post.line().error, post.held()) == (told, ("bounce", told))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (0, 2, 1)])
def test_the_third_failure_in_a_row_ends_it(post: Post, alice: Reader, order: tuple[int, ...]) -> None:
    """On three days, in whatever order the reports come, while newer digests are on their way."""
    ids = [post.sent(f"r{alice.id}", DAY - timedelta(days=back)) for back in range(5)]
    told = [post.take(to(ADDRESS, *FULL, about=ids[1 + at])) for at in order]
    assert told == ["noted", "noted", "suppressed"]
    assert post.held() == ("bounce", "552 5.2.2 mailbox full")
    assert [line.status for line in map(post.line, range(5))].count("failed") == 3


def test_failures_with_a_digest_between_them_that_arrived_are_no_row(post: Post, alice: Reader) -> None:
    ids = {back: post.sent(f"r{alice.id}", DAY - timedelta(days=back)) for back in (2, 0, 1, 3, 4)}  # days count, not numbers
    assert [post.take(to(ADDRESS, *FULL, about=ids[back])) for back in (0, 1, 3, 4)] == ["noted"] * 4
    assert post.held() is None


@pytest.mark.parametrize(
    ("status", "code", "handed"),
    [
        *((status, None, False) for status in ("skipped", "suppressed", "failed", "claimed")),
        *(("failed", 421, False), ("failed", None, True)),
    ],
)
def test_days_on_which_nothing_left_the_house_break_no_row(
    post: Post, alice: Reader, status: str, code: int | None, handed: bool
) -> None:
    """Nor are they counted: that our own mail server, or program, failed says nothing of the address."""
    ids = [post.sent(f"r{alice.id}", DAY - timedelta(days=back)) for back in (0, 2, 3)]
    facts: dict[str, Any] = {"status": status, "code": code, "error": "no papers"} | ({} if handed else {"message_id": None})
    post.sent(f"r{alice.id}", DAY - timedelta(days=1), **facts)
    assert [post.take(to(ADDRESS, *FULL, about=about)) for about in ids] == ["noted", "noted", "suppressed"]


def test_somebody_elses_failures_are_not_counted(post: Post, alice: Reader, bob: Reader) -> None:
    with post.database.write() as session:
        nora = subscribers.confirm(session, "nora@example.org", Schedule(7), locale="", now=NOW)
    for who in (f"r{bob.id}", f"s{nora.id}"):
        for back in range(3):
            post.sent(who, DAY - timedelta(days=back), status="failed", code=552)
    assert post.take(to(ADDRESS, *FULL, about=post.sent(f"r{alice.id}"))) == "noted"


def test_mail_that_was_sent_on_ends_only_after_three_failures(post: Post, alice: Reader) -> None:
    """Behind the address there may be more people than the one who is gone."""
    ids = [post.sent(f"r{alice.id}", DAY - timedelta(days=back)) for back in range(3)]
    told = [post.take(to("ghost@example.net", *GONE, original=ADDRESS, about=about)) for about in ids]
    assert told == ["noted", "noted", "suppressed"]
    assert post.held("ghost@example.net") is None


def test_an_address_that_was_never_written_to_ends_nothing(post: Post, alice: Reader) -> None:
    for back in range(4):
        about = post.sent(f"r{alice.id}", DAY - timedelta(days=back))
        assert post.take(to("ghost@example.net", *GONE, about=about)) == "noted"
        assert post.take(to("ghost@example.net", *GONE, original="other@example.net", about=about)) == "known"
        assert post.take(to("", *GONE, original="other@example.net", about=about)) == "known"
    assert (post.held(), post.held("ghost@example.net"), post.line().status) == (None, None, "sent")
    assert post.line().error == "failed 550 5.1.1 (an address) no such user"


def test_of_several_recipients_the_worst_that_is_ours_counts(post: Post, alice: Reader) -> None:
    about = post.sent(f"r{alice.id}")
    two = (*("Final-Recipient: rfc822; ghost@example.net", *GONE), "", "Final-Recipient: rfc822; " + ADDRESS, *FULL)
    assert post.take(bounce(*two, about=about)) == "noted"
    assert (post.line().status, post.line().code) == ("failed", 552)


def test_a_report_that_names_nobody_is_about_the_one_recipient(post: Post, alice: Reader) -> None:
    ids = [post.sent(f"r{alice.id}", DAY - timedelta(days=back)) for back in range(3)]
    assert [post.take(to("", *GONE, about=about)) for about in ids] == ["noted", "noted", "suppressed"]


def test_an_old_address_says_nothing_of_the_new_one(post: Post, alice: Reader) -> None:
    about = post.sent(f"r{alice.id}")
    with post.database.write() as session:
        accounts.confirm_email(session, alice.id, "new@example.org", now=NOW + timedelta(hours=1))
    assert post.take(report("postfix", to=ADDRESS, about=about)) == "noted"
    assert post.take(to("", *GONE, about=about)) == "noted"
    assert post.take(report("abuse", to=ADDRESS, about=about)) == "noted"
    assert (post.held(), post.held("new@example.org"), post.reader(alice).digest_on) == (None, None, True)
    assert post.line().status == "sent"


def test_whoever_has_no_address_any_more_is_only_noted(post: Post, alice: Reader) -> None:
    about = post.sent(f"r{alice.id}")
    with post.database.write() as session:
        accounts.drop_email(session, alice.id)
    assert post.take(report("postfix", to=ADDRESS, about=about)) == "noted"
    assert post.take(report("abuse", to=ADDRESS, about=about)) == "noted"


@pytest.mark.parametrize("status", ["deferred", "claimed"])
def test_a_digest_that_is_tried_again_keeps_its_line(post: Post, alice: Reader, status: str) -> None:
    about = post.sent(f"r{alice.id}", status=status)
    assert post.take(to(ADDRESS, *GONE, about=about)) == "suppressed"
    assert (post.line().status, post.line().error) == (status, None)


@pytest.mark.parametrize("named", [ADDRESS, "forwarded@example.net", "redacted"])
def test_a_complaint_ends_it_at_once(post: Post, alice: Reader, named: str) -> None:
    """Also where they read their mail elsewhere, or the report keeps the address to itself."""
    about = post.sent(f"r{alice.id}")
    assert post.take(report("abuse", to=named, about=about)) == "complaint"
    assert post.held() == ("complaint", "reported as abuse")
    found = post.reader(alice)
    assert (found.digest_on, found.next_digest_at, found.schedule) == (False, None, Schedule(7, "Europe/Berlin"))
    assert post.line().status == "sent"


def test_a_complaint_counts_once(post: Post, alice: Reader) -> None:
    """Who takes their digest up again is not ended by an old complaint."""
    raw = report("abuse", to=ADDRESS, about=post.sent(f"r{alice.id}"))
    post.take(raw)
    with post.database.write() as session:
        suppressions.lift(session, ADDRESS)
        accounts.set_digest(session, alice.id, Schedule(7), on=True, next_at=NOW)
    assert post.take(to(ADDRESS, *LATER, about=post.line().message_id or "")) == "known"  # which must not make it forget
    assert post.take(raw) == "known"
    assert (post.held(), post.reader(alice).digest_on) == (None, True)


def test_a_subscriber_who_complains_is_forgotten(post: Post) -> None:
    with post.database.write() as session:
        nora = subscribers.confirm(session, "nora@example.org", Schedule(7), locale="", now=NOW - timedelta(days=1))
    about = post.sent(f"s{nora.id}")
    assert post.take(report("abuse", to="nora@example.org", about=about)) == "complaint"
    assert post.held("nora@example.org") == ("complaint", "reported as abuse")
    with post.database.read() as session:
        assert subscribers.count(session) == 0
    assert post.take(report("abuse", to="nora@example.org", about=about)) == "foreign"


@tries(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_report_says_nobody_else_is_touched(post: Post, alice: Reader, bob: Reader, data: st.DataObject) -> None:
    """About a digest of Bob's, who has no address: nobody's address is suppressed, whatever is damaged."""
    with post.database.write() as session:
        session.execute(delete(DigestRow))
    theirs = post.sent(f"r{bob.id}")
    raw = bytearray(report(data.draw(st.sampled_from(["postfix", "gmail", "abuse", "exim_old"])), to=ADDRESS, about=theirs))
    start = data.draw(st.integers(0, len(raw)))
    raw[start : start + data.draw(st.integers(0, 200))] = data.draw(st.binary(max_size=60))
    assert post.take(bytes(raw)) in ("noted", "known", "foreign", "other")
    with post.database.read() as session:
        assert suppressions.count(session) == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("tmp", "new", "cur"):
        (tmp_path / "bounces" / name).mkdir(parents=True)
    return tmp_path / "bounces"


def names(folder: Path, part: str) -> list[str]:
    return sorted(path.name for path in (folder / part).iterdir())


def test_what_is_new_in_the_folder_is_read_and_kept_as_seen(post: Post, alice: Reader, folder: Path) -> None:
    about = post.sent(f"r{alice.id}")
    for number, raw in enumerate([report("postfix", to=ADDRESS, about=about), report("vacation"), b"", report("gmail")]):
        (folder / "new" / f"177926040{number}.M1P2.mx").write_bytes(raw)
    (folder / "new" / "1779260409.M1P2.mx:2,").write_bytes(b"moved here by a mail program")
    (folder / "new" / "a folder").mkdir()
    assert read_folder(post.database, folder, now=NOW) == {"suppressed": 1, "other": 3, "foreign": 1}
    assert names(folder, "new") == ["a folder"]
    assert names(folder, "cur") == [f"177926040{number}.M1P2.mx:2,S" for number in (0, 1, 2, 3, 9)]
    assert (folder / "cur" / "1779260400.M1P2.mx:2,S").read_bytes() == report("postfix", to=ADDRESS, about=about)
    assert read_folder(post.database, folder, now=NOW) == {}
    assert post.held() is not None


def test_a_full_folder_is_read_bit_by_bit_oldest_first(post: Post, folder: Path) -> None:
    for number in range(5):
        (folder / "new" / f"{number}.mx").write_bytes(b"")
    assert read_folder(post.database, folder, now=NOW, limit=2) == {"other": 2}
    assert names(folder, "new") == ["2.mx", "3.mx", "4.mx"]


def test_a_file_that_cannot_be_read_keeps_nobody_waiting(post: Post, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        (folder / "new" / f"{number}.mx").write_bytes(b"")
    whole = Path.open

    def open_(path: Path, *how: Any) -> Any:
        if path.name == "0.mx":
            raise PermissionError(13, "Permission denied")
        return whole(path, *how)

    monkeypatch.setattr(Path, "open", open_)
    assert read_folder(post.database, folder, now=NOW) == {"unreadable": 1, "other": 1}
    assert names(folder, "new") == ["0.mx"]


def test_a_folder_that_is_none_says_which_setting_to_look_at(post: Post, tmp_path: Path) -> None:
    with pytest.raises(MailError, match=r"BROADSHEET_MAIL__BOUNCE_FOLDER: .*nowhere is no Maildir"):
        read_folder(post.database, tmp_path / "nowhere", now=NOW)
