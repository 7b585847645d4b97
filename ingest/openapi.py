"""The front door in OpenAPI: what its calls take and answer. Kept by hand, as the routes are plain for speed's sake; a
test asks all of them and compares.
"""

from typing import Any

from ingest.errors import JSON
from ingest.pixel.routes import GIF_PATH
from ingest.segment import PREFIX

_Part = dict[str, Any]

_TAG = "sending events"
_KEYS: list[_Part] = [{"writeKey": []}, {"writeKeyInAddress": []}, {}]
"""The last stands for a `writeKey` in the body."""


def _ref(name: str) -> _Part:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: _Part, description: str, **more: Any) -> _Part:
    return {"description": description, "content": {JSON: {"schema": schema}}, **more}


def _error(description: str, *, may_retry: bool = False) -> _Part:
    later = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return _json(_ref("DoorError"), description, **({"headers": later} if may_retry else {}))


_REFUSALS = {
    "401": _error("No source has this write key."),
    "403": _error("The source is turned off, or allows no such page (origin)."),
    "429": _error("More messages than the source may send.", may_retry=True),
    "503": _error("The event log takes nothing now; nothing was taken. Send the same again.", may_retry=True),
}
_BODY_REFUSALS = _REFUSALS | {
    "400": _error("It can't be used; `error` names field, problem and remedy. It is kept as a dead letter."),
    "408": _error("The body did not arrive in time."),
    "413": _error("More bytes or messages than the settings allow."),
    "415": _error("A Content-Encoding other than gzip."),
}
_PICTURE = {
    "200": {"description": "A picture of one pixel.", "content": {"image/gif": {}}},
    "400": _BODY_REFUSALS["400"],
    **_REFUSALS,
}


def _call(kind: str, summary: str, needed: list[str], example: _Part) -> _Part:
    schema = {"allOf": [_ref("Message"), {"type": "object", "required": needed}]}
    return _post(kind, summary, schema, example, _json(_ref("Taken"), "It is on disk."))


def _post(kind: str, summary: str, schema: _Part, example: _Part, taken: _Part) -> _Part:
    return {
        "post": {
            "tags": [_TAG],
            "operationId": f"send_{kind}",
            "summary": summary,
            "description": f"{summary} The content type is not looked at; Content-Encoding may be gzip.",
            "security": _KEYS,
            "requestBody": {"required": True, "content": {JSON: {"schema": schema, "example": example}}},
            "responses": {"200": taken, **_BODY_REFUSALS},
        }
    }


_WHO = {"userId": "user-7"}
_TRACK = {**_WHO, "event": "Order Completed", "properties": {"order_id": "1001", "revenue": 49.9, "currency": "EUR"}}
_VERDICTS = _json(_ref("Verdicts"), "At least one message is on disk; `rejected` tells of the others.")
_BATCH = {"batch": [{"type": "track", **_TRACK}, {"type": "page", "anonymousId": "a1", "name": "Home"}]}

_CALLS = {
    "track": _call("track", "Somebody did something.", ["event"], _TRACK),
    "identify": _call("identify", "Who somebody is.", [], {**_WHO, "traits": {"email": "ada@example.com"}}),
    "page": _call("page", "Somebody saw a page.", [], {"anonymousId": "a1", "properties": {"path": "/mugs"}}),
    "screen": _call("screen", "Somebody saw a screen of an app.", [], {**_WHO, "name": "Basket"}),
    "group": _call("group", "Somebody belongs to a company.", ["groupId"], {**_WHO, "groupId": "acme"}),
    "alias": _call("alias", "Two ids are one person's.", ["previousId"], {**_WHO, "previousId": "a1"}),
    "batch": _post("batch", "Messages of all kinds, each judged by itself.", _ref("Batch"), _BATCH, _VERDICTS),
    "import": _post("import", "The same as history, which makes nothing be sent.", _ref("Batch"), _BATCH, _VERDICTS),
}


def _asked(name: str, description: str, *, place: str = "query", is_required: bool = False) -> _Part:
    return {
        "name": name,
        "in": place,
        "required": is_required,
        "description": description,
        "schema": {"type": "string"},
    }


_GIF = {
    "get": {
        "tags": [_TAG],
        "operationId": "send_by_picture",
        "summary": "An event where no script runs: in mails, in <noscript>.",
        "security": [{"writeKeyInAddress": []}, {"writeKey": []}],
        "parameters": [
            _asked("e", "The event; default: a page view."),
            _asked("u", "User id; this or `a` is needed, unless `n` is 1."),
            _asked("a", "Anonymous id."),
            _asked("m", "Message id: the same counts once."),
            _asked("p", "Path or address of the page."),
            _asked("t", "Its title."),
            _asked("r", "Its referrer."),
            _asked("n", "1 where it stands in a page for browsers without script."),
            _asked("utm_source", "Campaign tags; also utm_medium, utm_campaign, utm_term, utm_content."),
        ],
        "responses": {**_PICTURE, "413": _BODY_REFUSALS["413"]},
    }
}

