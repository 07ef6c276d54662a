package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

const (
	grantDeviceCode = "urn:ietf:params:oauth:grant-type:device_code"
	// deviceInterval is the pause between two questions when the server names
	// none, and what slow_down adds to it (RFC 8628 §3.2, §3.5).
	deviceInterval = 5 * time.Second
	deviceSlower   = 5 * time.Second
	// devicePauseMost bounds the pause that a server can ask for.
	devicePauseMost = 2 * time.Minute
	// deviceLife is how long the code counts when the server does not say,
	// which it must; deviceLifeMost what it can say.
	deviceLife     = 5 * time.Minute
	deviceLifeMost = time.Hour
)

// Device is a sign-in that a person finishes in a browser anywhere (RFC 8628).
// What a person is shown is no secret to them, but good for whoever reads it
// until ExpiresAt: do not log it.
type Device struct {
	// UserCode is to be typed in at VerificationURI; VerificationURIComplete has
	// it in it, "" when the server gives none. Both are checked to be https.
	UserCode, VerificationURI, VerificationURIComplete string
	// ExpiresAt is when the code ends.
	ExpiresAt time.Time

	code     secret.String
	interval time.Duration
	request  GrantRequest
}

// URL is the address to open: with the code in it if there is one like that.
func (d *Device) URL() string {
	if d.VerificationURIComplete != "" {
		return d.VerificationURIComplete
	}
	return d.VerificationURI
}

// StartDevice begins a sign-in on another device (RFC 8628 §3.1). endpoint is
// ServerMetadata.DeviceAuthorizationEndpoint. Errors as for Exchange.
func (c *Client) StartDevice(ctx context.Context, endpoint string, r GrantRequest) (*Device, error) {
	form := url.Values{"client_id": {r.Client.ClientID}}
	if r.Resource != "" {
		form.Set("resource", r.Resource)
	}
	if len(r.Scopes) > 0 {
		form.Set("scope", strings.Join(r.Scopes, " "))
	}
	began := c.clock()
	doc, err := c.post(ctx, endpoint, r.Client, form, nil)
	if err != nil {
		return nil, err
	}
	values := members(doc)
	if !doc.ok() || values["error"] != "" {
		return nil, tokenFault(endpoint, "begin a sign-in on another device", newTokenError(doc, values, r.Client.Secret))
	}
	d := &Device{
		UserCode: values["user_code"], VerificationURI: firstSet(values, "verification_uri", "verification_url"), // Google's spelling
		VerificationURIComplete: firstSet(values, "verification_uri_complete", "verification_url_complete"),
		code:                    secret.New(values["device_code"]), interval: lifetime(values["interval"]), request: r,
	}
	life := lifetime(values["expires_in"])
	if life == 0 {
		life = deviceLife
	}
	d.ExpiresAt = began.Add(min(life, deviceLifeMost))
	if d.interval == 0 {
		d.interval = deviceInterval
	}
	d.interval = min(d.interval, devicePauseMost)
	host := shown(hostOf(endpoint))
	if d.code.IsZero() || d.UserCode == "" || len(d.UserCode) > 64 || plain(d.UserCode) != d.UserCode || d.VerificationURI == "" {
		return nil, fault.New(fault.BadMetadata, fmt.Sprintf("%s began a sign-in without a usable code or address.", host), "Sign in with the browser instead; if it lasts, tell whoever runs the server.")
	}
	for _, address := range []string{d.VerificationURI, d.VerificationURIComplete} {
		if address == "" {
			continue
		}
		if err := c.checkOpened(ctx, reach{server: c.server}, address); err != nil {
			return nil, fault.New(fault.BadMetadata, fmt.Sprintf("%s wants the sign-in at %s, and that cannot be used: %s.", host, shown(address), err), "Tell whoever runs the server.")
		}
	}
	return d, nil
}

// AwaitDevice asks for the tokens until the person has finished, the code has
// ended, or ctx has (RFC 8628 §3.4, §3.5). It asks no oftener than the server
// wants, and slower when it is told to or when nobody answers, or somebody in
// between with a page. Errors are
// *fault.Error: SignInRefused when the person said no, SignInTimeout when the
// code ended, else as for Exchange; if ctx ended the error wraps ctx.Err().
func (c *Client) AwaitDevice(ctx context.Context, d *Device) (Tokens, error) {
	pause, slept := d.interval, c.sleep
	if slept == nil {
		slept = sleep
	}
	host := shown(hostOf(d.request.TokenEndpoint))
	for {
		if err := slept(ctx, pause); err != nil {
			return Tokens{}, fmt.Errorf("wait for the device sign-in: %w", err)
		}
		if !c.clock().Before(d.ExpiresAt) {
			return Tokens{}, fault.New(fault.SignInTimeout, fmt.Sprintf("Nobody finished the sign-in at %s before its code ended.", host), "Sign in again.")
		}
		form := url.Values{"grant_type": {grantDeviceCode}, "device_code": {d.code.Reveal()}}
		if d.request.Resource != "" {
			form.Set("resource", d.request.Resource)
		}
		tokens, err := c.token(ctx, tokenRequest{
			endpoint: d.request.TokenEndpoint, client: d.request.Client, form: form, dpop: d.request.DPoP, sent: []secret.String{d.code},
		})
		if err == nil {
			return tokens, nil
		}
		var t *TokenError
		switch {
		case errors.As(err, &t) && t.Code == "authorization_pending":
		case errors.As(err, &t) && t.Code == "slow_down":
			pause = min(pause+deviceSlower, devicePauseMost)
		case errors.As(err, &t) && t.Code == "expired_token":
			return Tokens{}, fault.Wrap(err, fault.SignInTimeout, fmt.Sprintf("Nobody finished the sign-in at %s before its code ended.", host), "Sign in again.")
		case errors.As(err, &t) && t.Code == "access_denied":
			return Tokens{}, fault.Wrap(err, fault.SignInRefused, fmt.Sprintf("The sign-in was declined at %s.", host), "Sign in again if that was not meant.")
		case errors.As(err, &t) && (t.Temporary() || t.Page && t.Code == ""), !errors.As(err, &t) && fault.Is(err, fault.Unreachable):
			pause = min(2*pause, devicePauseMost)
			if t != nil {
				pause = max(pause, min(t.RetryAfter, devicePauseMost))
			}
		default:
			return Tokens{}, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (c *Client) clock() time.Time {
	if c.now != nil {
		return c.now()
	}
	return time.Now().Round(0) // the wall clock: a code ends while the machine sleeps
}

func firstSet(values map[string]string, names ...string) string {
	for _, name := range names {
		if values[name] != "" {
			return values[name]
		}
	}
	return ""
}
