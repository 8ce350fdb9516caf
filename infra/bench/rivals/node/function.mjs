// What send-code does for a phone in China, with the AWS SDK for JavaScript: the same calls, side by side where ours are. It does less
// besides them: a regular expression instead of a library for numbers, no localised problems, no settings of the portal.
import { createHash, createHmac, hkdfSync, randomBytes, randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import { BatchGetItemCommand, DynamoDBClient, PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { NodeHttpHandler } from "@smithy/node-http-handler";

const { PORTALS_TABLE, CODES_TABLE, SECRET_ARN, DEFAULT_SIGNATURE, PORTICO_TRUST_STORE } = process.env;
const { CAP_CLIENT_HOURLY, CAP_CLIENT_MINUTELY, CAP_PORTAL_HOURLY, CAP_RECIPIENT_INTERVAL_SECONDS } = process.env;

const ca = PORTICO_TRUST_STORE && readFileSync(PORTICO_TRUST_STORE);
const requestHandler = new NodeHttpHandler({ httpsAgent: new Agent({ keepAlive: true, ca }) });
const dynamodb = new DynamoDBClient({ requestHandler });
const secrets = new SecretsManagerClient({ requestHandler });
const sns = new SNSClient({ requestHandler });

let keys;
async function loadKeys() {
  if (!keys) {
    const secret = await secrets.send(new GetSecretValueCommand({ SecretId: SECRET_ARN, VersionStage: "AWSCURRENT" }));
    keys = { version: secret.VersionId, pepper: Buffer.from(hkdfSync("sha256", secret.SecretString, "", "portico code pepper v1", 64)) };
  }
  return keys;
}

function count(key, limits, now) {
  const windows = Object.keys(limits);
  return dynamodb.send(
    new UpdateItemCommand({
      TableName: CODES_TABLE,
      Key: { pk: { S: key }, sk: { S: "COUNT" } },
      UpdateExpression: `ADD ${windows.map((name) => `${name} :one`).join(", ")} SET #ttl = :ttl`,
      ConditionExpression: windows.map((name) => `(attribute_not_exists(${name}) OR ${name} < :${name})`).join(" AND "),
      ExpressionAttributeNames: { "#ttl": "ttl" },
      ExpressionAttributeValues: {
        ":one": { N: "1" },
        ":ttl": { N: String(now + 7200) },
        ...Object.fromEntries(windows.map((name) => [`:${name}`, { N: limits[name] }])),
      },
    }),
  );
}

const answer = (statusCode, body) => ({ statusCode, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

export async function handler(event) {
  const { address, purpose, locale } = JSON.parse(event.body);
  const { portal } = event.pathParameters;
  const digits = /^(?:\+?86)?(1[3-9]\d{9})$/.exec(address.replace(/[\s-]/g, ""));
  if (!digits) return answer(422, { type: "address-invalid" });
  const phone = `+86${digits[1]}`;
  const now = Math.floor(Date.now() / 1000);
  const recipient = createHash("sha256").update(portal).update(phone).digest().subarray(0, 16);
  const recipientKey = { pk: { S: `PORTAL#${portal}#RECIPIENT#${recipient.toString("base64url")}` }, sk: { S: "CODE" } };

  const [, read, { version, pepper }] = await Promise.all([
    count(`CLIENT#${event.requestContext.http.sourceIp}#${Math.floor(now / 3600)}`, { h: CAP_CLIENT_HOURLY, [`m${Math.floor(now / 60) % 60}`]: CAP_CLIENT_MINUTELY }, now),
    dynamodb.send(
      new BatchGetItemCommand({
        RequestItems: {
          [PORTALS_TABLE]: { Keys: [{ pk: { S: `PORTAL#${portal}` }, sk: { S: "PORTAL" } }] },
          [CODES_TABLE]: { Keys: [recipientKey] },
        },
      }),
    ),
    loadKeys(),
  ]);
  if (read.Responses[PORTALS_TABLE].length === 0) return answer(404, { type: "not-found" });
  const known = read.Responses[CODES_TABLE][0];
  const revision = Number(known?.revision.N ?? 0);

  const flow = randomBytes(16);
  const code = String(randomInt(1_000_000)).padStart(6, "0");
  const hash = createHmac("sha256", pepper).update(portal).update(flow).update(code).update(purpose).update(phone).digest();
  await Promise.all([
    dynamodb.send(
      new PutItemCommand({
        TableName: CODES_TABLE,
        Item: {
          ...recipientKey,
          sends: { S: JSON.stringify([...JSON.parse(known?.sends.S ?? "[]"), now]) },
          failures: known?.failures ?? { N: "0" },
          revision: { N: String(revision + 1) },
          flow: { B: flow },
          hash: { B: hash },
          secretVersion: { S: version },
          purpose: { S: purpose },
          expires: { N: String((now + 300) * 1000) },
          left: { N: "5" },
          address: { S: phone },
          ttl: { N: String(now + 300 + 86_400) },
        },
        ConditionExpression: revision ? "revision = :revision" : "attribute_not_exists(pk)",
        ...(revision && { ExpressionAttributeValues: { ":revision": { N: String(revision) } } }),
      }),
    ),
    count(`PORTAL#${portal}#SENT#${Math.floor(now / 3600)}`, { h: CAP_PORTAL_HOURLY }, now),
  ]);
  const text =
    locale === "zh"
      ? `您的登录验证码是：${code}。5 分钟内有效，请勿告诉他人。`
      : `Your login verification code is: ${code}. It is valid for 5 minutes. Do not share it with anyone.`;
  await sns.send(new PublishCommand({ PhoneNumber: phone, Message: `【${DEFAULT_SIGNATURE}】${text}` }));
  return answer(202, { flow: Buffer.concat([recipient, flow]).toString("base64url"), channel: "sms", expiresIn: 300, resendIn: Number(CAP_RECIPIENT_INTERVAL_SECONDS) });
}
