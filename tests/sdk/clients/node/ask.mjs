// Calls models through the npm package `ai` with its providers and through the official SDKs for Node.js, and prints the results.
//
// Argument: a file with an array of calls (see `question.rs`). Standard output: a line of JSON for each, in order.

import { readFileSync } from "node:fs";
import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createCohere } from "@ai-sdk/cohere";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createMistral } from "@ai-sdk/mistral";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { APICallError, RetryError, embed, generateText, jsonSchema, rerank, streamText, tool } from "ai";

const apiKey = "sk-not-a-key";
const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

// Warnings go to standard output otherwise.
globalThis.AI_SDK_LOG_WARNINGS = false;

// SDKs wait between retries, which are counted and not timed. The timeouts of calls are longer.
const { setTimeout } = globalThis;
globalThis.setTimeout = (callback, delay, ...rest) => setTimeout(callback, delay > 90_000 ? delay : 0, ...rest);

const provider = (create, prefix = "") => (base) => create({ apiKey, baseURL: base + prefix });
const openai = provider(createOpenAI, "/v1");
const models = {
  ai_openai_chat: (base, model) => openai(base).chat(model),
  ai_openai_responses: (base, model) => openai(base).responses(model),
  ai_anthropic: (base, model) => provider(createAnthropic, "/v1")(base)(model),
  ai_google: (base, model) => provider(createGoogleGenerativeAI, "/v1beta")(base)(model),
  ai_bedrock: (base, model) => provider(createAmazonBedrock)(base)(model),
  ai_cohere: (base, model) => provider(createCohere, "/v2")(base)(model),
  ai_mistral: (base, model) => provider(createMistral, "/v1")(base)(model),
  ai_openai_compatible: (base, model) =>
    createOpenAICompatible({ apiKey, baseURL: `${base}/v1`, name: "compatible", includeUsage: true })(model),
};

const tool_of_openai = { type: "function", function: { name: "get_weather", parameters: schema } };

const clients = {
  async openai_js_chat({ base, model, prompt, headers, stream, tools, retries }, answer) {
    const client = new OpenAI({ apiKey, baseURL: `${base}/v1`, ...(retries ? {} : { maxRetries: 0 }) });
    const request = { model, messages: [{ role: "user", content: prompt }], ...(tools && { tools: [tool_of_openai] }) };
    const counted = (of) => ({
      input: of.prompt_tokens,
      output: of.completion_tokens,
      cached: of.prompt_tokens_details?.cached_tokens ?? 0,
      reasoning: of.completion_tokens_details?.reasoning_tokens ?? 0,
    });
    if (!stream) {
      const got = await client.chat.completions.create(request, { headers });
      const [{ message, finish_reason }] = got.choices;
      const calls = (message.tool_calls ?? []).map((call) => [call.function.name, call.function.arguments]);
      Object.assign(answer, { text: message.content ?? "", tools: calls, finish: finish_reason, usage: counted(got.usage) });
      return;
    }
    Object.assign(answer, { text: "", tools: [] });
    const options = { ...request, stream: true, stream_options: { include_usage: true } };
    for await (const chunk of await client.chat.completions.create(options, { headers })) {
      if (chunk.usage) answer.usage = counted(chunk.usage);
      for (const { delta, finish_reason } of chunk.choices) {
        answer.text += delta.content ?? "";
        for (const call of delta.tool_calls ?? []) {
          if (call.id) answer.tools.push([call.function.name, ""]);
          answer.tools.at(-1)[1] += call.function.arguments ?? "";
        }
        if (finish_reason) answer.finish = finish_reason;
      }
    }
  },

  async openai_js_responses({ base, model, prompt, headers, stream, tools, retries }, answer) {
    const client = new OpenAI({ apiKey, baseURL: `${base}/v1`, ...(retries ? {} : { maxRetries: 0 }) });
    const { name, parameters } = tool_of_openai.function;
    const request = { model, input: prompt, ...(tools && { tools: [{ type: "function", name, parameters }] }) };
    const whole = (got) => {
      const calls = got.output.filter((item) => item.type === "function_call");
      answer.text = got.output_text;
      answer.tools = calls.map((call) => [call.name, call.arguments]);
      answer.finish = got.incomplete_details?.reason ?? got.status;
      answer.usage = {
        input: got.usage.input_tokens,
        output: got.usage.output_tokens,
        cached: got.usage.input_tokens_details?.cached_tokens ?? 0,
        reasoning: got.usage.output_tokens_details?.reasoning_tokens ?? 0,
      };
    };
    if (!stream) {
      whole(await client.responses.create(request, { headers }));
      return;
    }
    Object.assign(answer, { text: "", tools: [] });
    const got = client.responses.stream(request, { headers });
    for await (const event of got) {
      if (event.type === "response.output_text.delta") answer.text += event.delta;
      if (event.type === "response.failed") {
        // The SDK returns it as an event like any other.
        answer.error = { type: "response.failed", own: true, code: event.response.error.code };
        return;
      }
      if (event.type === "response.incomplete") {
        answer.finish = event.response.incomplete_details.reason;
        return;
      }
    }
    whole(await got.finalResponse());
  },

  async anthropic_js({ base, model, prompt, headers, stream, tools, retries }, answer) {
    const client = new Anthropic({ apiKey, baseURL: base, ...(retries ? {} : { maxRetries: 0 }) });
    const messages = [{ role: "user", content: prompt }];
    const request = { model, max_tokens: 1000, messages };
    if (tools) request.tools = [{ name: "get_weather", input_schema: schema }];
    Object.assign(answer, { text: "", tools: [] });
    let got;
    if (stream) {
      const events = client.messages.stream(request, { headers });
      for await (const event of events) {
        if (event.type === "content_block_delta") answer.text += event.delta.text ?? "";
        if (event.type === "message_delta" && event.delta.stop_reason) answer.finish = event.delta.stop_reason;
      }
      got = await events.finalMessage();
    } else {
      got = await client.messages.create(request, { headers });
    }
    const of = (type) => got.content.filter((block) => block.type === type);
    answer.text = of("text").map((block) => block.text).join("");
    answer.thought = of("thinking").map((block) => block.thinking).join("");
    answer.tools = of("tool_use").map((block) => [block.name, JSON.stringify(block.input)]);
    answer.finish = got.stop_reason;
    const { input_tokens: input, output_tokens: output, cache_read_input_tokens: cached } = got.usage;
    answer.usage = { input, output, cached: cached ?? 0 };
  },
};

