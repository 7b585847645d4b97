"""Salesforce's outbound messages as values: SOAP read without document types, entities or deep nesting.

The session id that a message may carry is a key to the organisation: it is neither read nor kept.
"""

import re
from typing import NamedTuple
from xml.parsers import expat

from ingest.errors import IngestError

MAX_NOTIFICATIONS = 100
_MAX_DEPTH = 20
_MAX_FIELDS = 500
_MAX_ELEMENTS = 60_000
_NAMESPACE_END = " "
_MESSAGE = "http://soap.sforce.com/2005/09/outbound"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_TYPE = f"http://www.w3.org/2001/XMLSchema-instance{_NAMESPACE_END}type"
_TOP = (f"{_ENVELOPE} Envelope", f"{_ENVELOPE} Body", f"{_MESSAGE} notifications")
_ORGANIZATION = (*_TOP, f"{_MESSAGE} OrganizationId")
_NOTIFICATION = (*_TOP, f"{_MESSAGE} Notification")
_ID = (*_NOTIFICATION, f"{_MESSAGE} Id")
_OBJECT = (*_NOTIFICATION, f"{_MESSAGE} sObject")
_SESSION = re.compile(
    rb"(<(?:[\w.-]+:)?SessionId\b[^>]*(?<!/)>).*?(?=</(?:[\w.-]+:)?SessionId\s*>|\Z)", re.IGNORECASE | re.DOTALL
)


class Notification(NamedTuple):
    """One record as it is now: `kind` is its object ("Contact"), `fields` those that the message sends."""

    id: str
    kind: str
    fields: dict[str, str]


class OutboundMessage(NamedTuple):
    """All that a message says."""

    organization_id: str
    notifications: list[Notification]


def read_message(raw: bytes) -> OutboundMessage:
    """Return the message in a SOAP envelope. Raises IngestError for anything else."""
    reader = _Reader()
    try:
        reader.read(raw)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise _unusable(f"the body is no XML ({type(error).__name__})") from None
    if reader.organizations != 1:
        raise _unusable("the body is no outbound message of one organisation")
    return OutboundMessage(reader.organization_id.strip(), reader.notifications)


def without_session(raw: bytes) -> bytes:
    """Return the message as it may be kept: without its session id."""
    if b"\x00" in raw:  # UTF-16: none of Salesforce's
        return b"(not kept: it is no UTF-8 and may hold a session id)"
    return _SESSION.sub(rb"\1", raw)


class _Reader:
    """What expat calls. Text is gathered only where it is wanted."""

    def __init__(self) -> None:
        self.organizations = 0
        self.organization_id = ""
        self.notifications: list[Notification] = []
        self._elements = 0
        self._path: list[str] = []
        self._text: list[str] | None = None

    def read(self, raw: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=_NAMESPACE_END)
        parser.buffer_text = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.Parse(raw, True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        self._elements += 1
        if len(self._path) > _MAX_DEPTH or self._elements > _MAX_ELEMENTS:
            raise _unusable(f"the body is nested more than {_MAX_DEPTH} deep or has more than {_MAX_ELEMENTS} elements")
        path = tuple(self._path)
        if path == _ORGANIZATION:
            self.organizations += 1
        elif path == _NOTIFICATION:
            if len(self.notifications) == MAX_NOTIFICATIONS:
                raise _unusable(f"the body has more than {MAX_NOTIFICATIONS} notifications")
            self.notifications.append(Notification("", "", {}))
        elif path == _OBJECT:
            kind = attributes.get(_TYPE, "").rpartition(":")[2]
            self.notifications[-1] = self.notifications[-1]._replace(kind=kind)
        is_wanted = path in (_ORGANIZATION, _ID) or path[:-1] == _OBJECT
        self._text = [] if is_wanted else None

    def _end(self, name: str) -> None:
        path, text = tuple(self._path), "".join(self._text or ())
        self._path.pop()
        if self._text is None:
            return
        self._text = None
        if path == _ORGANIZATION:
            self.organization_id = text
        elif path == _ID:
            self.notifications[-1] = self.notifications[-1]._replace(id=text.strip())
        elif len(self.notifications[-1].fields) < _MAX_FIELDS:
            self.notifications[-1].fields[name.rpartition(_NAMESPACE_END)[2]] = text.strip()

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)


def _refuse(*_: object) -> None:
    raise _unusable("the body has a document type or entities, which no outbound message has")


def _unusable(problem: str) -> IngestError:
    return IngestError("invalid_xml", "", problem, "Send Salesforce's own outbound message")
