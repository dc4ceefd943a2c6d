// Asks through the npm `ai` SDK and its providers, one question after the other, and tells what it made of the answer.
//
// Argument: a file with an array of questions (see `question.rs`). Standard output: a line of JSON for each, in order.

import { readFileSync } from "node:fs";
import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createCohere } from "@ai-sdk/cohere";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, embed, generateText, jsonSchema, rerank, streamText, tool } from "ai";

const apiKey = "sk-not-a-key";
const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

// What is said of things that do not matter here goes to standard error.
globalThis.AI_SDK_LOG_WARNINGS = false;

const provider = (create, prefix = "") => (base) => create({ apiKey, baseURL: base + prefix });
const openai = provider(createOpenAI, "/v1");
const models = {
  ai_openai_chat: (base, model) => openai(base).chat(model),
  ai_openai_responses: (base, model) => openai(base).responses(model),
  ai_anthropic: (base, model) => provider(createAnthropic, "/v1")(base)(model),
  ai_google: (base, model) => provider(createGoogleGenerativeAI, "/v1beta")(base)(model),
  ai_bedrock: (base, model) => provider(createAmazonBedrock)(base)(model),
  ai_cohere: (base, model) => provider(createCohere, "/v2")(base)(model),
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
  const options = { model: models[call](base, model), prompt, headers, tools, maxRetries: 0, maxOutputTokens: 1000 };
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

// An error as far as it is compared. `own`: it is one of the SDK's.
function error(raised) {
  const own = APICallError.isInstance(raised);
  let inner = {};
  try {
    inner = JSON.parse(own ? raised.responseBody : JSON.stringify(raised));
    inner = inner.error ?? inner;
  } catch {
    // No JSON: nothing to tell of it.
  }
  return {
    type: raised?.name ?? "an event",
    own,
    status: raised?.statusCode,
    kind: inner.type ?? inner.status,
    code: inner.code ?? undefined,
    message: String(raised?.message ?? JSON.stringify(raised)).slice(0, 300),
    retry_after: raised?.responseHeaders?.["retry-after"],
  };
}

for (const question of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  const answer = {};
  try {
    await ask(question, answer);
  } catch (raised) {
    answer.error = error(raised);
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
