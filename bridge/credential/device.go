package credential

import (
	"context"
	"errors"
	"fmt"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
)

// DeviceCode is what a person needs to sign in with a browser on another device
// (RFC 8628). Whoever reads it can finish the sign-in as somebody else: show it
// to nobody but the person.
type DeviceCode struct {
	// Code is typed in at URL; Complete is an address with the code in it, or "".
	Code, URL, Complete string
	ExpiresAt           time.Time
}

// signInDevice lets a person sign in with a browser anywhere. The pages there
// are the provider's: nothing comes back to this computer but the tokens.
func (a *Account) signInDevice(ctx context.Context, ui UI, d oauth.Discovery) error {
	endpoint := d.Server.DeviceAuthorizationEndpoint
	if endpoint == "" {
		return fault.New(fault.Unsupported, fmt.Sprintf("The authorization server %q offers no sign-in on another device.", d.Server.Issuer),
			"Sign in with the browser: leave --grant out.")
	}
	client, err := a.deviceClient(ctx, d)
	if err != nil {
		return err
	}
	prover, err := a.proverFor(d)
	if err != nil {
		return err
	}
	server := a.m.oauth(a.server)
	start := func() (*oauth.Device, error) {
		return server.StartDevice(ctx, endpoint, oauth.GrantRequest{
			TokenEndpoint: d.Server.TokenEndpoint, Client: client, Resource: d.ResourceIndicator, Scopes: d.Scopes, DPoP: prover,
		})
	}
	device, err := start()
	if err != nil && a.deviceFailed(ctx, d, client, err) && d.Server.RegistrationEndpoint != "" { // nobody has been asked yet
		if client, err = a.deviceClient(ctx, d); err == nil {
			device, err = start()
		}
	}
	if err != nil {
		return err
	}
	if ui.Code != nil {
		ui.Code(DeviceCode{Code: device.UserCode, URL: device.VerificationURI, Complete: device.VerificationURIComplete, ExpiresAt: device.ExpiresAt})
	} else if ui.Show != nil {
		ui.Show(device.URL(), false)
	}
	tokens, err := server.AwaitDevice(ctx, device)
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(err, fault.SignInTimeout, fmt.Sprintf("Nobody finished the sign-in to %s in time.", a.Name()), a.signInCommand())
	}
	if err != nil {
		a.deviceFailed(ctx, d, client, err)
		return err
	}
	return a.keep(context.WithoutCancel(ctx), d, client, prover, tokens)
}

// deviceFailed forgets a client that the server has forgotten, and reports
// whether it did.
func (a *Account) deviceFailed(ctx context.Context, d oauth.Discovery, client oauth.ClientCredentials, err error) (forgotten bool) {
	var t *oauth.TokenError
	if !errors.As(err, &t) || t.Code != "invalid_client" || a.server.ClientID != "" || a.described(d) {
		return false
	}
	return a.forgetClient(ctx, deviceEntry(d.Server.Issuer), client.ClientID) == nil
}

// deviceClient is the client of a device sign-in: the one that the person
// registered, else that of a metadata document, else one that is registered for it.
func (a *Account) deviceClient(ctx context.Context, d oauth.Discovery) (oauth.ClientCredentials, error) {
	if a.server.ClientID != "" {
		return a.givenClient(ctx, d)
	}
	if a.described(d) {
		return a.document(d)
	}
	entry := deviceEntry(d.Server.Issuer)
	unlock, err := a.m.lockFile(ctx, entry+".lock")
	if err != nil {
		return oauth.ClientCredentials{}, err
	}
	defer unlock()
	known, err := a.registeredAs(ctx, entry)
	if err != nil {
		return oauth.ClientCredentials{}, err
	}
	if known.ClientID != "" {
		return known.client(), nil
	}
	return a.registerAs(ctx, d, entry, oauth.RegistrationRequest{ClientName: clientName, Device: true})
}
