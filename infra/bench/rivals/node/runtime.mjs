// The Lambda Runtime API in as little as it takes: asks for events, answers them.
import { Agent, request } from "node:http";
import { handler } from "./function.mjs";

const [hostname, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request({ hostname, port, agent, method, path: `/2018-06-01/runtime/invocation/${path}`, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => (text += part));
      response.on("end", () => resolve({ headers: response.headers, text }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

async function serve() {
  for (;;) {
    const event = await call("GET", "next");
    const id = event.headers["lambda-runtime-aws-request-id"];
    try {
      await call("POST", `${id}/response`, JSON.stringify(await handler(JSON.parse(event.text))));
    } catch (error) {
      console.error(error);
      await call("POST", `${id}/error`, JSON.stringify({ errorMessage: String(error), errorType: error.name }));
    }
  }
}

serve();
