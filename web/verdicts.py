"""What the mail server said in, what it means for the message out: later, never, or never again to this address."""

from __future__ import annotations

import re
import smtplib
import ssl

from recommender.errors import MailDeferred, MailError, MailRefused

__all__ = ["GONE", "clean", "verdict", "why"]

GONE = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})  # nobody can be written to there (RFC 3463, RFC 7505)
GONE_PLAIN = frozenset({550, 551, 553})  # the same from a server without such codes
SIGN_IN_FIRST, TOO_LARGE = 530, 552
SENDER_UNWANTED = frozenset({"5.1.7", "5.1.8"})  # the sender's address is malformed, or of no domain that can be answered
# The server takes nothing from us, for anybody: that is no word about the address, which may have such a name in it. Many servers
# judge sender and client only when a recipient is named.
_NOT_OURS = re.compile(
    r"(?<![\w@.<-])(?:relay(?:ing)?(?! recipient table)|authentication (?:is )?(?:required|needed)"
    r"|sender (?:address )?(?:is )?(?:rejected|denied|refused)|sender verif(?:y|ication)|envelope sender"
    r"|client host|helo command|blocked using)\b(?![.@-]\w)",
    re.IGNORECASE,
)
# What a server does not want to hear, or not from us: who is written to may be there all the same.
_POLICY = re.compile(
    r"\b(?:block|block ?listed|blocked|black ?listed|spam|policy|reputation|denied|prohibited|sender)\b", re.IGNORECASE
)
_ENHANCED = re.compile(r"[#(\[]?([245]\.\d{1,3}\.\d{1,3})(?![\w.])")


def verdict(where: str, step: str, code: int, said: bytes) -> MailError:
    """Return what an answer means for the message."""
    words = clean(said)
    told = f"{where} answered {code} {words} to {step}"
    found = _ENHANCED.match(words)
    enhanced = found[1] if found else None
    if code in (421, SIGN_IN_FIRST) or not 400 <= code < 600:
        return MailDeferred(told, code=code, whole_server=True)
    if step == "MAIL FROM" and not (code == TOO_LARGE or enhanced == "5.3.4"):
        return MailDeferred(told, code=code, whole_server=True)  # no recipient was named yet: it is the sender who is not wanted
    if code < 500:
        return MailDeferred(told, code=code)
    named = step in ("RCPT TO", "the message")
    policy = enhanced.startswith("5.7.") if enhanced else _POLICY.search(words) is not None
    gone = named and enhanced in GONE if enhanced else step == "RCPT TO" and code in GONE_PLAIN and not policy
    if step == "RCPT TO" and enhanced not in GONE and (enhanced in SENDER_UNWANTED or _NOT_OURS.search(words)):
        return MailDeferred(f"{told}; see BROADSHEET_MAIL__SENDER, _SMTP_USER and _SMTP_SECURITY", code=code, whole_server=True)
    return MailRefused(told, code=code, address_gone=gone, policy=policy)


def why(where: str, error: OSError | ValueError) -> str:
    """Say why there is no conversation, and which setting to look at; never with what the server said to a password."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        what = "refused" if error.smtp_code >= 500 else "could not check"
        told = f"{where} {what} the user name or password ({error.smtp_code})"
        return f"{told}: see BROADSHEET_MAIL__SMTP_USER and BROADSHEET_MAIL__SMTP_PASSWORD"
    if isinstance(error, UnicodeError):
        return "a user name or password that is not plain ASCII cannot be used: see BROADSHEET_MAIL__SMTP_*"
    if isinstance(error, ssl.SSLError):
        what = f"{where} could not be reached safely: {clean(error)}"
        return (
            f"{what}; see BROADSHEET_MAIL__SMTP_SECURITY, and whether BROADSHEET_MAIL__SMTP_HOST is the name in its certificate"
        )
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"{where} could not be reached as asked: {clean(error)}; see BROADSHEET_MAIL__SMTP_SECURITY and _USER"
    if isinstance(error, smtplib.SMTPResponseException):
        words = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
        return f"{where} answered {error.smtp_code} {clean(words)} before any message"
    return f"{where} could not be reached: {clean(error)}; see BROADSHEET_MAIL__SMTP_*"


def clean(said: bytes | Exception) -> str:
    """Return what somebody else said on one line that can be shown."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300] or "nothing"
