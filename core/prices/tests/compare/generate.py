"""Writes pairs.tsv: what the package litellm computes for (model, usage) pairs.

Usage, in a virtual environment with the version of the package that data/models.tsv names (`pip install litellm==VERSION`):

    LITELLM_LOCAL_MODEL_COST_MAP=True python generate.py > pairs.tsv

`cargo xtask prices --compare` does all of this in a temporary environment. ../compare.rs reads the file. The
columns are the model, the provider, the service tier or uplift, the quantities with our names, and the cost in dollars.
"""

import datetime
import decimal
import sys

import litellm
from litellm.cost_calculator import completion_cost, cost_per_token
from litellm.types.utils import (
    CacheCreationTokenDetails,
    CompletionTokensDetailsWrapper,
    ModelResponse,
    PromptTokensDetailsWrapper,
    ServerToolUse,
    Usage,
)

# model, provider, service tier, quantities
PAIRS = []


def add(model, provider, tier="", **quantities):
    PAIRS.append((model, provider, tier, quantities))


# Plain prompts and outputs, of many providers.
for model, provider in [
    ("gpt-4o", "openai"), ("gpt-4o-mini", "openai"), ("gpt-5.6-terra", "openai"), ("gpt-6-luna", "openai"), ("o3", "openai"),
    ("claude-opus-5-5", "anthropic"), ("claude-haiku-5-5", "anthropic"), ("gemini-3.8-flash", "vertex_ai"),
    ("gemini/gemini-2.5-pro", "gemini"), ("azure/gpt-4o", "azure"), ("azure/eu/gpt-4o", "azure"), ("groq/llama-3.3-70b-versatile", "groq"),
    ("mistral/mistral-large-latest", "mistral"), ("deepseek/deepseek-chat", "deepseek"), ("xai/grok-4.7", "xai"),
    ("anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock"), ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock"),
    ("together_ai/openai/gpt-oss-120b", "together_ai"), ("fireworks_ai/accounts/fireworks/models/gpt-oss-120b", "fireworks_ai"),
    ("cohere/command-a-03-2025", "cohere"), ("dashscope/qwen-flash", "dashscope"),
]:
    add(model, provider, input=1234, output=567)
# Cache reads and writes.
for model, provider in [("gpt-4o", "openai"), ("claude-opus-5-5", "anthropic"), ("gemini-2.5-flash", "vertex_ai"), ("deepseek/deepseek-chat", "deepseek")]:
    add(model, provider, input=10000, cached=8000, output=100)
add("claude-opus-5-5", "anthropic", input=10000, cached=2000, cache_write=3000, output=100)
add("claude-opus-5-5", "anthropic", input=10000, cache_write=3000, cache_write_1h=4000, output=100)
add("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock", input=10000, cached=2000, cache_write=1000, cache_write_1h=4000, output=7)
add("gpt-5.6-terra", "openai", input=10000, cache_write_12h=9000, output=10)
add("gpt-5.6-terra", "openai", input=300000, cache_write_12h=290000, output=10)
# Long prompts.
for tokens in [272000, 272001, 500000]:
    add("gpt-5.6-terra", "openai", input=tokens, output=1000)
for tokens in [200000, 200001]:
    add("gemini/gemini-2.5-pro", "gemini", input=tokens, output=1000)
add("gemini/gemini-2.5-pro", "gemini", input=300000, cached=100000, output=1000)
add("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock", input=300000, cached=50000, cache_write=10000, output=1000)
for tokens in [32000, 32001, 256001]:
    add("dashscope/qwen3-coder-plus", "dashscope", input=tokens, cached=1000, output=100)
for tokens in [127999, 128000, 200000, 300000]:
    add("xai/grok-4.7", "xai", input=tokens, output=10)
# Service tiers, also of long prompts.
for tier in ["flex", "priority"]:
    add("gpt-5.6-terra", "openai", tier, input=1000, cached=500, output=1000)
    add("gpt-5.6-terra", "openai", tier, input=300000, cached=500, output=1000)
    add("gemini/gemini-2.5-pro", "gemini", tier, input=1000, cached=500, output=1000)
    add("gemini/gemini-2.5-pro", "gemini", tier, input=300000, output=1000)
