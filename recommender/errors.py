"""Nothing in, the project's exceptions out: one tree, so a door can catch all of it.

BroadsheetError
├── SettingsError           a setting is missing, malformed or unknown
├── SourceError             a source of papers could not be read
│   ├── RateLimited         it asked us to come back later (`retry_after_s`)
│   └── BadFeed             it answered, but not in the form it promises
├── LibraryError            a reader's own list of papers cannot be taken
├── EmbeddingError          the text encoder is missing, damaged or disagrees with itself
├── StoreError              the database refuses, is too old or too new
├── ModelError              a ranker cannot be used
│   ├── NotTrained          there is no such version
│   ├── ModelIncompatible   its features are not this program's features
│   ├── ModelDamaged        its file is not the file that was published
│   ├── NotEnoughData       the log is too small to learn from
│   └── GateRefused         the candidate is not good enough to go live
├── ShapeError              arrays that belong together do not fit
└── MailError               a message could not be handed over
    ├── MailDeferred        the mail server says, or does not even say, that it may be tried again later
    ├── MailRefused         the mail server says that trying again is no use
    └── MailUnanswered      the whole message was handed over, and no answer came

Messages say what happened and what to do next. They are caught only at joints and doors.
"""

__all__ = [
    "BadFeed",
    "BroadsheetError",
    "EmbeddingError",
    "GateRefused",
    "LibraryError",
    "MailDeferred",
    "MailError",
    "MailRefused",
    "MailUnanswered",
    "ModelDamaged",
    "ModelError",
    "ModelIncompatible",
    "NotEnoughData",
    "NotTrained",
    "RateLimited",
    "SettingsError",
    "ShapeError",
    "SourceError",
    "StoreError",
]


class BroadsheetError(Exception):
    """Anything this project raises on purpose."""


class SettingsError(BroadsheetError):
    """A setting is missing, malformed or unknown; the message names the variable."""


class SourceError(BroadsheetError):
    """A source of papers could not be read; the others go on."""


class RateLimited(SourceError):
    """The source asked us to come back later.

    Parameters
    ----------
    message : str
    retry_after_s : float, default=None
        Seconds to wait, as the source said; None when it did not say.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BadFeed(SourceError):
    """The source answered, but not in the form it promises."""


class LibraryError(BroadsheetError):
    """A reader's own list of papers cannot be taken; the message is for them."""


class EmbeddingError(BroadsheetError):
    """The text encoder is missing, damaged or disagrees with itself."""


class StoreError(BroadsheetError):
    """The database refuses, or its schema is not the one this program knows."""


class ModelError(BroadsheetError):
    """A ranker cannot be used."""


class NotTrained(ModelError):
    """There is no model of that version."""


class ModelIncompatible(ModelError):
    """The model was trained on other features than this program computes."""


class ModelDamaged(ModelError):
    """The model file is missing or is not, byte for byte, the one that was published."""


class NotEnoughData(ModelError):
    """The log is too small, or too one-sided, to learn from."""


class GateRefused(ModelError):
    """The candidate is measurably worse than what is live; the live model stays."""


class ShapeError(BroadsheetError):
    """Arrays that belong together do not fit."""


class MailError(BroadsheetError):
    """A message could not be handed to the mail server.

    Attributes
    ----------
    code : int or None
        What the server said (RFC 5321), if it said anything.
    """

    def __init__(self, text: str, *, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code


class MailDeferred(MailError):
    """The message did not arrive, and may be tried again later.

    Attributes
    ----------
    whole_server : bool
        Whether no other message would fare better: the server cannot be reached, or wants to be left alone.
    """

    def __init__(self, text: str, *, code: int | None = None, whole_server: bool = False) -> None:
        super().__init__(text, code=code)
        self.whole_server = whole_server


class MailRefused(MailError):
    """The mail server refuses the message for good.

    Attributes
    ----------
    address_gone : bool
        Whether it says that nobody can be written to at this address, whatever the message.
    policy : bool
        Whether it says that such a message, or such a sender, is not wanted: others may be refused alike.
    """

    def __init__(self, text: str, *, code: int | None = None, address_gone: bool = False, policy: bool = False) -> None:
        super().__init__(text, code=code)
        self.address_gone = address_gone
        self.policy = policy


class MailUnanswered(MailError):
    """The whole message was handed over and no answer came: it may have arrived, so that it is not sent again."""
