// Package oauth is the OAuth that an MCP client needs, as functions: reading a
// challenge (RFC 9110 §11.6.1), discovery (RFC 9728, RFC 8414, OpenID Connect
// Discovery), dynamic registration (RFC 7591), authorization code with PKCE
// (RFC 6749, 7636, 8252, 9207), token and refresh requests (RFC 6749, 8707) and
// revocation (RFC 7009), as the MCP authorization chapter of 2026-07-28 asks
// for them.
//
// It keeps no state: what one call learns, the caller hands to the next. It
// must not know the settings, the keychain, the MCP transport, nor what a token
// says.
package oauth
