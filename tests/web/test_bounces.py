"""Reports read: those that mail servers write, in their own words; and whatever else may arrive, in bounded time and without an error."""

from __future__ import annotations

import base64
import sys

import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st
from returned_mail import OURS, bounce, report

from web.bounces import COMPLAINTS, HARD, LARGEST, NOTED, NOTHING, SOFT, Bounce, Complaint, Failure, read

REPORTS = ("postfix", "postfix_delayed", "exim", "exim_old", "exchange", "gmail", "abuse")


def only(raw: bytes) -> Failure:
    found = read(raw)
    assert isinstance(found, Bounce)
    (failure,) = found.failures
    return failure


@pytest.mark.parametrize(
    ("server", "status", "code", "said"),
    [
        ("postfix", "5.1.1", 550, "User unknown in virtual mailbox table"),
        ("exim", "5.1.1", 550, "No such mailbox"),  # it states 5.0.0, and quotes 5.1.1
        ("exim_old", "5.1.1", 550, "User unknown"),  # before it wrote reports
        ("exchange", "5.1.10", 550, "RecipientNotFound"),
        ("gmail", "5.1.1", 550, "does not exist"),
    ],
)
@pytest.mark.parametrize("lines", ["\n", "\r\n"])
def test_what_mail_servers_write_of_an_address_that_is_gone(server: str, status: str, code: int, said: str, lines: str) -> None:
    raw = report(server, to="Ada@Example.org").replace(b"\n", lines.encode())
    found, failure = read(raw), only(raw)
    assert isinstance(found, Bounce)
    assert found.message_id == OURS
    assert (failure.final, failure.action, failure.status, failure.code) == ("ada@example.org", "failed", status, code)
    assert said in failure.said
    assert failure.weight == HARD


def test_a_delay_is_no_failure() -> None:
    failure = only(report("postfix_delayed"))
    assert (failure.action, failure.status, failure.weight) == ("delayed", "4.4.1", NOTED)
    assert "Connection timed out" in failure.said


def test_a_complaint_names_what_it_is_about() -> None:
    assert read(report("abuse", to="Ada@Example.org")) == Complaint(OURS, "abuse", "ada@example.org")


def test_who_is_away_has_not_bounced() -> None:
    assert read(report("vacation")) is None


@pytest.mark.parametrize(
    ("kind", "counts"),
    [(kind, True) for kind in sorted(COMPLAINTS)]
    + [(kind, False) for kind in ("not-spam", "virus", "auth-failure", "dmarc", "")],
)
def test_only_a_persons_complaint_is_one(kind: str, counts: bool) -> None:
    raw = report("abuse").replace(b"Feedback-Type: abuse", f"Feedback-Type: {kind.upper()}".encode())
    assert (read(raw) is not None) == counts


@pytest.mark.parametrize(
    ("action", "status", "weight"),
    [
        *(("failed", status, HARD) for status in ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")),
        *(
            ("failed", status, SOFT)
            for status in ("5.2.2", "5.7.1", "5.4.4", "5.1.8", "5.1.11", "5.0.0", "4.4.7", "", "nonsense")
        ),
        *(("delayed", status, NOTED) for status in ("4.4.1", "5.1.1", "")),
        *((action, "2.0.0", NOTHING) for action in ("delivered", "relayed", "expanded", "", "failing")),
    ],
)
def test_what_counts_for_how_much(action: str, status: str, weight: int) -> None:
    raw = bounce("Final-Recipient: rfc822; ada@example.org", f"Action: {action}", f"Status: {status}")
    assert only(raw).weight == weight


def test_a_status_that_says_something_is_not_taken_from_elsewhere() -> None:
    lines = ("Final-Recipient: rfc822; ada@example.org", "Action: failed")
    assert only(bounce(*lines, "Status: 5.2.2", "Diagnostic-Code: smtp; 550 5.1.1 no")).status == "5.2.2"
    assert only(bounce(*lines, "Diagnostic-Code: smtp; 550 5.1.1 no")).status == "5.1.1"
    assert only(bounce(*lines, "Status: 5.0.0", "Diagnostic-Code: smtp; 550 host [5.1.1.9] says no")).status == "5.0.0"
    assert only(bounce(*lines, "Status: 5.1.1 (bad destination mailbox address)")).status == "5.1.1"


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("rfc822; ada@example.org", "ada@example.org"),
        ("rfc822;<Ada@EXAMPLE.org>", "ada@example.org"),
        ("utf-8; ada@Bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@example.org", "ada@example.org"),
        ("rfc822;", ""),
        ("x400; /S=ada/", ""),
        ("rfc822; ada@" + "a" * 70 + ".example", "ada@" + "a" * 70 + ".example"),  # no domain can be called so
    ],
)
def test_addresses_are_read_as_they_are_compared(written: str, read_as: str) -> None:
    assert only(bounce(f"Final-Recipient: {written}", "Action: failed")).final == read_as


