"""Simulated workers in a process of their own: each sends its next vote when the last one is answered.

Reads one JSON object from standard input and prints one: see `run`.
"""

import http.client
import itertools
import json
import re
import sys
import threading
import time
from typing import Any

TOKEN = re.compile(rb'name="pair" value="(\d+)"')


def _worker(spec: dict[str, Any], cookie: str, token: str, until: float, budget: "Budget", out: list[float]) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", spec["port"], timeout=60)
    headers = {
        "Cookie": f"{cookie}; csrftoken={spec['csrf']}",
        "Content-Type": "application/x-www-form-urlencoded",
        "HX-Request": "true",
    }
    value = 0
    while time.monotonic() < until and budget.take():
        value = value % 3 + 1
        body = f"csrfmiddlewaretoken={spec['csrf']}&pair={token}&value={value}&visible=3.5&method=key"
        started = time.perf_counter()
        connection.request("POST", spec["path"], body, headers)
        reply = connection.getresponse()
        text = reply.read()
        out.append(time.perf_counter() - started)
        if reply.status != 200:
            raise RuntimeError(f"{reply.status} {reply.headers.get('HX-Redirect', '')} {text[:300]!r}")
        if spec["follow"]:
            found = TOKEN.search(text)
            if found is None:
                raise RuntimeError(f"no pair in the reply: {dict(reply.headers)}")
            token = found[1].decode()
        time.sleep(spec.get("pause", 0.0))
    connection.close()
    return token


class Budget:
    """So many requests for all workers together."""

    def __init__(self, requests: int) -> None:
        self.left, self.lock = requests, threading.Lock()

    def take(self) -> bool:
        with self.lock:
            self.left -= 1
            return self.left >= 0


def run(spec: dict[str, Any]) -> dict[str, Any]:
    """`spec`: port, path, csrf, follow, cookies and tokens (one a worker), seconds and requests at the most, and
    perhaps the seconds of pause between two requests of a worker.

    Returns the seconds each request took, the seconds in all, and every worker's pair in hand.
    """
    times: list[list[float]] = [[] for _cookie in spec["cookies"]]
    tokens: list[str] = list(spec["tokens"])
    faults: list[str] = []
    budget, started = Budget(spec["requests"]), time.monotonic()
    until = started + spec["seconds"]

    def work(index: int) -> None:
        try:
            tokens[index] = _worker(spec, spec["cookies"][index], tokens[index], until, budget, times[index])
        except (RuntimeError, OSError, http.client.HTTPException) as fault:
            faults.append(repr(fault))

    threads = [threading.Thread(target=work, args=[index]) for index in range(len(times))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - started
    return {"times": [*itertools.chain.from_iterable(times)], "seconds": seconds, "tokens": tokens, "faults": faults}


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
