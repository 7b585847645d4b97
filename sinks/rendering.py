"""From a delivery to the message that goes out. Pure: the same delivery always reads the same."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from jinja2 import PackageLoader, StrictUndefined, TemplateNotFound
from jinja2.sandbox import SandboxedEnvironment
from msgspec import Struct

from sinks.campaigns import TO_PROFILE
from sinks.content import context_of, money
from sinks.settings import MessageSettings
from sinks.tracking import MailTracking
from streams.model.deliveries import Delivery
from streams.model.errors import CampaignIqError

_MAX_SUBJECT = 200
_SUFFIX = ".j2"


class RenderError(CampaignIqError):
    """A message can't be made from its template and data."""


class Rendered(Struct, frozen=True):
    """A message in words. For webhooks `text` is the JSON body; `unsubscribe_url` is empty where none is due.

    `pixel` is what a channel that really sends adds to the HTML to hear of opens; who looks at a kept mail is not its
    recipient.
    """

    subject: str
    text: str
    html: str = ""
    unsubscribe_url: str = ""
    pixel: str = ""


class Renderer:
    """Templates of this folder with one installation's settings.

    `unsubscribe_url` makes the recipient's own link, `tracking` hears what recipients do with their mails.
    """

    def __init__(
        self,
        settings: MessageSettings,
        dashboard_url: str,
        unsubscribe_url: Callable[[Delivery], str],
        tracking: MailTracking,
    ) -> None:
        self._settings = settings
        self._dashboard_url = dashboard_url
        self._unsubscribe_url = unsubscribe_url
        self._tracking = tracking
        self._templates = SandboxedEnvironment(
            loader=PackageLoader("sinks", "templates"),
            autoescape=lambda name: bool(name and name.endswith(".html" + _SUFFIX)),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        self._templates.filters["money"] = money

    def subject(self, delivery: Delivery) -> str:
        """Return the subject line. Raises RenderError."""
        if delivery.channel == "webhook":
            return _event_type(delivery)
        return self._subject(delivery, self._context(delivery))

    def render(self, delivery: Delivery) -> Rendered:
        """Return the whole message. Raises RenderError."""
        if delivery.channel == "webhook":
            return Rendered(_event_type(delivery), _webhook_body(delivery).decode())
        to_profile = delivery.data.get("audience") == TO_PROFILE
        unsubscribe_url = self._unsubscribe_url(delivery) if to_profile else ""
        context = self._context(delivery) | {"unsubscribe_url": unsubscribe_url}
        context["subject"] = subject = self._subject(delivery, context)
        text = self._fill(delivery.template + ".txt", context)
        html = self._fill(delivery.template + ".html", context)
        if not to_profile:
            # What the team does with its mails says nothing of the person they are about.
            return Rendered(subject, text, html)
        html = self._tracking.wrapped(html, delivery, unsubscribe_url)
        return Rendered(subject, text, html, unsubscribe_url, self._tracking.pixel(delivery))

    def page(self, name: str, **context: Any) -> str:
        """Return a web page of the templates' folder."""
        return self._fill(name + ".html", {"brand": self._settings.brand_name} | context)

    def _context(self, delivery: Delivery) -> dict[str, Any]:
        return context_of(delivery, self._settings, self._dashboard_url)

    def _subject(self, delivery: Delivery, context: dict[str, Any]) -> str:
        return " ".join(self._fill(delivery.template + ".subject", context).split())[:_MAX_SUBJECT]

    def _fill(self, name: str, context: dict[str, Any]) -> str:
        try:
            return self._templates.get_template(name + _SUFFIX).render(context)
        except TemplateNotFound as error:
            raise RenderError(f"there is no template {error}") from error
        except Exception as error:  # a template is code of its own: whatever it raises, this message can't be made
            raise RenderError(f"template {name} does not fit its data: {error}") from error


def _event_type(delivery: Delivery) -> str:
    return str(delivery.data.get("type") or f"trigger.{delivery.data.get('rule', delivery.template)}")


def _webhook_body(delivery: Delivery) -> bytes:
    at = datetime.fromtimestamp(delivery.data.get("at_ms", delivery.due_ms) / 1000, UTC)
    facts = delivery.data.get("facts", {})
    data = {"profile": delivery.profile, **facts} if delivery.profile else facts
    return orjson.dumps(
        {"type": _event_type(delivery), "timestamp": at, "data": data}, option=orjson.OPT_UTC_Z | orjson.OPT_SORT_KEYS
    )
