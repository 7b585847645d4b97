"""The errors of the front door, and the one place that turns any error into HTTP.

CampaignIqError
  - IngestError             400  a field or body that can't be used; names field, problem, remedy
    - UnknownKeyError       401  no source has this write key
      - SourceOffError      403  the source that has it is turned off
      - PlatformKeyError    403  the source that has it is for a platform's webhooks alone
    - OriginError           403  a page that the source does not allow
    - RateLimitedError      429  with Retry-After: more messages than the source may send
    - BadSignatureError     401  a webhook that its vendor did not sign with this source's secret
    - UnknownSourceError    404  no source of this id takes webhooks
    - TooLargeError         413  more bytes or events than the settings allow
      - DeclaredTooLargeError    the same by Content-Length, before the body comes
    - EncodingError         415  a Content-Encoding that is not read here
  - LogFullError, LogClosedError (streams)  503 with Retry-After: nothing was accepted, send it again
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from math import ceil
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ingest.parting import Parting
from streams.model.errors import CampaignIqError, LogClosedError, LogFullError

JSON = "application/json"
# Write keys of web sources are public and no cookie is read, so every page may call these routes.
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}

Endpoint = Callable[[Request], Awaitable[Response]]

_log = logging.getLogger(__name__)
_CLOSED_RETRY_S = 5


class IngestError(CampaignIqError):
    """Input that can't be used; `field` is empty when it is about the request as a whole.

    `raw` is what was read of a body that could not be read to its end.
    """

    status = 400
    raw = b""
    is_about_sender = False
    """It says nothing of the body, which is therefore no dead letter: sent again by the right sender it is welcome."""

    def __init__(self, code: str, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}. {remedy}" if field else f"{problem}. {remedy}")
        self.code = code
        self.field = field


class UnknownKeyError(IngestError):
    status = 401
    is_about_sender = True

    def __init__(self) -> None:
        super().__init__(
            "unknown_key",
            "writeKey",
            "no source has this write key",
            "Send the key of a source as Basic user name, as writeKey in the body or as ?k=",
        )


class SourceOffError(UnknownKeyError):
    status = 403

    def __init__(self) -> None:
        IngestError.__init__(
            self,
            "source_off",
            "writeKey",
            "the source with this write key is turned off",
            "Turn it on, or send with the key of another",
        )


class PlatformKeyError(UnknownKeyError):
    """Whoever has the key of a platform's source is not the platform: only its signature shows that."""

    status = 403

    def __init__(self, kind: str) -> None:
        IngestError.__init__(
            self,
            "platform_key",
            "writeKey",
            f"the source with this write key is for webhooks of {kind} alone",
            "Send with the key of a source of kind web or server",
        )


class OriginError(IngestError):
    status = 403
    is_about_sender = True

    def __init__(self, origin: str) -> None:
        super().__init__(
            "origin_not_allowed",
            "Origin",
            f"{origin[:100]!r} is not among the source's allowed origins",
            "Add it to the source, or send from an allowed page",
        )


class RateLimitedError(IngestError):
    """The source sends more than its rate allows; `retry_after_s` is when there is room again."""

    status = 429
    is_about_sender = True

    def __init__(self, source: str, rate_per_s: float, retry_after_s: float) -> None:
        super().__init__(
            "rate_limited",
            "",
            f"source {source} sends more than its {rate_per_s:g} messages a second",
            "Send this again later, or raise the source's rate",
        )
        self.retry_after_s = retry_after_s


class BadSignatureError(IngestError):
    status = 401

    def __init__(self, vendor: str, reason: str) -> None:
        super().__init__(
            "bad_signature",
            "",
            f"the request is not {vendor}'s by all that can be told: {reason}",
            "Check that the source holds the webhook secret that the vendor shows",
        )


class UnknownSourceError(IngestError):
    status = 404

    def __init__(self) -> None:
        super().__init__(
            "unknown_source",
            "",
            "no source of this id takes webhooks",
            "Use the webhook address shown with the source",
        )


class TooLargeError(IngestError):
    status = 413

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__("too_large", field, problem, remedy)


class DeclaredTooLargeError(TooLargeError):
    """It is refused by what its head says; its body is not waited for, and the connection closes."""


class EncodingError(IngestError):
    status = 415

    def __init__(self, encoding: str) -> None:
        super().__init__(
            "unsupported_encoding",
            "Content-Encoding",
            f"{encoding[:40]!r} is not read here",
            "Send the body plain or with gzip",
        )


def error_body(code: str, message: str, field: str = "", **more: Any) -> bytes:
    """Return the JSON that every failed request is answered with."""
    return orjson.dumps({"error": {"code": code, "message": message, "field": field}, **more})


def error_response(error: Exception, retry_after_s: int = _CLOSED_RETRY_S) -> Response:
    """Return the answer to a request that failed with `error`; what is not expected says nothing of its cause."""
    headers: Mapping[str, str] = CORS
    match error:
        case RateLimitedError():
            headers = CORS | {"Retry-After": str(max(1, ceil(error.retry_after_s)))}
            status, body = error.status, error_body(error.code, str(error), error.field)
        case DeclaredTooLargeError():
            return Parting(error_body(error.code, str(error), error.field), error.status, CORS, JSON)
        case EncodingError():
            headers = CORS | {"Accept-Encoding": "gzip"}
            status, body = error.status, error_body(error.code, str(error), error.field)
        case IngestError():
            status, body = error.status, error_body(error.code, str(error), error.field)
        case LogFullError() | LogClosedError():
            wait_s = ceil(error.retry_after_s) if isinstance(error, LogFullError) else retry_after_s
            headers = CORS | {"Retry-After": str(max(1, wait_s))}
            status, body = 503, error_body("unavailable", "The event log takes nothing now. Send this again later")
        case ClientDisconnect():
            status, body = 400, error_body("incomplete", "The connection closed before the body was complete")
        case _:
            _log.error("request failed", exc_info=error)
            status, body = 500, error_body("internal", "Something failed here. Send this again later")
    return Response(body, status, headers, JSON)


def answering(endpoint: Endpoint) -> Endpoint:
    """Return `endpoint` with every error turned into its answer, whichever application it is mounted in."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Exception as error:  # noqa: BLE001 - the boundary: clients get JSON, never a stack trace
            return error_response(error)

    return answer
