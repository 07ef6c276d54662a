package credential

import (
	"context"
	"errors"
	"fmt"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
)

// authorize sends the person to the authorization server and turns the answer
// into tokens in the vault. The browser's last page says success only then.
func (a *Account) authorize(ctx context.Context, ui UI, d oauth.Discovery, client oauth.ClientCredentials, callback *oauth.Callback) error {
	ui = a.expect(ui)
	prover, err := a.proverFor(d)
	if err != nil {
		return err
	}
	request := oauth.AuthorizationRequest{
		DPoP:     prover,
		Metadata: d.Server, Client: client, RedirectURI: callback.RedirectURI(), Resource: d.ResourceIndicator, Scopes: d.Scopes,
		SelectAccount: ui.SelectAccount, LoginHint: ui.LoginHint, Extra: a.extraParams(d),
	}
	auth, err := oauth.NewAuthorization(request)
	if err != nil {
		return err
	}
	opened, stop := a.lead(ctx, ui, callback, auth)
	defer stop()
	if ui.Elsewhere != nil && d.Server.DeviceAuthorizationEndpoint != "" {
		ui.Elsewhere(opened)
	}
	var answer *oauth.Answer
	for again := false; ; again = true {
		if answer, err = callback.Wait(ctx, auth); err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				return fault.Wrap(err, fault.SignInTimeout, fmt.Sprintf("Nobody finished the sign-in to %s in time.", a.Name()), a.signInCommand())
			}
			return err
		}
		if err = a.redeem(ctx, d, request.Client, prover, answer); err == nil {
			break
		}
		if !again && a.canRegister(d, err) {
			// The code was for a client that the server has forgotten since. The person
			// has said yes: the browser goes on by itself.
			a.m.log.Warn("the authorization server has forgotten this client; registering anew", "issuer", d.Server.Issuer)
			if next, anewErr := a.anew(ctx, d, &request); anewErr == nil {
				auth = next
				callback.SendOn(answer, auth)
				continue
			}
		}
		notSignedIn(answer, err)
		return err
	}
	a.signedInPage(answer)
	return nil
}

// lead leads the person to a page: in a browser that is opened, or by telling
// the address. Until stop, which returns when nobody is asked any more, an address
// that is pasted counts as the browser's answer.
func (a *Account) lead(ctx context.Context, ui UI, callback *oauth.Callback, auth *oauth.Authorization) (opened bool, stop func()) {
	callback.Expect(auth) // who is quick answers before anybody waits
	if ui.Open != nil {
		if err := ui.Open(ctx, auth.URL); err != nil {
			a.m.log.Warn("browser not opened", "error", err)
		} else {
			opened = true
		}
	}
	if ui.Show != nil {
		ui.Show(auth.URL, opened)
		callback.Onward = func(address string) { ui.Show(address, false) }
	}
	if opened {
		return true, func() {}
	}
	return false, takePasted(ctx, ui, callback)
}

// signedInPage is the browser's last page of a sign-in that succeeded.
func (a *Account) signedInPage(answer *oauth.Answer) {
	who := ""
	if f, err := a.Facts(); err == nil && f.Display() != "" {
		who = " as " + f.Display()
	}
	answer.Finish(oauth.Page{OK: true, Title: "Signed in to " + a.Name(), Text: "You are signed in" + who + ". You can close this tab."})
}

// canRegister reports whether err is the refusal of a client that we have
// registered ourselves.
func (a *Account) canRegister(d oauth.Discovery, err error) bool {
	var t *oauth.TokenError
	return errors.As(err, &t) && t.Code == "invalid_client" && a.server.ClientID == "" && !a.described(d) && d.Server.RegistrationEndpoint != ""
}

// anew registers once more and makes the same authorization for the new client.
func (a *Account) anew(ctx context.Context, d oauth.Discovery, request *oauth.AuthorizationRequest) (*oauth.Authorization, error) {
	client, err := a.registerInstead(ctx, d, request.RedirectURI, request.Client.ClientID)
	if err != nil {
		return nil, err
	}
	request.Client = client
	return oauth.NewAuthorization(*request)
}

func (a *Account) redeem(ctx context.Context, d oauth.Discovery, client oauth.ClientCredentials, prover *oauth.Prover, answer *oauth.Answer) error {
	// Again while the endpoint fails: the person has done his part and is not
	// asked for it twice. If the server acted and its answer was lost, it refuses
	// the code (RFC 6749 §4.1.2), and nothing is worse than it was.
	server := a.m.oauth(a.server)
	tokens, err := a.insist(ctx, func(ctx context.Context) (oauth.Tokens, error) {
		return server.Exchange(ctx, answer.Authorization, answer.Code)
	})
	if err != nil {
		var t *oauth.TokenError
		if errors.As(err, &t) && t.Code == "invalid_client" && a.server.ClientID == "" {
			_ = a.forgetClient(ctx, registrationEntry(d.Server.Issuer), client.ClientID) // registered anew next time
		}
		if t == nil && !fault.Is(err, fault.Unreachable) {
			return err // it says itself what was wrong with the answer
		}
		if t != nil && !t.Temporary() {
			return fault.Wrap(err, fault.Refused, fmt.Sprintf("The authorization server %q did not complete the sign-in.", d.Server.Issuer), a.signInCommand())
		}
		return fault.Wrap(err, fault.Unreachable, fmt.Sprintf("The authorization server %q did not answer the last step of the sign-in.", d.Server.Issuer), a.signInCommand())
	}
	if tokens, err = a.chosen(tokens); err != nil {
		return err
	}
	return a.keep(context.WithoutCancel(ctx), d, client, prover, tokens)
}
