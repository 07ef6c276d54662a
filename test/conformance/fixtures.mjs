// An MCP server (2025-11-25, the official TypeScript SDK) with the tools,
// resources and prompts that the suite's server scenarios ask for by name. Prints
// {"url":"http://127.0.0.1:PORT/mcp"} when ready and ends with its stdin.
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import process from 'node:process';

import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as t from '@modelcontextprotocol/sdk/types.js';

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';
const text = (s) => ({ type: 'text', text: s });
const image = { type: 'image', data: PNG, mimeType: 'image/png' };
const embedded = (uri, mimeType, s) => ({ type: 'resource', resource: { uri, mimeType, text: s } });
const strings = (...names) => ({ type: 'object', properties: Object.fromEntries(names.map((n) => [n, { type: 'string' }])), required: names });
const pause = () => new Promise((resolve) => { setTimeout(resolve, 50); });

// The keywords of JSON Schema 2020-12 that must not be lost on the way.
const richSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

const defaults = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
  required: [],
};
const titled = (...pairs) => pairs.map(([value, title]) => ({ const: value, title }));
const enums = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: { type: 'string', oneOf: titled(['value1', 'First Option'], ['value2', 'Second Option'], ['value3', 'Third Option']) },
    legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
    untitledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
    titledMulti: {
      type: 'array', minItems: 1, maxItems: 3, items: { anyOf: titled(['value1', 'First Choice'], ['value2', 'Second Choice'], ['value3', 'Third Choice']) },
    },
  },
  required: [],
};

const elicit = (extra, message, requestedSchema) => extra.sendRequest({ method: 'elicitation/create', params: { message, requestedSchema } }, t.ElicitResultSchema);
const sample = (extra, prompt) => extra.sendRequest({
  method: 'sampling/createMessage', params: { messages: [{ role: 'user', content: text(prompt) }], maxTokens: 100 },
}, t.CreateMessageResultSchema);
const roots = (extra) => extra.sendRequest({ method: 'roots/list' }, t.ListRootsResultSchema);
const answered = (a) => `action=${a.action}, content=${JSON.stringify(a.content ?? {})}`;
const named = (property) => ({ type: 'object', properties: { [property]: { type: 'string' } }, required: [property] });

// Each gives the content of its result.
const tools = {
  test_simple_text: { run: () => [text('This is a simple text response for testing.')] },
  test_custom_headers: { // an annotation that a server of this revision knows nothing of, and Drawbridge does
    schema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } },
    run: () => [text('called')],
  },
  test_image_content: { run: () => [image] },
  test_audio_content: { run: () => [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] },
  test_embedded_resource: { run: () => [embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')] },
  test_multiple_content_types: {
    run: () => [text('Multiple content types test:'), image, embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}')],
  },
  async test_tool_with_logging(args, extra) {
    for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } });
      await pause();
    }
    return [text('Tool with logging executed successfully')];
  },
  async test_tool_with_progress(args, extra) {
    const progressToken = extra._meta?.progressToken ?? 0;
    for (const progress of [0, 50, 100]) {
      await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
      await pause();
    }
    return [text(String(progressToken))];
  },
  test_error_handling: { run: () => { throw new Error('This tool intentionally returns an error for testing'); } },
  async test_reconnection() {
    await pause();
    return [text('Reconnection test completed successfully.')];
  },
  test_sampling: { schema: strings('prompt'), run: async (args, extra) => [text(`LLM response: ${(await sample(extra, args.prompt)).content.text}`)] },
  test_elicitation: {
    schema: strings('message'), run: async (args, extra) => [text(`User response: ${answered(await elicit(extra, args.message, named('response')))}`)],
  },
  test_elicitation_sep1034_defaults: { run: async (args, extra) => [text(`Elicitation completed: ${answered(await elicit(extra, 'Please review', defaults))}`)] },
  test_elicitation_sep1330_enums: { run: async (args, extra) => [text(`Elicitation completed: ${answered(await elicit(extra, 'Please select', enums))}`)] },
  json_schema_2020_12_tool: { schema: richSchema, run: (args) => [text(JSON.stringify(args))] },
  // What a server of 2026-07-28 asks in its result, this one asks during the call.
  test_input_required_result_elicitation: {
    run: async (args, extra) => [text(`Hello, ${(await elicit(extra, 'What is your name?', named('name'))).content?.name}!`)],
  },
  test_input_required_result_sampling: { run: async (args, extra) => [text((await sample(extra, 'What is the capital of France?')).content.text)] },
  test_missing_capability: { run: async (args, extra) => [text((await sample(extra, 'Anything')).content.text)] },
  test_streaming_elicitation: { run: async (args, extra) => [text(answered(await elicit(extra, 'Go on?', named('answer'))))] },
  async test_logging_tool(args, extra) {
    await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data: 'A log message' } });
    return [text('Logged')];
  },
  async test_trigger_tool_change(args, extra) {
    await extra.sendNotification({ method: 'notifications/tools/list_changed' });
    return [text('Changed')];
  },
  async test_trigger_prompt_change(args, extra) {
    await extra.sendNotification({ method: 'notifications/prompts/list_changed' });
    return [text('Changed')];
  },
  test_input_required_result_list_roots: { run: async (args, extra) => [text(JSON.stringify((await roots(extra)).roots))] },
};

