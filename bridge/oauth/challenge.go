package oauth

import (
	"net/http"
	"slices"
	"strings"
)

// Challenge is one challenge of a WWW-Authenticate header (RFC 9110 §11.6.1)
// with the parameters that matter for Bearer (RFC 6750 §3, RFC 9728 §5.1). The
// zero Challenge stands for "none was sent".
type Challenge struct {
	// Scheme as the server wrote it; compare it without regard to case.
	Scheme string
	// Realm, Scope, Error, ErrorDescription and ResourceMetadata are parameters,
	// "" when absent. They are the server's words: quote them before showing them.
	Realm, Scope, Error, ErrorDescription, ResourceMetadata string
	// Params has every parameter, names in lower case; of a repeated one the first.
	Params map[string]string
	// Asked is true when the server answered 401, with or without a challenge.
	Asked bool
}

// Limits of the parser: nobody needs more, and a header can be 1 MiB.
const (
	maxHeader     = 16 << 10
	maxChallenges = 32
	maxParams     = 64
)

// ParseChallenges reads the values of WWW-Authenticate headers. One value may
// hold several challenges. It is lenient: what it cannot understand it skips,
// an unterminated string ends with the header, and a parameter's value may
// contain characters that should have been quoted. It never panics.
func ParseChallenges(headers []string) []Challenge {
	var all []Challenge
	for _, h := range headers {
		if len(h) > maxHeader {
			h = h[:maxHeader]
		}
		p := challengeParser{rest: h}
		for len(all) < maxChallenges {
			c, ok := p.challenge()
			if !ok {
				break
			}
			all = append(all, c)
		}
	}
	return all
}

// BearerChallenge returns the challenge among the headers that an access token
// answers, Bearer or DPoP (RFC 9449 §7.1), preferring one that names the
// resource metadata.
func BearerChallenge(h http.Header) (Challenge, bool) {
	var found Challenge
	ok := false
	for _, c := range ParseChallenges(h.Values("WWW-Authenticate")) {
		if !strings.EqualFold(c.Scheme, "Bearer") && !c.WantsProof() {
			continue
		}
		if !ok || (found.ResourceMetadata == "" && c.ResourceMetadata != "") {
			found, ok = c, true
		}
	}
	return found, ok
}

// WantsProof reports whether the server wants tokens that are bound to a key.
func (c Challenge) WantsProof() bool { return strings.EqualFold(c.Scheme, "DPoP") }

// AnyWantsProof reports whether one of the challenges wants bound tokens.
func AnyWantsProof(h http.Header) bool {
	return slices.ContainsFunc(ParseChallenges(h.Values("WWW-Authenticate")), Challenge.WantsProof)
}

type challengeParser struct{ rest string }

// challenge reads the next one: a scheme, then a token68 or parameters.
func (p *challengeParser) challenge() (Challenge, bool) {
	var c Challenge
	for c.Scheme == "" {
		p.rest = strings.TrimLeft(p.rest, " \t,")
		if p.rest == "" {
			return Challenge{}, false
		}
		if _, _, stray := p.param(); stray {
			continue
		}
		if c.Scheme = p.token(); c.Scheme == "" {
			p.rest = p.rest[1:]
		}
	}
	c.Params = map[string]string{}
	p.token68()
	for len(c.Params) < maxParams {
		name, value, ok := p.param()
		if !ok {
			break
		}
		if _, twice := c.Params[name]; !twice {
			c.Params[name] = value
		}
	}
	c.Realm, c.Scope, c.Error = c.Params["realm"], c.Params["scope"], c.Params["error"]
	c.ErrorDescription, c.ResourceMetadata = c.Params["error_description"], c.Params["resource_metadata"]
	return c, true
}

// token68 skips the credentials form of a challenge ("Negotiate YII=").
func (p *challengeParser) token68() {
	s := strings.TrimLeft(p.rest, " \t")
	if len(s) == len(p.rest) { // no space after the scheme
		return
	}
	n := 0
	for n < len(s) && (isAlnum(s[n]) || strings.IndexByte("-._~+/", s[n]) >= 0) {
		n++
	}
	if n == 0 {
		return
	}
	for n < len(s) && s[n] == '=' {
		n++
	}
	// Only the end or a comma may follow; anything else makes it a parameter.
	after := strings.TrimLeft(s[n:], " \t")
	if after == "" || after[0] == ',' {
		p.rest = after
	}
}

// param reads `name=value`. When what comes next is not one, it reads nothing.
func (p *challengeParser) param() (name, value string, ok bool) {
	saved := p.rest
	p.rest = strings.TrimLeft(p.rest, " \t,")
	name = strings.ToLower(p.token())
	p.rest = strings.TrimLeft(p.rest, " \t")
	if name == "" || !strings.HasPrefix(p.rest, "=") {
		p.rest = saved
		return "", "", false
	}
	p.rest = strings.TrimLeft(p.rest[1:], " \t")
	if strings.HasPrefix(p.rest, `"`) {
		return name, p.quoted(), true
	}
	n := strings.IndexAny(p.rest, " \t,")
	if n < 0 {
		n = len(p.rest)
	}
	value, p.rest = p.rest[:n], p.rest[n:]
	return name, value, true
}

// quoted reads a quoted-string (RFC 9110 §5.6.4).
func (p *challengeParser) quoted() string {
	var b strings.Builder
	i := 1
	for ; i < len(p.rest) && p.rest[i] != '"'; i++ {
		if p.rest[i] == '\\' && i+1 < len(p.rest) {
			i++
		}
		b.WriteByte(p.rest[i])
	}
	p.rest = p.rest[min(i+1, len(p.rest)):]
	return b.String()
}

func (p *challengeParser) token() string {
	n := 0
	for n < len(p.rest) && isTokenChar(p.rest[n]) {
		n++
	}
	t := p.rest[:n]
	p.rest = p.rest[n:]
	return t
}

func isTokenChar(b byte) bool { return isAlnum(b) || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0 }

func isAlnum(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
}
