package cli

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/secret"
)

// idpSecretVariable hands over the client secret at the company's identity
// provider.
const idpSecretVariable = "DRAWBRIDGE_IDP_CLIENT_SECRET"

// registerGrants are the options of grants without a browser, and of connections
// in a company's network.
func (f *serverFlags) registerGrants(cmd *cobra.Command) {
	fs := cmd.Flags()
	text := func(name, usage string, at func(*config.Server) *string) {
		fs.StringVar(at(&f.given), name, "", usage)
		f.copies[name] = func(s *config.Server) { *at(s) = *at(&f.given) }
	}
	fs.StringVar(&f.given.OAuth.Assertion.File, "assertion-file", "", "the JWT for --grant jwt_bearer or id_jag is in this `FILE`, which somebody keeps fresh")
	f.copies["assertion-file"] = func(s *config.Server) {
		s.OAuth.Assertion = config.Assertion{File: fullPath(f.given.OAuth.Assertion.File)}
	}
	command := ""
	fs.StringVar(&command, "assertion-command", "", "this `COMMAND` prints that JWT: a program and its arguments, run without a shell")
	f.copies["assertion-command"] = func(s *config.Server) { s.OAuth.Assertion.Command = config.Words(command) }
	text("idp-issuer", "the issuer `URL` of the company's identity provider, for --grant id_jag",
		func(s *config.Server) *string { return &s.OAuth.IdentityProvider.Issuer })
	text("idp-token-endpoint", "its token endpoint, this `URL` instead of the discovered one",
		func(s *config.Server) *string { return &s.OAuth.IdentityProvider.TokenEndpoint })
	text("idp-client-id", "the client's `ID` there (its secret comes in "+idpSecretVariable+")",
		func(s *config.Server) *string { return &s.OAuth.IdentityProvider.ClientID })
	fs.StringVar(&f.given.OAuth.DPoP, "dpop", "auto", "bind tokens to a key: always, never, or when both servers can (`WHEN`)")
	f.copies["dpop"] = func(s *config.Server) {
		if s.OAuth.DPoP = f.given.OAuth.DPoP; s.OAuth.DPoP == "auto" {
			s.OAuth.DPoP = ""
		}
	}
	text("proxy", "reach the server and its provider through this proxy `URL`; none goes straight",
		func(s *config.Server) *string { return &s.TLS.Proxy })
}

// secretsGiven reports whether the environment holds a secret for us.
func secretsGiven() bool {
	return os.Getenv(secretVariable) != "" || os.Getenv(idpSecretVariable) != ""
}

// keepSecrets stores the secrets that came in the environment, and takes them
// out of it.
func keepSecrets(ctx context.Context, account *credential.Account) error {
	idp := secret.New(os.Getenv(idpSecretVariable))
	_ = os.Unsetenv(idpSecretVariable)
	server := account.Server()
	if s := takeClientSecret(); !s.IsZero() && server.ClientID != "" {
		if err := account.SetClientSecret(ctx, s); err != nil {
			return err
		}
	}
	if !idp.IsZero() && server.OAuth.IdentityProvider.ClientID != "" {
		return account.SetIDPSecret(ctx, idp)
	}
	return nil
}
