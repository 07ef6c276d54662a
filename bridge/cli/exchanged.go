package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/exchange"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/guard"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/session"
)

// exchanges are the servers at which a caller's token is exchanged for another, as
// the settings are. It is the serve.Shown of a bridge.
type exchanges struct {
	held *exchange.Held

	mu sync.RWMutex
	by map[string]exchanged // by name in lower case
}

// exchanged is how it is done for one server.
type exchanged struct {
	how    config.Exchange
	secret secret.String
	by     *exchange.Exchanger
}

// exchanges reads the settings. Its errors are *fault.Error.
func (a *app) exchanges(ctx context.Context, settings *config.Settings, m *credential.Manager, log *slog.Logger) (*exchanges, error) {
	x := &exchanges{held: exchange.NewHeld()}
	return x, x.update(ctx, a, settings, m, log)
}

// update goes by other settings. What has not changed for a server keeps the tokens
// that it has. On an error nothing is changed.
func (x *exchanges) update(ctx context.Context, a *app, settings *config.Settings, m *credential.Manager, log *slog.Logger) error {
	fresh := map[string]exchanged{}
	for _, server := range settings.Servers {
		how := settings.BridgeFor(server.Name).Exchange
		if how == nil {
			continue
		}
		if err := how.Check(server.AllowHTTP); err != nil {
			return fault.Wrap(err, fault.BadSettings, fmt.Sprintf("%s: %s", server.Name, fault.Public(err).What), fault.Public(err).Next)
		}
		s, err := m.ExchangeSecret(ctx, server)
		if err != nil {
			return err
		}
		name := strings.ToLower(server.Name)
		if is, ok := x.of(name); ok && is.secret.Equal(s) && reflect.DeepEqual(is.how, *how) {
			fresh[name] = is
			continue
		}
		fresh[name] = exchanged{*how, s, exchange.New(a.askExchange(*how, s, log), nil)}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.by = fresh
	return nil
}

func (x *exchanges) of(server string) (exchanged, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	e, ok := x.by[strings.ToLower(server)]
	return e, ok
}

// askExchange asks an authorization server as the settings say.
func (a *app) askExchange(how config.Exchange, s secret.String, log *slog.Logger) exchange.Ask {
	at := how.TokenEndpoint
	if at == "" {
		at = how.Issuer
	}
	client := a.issuerClient(at, log)
	var mu sync.Mutex
	endpoint, as := how.TokenEndpoint, oauth.ClientCredentials{ClientID: how.ClientID, Secret: s}
	find := func(ctx context.Context) (string, oauth.ClientCredentials, error) {
		mu.Lock()
		defer mu.Unlock()
		if endpoint == "" {
			m, err := client.ServerMetadata(ctx, how.Issuer)
			if err != nil {
				return "", as, err
			}
			endpoint, as.AuthMethod = m.TokenEndpoint, oauth.AuthMethodFor(m, !s.IsZero())
		}
		return endpoint, as, nil
	}
	return func(ctx context.Context, subject secret.String) (exchange.Issued, error) {
		endpoint, as, err := find(ctx)
		if err != nil {
			return exchange.Issued{}, err
		}
		t, err := client.TokenExchange(ctx, oauth.ExchangeRequest{
			GrantRequest: oauth.GrantRequest{TokenEndpoint: endpoint, Client: as, Resource: how.Resource, Scopes: how.Scopes},
			Subject:      subject, SubjectType: how.SubjectType, Audience: how.Audience,
		})
		var answered *oauth.TokenError
		if errors.As(err, &answered) && !answered.Temporary() {
			err = fault.Wrap(err, fault.Refused, fault.Public(err).What, fault.Public(err).Next) // no person can sign in here
		}
		return exchange.Issued{Token: t.Access, Life: t.ExpiresIn}, err
	}
}

// Exchanges implements serve.Shown.
func (x *exchanges) Exchanges(server string) bool {
	_, is := x.of(server)
	return is
}

// Seen implements serve.Shown.
func (x *exchanges) Seen(server string, c guard.Caller) {
	if token, ok := c.Exchangeable(); ok {
		x.held.Seen(heldKey(server, c), exchange.Subject{Token: token, Until: c.Expires})
	}
}

func heldKey(server string, c guard.Caller) string {
	return strings.ToLower(server) + "\x00" + c.Rights()
}

// credentialFor is what a caller's session shows to the server; nil where the
// signed-in account counts. release ends the use.
func (x *exchanges) credentialFor(server config.Server, how *config.Exchange, account string, c guard.Caller) (_ session.Credential, release func(), err error) {
	ex, is := x.of(server.Name)
	switch {
	case !is && how == nil:
		return nil, func() {}, nil
	case !is: // never the account instead of it
		return nil, nil, fault.New(fault.BadSettings, fmt.Sprintf("The exchange of tokens for %s cannot be used yet.", server.Name), "Try again in a moment; if that does not help, the bridge's log says why.")
	case account != "":
		return nil, nil, fault.New(fault.Refused, fmt.Sprintf("At %s callers have tokens of their own, and no accounts.", server.Name), "Leave @"+account+" out.")
	}
	token, ok := c.Exchangeable()
	if !ok {
		return nil, nil, fault.New(fault.Refused, fmt.Sprintf("%s is for callers whose token can be exchanged; an API key cannot.", server.Name), "Come with a token of the issuer.")
	}
	key := heldKey(server.Name, c)
	release = x.held.Hold(key, exchange.Subject{Token: token, Until: c.Expires})
	return exchange.NewCaller(ex.by, func() exchange.Subject { return x.held.Last(key) }, server.Name), release, nil
}
