"""Calls models through the official Python SDKs. See `calls.py` for input and output."""

import json
import threading

import anthropic
import boto3
import botocore.config
import botocore.exceptions
import cohere
import cohere.core.api_error
import google.genai
import google.genai.errors
import google.genai.types
import mistralai.client
import mistralai.client.errors
import ollama
import openai

from calls import KEY, NOWHERE, SCHEMA, TOOL, chat_usage, main, present, retries, usage


# --- openai -----------------------------------------------------------------------------------------------------------


# One client each: making one takes longer than asking.
OPENAI = openai.OpenAI(api_key=KEY, base_url=NOWHERE, max_retries=0, timeout=100)
AZURE = openai.AzureOpenAI(
    api_key=KEY, api_version="2024-10-21", azure_endpoint=NOWHERE, max_retries=0, timeout=100
)
ANTHROPIC = anthropic.Anthropic(api_key=KEY, base_url=NOWHERE, max_retries=0, timeout=100)


def openai_client(question):
    shared = {"default_headers": question["headers"], "max_retries": retries(question, openai.DEFAULT_MAX_RETRIES)}
    if question["call"] == "azure_chat":
        return AZURE.with_options(base_url=question["base"] + "/openai", **shared)
    return OPENAI.with_options(base_url=question["base"] + "/v1", **shared)


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
            present(text=choice.message.content or "", tools=calls, finish=choice.finish_reason, usage=chat_usage(got.usage))
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
        answer.update(present(text=got.output_text, tools=calls, finish=got.status, usage=numbers))

    if not question["stream"]:
        whole(client.responses.create(model=question["model"], input=question["prompt"], **options))
        return
    answer.update(text="", tools=[])
    with client.responses.stream(model=question["model"], input=question["prompt"], **options) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                answer["text"] += event.delta
            elif event.type == "response.failed":
                # The SDK returns it as an event like any other.
                answer["error"] = present(type="response.failed", code=event.response.error.code, own=True)
                return
        deltas = answer["text"]
        whole(stream.get_final_response())
    if deltas != answer["text"]:
        answer["error"] = present(type="the deltas are not the text", message=deltas)


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
    base_url=NOWHERE,
    max_retries=0,
    timeout=100,
)

BEDROCK = anthropic.AnthropicBedrock(
    aws_access_key=KEY,
    aws_secret_key=KEY,
    aws_region="eu-west-1",
    base_url=NOWHERE,
    max_retries=0,
    timeout=100,
)


def anthropic_client(question):
    shared = {"default_headers": question["headers"], "max_retries": retries(question, anthropic.DEFAULT_MAX_RETRIES)}
    if question["call"] == "bedrock_messages":
        return BEDROCK.with_options(base_url=question["base"], **shared)
    if question["call"] == "vertex_messages":
        return VERTEX.with_options(base_url=question["base"] + "/v1", **shared)
    return ANTHROPIC.with_options(base_url=question["base"], **shared)


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
        answer.update(present(text=text, thought=thought, tools=calls, finish=got.stop_reason, usage=numbers))

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
        answer["error"] = present(type="the deltas are not the text", message=deltas)


# The same on Vertex AI, where the model is in the path.
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


# --- mistralai --------------------------------------------------------------------------------------------------------


def mistral_chat(question, answer):
    client = mistralai.client.Mistral(api_key=KEY, server_url=question["base"], timeout_ms=100_000)
    tools = [{"type": "function", "function": {"name": TOOL, "parameters": SCHEMA}}]
    options = {"tools": tools} if question["tools"] else {}
    options.update(
        model=question["model"],
        messages=[{"role": "user", "content": question["prompt"]}],
        http_headers=question["headers"],
    )

    def calls(message):
        return [[call.function.name, call.function.arguments] for call in message.tool_calls or []]

    if not question["stream"]:
        got = client.chat.complete(**options)
        choice = got.choices[0]
        answer.update(
            text=choice.message.content or "",
            tools=calls(choice.message),
            finish=choice.finish_reason,
            usage=chat_usage(got.usage),
        )
        return
    answer.update(text="", tools=[])
    for event in client.chat.stream(**options):
        if event.data.usage:
            answer["usage"] = chat_usage(event.data.usage)
        for choice in event.data.choices:
            answer["text"] += choice.delta.content or ""
            for name, arguments in calls(choice.delta):
                if name:
                    answer["tools"].append([name, ""])
                answer["tools"][-1][1] += arguments
            if choice.finish_reason:
                answer["finish"] = choice.finish_reason


# --- cohere -----------------------------------------------------------------------------------------------------------


def cohere_chat(question, answer):
    client = cohere.ClientV2(KEY, base_url=question["base"], timeout=100)
    tools = [{"type": "function", "function": {"name": TOOL, "parameters": SCHEMA}}]
    options = {"tools": tools} if question["tools"] else {}
    request_options = {"additional_headers": question["headers"]}
    if not question["retries"]:
        request_options["max_retries"] = 0
    options.update(
        model=question["model"],
        messages=[{"role": "user", "content": question["prompt"]}],
        request_options=request_options,
    )

    def counted(of):
        return usage(of, input="tokens.input_tokens", output="tokens.output_tokens", cached="cached_tokens")

    if not question["stream"]:
        got = client.chat(**options)
        content = got.message.content or []
        answer.update(
            text="".join(part.text for part in content if part.type == "text"),
            thought="".join(part.thinking for part in content if part.type == "thinking"),
            tools=[[call.function.name, call.function.arguments] for call in got.message.tool_calls or []],
            finish=got.finish_reason,
            usage=counted(got.usage),
        )
        return
    answer.update(text="", thought="", tools=[])
    for event in client.chat_stream(**options):
        if event.type == "content-delta":
            content = event.delta.message.content
            answer["text"] += content.text or ""
            answer["thought"] += getattr(content, "thinking", None) or ""
        elif event.type == "tool-call-start":
            function = event.delta.message.tool_calls.function
            answer["tools"].append([function.name, function.arguments or ""])
        elif event.type == "tool-call-delta":
            answer["tools"][-1][1] += event.delta.message.tool_calls.function.arguments
        elif event.type == "message-end":
            answer.update(present(finish=event.delta.finish_reason, usage=counted(event.delta.usage)))
            if event.delta.error:
                # The SDK returns it as an event like any other.
                answer["error"] = present(type="message-end", own=True, message=event.delta.error)


