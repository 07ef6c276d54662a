package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"drawbridge/bridge/audit"
	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/guard"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
	"drawbridge/bridge/serve"
)

// hmacVariable holds the secret of --guard hmac when no file does.
const hmacVariable = "JWT_SECRET"

// introspectionVariable holds the secret of the client that asks about tokens.
const introspectionVariable = "DRAWBRIDGE_INTROSPECTION_SECRET"

// guardFlags say who is let in.
type guardFlags struct {
	modes                     []string
	issuer, jwks, publicKey   string
	audiences, algorithms     []string
	preset, userClaim, header string
	hmacFile, previous        string
	introspection, clientID   string
	clientKey                 string
	cache                     time.Duration
	scopes, required          []string
	leeway                    time.Duration
	perSubject, perAddress    int
	failures                  int
	anyAudience               bool
}

func (g *guardFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&g.modes, "guard", nil, "let in by `MODE`: api-key (default), jwt, hmac, introspection, none (repeatable)")
	f.StringVar(&g.header, "key-header", "X-API-Key", "header `NAME` that may hold an API key, beside Authorization: Bearer")
	f.StringVar(&g.issuer, "issuer", "", "the issuer that tokens name, a `URL`; jwt finds its keys there")
	f.StringArrayVar(&g.audiences, "audience", nil, "jwt, hmac, introspection: tokens must be meant for this `AUDIENCE` (repeatable)")
	f.BoolVar(&g.anyAudience, "dangerously-any-audience", false, "accept tokens that the issuer made for other services")
	f.StringArrayVar(&g.algorithms, "algorithm", nil, "jwt, hmac: accept this `ALG` only (repeatable)")
	f.StringVar(&g.jwks, "jwks-uri", "", "jwt: the `URL` of the keys, instead of what the issuer's metadata says")
	f.StringVar(&g.publicKey, "public-key", "", "jwt: the one public key, from a `FILE` in PEM")
	f.StringVar(&g.preset, "preset", "", "jwt: the ways of this `PROVIDER`: okta, google, azure, auth0, cognito, keycloak")
	f.StringVar(&g.userClaim, "user-claim", "", "jwt, hmac, introspection: the `CLAIM` that names the caller (default sub)")
	f.DurationVar(&g.leeway, "leeway", 30*time.Second, "jwt, hmac, introspection: what clocks may differ")
	f.StringVar(&g.hmacFile, "hmac-secret-file", "", "hmac: `FILE` with the secret, 32 bytes or more (default: "+hmacVariable+", else the keychain)")
	f.StringVar(&g.previous, "hmac-previous-file", "", "hmac: `FILE` with the secret that was before and still counts")
	f.StringVar(&g.introspection, "introspection-endpoint", "", "introspection: the `URL` to ask (default: what the issuer's metadata says)")
	f.StringVar(&g.clientID, "introspection-client-id", "", "introspection: the client `ID` to ask as (its secret comes in "+introspectionVariable+")")
	f.StringVar(&g.clientKey, "introspection-key-file", "", "introspection: `FILE` with that client's private key, instead of a secret")
	f.DurationVar(&g.cache, "token-cache", guard.DefaultCacheTime, "believe a token for this long (`TIME`), at most 5m; 0: look each time")
	f.StringArrayVar(&g.scopes, "require-scope", nil, "name this `SCOPE` in challenges and metadata (repeatable)")
	f.StringArrayVar(&g.required, "require-claim", nil, "jwt, hmac, introspection: tokens must have this claim, `NAME` or NAME=VALUE (repeatable)")
	f.IntVar(&g.perSubject, "rate", 600, "requests a minute of one caller; 0: no limit")
	f.IntVar(&g.perAddress, "rate-address", 0, "requests a minute of one address; 0: no limit")
	f.IntVar(&g.failures, "lock-after", 20, "refused credentials after which an address is locked out for a minute; 0: never")
}

