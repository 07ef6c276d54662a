package doctor

import (
	"context"
	"fmt"
	"strings"

	"drawbridge/bridge/doctor/report"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
)

const rfc8414 = "RFC 8414 §2"

// judgeServer looks at the members of an authorization server's metadata.
// accepted says whether Drawbridge uses it: then nothing in it is red.
func (w *walk) judgeServer(ctx context.Context, doc document, issuer string, accepted bool) {
	red := report.Fail
	if accepted {
		red = report.Warn
	}
	say := func(id, title, ref string, status report.Status, got, remedy string) {
		w.add(report.Line{ID: "issuer." + id, Title: title, Ref: ref, Status: status, Got: got, Remedy: remedy, Exchanges: doc.exchange()})
	}

	claimed := doc.text("issuer")
	switch {
	case claimed == issuer:
		say("identifier", "It calls itself what it was looked up for", "RFC 8414 §3.3", report.OK, claimed, "")
	case accepted:
		say("identifier", "It calls itself what it was looked up for", "RFC 8414 §3.3", report.OK, fmt.Sprintf("issuer is %q; nobody had named another", claimed), "")
	default:
		say("identifier", "It calls itself what it was looked up for", "RFC 8414 §3.3", report.Fail,
			fmt.Sprintf("issuer is %q, it was looked up for %q", claimed, issuer),
			"Drawbridge does not go on, since somebody could be in between. Tell whoever runs the server: the two must be identical, letter for letter.")
	}

	for _, e := range []struct {
		name, why string
		needed    bool
	}{
		{"authorization_endpoint", "the browser has nowhere to go", true},
		{"token_endpoint", "there is nobody to ask for a token", true},
		{"revocation_endpoint", "signing out only deletes the tokens here", false},
		{"jwks_uri", "nobody can check the signature of its tokens", false},
	} {
		title := "It has a usable " + strings.ReplaceAll(strings.TrimSuffix(e.name, "_uri"), "_", " ")
		address := doc.text(e.name)
		err := w.oauth.CheckURL(ctx, address)
		switch {
		case address == "" && e.needed:
			say(e.name, title, rfc8414, red, "no "+e.name+": "+e.why, "Tell whoever runs the server.")
		case address == "":
			say(e.name, title, rfc8414, report.Warn, "no "+e.name+": "+e.why, "Nothing to be done here; the server could offer it.")
		case err != nil:
			say(e.name, title, rfc8414+"; MCP 2025-11-25, security best practices", red, fmt.Sprintf("%q, which cannot be used: %s", address, err), "Tell whoever runs the server.")
		default:
			say(e.name, title, rfc8414, report.OK, address, "")
		}
	}

	w.judgePKCE(doc, issuer, red)
	if kinds := doc.list("response_types_supported"); len(kinds) > 0 && !contains(kinds, "code") {
		say("response_types", "It gives authorization codes", "RFC 6749 §4.1; "+rfc8414, red, "response_types_supported: "+strings.Join(kinds, ", "), "Tell whoever runs the server: MCP needs the authorization code grant.")
	}
	if grants := doc.list("grant_types_supported"); len(grants) > 0 {
		switch {
		case !contains(grants, "authorization_code"):
			say("grants", "It has the grants that are needed", rfc8414, red, strings.Join(grants, ", "), "Without authorization_code nobody can sign in by browser: use another --grant if you have credentials for one.")
		case !contains(grants, "refresh_token"):
			say("grants", "It has the grants that are needed", rfc8414, report.Warn, strings.Join(grants, ", "), "Without refresh_token you sign in again each time the access token ends.")
		default:
			say("grants", "It has the grants that are needed", rfc8414, report.OK, strings.Join(grants, ", "), "")
		}
	}
	if doc.flag("authorization_response_iss_parameter_supported") {
		say("iss", "Its answers say who they are from", "RFC 9207 §3", report.OK, "authorization_response_iss_parameter_supported", "")
	} else {
		say("iss", "Its answers say who they are from", "RFC 9207 §3", report.Warn, "it does not promise `iss` in its answers",
			"It works without, but a mix-up of servers is then not noticed by this. Tell whoever runs the server.")
	}
	w.judgeMethods(doc, say)
	scopes := doc.list("scopes_supported")
	if len(scopes) > 0 && !contains(scopes, "offline_access") && !contains(doc.list("grant_types_supported"), "refresh_token") {
		say("offline", "It lists offline_access", "OpenID Connect Core §11; "+mcpAuth, report.OK, "it does not; whether it gives a refresh token shows at the sign-in", "")
	}
}