function usage(of) {
  return {
    input: of.inputTokens ?? 0,
    output: of.outputTokens ?? 0,
    cached: of.inputTokenDetails?.cacheReadTokens ?? 0,
    reasoning: of.outputTokenDetails?.reasoningTokens ?? 0,
  };
}

const called = (call) => [call.toolName, JSON.stringify(call.input)];

async function ask(question, answer) {
  const { base, call, model, prompt, headers, stream } = question;
  if (clients[call]) {
    await clients[call](question, answer);
    return;
  }
  if (call === "ai_openai_embed") {
    const got = await embed({ model: openai(base).embedding(model), value: prompt, headers, maxRetries: 0 });
    Object.assign(answer, { sizes: [got.embedding.length], usage: { input: got.usage.tokens } });
    return;
  }
  if (call === "ai_cohere_embed") {
    const embedding = provider(createCohere, "/v2")(base).embedding(model);
    const got = await embed({ model: embedding, value: prompt, headers, maxRetries: 0 });
    Object.assign(answer, { sizes: [got.embedding.length], usage: { input: got.usage.tokens } });
    return;
  }
  if (call === "ai_cohere_rerank") {
    const reranking = provider(createCohere, "/v2")(base).reranking(model);
    const documents = ["a tree", `this ${prompt}`, "violence?"];
    const got = await rerank({ model: reranking, query: prompt, documents, topN: 2, headers, maxRetries: 0 });
    answer.order = got.ranking.map((ranked) => ranked.originalIndex);
    return;
  }
  const tools = question.tools ? { get_weather: tool({ inputSchema: jsonSchema(schema) }) } : undefined;
  const options = { model: models[call](base, model), prompt, headers, tools, maxOutputTokens: 1000 };
  if (!question.retries) options.maxRetries = 0;
  if (!stream) {
    const got = await generateText(options);
    answer.text = got.text;
    answer.thought = got.reasoningText ?? "";
    answer.tools = got.toolCalls.map(called);
    answer.finish = got.finishReason;
    answer.usage = usage(got.usage);
    return;
  }
  Object.assign(answer, { text: "", thought: "", tools: [] });
  const got = streamText({ ...options, onError: () => {} });
  for await (const part of got.fullStream) {
    if (part.type === "text-delta") answer.text += part.text;
    if (part.type === "reasoning-delta") answer.thought += part.text;
    if (part.type === "tool-call") answer.tools.push(called(part));
    if (part.type === "finish") Object.assign(answer, { finish: part.finishReason, usage: usage(part.totalUsage) });
    if (part.type === "error") throw part.error;
  }
}

// Returns the compared parts of an error. `own`: its class is one of the SDK.
function error(thrown) {
  const exhausted = RetryError.isInstance(thrown);
  const raised = exhausted ? thrown.lastError : thrown;
  const official = raised instanceof OpenAI.APIError || raised instanceof Anthropic.APIError;
  const own = official || APICallError.isInstance(raised);
  let inner = {};
  try {
    if (official) inner = raised.error ?? {};
    else inner = JSON.parse(own ? raised.responseBody : JSON.stringify(raised));
    inner = inner.error ?? inner;
  } catch {
    // No JSON.
  }
  const name = official ? raised.constructor.name : thrown?.name;
  return {
    type: name ?? "an event",
    own,
    status: raised?.statusCode ?? raised?.status,
    kind: inner.type ?? inner.status,
    code: inner.code ?? undefined,
    message: String(raised?.message ?? JSON.stringify(raised)).slice(0, 300),
    retry_after: raised?.responseHeaders?.["retry-after"] ?? (official ? raised.headers?.get("retry-after") : undefined),
  };
}

const questions = JSON.parse(readFileSync(process.argv[2], "utf8"));
const answers = questions.map(() => ({}));
let next = 0;

// Makes one call after the other.
async function work() {
  while (next < questions.length) {
    const at = next;
    next += 1;
    try {
      await ask(questions[at], answers[at]);
    } catch (raised) {
      answers[at].error = error(raised);
    }
  }
}

await Promise.all([work(), work(), work(), work()]);
for (const answer of answers) process.stdout.write(JSON.stringify(answer) + "\n");
