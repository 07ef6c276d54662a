package guard

import (
	"path"
	"slices"
	"strings"

	"drawbridge/bridge/config"
)

// Rule gives rights to those it matches: any of its conditions is enough. It is
// what the settings hold; Tools are also the names of prompts.
type Rule = config.BridgeRule

// Policy says what callers may do. The zero Policy lets everybody who was
// admitted do everything that their own credential does not forbid.
type Policy struct {
	// Rules: whoever one of them matches may do what it says, and nobody else
	// anything. Empty: no rules.
	Rules []Rule
	// BuiltInRoles adds the rules of viewer, developer and admin.
	BuiltInRoles bool
}

// reading are the methods of the role viewer.
var reading = []string{
	"tools/list", "resources/*", "prompts/*", "completion/complete", "logging/setLevel", "subscriptions/listen", "roots/list",
}

// builtIn are the rules of the built-in roles.
var builtIn = []Rule{
	{Roles: []string{"viewer"}, Methods: reading},
	{Roles: []string{"developer"}, Methods: append([]string{"tools/call"}, reading...)},
	{Roles: []string{"admin"}},
}

// lifecycle are the methods without which nobody can be connected; they tell
// nothing but what the server is.
func lifecycle(method string) bool {
	return method == "initialize" || method == "ping" || method == "server/discover" || strings.HasPrefix(method, "notifications/")
}

func (p *Policy) rules() []Rule {
	if p.BuiltInRoles {
		return append(slices.Clip(p.Rules), builtIn...)
	}
	return p.Rules
}

// mayReach reports whether the caller has any right at a server.
func (p *Policy) mayReach(id *Identity, server string) bool {
	if id.Servers != nil && !matches(id.Servers, server) {
		return false
	}
	rules := p.rules()
	return len(rules) == 0 || slices.ContainsFunc(rules, func(r Rule) bool { return isFor(r, id) && allows(r.Servers, server) })
}

// permit decides about one message. Of a refusal the caller learns the scopes
// that would have been enough (RFC 6750 §3.1).
func (p *Policy) permit(id *Identity, server, method, name string) *Refusal {
	if !p.mayReach(id, server) {
		return insufficient("the caller has no right to this server", nil)
	}
	if lifecycle(method) {
		return nil
	}
	if id.Tools != nil && method == "tools/call" && !matches(id.Tools, name) {
		return insufficient("the key has no right to this tool", nil)
	}
	rules := p.rules()
	if len(rules) == 0 {
		return nil
	}
	var enough []string
	for _, r := range rules {
		if !allows(r.Servers, server) || !allows(r.Methods, method) || named(method) && !allows(r.Tools, name) {
			continue
		}
		if isFor(r, id) {
			return nil
		}
		enough = append(enough, r.Scopes...)
	}
	return insufficient("the caller has no right to this", enough)
}

// named reports whether a rule's Tools are about the method.
func named(method string) bool { return method == "tools/call" || method == "prompts/get" }

func isFor(r Rule, id *Identity) bool {
	both := func(want, have []string) bool {
		return slices.ContainsFunc(want, func(w string) bool { return slices.Contains(have, w) })
	}
	return both(r.Scopes, id.Scopes) || both(r.Roles, id.Roles) ||
		id.Subject != "" && matches(r.Subjects, id.Subject) || id.Email != "" && !id.Unproven && slices.Contains(r.Subjects, id.Email) ||
		id.Client != "" && matches(r.Clients, id.Client) ||
		slices.ContainsFunc(r.Claims, func(c string) bool {
			name, value, ok := strings.Cut(c, "=")
			return ok && id.Claims[name] == value && value != ""
		})
}

// allows reports whether patterns leave s through; none leave everything.
func allows(patterns []string, s string) bool { return len(patterns) == 0 || matches(patterns, s) }

func matches(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		// path.Match would not let * stand for a slash, which methods have.
		ok, err := path.Match(strings.ReplaceAll(p, "/", "\x01"), strings.ReplaceAll(s, "/", "\x01"))
		return err == nil && ok
	})
}

// CheckRules refuses patterns that could never match.
func CheckRules(rules []Rule) error {
	for _, r := range rules {
		for _, p := range slices.Concat(r.Servers, r.Methods, r.Tools, r.Subjects, r.Clients) {
			if _, err := path.Match(p, ""); err != nil {
				return &patternError{p}
			}
		}
	}
	return nil
}

type patternError struct{ pattern string }

func (e *patternError) Error() string { return "the pattern " + e.pattern + " is malformed" }