// buildGuard makes the guard that the options ask for. told hears what it decides;
// nil: nobody does.
func (a *app) buildGuard(ctx context.Context, p config.Paths, settings *config.Settings, secrets hmacSecrets, g guardFlags, shared *serve.Shared, told *decisions, c *serve.Config, log *slog.Logger) (*guard.Guard, error) {
	if len(g.modes) == 0 {
		g.modes = []string{"api-key"}
	}
	if g.cache == 0 {
		g.cache = -1 // keep nothing
	}
	cfg := guard.Config{
		Log: log, KeyHeader: g.header, Scopes: g.scopes, Cache: guard.NewCache(g.cache, 0),
		Denied: shared.Denied,
		Limits: shared.Limits(guard.LimitConfig{PerSubject: g.perSubject, PerAddress: g.perAddress, Failures: g.failures}),
	}
	policy, err := policyOf(p, settings)
	if err != nil {
		return nil, err
	}
	cfg.Policy = policy
	asked := &atomic.Int64{}
	go rest(ctx, asked)
	cfg.Heard = func(d guard.Decision) {
		asked.Add(1)
		if told != nil {
			told.heard(d)
		}
	}
	claims, err := g.claims()
	if err != nil {
		return nil, err
	}
	if len(g.modes) > 1 && slices.Contains(g.modes, "none") {
		return nil, fault.New(fault.Usage, "--guard none goes with no other guard.", "Leave it out.")
	}
	for _, mode := range slices.Compact(slices.Sorted(slices.Values(g.modes))) {
		var m guard.Mode
		var err error
		switch mode {
		case "none":
			cfg.Open, c.Unguarded = true, true
			continue
		case "api-key":
			keys := guard.NewFileKeys(apiKeysFile(p), nil, cfg.Cache.Empty)
			go keys.Watch(ctx)
			m = guard.NewAPIKeys(keys, nil)
		case "hmac":
			m, err = g.hmac(ctx, secrets, claims)
		case "jwt":
			if err := g.addresses(); err != nil {
				return nil, err
			}
			m, err = a.jwtMode(g, claims, cfg.Cache.Empty, log)
		case "introspection":
			if err := g.addresses(); err != nil {
				return nil, err
			}
			m, err = a.introspectionMode(g, claims, shared.Answers, log)
		default:
			return nil, fault.New(fault.Usage, fmt.Sprintf("There is no guard %q.", mode), "Use api-key, jwt, hmac, introspection, or none.")
		}
		if err != nil {
			return nil, asUsage(err)
		}
		cfg.Modes = append(cfg.Modes, m)
		if mode == "jwt" || mode == "introspection" {
			if claims.Issuer != "" && !slices.Contains(c.Issuers, claims.Issuer) {
				c.Issuers = append(c.Issuers, claims.Issuer)
			}
		}
	}
	// Opaque tokens last: introspection takes whatever the others leave.
	slices.SortStableFunc(cfg.Modes, func(x, y guard.Mode) int { return rank(x) - rank(y) })
	c.Scopes, c.KeyHeader = g.scopes, g.header
	if len(c.Issuers) > 0 { // with API keys alone no metadata is served: some clients would start a sign-in
		cfg.Metadata = c.MetadataURL
	}
	return guard.New(cfg), nil
}

// addresses refuses an issuer that anybody on the way could play: it says whose
// tokens count.
func (g guardFlags) addresses() error {
	for _, o := range []struct{ name, value string }{{"issuer", g.issuer}, {"jwks-uri", g.jwks}, {"introspection-endpoint", g.introspection}} {
		if o.value == "" {
			continue
		}
		u, err := url.Parse(o.value)
		if err == nil {
			err = config.CheckURL(o.value, false)
		}
		if err != nil {
			return fault.Wrap(err, fault.Usage, fmt.Sprintf("--%s %s: it is not an https address.", o.name, o.value), "Give its https address; http is for this computer only.")
		}
		if ip := net.ParseIP(u.Hostname()); ip != nil && !ip.IsLoopback() {
			return fault.New(fault.Usage, fmt.Sprintf("--%s %s: it names a number, not a host.", o.name, o.value), "Give the host's name, which its certificate is for.")
		}
	}
	return nil
}

