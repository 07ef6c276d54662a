// A server of MCP 2026-07-28 (TypeScript SDK 2) with what the official suite's
// scenarios of that revision ask for by name: questions of a call's own
// (SEP-2322), a state that comes back, headers for parameters (SEP-2243), and a
// tool that wants a capability.
import crypto from 'node:crypto';
import http from 'node:http';
import { Readable } from 'node:stream';

import { createMcpHandler, inputRequired, LOG_LEVEL_META_KEY, ProtocolError, Server } from '@modelcontextprotocol/server';

import { serve, text } from './what.mjs';

const key = crypto.randomBytes(32);
const mac = (s) => crypto.createHmac('sha256', key).update(s).digest('base64url');
const sign = (s) => `${s}.${mac(s)}`;
const invalid = (why) => new ProtocolError(-32602, why);

// signed is what a state that came back says; anything but one of ours is refused.
function signed(ctx) {
  const came = typeof ctx.mcpReq.requestState === 'function' ? ctx.mcpReq.requestState() : ctx.mcpReq.requestState;
  return checked(came);
}

function checked(state) {
  const [value, tag] = String(state ?? '').split('.');
  if (tag !== mac(value)) throw invalid('the request state is not one of this server');
  return value;
}

let present; // the server of this request
const capabilities = (ctx) => ctx.mcpReq.envelope?.clientCapabilities ?? present.getClientCapabilities() ?? {};
const ask = (message, properties) => inputRequired.elicit({
  message, requestedSchema: { type: 'object', properties, required: Object.keys(properties) },
});
const answers = (ctx) => ctx.mcpReq.inputResponses ?? {};
const greet = { messages: [{ role: 'user', content: { type: 'text', text: 'Say hello' } }], maxTokens: 50 };
const name = { name: { type: 'string' } };

const tools = {
  test_input_required_result_elicitation: (_, ctx) => {
    const got = answers(ctx).user_name;
    if (!got) return inputRequired({ inputRequests: { user_name: ask('What is your name?', name) } });
    return text(`Hello, ${got.content?.name}!`);
  },
  test_input_required_result_sampling: (_, ctx) => {
    const got = answers(ctx).capital_question;
    return got ? text(JSON.stringify(got)) : inputRequired({ inputRequests: { capital_question: inputRequired.createMessage(greet) } });
  },
  test_input_required_result_list_roots: (_, ctx) => {
    const got = answers(ctx).client_roots;
    return got ? text(JSON.stringify(got)) : inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
  },
  test_input_required_result_request_state: (_, ctx) => {
    if (!answers(ctx).confirm) {
      return inputRequired({ inputRequests: { confirm: ask('Please confirm', { ok: { type: 'boolean' } }) }, requestState: sign('confirm') });
    }
    return text(signed(ctx) === 'confirm' ? 'state-ok' : 'another state');
  },
  test_input_required_result_tampered_state: (_, ctx) => {
    if (!answers(ctx).confirm) {
      return inputRequired({ inputRequests: { confirm: ask('Please confirm', { ok: { type: 'boolean' } }) }, requestState: sign('tampered') });
    }
    return text(signed(ctx));
  },
  test_input_required_result_multiple_inputs: (_, ctx) => {
    const got = answers(ctx);
    if (got.user_name && got.greeting && got.client_roots) return text(signed(ctx));
    return inputRequired({
      inputRequests: { user_name: ask('What is your name?', name), greeting: inputRequired.createMessage(greet), client_roots: inputRequired.listRoots() },
      requestState: sign('three'),
    });
  },
  test_input_required_result_multi_round: (_, ctx) => {
    const got = answers(ctx);
    if (got.step2 && signed(ctx) === 'two') return text('done');
    if (got.step1 && signed(ctx) === 'one') {
      return inputRequired({ inputRequests: { step2: ask('Step 2: What is your favorite color?', { color: { type: 'string' } }) }, requestState: sign('two') });
    }
    return inputRequired({ inputRequests: { step1: ask('Step 1: What is your name?', name) }, requestState: sign('one') });
  },
  test_input_required_result_capabilities: (_, ctx) => {
    const can = capabilities(ctx);
    const inputRequests = {};
    if (can.elicitation) inputRequests.user_name = ask('What is your name?', name);
    if (can.sampling) inputRequests.greeting = inputRequired.createMessage(greet);
    return Object.keys(inputRequests).length ? inputRequired({ inputRequests }) : text('the client can do neither');
  },
  test_missing_capability: (_, ctx) => {
    const can = capabilities(ctx);
    if (!can.sampling) throw new ProtocolError(-32021, 'sampling is wanted', { requiredCapabilities: { sampling: {} } });
    return text('sampled');
  },
  test_streaming_elicitation: (_, ctx) => (answers(ctx).user_name ? text('asked') : inputRequired({ inputRequests: { user_name: ask('What is your name?', name) } })),
  test_logging_tool: async (_, ctx) => {
    if (ctx.mcpReq._meta?.[LOG_LEVEL_META_KEY]) await ctx.mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data: 'logged' } });
    return text('logged');
  },
  test_custom_headers: (args) => text(JSON.stringify(args)),
};
const annotated = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } };

const asksFirst = (ctx) => {
  const got = answers(ctx).user_context;
  if (!got) return inputRequired({ inputRequests: { user_context: ask('What context should the prompt use?', { context: { type: 'string' } }) } });
  return { messages: [{ role: 'user', content: { type: 'text', text: String(got.content?.context) } }] };
};

// The SDK's lower half: its upper one makes a result of what a tool throws, and
// the refusal of a missing capability is an error of the protocol.
function make() {
  const server = new Server(
    { name: 'conformance', version: '1' },
    { capabilities: { tools: {}, prompts: {} }, requestState: { verify: (state) => { checked(state); } } },
  );
  server.setRequestHandler('tools/list', () => ({
    tools: Object.keys(tools).map((tool) => ({
      name: tool, description: tool, inputSchema: tool === 'test_custom_headers' ? annotated : { type: 'object', properties: {} },
    })),
  }));
  server.setRequestHandler('tools/call', (request, ctx) => {
    const act = tools[request.params.name];
    if (!act) throw invalid(`there is no tool ${request.params.name}`);
    return act(request.params.arguments ?? {}, ctx);
  });
  server.setRequestHandler('prompts/list', () => ({ prompts: [{ name: 'test_input_required_result_prompt', description: 'asks first' }] }));
  server.setRequestHandler('prompts/get', (request, ctx) => {
    if (request.params.name !== 'test_input_required_result_prompt') throw invalid(`there is no prompt ${request.params.name}`);
    return asksFirst(ctx);
  });
  present = server;
  return server;
}

const handler = createMcpHandler(make, { legacy: 'reject', onerror: (error) => console.error(error) });

serve(http.createServer(async (req, res) => {
  const gone = new AbortController();
  res.on('close', () => gone.abort());
  const answer = await handler.fetch(new Request(`http://${req.headers.host}${req.url}`, {
    method: req.method, headers: req.headers, signal: gone.signal, duplex: 'half',
    body: req.method === 'POST' ? Readable.toWeb(req) : undefined,
  }));
  res.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (!answer.body) return res.end();
  const body = Readable.fromWeb(answer.body);
  body.on('error', () => res.destroy());
  res.on('close', () => body.destroy());
  return body.pipe(res);
}));
