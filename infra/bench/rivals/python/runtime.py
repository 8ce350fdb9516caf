"""The Lambda Runtime API in as little as it takes: asks for events, answers them."""

import http.client
import json
import os
import traceback

from function import handler


def serve():
    service = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def call(method, path, body=None):
        headers = {"Content-Type": "application/json"} if body else {}
        service.request(method, "/2018-06-01/runtime/invocation/" + path, body, headers)
        response = service.getresponse()
        return response.headers, response.read()

    while True:
        headers, event = call("GET", "next")
        request = headers["Lambda-Runtime-Aws-Request-Id"]
        try:
            call("POST", request + "/response", json.dumps(handler(json.loads(event))))
        except Exception as error:  # the service is told, whatever it was
            traceback.print_exc()
            call("POST", request + "/error", json.dumps({"errorMessage": str(error), "errorType": type(error).__name__}))


serve()
