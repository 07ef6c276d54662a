package doctor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

const redacted = "[redacted]"

// harmless are the members and parameters whose values a trace shows as they
// are. Of all others only numbers, booleans and the names are shown: a server
// may put a secret under any name.
var harmless = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(issuer|resource|resource_name|.*_supported|.*_endpoint|.*_uri|.*_uris|.*_url|authorization_servers|scope|scopes|` +
		`error|error_description|token_type|token_type_hint|grant_type|grant_types|response_type|response_types|client_id|client_name|application_type|` +
		`token_endpoint_auth_method|code_challenge_method|prompt|jsonrpc|method|protocolVersion|version|message|name|title|id|kid|kty|alg|use|crv|` +
		`error_code|audience|access_type|resource_documentation|service_documentation)$`)
})

// openHeaders are the headers whose values a trace shows.
var openHeaders = []string{
	"Accept", "Allow", "Cache-Control", "Content-Encoding", "Content-Length", "Content-Type", "Date", "Location", "Mcp-Protocol-Version",
	"Retry-After", "Server", "User-Agent", "Vary", "Via", "Www-Authenticate", "Mcp-Method", "Mcp-Name",
}

// tokenLike is a JWT, or anything long enough to be a key, wherever it stands.
var tokenLike = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`ey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*){0,3}|[A-Za-z0-9_-]*[0-9][A-Za-z0-9_-]*`)
})

// redactor takes secrets out of a trace.
type redactor struct{ known []string }

func (t *Trace) redactor() redactor {
	t.mu.Lock()
	defer t.mu.Unlock()
	var r redactor
	hide := func(s string) {
		if len(s) >= 4 {
			r.known = append(r.known, s, url.QueryEscape(s))
		}
	}
	for _, s := range t.secrets {
		hide(s.Reveal())
	}
	// What was sent as a credential is one wherever it comes back.
	for _, e := range t.all {
		for _, v := range e.header.Values("Authorization") {
			_, value, _ := strings.Cut(v, " ")
			hide(value)
		}
	}
	slices.SortFunc(r.known, func(a, b string) int { return len(b) - len(a) })
	return r
}

// text takes out known secrets, what looks like a token, and control characters.
func (r redactor) text(s string) string {
	for _, k := range r.known {
		s = strings.ReplaceAll(s, k, redacted)
	}
	s = tokenLike().ReplaceAllStringFunc(s, func(m string) string {
		if strings.HasPrefix(m, "ey") && strings.Contains(m, ".") || len(m) >= 32 {
			return redacted
		}
		return m
	})
	return strings.Map(func(c rune) rune {
		if c != '\n' && c != '\t' && !unicode.IsGraphic(c) {
			return ' '
		}
		return c
	}, s)
}

// address keeps a URL but for its user and the values of its query.
func (r redactor) address(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return redacted
	}
	if u.User != nil {
		u.User = url.User(redacted)
	}
	q := u.Query()
	for name, values := range q {
		for i := range values {
			values[i] = r.value(name, values[i])
		}
	}
	u.RawQuery, u.Fragment = "", ""
	out := r.text(u.String())
	if len(q) > 0 {
		out += "?" + strings.ReplaceAll(q.Encode(), url.QueryEscape(redacted), redacted)
	}
	return out
}

func (r redactor) value(name, value string) string {
	if !harmless().MatchString(name) {
		return redacted
	}
	if strings.Contains(value, "://") && strings.Contains(value, "?") {
		return r.address(value)
	}
	return r.text(value)
}

func (r redactor) headers(w io.Writer, mark string, h http.Header) {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range h[name] {
			switch {
			case name == "Location":
				value = r.address(value)
			case slices.Contains(openHeaders, name):
				value = r.text(value)
			case name == "Authorization":
				scheme, _, _ := strings.Cut(value, " ")
				value = scheme + " " + redacted
			default:
				value = redacted
			}
			fmt.Fprintf(w, "%s%s: %s\n", mark, name, strings.ReplaceAll(value, "\n", " "))
		}
	}
}

func (r redactor) body(w io.Writer, mark, kind string, body []byte, cut bool) {
	if len(body) == 0 {
		return
	}
	fmt.Fprintln(w, strings.TrimSpace(mark))
	for line := range strings.Lines(r.content(kind, body)) {
		fmt.Fprintln(w, mark+strings.TrimRight(line, "\n"))
	}
	if cut {
		fmt.Fprintf(w, "%s… more than %d bytes\n", mark, keptBody)
	}
}

// content is a body without secrets: of JSON and forms what is known to be
// harmless; of all else only its length, as a page may hold anything.
func (r redactor) content(kind string, body []byte) string {
	switch {
	case strings.Contains(kind, "x-www-form-urlencoded"):
		form, err := url.ParseQuery(string(body))
		if err != nil {
			break
		}
		names := make([]string, 0, len(form))
		for name := range form {
			names = append(names, name)
		}
		slices.Sort(names)
		var b strings.Builder
		for _, name := range names {
			for _, v := range form[name] {
				fmt.Fprintf(&b, "%s=%s\n", r.text(name), r.value(name, v))
			}
		}
		return b.String()
	case strings.Contains(kind, "text/event-stream"):
		var b strings.Builder
		for line := range strings.Lines(string(body)) {
			if data, ok := strings.CutPrefix(line, "data:"); ok {
				line = "data: " + strings.ReplaceAll(r.content("application/json", []byte(data)), "\n", "") + "\n"
			} else if !strings.HasPrefix(line, "event:") && !strings.HasPrefix(line, "retry:") && strings.TrimSpace(line) != "" {
				line = redacted + "\n"
			}
			b.WriteString(line)
		}
		return b.String()
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return fmt.Sprintf("(%d bytes of %q, not JSON)", len(body), r.text(kind))
	}
	raw, err := json.MarshalIndent(r.clean("", v), "", "  ")
	if err != nil {
		return redacted
	}
	return string(raw)
}

// clean is a JSON value without secrets; name is the member that holds it.
func (r redactor) clean(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for n, x := range v {
			out[r.text(n)] = r.clean(n, x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = r.clean(name, x)
		}
		return out
	case string:
		if name == "" {
			return redacted
		}
		return r.value(name, v)
	}
	return v
}

// Redact takes known secrets and what looks like a token out of a text.
func (t *Trace) Redact(s string) string { return t.redactor().text(s) }
