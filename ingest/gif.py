"""The picture that is answered where no script runs: the smallest transparent GIF89a, one pixel, 43 bytes."""

from base64 import b64decode
from typing import Final

from ingest.errors import CORS

GIF: Final = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
GIF_HEADERS: Final = CORS | {
    "Cache-Control": "no-store, max-age=0",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
