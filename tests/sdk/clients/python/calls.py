"""Runs the calls of a client and prints the results.

Argument: a file with an array of calls (see `question.rs`). Standard output: a line of JSON for each, in order.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

KEY = "sk-not-a-key"
# Base URL of clients that get another one for each call.
NOWHERE = "http://127.0.0.1:1"
TOOL = "get_weather"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def present(**members):
    """The members that are not None."""
    return {name: value for name, value in members.items() if value is not None}


def retries(question, default):
    """Number of retries: that of the SDK, or none."""
    return default if question["retries"] else 0


def usage(of, **names):
    """The numbers of a usage object, under common names; `a.b` is a member of a member."""
    if of is None:
        return None
    numbers = {}
    for name, path in names.items():
        value = of
        for member in path.split("."):
            value = getattr(value, member, None)
        numbers[name] = int(value or 0)
    return numbers


def chat_usage(of):
    """The numbers of a usage object with the names of chat completions."""
    return usage(
        of,
        input="prompt_tokens",
        output="completion_tokens",
        cached="prompt_tokens_details.cached_tokens",
        reasoning="completion_tokens_details.reasoning_tokens",
    )


def error(raised, own):
    """The compared parts of an exception. `own`: its class is one of the SDK."""
    # Of boto3.
    response = getattr(raised, "response", None)
    if isinstance(response, dict):
        metadata = response.get("ResponseMetadata", {})
        return present(
            type=type(raised).__name__,
            own=isinstance(raised, own),
            status=metadata.get("HTTPStatusCode"),
            kind=response["Error"]["Code"],
            message=str(raised)[:300],
            retry_after=metadata.get("HTTPHeaders", {}).get("retry-after"),
        )
    body = getattr(raised, "body", None) or getattr(raised, "details", None)
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            body = None
    inner = body.get("error", body) if isinstance(body, dict) else {}
    if not isinstance(inner, dict):
        inner = {}
    headers = getattr(response, "headers", None) or getattr(raised, "headers", None) or {}
    return present(
        type=type(raised).__name__,
        own=isinstance(raised, own),
        status=getattr(raised, "status_code", None) or getattr(raised, "code", None),
        kind=inner.get("type") or inner.get("status"),
        code=inner.get("code"),
        message=str(raised)[:300],
        retry_after=headers.get("retry-after"),
    )


def call(function, question, own):
    answer = {}
    try:
        function(question, answer)
    except Exception as raised:  # whatever it is, it is compared
        answer["error"] = error(raised, own)
    return answer


def main(functions, own):
    # SDKs wait between retries, which are counted and not timed.
    time.sleep = lambda _: None
    with open(sys.argv[1], encoding="utf-8") as file:
        questions = json.load(file)
    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = pool.map(lambda question: call(functions[question["call"]], question, own), questions)
        for answer in answers:
            print(json.dumps(answer), flush=True)
