//go:build unix

package cli_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/vault"
	"drawbridge/test/ports"
)

// pems are files that options name: certificates of one authority, keys, a token.
type pems struct{ ca, cert, key, jwt, serverCert, serverKey string }

func newPEMs(t *testing.T) pems {
	t.Helper()
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	issue := func(name string, parent *x509.Certificate, signer *ecdsa.PrivateKey) (string, string, *x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: parent == nil,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		}
		if parent == nil {
			parent, signer = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		if c, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		return write(name+".pem", "CERTIFICATE", der), write(name+".key", "PRIVATE KEY", raw), c, key
	}
	var p pems
	ca, _, parent, signer := issue("authority", nil, nil)
	p.ca = ca
	p.cert, p.key, _, _ = issue("client", parent, signer)
	p.serverCert, p.serverKey, _, _ = issue("server", parent, signer)
	p.jwt = write("jwt", "JWT", []byte("x"))
	return p
}

// optionRow is one option, or one with what it cannot be without.
type optionRow struct {
	args []string
	// does is what becomes of a server's settings.
	does func(*config.Server)
	// other: it is another sign-in, kept by another key, where the server has no name.
	other bool
}

// optionRows are all options about a server, but for those about what passes
// between client and server, which are no matter of a sign-in.
func optionRows(p pems, port string, portNumber int) map[string]optionRow {
	const at = "http://127.0.0.1:1/there"
	oauth := func(change func(*config.OAuth)) func(*config.Server) {
		return func(s *config.Server) { change(&s.OAuth) }
	}
	rows := map[string]optionRow{
		"client-id":           {[]string{"mine"}, func(s *config.Server) { s.ClientID = "mine" }, true},
		"client-metadata-url": {[]string{"https://c.example/c.json"}, oauth(func(o *config.OAuth) { o.ClientMetadataURL = "https://c.example/c.json" }), true},
		"private-key-file":    {[]string{p.key}, oauth(func(o *config.OAuth) { o.PrivateKeyFile = p.key }), false},
		"private-key-alg": {
			[]string{"ES256", "--private-key-file", p.key},
			oauth(func(o *config.OAuth) { o.PrivateKeyFile, o.PrivateKeyAlg = p.key, "ES256" }), false,
		},
		"grant":                      {[]string{"device_code"}, oauth(func(o *config.OAuth) { o.Grant = "device_code" }), true},
		"scope":                      {[]string{"read", "--scope", "write"}, func(s *config.Server) { s.Scopes = []string{"read", "write"} }, true},
		"resource":                   {[]string{"urn:notes"}, oauth(func(o *config.OAuth) { o.Resource = "urn:notes" }), true},
		"no-resource":                {nil, oauth(func(o *config.OAuth) { o.NoResource = true }), true},
		"authorize-param":            {[]string{"tenant=t1"}, oauth(func(o *config.OAuth) { o.AuthorizeParams = map[string]string{"tenant": "t1"} }), true},
		"token-endpoint-auth-method": {[]string{"client_secret_post"}, oauth(func(o *config.OAuth) { o.TokenEndpointAuthMethod = "client_secret_post" }), false},
		"callback-host":              {[]string{"localhost"}, oauth(func(o *config.OAuth) { o.Callback.Host = "localhost" }), false},
		"callback-port":              {[]string{port}, oauth(func(o *config.OAuth) { o.Callback.Port = portNumber }), false},
		"callback-path":              {[]string{"/back"}, oauth(func(o *config.OAuth) { o.Callback.Path = "/back" }), false},
		"ca-file":                    {[]string{p.ca}, func(s *config.Server) { s.TLS.CAFile = p.ca }, false},
		"client-cert": {
			[]string{p.cert, "--client-key", p.key},
			func(s *config.Server) { s.TLS.ClientCertFile, s.TLS.ClientKeyFile = p.cert, p.key }, false,
		},
		"client-key": {
			[]string{p.key, "--client-cert", p.cert},
			func(s *config.Server) { s.TLS.ClientCertFile, s.TLS.ClientKeyFile = p.cert, p.key }, false,
		},
		"header":       {[]string{"X-Team: blue"}, func(s *config.Server) { s.Headers = map[string]string{"X-Team": "blue"} }, false},
		"use-id-token": {nil, oauth(func(o *config.OAuth) { o.UseIDToken = true }), false},
		"assume-pkce":  {nil, oauth(func(o *config.OAuth) { o.AssumePKCE = true }), false},
		"dpop":         {[]string{"never"}, oauth(func(o *config.OAuth) { o.DPoP = "never" }), false},
		"assertion-file": {
			[]string{p.jwt, "--grant", "jwt_bearer"},
			oauth(func(o *config.OAuth) { o.Grant, o.Assertion.File = "jwt_bearer", p.jwt }), true,
		},
		"assertion-command": {
			[]string{"cat " + p.jwt, "--grant", "jwt_bearer"},
			oauth(func(o *config.OAuth) { o.Grant, o.Assertion.Command = "jwt_bearer", []string{"cat", p.jwt} }), true,
		},
		"proxy":      {[]string{"none"}, func(s *config.Server) { s.TLS.Proxy = "none" }, false},
		"transport":  {[]string{"http"}, func(s *config.Server) { s.Transport = "http" }, false},
		"protocol":   {[]string{"legacy"}, func(s *config.Server) { s.Protocol = "legacy" }, false},
		"allow-http": {nil, func(s *config.Server) { s.AllowHTTP = true }, false},
	}
	idp := []string{"--grant", "id_jag", "--assertion-file", p.jwt, "--idp-issuer", at, "--idp-token-endpoint", at, "--idp-client-id", "mine"}
	for i, name := range []string{"idp-issuer", "idp-token-endpoint", "idp-client-id"} {
		rest := slices.Concat(idp[:4+2*i], idp[6+2*i:])
		rows[name] = optionRow{append([]string{idp[5+2*i]}, rest...), oauth(func(o *config.OAuth) {
			o.Grant, o.Assertion.File, o.IdentityProvider = "id_jag", p.jwt, config.IdentityProvider{Issuer: at, TokenEndpoint: at, ClientID: "mine"}
		}), true}
	}
	for name, field := range map[string]func(*config.Endpoints) *string{
		"issuer":                 func(e *config.Endpoints) *string { return &e.Issuer },
		"token-endpoint":         func(e *config.Endpoints) *string { return &e.Token },
		"registration-endpoint":  func(e *config.Endpoints) *string { return &e.Registration },
		"revocation-endpoint":    func(e *config.Endpoints) *string { return &e.Revocation },
		"device-endpoint":        func(e *config.Endpoints) *string { return &e.Device },
		"introspection-endpoint": func(e *config.Endpoints) *string { return &e.Introspection },
		"userinfo-endpoint":      func(e *config.Endpoints) *string { return &e.Userinfo },
	} {
		rows[name] = optionRow{[]string{at}, oauth(func(o *config.OAuth) { *field(&o.Endpoints) = at }), true}
	}
	rows["authorization-endpoint"] = optionRow{
		[]string{at, "--token-endpoint", at}, oauth(func(o *config.OAuth) { o.Endpoints.Authorization, o.Endpoints.Token = at, at }), true,
	}
	return rows
}

