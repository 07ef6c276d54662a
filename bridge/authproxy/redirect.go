package authproxy

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Redirects say where a browser may be sent with a code. What none of them allows
// is refused, and nobody is sent there.
type Redirects struct {
	// Exact are whole redirect URIs.
	Exact []string
	// NoLoopback refuses programs on the person's own computer, which are allowed
	// at any port (RFC 8252 §7.3).
	NoLoopback bool
	// Domains are hosts of https addresses; "*.example.com" is those below
	// example.com.
	Domains []string
	// Schemes are those of apps, such as cursor (RFC 8252 §7.1).
	Schemes []string
}

// neverSchemes open no app but run or read something.
var neverSchemes = []string{"http", "https", "javascript", "data", "file", "vbscript", "about", "blob", "view-source", "ws", "wss", "ftp", "mailto", "tel"}

// check refuses settings that cannot be meant.
func (r Redirects) check() error {
	for _, uri := range r.Exact {
		u, err := parseRedirect(uri)
		if err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
			err = errors.New("it is not https")
		}
		if err == nil && u.Scheme != "http" && u.Scheme != "https" && slices.Contains(neverSchemes, u.Scheme) {
			err = errors.New("its scheme is no app's")
		}
		if err != nil {
			return fmt.Errorf("redirect %q: %w", uri, err)
		}
	}
	for _, d := range r.Domains {
		name := strings.TrimPrefix(d, "*.")
		if name == "" || !strings.Contains(name, ".") || strings.ContainsAny(name, "*/:@ ") || strings.HasPrefix(name, ".") {
			return fmt.Errorf("domain %q: it is not of the form example.com or *.example.com", d)
		}
	}
	for _, s := range r.Schemes {
		u, err := url.Parse(s + "://x")
		if err != nil || u.Scheme != s || slices.Contains(neverSchemes, s) {
			return fmt.Errorf("scheme %q: it is not of the form cursor, or can be no app's", s)
		}
	}
	return nil
}

// parseRedirect reads a redirect URI of which all who read it make the same.
func parseRedirect(uri string) (*url.URL, error) {
	if len(uri) > maxURI {
		return nil, errors.New("it is too long")
	}
	for i := range len(uri) {
		if c := uri[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\\\"<>^`{|}", c) >= 0 {
			return nil, errors.New("it has a character that belongs in no address")
		}
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return nil, errors.New("it cannot be read")
	case u.Scheme == "" || u.Opaque != "" || u.Host == "" && u.Path == "":
		return nil, errors.New("it is not absolute")
	case (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() == "":
		return nil, errors.New("it names no host")
	case u.User != nil:
		return nil, errors.New("it carries a user name")
	case strings.Contains(uri, "#"): // RFC 6749 §3.1.2
		return nil, errors.New("it has a fragment")
	}
	return u, nil
}

// allows returns why a redirect URI is refused.
func (r Redirects) allows(uri string) error {
	u, err := parseRedirect(uri)
	if err != nil {
		return err
	}
	if slices.Contains(r.Exact, uri) {
		return nil
	}
	switch u.Scheme {
	case "http":
		if isLoopback(u.Hostname()) && !r.NoLoopback {
			return nil
		}
		return errors.New("http is for programs on the person's own computer only")
	case "https":
		if isLoopback(u.Hostname()) && !r.NoLoopback || (u.Port() == "" || u.Port() == "443") && slices.ContainsFunc(r.Domains, func(d string) bool { return inDomain(d, u.Hostname()) }) {
			return nil
		}
		return errors.New("its host is not on the list")
	}
	if slices.Contains(r.Schemes, u.Scheme) {
		return nil
	}
	return errors.New("its scheme is not on the list")
}

func inDomain(pattern, host string) bool {
	host, pattern = strings.ToLower(host), strings.ToLower(pattern)
	if below, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(host, below)
	}
	return host == pattern
}

// isLoopback is for names that nobody has to look up.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// sameRedirect compares as OAuth 2.1 §2.3.1 does: byte for byte, but for the port
// of loopback.
func sameRedirect(registered, asked string) bool {
	if registered == asked {
		return true
	}
	a, errA := parseRedirect(registered)
	b, errB := parseRedirect(asked)
	if errA != nil || errB != nil || a.Scheme != "http" || !isLoopback(a.Hostname()) || a.Hostname() != b.Hostname() {
		return false
	}
	a.Host, b.Host = "", ""
	return a.String() == b.String()
}

// landing says in words where a redirect URI leads.
func landing(uri string) string {
	u, err := parseRedirect(uri)
	switch {
	case err != nil:
		return uri
	case u.Scheme != "http" && u.Scheme != "https":
		return "the app on this device that opens " + u.Scheme + ": links"
	case isLoopback(u.Hostname()):
		return "a program on this device (" + u.Host + ")"
	}
	return u.Host
}

// withAnswer is a redirect URI with an answer's parameters (RFC 6749 §4.1.2), its
// own query kept.
func withAnswer(uri string, answer url.Values) string {
	u, err := parseRedirect(uri)
	if err != nil {
		return uri // it was read before
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += answer.Encode()
	return u.String()
}
