"""Calls models through llama-index. See `calls.py` for input and output."""

import json

import openai
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai import OpenAI

from calls import KEY, chat_usage, main


def get_weather(city: str) -> str:
    """Weather."""
    return city


def llama_index_openai(question, answer):
    options = {} if question["retries"] else {"max_retries": 0}
    model = OpenAI(
        model=question["model"],
        api_key=KEY,
        api_base=question["base"] + "/v1",
        default_headers=question["headers"],
        timeout=100,
        additional_kwargs={"stream_options": {"include_usage": True}} if question["stream"] else {},
        **options,
    )
    messages = [ChatMessage(role="user", content=question["prompt"])]
    answer.update(text="", tools=[])
    if question["tools"]:
        options = {"tools": [FunctionTool.from_defaults(get_weather)], "chat_history": messages}
        got = model.stream_chat_with_tools(**options) if question["stream"] else [model.chat_with_tools(**options)]
    else:
        got = model.stream_chat(messages) if question["stream"] else [model.chat(messages)]
    for chunk in got:
        answer["text"] = chunk.message.content or ""
        calls = model.get_tool_calls_from_response(chunk, error_on_no_tool_call=False)
        answer["tools"] = [[call.tool_name, json.dumps(call.tool_kwargs)] for call in calls]
        raw = chunk.raw
        for choice in raw.choices:
            if choice.finish_reason:
                answer["finish"] = choice.finish_reason
        if raw.usage:
            answer["usage"] = chat_usage(raw.usage)


if __name__ == "__main__":
    main(globals(), (openai.OpenAIError,))
