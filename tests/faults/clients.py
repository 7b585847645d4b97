"""Clients that keep books: each sends its people's events in order, again for as long as nobody says yes."""

import threading
import time
from base64 import b64encode
from collections import Counter
from http.client import HTTPConnection, HTTPException

import orjson

PEOPLE = 5
ANSWER_S = 60
AGAIN_S = 0.1


class Client(threading.Thread):
    """Sends batches until `end`. `accepted` lists the ids of every event that was answered with 2xx, in order."""

    def __init__(self, port: int, key: str, name: str, *, batch: int = 20, pause_s: float = 0.01, pad: int = 0) -> None:
        super().__init__(name=name, daemon=True)
        self.accepted: list[str] = []
        self.answers: Counter[int] = Counter()
        self.slowest_s = 0.0
        self._port = port
        self._headers = {"Authorization": f"Basic {b64encode(f'{key}:'.encode()).decode()}"}
        self._batch = batch
        self._pause_s = pause_s
        self._pad = "x" * pad
        self._ending = threading.Event()
        self._connection: HTTPConnection | None = None

    def run(self) -> None:
        number = 0
        while not self._ending.wait(self._pause_s):
            batch = [self._message(number + n) for n in range(self._batch)]
            body = orjson.dumps({"batch": batch})
            while not self._sent(body):
                if self._ending.is_set():
                    return
                time.sleep(AGAIN_S)
            self.accepted += [message["messageId"] for message in batch]
            number += self._batch

    def end(self) -> None:
        self._ending.set()
        self.join()
        if self._connection is not None:
            self._connection.close()

    def _message(self, number: int) -> dict[str, object]:
        return {
            "type": "track",
            "event": "Fault Seen",
            "userId": f"{self.name}-{number % PEOPLE}",
            "messageId": f"{self.name}-{number}",
            "properties": {"pad": self._pad},
        }

    def _sent(self, body: bytes) -> bool:
        began = time.monotonic()
        try:
            if self._connection is None:
                self._connection = HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_S)
            self._connection.request("POST", "/v1/batch", body, self._headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, HTTPException):
            self.answers[0] += 1
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return False
        self.answers[answer.status] += 1
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        return 200 <= answer.status < 300


def start(port: int, key: str, count: int = 2, **more: object) -> list[Client]:
    clients = [Client(port, key, f"client{n}", **more) for n in range(count)]
    for client in clients:
        client.start()
    return clients


def end(clients: list[Client]) -> None:
    for client in clients:
        client.end()
