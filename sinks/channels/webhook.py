"""Signed webhooks (Standard Webhooks). Idempotent: the receiver is told the delivery's id and may refuse a repeat."""

import asyncio
import re
from collections.abc import Mapping

import httpx

from sinks.channels.no_webhooks import NO_SECRET
from sinks.channels.targets import Target, TargetRefusedError, resolve
from sinks.rendering import Rendered
from sinks.signing import sign
from streams.model.deliveries import Delivery, Outcome, Rejected, Retry, Sent

_SUCCESS = range(200, 300)
_REDIRECT = range(300, 400)
_TRY_LATER = frozenset({408, 425, 429})
_SERVER_ERROR = 500
_MAX_ANSWER_BYTES = 65_536
_SECONDS = re.compile(r"\d{1,6}", re.ASCII)


class WebhookChannel:
    """POSTs JSON to a delivery's recipient. `keys` are the signing keys by URL; a URL without a key is never called."""

    name = "webhook"
    idempotent = True
    concurrency = 32

    def __init__(self, keys: Mapping[str, bytes], timeout_s: float, *, allow_private_targets: bool) -> None:
        self._keys = dict(keys)
        self._timeout_s = timeout_s
        self._allow_private = allow_private_targets
        self._client = httpx.AsyncClient(
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=self.concurrency, max_keepalive_connections=self.concurrency),
            headers={"User-Agent": "CampaignIQ-Webhook/1", "Content-Type": "application/json"},
        )

    async def send(self, delivery: Delivery, message: Rendered, now_ms: int) -> Outcome:
        key = self._keys.get(delivery.recipient)
        if key is None:
            return NO_SECRET
        try:
            async with asyncio.timeout(self._timeout_s):
                target = await resolve(delivery.recipient, allow_private=self._allow_private)
                return await self._post(delivery, target, message.text.encode(), key, now_ms // 1000)
        except (TargetRefusedError, httpx.InvalidURL) as error:
            return Rejected(str(error))
        except TimeoutError:
            return Retry(f"The webhook receiver did not answer within {self._timeout_s:g} s")
        except OSError as error:
            return Retry(f"The webhook receiver is not found: {error}")
        except httpx.HTTPError as error:
            return Retry(f"The webhook receiver can't be reached: {type(error).__name__} {error}".rstrip())

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(self, delivery: Delivery, target: Target, body: bytes, key: bytes, now_s: int) -> Outcome:
        url = httpx.URL(delivery.recipient)
        headers = {
            "Host": url.netloc.decode(),
            "Idempotency-Key": delivery.id,
            "webhook-id": delivery.id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": sign(key, delivery.id, now_s, body),
        }
        # Connect to the address that was checked; TLS still proves the name.
        pinned = url.copy_with(host=target.address)
        extensions = {"sni_hostname": target.host}
        async with self._client.stream("POST", pinned, content=body, headers=headers, extensions=extensions) as answer:
            # A short answer is read, so that the connection can be used again; an endless one is cut off.
            seen = 0
            async for chunk in answer.aiter_raw():
                seen += len(chunk)
                if seen > _MAX_ANSWER_BYTES:
                    break
            return _outcome(answer.status_code, answer.headers)


def _outcome(status: int, headers: httpx.Headers) -> Outcome:
    if status in _SUCCESS:
        return Sent(headers.get("x-request-id", "")[:200])
    if status in _TRY_LATER or status >= _SERVER_ERROR:
        asked = headers.get("retry-after", "")
        after_ms = int(asked) * 1000 if _SECONDS.fullmatch(asked) else None
        return Retry(f"The webhook receiver answered {status}", after_ms)
    if status in _REDIRECT:
        return Rejected(
            f"The webhook receiver answered {status}, but redirects are not followed. Set its final address"
        )
    return Rejected(f"The webhook receiver refused the message: {status}")
