"""Asks through the official Python SDKs, one question after the other, and tells what each SDK made of the answer.

Argument: a file with an array of questions (see `question.rs`). Standard output: a line of JSON for each, in order.
"""

import json
import sys

import anthropic
import google.genai
import google.genai.errors
import google.genai.types
import ollama
import openai

KEY = "sk-not-a-key"
TOOL = "get_weather"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def told(**members):
    """What of an answer is compared; what is none is left out."""
    return {name: value for name, value in members.items() if value is not None}


def usage(of, **names):
    """The numbers of a usage object, under common names; `a.b` is a member of a member."""
    if of is None:
        return None
    numbers = {}
    for name, path in names.items():
        value = of
        for member in path.split("."):
            value = getattr(value, member, None)
        numbers[name] = value or 0
    return numbers


# --- openai -----------------------------------------------------------------------------------------------------------


# One client each: making one takes longer than asking.
OPENAI = openai.OpenAI(api_key=KEY, base_url="http://127.0.0.1:1", max_retries=0, timeout=100)
AZURE = openai.AzureOpenAI(
    api_key=KEY, api_version="2024-10-21", azure_endpoint="http://127.0.0.1:1", max_retries=0, timeout=100
)
ANTHROPIC = anthropic.Anthropic(api_key=KEY, base_url="http://127.0.0.1:1", max_retries=0, timeout=100)


def openai_client(question):
    if question["call"] == "azure_chat":
        return AZURE.with_options(base_url=question["base"] + "/openai", default_headers=question["headers"])
    return OPENAI.with_options(base_url=question["base"] + "/v1", default_headers=question["headers"])


def chat_usage(of):
    return usage(
        of,
        input="prompt_tokens",
        output="completion_tokens",
        cached="prompt_tokens_details.cached_tokens",
        reasoning="completion_tokens_details.reasoning_tokens",
    )


def openai_chat(question, answer):
    client = openai_client(question)
    tools = [{"type": "function", "function": {"name": TOOL, "parameters": SCHEMA}}]
    options = {"tools": tools} if question["tools"] else {}
    messages = [{"role": "user", "content": question["prompt"]}]
    if not question["stream"]:
        got = client.chat.completions.create(model=question["model"], messages=messages, **options)
        choice = got.choices[0]
        calls = [[call.function.name, call.function.arguments] for call in choice.message.tool_calls or []]
        answer.update(
            told(text=choice.message.content or "", tools=calls, finish=choice.finish_reason, usage=chat_usage(got.usage))
        )
        return
    if question["ask_usage"]:
        options["stream_options"] = {"include_usage": True}
    answer.update(text="", tools=[])
    for chunk in client.chat.completions.create(model=question["model"], messages=messages, stream=True, **options):
        if chunk.usage:
            answer["usage"] = chat_usage(chunk.usage)
        for choice in chunk.choices:
            answer["text"] += choice.delta.content or ""
            for call in choice.delta.tool_calls or []:
                if call.id:
                    answer["tools"].append([call.function.name, ""])
                answer["tools"][-1][1] += call.function.arguments or ""
            if choice.finish_reason:
                answer["finish"] = choice.finish_reason


# The same on Azure, where the model is a deployment in the path as well.
azure_chat = openai_chat


def openai_responses(question, answer):
    client = openai_client(question)
    tools = [{"type": "function", "name": TOOL, "parameters": SCHEMA, "strict": False}]
    options = {"tools": tools} if question["tools"] else {}

    def whole(got):
        calls = [[item.name, item.arguments] for item in got.output if item.type == "function_call"]
        numbers = usage(
            got.usage,
            input="input_tokens",
            output="output_tokens",
            cached="input_tokens_details.cached_tokens",
            reasoning="output_tokens_details.reasoning_tokens",
        )
        answer.update(told(text=got.output_text, tools=calls, finish=got.status, usage=numbers))

    if not question["stream"]:
        whole(client.responses.create(model=question["model"], input=question["prompt"], **options))
        return
    answer.update(text="", tools=[])
    with client.responses.stream(model=question["model"], input=question["prompt"], **options) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                answer["text"] += event.delta
            elif event.type == "response.failed":
                # The SDK hands it over as an event like any other.
                answer["error"] = told(type="response.failed", code=event.response.error.code, own=True)
                return
        deltas = answer["text"]
        whole(stream.get_final_response())
    if deltas != answer["text"]:
        answer["error"] = told(type="the deltas are not the text", message=deltas)


