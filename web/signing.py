"""A message in, the same message with a DKIM signature of its domain out: whoever receives it can tell that nobody changed it.

The signature covers both headers of unsubscribing with one click (RFC 8058). Signing asks nobody anything; the public half of the key
is to be found under `{selector}._domainkey.{domain}` by those who check.
"""

from __future__ import annotations

import base64
import re
from email.utils import parseaddr
from functools import lru_cache
from pathlib import Path

from recommender.errors import SettingsError
from recommender.settings import MailSettings

__all__ = ["aligned", "domain_of", "key", "sign"]

# Those of the sender, named once more than they occur: a second From or Subject would break the signature instead of being believed.
SEALED = (b"from", b"to", b"subject", b"date", b"message-id")
# These as often as they occur.
SIGNED = (
    *(b"mime-version", b"content-type", b"content-transfer-encoding", b"content-language", b"auto-submitted", b"precedence"),
    *(b"list-id", b"list-unsubscribe", b"list-unsubscribe-post", b"feedback-id"),
)
LEAST_BITS = 1024
_NAME = re.compile(rb"^([!-9;-~]+):", re.MULTILINE)
_PEM = re.compile(rb"-----BEGIN ((?:RSA )?PRIVATE KEY)-----\s+([A-Za-z0-9+/=\s]+?)\s+-----END \1-----")
_ED25519 = bytes.fromhex("302e020100300506032b657004220420")  # how such a key begins in PKCS#8; its 32 bytes follow (RFC 8410)


def sign(message: bytes, settings: MailSettings) -> bytes:
    """Return the message with a signature above it; as it came when the settings name no domain to sign for.

    Parameters
    ----------
    message : bytes
        Lines end with CRLF.
    settings : MailSettings

    Returns
    -------
    bytes

    Raises
    ------
    SettingsError
        If the key cannot be read or used; the message names the variable.
    """
    if not settings.dkim_domain:
        return message
    import dkim  # late: it brings a DNS library along, which is not used here

    algorithm, secret = key(settings)
    there = [name.lower() for name in _NAME.findall(message.partition(b"\r\n\r\n")[0])]
    covered = [name for name in there if name in SIGNED or name in SEALED]
    try:
        header = dkim.sign(
            message,
            settings.dkim_selector.encode("ascii"),
            settings.dkim_domain.encode("ascii"),
            secret,
            canonicalize=(b"relaxed", b"relaxed"),
            signature_algorithm=algorithm,
            include_headers=[*covered, *SEALED],
        )
    except (dkim.DKIMException, ValueError, ImportError) as error:
        raise SettingsError(f"mail cannot be signed: {error}; see BROADSHEET_MAIL__DKIM_*") from None
    return bytes(header) + message


def key(settings: MailSettings) -> tuple[bytes, bytes]:
    """Read the private key.

    Returns
    -------
    algorithm : bytes
        Its name in the signature.
    secret : bytes
        The key as dkimpy takes it.

    Raises
    ------
    SettingsError
        If there is none, or it is not one that can be used.
    """
    path = Path(settings.dkim_key_file).expanduser()
    hint = "see BROADSHEET_MAIL__DKIM_KEY_FILE"
    if not settings.dkim_key_file:
        raise SettingsError(f"mail is to be signed for {settings.dkim_domain}, but no key is named: {hint}")
    try:
        text = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"the key that mail is signed with, {path}, cannot be read: {error.strerror}; {hint}") from None
    try:
        return _parsed(text)
    except ValueError as error:
        raise SettingsError(f"{path} is no key that mail can be signed with: {error}; {hint}") from None


def aligned(settings: MailSettings) -> bool:
    """Tell whether the signature speaks for the sender's domain, as DMARC wants it: for the same one, or one above or below it."""
    ours, signed = domain_of(settings.sender), settings.dkim_domain.lower()
    return ours == signed or ours.endswith(f".{signed}") or signed.endswith(f".{ours}")


def domain_of(address: str) -> str:
    """Return the domain of an address, with or without a name before it, in lower case.

    Examples
    --------
    >>> domain_of("Broadsheet <papers@Example.org>"), domain_of("Ada@Example.org")
    ('example.org', 'example.org')
    """
    return parseaddr(address)[1].rpartition("@")[2].lower()


@lru_cache(maxsize=4)
def _parsed(text: bytes) -> tuple[bytes, bytes]:
    """Return a key's algorithm and the key as dkimpy takes it, which is particular about line ends."""
    from dkim import crypto

    found = _PEM.search(text)
    if found is None:
        raise ValueError("it should be a private key in PEM form without a password")
    kind, inner = found[1], b"".join(found[2].split())
    try:
        der = base64.b64decode(inner, validate=True)
        if der.startswith(_ED25519) and len(der) == len(_ED25519) + 32:
            import nacl.signing  # noqa: F401  # dkimpy's own way of telling that it is missing comes only with the first message

            return b"ed25519-sha256", base64.b64encode(der[-32:])
        bits = crypto.parse_private_key(der)["modulus"].bit_length()
    except ImportError:
        raise ValueError("keys of this kind (Ed25519) need the package pynacl: install it, or use RSA") from None
    except (crypto.UnparsableKeyError, ValueError, IndexError, KeyError, TypeError):
        raise ValueError("it is damaged, or neither RSA nor Ed25519") from None
    if bits < LEAST_BITS:
        raise ValueError(f"it has {bits} bits, and fewer than {LEAST_BITS} are believed by nobody")
    return b"rsa-sha256", b"-----BEGIN %s-----\n%s\n-----END %s-----\n" % (kind, inner, kind)
