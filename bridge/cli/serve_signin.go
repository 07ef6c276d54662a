package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"drawbridge/bridge/audit"
	"drawbridge/bridge/authproxy"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/guard"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/serve"
)

// signInVariable hands over the secret of the client that the bridge is at the
// issuer, when no file does.
const signInVariable = "DRAWBRIDGE_SIGN_IN_SECRET"

// signInRate is how often an address may come to sign in, a minute, when
// --rate-address does not say: a sign-in is four requests.
const signInRate = 120

// signInFlags say how the bridge signs clients in for an issuer that registers
// nobody. A client id switches it on.
type signInFlags struct {
	clientID, secretFile, keyFile, resource, token string
	scopes, params                                 []string
	redirects                                      authproxy.Redirects
}

func (s *signInFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.clientID, "sign-in-client-id", "", "sign clients in that the issuer does not register, as this client `ID` of the issuer's")
	f.StringVar(&s.secretFile, "sign-in-secret-file", "", "`FILE` with its secret, if it has one (default: "+signInVariable+", else the keychain)")
	f.StringVar(&s.keyFile, "sign-in-key-file", "", "`FILE` with a key that several bridges have in common (default: one in the keychain)")
	f.StringArrayVar(&s.scopes, "sign-in-scope", nil, "ask the issuer for this `SCOPE`, whatever a client asks for (repeatable)")
	f.StringVar(&s.resource, "sign-in-resource", "", "send this `URI` as resource to an issuer that minds it (RFC 8707)")
	f.StringArrayVar(&s.params, "sign-in-param", nil, "add this `NAME=VALUE` to what the browser asks the issuer (repeatable)")
	f.StringVar(&s.token, "sign-in-token", "", "hand out its access_token or id_token (`KIND`; default access_token, for Google id_token)")
	f.StringArrayVar(&s.redirects.Exact, "sign-in-redirect", nil, "let a client have answers sent to this `URI` (repeatable)")
	f.StringArrayVar(&s.redirects.Domains, "sign-in-domain", nil, "let clients at this https `HOST` have answers, *.example.com for those below (repeatable)")
	f.StringArrayVar(&s.redirects.Schemes, "sign-in-scheme", nil, "let apps with this `SCHEME` have answers, such as cursor or vscode (repeatable)")
	f.BoolVar(&s.redirects.NoLoopback, "sign-in-no-loopback", false, "send no answers to programs on people's own computers")
}

