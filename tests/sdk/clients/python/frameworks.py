"""Calls models through frameworks. See `calls.py` for input and output."""

import json
import os

# litellm loads its prices from the network otherwise.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["LITELLM_LOG"] = "CRITICAL"

import anthropic
import anyio
import langchain_anthropic
import langchain_openai
import litellm
import openai
import pydantic_ai
import pydantic_ai.direct
import pydantic_ai.exceptions
import pydantic_ai.messages
import pydantic_ai.models
import pydantic_ai.models.anthropic
import pydantic_ai.models.openai
import pydantic_ai.providers.anthropic
import pydantic_ai.providers.openai
import pydantic_ai.tools

from calls import KEY, SCHEMA, TOOL, chat_usage, main, retries

FUNCTION = {"type": "function", "function": {"name": TOOL, "description": "weather", "parameters": SCHEMA}}


async def immediately(_):
    """The pause of asynchronous SDKs between retries."""


anyio.sleep = immediately

# --- litellm ----------------------------------------------------------------------------------------------------------

litellm.suppress_debug_info = True
litellm.telemetry = False


def litellm_call(question, answer, provider, base):
    options = {"tools": [FUNCTION]} if question["tools"] else {}
    if not question["retries"]:
        options["max_retries"] = 0
    got = litellm.completion(
        model=f"{provider}/{question['model']}",
        messages=[{"role": "user", "content": question["prompt"]}],
        api_key=KEY,
        api_base=base,
        extra_headers=question["headers"],
        stream=question["stream"],
        stream_options={"include_usage": True} if question["stream"] else None,
        timeout=100,
        **options,
    )
    answer.update(text="", thought="", tools=[])
    for chunk in got if question["stream"] else [got]:
        if getattr(chunk, "usage", None):
            answer["usage"] = chat_usage(chunk.usage)
            if provider == "anthropic":
                # The API reports none; litellm estimates them.
                answer["usage"]["reasoning"] = 0
        for choice in chunk.choices:
            message = choice.delta if question["stream"] else choice.message
            answer["text"] += message.content or ""
            answer["thought"] += getattr(message, "reasoning_content", None) or ""
            for call in message.tool_calls or []:
                if call.function.name:
                    answer["tools"].append([call.function.name, ""])
                answer["tools"][-1][1] += call.function.arguments or ""
            if choice.finish_reason:
                answer["finish"] = choice.finish_reason


def litellm_openai(question, answer):
    litellm_call(question, answer, "openai", question["base"] + "/v1")


def litellm_anthropic(question, answer):
    litellm_call(question, answer, "anthropic", question["base"])


# --- langchain --------------------------------------------------------------------------------------------------------


def langchain_call(question, answer, model):
    if question["tools"]:
        model = model.bind_tools([FUNCTION])
    answer.update(text="", thought="", tools=[])
    got = model.stream(question["prompt"]) if question["stream"] else [model.invoke(question["prompt"])]
    whole = None
    for chunk in got:
        for block in [{"type": "text", "text": chunk.content}] if isinstance(chunk.content, str) else chunk.content:
            answer["text"] += block.get("text", "")
            answer["thought"] += block.get("thinking", "")
        whole = chunk if whole is None else whole + chunk
    answer["tools"] = [[call["name"], json.dumps(call["args"])] for call in whole.tool_calls]
    metadata = whole.response_metadata
    answer["finish"] = metadata.get("finish_reason") or metadata.get("stop_reason") or metadata.get("status")
    counted = whole.usage_metadata
    if counted:
        answer["usage"] = {
            "input": counted["input_tokens"],
            "output": counted["output_tokens"],
            "cached": counted.get("input_token_details", {}).get("cache_read") or 0,
            "reasoning": counted.get("output_token_details", {}).get("reasoning") or 0,
        }


def langchain_options(question):
    options = {"model": question["model"], "api_key": KEY, "default_headers": question["headers"], "timeout": 100}
    return options if question["retries"] else options | {"max_retries": 0}


