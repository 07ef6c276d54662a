package serve

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// redirect answers what comes over plain HTTP: who brings nothing secret is sent to
// the bridge's https address. Who shows a credential is told that it has crossed the
// network in clear text: sent on, they would never notice.
func (c Config) redirect() http.Handler {
	return c.secure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin, ours := c.tlsOrigin(r.Host)
		switch {
		case !ours: // else anybody's link would lead wherever its Host says
			http.Error(w, "This name is not one of Drawbridge's.", http.StatusForbidden)
		case r.Header.Get("Authorization") != "" || r.Header.Get(c.keyHeader()) != "":
			c.Log.Warn("a credential came over plain HTTP", "address", r.RemoteAddr)
			http.Error(w, "Credentials are for "+origin+" only. This one crossed the network in clear text: replace it.", http.StatusForbidden)
		default:
			// 308 keeps the method (RFC 9110 §15.4.9).
			http.Redirect(w, r, origin+r.URL.RequestURI(), http.StatusPermanentRedirect)
		}
	}))
}

// tlsOrigin is where a request for a host belongs: at the public URL, or at the
// same name and the port of TLS. ours is false for a host that is not the bridge.
func (c Config) tlsOrigin(host string) (origin string, ours bool) {
	name := hostOf(host)
	public, err := url.Parse(c.PublicURL)
	if isPublic := c.PublicURL != "" && err == nil && strings.EqualFold(public.Hostname(), name); isPublic {
		return "https://" + public.Host, true
	}
	if !isLoopback(name) && !slices.ContainsFunc(c.hosts(), func(h string) bool { return strings.EqualFold(hostOf(h), name) }) {
		return "", false
	}
	if _, port, err := net.SplitHostPort(c.Listen); err == nil && port != "443" {
		return "https://" + net.JoinHostPort(name, port), true
	}
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	return "https://" + name, true
}

// hostOf is a Host header without port and brackets.
func hostOf(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	return strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
}

func (c Config) keyHeader() string {
	if c.KeyHeader == "" {
		return "X-API-Key"
	}
	return c.KeyHeader
}

// server makes an http.Server with the bounds of the bridge.
func (c Config) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: c.HeadLimit, IdleTimeout: idleLimit, MaxHeaderBytes: maxHead,
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
}

// redirectLimit bounds a request and its answer at the listener that only
// redirects: nothing there takes long.
const redirectLimit = 10 * time.Second