// authProxy makes the authorization server that the options ask for; nil: none. The
// guard is made already.
func (a *app) authProxy(ctx context.Context, s signInFlags, g guardFlags, m *credential.Manager, shared *serve.Shared, c *serve.Config, log *slog.Logger) (*authproxy.Proxy, error) {
	given := secret.New(os.Getenv(signInVariable))
	_ = os.Unsetenv(signInVariable)
	usage := func(what, next string) error { return fault.New(fault.Usage, what, next) }
	claims, err := g.claims()
	switch {
	case err != nil:
		return nil, err
	case s.clientID == "":
		if s.secretFile != "" || s.resource != "" || s.token != "" || len(s.scopes)+len(s.params)+len(s.redirects.Exact)+len(s.redirects.Domains)+len(s.redirects.Schemes) > 0 {
			return nil, usage("The options --sign-in-… do nothing without --sign-in-client-id.", "Give the client id that the issuer knows the bridge by.")
		}
		return nil, nil
	case claims.Issuer == "" || !slices.Contains(g.modes, "jwt") && !slices.Contains(g.modes, "introspection"):
		return nil, usage("Nobody can be signed in: there is no issuer.", "Give --guard jwt or introspection, and --issuer.")
	case c.PublicURL == "" && c.Listen == "":
		return nil, usage("Browsers cannot reach a socket.", "Give --listen, or --public-url.")
	case s.token != "" && s.token != "access_token" && s.token != "id_token":
		return nil, usage(fmt.Sprintf("%q is no kind of token that can be handed out.", s.token), "Use access_token or id_token.")
	}
	if given, err = s.secret(ctx, given, m); err != nil {
		return nil, err
	}
	key, err := s.key(ctx, m)
	if err != nil {
		return nil, err
	}
	params := url.Values{}
	named, err := parseParams(s.params)
	if err != nil {
		return nil, usage("A --sign-in-param is not of the form NAME=VALUE.", "Example: --sign-in-param access_type=offline")
	}
	for name, value := range named {
		params.Set(name, value)
	}
	idToken := s.token == "id_token" || s.token == "" && g.preset == "google"
	if idToken && !slices.Contains(s.scopes, "openid") {
		s.scopes = append([]string{"openid"}, s.scopes...)
	}
	limit := guard.LimitConfig{PerAddress: g.perAddress, Failures: g.failures}
	if limit.PerAddress == 0 {
		limit.PerAddress = signInRate
	}
	var store authproxy.Store
	if shared.Once != nil {
		store = shared.Once
	}
	proxy, err := authproxy.New(authproxy.Config{
		Base: c.Base(), Key: key, Redirects: s.redirects, Knows: c.Knows, Store: store, Log: log,
		Upstream: authproxy.NewUpstream(authproxy.UpstreamConfig{
			Client: a.issuerClient(claims.Issuer, log), Issuer: claims.Issuer, ClientID: s.clientID, Secret: given,
			Resource: s.resource, Scopes: s.scopes, Params: params, IDToken: idToken,
		}),
		Offered: together(g.scopes, s.scopes, []string{"openid", "email", "profile", "offline_access"}), Asked: g.scopes,
		Limits: signInLimits{shared.Limits(limit)},
		Accept: accept(c.Guard),
		Heard: func(e authproxy.Event) {
			if c.Audit != nil {
				c.Audit.Add(audit.Entry{
					Time: e.At, Event: e.Kind, Subject: e.Who.Subject, Email: e.Who.Email, Client: e.Client, Mode: "sign-in", Address: e.Address, Server: e.Server, Reason: e.Reason,
				})
			}
		},
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Usage, "Clients cannot be signed in: "+err.Error()+".", "See the options --sign-in-… and --public-url: drawbridge serve --help")
	}
	return proxy, nil
}

// secret is the client's: from the file, the environment, or the keychain.
func (s signInFlags) secret(ctx context.Context, given secret.String, m *credential.Manager) (secret.String, error) {
	switch {
	case s.secretFile != "":
		return secretFrom(s.secretFile)
	case !given.IsZero():
		return given, nil
	}
	return m.SignInSecret(ctx)
}

func (s signInFlags) key(ctx context.Context, m *credential.Manager) (secret.String, error) {
	if s.keyFile != "" {
		return secretFrom(s.keyFile)
	}
	return m.SignInKey(ctx, generated)
}

// together is all of the lists, each text once.
func together(lists ...[]string) (all []string) {
	for _, list := range lists {
		for _, text := range list {
			if !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return all
}

// accept is the guard as the sign-in knows it.
func accept(g *guard.Guard) func(context.Context, secret.String) (authproxy.Who, error) {
	return func(ctx context.Context, token secret.String) (who authproxy.Who, err error) {
		id, no := g.Check(ctx, token)
		if id != nil {
			who = authproxy.Who{Subject: id.Subject, Email: id.Email, Expires: id.Expires}
		}
		switch {
		case no == nil:
			return who, nil
		case no.Code == guard.Revoked:
			return who, authproxy.ErrRevoked
		case no.Code == guard.Unavailable:
			return who, authproxy.ErrAway
		}
		return who, fmt.Errorf("the guard says: %w", no)
	}
}

// signInLimits are the guard's limits, counted apart: who signs in spends none of
// what the same address may call.
type signInLimits struct{ guard.Limiter }

// Wait implements authproxy.Limits.
func (l signInLimits) Wait(ctx context.Context, address string) time.Duration {
	now := time.Now()
	if wait := l.LockedOut(ctx, "sign-in "+address, now); wait > 0 {
		return wait
	}
	return l.Take(ctx, guard.Address, "sign-in "+address, now)
}

// Failed implements authproxy.Limits.
func (l signInLimits) Failed(ctx context.Context, address string) {
	l.Limiter.Failed(ctx, "sign-in "+address, time.Now())
}
