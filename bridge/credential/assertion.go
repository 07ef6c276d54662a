package credential

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
	"drawbridge/bridge/secret"
)

const (
	// maxAssertion bounds a file with a key or a JWT, and what a command prints,
	// in bytes.
	maxAssertion = 64 << 10
	// commandLimit bounds a command that prints a JWT.
	commandLimit = 30 * time.Second
	// stopLimit is what it gets to end once it was told to.
	stopLimit = 2 * time.Second
)

// armed is the client of a record, with its private key when that is how it
// shows who it is. The key is read from its file each time and kept nowhere: it
// is in the person's custody, and a copy of ours would outlive a rotation.
func (a *Account) armed(r *record) (oauth.ClientCredentials, error) {
	c := r.Client
	if c.AuthMethod != oauth.AuthPrivateKey {
		return c, nil
	}
	var err error
	c.Audience = r.Issuer
	c.Key, err = a.signingKey()
	return c, err
}

// signingKey reads the client's private key.
func (a *Account) signingKey() (*oauth.SigningKey, error) {
	file := a.server.OAuth.PrivateKeyFile
	if file == "" {
		return nil, fault.New(fault.Usage, fmt.Sprintf("The client of %s shows who it is by a private key, and none is named.", a.Name()),
			"Name its file: --private-key-file FILE")
	}
	text, err := readSecret(file)
	if err != nil {
		return nil, fault.Wrap(err, fault.BadSettings, fmt.Sprintf("The private key %q cannot be read.", file), "Check the file and whose it is.")
	}
	key, err := oauth.ParseSigningKey(text, a.server.OAuth.PrivateKeyAlg)
	if err != nil {
		return nil, fault.Wrap(err, fault.BadSettings, fmt.Sprintf("The file %q cannot be used: %s.", file, err),
			"Give a private key in PEM: EC on P-256 for ES256, or RSA for RS256, without a passphrase.")
	}
	return key, nil
}

// assertion is the JWT that the settings say where to get: from a file that
// somebody keeps fresh, or from a command. It is asked for each time, for it
// lives shortly.
func (a *Account) assertion(ctx context.Context, r *record) (secret.String, error) {
	from := a.server.OAuth.Assertion
	var jwt secret.String
	var where string
	var err error
	switch {
	case from.File != "":
		where = fmt.Sprintf("the file %q", from.File)
		jwt, err = readSecret(from.File)
	case len(from.Command) > 0:
		where = fmt.Sprintf("the command %q", from.Command[0])
		jwt, err = printed(ctx, from.Command, "DRAWBRIDGE_ISSUER="+r.Issuer, "DRAWBRIDGE_RESOURCE="+r.Resource)
	default:
		return jwt, fault.New(fault.Usage, fmt.Sprintf("The grant %s needs a JWT, and nothing says where it comes from.", a.server.OAuth.Grant),
			"Give --assertion-file FILE or --assertion-command 'PROGRAM ARGUMENT…'.")
	}
	if err != nil {
		return jwt, fault.Wrap(err, fault.BadSettings, fmt.Sprintf("No JWT comes from %s.", where), "Run it or look at it yourself; --verbose says more.")
	}
	if jwt.IsZero() || strings.Count(jwt.Reveal(), ".") != 2 || strings.ContainsAny(jwt.Reveal(), " \n\t") {
		return jwt, fault.New(fault.BadSettings, fmt.Sprintf("What comes from %s is not a JWT.", where), "It has to be the JWT alone, without a word before it.")
	}
	if d := decode(jwt); d != nil {
		if end := d.Time("exp"); !end.IsZero() && !a.m.now().Before(end) {
			return jwt, fault.New(fault.BadSettings, fmt.Sprintf("The JWT from %s ended %s ago.", where, a.m.now().Sub(end).Round(time.Second)),
				"Whoever issues it has to issue a new one.")
		}
	}
	return jwt, nil
}

// identityAssertion gets an ID-JAG from the company's identity provider: the
// person's ID token there for an assertion that names the authorization server
// of the MCP server (MCP extension Enterprise-Managed Authorization).
func (a *Account) identityAssertion(ctx context.Context, r *record) (secret.String, error) {
	provider, m, client, err := a.identityProvider(ctx)
	if err != nil {
		return secret.String{}, err
	}
	idToken, err := a.idToken(ctx, r, provider, m, client)
	if err != nil {
		return secret.String{}, err
	}
	return provider.IdentityAssertion(ctx, oauth.AssertionRequest{
		TokenEndpoint: m.TokenEndpoint, Client: client, IDToken: idToken, Audience: r.Issuer, Resource: r.Resource, Scopes: r.Asked,
	})
}

// SetIDPSecret stores the client secret at the company's identity provider.
func (a *Account) SetIDPSecret(ctx context.Context, s secret.String) error {
	if old, err := a.m.vault.Get(ctx, idpSecretEntry(a.server)); err == nil && old.Equal(s) {
		return nil
	}
	return a.m.vault.Set(ctx, idpSecretEntry(a.server), s)
}

// readSecret reads a small file without the white space around its content.
func readSecret(file string) (secret.String, error) {
	f, err := os.Open(file)
	if err != nil {
		return secret.String{}, err
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, maxAssertion+1))
	if err != nil {
		return secret.String{}, err
	}
	if len(raw) > maxAssertion {
		return secret.String{}, fmt.Errorf("%s is over %d bytes long", file, maxAssertion)
	}
	return secret.New(string(bytes.TrimSpace(raw))), nil
}

// printed runs a program, without a shell, and returns what it prints.
func printed(ctx context.Context, command []string, env ...string) (secret.String, error) {
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = stopLimit
	out := &limited{most: maxAssertion}
	said := &limited{most: 512}
	cmd.Stdout, cmd.Stderr = out, said
	if err := cmd.Run(); err != nil {
		return secret.String{}, fmt.Errorf("%s: %w: %q", command[0], err, said.String())
	}
	if out.over {
		return secret.String{}, fmt.Errorf("%s prints over %d bytes", command[0], maxAssertion)
	}
	return secret.New(strings.TrimSpace(out.String())), nil
}

// limited keeps the beginning of what is written.
type limited struct {
	bytes.Buffer
	most int
	over bool
}

// Write implements io.Writer and takes everything.
func (l *limited) Write(p []byte) (int, error) {
	if room := l.most - l.Len(); len(p) > room {
		l.over = true
		l.Buffer.Write(p[:max(room, 0)])
	} else {
		l.Buffer.Write(p)
	}
	return len(p), nil
}
