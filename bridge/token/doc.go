// Package token decodes, verifies and explains JSON Web Tokens (RFC 7515, 7519,
// 9068, OpenID Connect Core). Everything that it returns is decoded: neither the
// token nor its signature leaves it.
//
// It must not know where tokens come from or are kept, nor how they are renewed.
package token
