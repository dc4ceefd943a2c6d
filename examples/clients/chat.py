#!/usr/bin/env python3
"""A chat call through Tollgate, with Python's standard library only.

    cargo xtask demo --keep                                        # in another terminal; it prints the gateway's URL
    examples/clients/chat.py http://127.0.0.1:10000 "Why did bridges charge a toll?"
    examples/clients/chat.py http://127.0.0.1:10000 --model fast --no-stream "Name a toll bridge."
    examples/clients/chat.py http://127.0.0.1:10000 "say: write to jane@example.com"     # the address arrives as [email]

Exit status: 0: a response; 1: an error of the gateway, the provider or the network; 2: wrong arguments.
"""

import argparse
import json
import sys
import urllib.error
import urllib.request


def arguments():
    parser = argparse.ArgumentParser(description="A chat call through Tollgate.")
    parser.add_argument("gateway", help="URL of the gateway, e.g. http://127.0.0.1:10000")
    parser.add_argument("prompt")
    parser.add_argument("--model", default="gpt-4o")
    parser.add_argument("--consumer", default="alice", help="consumer that is charged (default: alice)")
    parser.add_argument("--no-stream", action="store_true", help="ask for a response that is not streamed")
    return parser.parse_args()


def call(args):
    """Sends the request and returns the response. Raises `HTTPError` on an error status."""
    body = {"model": args.model, "messages": [{"role": "user", "content": args.prompt}], "stream": not args.no_stream}
    headers = {
        "content-type": "application/json",
        # In production no client sends this: a filter in front of Tollgate sets it from a token or a key.
        "x-tollgate-consumer": args.consumer,
    }
    url = args.gateway.rstrip("/") + "/v1/chat/completions"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    return urllib.request.urlopen(request, timeout=300)


def events(response):
    """Yields the data of each event of a stream as it arrives."""
    data = []
    for line in response:
        line = line.decode().rstrip("\r\n")
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []


def show_stream(response):
    for data in events(response):
        if data == "[DONE]":
            print()
            return
        chunk = json.loads(data)
        if "error" in chunk:
            sys.exit(f"\nthe answer broke off: {chunk['error']['message']}")
        # A chunk without choices carries the usage, if it was asked for.
        for choice in chunk["choices"]:
            print(choice["delta"].get("content") or "", end="", flush=True)
    sys.exit("\nthe answer broke off")


def main():
    args = arguments()
    try:
        with call(args) as response:
            if args.no_stream:
                answer = json.load(response)
                print(answer["choices"][0]["message"]["content"])
                usage = answer["usage"]
                print(f"({usage['prompt_tokens']} tokens in, {usage['completion_tokens']} out)", file=sys.stderr)
            else:
                show_stream(response)
    except urllib.error.HTTPError as refusal:
        # The gateway and the provider both send errors in OpenAI's format.
        error = json.load(refusal)["error"]
        wait = refusal.headers.get("retry-after")
        sys.exit(f"{refusal.code} {error['code']}: {error['message']}" + (f" (try again in {wait} s)" if wait else ""))
    except OSError as error:
        sys.exit(f"{args.gateway}: {error}")


if __name__ == "__main__":
    main()
