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
	if !s.toUs(w, r) {
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
				h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept, Last-Event-ID, Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name, "+s.cfg.KeyHeader)
				h.Set("Access-Control-Max-Age", "600")
			}
		}
	}
	return s.noToken(w, r)
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

// FromAnyPage puts the checks of Host and address before a handler to which other
// sites send a browser on purpose. The handler looks itself at where a form comes
// from.
func (s *Server) FromAnyPage(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if s.toUs(w, r) && s.noToken(w, r) {
			h(w, r)
		}
	}
}

// toUs refuses a Host that is not ours.
func (s *Server) toUs(w http.ResponseWriter, r *http.Request) bool {
	if s.cfg.AnyHost || s.ourHost(r.Host) {
		return true
	}
	http.Error(w, "This name is not one of Drawbridge's.", http.StatusForbidden)
	return false
}

// noToken refuses a token in the address.
func (s *Server) noToken(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.RawQuery == "" {
		return true
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil { // what we do not see in it, others might
		http.Error(w, "The query of the address is malformed.", http.StatusBadRequest)
		return false
	}
	for name := range query {
		switch strings.ToLower(name) {
		case "access_token", "id_token", "token", "jwt", "bearer", "authorization", "api_key", "apikey", "api-key", "x-api-key", "key", strings.ToLower(s.cfg.KeyHeader):
			http.Error(w, "A token in the address is refused; send it in the Authorization header.", http.StatusBadRequest)
			return false
		}
	}
	return true
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
