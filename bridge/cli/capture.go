package cli

import (
	"bytes"
	"encoding/json"
	"regexp"
	"sync"

	"drawbridge/bridge/control"
	"drawbridge/bridge/session"
)

// maxCaptured bounds what is read of arguments or a result to be captured, in bytes.
const maxCaptured = 256 << 10

// captured is what a call was about, without what looks like a secret.
func captured(c session.Call) *control.Captured {
	return &control.Captured{Arguments: withoutSecrets(c.Params), Result: withoutSecrets(c.Answer)}
}

const hidden = "[redacted]"

// secretNames are members that are called like a secret; secretTexts are texts that
// look like one: a JWT, a bearer, a long run of letters and digits, a password
// that is given by name.
var (
	secretNames = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(token|secret|passw|passphrase|api[-_ ]?key|private[-_ ]?key|access[-_ ]?key|authorization|cookie|credential|assertion|signature|verifier)`)
	})
	secretTexts = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`ey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]*` +
			`|(?i:bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}` +
			`|(?i:[a-z_-]*(?:token|secret|passw(?:or)?d|api[-_]?key|access[-_]?key)["']?\s*[:=]\s*)["']?[^\s"',;&}]+` +
			`|://[^/\s:@]+:[^/\s@]+@` +
			`|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?` +
			`|\b(?:gh[pousr]_|github_pat_|xox[abprs]-|sk-|AKIA)[A-Za-z0-9_-]{8,}` +
			`|[A-Za-z0-9_-]{40,}`)
	})
)

// withoutSecrets is JSON in lines, secrets taken out as far as they can be told.
func withoutSecrets(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	if len(raw) > maxCaptured {
		return "[too large]"
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var value any
	if dec.Decode(&value) != nil {
		return "[unreadable]"
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if enc.Encode(hide(value)) != nil {
		return "[unreadable]"
	}
	return string(bytes.TrimRight(out.Bytes(), "\n"))
}

func hide(value any) any {
	switch value := value.(type) {
	case string:
		return secretTexts().ReplaceAllString(value, hidden)
	case []any:
		for i := range value {
			value[i] = hide(value[i])
		}
	case map[string]any:
		for name, member := range value {
			// A number of tokens is none.
			if _, isNumber := member.(json.Number); !isNumber && member != nil && secretNames().MatchString(name) {
				value[name] = hidden
				continue
			}
			value[name] = hide(member)
		}
	}
	return value
}
