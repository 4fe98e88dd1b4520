"""Envelopes: what may stand in a header, what is folded how, and which way out the settings name."""

import email
import re
import unicodedata
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest
from factories import NOW
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recommender.errors import MailError
from recommender.settings import MailSettings
from web.mail import ConsoleMailer, Letter, MemoryMailer, SmtpMailer, is_address, make_message, make_note, one_line, open_mailer

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
    read = sent(campaign="2026-05-20", kind="own", language="de")
    assert dict(read.items()) | {"Content-Type": ""} == {
        "Subject": "Graphs",
        "From": "Broadsheet <paper@example.org>",
        "To": "Ada <ada@example.org>",
        "Date": "Wed, 20 May 2026 08:00:00 +0000",
        "Message-ID": "<digest-2026-05-20-1@example.org>",
        "List-Id": "<digest.example.org>",
        "List-Unsubscribe": "<https://papers.example.org/m/leave/token>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": "2026-05-20:own:digest:bfabc3743295",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
        "Content-Language": "de",
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
    "address",
    ["", "ada", "ada@", "ada@example.org, bob@example.org", "<ada@example.org>", "a da@example.org", "a" * 250 + "@b.org"],
)
def test_a_malformed_address_is_refused(address: str) -> None:
    with pytest.raises(MailError, match="not an e-mail address"):
        message(to_address=address)


def test_a_malformed_sender_is_refused() -> None:
    with pytest.raises(MailError, match="not an e-mail address"):
        message(sender="nobody")


STRICT = policy.SMTP.clone(raise_on_defect=True)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=120)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=300) | st.text(
    'ab =?.,<>@"()_\\', max_size=200
)


@settings(deadline=None)
@given(TEXT | WORDS, TEXT | WORDS)
@example("=?utf-8?q?a=0D=0ABcc=3Aall@example.org?= b", "=?utf-8?q?a=0D=0ABcc=3Aall@example.org?=")
@example("x" * 300, "y" * 300)
@example("a word and " * 20, '"Ada" <bob@example.org>, ' * 6)
def test_any_subject_and_name_arrive_as_they_are(subject: str, name: str) -> None:
    raw = message(subject=subject, to_name=name).as_bytes()
    head = raw.split(b"\r\n\r\n")[0]
    assert all(len(line) <= 78 for line in head.split(b"\r\n") if not line.startswith(b"List-"))
    old = email.message_from_bytes(raw, policy=policy.compat32)
    assert str(make_header(decode_header(old["Subject"].replace("\r\n", "")))) == one_line(subject)
    read = email.message_from_bytes(raw, policy=policy.default)
    assert [address.addr_spec for address in read["To"].addresses] == ["ada@example.org"]
    assert set(read) == set(sent())


LOCAL = st.text("ab.+-_'=?()[]\\!#é ", min_size=1, max_size=80)
DOMAIN = st.text("ab.-0[]:()ü_", min_size=1, max_size=260)


@settings(deadline=None)
@given(st.builds("{}@{}".format, LOCAL, DOMAIN))
@example("ad..a@example.org")
@example("a" * 64 + "@" + "b" * 189)
@example("a" * 64 + "@" + "b" * 190)
@example("a(ada)@example.org")
@example("ada@[")
@example("ada@[127.0.0.1]")
@example("zoë@example.org")
@example("zoe@exämple.org")
def test_an_address_that_a_form_takes_can_be_written_to_and_no_other(address: str) -> None:
    if not is_address(address):
        assert not re.fullmatch(r"[ab]{1,64}@[ab]{1,189}", address)
        return
    read = email.message_from_bytes(message(to_address=address, to_name="").as_bytes(), policy=STRICT)
    assert [found.addr_spec for found in read["To"].addresses] == [address]
    assert read["To"].defects == ()


@settings(deadline=None)
@given(TEXT | WORDS, TEXT | WORDS, TEXT, TEXT)
@example("Пример", "例え", "x" * 3000 + "\n" + "é" * 3000, "<p>" + "日本" * 2000)
def test_no_message_has_a_defect_or_a_line_that_is_too_long(subject: str, name: str, text: str, html: str) -> None:
    raw = message(subject=subject, to_name=name, text=text, html=html, language="en").as_bytes()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", raw) is None
    assert raw.isascii()
    read = email.message_from_bytes(raw, policy=STRICT)
    assert [str(value) is not None for value in read.values()]
    assert read["To"].addresses[0].addr_spec == "ada@example.org"
    assert read["Subject"].defects == () == read["To"].defects


