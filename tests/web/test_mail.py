"""Envelopes: what may stand in a header, what is folded how, and which way out the settings name."""

import email
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest
from factories import NOW
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import MailError
from recommender.settings import MailSettings
from web.mail import ConsoleMailer, Letter, MemoryMailer, SmtpMailer, make_message, make_note, one_line, open_mailer

FACTS = {
    "to_name": "Ada",
    "to_address": "ada@example.org",
    "subject": "Graphs",
    "text": "text",
    "html": "<p>text</p>",
    "message_id": "digest-2026-05-20-1@example.org",
    "list_id": "digest.example.org",
    "leave_url": "https://papers.example.org/m/leave/token",
}


def message(sender: str = "Broadsheet <paper@example.org>", **changes: str) -> EmailMessage:
    return make_message(Letter(**(FACTS | changes)), sender=sender, now=NOW)


def sent(**changes: str) -> EmailMessage:
    """What the other side reads."""
    return email.message_from_bytes(message(**changes).as_bytes(), policy=policy.default)


def test_headers() -> None:
    read = sent()
    assert dict(read.items()) | {"Content-Type": ""} == {
        "Subject": "Graphs",
        "From": "Broadsheet <paper@example.org>",
        "To": "Ada <ada@example.org>",
        "Date": "Wed, 20 May 2026 08:00:00 +0000",
        "Message-ID": "<digest-2026-05-20-1@example.org>",
        "List-Id": "<digest.example.org>",
        "List-Unsubscribe": "<https://papers.example.org/m/leave/token>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "MIME-Version": "1.0",
        "Content-Type": "",
    }
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize("name", ["to_name", "subject"])
@pytest.mark.parametrize("line", ["\r\nBcc: all@example.org", "\nBcc: all@example.org", "\rBcc: all", "\u2028Bcc: all", "\x00x"])
def test_a_line_break_in_decoration_makes_no_header(name: str, line: str) -> None:
    read = sent(**{name: f"Ada{line}"})
    assert read["Bcc"] is None
    assert len(read.keys()) == len(sent().keys())
    assert all(letter.isprintable() for value in read.values() for letter in value)
    assert read["To"].addresses[0].addr_spec == "ada@example.org"


@pytest.mark.parametrize("name", ["to_address", "message_id", "list_id", "leave_url"])
@pytest.mark.parametrize("line", ["\r\nBcc: all@example.org", "\nx", " x", "\x00", "ü"])
def test_a_line_break_in_an_address_is_refused(name: str, line: str) -> None:
    with pytest.raises(MailError):
        message(**{name: FACTS[name] + line})


@pytest.mark.parametrize(
    "address", ["", "ada", "ada@", "ada@example.org, bob@example.org", "<ada@example.org>", "a da@example.org"]
)
def test_a_malformed_address_is_refused(address: str) -> None:
    with pytest.raises(MailError, match="not an e-mail address"):
        message(to_address=address)


def test_a_malformed_sender_is_refused() -> None:
    with pytest.raises(MailError, match="not an e-mail address"):
        message(sender="nobody")


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=120)


@given(TEXT, TEXT)
def test_any_subject_and_name_arrive_as_they_are(subject: str, name: str) -> None:
    raw = message(subject=subject, to_name=name).as_bytes()
    head = raw.split(b"\r\n\r\n")[0]
    assert all(len(line) <= 78 for line in head.split(b"\r\n") if not line.startswith(b"List-"))
    old = email.message_from_bytes(raw, policy=policy.compat32)
    assert str(make_header(decode_header(old["Subject"]))) == one_line(subject)
    read = email.message_from_bytes(raw, policy=policy.default)
    assert [address.addr_spec for address in read["To"].addresses] == ["ada@example.org"]


def test_control_characters_do_not_reach_a_terminal() -> None:
    body = sent(text="a\x1b[2Jb\x9bc\nd").get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == "a[2Jbc\nd\n"


def test_the_settings_name_the_way_out() -> None:
    kinds = {"console": ConsoleMailer, "memory": MemoryMailer, "smtp": SmtpMailer}
    for name, kind in kinds.items():
        assert isinstance(open_mailer(MailSettings.model_validate({"mailer": name})), kind)


def note(**changes: str) -> EmailMessage:
    facts = {name: FACTS[name] for name in ("to_name", "to_address", "subject", "text", "message_id")}
    return make_note(**(facts | changes), sender="Broadsheet <paper@example.org>", now=NOW)


def test_a_note_is_short_plain_and_nobodys_list() -> None:
    made = note(text="Hello\n\nhttps://papers.example.org/x\n")
    assert made.get_content_type() == "text/plain"
    assert made["To"] == "Ada <ada@example.org>"
    assert made["Auto-Submitted"] == "auto-generated"
    assert not [name for name in made if name.startswith("List-") or name == "Precedence"]
    assert made["Message-ID"] == "<digest-2026-05-20-1@example.org>"


def test_nothing_a_reader_is_called_adds_a_header_to_a_note() -> None:
    made = note(to_name="Ada\r\nBcc: all@example.org", subject="Hi\nX-Evil: 1", text="a\x1b[2Jb")
    assert set(made) == {
        *("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    }
    assert made.get_content() == "a[2Jb\n"
    with pytest.raises(MailError, match="not an e-mail address"):
        note(to_address="ada@example.org\r\nBcc: all@example.org")
