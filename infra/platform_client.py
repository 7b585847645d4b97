"""The running platform as a command sees it: its API, with the address and token of its data folder or those given."""

from pathlib import Path
from typing import Annotated, Any

import typer

from infra.data_dir import read_bootstrap
from streams.model.errors import CampaignIqError

TIMEOUT_S = 120.0
Data = Annotated[Path, typer.Option("--data", help="Folder that holds the installation.", envvar="CAMPAIGNIQ_DATA")]
Url = Annotated[str, typer.Option(help="Address of the platform, instead of that of the folder.")]
Token = Annotated[str, typer.Option(help="API token, instead of that of the folder.", envvar="CAMPAIGNIQ_API_TOKEN")]
DEFAULT_DATA = Path("campaigniq-data")


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


def platform_at(data: Path, url: str = "", token: str = "") -> Platform:
    """Return the platform that is meant. Raises ConfigurationError when neither folder nor options tell."""
    if url and token:
        return Platform(url, token)
    known = read_bootstrap(data)
    if url and url.rstrip("/") != known.url.rstrip("/"):
        raise PlatformError(f"the token in {data} is of {known.url}, not of {url}. Give --token too")
    return Platform(known.url, token or known.api_token)
