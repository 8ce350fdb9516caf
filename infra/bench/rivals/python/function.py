"""What send-code does for a phone in China, with boto3: the same calls, one after the other as boto3 makes them. It does
less besides them: a regular expression instead of a library for numbers, no localised problems, no settings of the
portal."""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import time

import boto3

PORTALS_TABLE, CODES_TABLE = os.environ["PORTALS_TABLE"], os.environ["CODES_TABLE"]
PHONE = re.compile(r"(?:\+?86)?(1[3-9][0-9]{9})")

dynamodb = boto3.client("dynamodb")
secretsmanager = boto3.client("secretsmanager")
sns = boto3.client("sns")

keys = None


def load_keys():
    global keys
    if keys is None:
        secret = secretsmanager.get_secret_value(SecretId=os.environ["SECRET_ARN"], VersionStage="AWSCURRENT")
        extracted = hmac.digest(bytes(32), secret["SecretString"].encode(), "sha256")
        pepper = b""
        for number in (1, 2):  # HKDF, RFC 5869 2.3
            pepper += hmac.digest(extracted, pepper[-32:] + b"portico code pepper v1" + bytes([number]), "sha256")
        keys = secret["VersionId"], pepper
    return keys


def count(key, limits, now):
    dynamodb.update_item(
        TableName=CODES_TABLE,
        Key={"pk": {"S": key}, "sk": {"S": "COUNT"}},
        UpdateExpression="ADD " + ", ".join(f"{name} :one" for name in limits) + " SET #ttl = :ttl",
        ConditionExpression=" AND ".join(f"(attribute_not_exists({name}) OR {name} < :{name})" for name in limits),
        ExpressionAttributeNames={"#ttl": "ttl"},
        ExpressionAttributeValues={
            ":one": {"N": "1"},
            ":ttl": {"N": str(now + 7200)},
            **{f":{name}": {"N": limit} for name, limit in limits.items()},
        },
    )


def answer(status, body):
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def handler(event):
    request = json.loads(event["body"])
    portal = event["pathParameters"]["portal"]
    digits = PHONE.fullmatch(re.sub(r"[\s-]", "", request["address"]))
    if not digits:
        return answer(422, {"type": "address-invalid"})
    phone = "+86" + digits[1]
    now = int(time.time())
    recipient = hashlib.sha256((portal + phone).encode()).digest()[:16]
    recipient_key = {"pk": {"S": f"PORTAL#{portal}#RECIPIENT#{base64url(recipient)}"}, "sk": {"S": "CODE"}}

    client = event["requestContext"]["http"]["sourceIp"]
    limits = {"h": os.environ["CAP_CLIENT_HOURLY"], f"m{now // 60 % 60}": os.environ["CAP_CLIENT_MINUTELY"]}
    count(f"CLIENT#{client}#{now // 3600}", limits, now)
    read = dynamodb.batch_get_item(
        RequestItems={
            PORTALS_TABLE: {"Keys": [{"pk": {"S": f"PORTAL#{portal}"}, "sk": {"S": "PORTAL"}}]},
            CODES_TABLE: {"Keys": [recipient_key]},
        }
    )["Responses"]
    version, pepper = load_keys()
    if not read[PORTALS_TABLE]:
        return answer(404, {"type": "not-found"})
    known = read[CODES_TABLE][0] if read[CODES_TABLE] else {"revision": {"N": "0"}, "sends": {"S": "[]"}, "failures": {"N": "0"}}
    revision = int(known["revision"]["N"])

    flow = secrets.token_bytes(16)
    code = f"{secrets.randbelow(1_000_000):06}"
    bound = portal.encode() + flow + code.encode() + request["purpose"].encode() + phone.encode()
    condition = {"ConditionExpression": "attribute_not_exists(pk)"}
    if revision:
        condition = {
            "ConditionExpression": "revision = :revision",
            "ExpressionAttributeValues": {":revision": {"N": str(revision)}},
        }
    dynamodb.put_item(
        TableName=CODES_TABLE,
        Item={
            **recipient_key,
            "sends": {"S": json.dumps([*json.loads(known["sends"]["S"]), now])},
            "failures": known["failures"],
            "revision": {"N": str(revision + 1)},
            "flow": {"B": flow},
            "hash": {"B": hmac.digest(pepper, bound, "sha256")},
            "secretVersion": {"S": version},
            "purpose": {"S": request["purpose"]},
            "expires": {"N": str((now + 300) * 1000)},
            "left": {"N": "5"},
            "address": {"S": phone},
            "ttl": {"N": str(now + 300 + 86_400)},
        },
        **condition,
    )
    count(f"PORTAL#{portal}#SENT#{now // 3600}", {"h": os.environ["CAP_PORTAL_HOURLY"]}, now)
    if request.get("locale") == "zh":
        text = f"您的登录验证码是：{code}。5 分钟内有效，请勿告诉他人。"
    else:
        text = f"Your login verification code is: {code}. It is valid for 5 minutes. Do not share it with anyone."
    sns.publish(PhoneNumber=phone, Message=f"【{os.environ['DEFAULT_SIGNATURE']}】{text}")
    interval = int(os.environ["CAP_RECIPIENT_INTERVAL_SECONDS"])
    sent = {"flow": base64url(recipient + flow), "channel": "sms", "expiresIn": 300, "resendIn": interval}
    return answer(202, sent)
