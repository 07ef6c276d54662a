// Package demo is an OAuth authorization server and a protected MCP server in
// one process, for `make run`, `drawbridge demo` and the tests. Nothing in it
// is pretended: metadata, registration, authorization code with PKCE, signed
// access tokens, rotation of refresh tokens, revocation and the MCP server
// behave as a remote one would.
//
// It must never be reachable from another machine: it lets anybody sign in as
// any of its people, so Start refuses an address that is not loopback and
// every request has to name the loopback address in its Host header (DNS
// rebinding). The tokens that it issues are worth nothing anywhere else: their
// audience is this server, and the key that signs them lives in memory and is
// forgotten with the process, as are clients, grants and sessions.
//
// It must not know Drawbridge: it is the other side of the conversation.
package demo
