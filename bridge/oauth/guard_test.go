package oauth

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/secret"
)

func TestZoneOf(t *testing.T) {
	for raw, want := range map[string]zone{
		"93.184.216.34": public, "2606:2800:220:1::1": public, "172.32.0.1": public, "100.128.0.1": public,
		"10.0.0.1": private, "172.16.0.1": private, "172.31.255.255": private, "192.168.1.1": private, "100.64.0.1": private, "198.18.0.1": private, "198.19.255.255": private, "198.20.0.1": public,
		"fd00::1": private, "fec0::1": private, "::ffff:10.0.0.1": private, "64:ff9b::a00:1": private, "2002:a00:1::": private,
		"127.0.0.1": loopback, "127.8.9.1": loopback, "::1": loopback, "::ffff:127.0.0.1": loopback, "64:ff9b::7f00:1": loopback,
		"169.254.169.254": special, "fe80::1%eth0": special, "0.0.0.0": special, "::": special, "224.0.0.1": special,
		"ff02::1": special, "255.255.255.255": special, "240.0.0.1": special, "0.1.2.3": special,
	} {
		if got := zoneOf(netip.MustParseAddr(raw)); got != want {
			t.Errorf("zoneOf(%s) = %s, want %s", raw, got, want)
		}
	}
}

func TestPermits(t *testing.T) {
	const host, other = "mcp.example.com", "auth.example.com"
	tests := []struct {
		server, target string
		target0        zone
		server0        zone
		want           bool
	}{
		{host, other, public, public, true},
		{host, other, private, public, false},
		{host, other, loopback, public, false},
		{host, other, special, public, false},
		{host, other, private, private, true},
		{host, other, loopback, private, false},
		{host, other, private, loopback, true},
		{host, other, loopback, loopback, true},
		{host, other, special, loopback, false},
		{host, "MCP.example.com.", private, public, true}, // the user typed it
		{"", other, private, public, true},
	}
	for _, tt := range tests {
		if got := (reach{tt.server}).permits(tt.target, tt.target0, tt.server0); got != tt.want {
			t.Errorf("server %q in %s, target %q in %s: %v, want %v", tt.server, tt.server0, tt.target, tt.target0, got, tt.want)
		}
	}
}

func TestCheckURL(t *testing.T) {
	tests := []struct {
		server, url string
		http, ok    bool
	}{
		{"mcp.example.com", "https://auth.example.com/x?y=z", false, true},
		{"mcp.example.com", "http://auth.example.com/", false, false},
		{"mcp.example.com", "http://auth.example.com/", true, true},
		{"mcp.example.com", "https://127.0.0.1/", false, false},
		{"mcp.example.com", "http://localhost:8080/", false, false},
		{"mcp.example.com", "https://[::1]/", true, false},
		{"mcp.example.com", "https://169.254.169.254/", false, false},
		{"mcp.example.com", "https://foo.localhost/", false, false},
		{"203.0.113.1", "https://10.0.0.1/", false, false},
		{"10.0.0.2", "https://10.0.0.1/", false, true},
		{"127.0.0.1", "http://localhost:8080/", false, true},
		{"127.0.0.1", "http://[::1]:8080/", false, true},
		{"", "http://127.0.0.1/", false, true},
		{"", "http://127.0.0.1.example.com/", false, false},
		{"", "//auth.example.com/", false, false},
		{"", "data:text/html,x", false, false},
		{"", "https://a@auth.example.com/", false, false},
		{"", "https://auth.example.com/#", false, false},
	}
	for _, tt := range tests {
		c := NewClient(Config{AllowHTTP: tt.http})
		if _, err := c.checkURL(reach{tt.server}, tt.url); (err == nil) != tt.ok {
			t.Errorf("server %q, %s (http allowed: %v): %v", tt.server, tt.url, tt.http, err)
		}
	}
}

// nameServer answers every question from a table, over UDP on loopback.
func nameServer(t *testing.T, names map[string][4]byte) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Additionals = true, nil
			ip, known := names[strings.TrimSuffix(q.Name.String(), ".")]
			if !known {
				m.RCode = dnsmessage.RCodeNameError
			} else if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: ip},
				}}
			}
			if out, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// The address is looked at when it is dialled: a name of a public server that
// turns out to be this machine or a private network is not connected to.
func TestDialCheck(t *testing.T) {
	s := newSite(t)
	s.on("POST /token", s.sends(object{"access_token": "at", "token_type": "Bearer"}))
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	resolver := nameServer(t, map[string][4]byte{
		"public.drawbridge.test": {203, 0, 113, 9}, "here.drawbridge.test": {127, 0, 0, 1},
		"also-here.drawbridge.test": {127, 0, 0, 1}, "inside.drawbridge.test": {10, 255, 255, 1},
	})
	refresh := func(server, host string) error {
		c := NewClient(Config{Server: server, AllowHTTP: true})
		c.resolver = resolver
		_, err := c.Refresh(t.Context(), RefreshRequest{TokenEndpoint: "http://" + host + ":" + port + "/token", RefreshToken: secret.New("rt")})
		return err
	}
	wantFault(t, refresh("https://public.drawbridge.test/mcp", "here.drawbridge.test"), fault.BadMetadata, "here.drawbridge.test", "an address of this machine")
	wantFault(t, refresh("https://public.drawbridge.test/mcp", "inside.drawbridge.test"), fault.BadMetadata, "a private address")
	wantFault(t, refresh("https://inside.drawbridge.test/mcp", "here.drawbridge.test"), fault.BadMetadata, "an address of this machine")
	if n := len(s.requests()); n != 0 {
		t.Fatalf("%d requests reached the site", n)
	}
	if err := refresh("https://here.drawbridge.test/mcp", "here.drawbridge.test"); err != nil {
		t.Errorf("same host: %v", err)
	}
	if err := refresh("https://also-here.drawbridge.test/mcp", "here.drawbridge.test"); err != nil {
		t.Errorf("a server on this machine: %v", err)
	}
	wantFault(t, refresh("https://public.drawbridge.test/mcp", "nowhere.drawbridge.test"), fault.Unreachable, "There is no host", "nowhere.drawbridge.test")
}