const resources = {
  'test://static-text': { mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
  'test://static-binary': { mimeType: 'image/png', blob: PNG },
  'test://watched-resource': { mimeType: 'text/plain', text: 'Watched resource content' },
};

const prompts = {
  test_simple_prompt: { run: () => [text('This is a simple prompt for testing.')] },
  test_prompt_with_arguments: { names: ['arg1', 'arg2'], run: (a) => [text(`Prompt with arguments: arg1='${a.arg1}', arg2='${a.arg2}'`)] },
  test_prompt_with_embedded_resource: {
    names: ['resourceUri'], run: (a) => [embedded(a.resourceUri, 'text/plain', 'Embedded resource content for testing.'), text('Please process the embedded resource above.')],
  },
  test_prompt_with_image: { run: () => [image, text('Please analyze the image above.')] },
};

function makeServer() {
  const server = new Server({ name: 'fixtures', version: '1.0.0' }, {
    capabilities: { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true }, prompts: { listChanged: true }, logging: {}, completions: {} },
  });
  const on = (schema, handler) => server.setRequestHandler(schema, handler);
  on(t.ListToolsRequestSchema, () => ({
    tools: Object.entries(tools).map(([name, tool]) => ({ name, description: name, inputSchema: tool.schema ?? { type: 'object', properties: {} } })),
  }));
  on(t.CallToolRequestSchema, async ({ params }, extra) => {
    const tool = tools[params.name];
    if (!tool) throw new t.McpError(t.ErrorCode.InvalidParams, `Unknown tool: ${params.name}`);
    try {
      return { content: await (tool.run ?? tool)(params.arguments ?? {}, extra) };
    } catch (err) {
      return { content: [text(err.message)], isError: true };
    }
  });
  on(t.ListResourcesRequestSchema, () => ({ resources: Object.entries(resources).map(([uri, r]) => ({ uri, name: uri.slice(7), mimeType: r.mimeType })) }));
  on(t.ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template', mimeType: 'application/json' }] }));
  on(t.ReadResourceRequestSchema, ({ params: { uri } }) => {
    const [, id] = /^test:\/\/template\/(.+)\/data$/.exec(uri) ?? [];
    const found = id ? { mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) } : resources[uri];
    if (!found) throw new t.McpError(-32002, `Resource not found: ${uri}`, { uri });
    return { contents: [{ uri, ...found }] };
  });
  for (const schema of [t.SubscribeRequestSchema, t.UnsubscribeRequestSchema, t.SetLevelRequestSchema]) on(schema, () => ({}));
  on(t.ListPromptsRequestSchema, () => ({
    prompts: Object.entries(prompts).map(([name, p]) => ({ name, description: name, arguments: (p.names ?? []).map((n) => ({ name: n, required: true })) })),
  }));
  on(t.GetPromptRequestSchema, ({ params }) => {
    const prompt = prompts[params.name];
    if (!prompt) throw new t.McpError(t.ErrorCode.InvalidParams, `Unknown prompt: ${params.name}`);
    return { messages: prompt.run(params.arguments ?? {}).map((content) => ({ role: 'user', content })) };
  });
  on(t.CompleteRequestSchema, () => ({ completion: { values: [], total: 0, hasMore: false } }));
  return server;
}

const transports = new Map();
const listener = http.createServer(async (req, res) => {
  let transport = transports.get(req.headers['mcp-session-id']);
  if (!transport && req.headers['mcp-session-id']) {
    res.writeHead(404).end();
    return;
  }
  if (!transport) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => transports.set(id, transport),
      onsessionclosed: (id) => transports.delete(id),
    });
    await makeServer().connect(transport);
  }
  await transport.handleRequest(req, res);
});
listener.requestTimeout = 0;
listener.keepAliveTimeout = 60_000; // after Node's own 5 s, a connection ends just when a call comes, on a busy machine
listener.listen(0, '127.0.0.1', () => process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${listener.address().port}/mcp` })}\n`));
process.stdin.resume().on('end', () => process.exit(0));
