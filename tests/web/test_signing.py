"""Signatures: what they cover, what breaks them, and what is said of a key that cannot be used."""

import base64
import subprocess
import sys
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import dkim
import pytest
from dkim.crypto import parse_pem_private_key
from factories import NOW
from mail_server import CERTIFICATES, MailServer

from recommender.errors import MailDeferred, SettingsError
from recommender.settings import MailSettings
from web import signing
from web.mail import Letter, SmtpMailer, make_message, make_note
from web.smtp import octets

KEY = CERTIFICATES / "dkim-rsa.pem"


def settings(**more: object) -> MailSettings:
    facts = {"mailer": "smtp", "sender": "Paper <paper@example.org>", "dkim_domain": "example.org", "dkim_key_file": str(KEY)}
    return MailSettings.model_validate(facts | more)


def message(**changes: str) -> EmailMessage:
    facts = {
        "to_name": "Ada",
        "to_address": "ada@example.org",
        "subject": "Graphs, über alles",
        "text": "Ein Änderungsvorschlag\n.\nmore  \n",
        "html": "<p>Änderung</p>",
        "message_id": "digest-1@example.org",
        "list_id": "digest.example.org",
        "leave_url": "https://papers.example.org/m/leave/token",
        "language": "de",
    }
    return make_message(Letter(**(facts | changes)), sender="Paper <paper@example.org>", now=NOW)


def _der(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content


def _integer(number: int) -> bytes:
    return _der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def published(path: Path = KEY) -> Callable[..., bytes]:
    """Answer as the name server of the domain would."""
    private = parse_pem_private_key(path.read_bytes())
    key = _der(0x30, _integer(private["modulus"]) + _integer(private["publicExponent"]))

    def txt(name: bytes, timeout: int = 5) -> bytes:
        assert name == b"broadsheet._domainkey.example.org."
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(key)

    return txt


def holds(signed: bytes) -> bool:
    return bool(dkim.verify(signed, dnsfunc=published()))


def test_a_signed_message_is_believed_and_otherwise_as_it_was() -> None:
    raw = octets(message())
    signed = signing.sign(raw, settings())
    assert holds(signed)
    assert signed.endswith(raw)
    assert signed.startswith(b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org;\r\n")
    assert b"\n" not in signed.replace(b"\r\n", b"")


def test_nothing_is_signed_where_no_domain_is_named() -> None:
    raw = octets(message())
    assert signing.sign(raw, settings(dkim_domain="", dkim_key_file="/nowhere")) == raw


def test_a_note_is_signed_too() -> None:
    note = make_note(
        to_name="Ada", to_address="a@example.org", subject="Hi", text="x", message_id="m@x", sender="p@example.org", now=NOW
    )
    assert holds(signing.sign(octets(note), settings()))


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"leave/token>", b"leave/other>"),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=One-Clock"),
        (b"List-Unsubscribe: ", b"X-List-Unsubscribe: "),
        (b"Subject: ", b"Subject: Re: "),
        (b"From: Paper", b"From: Paters"),
        (b"To: Ada", b"To: Eve"),
        (b"Date: Wed", b"Date: Thu"),
        (b"<digest-1@", b"<digest-2@"),
        (b"<digest.example.org>", b"<other.example.org>"),
        (b":digest:", b":digits:"),
        (b"MIME-Version: 1.0", b"MIME-Version: 1.1"),
        (b"multipart/alternative", b"multipart/mixed"),
        (b"Content-Language: de", b"Content-Language: en"),
        (b"Auto-Submitted: auto-generated", b"Auto-Submitted: no"),
        (b"more", b"less"),
        (b"</p>", b"</b>"),
        (b"\r\nFrom: ", b"\r\nFrom: eve@example.net\r\nFrom: "),
        (b"\r\nSubject: ", b"\r\nSubject: You have won\r\nSubject: "),
    ],
)
def test_whatever_is_changed_on_the_way_is_noticed(was: bytes, becomes: bytes) -> None:
    signed = signing.sign(octets(message()), settings())
    head, _, rest = signed.partition(b"\r\nSubject: ")
    rest = b"\r\nSubject: " + rest
    assert was in rest
    assert not holds(head + rest.replace(was, becomes, 1))


