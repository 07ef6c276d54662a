package cli

import (
	"errors"
	"maps"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

// serverFlags are the options that describe a server: `add`, `login` and `stdio
// --url` have the same.
type serverFlags struct {
	given   config.Server // what the options say; a field counts when its option was used
	headers []string
	params  []string
	copies  map[string]func(*config.Server) // by option: takes its value over

	comforts comfortFlags // of the commands that register them
}

func (f *serverFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	f.copies = map[string]func(*config.Server){}
	text := func(name, usage string, at func(*config.Server) *string) {
		fs.StringVar(at(&f.given), name, "", usage)
		f.copies[name] = func(s *config.Server) { *at(s) = *at(&f.given) }
	}
	file := func(name, usage string, at func(*config.Server) *string) {
		fs.StringVar(at(&f.given), name, "", usage)
		f.copies[name] = func(s *config.Server) { *at(s) = fullPath(*at(&f.given)) }
	}
	yes := func(name, usage string, at func(*config.Server) *bool) {
		fs.BoolVar(at(&f.given), name, false, usage)
		f.copies[name] = func(s *config.Server) { *at(s) = *at(&f.given) }
	}

	text("client-id", "OAuth client `ID` that you registered (its secret comes in "+secretVariable+")",
		func(s *config.Server) *string { return &s.ClientID })
	text("client-metadata-url", "be the client that the document at this `URL` describes, where the provider takes such",
		func(s *config.Server) *string { return &s.OAuth.ClientMetadataURL })
	file("private-key-file", "show who the client is with the private key in this PEM `FILE`",
		func(s *config.Server) *string { return &s.OAuth.PrivateKeyFile })
	text("private-key-alg", "sign with this `ALGORITHM`: ES256 or RS256 (default: as the key wants)",
		func(s *config.Server) *string { return &s.OAuth.PrivateKeyAlg })
	text("grant", "get tokens by this `GRANT` (default: authorization_code)",
		func(s *config.Server) *string { return &s.OAuth.Grant })
	fs.StringArrayVar(&f.given.Scopes, "scope", nil, "ask for this `SCOPE` instead of what the server names (repeatable)")
	f.copies["scope"] = func(s *config.Server) { s.Scopes = f.given.Scopes }
	text("resource", "send this `URI` as resource, instead of what the server publishes",
		func(s *config.Server) *string { return &s.OAuth.Resource })
	yes("no-resource", "send no resource parameter: some providers refuse it",
		func(s *config.Server) *bool { return &s.OAuth.NoResource })
	fs.StringArrayVar(&f.params, "authorize-param", nil, "add this `NAME=VALUE` to the authorization request (repeatable)")
	text("token-endpoint-auth-method", "show who the client is by this `METHOD`, whatever the provider's metadata says",
		func(s *config.Server) *string { return &s.OAuth.TokenEndpointAuthMethod })
	text("callback-host", "let the browser come back to this `HOST` (default: 127.0.0.1)",
		func(s *config.Server) *string { return &s.OAuth.Callback.Host })
	fs.IntVar(&f.given.OAuth.Callback.Port, "callback-port", 0, "let the browser come back to this `PORT` (default: a free one)")
	f.copies["callback-port"] = func(s *config.Server) { s.OAuth.Callback.Port = f.given.OAuth.Callback.Port }
	text("callback-path", "let the browser come back to this `PATH` (default: /callback)",
		func(s *config.Server) *string { return &s.OAuth.Callback.Path })
	file("ca-file", "trust the certificate authorities in this PEM `FILE`, too",
		func(s *config.Server) *string { return &s.TLS.CAFile })
	file("client-cert", "show this client certificate, a PEM `FILE`",
		func(s *config.Server) *string { return &s.TLS.ClientCertFile })
	file("client-key", "the private key of --client-cert, a PEM `FILE`",
		func(s *config.Server) *string { return &s.TLS.ClientKeyFile })
	yes("use-id-token", "send the server the ID token instead of the access token",
		func(s *config.Server) *bool { return &s.OAuth.UseIDToken })
	yes("assume-pkce", "go on although the provider does not say that it supports PKCE",
		func(s *config.Server) *bool { return &s.OAuth.AssumePKCE })
	endpoint := func(name, what string, at func(*config.Endpoints) *string) {
		text(name, what, func(s *config.Server) *string { return at(&s.OAuth.Endpoints) })
	}
	endpoint("issuer", "the provider's issuer `URL`, instead of the one that the server names", func(e *config.Endpoints) *string { return &e.Issuer })
	endpoint("authorization-endpoint", "this `URL` instead of the discovered one", func(e *config.Endpoints) *string { return &e.Authorization })
	endpoint("token-endpoint", "this `URL` instead of the discovered one", func(e *config.Endpoints) *string { return &e.Token })
	endpoint("registration-endpoint", "this `URL` instead of the discovered one", func(e *config.Endpoints) *string { return &e.Registration })
	endpoint("revocation-endpoint", "this `URL` instead of the discovered one", func(e *config.Endpoints) *string { return &e.Revocation })
	endpoint("device-endpoint", "this `URL` instead of the discovered one", func(e *config.Endpoints) *string { return &e.Device })
	endpoint("introspection-endpoint", "this `URL` instead of the discovered one", func(e *config.Endpoints) *string { return &e.Introspection })
	endpoint("userinfo-endpoint", "this `URL` instead of the discovered one", func(e *config.Endpoints) *string { return &e.Userinfo })

	f.registerGrants(cmd)
	fs.StringArrayVar(&f.headers, "header", nil, "send this `'NAME: VALUE'` with each MCP request (repeatable)")
	auto := func(name, usage string, at func(*config.Server) *string) {
		fs.StringVar(at(&f.given), name, "auto", usage)
		f.copies[name] = func(s *config.Server) {
			if *at(s) = *at(&f.given); *at(s) == "auto" {
				*at(s) = ""
			}
		}
	}
	auto("transport", "speak http (Streamable HTTP), sse (of 2024), or find out (`KIND`)", func(s *config.Server) *string { return &s.Transport })
	auto("protocol", "`ERA` of MCP: legacy (to 2025-11-25), modern (2026-07-28), or found out", func(s *config.Server) *string { return &s.Protocol })
	yes("allow-http", "permit http to another machine: tokens cross the network in clear text",
		func(s *config.Server) *bool { return &s.AllowHTTP })
}

// used are the options that were given, but for those named in except.
func (f *serverFlags) used(cmd *cobra.Command, except ...string) []string {
	var names []string
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		_, ours := f.copies[flag.Name]
		for _, name := range except {
			ours = ours && flag.Name != name
		}
		if ours || flag.Name == "authorize-param" {
			names = append(names, flag.Name)
		}
	})
	return names
}

