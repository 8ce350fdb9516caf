"""The sign-up flow as people and an administrator go through it, and what must be refused on the way."""

import base64
import json
import re
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from emulator import Emulator
from steps import Answer, Browser, Steps, check

PHONE = "+8613812345678"
EMAIL = "li.hua@example.org"
LATE = "too.late@example.org"
NAME = "Li Hua"
COOKIE = "__Host-portico"
SAMPLES = {
    "text": "Li Hua", "number": 7, "phone": "+8613912345678", "email": "other@example.org", "date": "2020-02-29",
    "switch": True, "region": "CN-31",
}


class Flow:
    """One run against one deployment. Collects what must never be logged."""

    def __init__(self, steps: Steps, emulator: Emulator, api: str, demo: dict):
        self.steps, self.emulator, self.api, self.demo = steps, emulator, api, demo
        self.portal = f"/v1/portals/{demo['portal']}"
        self.admin = f"/v1/admin/portals/{demo['portal']}"
        self.secrets = [PHONE, PHONE.removeprefix("+86"), EMAIL, LATE, demo["administrator"]["session"]]

    def run(self):
        parts = [
            ("The page of the portal", self.page),
            ("A person signs up by SMS and is approved", self.by_phone),
            ("A person signs up by email", self.by_email),
            ("Administration", self.administration),
            ("What must be refused", self.refusals),
            ("Registration closes", self.closing),
        ]
        for title, part in parts:
            with self.steps.part(title):
                part()

    def browser(self) -> Browser:
        return Browser(self.emulator.port, self.api)

    def as_administrator(self, method: str, path: str, body=None, base: str | None = None) -> Answer:
        session = self.demo["administrator"]["session"]
        return self.browser().call(method, (base or self.admin) + path, body, Authorization=f"Bearer {session}")

    def page(self):
        browser, suffix = self.browser(), self.demo["suffix"]
        with self.steps.step(f"GET /p/{suffix} answers the page under a policy with a nonce"):
            page = browser.call("GET", f"/p/{suffix}").expect(200)
            check(page.headers.get_content_type() == "text/html", f"it is {page.headers['content-type']}")
            policy = page.headers["content-security-policy"] or ""
            nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
            check(nonce is not None, f"no nonce in the policy {policy!r}")
            check(f'nonce="{nonce[1]}"'.encode() in page.body, "the page does not carry the nonce")
            check(self.demo["portal"].encode() in page.body, "the page does not name the portal")
        with self.steps.step(f"GET /v1/links/{suffix} names the portal"):
            link = browser.call("GET", f"/v1/links/{suffix}").expect(200)
            check(self.demo["portal"].encode() in link.body, f"{link.body[:300]!r}")

    def by_phone(self):
        browser, step = self.browser(), self.steps.step
        with step("a code is sent by SMS"):
            flow = self.send_code(browser, PHONE, "sms")
            code = self.code_in(self.wait_for(lambda: self.emulator.texts(PHONE)))
        with step("a wrong code is refused and counted"):
            wrong = {"flow": flow, "code": f"{(int(code) + 1) % 1_000_000:06}"}
            answer = browser.call("POST", f"{self.portal}/sessions", wrong).expect(422, "code-wrong")
            check(answer.json()["attemptsLeft"] == 4, f"{answer.body!r}")
        with step("the right code asks for the fields of the registration"):
            outcome = self.verify(browser, flow, code)
            check(outcome["step"] == "collect", f"{outcome}")
            ticket = self.secret(outcome["ticket"])
        with step("a registration without the required fields is refused"):
            if any(field["required"] for field in outcome["fields"]):
                empty = {"ticket": ticket, "fields": {}}
                refused = browser.call("POST", f"{self.portal}/registration", empty).expect(422)
                check(refused.json()["errors"][0]["code"] == "required", f"{refused.body!r}")
        with step("the registration waits for approval"):
            filled = {"ticket": ticket, "fields": {field["id"]: sample(field) for field in outcome["fields"]}}
            outcome = browser.call("POST", f"{self.portal}/registration", filled).expect(200).json()
            check(outcome["step"] == "awaitingApproval" and outcome["channel"] == "sms", f"{outcome}")
        with step("its status says so too"):
            outcome = self.status(browser, outcome)
            check(outcome["step"] == "awaitingApproval", f"{outcome}")
        with step("the administrator sees the applicant"):
            users = self.as_administrator("GET", "/users").expect(200).json()["users"]
            applicant = next(user for user in users if user.get("phone") == PHONE)
            check(applicant["status"] == "pending", f"{applicant['status']}")
        with step("the administrator approves"):
            decision = {"users": [applicant["id"]], "decision": "approve"}
            results = self.as_administrator("POST", "/approvals", decision).expect(200).json()["results"]
            check([result["result"] for result in results] == ["approved"], f"{results}")
        with step("the applicant is told by SMS, with the way in"):
            told = self.wait_for(lambda: self.emulator.texts(PHONE)[1:])
            check("/p/" in told[-1] and len(told) == 1, f"{told}")
        with step("the waiting page is signed in"):
            outcome = self.status(browser, outcome)
            check(outcome["step"] == "signedIn" and outcome["user"]["id"] == applicant["id"], f"{outcome}")
            check(COOKIE in browser.cookies, f"cookies: {list(browser.cookies)}")
            self.secret(browser.cookies[COOKIE])
        self.session(browser, applicant["id"])
        with step("the same phone signs in again, with nothing but a code"):
            time.sleep(1.1)
            sent = len(self.emulator.texts(PHONE))
            flow = self.send_code(browser, PHONE, "sms")
            texts = self.wait_for(lambda: self.emulator.texts(PHONE)[sent:])
            outcome = self.verify(browser, flow, self.code_in(texts))
            check(outcome["step"] == "signedIn" and outcome["user"]["id"] == applicant["id"], f"{outcome}")
            self.secret(browser.cookies[COOKIE])

    def session(self, browser: Browser, user: str):
        step = self.steps.step
        with step("GET /v1/session knows the person"):
            session = browser.call("GET", "/v1/session").expect(200).json()
            check(session["user"]["id"] == user and session["portal"]["id"] == self.demo["portal"], f"{session}")
        with step("the token for the application verifies with the published keys"):
            token = browser.call("POST", "/v1/session/token", {}).expect(200).json()["token"]
            keys = browser.call("GET", "/.well-known/jwks.json").expect(200).json()["keys"]
            claims = verified(self.secret(token), keys)
            check(claims["sub"] == user and claims["aud"] == self.demo["portal"], f"{claims}")
        with step("DELETE /v1/session signs out, on the server too"):
            kept = dict(browser.cookies)
            browser.call("DELETE", "/v1/session").expect(204)
            check(COOKIE not in browser.cookies, "the cookie is still there")
            browser.cookies = kept
            browser.call("GET", "/v1/session").expect(401, "signed-out")
            browser.cookies = {}

    def by_email(self):
        browser, step = self.browser(), self.steps.step
        with step("a code is sent by email"):
            flow = self.send_code(browser, EMAIL, "email")
            mail = self.wait_for(lambda: self.emulator.mails(EMAIL))[-1]
            code = self.code_in([mail["BodyText"]])
        with step("the right code asks for the fields of the registration"):
            outcome = self.verify(browser, flow, code)
            check(outcome["step"] == "collect", f"{outcome}")
            self.secret(outcome["ticket"])
        with step("a code works once"):
            used = {"flow": flow, "code": code}
            browser.call("POST", f"{self.portal}/sessions", used).expect(422, "code-expired")

    def administration(self):
        step = self.steps.step
        with step("the organisation counts the seat that was taken"):
            organisation = self.as_administrator("GET", "", base="/v1/admin/organisation").expect(200).json()
            check(organisation["seats"]["used"] == 1, f"{organisation}")
        with step("the portal is listed"):
            portals = self.as_administrator("GET", "", base="/v1/admin/portals").expect(200).json()["portals"]
            check([portal["id"] for portal in portals] == [self.demo["portal"]], f"{portals}")
        with step("a link is added, drawn as a QR code, and removed"):
            link = {"suffix": "deploy-check"}
            self.as_administrator("POST", "/links", link).expect(201)
            self.browser().call("GET", "/p/deploy-check").expect(200)
            self.as_administrator("GET", "/links/deploy-check/qr").expect(200)
            self.as_administrator("DELETE", "/links/deploy-check").expect(204)
            self.browser().call("GET", "/p/deploy-check").expect(404)

    def refusals(self):
        browser, codes = self.browser(), f"{self.portal}/codes"
        for title, method, path, body, status, problem in [
            ("another method than POST", "GET", codes, None, 405, "method-not-allowed"),
            ("a path that nobody takes", "GET", "/v1/nowhere", None, 404, "not-found"),
            ("malformed JSON", "POST", codes, b'{"address":', 400, "malformed"),
            ("an unknown field", "POST", codes, {"address": PHONE, "purpose": "sign-in", "role": "admin"}, 422, "invalid"),
            ("an address that is none", "POST", codes, {"address": "nobody", "purpose": "sign-in"}, 422, "invalid"),
            ("a session without a cookie", "GET", "/v1/session", None, 401, "signed-out"),
            ("a page of no portal", "GET", "/v1/links/nobody-took-this", None, 404, "not-found"),
            ("administration without a session", "GET", f"{self.admin}/users", None, 401, "signed-out"),
        ]:
            with self.steps.alone(f"{title}: {status}"):
                answer = browser.call(method, path, body).expect(status, problem)
                check(answer.headers.get_content_type() == "application/problem+json", f"{answer.headers}")
                check("requestId" in answer.json(), f"no requestId in {answer.body!r}")

    def closing(self):
        browser, step = self.browser(), self.steps.step
        with step("a window that is over is set"):
            window = {"closesAt": "2026-01-31T18:00:00", "zone": "Asia/Shanghai"}
            self.as_administrator("PATCH", "", {"registration": {"window": window}}).expect(200)
        for ran, closed in [("the schedule notices once", 1), ("and not twice", 0)]:
            with step(ran):
                summary = self.emulator.invoke("CloseRegistrationFunction", {})
                check(summary["closed"] == closed, f"{summary}")
        with step("a newcomer is refused after the proof"):
            flow = self.send_code(browser, LATE, "email")
            code = self.code_in([self.wait_for(lambda: self.emulator.mails(LATE))[-1]["BodyText"]])
            late = {"flow": flow, "code": code}
            browser.call("POST", f"{self.portal}/sessions", late).expect(403, "registration-closed")

    def send_code(self, browser: Browser, address: str, channel: str) -> str:
        wish = {"address": address, "purpose": "sign-in", "link": self.demo["suffix"], "locale": "en"}
        answer = browser.call("POST", f"{self.portal}/codes", wish).expect(202).json()
        check(answer["channel"] == channel and answer["expiresIn"] == 300, f"{answer}")
        return answer["flow"]

    def verify(self, browser: Browser, flow: str, code: str) -> dict:
        return browser.call("POST", f"{self.portal}/sessions", {"flow": flow, "code": code}).expect(200).json()

    def status(self, browser: Browser, outcome: dict) -> dict:
        ticket = {"ticket": self.secret(outcome["ticket"])}
        return browser.call("POST", f"{self.portal}/registration/status", ticket).expect(200).json()

    def code_in(self, messages: list[str]) -> str:
        found = re.search(r"(?<!\d)\d{6}(?!\d)", messages[-1])
        check(found is not None, f"no code in {messages[-1]!r}")
        return self.secret(found[0])

    def secret(self, text: str) -> str:
        self.secrets.append(text)
        return text

    @staticmethod
    def wait_for(look, seconds: float = 10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := look():
                return found
            time.sleep(0.1)
        raise AssertionError(f"nothing came within {seconds} s")


def sample(field: dict):
    """A value that the field takes."""
    if field["id"] == "name":
        return NAME
    if field["type"] in ("single", "multiple"):
        option = field["options"][0]["id"]
        return option if field["type"] == "single" else [option]
    return SAMPLES[field["type"]]


def verified(token: str, keys: list[dict]) -> dict:
    """The claims of an ES256 token that one of the keys signed."""
    signed, _, signature = token.rpartition(".")
    header, claims = (json.loads(decoded(part)) for part in signed.split("."))
    check(header["alg"] == "ES256", f"{header}")
    key = next(key for key in keys if key["kid"] == header["kid"])
    check(key["kty"] == "EC" and key["crv"] == "P-256" and "d" not in key, f"{key}")
    x, y = (int.from_bytes(decoded(key[name])) for name in ("x", "y"))
    raw = decoded(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    try:
        ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key().verify(der, signed.encode(), ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise AssertionError("the signature is not of the published key") from None
    return claims


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
