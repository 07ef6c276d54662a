package test

import (
	"slices"
	"strings"
	"testing"

	"drawbridge/test/harness"
	"drawbridge/test/town"
)

// TestCompanysNetwork: a proxy that only the environment names, an authority that
// nobody else knows, client certificates for everything. They count for OAuth and
// MCP requests alike, in login and stdio, and what is missing is named.
func TestCompanysNetwork(t *testing.T) {
	t.Parallel()
	harness.Skip(t)
	vendors := harness.StartVendors(t)
	i := slices.IndexFunc(vendors.All, func(v harness.Vendor) bool { return v.Name == "Atlassian" })
	c := newCustomer(t, vendors, vendors.All[i])
	c.town.Mutual()
	cert, key := c.town.Client("ada")
	c.env = []string{"HTTPS_PROXY=" + c.town.Proxy}

	fails := func(env []string, words ...string) {
		t.Helper()
		result := c.RunCommand(harness.Command{Args: []string{"login", crm, "--no-browser"}, Env: env})
		for _, word := range words {
			if result.Status != 11 || !strings.Contains(result.Stderr, word) {
				t.Errorf("want status 11 and %q: %v", word, result)
			}
		}
	}
	c.MustRun("add", crm, town.Customer)
	fails(nil, "mcp.example.com") // no such host: only the proxy knows it
	fails(c.env, "CN=mcp.example.com", "CN=The company's authority", "not trusted", "--ca-file")
	c.MustRun("remove", crm)
	c.MustRun("add", crm, town.Customer, "--ca-file", c.town.CAFile)
	fails(c.env, "client certificate", "--client-cert")
	c.MustRun("remove", crm)
	c.MustRun("add", crm, town.Customer, "--ca-file", c.town.CAFile, "--client-cert", cert, "--client-key", key)
	fails(append(slices.Clone(c.env), "NO_PROXY=.example.com"), "mcp.example.com")

	c.login()
	client := c.StartPipe(c.env, "stdio", crm)
	client.Initialize()
	for range 2 {
		if m := client.Call("tools/list", "{}"); m.Error != nil {
			t.Errorf("a call: %s", m.Error)
		}
		vendors.Order(map[string]any{"do": "expire", "vendor": c.vendor.Name})
	}
	if n := vendors.Counts(c.vendor.Name).Refreshes; n != 1 {
		t.Errorf("%d renewals", n)
	}
	for _, host := range append(slices.Clone(c.vendor.Hosts), town.CustomerHost) {
		if seen := c.town.Seen(host); !slices.Contains(seen, "ada") || slices.ContainsFunc(seen, func(who string) bool { return who != "ada" && who != "browser" }) {
			t.Errorf("%s saw the certificates of %q", host, seen)
		}
	}
}