// apply puts what the options say into a server and checks it, but for its name
// and its URL.
func (f *serverFlags) apply(cmd *cobra.Command, s config.Server) (config.Server, error) {
	for _, name := range f.used(cmd) {
		if take := f.copies[name]; take != nil {
			take(&s)
		}
	}
	// One of the two takes the place of the other in what was said before.
	switch flags := cmd.Flags(); {
	case flags.Changed("no-resource") && !flags.Changed("resource"):
		s.OAuth.Resource = ""
	case flags.Changed("resource") && !flags.Changed("no-resource"):
		s.OAuth.NoResource = false
	}
	headers, err := parseHeaders(f.headers)
	if err != nil {
		return s, err
	}
	s.Headers = merged(s.Headers, headers)
	if err := f.comforts.apply(&s); err != nil {
		return s, err
	}
	params, err := parseParams(f.params)
	if err != nil {
		return s, err
	}
	s.OAuth.AuthorizeParams = merged(s.OAuth.AuthorizeParams, params)
	return s, errors.Join(config.CheckTransport(s.Transport), config.CheckProtocol(s.Protocol), s.OAuth.Check(s.AllowHTTP), s.TLS.Check())
}

// server is a new one, as the options describe it.
func (f *serverFlags) server(cmd *cobra.Command, name, url string) (config.Server, error) {
	s, err := f.apply(cmd, config.Server{Name: name, URL: url})
	return s, errors.Join(config.CheckURL(url, s.AllowHTTP), err)
}

// parseParams reads NAME=VALUE.
func parseParams(lines []string) (map[string]string, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	params := make(map[string]string, len(lines))
	for _, line := range lines {
		name, value, ok := strings.Cut(line, "=")
		if !ok || name == "" {
			return nil, fault.New(fault.Usage, "An --authorize-param is not of the form NAME=VALUE.", "Example: --authorize-param access_type=offline")
		}
		params[name] = value
	}
	return params, nil
}

func merged(into, more map[string]string) map[string]string {
	if len(more) == 0 {
		return into
	}
	if into = maps.Clone(into); into == nil {
		into = map[string]string{}
	}
	maps.Copy(into, more)
	return into
}

// fullPath makes a path good wherever a client starts us.
func fullPath(path string) string {
	if path == "" {
		return ""
	}
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}