func rank(m guard.Mode) int {
	return slices.Index([]string{"api-key", "hmac", "jwt", "introspection"}, m.Name())
}

func apiKeysFile(p config.Paths) string { return filepath.Join(p.Bridge(), "api-keys.json") }

func asUsage(err error) error {
	if fault.Public(err).Code != fault.Internal {
		return err
	}
	return fault.Wrap(err, fault.Usage, "The guard cannot be set up: "+err.Error()+".", "Run: drawbridge serve --help")
}

func (g guardFlags) claims() (guard.Claims, error) {
	c := guard.Claims{Issuer: g.issuer, Audience: g.audiences, AnyAudience: g.anyAudience, UserClaim: g.userClaim, Required: g.required, Leeway: g.leeway}
	if g.preset == "" {
		return c, nil
	}
	preset, known := guard.Presets[g.preset]
	if !known {
		return c, fault.New(fault.Usage, fmt.Sprintf("There is no preset %q.", g.preset), "Use okta, google, azure, auth0, cognito or keycloak.")
	}
	if c.Issuer == "" && strings.ToLower(preset.Issuer) != preset.Issuer {
		return c, fault.New(fault.Usage, fmt.Sprintf("The preset %s wants --issuer.", g.preset), "It looks like this: "+preset.Issuer)
	}
	if c.Issuer == "" {
		c.Issuer = preset.Issuer
	}
	return preset.Apply(c), nil
}

func (g guardFlags) hmac(ctx context.Context, secrets hmacSecrets, c guard.Claims) (guard.Mode, error) {
	all, err := signingSecrets(ctx, g.hmacFile, secrets)
	if err != nil {
		return nil, err
	}
	keys, err := hmacKeys(all, g.previous)
	if err != nil {
		return nil, err
	}
	return guard.NewHMAC(c, g.algorithms, keys...)
}

// hmacKeys names secrets; the file previous, if there is one, has the one that was
// before the first.
func hmacKeys(all []secret.String, previous string) (keys []guard.HMACKey, err error) {
	if previous != "" {
		old, err := secretFrom(previous)
		if err != nil {
			return nil, err
		}
		all = append(all[:1], old)
	}
	for _, s := range all {
		keys = append(keys, guard.HMACKey{ID: keyID(s), Secret: s})
	}
	return keys, nil
}

// keyID names a secret by its hash, so that minted tokens say which one signed
// them.
func keyID(s secret.String) string { return guard.HashOf(s).Short() }

// secretFrom reads a secret from a file that only its owner may read.
func secretFrom(file string) (secret.String, error) {
	info, err := os.Stat(file)
	if err == nil && info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		return secret.String{}, fault.New(fault.Usage, fmt.Sprintf("Others may read the secret in %s.", file), "Run: chmod 600 "+file)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return secret.String{}, fault.Wrap(err, fault.Usage, fmt.Sprintf("The secret in %s cannot be read.", file), "Check the path and that it is yours.")
	}
	return secret.New(string(bytes.TrimRight(raw, "\r\n"))), nil
}

func (a *app) jwtMode(g guardFlags, c guard.Claims, changed func(), log *slog.Logger) (guard.Mode, error) {
	if g.publicKey != "" {
		raw, err := os.ReadFile(g.publicKey)
		if err != nil {
			return nil, fault.Wrap(err, fault.Usage, fmt.Sprintf("The key %s cannot be read.", g.publicKey), "Check the path.")
		}
		keys, err := guard.PEMKey(raw)
		if err != nil {
			return nil, err
		}
		return guard.NewJWT(c, g.algorithms, keys)
	}
	if c.Issuer == "" {
		return nil, fault.New(fault.Usage, "The guard jwt does not know whose tokens count.", "Give --issuer, or --public-key.")
	}
	client := a.issuerClient(c.Issuer, log)
	find := func(ctx context.Context) (string, error) {
		if g.jwks != "" {
			return g.jwks, nil
		}
		m, err := client.ServerMetadata(ctx, c.Issuer)
		if err != nil {
			return "", err
		}
		if m.JWKSURI == "" {
			return "", fmt.Errorf("the metadata of %s names no keys", c.Issuer)
		}
		return m.JWKSURI, nil
	}
	return guard.NewJWT(c, g.algorithms, guard.NewRemoteKeys(find, client.HTTPClient(), nil, changed))
}

