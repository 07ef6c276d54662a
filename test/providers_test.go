package test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
	"drawbridge/test/town"
)

// TestProviders signs in to an MCP server at each provider of docs/providers.md,
// which a real oidc-provider plays, at its own address behind a company's proxy;
// lets the token be refused, so that it is renewed; and has the doctor say what
// is particular about the provider and what to do.
func TestProviders(t *testing.T) {
	t.Parallel()
	harness.Skip(t)
	vendors := harness.StartVendors(t)
	if len(vendors.All) != len(town.Quirks) {
		t.Fatalf("%d providers are played, of %d", len(vendors.All), len(town.Quirks))
	}
	t.Run("each", func(t *testing.T) { // ends before what it needs does
		for _, vendor := range vendors.All {
			t.Run(vendor.Name, func(t *testing.T) {
				t.Parallel()
				newCustomer(t, vendors.In(t), vendor).signsIn()
			})
		}
	})
}

// customer is a person with an account at a vendor, whose tokens an MCP server
// takes.
type customer struct {
	*harness.Rig
	t       *testing.T
	town    *town.Town
	vendors *harness.Vendors
	vendor  harness.Vendor
	env     []string // of its commands, besides
}

const crm = "crm"

func newCustomer(t *testing.T, vendors *harness.Vendors, vendor harness.Vendor) *customer {
	w := town.New(t)
	for _, host := range vendor.Hosts {
		w.Is(host, vendors.Handler())
	}
	w.Is(town.CustomerHost, town.Protected(vendor.Issuer, func(token string) bool {
		worth, err := vendors.Worth(vendor.Name, token)
		if err != nil {
			t.Error(err)
		}
		return admits(vendor.Name, worth)
	}))
	return &customer{harness.New(t), t, w, vendors, vendor, nil}
}

// admits is how an MCP server knows that a token is for it.
func admits(vendor string, w harness.Worth) bool {
	switch vendor {
	case "Microsoft Entra ID": // by its scope
		return slices.Contains(strings.Fields(w.Scope), town.Customer+"/.default")
	case "Google", "GitHub", "Slack": // by having no other customers
		return w.GrantID != ""
	case "Keycloak": // by what the realm says
		return string(w.Audience) == `"account"`
	}
	return string(w.Audience) == `"`+town.Customer+`"`
}

func (c *customer) signsIn() {
	t, name := c.t, c.vendor.Name
	c.MustRun("add", crm, town.Customer, "--ca-file", c.town.CAFile, "--proxy", c.town.Proxy)
	said := c.doctor()
	if byHand := said["registration.way"].Status != "ok"; byHand != (c.vendor.Client != "") {
		t.Errorf("registration: %+v", said["registration.way"])
	}
	c.login()
	for id, line := range c.doctor() {
		if line.Status == "fail" {
			t.Errorf("signed in, the doctor says: %+v", line)
		}
		if _, there := said[id]; !there {
			said[id] = line
		}
	}
	for id, word := range town.Quirks[name] {
		if line, there := said[id]; !there || line.Got == "" || !strings.Contains(line.Remedy, word) {
			t.Errorf("of %s the doctor says %+v; want %q", id, line, word)
		}
	}

	client := c.StartPipe(nil, "stdio", crm)
	client.Initialize()
	works := func(when string) {
		t.Helper()
		if m := client.Call("tools/list", "{}"); m.Error != nil {
			t.Errorf("%s: %s", when, m.Error)
		}
	}
	works("signed in")
	renewals := 1
	switch name {
	case "GitHub": // there is nothing to renew it with
		renewals = 0
		if l := said["authorization.refresh"]; !strings.Contains(l.Got, "no refresh token") {
			t.Errorf("of the renewal the doctor says %+v", l)
		}
	case "Linear": // the answer to the renewal is lost
		renewals = 2
		c.vendors.Order(map[string]any{"do": "lose", "paths": []string{name}, "times": 1})
		c.vendors.Order(map[string]any{"do": "expire", "vendor": name})
	case "Cloudflare": // the tokens of the client that runs end with that
		c.login()
	default:
		c.vendors.Order(map[string]any{"do": "expire", "vendor": name})
	}
	if name == "Cloudflare" {
		works("signed in again")
		c.vendors.Order(map[string]any{"do": "expire", "vendor": name})
	}
	works("renewed")

	counts := c.vendors.Counts(name)
	registrations := 1
	if c.vendor.Client != "" {
		registrations = 0
	}
	if counts.Refreshes != renewals || counts.Registrations != registrations || len(counts.Complaints) > 0 {
		t.Errorf("the provider counted %+v; want %d renewals, %d registrations and no complaint", counts, renewals, registrations)
	}
}

// login signs in as a person does who is shown the address alone.
func (c *customer) login(more ...string) {
	c.t.Helper()
	args := append([]string{"login", crm, "--no-browser"}, more...)
	env := slices.Clone(c.env)
	if c.vendor.Client != "" {
		args = append(args, "--client-id", c.vendor.Client)
	}
	if c.vendor.Secret != "" {
		env = append(env, "DRAWBRIDGE_CLIENT_SECRET="+c.vendor.Secret)
	}
	run := c.StartCommand(harness.Command{Args: args, Env: env})
	var address string
	for deadline := time.Now().Add(time.Minute); address == ""; {
		result, ended := run.Ended(20 * time.Millisecond)
		if ended || time.Now().After(deadline) {
			c.t.Fatalf("no address to sign in at: %v", result)
		}
		address, _, _ = strings.Cut(result.Stdout, "\n")
		if !strings.Contains(result.Stdout, "\n") {
			address = ""
		}
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	end, text, err := c.town.Person("ada").Open(ctx, address) // a browser that knows nobody
	if err != nil || end.Hostname() != "127.0.0.1" || !strings.Contains(text, "Signed in to") {
		c.t.Fatalf("the sign-in ends at %v, %v: %s\n%v", end, err, text, c.vendors.Counts(c.vendor.Name).Complaints)
	}
	if result, ended := run.Ended(time.Minute); !ended || result.Status != 0 {
		c.t.Fatal(result)
	}
}

// line is one of the doctor's.
type line struct{ ID, Status, Got, Remedy string }

// doctor examines the server, and returns the lines by their ID.
func (c *customer) doctor() map[string]line {
	c.t.Helper()
	result := c.Run("doctor", crm, "--json")
	var report struct{ Lines []line }
	if err := json.Unmarshal([]byte(result.Stdout), &report); err != nil {
		c.t.Fatalf("%v: %v", err, result)
	}
	byID := map[string]line{}
	for _, l := range report.Lines {
		byID[l.ID] = l
	}
	if !strings.Contains(byID["provider.name"].Got, c.vendor.Name) {
		c.t.Errorf("the doctor does not know the provider: %q", slices.Sorted(maps.Keys(byID)))
	}
	return byID
}