// TestEachOptionEverywhere gives each option to add, to login for an added server,
// to login --url and to stdio --url, and compares what they take it for, down to
// the key that the sign-in is kept by.
func TestEachOptionEverywhere(t *testing.T) {
	t.Setenv("BROWSER", "/bin/true")
	mcp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/mcp" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(mcp.Close)
	url, port := mcp.URL+"/mcp", ports.Free(t)
	number, err := net.LookupPort("tcp", port)
	if err != nil {
		t.Fatal(err)
	}
	rows := optionRows(newPEMs(t), port, number)
	inHelp(t, rows)
	plain := credential.Key(config.Server{URL: url}, "")
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"--" + name}, row.args...)
			want := config.Server{URL: url}
			row.does(&want)
			if got := credential.Key(want, "") != plain; got != row.other {
				t.Errorf("another key: %t, want %t", got, row.other)
			}
			named := want
			named.Name = "notes"
			same := func(way string, want, got config.Server) {
				t.Helper()
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", way, diff)
				}
			}

			u := newUser(t)
			u.must(append([]string{"add", "notes", url}, args...)...)
			same("add", named, u.added(t))

			u = newUser(t)
			u.must("add", "notes", url)
			u.until(t, func() bool { return cmp.Equal(named, u.added(t)) }, append([]string{"login", "notes"}, args...)...)
			same("login", named, u.added(t))

			for way, command := range map[string][]string{"login --url": {"login", "--url", url}, "stdio --url": {"stdio", "--no-agent", "--url", url}} {
				u = newUser(t)
				u.until(t, func() bool { return len(u.known(t)) > 0 }, append(command, args...)...)
				known := u.known(t)
				if len(known) != 1 {
					t.Fatalf("%s: %d credentials", way, len(known))
				}
				same(way, want, known[0].Server)
				if key := credential.Key(want, ""); known[0].Key != key {
					t.Errorf("%s: it is kept by %s, want %s", way, known[0].Key, key)
				}
			}
		})
	}
}

