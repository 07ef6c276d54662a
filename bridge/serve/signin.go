package serve

import (
	"net/http"
	"strings"

	"drawbridge/bridge/front/localhttp"
)

// SignIn is an authorization server of the bridge's own; *authproxy.Proxy is one.
type SignIn interface {
	// Metadata, Register, Token and Revoke are for programs.
	Metadata(w http.ResponseWriter, r *http.Request)
	Register(w http.ResponseWriter, r *http.Request)
	Token(w http.ResponseWriter, r *http.Request)
	Revoke(w http.ResponseWriter, r *http.Request)
	// Authorize and Callback are for browsers, which come from other sites.
	Authorize(w http.ResponseWriter, r *http.Request)
	Callback(w http.ResponseWriter, r *http.Request)
}

// serverMetadata is where RFC 8414 §3 has the metadata of an authorization server.
const serverMetadata = "/.well-known/oauth-authorization-server"

// signIn puts the authorization server at its paths or, without one, words that
// help whoever looks for it there.
func (c Config) signIn(mux *http.ServeMux, front *localhttp.Server) {
	paths := map[string]http.HandlerFunc{}
	if s := c.SignIn; s != nil {
		paths = map[string]http.HandlerFunc{
			serverMetadata: front.FromHere(s.Metadata), "/oauth/register": front.FromHere(s.Register), "/oauth/token": front.FromHere(s.Token), "/oauth/revoke": front.FromHere(s.Revoke),
			"/oauth/authorize": front.FromAnyPage(s.Authorize), "/oauth/callback": front.FromAnyPage(s.Callback),
		}
		// Clients before MCP 2025-06-18 put the server's path behind it.
		paths[serverMetadata+"/{server}/{endpoint}"] = front.FromHere(func(w http.ResponseWriter, r *http.Request) {
			server, _, _ := strings.Cut(r.PathValue("server"), "@")
			if endpoint := r.PathValue("endpoint"); (endpoint != "mcp" && endpoint != "sse") || !c.Knows(server) {
				http.NotFound(w, r)
				return
			}
			s.Metadata(w, r)
		})
	} else {
		for _, path := range []string{serverMetadata, serverMetadata + "/", "/oauth/register", "/oauth/token", "/oauth/revoke", "/oauth/authorize", "/oauth/callback"} {
			paths[path] = front.FromHere(c.noSignIn)
		}
	}
	for path, h := range paths {
		mux.HandleFunc(path, h)
	}
}

// noSignIn says who signs people in instead.
func (c Config) noSignIn(w http.ResponseWriter, _ *http.Request) {
	text := "This bridge signs nobody in: it takes API keys, which drawbridge key create makes."
	if len(c.Issuers) > 0 {
		text = "This bridge signs nobody in itself. Sign in at " + strings.Join(c.Issuers, " or ") + ", which " + wellKnown + "SERVER/mcp names.\n" +
			"For clients that have to register where that does not allow it, whoever runs the bridge can give --sign-in-client-id; see drawbridge serve --help."
	} else if c.Unguarded {
		text = "This bridge signs nobody in: it asks nobody who they are."
	}
	http.Error(w, text, http.StatusNotFound)
}