_SOURCE = _asked("source_id", "The source's id, of a vendor's kind.", place="path", is_required=True)
_PROVED = (
    "The request must prove that it is the vendor's, by a live webhook secret of the source (docs/webhooks.md). "
    "What is taken is answered in the form that the vendor expects."
)
_WEBHOOK_ANSWERS = {
    "200": {"description": "The events are on disk, or there was nothing of use in it."},
    "400": _error("Genuine, and can't be used. It is kept as a dead letter."),
    "401": _error("Not the vendor's by any live secret; `message` says why."),
    "404": _error("No source of this id takes webhooks."),
    "408": _BODY_REFUSALS["408"],
    "413": _BODY_REFUSALS["413"],
    "415": _BODY_REFUSALS["415"],
    "429": _error("Ten times more than the source may send.", may_retry=True),
    "503": _REFUSALS["503"],
}
_WEBHOOK = {
    "post": {
        "tags": [_TAG],
        "operationId": "send_webhook",
        "summary": "What a platform sends by itself.",
        "description": f"What a platform sends by itself. {_PROVED}",
        "parameters": [_SOURCE],
        "security": [],
        "requestBody": {
            "required": True,
            "description": "As the vendor sends it.",
            "content": {JSON: {}, "application/x-www-form-urlencoded": {}, "text/xml": {}},
        },
        "responses": _WEBHOOK_ANSWERS,
    },
    "get": {
        "tags": [_TAG],
        "operationId": "greet_webhook",
        "summary": "A vendor asks whether the address is there.",
        "description": f"A vendor asks whether the address is there. {_PROVED}",
        "parameters": [_SOURCE],
        "security": [],
        "responses": _WEBHOOK_ANSWERS,
    },
}

_TEXT: _Part = {"type": "string"}
_OBJECT: _Part = {"type": "object", "additionalProperties": True}
_TIME: _Part = {"description": "ISO 8601, or Unix time.", "type": ["string", "number", "null"]}
_ID: _Part = {"type": ["string", "integer", "null"], "maxLength": 256}
_SCHEMAS: _Part = {
    "Message": {
        "type": "object",
        "description": "One message in Segment's form. One of its ids must say whose it is, or an e-mail in traits.",
        "properties": {
            "userId": _ID,
            "anonymousId": _ID,
            "messageId": {**_ID, "description": "The same counts once within 7 days."},
            "event": {**_TEXT, "description": "Of `track`: what was done."},
            "name": {**_TEXT, "description": "Of `page` and `screen`."},
            "groupId": {**_ID, "description": "Of `group`."},
            "previousId": {**_ID, "description": "Of `alias`."},
            "properties": _OBJECT,
            "traits": _OBJECT,
            "context": _OBJECT,
            "timestamp": _TIME,
            "sentAt": _TIME,
            "writeKey": {**_TEXT, "description": "Instead of the header or ?k=."},
        },
        "additionalProperties": True,
    },
    "Batch": {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": {
                "type": "array",
                "items": {
                    "allOf": [
                        _ref("Message"),
                        {
                            "type": "object",
                            "required": ["type"],
                            "properties": {
                                "type": {"enum": [kind for kind in _CALLS if kind not in {"batch", "import"}]}
                            },
                        },
                    ]
                },
            },
            "context": {**_OBJECT, "description": "Holds for all of them."},
            "sentAt": _TIME,
            "writeKey": _TEXT,
        },
    },
    "Taken": {
        "type": "object",
        "required": ["success"],
        "properties": {
            "success": {"const": True},
            "declined": {"type": "boolean", "description": "The visitor asks not to be recorded; nothing is kept."},
        },
        "additionalProperties": False,
    },
    "Rejected": {
        "type": "object",
        "required": ["index", "code", "field", "message"],
        "properties": {"index": {"type": "integer"}, "code": _TEXT, "field": _TEXT, "message": _TEXT},
        "additionalProperties": False,
    },
    "Verdicts": {
        "type": "object",
        "required": ["success", "accepted", "rejected"],
        "properties": {
            "success": {"const": True},
            "accepted": {"type": "integer"},
            "declined": {"type": "integer", "description": "Of visitors who ask not to be recorded."},
            "rejected": {"type": "array", "items": _ref("Rejected")},
        },
        "additionalProperties": False,
    },
    "DoorError": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "field"],
                "properties": {"code": _TEXT, "message": _TEXT, "field": _TEXT},
                "additionalProperties": False,
            },
            "rejected": {"type": "array", "items": _ref("Rejected"), "description": "Of a batch without a usable one."},
        },
        "additionalProperties": False,
    },
}

OPENAPI: _Part = {
    "paths": {
        **{PREFIX + kind: call for kind, call in _CALLS.items()},
        GIF_PATH: _GIF,
        "/webhooks/{source_id}": _WEBHOOK,
    },
    "components": {
        "schemas": _SCHEMAS,
        "securitySchemes": {
            "writeKey": {"type": "http", "scheme": "basic", "description": "The write key as user name, no password."},
            "writeKeyInAddress": {"type": "apiKey", "in": "query", "name": "k", "description": "The write key."},
        },
    },
}
"""Members of an OpenAPI 3.1 document."""
