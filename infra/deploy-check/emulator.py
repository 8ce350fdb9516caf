"""The foreign emulator as a process of ours: started on a free port of 127.0.0.1, stopped with all that it started."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

REGION = "eu-central-1"
STACK = "portico"
START_SECONDS = 60
# The owner of the emulated account.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}


class Emulator:
    """MiniStack with `AUTH`: it checks every call of a function against the role that the template gives it."""

    def __init__(self, python: str, home: Path):
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = home / "emulator.log"
        # The functions inherit what the emulator gets: nothing of the caller's environment but the path.
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TMPDIR": str(home),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_HOST": "localhost",
            "AWS_ENDPOINT_URL": self.url,
            "MINISTACK_REGION": REGION,
            "LAMBDA_EXECUTOR": "local",
            "DOCKER_HOST": "unix:///nowhere",
            "S3_DATA_DIR": str(home / "s3"),
            "STATE_DIR": str(home / "state"),
            "AUTH": "true",
            **CREDENTIALS,
        }
        self.process = subprocess.Popen(
            [python, "-m", "ministack"],
            env=self.environment,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"the emulator ended at start:\n{self.tail()}")
            try:
                if self.look("/_ministack/health"):
                    return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"the emulator was not ready after {START_SECONDS} s:\n{self.tail()}")

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends the session that was started for the emulator: itself and the functions that it runs."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, sign)
            except ProcessLookupError:
                break
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                continue
        self.process.wait(5)

    def client(self, service: str):
        """A client with the rights of the account's owner, as a deployment has them."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=Config(connect_timeout=5, read_timeout=60, retries={"max_attempts": 1}),
        )

    def outputs(self) -> dict[str, str]:
        """Outputs of the deployed stack."""
        stack = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def resources(self) -> dict[str, str]:
        """Names of the deployed resources by their names in the template."""
        found = self.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}

    def invoke(self, resource: str, event: dict) -> dict:
        """Runs a function, as its schedule, stream or topic would; what it answered."""
        answer = self.client("lambda").invoke(FunctionName=self.resources()[resource], Payload=json.dumps(event))
        said = answer["Payload"].read()
        if "FunctionError" in answer:
            raise RuntimeError(f"{resource} failed: {said[:500]!r}")
        return json.loads(said)

    def look(self, path: str):
        """One of the emulator's own endpoints."""
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.load(answer)

    def texts(self, phone: str) -> list[str]:
        """SMS that were sent to a phone, oldest first."""
        sent = self.look("/_ministack/sns/sms-messages")["sms_messages"].get(phone, [])
        return [message["Message"] for message in sent]

    def mails(self, address: str) -> list[dict]:
        """Mail that was sent to an address, oldest first."""
        accounts = self.look("/_ministack/ses/messages")["messages"]
        return [mail for mails in accounts.values() for mail in mails if address in mail["To"]]

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