def langchain_openai_chat(question, answer):
    base = question["base"] + "/v1"
    model = langchain_openai.ChatOpenAI(base_url=base, stream_usage=True, **langchain_options(question))
    langchain_call(question, answer, model)


def langchain_openai_responses(question, answer):
    base = question["base"] + "/v1"
    options = {"use_responses_api": True, "stream_usage": True}
    langchain_call(question, answer, langchain_openai.ChatOpenAI(base_url=base, **options, **langchain_options(question)))


def langchain_anthropic_messages(question, answer):
    model = langchain_anthropic.ChatAnthropic(base_url=question["base"], **langchain_options(question))
    langchain_call(question, answer, model)


# --- pydantic-ai ------------------------------------------------------------------------------------------------------


def pydantic_call(question, answer, model):
    messages = [pydantic_ai.messages.ModelRequest.user_text_prompt(question["prompt"])]
    settings = {"extra_headers": question["headers"], "timeout": 100, "max_tokens": 1000}
    definition = pydantic_ai.tools.ToolDefinition(name=TOOL, parameters_json_schema=SCHEMA)
    parameters = pydantic_ai.models.ModelRequestParameters(function_tools=[definition] if question["tools"] else [])
    options = {"model_settings": settings, "model_request_parameters": parameters}
    answer.update(text="", tools=[])
    if question["stream"]:
        with pydantic_ai.direct.model_request_stream_sync(model, messages, **options) as stream:
            for event in stream:
                if isinstance(event, pydantic_ai.messages.PartStartEvent):
                    if isinstance(event.part, pydantic_ai.messages.TextPart):
                        answer["text"] += event.part.content
                elif isinstance(event, pydantic_ai.messages.PartDeltaEvent):
                    if isinstance(event.delta, pydantic_ai.messages.TextPartDelta):
                        answer["text"] += event.delta.content_delta
            got = stream.response
    else:
        got = pydantic_ai.direct.model_request_sync(model, messages, **options)
    parts = got.parts
    answer.update(
        text="".join(part.content for part in parts if isinstance(part, pydantic_ai.messages.TextPart)),
        thought="".join(part.content for part in parts if isinstance(part, pydantic_ai.messages.ThinkingPart)),
        tools=[
            [part.tool_name, part.args_as_json_str()]
            for part in parts
            if isinstance(part, pydantic_ai.messages.ToolCallPart)
        ],
        finish=got.finish_reason,
        usage={
            "input": got.usage.input_tokens,
            "output": got.usage.output_tokens,
            "cached": got.usage.cache_read_tokens,
            "reasoning": got.usage.details.get("reasoning_tokens", 0),
        },
    )


def pydantic_openai_client(question):
    count = retries(question, openai.DEFAULT_MAX_RETRIES)
    client = openai.AsyncOpenAI(api_key=KEY, base_url=question["base"] + "/v1", max_retries=count)
    return pydantic_ai.providers.openai.OpenAIProvider(openai_client=client)


def pydantic_openai_chat(question, answer):
    provider = pydantic_openai_client(question)
    pydantic_call(question, answer, pydantic_ai.models.openai.OpenAIChatModel(question["model"], provider=provider))


def pydantic_openai_responses(question, answer):
    provider = pydantic_openai_client(question)
    model = pydantic_ai.models.openai.OpenAIResponsesModel(question["model"], provider=provider)
    pydantic_call(question, answer, model)


def pydantic_anthropic(question, answer):
    count = retries(question, anthropic.DEFAULT_MAX_RETRIES)
    client = anthropic.AsyncAnthropic(api_key=KEY, base_url=question["base"], max_retries=count)
    provider = pydantic_ai.providers.anthropic.AnthropicProvider(anthropic_client=client)
    pydantic_call(question, answer, pydantic_ai.models.anthropic.AnthropicModel(question["model"], provider=provider))


# ----------------------------------------------------------------------------------------------------------------------


OWN = (
    openai.OpenAIError,
    anthropic.AnthropicError,
    litellm.exceptions.APIError,
    pydantic_ai.exceptions.AgentRunError,
)

if __name__ == "__main__":
    main(globals(), OWN)