def test_spaces_and_folds_may_change_on_the_way() -> None:
    signed = signing.sign(octets(message()), settings())
    assert holds(signed.replace(b"Precedence: bulk", b"precedence:  bulk ").replace(b"more", b"more\t"))


def test_what_the_server_gets_is_signed() -> None:
    with MailServer() as server:
        mailer = SmtpMailer(settings(smtp_port=server.port))
        mailer.send(message())
        mailer.close()
        assert holds(server.stored[0].text)


def test_a_key_that_cannot_be_used_fails_nobodys_digest() -> None:
    with MailServer() as server:
        mailer = SmtpMailer(settings(smtp_port=server.port, dkim_key_file="/nowhere/key.pem"))
        with pytest.raises(MailDeferred, match="BROADSHEET_MAIL__DKIM_KEY_FILE") as caught:
            mailer.send(message())
        assert caught.value.whole_server
        assert server.connections == 0


@pytest.mark.parametrize("form", ["pkcs1", "pkcs8", "crlf"])
def test_a_key_may_come_in_either_form(tmp_path: Path, form: str) -> None:
    path = tmp_path / "key.pem"
    text = (CERTIFICATES / "server-key.pem" if form == "pkcs8" else KEY).read_bytes()
    path.write_bytes(text.replace(b"\n", b"\r\n") if form == "crlf" else b"a remark\n" + text)
    signed = signing.sign(octets(message()), settings(dkim_key_file=str(path)))
    assert dkim.verify(signed, dnsfunc=published(CERTIFICATES / "server-key.pem" if form == "pkcs8" else KEY))


def test_a_new_key_is_used_at_once(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    for source in (KEY, CERTIFICATES / "server-key.pem"):
        path.write_bytes(source.read_bytes())
        signed = signing.sign(octets(message()), settings(dkim_key_file=str(path)))
        assert dkim.verify(signed, dnsfunc=published(source))


ED25519 = (
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END PRIVATE KEY-----\n"
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "private key in PEM form"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "private key in PEM form"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "without a password"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "damaged, or neither RSA nor Ed25519"),
        ("-----BEGIN PRIVATE KEY-----\nA\n-----END PRIVATE KEY-----\n", "damaged"),
        (KEY.read_text().replace("M", "N", 5), "damaged"),
        ("".join([*KEY.read_text().splitlines(keepends=True)[:9], "-----END RSA PRIVATE KEY-----\n"]), "damaged"),
    ],
)
def test_a_file_that_is_no_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "key.pem"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said) as caught:
        signing.key(settings(dkim_key_file=str(path)))
    assert str(path) in str(caught.value)
    assert "BROADSHEET_MAIL__DKIM_KEY_FILE" in str(caught.value)


def test_a_key_that_is_too_short_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(signing, "LEAST_BITS", 4096)
    path = tmp_path / "key.pem"
    path.write_bytes(KEY.read_bytes() + b"\n")
    with pytest.raises(SettingsError, match="it has 2048 bits"):
        signing.key(settings(dkim_key_file=str(path)))


def test_a_key_of_the_other_kind_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nacl.signing", None)
    path = tmp_path / "key.pem"
    path.write_text(ED25519)
    with pytest.raises(SettingsError, match="pynacl"):
        signing.key(settings(dkim_key_file=str(path)))


def test_a_selector_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BROADSHEET_MAIL__DKIM_"):
        signing.sign(octets(message()), settings(dkim_selector="schlüssel"))


@pytest.mark.parametrize(
    ("sender", "domain", "means"),
    [
        ("Paper <p@example.org>", "example.org", True),
        ("p@mail.example.org", "Example.org", True),
        ("p@example.org", "mail.example.org", True),
        ("p@example.org", "example.net", False),
        ("p@badexample.org", "example.org", False),
    ],
)
def test_a_signature_speaks_for_its_domain_and_those_around_it(sender: str, domain: str, means: bool) -> None:
    assert signing.aligned(settings(sender=sender, dkim_domain=domain)) is means


def test_programs_that_sign_nothing_load_no_name_server_library() -> None:
    told = "import sys, web.mail; print([name for name in ('dkim', 'dns') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout == "[]\n"
