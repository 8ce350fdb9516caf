"""Build and deployment of the template: what a person does by hand with `cargo lambda` and `sam`."""

import json
import os
import platform
import subprocess
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

from emulator import CREDENTIALS, STACK, Emulator

BUILD_SECONDS = 3600
DEPLOY_SECONDS = 300


class Template:
    """template.yaml, as far as a deployment has to know it."""

    def __init__(self, root: Path):
        self.path = root / "template.yaml"
        resources = yaml_parse(self.path.read_text())["Resources"]
        self.functions = {
            name: resource["Properties"]
            for name, resource in resources.items()
            if resource["Type"] == "AWS::Serverless::Function"
        }

    def crates(self) -> list[str]:
        return [Path(function["CodeUri"]).name for function in self.functions.values()]

    def allows(self, function: str, action: str) -> bool:
        policies = self.functions[function]["Policies"]
        return any(action in statement["Action"] for policy in policies for statement in policy["Statement"])

    def routes(self) -> list[tuple[str, str]]:
        """(route key, resource of the function)"""
        return [
            (route_key(event.get("Properties", {})), name)
            for name, function in self.functions.items()
            for event in function.get("Events", {}).values()
            if event["Type"] == "HttpApi"
        ]


def route_key(event: dict) -> str:
    return f"{event.get('Method', 'ANY')} {event['Path']}" if "Path" in event else "$default"


def build(root: Path, crates: list[str]):
    """One release build for all functions, linked for the glibc of Amazon Linux 2023.

    A panic ends a function at once: nothing unwinds a stack, and the tables for it would be 7 percent of a function's size.
    Lambda's x86_64 processors have what a Haswell has: AWS's guide builds for one in its chapter on AVX2."""
    processor = "-C target-cpu=haswell" if platform.machine() == "x86_64" else ""
    packages = [argument for crate in crates for argument in ("--package", crate)]
    flags = " ".join(filter(None, [os.environ.get("RUSTFLAGS"), "-C force-unwind-tables=no", processor]))
    run(["cargo", "lambda", "build", "--release", "--locked", *packages], root, BUILD_SECONDS, {**os.environ, "RUSTFLAGS": flags})


def deploy(emulator: Emulator, template: Template, parameters: dict[str, str]) -> dict[str, str]:
    """`sam deploy`, then the routes. Answers the outputs of the stack."""
    emulator.client("s3").create_bucket(
        Bucket="portico-artifacts", CreateBucketConfiguration={"LocationConstraint": CREDENTIALS["AWS_REGION"]}
    )
    overrides = [f"ParameterKey={key},ParameterValue={value}" for key, value in parameters.items()]
    run(
        ["sam", "deploy", "--template-file", str(template.path), "--stack-name", STACK, "--s3-bucket", "portico-artifacts",
         "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar", "--no-fail-on-empty-changeset",
         "--parameter-overrides", *overrides],
        emulator.home,
        DEPLOY_SECONDS,
        {
            **os.environ,
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": emulator.url,
            "SAM_CLI_TELEMETRY": "0",
            "__SAM_CLI_APP_DIR": str(emulator.home / "sam"),
        },
    )
    outputs = emulator.outputs()
    add_routes(emulator, template, outputs["ApiId"])
    return outputs


def add_routes(emulator: Emulator, template: Template, api: str):
    """The emulator makes no routes from the API description that SAM writes; they are read from the template again."""
    gateway, functions, names = emulator.client("apigatewayv2"), emulator.client("lambda"), emulator.resources()
    integrations = {}
    for name in template.functions:
        arn = functions.get_function(FunctionName=names[name])["Configuration"]["FunctionArn"]
        integration = gateway.create_integration(
            ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
        )
        integrations[name] = integration["IntegrationId"]
    for key, name in template.routes():
        gateway.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{integrations[name]}")


def allow_sending(emulator: Emulator, template: Template, sender: str):
    """SES in the emulator: the sender is verified, and functions that may send mail from it may do so.

    The emulator asks for `ses:SendEmail` on `*` and knows no `ses:FromAddress`, whatever identity a policy names, so a
    function with the action in the template gets it once more without them. All other rights are the template's."""
    emulator.client("sesv2").create_email_identity(EmailIdentity=sender)
    names = emulator.resources()
    for name in template.functions:
        if template.allows(name, "ses:SendEmail"):
            emulator.client("iam").put_role_policy(
                RoleName=names[f"{name}Role"],
                PolicyName="emulator-mail",
                PolicyDocument=json.dumps({
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}],
                }),
            )


def run(command: list[str], folder: Path, seconds: int, environment: dict[str, str] | None = None):
    """Runs a command; says what it wrote only when it failed."""
    done = subprocess.run(
        command, cwd=folder, env=environment, timeout=seconds, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:3])} failed with {done.returncode}:\n{done.stdout[-6000:]}")