add("gpt-4o", "openai", "priority", input=1000, cached=500, output=1000)
add("gpt-4o", "openai", "flex", input=1000, output=1000)
add("sail/zai-org/GLM-5.3", "sail", "balanced", input=1000, output=1000)
# Reasoning.
add("gemini-2.5-flash", "vertex_ai", input=100, output=5000, reasoning=4000)
add("perplexity/sonar-deep-research", "perplexity", input=100, output=5000, reasoning=4000)
add("gemini-2.5-flash", "vertex_ai", "priority", input=100, output=5000, reasoning=4000)
add("o3", "openai", input=100, output=5000, reasoning=4000)
# Audio, images and video in tokens.
add("gemini-2.5-flash", "vertex_ai", input=5000, audio_input=3000, output=100)
add("gemini-2.5-flash", "vertex_ai", input=300000, audio_input=200000, output=100)
add("gpt-audio", "openai", input=500, audio_input=400, output=600, audio_output=500)
add("gpt-realtime", "openai", input=500, audio_input=400, output=600, audio_output=500)
add("gpt-realtime", "openai", input=500, audio_input=400, cached=300, cached_audio=200, output=600, audio_output=500)
add("gpt-4o-mini-tts", "openai", input=500, output=600, audio_output=600)
add("gemini-2.5-flash-image", "vertex_ai", input=300, output=1300, image_output=1290)
add("gemini-3-pro-image", "vertex_ai", input=300, output=1300, image_output=1120)
add("gpt-image-1", "openai", input=1000, image_input=700, output=0)
# Web searches.
add("claude-opus-5-5", "anthropic", input=1000, output=1000, web_searches=3)
add("gemini-2.5-flash", "vertex_ai", input=1000, output=1000, web_searches=3)
add("gemini-3.8-flash", "vertex_ai", input=1000, output=1000, web_searches=3)
# Uplifts.
add("gpt-5.6-terra", "openai", "uplift:eu", input=1000, output=1000)
add("gpt-4o", "openai", "uplift:fedramp", input=1000, output=1000)
add("vertex_ai/gemini-3.5-flash", "vertex_ai", "uplift:regional", input=1000, output=1000)
add("claude-opus-5-5", "anthropic", "uplift:us", input=1000, output=1000)
add("claude-opus-5-5", "anthropic", "fast", input=1000, output=1000)
# Seconds, characters, queries, images, embeddings.
add("whisper-1", "openai", audio_ms=600000)
add("groq/whisper-large-v3", "groq", audio_ms=90500)
add("deepgram/nova-3", "deepgram", audio_ms=61000)
add("tts-1", "openai", characters=1234)
add("tts-1-hd", "openai", characters=1234)
add("cohere/rerank-v3.5", "cohere", queries=2)
add("text-embedding-3-small", "openai", input=100000)
add("text-embedding-3-large", "openai", input=7)
add("gpt-4o-transcribe", "openai", audio_ms=30000)
# Aliases, and other names of one model.
add("claude-opus-latest", "anthropic", input=1000, output=1000)
add("bedrock/claude-opus-latest", "bedrock", input=1000, output=1000)


def usage(q):
    input_, output = q.get("input", 0), q.get("output", 0)
    writes = {key: q.get(key, 0) for key in ("cache_write", "cache_write_1h", "cache_write_12h")}
    details = PromptTokensDetailsWrapper(
        cached_tokens=q.get("cached"), audio_tokens=q.get("audio_input"), image_tokens=q.get("image_input"), video_tokens=q.get("video_input"),
    )
    if "cached_audio" in q:
        details.cached_tokens_details = {"audio_tokens": q["cached_audio"], "text_tokens": q["cached"] - q["cached_audio"]}
    if any(writes.values()):
        details.cache_creation_tokens = sum(writes.values())
        details.cache_creation_token_details = CacheCreationTokenDetails(
            ephemeral_5m_input_tokens=writes["cache_write"], ephemeral_1h_input_tokens=writes["cache_write_1h"],
            **({"ephemeral_12h_input_tokens": writes["cache_write_12h"]} if writes["cache_write_12h"] else {}),
        )
    media = {"reasoning_tokens": q.get("reasoning"), "audio_tokens": q.get("audio_output"), "image_tokens": q.get("image_output")}
    completion = CompletionTokensDetailsWrapper(**media) if any(media.values()) else None
    kwargs = {}
    if any(writes.values()):
        kwargs["cache_creation_input_tokens"] = sum(writes.values())
    if "web_searches" in q:
        kwargs["server_tool_use"] = ServerToolUse(web_search_requests=q["web_searches"])
        details.web_search_requests = q["web_searches"]
    return Usage(
        prompt_tokens=input_, completion_tokens=output, total_tokens=input_ + output, prompt_tokens_details=details,
        completion_tokens_details=completion, **kwargs,
    )


def cost(model, provider, tier, q):
    options = {"model": model, "custom_llm_provider": provider}
    if tier.startswith("uplift:"):
        uplift = tier.removeprefix("uplift:")
        if uplift == "regional":
            options["vertex_location"] = "europe-west1"
        elif provider == "anthropic":
            pass
        else:
            options["data_residency"] = uplift
    elif tier and tier != "fast":
        options["service_tier"] = tier
    if "audio_ms" in q:
        options |= {"call_type": "transcription", "audio_transcription_file_duration": q["audio_ms"] / 1000}
    elif "characters" in q:
        options |= {"call_type": "speech", "prompt_characters": q["characters"]}
    elif "queries" in q:
        options |= {"call_type": "rerank", "rerank_billed_units": {"search_units": q["queries"]}}
    else:
        used = usage(q)
        if tier == "uplift:us":
            used.inference_geo = "us"
        if tier == "fast":
            used.speed = "fast"
        options["usage_object"] = used
        if "web_searches" in q:
            response = ModelResponse(model=model, usage=used)
            return completion_cost(completion_response=response, model=model, custom_llm_provider=provider)
        if "characters" not in q and model.startswith("text-embedding"):
            options["call_type"] = "embedding"
    return sum(cost_per_token(**options))


def dollars(value):
    """Returns the shortest decimal of the first 12 significant digits: what is behind is noise of sums of doubles."""
    return format(decimal.Decimal(f"{value:.12g}"), "f")


def main():
    version = getattr(litellm, "__version__", None)
    if version is None:
        import importlib.metadata

        version = importlib.metadata.version("litellm")
    print(f"# litellm {version}, {datetime.date.today()}: written by generate.py. model, provider, tier, quantities, dollars")
    for model, provider, tier, quantities in PAIRS:
        try:
            result = dollars(cost(model, provider, tier, quantities))
        except Exception as error:  # a model that the package cannot price
            print(f"{model} ({tier}): {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
            continue
        text = " ".join(f"{key}={value}" for key, value in quantities.items())
        print("\t".join([model, provider, tier or "-", text, result]))


main()
