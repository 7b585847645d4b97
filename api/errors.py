"""Failures become HTTP here and nowhere else, in one JSON shape (docs/api.md)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from streams.model.errors import (
    FixError,
    LogClosedError,
    LogFullError,
    LogUnavailableError,
    MetricStoreError,
    RuleError,
    SharedIdError,
    SourceConflictError,
    SourceError,
    UnknownThingError,
)

_UNREADABLE = "There was an error parsing the body"
"""So FastAPI calls a body that its JSON parser gives up on."""
_MAX_PROBLEM_CHARS = 200


class ApiError(Exception):
    """A refusal: HTTP status, a code for programs, a message for people, the faulty field when there is one."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.field = field


def invalid_field(field: str, problem: str) -> ApiError:
    return ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_field", f"{field}: {problem}", field)


def not_found(what: str, name: str) -> ApiError:
    return ApiError(HTTPStatus.NOT_FOUND, "not_found", f"There is no {what} {name[:200]!r} in this workspace.")


def unauthorized() -> ApiError:
    return ApiError(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        "Sign in with a link (`campaigniq sign-in` prints one) or send Authorization: Bearer <api token>.",
    )


def error_response(error: ApiError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    body: dict[str, Any] = {"code": error.code, "message": _text(str(error))}
    if error.field:
        body["field"] = _text(error.field)
    return JSONResponse({"error": body}, error.status, {"Cache-Control": "no-store", **(headers or {})})


def _text(told: str) -> str:
    """Return what may quote what somebody sent, half a surrogate pair included, as text."""
    return told.encode(errors="backslashreplace").decode()


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(ApiError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(RuleError, _invalid_rule)
    app.add_exception_handler(FixError, _invalid_fix)
    app.add_exception_handler(SharedIdError, _shared)
    app.add_exception_handler(SourceError, _invalid_source)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
    for unavailable in (LogFullError, LogUnavailableError, LogClosedError, MetricStoreError):
        app.add_exception_handler(unavailable, _unavailable)


def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else None
    return error_response(error, headers)


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if isinstance(first.get("input"), bytes):  # what came was not read as JSON
        return error_response(invalid_field("body", "is not declared as JSON. Send `Content-Type: application/json`."))
    if first["type"] == "json_invalid":
        problem = str(first.get("ctx", {}).get("error", first["msg"]))[:_MAX_PROBLEM_CHARS]
        return error_response(_no_json(f"{problem} at character {first['loc'][-1]}"))
    names = [str(part) for part in first["loc"] if part not in ("query", "path", "body", "header")]
    return error_response(invalid_field(".".join(names) or "body", f"{first['msg']}."))


def _no_json(problem: str) -> ApiError:
    return invalid_field("body", f"is not JSON ({problem}). Send one JSON object in UTF-8.")


def _invalid_rule(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RuleError)
    return error_response(ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_rule", str(error), error.field))


def _invalid_fix(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FixError)
    return error_response(ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_field", str(error), error.field))


def _invalid_source(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SourceError)
    status, code = HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_field"
    if isinstance(error, SourceConflictError):
        status, code = HTTPStatus.CONFLICT, "conflict"
    elif isinstance(error, UnknownThingError):
        status, code = HTTPStatus.NOT_FOUND, "not_found"
    return error_response(ApiError(status, code, f"{error}.", error.field))


def _shared(_request: Request, error: Exception) -> JSONResponse:
    remedy = "GET /api/leads?search= lists them; ask for one by another of its ids, e.g. user:7."
    return error_response(ApiError(HTTPStatus.CONFLICT, "shared_id", f"{error}. {remedy}"))


def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    if status == HTTPStatus.BAD_REQUEST and error.detail == _UNREADABLE:
        return error_response(_no_json("it is no UTF-8, nested too deep, or has a number that is too long"))
    refusal = ApiError(status, status.name.lower(), f"{error.detail}. The addresses are listed at /docs.")
    return error_response(refusal, error.headers)


def _unavailable(_request: Request, error: Exception) -> JSONResponse:
    retry_after = error.retry_after_s if isinstance(error, LogFullError) else 1.0
    refusal = ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", f"{error}. Try again in a moment.")
    return error_response(refusal, {"Retry-After": str(max(1, round(retry_after)))})


def _unexpected(_request: Request, _error: Exception) -> JSONResponse:
    """Say nothing about the inside; the server's log has the trace, as Starlette raises the error again."""
    message = "The server failed on this request; its log says why."
    return error_response(ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", message))
