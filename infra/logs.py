"""Logging of a process: one line an event, to standard error."""

import logging

_QUIET = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "faust": logging.WARNING,
    "streams.agents.app": logging.WARNING,
    "streams.agents.transport": logging.WARNING,
    "mode": logging.WARNING,
    "aiosmtplib": logging.WARNING,
    "uvicorn.error": logging.WARNING,
    "websockets": logging.WARNING,
}


def configure_logging(level: str) -> None:
    """Send log records of `level` and above to standard error; libraries only when something is wrong."""
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", force=True)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, logging.getLogger().level))
