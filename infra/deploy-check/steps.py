"""Steps that pass or fail, each printed, and an HTTP client that looks like a browser to the API."""

import http.client
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie


class Steps:
    """Counts what passed and what failed. A failed step ends its part of the check, not the rest."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    @contextmanager
    def part(self, title: str):
        """A row of steps in which each needs the ones before it."""
        print(title, flush=True)
        try:
            yield
        except Skip:
            print("  ...  the rest of this part needs that", flush=True)

    @contextmanager
    def step(self, what: str):
        start = time.monotonic()
        try:
            yield
        except Exception as failure:
            self.failed += 1
            print(f"  FAIL {what}: {type(failure).__name__}: {failure}", flush=True)
            raise Skip from failure
        self.passed += 1
        print(f"  ok   {what} ({time.monotonic() - start:.1f} s)", flush=True)

    @contextmanager
    def alone(self, what: str):
        """A step that no other needs."""
        try:
            with self.step(what):
                yield
        except Skip:
            pass


class Skip(Exception):
    """The rest of a part is not tried."""


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)

    def expect(self, status: int, problem: str | None = None):
        """Itself, when it has the status and, for problems, a type that ends with the name."""
        said = f"{self.status} {self.body[:400].decode(errors='replace')}"
        check(self.status == status, f"expected {status}, got {said}")
        if problem is not None:
            check(self.headers.get_content_type() == "application/problem+json", f"not a problem: {said}")
            check(self.json()["type"].rsplit("/", 1)[-1] == problem, f"expected {problem}, got {said}")
        return self


class Browser:
    """Calls the API by its name on the emulator's port; keeps cookies; sends the origin that a page would send."""

    def __init__(self, port: int, api: str):
        self.port = port
        self.name = f"{api}.execute-api.localhost"
        self.cookies: dict[str, str] = {}

    def call(self, method: str, path: str, body=None, **headers: str) -> Answer:
        """`body`: bytes as they are, anything else as JSON."""
        sent = {"Host": f"{self.name}:{self.port}", "Origin": f"https://{self.name}", "Accept-Language": "en"}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            sent["Content-Type"] = "application/json"
            body = body if isinstance(body, bytes) else json.dumps(body)
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        for header in answer.headers.get_all("set-cookie") or []:
            self.keep(header)
        return answer

    def keep(self, header: str):
        for name, morsel in SimpleCookie(header).items():
            if morsel["max-age"] == "0" or not morsel.value:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value


def check(holds: bool, otherwise: str):
    if not holds:
        raise AssertionError(otherwise)