// added is the server in the settings.
func (u *user) added(t *testing.T) config.Server {
	t.Helper()
	s, err := config.Load(u.paths())
	if err != nil || len(s.Servers) != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	return s.Servers[0]
}

func (u *user) paths() config.Paths {
	return config.Paths{Config: filepath.Join(u.dir, "config"), State: filepath.Join(u.dir, "state")}
}

// known is what is known of credentials.
func (u *user) known(t *testing.T) []credential.Facts {
	t.Helper()
	all, err := credential.NewManager(credential.Config{Paths: u.paths(), Vault: vault.NewMemory()}).AllFacts()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// until runs a command until enough says so, at most until it ends.
func (u *user) until(t *testing.T, enough func() bool, args ...string) {
	t.Helper()
	if args[0] == "stdio" {
		u.bridgeUntil(t, args, enough)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ended := make(chan result, 1)
	go func() { ended <- u.runIn(ctx, args...) }()
	for {
		select {
		case r := <-ended:
			if r.status == 2 || !enough() {
				t.Errorf("drawbridge %s: %v", strings.Join(args, " "), r)
			}
			return
		case <-time.After(10 * time.Millisecond):
			if enough() {
				cancel()
				<-ended
				return
			}
		}
	}
}

var optionLine = regexp.MustCompile(`(?m)^\s+(?:-\w, )?--([a-z-]+)`)

// inHelp fails the test unless the options of the rows are those that all three
// commands have.
func inHelp(t *testing.T, rows map[string]optionRow) {
	t.Helper()
	u := newUser(t)
	common := map[string]int{}
	for _, command := range []string{"add", "login", "stdio"} {
		own, _, _ := strings.Cut(u.must(command, "--help").stdout, "Global Flags")
		for _, m := range optionLine.FindAllStringSubmatch(own, -1) {
			common[m[1]]++
		}
	}
	for name := range rows {
		if common[name] != 3 {
			t.Errorf("--%s is an option of %d of three commands", name, common[name])
		}
	}
	for name, n := range common {
		if _, there := rows[name]; n == 3 && !there && name != "help" {
			t.Errorf("--%s has no row", name)
		}
	}
}

// TestCompanysNetworkOptionsEverywhere: the files of a company's network do their
// work whichever command they come with. The server and its provider show a
// certificate of the company's authority and want one of it.
func TestCompanysNetworkOptionsEverywhere(t *testing.T) {
	p := newPEMs(t)
	options := []string{"--ca-file", p.ca, "--client-cert", p.cert, "--client-key", p.key}
	unattended := []string{"--grant", "client_credentials", "--client-id", "mine", "--token-endpoint-auth-method", "client_secret_post"}
	for name, ways := range map[string][][]string{
		"add":       {slices.Concat([]string{"add", "notes", "$URL"}, options, unattended), {"login", "notes"}},
		"login":     {{"add", "notes", "$URL"}, slices.Concat([]string{"login", "notes"}, options, unattended)},
		"login URL": {slices.Concat([]string{"login", "--url", "$URL"}, options, unattended)},
		"stdio URL": {slices.Concat([]string{"stdio", "--no-agent", "--url", "$URL"}, options, unattended)},
	} {
		t.Run(name, func(t *testing.T) {
			w, u := newMutualWorld(t, p), newUser(t)
			saw := w.watch()
			for _, args := range ways {
				t.Setenv("DRAWBRIDGE_CLIENT_SECRET", "s3cret") // each takes it out
				for i := range args {
					args[i] = strings.ReplaceAll(args[i], "$URL", w.URL+"/mcp")
				}
				if args[0] == "stdio" {
					u.bridgeUntil(t, args, func() bool { return saw.has("token client_secret") })
					continue
				}
				u.must(args...)
			}
			if !saw.has("token client_secret") {
				t.Error("no token was asked for")
			}
		})
	}
	for i, missing := range []string{"--ca-file", "the client certificate"} {
		w, u := newMutualWorld(t, p), newUser(t)
		left := [][]string{options[2:], options[:2]}[i]
		t.Setenv("DRAWBRIDGE_CLIENT_SECRET", "s3cret")
		if r := u.run(slices.Concat([]string{"login", "--url", w.URL + "/mcp"}, left, unattended)...); r.status != 11 {
			t.Errorf("without %s: %v", missing, r)
		}
	}
}

// newMutualWorld is a world with a certificate of its own authority, that wants one
// of it.
func newMutualWorld(t *testing.T, p pems) *world {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(p.serverCert, p.serverKey)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(p.ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	w := &world{}
	w.Server = httptest.NewUnstartedServer(w)
	w.Config.ErrorLog = log.New(io.Discard, "", 0)
	w.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}
	w.StartTLS()
	t.Cleanup(w.Close)
	w.mend()
	return w
}
