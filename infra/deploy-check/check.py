"""Deploys Portico into the emulator and tries it. `run` prepares what this needs."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from deployment import Template, allow_sending, build, deploy, run
from emulator import CREDENTIALS, Emulator
from flow import Flow
from steps import Steps, check

# A second code to the same person within this check need not wait for a minute.
PARAMETERS = {"SenderAddress": "portico@example.com", "CapRecipientIntervalSeconds": "1"}
SEED_SECONDS = 900
# Lines in the logs that Lambda writes itself.
PLATFORM = ("START RequestId", "END RequestId", "REPORT RequestId")


def main() -> int:
    parser = argparse.ArgumentParser(prog="run", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--emulator", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--no-build", action="store_true", help="deploy the binaries that are there already")
    parser.add_argument("--build-only", action="store_true", help="build the release binaries and stop")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))

    if options.build_only:
        build(options.root, Template(options.root).crates())
        return 0
    steps = Steps()
    with steps.part("Build and deployment"):
        everything(steps, options)
    print(f"{steps.passed} passed, {steps.failed} failed")
    return 1 if steps.failed else 0


def everything(steps: Steps, options: argparse.Namespace):
    template = Template(options.root)
    with steps.step("sam validate --lint"):
        validate(options.root)
    if not options.no_build:
        with steps.step("release build of all functions"):
            build(options.root, template.crates())
    with tempfile.TemporaryDirectory(prefix="portico-deploy-check-") as home:
        with Emulator(options.emulator, Path(home)) as emulator:
            with steps.step("sam deploy of template.yaml"):
                outputs = deploy(emulator, template, PARAMETERS)
                allow_sending(emulator, template, PARAMETERS["SenderAddress"])
            with steps.step("an organisation, a portal, an administrator"):
                demo = seed(options.root, emulator, outputs)
            before = steps.failed
            flow = Flow(steps, emulator, outputs["ApiId"], demo)
            flow.run()
            with steps.part("Schedules and logs"):
                schedules(steps, emulator, template)
                idle(steps, emulator, template)
                logs(steps, emulator, flow.secrets)
            if steps.failed > before:
                tell(emulator)


def tell(emulator: Emulator):
    """What helps to find out why a step failed."""
    lines = [line for line in function_logs(emulator)[0] if not any(word in line for word in PLATFORM)]
    print("--- the functions said", *lines[-40:], "--- the emulator said", emulator.tail(), sep="\n")


def validate(root: Path):
    run(["sam", "validate", "--lint", "--template-file", str(root / "template.yaml")], root, 120)


def seed(root: Path, emulator: Emulator, outputs: dict[str, str]) -> dict:
    """What an operator does after the first deployment."""
    run(["make", "binary"], root, SEED_SECONDS)
    built = Path(os.environ.get("CARGO_TARGET_DIR", root / "target")) / "debug/portico"
    command = [str(built), "organisation", "Deploy Check", "first-organisation", "owner@example.com"]
    tables = {"PORTALS_TABLE": outputs["PortalsTable"], "USERS_TABLE": outputs["UsersTable"]}
    done = subprocess.run(
        command, cwd=root, timeout=SEED_SECONDS, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        env={**os.environ, **CREDENTIALS, **tables, "AWS_ENDPOINT_URL_DYNAMODB": emulator.url},
    )
    check(done.returncode == 0, f"{done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def schedules(steps: Steps, emulator: Emulator, template: Template):
    for name, function in template.functions.items():
        if not any(event["Type"] == "HttpApi" for event in function.get("Events", {}).values()):
            with steps.step(f"{name} runs"):
                emulator.invoke(name, {"Records": []})


def idle(steps: Steps, emulator: Emulator, template: Template):
    """Functions that no step above needs answer, too: here, that there is nothing at such a path."""
    request = {
        "version": "2.0", "routeKey": "$default", "rawPath": "/nothing", "rawQueryString": "", "headers": {"accept": "*/*"}, "isBase64Encoded": False,
        "requestContext": {
            "accountId": "1", "apiId": "x", "domainName": "portal.example.com", "domainPrefix": "portal", "requestId": "r", "routeKey": "$default",
            "stage": "$default", "time": "12/Mar/2026:19:03:58 +0000", "timeEpoch": 1773342238000,
            "http": {"method": "GET", "path": "/nothing", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "check"},
        },
    }
    with steps.step("every function of the API starts and answers"):
        for name, function in template.functions.items():
            if any(event["Type"] == "HttpApi" for event in function.get("Events", {}).values()):
                emulator.invoke(name, request)


def logs(steps: Steps, emulator: Emulator, secrets: list[str]):
    with steps.step("every function has its own log group, with no code, address, ticket or session in it"):
        lines, unlogged = function_logs(emulator)
        check(not unlogged, f"nothing was ever logged to {unlogged}")
        found = sum(any(secret in line for line in lines) for secret in set(secrets))
        check(found == 0, f"{found} of {len(set(secrets))} are in the logs")


def function_logs(emulator: Emulator) -> tuple[list[str], list[str]]:
    """The lines of all functions, and the log groups without any."""
    client, lines, unlogged = emulator.client("logs"), [], []
    for group in client.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        streams = client.describe_log_streams(logGroupName=name)["logStreams"]
        if not streams:
            unlogged.append(name)
        for stream in streams:
            events = client.get_log_events(logGroupName=name, logStreamName=stream["logStreamName"])["events"]
            lines += [f"{name.rsplit('/', 1)[-1]}: {event['message'].rstrip()}" for event in events]
    return lines, unlogged


if __name__ == "__main__":
    sys.exit(main())