# --- boto3 ------------------------------------------------------------------------------------------------------------


CALLING = threading.local()


def bedrock(**config):
    """A client, which is slow to create. Each call sets its own address and headers by `CALLING`."""
    client = boto3.session.Session().client(
        "bedrock-runtime",
        region_name="eu-west-1",
        endpoint_url=NOWHERE,
        aws_access_key_id=KEY,
        aws_secret_access_key=KEY,
        config=botocore.config.Config(read_timeout=100, **config),
    )
    client.meta.events.register("before-call.bedrock-runtime", address)
    return client


def address(params, **_):
    params["url"] = CALLING.question["base"] + params["url_path"]
    params["headers"].update(CALLING.question["headers"])


ONCE = bedrock(retries={"total_max_attempts": 1})
WITH_RETRIES = bedrock()


def bedrock_client(question):
    CALLING.question = question
    return WITH_RETRIES if question["retries"] else ONCE


def converse_usage(of):
    return {name: of.get(key, 0) for name, key in CONVERSE_USAGE.items()}


CONVERSE_USAGE = {"input": "inputTokens", "output": "outputTokens", "cached": "cacheReadInputTokens"}


def bedrock_converse(question, answer):
    client = bedrock_client(question)
    specification = {"name": TOOL, "inputSchema": {"json": SCHEMA}}
    options = {"toolConfig": {"tools": [{"toolSpec": specification}]}} if question["tools"] else {}
    options.update(modelId=question["model"], messages=[{"role": "user", "content": [{"text": question["prompt"]}]}])
    answer.update(text="", thought="", tools=[])
    if not question["stream"]:
        got = client.converse(**options)
        for block in got["output"]["message"]["content"]:
            answer["text"] += block.get("text", "")
            if "reasoningContent" in block:
                answer["thought"] += block["reasoningContent"]["reasoningText"]["text"]
            if "toolUse" in block:
                answer["tools"].append([block["toolUse"]["name"], json.dumps(block["toolUse"]["input"])])
        answer.update(finish=got["stopReason"], usage=converse_usage(got["usage"]))
        return
    for event in client.converse_stream(**options)["stream"]:
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        answer["text"] += delta.get("text", "")
        answer["thought"] += delta.get("reasoningContent", {}).get("text", "")
        if "contentBlockStart" in event:
            answer["tools"].append([event["contentBlockStart"]["start"]["toolUse"]["name"], ""])
        if "toolUse" in delta:
            answer["tools"][-1][1] += delta["toolUse"]["input"]
        if "messageStop" in event:
            answer["finish"] = event["messageStop"]["stopReason"]
        if "metadata" in event:
            answer["usage"] = converse_usage(event["metadata"]["usage"])


# The same with an application inference profile, whose ARN has an escaped slash in the path.
bedrock_converse_profile = bedrock_converse

INVOKE_USAGE = {"input": "input_tokens", "output": "output_tokens", "cached": "cache_read_input_tokens"}


def bedrock_invoke(question, answer):
    client = bedrock_client(question)
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": question["prompt"]}],
    }
    if question["tools"]:
        body["tools"] = [{"name": TOOL, "input_schema": SCHEMA}]
    options = {"modelId": question["model"], "body": json.dumps(body), "contentType": "application/json"}
    answer.update(text="", thought="", tools=[], usage={})

    def count(of):
        answer["usage"].update({name: of[key] for name, key in INVOKE_USAGE.items() if key in of})

    if not question["stream"]:
        got = json.loads(client.invoke_model(**options)["body"].read())
        for block in got["content"]:
            answer["text"] += block.get("text", "")
            answer["thought"] += block.get("thinking", "")
            if block["type"] == "tool_use":
                answer["tools"].append([block["name"], json.dumps(block["input"])])
        answer["finish"] = got["stop_reason"]
        count(got["usage"])
        return
    for chunk in client.invoke_model_with_response_stream(**options)["body"]:
        event = json.loads(chunk["chunk"]["bytes"])
        delta = event.get("delta", {})
        answer["text"] += delta.get("text", "")
        answer["thought"] += delta.get("thinking", "")
        if event.get("content_block", {}).get("type") == "tool_use":
            answer["tools"].append([event["content_block"]["name"], ""])
        if "partial_json" in delta:
            answer["tools"][-1][1] += delta["partial_json"]
        if delta.get("stop_reason"):
            answer["finish"] = delta["stop_reason"]
        count(event.get("message", {}).get("usage", {}))
        count(event.get("usage", {}))


# The same with an inference profile, whose ARN has an escaped slash in the path.
bedrock_invoke_profile = bedrock_invoke


# ----------------------------------------------------------------------------------------------------------------------


OWN = (
    openai.OpenAIError,
    anthropic.AnthropicError,
    google.genai.errors.APIError,
    ollama.ResponseError,
    mistralai.client.errors.MistralError,
    cohere.core.api_error.ApiError,
    botocore.exceptions.ClientError,
    botocore.exceptions.BotoCoreError,
)

if __name__ == "__main__":
    main(globals(), OWN)