@settings(deadline=None)
@given(st.lists(TEXT | st.sampled_from([".", "..", "From x", "--=_", " ", "=3D", "é" * 90, "x" * 1200, "日本語" * 40, "tab\t"])))
def test_any_text_arrives_as_it_is(lines: list[str]) -> None:
    text = "\n".join(lines)
    wanted = _kept(text).removesuffix("\n") + "\n"
    read = sent(text=text, html=text)
    for part, kind in zip(read.iter_parts(), ("text/plain", "text/html"), strict=True):
        assert part.get_content_type() == kind
        content = part.get_payload(decode=True)
        assert content.decode().replace("\r\n", "\n") == wanted
        assert b"\n" not in content.replace(b"\r\n", b"")
        assert not part.defects


def _kept(text: str) -> str:
    return "".join(letter for letter in text if letter in "\t\n" or (unicodedata.category(letter) not in ("Cc", "Zl", "Zp")))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain words\n" * 9, "7bit"),
        ("x" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        ("Änderung im Text mit vielen Worten", "quoted-printable"),
        ("新しい論文があります", "base64"),
    ],
)
def test_each_text_is_written_down_the_shorter_way(text: str, encoding: str) -> None:
    plain, page = sent(text=text).iter_parts()
    assert plain["Content-Transfer-Encoding"] == encoding
    assert page["Content-Transfer-Encoding"] == "7bit"


def test_a_message_is_the_same_bytes_every_time() -> None:
    assert message().as_bytes() == message().as_bytes()
    assert message().as_bytes() != message(text="other").as_bytes()


def test_no_text_can_end_its_part() -> None:
    boundary = message(text="one").get_boundary()
    read = sent(text=f"one\n--{boundary}--\nmore\n--{boundary}\n\nforged")
    assert len(list(read.iter_parts())) == 2


@pytest.mark.parametrize(("subject", "line"), [("Graphs", b"Subject: Graphs"), ("a =?b", b"Subject: =?utf-8?b?YSA9P2I=?=")])
def test_what_needs_no_encoding_is_left_as_it_is(subject: str, line: bytes) -> None:
    assert line in message(subject=subject).as_bytes().split(b"\r\n")


def test_a_long_plain_subject_is_folded_at_spaces() -> None:
    subject = "A subject of plain words that is rather long " * 3
    raw = message(subject=subject).as_bytes()
    assert b"=?" not in raw
    assert email.message_from_bytes(raw, policy=policy.default)["Subject"] == subject.strip()


def test_complaints_are_counted_by_sending_and_sender_and_by_no_reader() -> None:
    ada, bob = (
        message(to_address=f"{name}@example.org", message_id=f"d-{name}@example.org", campaign="2026-05-20", kind="trending")
        for name in ("ada", "bob")
    )
    assert ada["Feedback-ID"] == bob["Feedback-ID"]
    *first, sender = ada["Feedback-ID"].split(":")
    assert first == ["2026-05-20", "trending", "digest"]
    assert 5 <= len(sender) <= 15
    assert message("Other <b@example.org>")["Feedback-ID"].endswith(sender)
    assert not message("Other <b@example.net>")["Feedback-ID"].endswith(sender)


@pytest.mark.parametrize("name", ["campaign", "kind", "language"])
@pytest.mark.parametrize("value", ["a:b", "a b", "a\r\nBcc: x", "ü", "x" * 65])
def test_what_stands_beside_the_reader_is_short_and_plain(name: str, value: str) -> None:
    with pytest.raises(MailError, match=name):
        message(**{name: value})


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
    with pytest.raises(MailError, match="Message-ID"):
        note(message_id="a\r\nBcc: x")


def test_nothing_a_reader_is_called_adds_a_header_to_a_note() -> None:
    made = note(to_name="Ada\r\nBcc: all@example.org", subject="Hi\nX-Evil: 1", text="a\x1b[2Jb")
    assert set(made) == {
        *("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    }
    assert made.get_content() == "a[2Jb\n"
    with pytest.raises(MailError, match="not an e-mail address"):
        note(to_address="ada@example.org\r\nBcc: all@example.org")
