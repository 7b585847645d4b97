"""The running platform as a command sees it: its API, with the address and token of its data folder or those given."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from infra.data_dir import read_bootstrap
from infra.options import DEFAULT_DATA, Data
from streams.model.errors import CampaignIqError

TIMEOUT_S = 120.0


class PlatformError(CampaignIqError):
    """The platform does not answer, or refuses; the text says why."""


class Platform:
    """One platform's API."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **asked: Any) -> Any:
        """Return the JSON answer; parameters that are None or empty are left out. Raises PlatformError."""
        return self._ask("GET", path, params={name: value for name, value in asked.items() if value not in (None, "")})

    def post(self, path: str, body: Any) -> Any:
        """Return the JSON answer. Raises PlatformError."""
        return self._ask("POST", path, json=body)

    def delete(self, path: str, **asked: Any) -> Any:
        """Return the JSON answer. Raises PlatformError."""
        return self._ask("DELETE", path, params=asked)

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        import httpx  # noqa: PLC0415  the command line's help should not wait for it

        try:
            answer = httpx.request(method, self.url + path, headers=self.headers, timeout=TIMEOUT_S, **more)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PlatformError(f"{self.url} did not answer: {error}. Is `campaigniq up` running?") from error
        try:
            told = answer.json()
        except ValueError:
            told = None
        if answer.is_success and told is not None:
            return told
        fault = told.get("error") if isinstance(told, dict) else None
        reason = fault.get("message") if isinstance(fault, dict) else f"it answered {answer.status_code}"
        raise PlatformError(f"{self.url}{path}: {reason}")


@dataclass(frozen=True)
class At:
    """The options that say which platform is meant."""

    data: Data = DEFAULT_DATA
    url: Annotated[str, typer.Option(help="Address of the platform, instead of that of the folder.")] = ""
    token: Annotated[
        str, typer.Option(help="API token, instead of that of the folder.", envvar="CAMPAIGNIQ_API_TOKEN")
    ] = ""

    def platform(self) -> Platform:
        """Return it. Raises ConfigurationError when neither folder nor options tell."""
        if self.url and self.token:
            return Platform(self.url, self.token)
        known = read_bootstrap(self.data)
        if self.url and self.url.rstrip("/") != known.url.rstrip("/"):
            raise PlatformError(f"the token in {self.data} is of {known.url}, not of {self.url}. Give --token too")
        return Platform(known.url, self.token or known.api_token)
