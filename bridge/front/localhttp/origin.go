package localhttp

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// fromHere refuses what must not even reach the guard: a Host that is not ours
// (DNS rebinding), a page of another origin (MCP 2025-11-25, security warning),
// and a token in the address, which lands in logs (RFC 6750 §5.3). It answers
// CORS for the origins that the settings name.
func (s *Server) fromHere(w http.ResponseWriter, r *http.Request) bool {
	if !s.cfg.AnyHost && !s.ourHost(r.Host) {
		http.Error(w, "This name is not one of Drawbridge's.", http.StatusForbidden)
		return false
	}
	origin := r.Header.Get("Origin")
	// Browsers say nothing of the page that an image is in or that a GET comes
	// from, but where it stands to us (Fetch Metadata).
	if site := r.Header.Get("Sec-Fetch-Site"); origin == "" && (site == "cross-site" || site == "same-site") {
		http.Error(w, "Pages of other origins may not call Drawbridge.", http.StatusForbidden)
		return false
	}
	if origin != "" {
		named := slices.Contains(s.cfg.Origins, origin)
		if !named && !loopbackOrigin(origin) {
			http.Error(w, "Pages of this origin may not call Drawbridge.", http.StatusForbidden)
			return false
		}
		if named {
			h := w.Header()
			h.Add("Vary", "Origin")
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", "Mcp-Session-Id, WWW-Authenticate, Retry-After")
			if r.Method == http.MethodOptions {
				h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
				h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept, Last-Event-ID, Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name, X-API-Key")
				h.Set("Access-Control-Max-Age", "600")
			}
		}
	}
	for name := range r.URL.Query() {
		switch strings.ToLower(name) {
		case "access_token", "token", "api_key", "apikey", "api-key", "key":
			http.Error(w, "A token in the address is refused; send it in the Authorization header.", http.StatusBadRequest)
			return false
		}
	}
	return true
}

// FromHere puts the checks of Host, Origin and address before another handler.
func (s *Server) FromHere(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if s.fromHere(w, r) {
			h(w, r)
		}
	}
}

func (s *Server) ourHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	return loopback(name) || slices.ContainsFunc(s.cfg.Hosts, func(h string) bool {
		return strings.EqualFold(h, host) || strings.EqualFold(h, name)
	})
}

func loopback(name string) bool {
	if strings.EqualFold(name, "localhost") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

func loopbackOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.User == nil && loopback(u.Hostname())
}