def openai_completions(question, answer):
    client = openai_client(question)
    options = {"model": question["model"], "prompt": question["prompt"]}
    if not question["stream"]:
        got = client.completions.create(**options)
        answer.update(text=got.choices[0].text, finish=got.choices[0].finish_reason, usage=chat_usage(got.usage))
        return
    if question["ask_usage"]:
        options["stream_options"] = {"include_usage": True}
    answer.update(text="")
    for chunk in client.completions.create(stream=True, **options):
        if chunk.usage:
            answer["usage"] = chat_usage(chunk.usage)
        for choice in chunk.choices:
            answer["text"] += choice.text
            if choice.finish_reason:
                answer["finish"] = choice.finish_reason


def openai_embeddings(question, answer):
    got = openai_client(question).embeddings.create(model=question["model"], input=[question["prompt"], "another"])
    answer.update(sizes=[len(item.embedding) for item in got.data], usage=usage(got.usage, input="prompt_tokens"))


def openai_moderations(question, answer):
    got = openai_client(question).moderations.create(model=question["model"], input=question["prompt"])
    answer.update(flagged=got.results[0].flagged)


def openai_transcriptions(question, answer):
    got = openai_client(question).audio.transcriptions.create(
        model=question["model"], file=("speech.wav", b"RIFF" + bytes(2000)), prompt=question["prompt"]
    )
    answer.update(text=got.text, usage=usage(got.usage, input="input_tokens", output="output_tokens"))


def openai_input_tokens(question, answer):
    got = openai_client(question).responses.input_tokens.count(model=question["model"], input=question["prompt"])
    answer.update(usage={"input": got.input_tokens})


def openai_speech(question, answer):
    got = openai_client(question).audio.speech.create(
        model=question["model"], voice="alloy", input=question["prompt"], response_format="wav"
    )
    answer.update(sizes=[len(got.read())])


def openai_images(question, answer):
    got = openai_client(question).images.generate(model=question["model"], prompt=question["prompt"], n=2)
    answer.update(sizes=[len(item.b64_json) for item in got.data], usage=usage(got.usage, output="output_tokens"))


def openai_image_edits(question, answer):
    got = openai_client(question).images.edit(
        model=question["model"], prompt=question["prompt"], image=("image.png", bytes(3000), "image/png")
    )
    answer.update(sizes=[len(item.b64_json) for item in got.data], usage=usage(got.usage, output="output_tokens"))


# --- anthropic --------------------------------------------------------------------------------------------------------


VERTEX = anthropic.AnthropicVertex(
    access_token=KEY,
    region="europe-west1",
    project_id="project",
    base_url="http://127.0.0.1:1",
    max_retries=0,
    timeout=100,
)

BEDROCK = anthropic.AnthropicBedrock(
    aws_access_key=KEY,
    aws_secret_key=KEY,
    aws_region="eu-west-1",
    base_url="http://127.0.0.1:1",
    max_retries=0,
    timeout=100,
)


def anthropic_client(question):
    if question["call"] == "bedrock_messages":
        return BEDROCK.with_options(base_url=question["base"], default_headers=question["headers"])
    if question["call"] == "vertex_messages":
        return VERTEX.with_options(base_url=question["base"] + "/v1", default_headers=question["headers"])
    return ANTHROPIC.with_options(base_url=question["base"], default_headers=question["headers"])


def anthropic_messages(question, answer):
    client = anthropic_client(question)
    options = {"tools": [{"name": TOOL, "input_schema": SCHEMA}]} if question["tools"] else {}
    options.update(
        model=question["model"], max_tokens=1000, messages=[{"role": "user", "content": question["prompt"]}]
    )

    def whole(got):
        calls = [[block.name, json.dumps(block.input)] for block in got.content if block.type == "tool_use"]
        numbers = usage(
            got.usage,
            input="input_tokens",
            output="output_tokens",
            cached="cache_read_input_tokens",
            written="cache_creation_input_tokens",
        )
        text = "".join(block.text for block in got.content if block.type == "text")
        thought = "".join(block.thinking for block in got.content if block.type == "thinking")
        answer.update(told(text=text, thought=thought, tools=calls, finish=got.stop_reason, usage=numbers))

    if not question["stream"]:
        whole(client.messages.create(**options))
        return
    answer.update(text="", tools=[])
    with client.messages.stream(**options) as stream:
        for delta in stream.text_stream:
            answer["text"] += delta
        deltas = answer["text"]
        whole(stream.get_final_message())
    if deltas != answer["text"]:
        answer["error"] = told(type="the deltas are not the text", message=deltas)


# The same on Vertex AI, where the model stands in the path.
vertex_messages = anthropic_messages

# The same in Bedrock's InvokeModel, streamed in binary frames.
bedrock_messages = anthropic_messages