def test_several_recipients_are_told_apart() -> None:
    one = "Final-Recipient: rfc822; ada@example.org\nAction: failed\nStatus: 5.1.1"
    two = "Final-Recipient: rfc822; bob@example.org\nOriginal-Recipient: rfc822; list@example.org\nAction: delayed\nStatus: 4.0.0"
    found = read(bounce(one, "", two))
    assert isinstance(found, Bounce)
    assert [(one.final, one.original, one.action) for one in found.failures] == [
        ("ada@example.org", "", "failed"),
        ("bob@example.org", "list@example.org", "delayed"),
    ]


def test_encoded_parts_and_wrapped_reports_are_read_too() -> None:
    told = base64.encodebytes(b"Final-Recipient: rfc822; ada@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n").decode()
    encoded = f"message/delivery-status\nContent-Transfer-Encoding: base64\n\n{told}"
    raw = bounce().replace(b"message/delivery-status\n\nReporting-MTA: dns; mx\n\n", encoded.encode())
    assert only(raw).status == "5.1.1"
    wrapped = b'Content-Type: multipart/mixed; boundary="o u t"\n\n--o u t\n' + report("postfix") + b"\n--o u t--\n"
    assert only(wrapped).status == "5.1.1"


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_that_quotes_no_message_is_none(name: str) -> None:
    assert read(report(name, about="")) is None
    assert read(report(name, about="not an id")) is None


NESTED = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (depth, depth) for depth in range(5000))
HOSTILE = {
    "nothing": b"",
    "one blank line": b"\n",
    "blank lines": b"\n" * LARGEST,
    "ten megabytes": b"x" * 10_000_000,
    "nested parts": NESTED,
    "nested parts with lines": NESTED[:20_000] + b"\n" * LARGEST,
    "nested messages": b"Content-Type: message/rfc822\n\n" * 50_000,
    "one line of parameters": b"Content-Type: multipart/report" + b"; a=b" * 200_000 + b"\n\n",
    "quotes": b'Content-Type: multipart/report; boundary="' + b'"' * LARGEST,
    "many parts": b"Content-Type: multipart/report; boundary=b\n\n"
    + b"--b\nContent-Type: message/delivery-status\n\nA: b\n" * 20_000,
    "many recipients": bounce("\n\n".join(["Final-Recipient: rfc822; ada@example.org\nAction: failed"] * 20_000)),
    "long headers": b"".join(b"h%d: %s\n" % (number, b"v" * 100) for number in range(9000)),
    "short headers": b"Content-Type: multipart/report; boundary=b\n\n" + (b"--b\n" + b"a:\n" * 20_000) * 17,
    "folded": b"Content-Type: multipart/report;" + b"\n " * 400_000,
    "no charset": report("exchange").replace(b"us-ascii", b"\x00\xff\xfe"),
    "nul": report("postfix").replace(b"User", b"\x00\x00"),
    "nul in the id": report("postfix").replace(b"IMNcYf3", b"IMN\x00f3"),
    "latin": "Content-Type: multipart/report; boundary=é\n\n--é\nContent-Type: message/delivery-status\n".encode("latin-1"),
    "base64 that is none": b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n%%%=",
    "an empty boundary": b'Content-Type: multipart/report; boundary=""\n\n----\n',
    "failed of nobody": b"X-Failed-Recipients:" + b"," * LARGEST + b"\n\n",
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_whatever_arrives_is_read_without_an_error(raw: bytes) -> None:
    found = read(raw)
    assert found is None or "\x00" not in found.message_id


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_the_work_is_bounded(raw: bytes) -> None:
    """In lines of our own code rather than seconds: it does not grow with what arrives."""
    lines = 0

    def count(frame: object, event: str, _arg: object) -> object:
        nonlocal lines
        lines += event == "line"
        return count if frame.f_code.co_filename.endswith("web/bounces.py") else None  # type: ignore[attr-defined]  # a tracer is its own answer

    before = sys.gettrace()
    sys.settrace(count)  # type: ignore[arg-type]  # a tracer is its own answer
    try:
        read(raw)
    finally:
        sys.settrace(before)
    assert lines < 60_000


def test_only_the_first_megabyte_is_looked_at() -> None:
    raw = report("postfix")
    first, mark, rest = raw.partition(b"This is the mail system")
    assert read(first + b"x" * 1000 + mark + rest) is not None
    assert read(first + b"x" * LARGEST + mark + rest) is None


@tries(max_examples=200, deadline=None)
@given(st.binary(max_size=3000))
def test_any_bytes_are_read_without_an_error(raw: bytes) -> None:
    read(raw)


@tries(max_examples=200, deadline=None)
@given(st.sampled_from(REPORTS), st.data())
def test_a_damaged_report_is_read_without_an_error(name: str, data: st.DataObject) -> None:
    """Cut, doubled and overwritten somewhere: what is found is a report about something, or nothing."""
    raw = bytearray(report(name))
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(raw)))
        end = min(len(raw), start + data.draw(st.integers(0, 400)))
        raw[start:end] = data.draw(st.one_of(st.just(b""), st.binary(max_size=40), st.just(bytes(raw[start:end]) * 2)))
    found = read(bytes(raw))
    assert found is None or found.message_id.startswith("<")
