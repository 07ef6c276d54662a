package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/oauth"
)

// provider says what is known of an authorization server that its metadata does
// not say, and what that means for a person. Nothing of it is red or amber: it
// is known, so it is dealt with.
func (w *walk) provider(p oauth.Preset, issuer string) {
	if p.Name == "" {
		return
	}
	say := func(id, title, ref, got, remedy string) {
		w.add(report.Line{ID: "provider." + id, Title: title, Ref: ref, Status: report.OK, Got: got, Remedy: remedy, Exchanges: []int{}})
	}
	say("name", "Drawbridge knows the provider", "docs/providers.md", fmt.Sprintf("%s, by the issuer %s", p.Name, issuer), "")
	if p.NoResource {
		remedy := "Nothing: Drawbridge leaves it out. --resource URI sends one all the same."
		if w.Server.OAuth.Resource != "" {
			remedy = "You have said --resource: if the sign-in fails, leave that out."
		}
		say("resource", "It takes the resource parameter", "RFC 8707 §2", "it does not: it refuses it, or takes it for something else", remedy)
	}
	if p.Audience {
		say("audience", "It knows by resource whom a token is for", "RFC 8707 §2", "it goes by the parameter audience", "Nothing: Drawbridge sends the resource as audience, too.")
	}
	if p.DefaultScope {
		say("scope", "It gives tokens without a scope", "RFC 6749 §3.3", "it does not: it wants the resource's own, RESOURCE/.default",
			"Nothing: Drawbridge asks for that when the server names none. --scope asks for others.")
	}
	if p.RefreshScope {
		say("refresh_scope", "A refresh needs no scope", "RFC 6749 §6", "it does there", "Nothing: Drawbridge repeats those of the sign-in.")
	}
	if len(p.Authorize) > 0 {
		var all []string
		for _, name := range slices.Sorted(maps.Keys(p.Authorize)) {
			all = append(all, name+"="+p.Authorize[name])
		}
		say("authorize", "It gives a refresh token without being asked", "RFC 6749 §1.5", "only with "+strings.Join(all, " and ")+" in the authorization request",
			"Nothing: Drawbridge sends that. --authorize-param NAME=VALUE sends another value.")
	}
	if p.NoConsent {
		say("consent", "Anybody may be asked for consent", "OpenID Connect Core §3.1.2.1", "prompt=consent is for its administrators", "Nothing: Drawbridge leaves it out.")
	}
	if p.Secret {
		remedy := "Give the one that it shows you: DRAWBRIDGE_CLIENT_SECRET=… drawbridge login " + w.label() + " --client-id ID"
		say("secret", "A program on a desktop needs no secret", "RFC 8252 §8.5", "it does there", remedy)
	}
	for i, n := range p.Notes {
		say(fmt.Sprintf("note%d", i+1), "What to know of "+p.Name, "docs/providers.md", n.What, n.Remedy)
	}
}