func (w *walk) judgePKCE(doc document, issuer string, red report.Status) {
	methods := doc.list("code_challenge_methods_supported")
	l := report.Line{
		ID: "issuer.pkce", Title: "It supports PKCE with S256", Ref: "RFC 7636 §4.2, RFC 8414 §2; " + mcpAuth, Status: report.OK,
		Got: "code_challenge_methods_supported: " + strings.Join(methods, ", "), Exchanges: doc.exchange(),
	}
	switch known := oauth.PresetFor(issuer); {
	case contains(methods, "S256"):
	case len(methods) == 0 && known.PKCE:
		l.Got = "no code_challenge_methods_supported; " + known.Name + " supports it without saying so"
		l.Remedy = "Nothing: Drawbridge uses S256 there."
	case len(methods) == 0 && w.Server.OAuth.AssumePKCE:
		l.Status, l.Got = report.Warn, "no code_challenge_methods_supported; you say that it is supported (--assume-pkce)"
		l.Remedy = "Ask whoever runs it to list S256 there."
	case len(methods) == 0:
		l.Status, l.Got = red, "no code_challenge_methods_supported"
		l.Remedy = "Ask whoever runs it to list S256 there. If you know that it supports it all the same: --assume-pkce"
	default:
		l.Status = red
		l.Remedy = "Ask whoever runs it to support S256: without it a stolen code is enough."
	}
	w.add(l)
}

func (w *walk) judgeMethods(doc document, say func(id, title, ref string, status report.Status, got, remedy string)) {
	methods := doc.list("token_endpoint_auth_methods_supported")
	const title, ref = "Drawbridge can show who it is at the token endpoint", rfc8414 + ", RFC 7591 §2"
	switch {
	case len(methods) == 0:
		say("auth_methods", title, ref, report.OK, "it does not say how; client_secret_basic is the default", "")
	case contains(methods, oauth.AuthNone), contains(methods, oauth.AuthBasic), contains(methods, oauth.AuthPost):
		say("auth_methods", title, ref, report.OK, strings.Join(methods, ", "), "")
	default:
		say("auth_methods", title, ref, report.Warn, strings.Join(methods, ", "), "It knows no public clients and no secrets: register a client there yourself, with a key.")
	}
}

// registration says how Drawbridge becomes known to the authorization server.
func (w *walk) registration(ctx context.Context) {
	m, known := w.found.Server, w.found.Preset
	title, ref := "There is a way to become known", "RFC 7591 §3; "+mcpAuth
	switch {
	case w.Server.ClientID != "":
		w.add(report.Line{ID: "registration.way", Title: title, Ref: ref, Status: report.OK, Got: fmt.Sprintf("the client id that you gave: %q", w.Server.ClientID), Exchanges: []int{}})
		return
	case w.Server.OAuth.ClientMetadataURL != "" && m.ClientIDMetadataDocumentSupported:
		w.add(report.Line{
			ID: "registration.way", Title: title, Ref: "MCP 2025-11-25, Client ID Metadata Documents", Status: report.OK,
			Got: "the client that this document describes: " + w.Server.OAuth.ClientMetadataURL, Exchanges: []int{},
		})
		return
	case m.RegistrationEndpoint != "" && known.ByHand:
		w.add(report.Line{
			ID: "registration.way", Title: title, Ref: ref, Status: report.Warn,
			Got:    m.RegistrationEndpoint + " is listed, but " + known.Name + " registers no clients of strangers there",
			Remedy: oauth.RegisterByHand(m.Issuer, redirectURI), Exchanges: []int{},
		})
		return
	case m.RegistrationEndpoint == "":
		// The words are those of the attempt itself, which sends nothing.
		_, err := w.oauth.Register(ctx, m, oauth.RegistrationRequest{ClientName: clientName, RedirectURI: redirectURI})
		w.fail(report.Line{ID: "registration.way", Title: title, Ref: ref, Exchanges: []int{}}, err)
		return
	}
	w.add(report.Line{ID: "registration.way", Title: title, Ref: ref, Status: report.OK, Got: "dynamic registration at " + m.RegistrationEndpoint, Exchanges: []int{}})
	l := report.Line{ID: "registration.try", Title: "It registers Drawbridge", Ref: "RFC 7591 §3.2"}
	if !w.Register {
		l.Status, l.Got, l.Exchanges = report.Skipped, "not tried, as it would leave a client there: --register tries it", []int{}
		w.add(l)
		return
	}
	w.from = w.Trace.count()
	client, err := w.oauth.Register(ctx, m, oauth.RegistrationRequest{ClientName: clientName, RedirectURI: redirectURI})
	if err != nil {
		w.fail(l, err)
		return
	}
	w.Trace.Hide(client.Secret)
	l.Status, l.Got = report.OK, fmt.Sprintf("client id %q, shown at the token endpoint by %s; it is not used", client.ClientID, client.AuthMethod)
	w.add(l)
}

const (
	clientName = "Drawbridge"
	// redirectURI stands for the callback's: the port is free (RFC 8252 §7.3).
	redirectURI = "http://127.0.0.1:33418/callback"
)

// refusal is the public side of an error, for a line.
func refusal(err error) (got, remedy string) {
	p := fault.Public(err)
	return p.What, p.Next
}