def anthropic_count_tokens(question, answer):
    messages = [{"role": "user", "content": question["prompt"]}]
    got = anthropic_client(question).messages.count_tokens(model=question["model"], messages=messages)
    answer.update(usage={"input": got.input_tokens})


# --- google-genai -----------------------------------------------------------------------------------------------------


def google_client(question):
    options = google.genai.types.HttpOptions(base_url=question["base"], headers=question["headers"], timeout=100_000)
    return google.genai.Client(api_key=KEY, http_options=options)


def google_generate(question, answer):
    client = google_client(question)
    declaration = {"name": TOOL, "parameters_json_schema": SCHEMA}
    tools = [{"function_declarations": [declaration]}] if question["tools"] else None
    off = {"disable": True}
    config = google.genai.types.GenerateContentConfig(tools=tools, automatic_function_calling=off)
    options = {"model": question["model"], "contents": question["prompt"], "config": config}
    generate = client.models.generate_content_stream if question["stream"] else client.models.generate_content
    got = generate(**options)
    answer.update(text="", thought="", tools=[])
    for chunk in got if question["stream"] else [got]:
        for part in chunk.candidates[0].content.parts or []:
            answer["thought" if part.thought else "text"] += part.text or ""
            if part.function_call:
                answer["tools"].append([part.function_call.name, json.dumps(part.function_call.args)])
        if chunk.candidates[0].finish_reason:
            answer["finish"] = chunk.candidates[0].finish_reason.value
        if chunk.usage_metadata:
            answer["usage"] = usage(
                chunk.usage_metadata,
                input="prompt_token_count",
                output="candidates_token_count",
                cached="cached_content_token_count",
                reasoning="thoughts_token_count",
            )


def google_count_tokens(question, answer):
    client = google_client(question)
    got = client.models.count_tokens(model=question["model"], contents=question["prompt"])
    answer.update(usage={"input": got.total_tokens})


def google_embed(question, answer):
    client = google_client(question)
    got = client.models.embed_content(model=question["model"], contents=[question["prompt"]])
    answer.update(sizes=[len(item.values) for item in got.embeddings])


# --- ollama -----------------------------------------------------------------------------------------------------------


def ollama_client(question):
    return ollama.Client(host=question["base"], headers=question["headers"], timeout=100)


def ollama_chat(question, answer):
    tools = [{"type": "function", "function": {"name": TOOL, "parameters": SCHEMA}}] if question["tools"] else None
    messages = [{"role": "user", "content": question["prompt"]}]
    client = ollama_client(question)
    got = client.chat(model=question["model"], messages=messages, tools=tools, stream=question["stream"])
    answer.update(text="", thought="", tools=[])
    for line in got if question["stream"] else [got]:
        answer["text"] += line.message.content or ""
        answer["thought"] += line.message.thinking or ""
        for call in line.message.tool_calls or []:
            answer["tools"].append([call.function.name, json.dumps(call.function.arguments)])
        ollama_end(line, answer)


def ollama_generate(question, answer):
    client = ollama_client(question)
    got = client.generate(model=question["model"], prompt=question["prompt"], stream=question["stream"])
    answer.update(text="", thought="")
    for line in got if question["stream"] else [got]:
        answer["text"] += line.response or ""
        answer["thought"] += line.thinking or ""
        ollama_end(line, answer)


def ollama_embed(question, answer):
    got = ollama_client(question).embed(model=question["model"], input=[question["prompt"], "another"])
    answer.update(sizes=[len(item) for item in got.embeddings], usage=usage(got, input="prompt_eval_count"))


def ollama_end(line, answer):
    if line.done:
        answer.update(finish=line.done_reason, usage=usage(line, input="prompt_eval_count", output="eval_count"))


# ----------------------------------------------------------------------------------------------------------------------


def error(raised):
    """An exception as far as it is compared. `own`: it is one of the SDK's."""
    errors = (openai.OpenAIError, anthropic.AnthropicError, google.genai.errors.APIError, ollama.ResponseError)
    own = isinstance(raised, errors)
    body = getattr(raised, "body", None) or getattr(raised, "details", None)
    inner = body.get("error", body) if isinstance(body, dict) else {}
    response = getattr(raised, "response", None)
    headers = getattr(response, "headers", None) or {}
    return told(
        type=type(raised).__name__,
        own=own,
        status=getattr(raised, "status_code", None) or getattr(raised, "code", None),
        kind=inner.get("type") or inner.get("status"),
        code=inner.get("code"),
        message=str(raised)[:300],
        retry_after=headers.get("retry-after"),
    )


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        questions = json.load(file)
    for question in questions:
        answer = {}
        try:
            globals()[question["call"]](question, answer)
        except Exception as raised:  # whatever it is, it is compared
            answer["error"] = error(raised)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