func (a *app) issuerClient(issuer string, log *slog.Logger) *oauth.Client {
	return oauth.NewClient(oauth.Config{Server: issuer, UserAgent: "drawbridge/" + a.Version, Log: log})
}

func (a *app) introspectionMode(g guardFlags, c guard.Claims, shared guard.Answers, log *slog.Logger) (guard.Mode, error) {
	if c.Issuer == "" && g.introspection == "" {
		return nil, fault.New(fault.Usage, "The guard introspection does not know whom to ask.", "Give --issuer or --introspection-endpoint.")
	}
	s := secret.New(os.Getenv(introspectionVariable))
	_ = os.Unsetenv(introspectionVariable)
	about := c.Issuer
	if about == "" {
		about = g.introspection
	}
	as := oauth.ClientCredentials{ClientID: g.clientID, Secret: s}
	if g.clientKey != "" {
		text, err := secretFrom(g.clientKey)
		if err != nil {
			return nil, err
		}
		if as.Key, err = oauth.ParseSigningKey(text, ""); err != nil {
			return nil, fault.Wrap(err, fault.Usage, fmt.Sprintf("The key %s cannot be used.", g.clientKey), "Give a private key in PEM: EC on P-256 for ES256, or RSA for RS256, without a passphrase.")
		}
		as.Audience = about
	}
	var asks guard.Introspector = &issuerAsks{client: a.issuerClient(about, log), issuer: c.Issuer, endpoint: g.introspection, as: as}
	if shared != nil && !s.IsZero() && g.cache > 0 { // all bridges have the client's secret, the store has not
		asks = guard.NewSharedAnswers(asks, shared, s, g.cache, nil)
	}
	return guard.NewIntrospection(c, asks)
}

// issuerAsks asks an issuer about tokens.
type issuerAsks struct {
	client           *oauth.Client
	issuer, endpoint string
	as               oauth.ClientCredentials
}

// Introspect implements guard.Introspector.
func (i *issuerAsks) Introspect(ctx context.Context, token secret.String) ([]byte, error) {
	endpoint := i.endpoint
	if endpoint == "" {
		m, err := i.client.ServerMetadata(ctx, i.issuer)
		if err != nil {
			return nil, err
		}
		if endpoint = m.IntrospectionEndpoint; endpoint == "" {
			return nil, fmt.Errorf("the metadata of %s names no introspection endpoint", i.issuer)
		}
	}
	answer, err := i.client.Introspect(ctx, oauth.IntrospectRequest{Endpoint: endpoint, Client: i.as, Token: token, Hint: "access_token"})
	var said *oauth.TokenError
	if errors.As(err, &said) && said.Code == "unsupported_token_type" {
		return []byte(`{"active":false}`), nil // it will never say more about such a token
	}
	if err != nil {
		return nil, err
	}
	if !answer.Active {
		return []byte(`{"active":false}`), nil
	}
	answer.Claims["active"] = json.RawMessage("true") // which the client has looked at and taken out
	return json.Marshal(answer.Claims)
}

// entryOf is a decision as the record has it.
func entryOf(d guard.Decision) audit.Entry {
	e := audit.Entry{Time: d.At, Event: "allowed", Server: d.Server, Method: d.Method, Name: d.Name, Address: d.Address, RequestID: d.RequestID}
	if d.Who != nil {
		e.Subject, e.Email, e.Client, e.Mode = d.Who.Subject, d.Who.Email, d.Who.Client, d.Who.Mode
	}
	if no := d.Refusal; no != nil {
		e.Event, e.Reason = "denied", string(no.Code)
		if no.Status == http.StatusTooManyRequests {
			e.Event = "limited"
		}
	}
	return e
}

// isTerminal reports whether w is a person's terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