func TestDialCheckIsNotForTheUsersProxy(t *testing.T) {
	proxy := newSite(t)
	proxy.on("POST /token", proxy.sends(object{"access_token": "at", "token_type": "Bearer"}))
	transport := &http.Transport{Proxy: func(r *http.Request) (*url.URL, error) { return r.URL.Parse(proxy.URL) }}
	c := NewClient(Config{Server: "https://mcp.example.com", AllowHTTP: true, HTTP: &http.Client{Transport: transport}})
	if _, err := c.Refresh(t.Context(), RefreshRequest{TokenEndpoint: "http://auth.example.com/token"}); err != nil {
		t.Errorf("through a proxy on loopback: %v", err)
	}
}

func TestRedirects(t *testing.T) {
	s, other := newSite(t), newSite(t)
	to := func(url string, status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, url, status) }
	}
	meta := s.sends(object{"resource": "$SELF", "authorization_servers": []string{"$SELF"}})
	s.on(rfc8414, s.sends(asMetadata(nil)))
	other.on("GET /meta", meta)

	s.on(prm, to(other.URL+"/meta", http.StatusFound))
	if _, err := newClient().Discover(t.Context(), s.URL, Challenge{}); err != nil {
		t.Errorf("one redirect: %v", err)
	}
	s.on(prm, to(s.URL+"/.well-known/oauth-protected-resource", http.StatusFound))
	before := len(s.requests())
	_, err := newClient().Discover(t.Context(), s.URL, Challenge{})
	wantFault(t, err, fault.Unreachable)
	if n := len(s.requests()) - before; n != maxRedirects+1 {
		t.Errorf("%d requests in a loop, want %d", n, maxRedirects+1)
	}
	for _, bad := range []string{"http://clear.example.com/meta", "file:///etc/passwd", "http://169.254.169.254/x"} {
		s.on(prm, to(bad, http.StatusFound))
		_, err = newClient().Discover(t.Context(), s.URL, Challenge{})
		if !fault.Is(err, fault.BadMetadata) && !fault.Is(err, fault.Unreachable) {
			t.Errorf("redirect to %s: %v", bad, err)
		}
	}

	// Never from https to http, not even on this machine.
	secure := httptestTLS(t, to(other.URL+"/meta", http.StatusFound))
	c := NewClient(Config{HTTP: secure.Client(), AllowHTTP: true})
	before = len(other.requests())
	_, err = c.Discover(t.Context(), secure.URL, Challenge{})
	wantFault(t, err, fault.BadMetadata, "redirect from https to http")
	if len(other.requests()) != before {
		t.Error("followed a redirect from https to http")
	}
	_, err = newClient().Discover(t.Context(), secure.URL, Challenge{})
	wantFault(t, err, fault.Unreachable, "certificate")
}

func TestHTTPClientKeepsToTheRules(t *testing.T) {
	s := newSite(t)
	s.on("GET /jwks", s.sends(object{"keys": []any{}}))
	get := func(c *Client, url string) error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.HTTPClient().Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	if err := get(NewClient(Config{Server: s.URL}), s.URL+"/jwks"); err != nil {
		t.Error(err)
	}
	var blocked *blockedError
	if err := get(NewClient(Config{Server: "https://mcp.example.com"}), s.URL+"/jwks"); !errors.As(err, &blocked) {
		t.Errorf("a public server's key set on this machine: %v", err)
	}
	if err := get(NewClient(Config{}), "http://keys.example.com/"); !errors.As(err, &blocked) {
		t.Errorf("a key set in clear text: %v", err)
	}
}

// What a browser opens is looked up beforehand: nobody of us dials it.
func TestWhatABrowserOpensIsLookedUp(t *testing.T) {
	c := NewClient(Config{})
	c.resolver = nameServer(t, map[string][4]byte{
		"public.drawbridge.test": {203, 0, 113, 9}, "auth.drawbridge.test": {203, 0, 113, 10},
		"here.drawbridge.test": {127, 0, 0, 1}, "router.drawbridge.test": {192, 168, 1, 1}, "inside.drawbridge.test": {10, 255, 255, 1},
	})
	for _, tt := range []struct {
		server, target string
		ok             bool
	}{
		{"public.drawbridge.test", "https://auth.drawbridge.test/authorize", true},
		{"public.drawbridge.test", "https://nowhere.drawbridge.test/authorize", true}, // the browser will say
		{"public.drawbridge.test", "https://here.drawbridge.test/authorize", false},
		{"public.drawbridge.test", "https://router.drawbridge.test/reboot", false},
		{"public.drawbridge.test", "https://192.168.1.1/reboot", false},
		{"inside.drawbridge.test", "https://router.drawbridge.test/authorize", true},
		{"inside.drawbridge.test", "https://192.168.1.1/authorize", true},
		{"inside.drawbridge.test", "https://here.drawbridge.test/authorize", false},
		{"here.drawbridge.test", "https://HERE.drawbridge.test/authorize", true},
	} {
		if err := c.checkOpened(t.Context(), reach{tt.server}, tt.target); (err == nil) != tt.ok {
			t.Errorf("%s opens %s: %v", tt.server, tt.target, err)
		}
	}
}
