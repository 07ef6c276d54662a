package test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
	"drawbridge/test/town"
)

// TestGrants gets tokens from a real oidc-provider without a browser on this
// computer: by a code on another device, by a client's secret and by its private
// key; and has each renewed when the server refuses it.
func TestGrants(t *testing.T) {
	t.Parallel()
	harness.Skip(t)
	vendors := harness.StartVendors(t)
	key, file := privateKey(t)
	vendors.Order(map[string]any{"do": "client", "vendor": vendors.Plain.Name, "metadata": map[string]any{
		"client_id": "robot", "client_secret": "a-secret-of-the-robot-s-own", "token_endpoint_auth_method": "client_secret_basic",
		"grant_types": []string{"client_credentials"}, "redirect_uris": []string{}, "response_types": []string{},
	}})
	point := func(n []byte) string { return base64.RawURLEncoding.EncodeToString(n) }
	vendors.Order(map[string]any{"do": "client", "vendor": vendors.Plain.Name, "metadata": map[string]any{
		"client_id": "signer", "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256",
		"grant_types": []string{"client_credentials"}, "redirect_uris": []string{}, "response_types": []string{},
		"jwks": map[string]any{"keys": []any{map[string]any{"kty": "EC", "crv": "P-256", "x": point(key[1:33]), "y": point(key[33:])}}},
	}})
	t.Run("each", func(t *testing.T) {
		for name, how := range map[string]struct{ options, env []string }{
			"device_code":        {[]string{"--grant", "device_code"}, nil},
			"client_credentials": {[]string{"--grant", "client_credentials", "--client-id", "robot"}, []string{"DRAWBRIDGE_CLIENT_SECRET=a-secret-of-the-robot-s-own"}},
			"private_key_jwt":    {[]string{"--grant", "client_credentials", "--client-id", "signer", "--private-key-file", file, "--private-key-alg", "ES256"}, nil},
		} {
			t.Run(name, func(t *testing.T) {
				c := newCustomer(t, vendors.In(t), vendors.Plain)
				c.MustRun("add", crm, town.Customer, "--ca-file", c.town.CAFile, "--proxy", c.town.Proxy)
				if name == "device_code" {
					c.loginByCode(how.options...)
				} else if r := c.RunCommand(harness.Command{Args: append([]string{"login", crm}, how.options...), Env: how.env}); r.Status != 0 {
					t.Fatal(r)
				}
				client := c.StartPipe(nil, "stdio", crm)
				client.Initialize()
				for range 2 {
					if m := client.Call("tools/list", "{}"); m.Error != nil {
						t.Errorf("a call: %s", m.Error)
					}
					c.vendors.Order(map[string]any{"do": "expire", "vendor": c.vendor.Name})
				}
				if opened := c.Opened(); len(opened) > 0 {
					t.Errorf("a browser was opened: %q", opened)
				}
			})
		}
	})
	if counts := vendors.Counts(vendors.Plain.Name); len(counts.Complaints) > 0 || counts.Registrations != 1 || counts.Refreshes != 1 {
		t.Errorf("the provider counted %+v; want one registration and renewal, of the device's, and no complaint", counts)
	}
}

var codeAddress = regexp.MustCompile(`https://auth\.example\.com/device\?user_code=\S+`)

// loginByCode signs in with a browser on another device.
func (c *customer) loginByCode(options ...string) {
	c.t.Helper()
	run := c.StartCommand(harness.Command{Args: append([]string{"login", crm}, options...)})
	address := ""
	for deadline := time.Now().Add(time.Minute); address == ""; {
		result, ended := run.Ended(20 * time.Millisecond)
		if ended || time.Now().After(deadline) {
			c.t.Fatalf("no code: %v", result)
		}
		address = codeAddress.FindString(result.Stderr + result.Stdout)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	if end, text, err := c.town.Person("ada").Open(ctx, address); err != nil || !strings.Contains(text, "Sign-in Success") {
		c.t.Fatalf("the sign-in ends at %v, %v: %s", end, err, text)
	}
	if result, ended := run.Ended(time.Minute); !ended || result.Status != 0 {
		c.t.Fatal(result)
	}
}

// privateKey makes one on P-256, and returns its public point and a PEM file.
func privateKey(t *testing.T) (point []byte, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if point, err = key.PublicKey.Bytes(); err != nil {
		t.Fatal(err)
	}
	return point, file
}
