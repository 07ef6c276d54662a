package oauth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/network"
)

// reach says on behalf of which MCP server an address is dialled. What a server
// publishes may lead us to any public address, but into a private network or to
// this machine only if the server is there itself (MCP security best practices,
// server-side request forgery).
type reach struct {
	server string // lower-case host; "" when unknown: then nothing is refused
}

// lookupTimeout bounds the look-up of a name that is only looked at.
const lookupTimeout = 5 * time.Second

// zone is where an address lies.
type zone int

const (
	public   zone = iota
	private       // RFC 1918, RFC 4193, RFC 6598, RFC 2544
	loopback      // this machine
	special       // link-local, multicast, unspecified, reserved: never a server
)

func (z zone) String() string {
	return [...]string{"a public address", "a private address", "an address of this machine", "a link-local or reserved address"}[z]
}

// prefixes that net/netip has no method for.
var (
	sharedSpace = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	siteLocal   = netip.MustParsePrefix("fec0::/10")     // RFC 3879
	benchmark   = netip.MustParsePrefix("198.18.0.0/15") // RFC 2544; local proxies stand all names for such addresses
	nat64       = netip.MustParsePrefix("64:ff9b::/96")  // RFC 6052
	sixToFour   = netip.MustParsePrefix("2002::/16")     // RFC 3056
	reserved    = []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	}
)

func zoneOf(ip netip.Addr) zone {
	ip = ip.Unmap().WithZone("")
	raw := ip.As16()
	switch {
	case nat64.Contains(ip):
		return zoneOf(netip.AddrFrom4([4]byte(raw[12:16])))
	case sixToFour.Contains(ip):
		return zoneOf(netip.AddrFrom4([4]byte(raw[2:6])))
	case ip.IsLoopback():
		return loopback
	case ip.IsPrivate(), sharedSpace.Contains(ip), siteLocal.Contains(ip), benchmark.Contains(ip):
		return private
	case !ip.IsGlobalUnicast():
		return special
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return special
		}
	}
	return public
}

// literalZone is the zone of a host that can be known without asking anybody.
func literalZone(host string) (zone, bool) {
	if isLocalhost(host) {
		return loopback, true
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return public, false
	}
	return zoneOf(ip), true
}

func isLocalhost(host string) bool {
	host = hostKey(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// isLoopbackHost reports whether host names this machine; no name is looked up.
func isLoopbackHost(host string) bool {
	z, known := literalZone(host)
	return known && z == loopback
}

func hostKey(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// permits decides about a target in zone z, given where the server is.
func (r reach) permits(host string, z zone, server zone) bool {
	switch {
	case z == public, r.server == "", r.server == hostKey(host):
		return true
	case z == private:
		return server == private || server == loopback
	case z == loopback:
		return server == loopback
	}
	return false
}

// blockedError is a target that must not be reached.
type blockedError struct{ host, why string }

func (e *blockedError) Error() string { return "refused to reach " + e.host + ": " + e.why }

// checkURL refuses what must never be fetched or opened: no https (or http to
// loopback, or http at all with AllowHTTP), user information, a fragment, or
// an address literal that r forbids.
func (c *Client) checkURL(r reach, raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("it is not a URL")
	case u.Hostname() == "":
		return nil, errors.New("it is not an absolute URL")
	case u.User != nil:
		return nil, errors.New("it carries a user name or password")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return nil, errors.New("it has a fragment")
	case u.Scheme == "https":
	case u.Scheme != "http":
		return nil, errors.New("its scheme is not https")
	case !c.allowHTTP && !isLoopbackHost(u.Hostname()):
		return nil, errors.New("it is not https")
	}
	if z, known := literalZone(u.Hostname()); known {
		serverZone, _ := literalZone(r.server)
		// A server known by name may still be in a private network: the dial check decides.
		if _, literal := literalZone(r.server); !literal && z == private {
			return u, nil
		}
		if !r.permits(u.Hostname(), z, serverZone) {
			return nil, fmt.Errorf("it leads to %s, where the server itself is not", z)
		}
	}
	return u, nil
}

// checkTarget is checkURL with the one question that it leaves to whoever dials:
// whether a server known by name is in a private network itself. It is for what
// we do not dial, or let a proxy dial.
func (c *Client) checkTarget(ctx context.Context, r reach, raw string) (*url.URL, error) {
	u, err := c.checkURL(r, raw)
	if err != nil {
		return nil, err
	}
	if z, known := literalZone(u.Hostname()); known && !r.permits(u.Hostname(), z, c.serverZone(ctx, r)) {
		return nil, fmt.Errorf("it leads to %s, where the server itself is not", z)
	}
	return u, nil
}

// checkOpened is checkTarget for an address that a browser opens: nobody looks
// then at what its host's name stands for. A name that cannot be looked up is
// the browser's to complain about.
func (c *Client) checkOpened(ctx context.Context, r reach, raw string) error {
	u, err := c.checkTarget(ctx, r, raw)
	if err != nil {
		return err
	}
	host := u.Hostname()
	if _, literal := literalZone(host); literal || r.server == "" || r.server == hostKey(host) || !c.dials(u) {
		return nil
	}
	looking, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	ips, err := c.resolver.LookupNetIP(looking, "ip", host)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	for _, ip := range ips {
		if z := zoneOf(ip); z != public && !r.permits(host, z, c.serverZone(ctx, r)) {
			return fmt.Errorf("its host is at %s, where the server itself is not", z)
		}
	}
	return nil
}

// dials reports whether we connect to a URL's host ourselves: a proxy looks
// names up by itself.
func (c *Client) dials(u *url.URL) bool {
	if !c.guarded {
		return false
	}
	if c.proxy == nil {
		return true
	}
	proxy, err := c.proxy(&http.Request{URL: u})
	return err == nil && proxy == nil
}

// guardedTransport checks every request, each hop of a redirect included, and
// tells the dialler on whose behalf it dials.
type guardedTransport struct {
	client *Client
	reach  reach
}

type dialKey struct{}

type dialTarget struct {
	reach   reach
	host    string
	proxied bool
}

// RoundTrip implements http.RoundTripper.
func (t *guardedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if _, err := t.client.checkTarget(req.Context(), t.reach, req.URL.String()); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, &blockedError{host: req.URL.Host, why: err.Error()}
	}
	target := dialTarget{reach: t.reach, host: req.URL.Hostname()}
	if t.client.proxy != nil {
		// The user's own proxy may be anywhere; it resolves the name itself.
		if proxy, err := t.client.proxy(req); err == nil && proxy != nil {
			target.proxied = true
		}
	}
	return t.client.transport.RoundTrip(req.WithContext(context.WithValue(req.Context(), dialKey{}, target)))
}

// guardDialling makes a copy of t that looks at each resolved address before it
// connects, so that a name which changes its address between a check and the
// use gains nothing. Connections are not kept: one that was opened on behalf of
// one server must not serve another, and a POST on a fresh connection is never
// sent twice by net/http.
func (c *Client) guardDialling(t *http.Transport) *http.Transport {
	t = t.Clone()
	t.DisableKeepAlives = true
	t.MaxResponseHeaderBytes = 64 << 10
	t.DialTLSContext = nil
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := net.Dialer{Timeout: fetchTimeout, KeepAlive: -1, Resolver: c.resolver, ControlContext: c.checkDial}
		return d.DialContext(ctx, network, addr)
	}
	return t
}

// checkDial is net.Dialer's ControlContext: address is already resolved.
func (c *Client) checkDial(ctx context.Context, _, address string, _ syscall.RawConn) error {
	target, ok := ctx.Value(dialKey{}).(dialTarget)
	if !ok || target.proxied {
		return nil
	}
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("read the address to dial: %w", err)
	}
	z := zoneOf(addr.Addr())
	if target.reach.permits(target.host, z, public) || target.reach.permits(target.host, z, c.serverZone(ctx, target.reach)) {
		return nil
	}
	return &blockedError{host: target.host, why: "it is " + z.String() + ", where the server itself is not"}
}

// serverZone finds out where the MCP server is. A server with any public
// address counts as public.
func (c *Client) serverZone(ctx context.Context, r reach) zone {
	if z, known := literalZone(r.server); known {
		return z
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	ips, err := c.resolver.LookupNetIP(ctx, "ip", r.server)
	if err != nil || len(ips) == 0 {
		return public
	}
	where := zoneOf(ips[0])
	for _, ip := range ips[1:] {
		switch z := zoneOf(ip); {
		case z == where:
		case z == public || z == special || where == public || where == special:
			return public
		default:
			where = private
		}
	}
	return where
}

// fetchFault says in words why a request got no answer.
func fetchFault(req *http.Request, err error) error {
	host := shown(req.URL.Host)
	var blocked *blockedError
	var dns *net.DNSError
	what, next, explained := network.Explain(err, req.URL.Host)
	switch {
	case errors.Is(err, context.Canceled) && req.Context().Err() != nil:
		return fmt.Errorf("%s %s: %w", strings.ToLower(req.Method), withoutQuery(req.URL), context.Cause(req.Context()))
	case errors.As(err, &blocked):
		return fault.Wrap(err, fault.BadMetadata,
			fmt.Sprintf("The server's sign-in metadata leads to %s, and Drawbridge does not go there: %s.", shown(blocked.host), blocked.why),
			"Check the server's address; if it is right, tell whoever runs the server.")
	case errors.As(err, &dns) && dns.IsNotFound:
		return fault.Wrap(err, fault.Unreachable, fmt.Sprintf("There is no host %s.", host),
			"Check the address for a typing error, and the network.")
	case explained:
		return fault.Wrap(err, fault.Unreachable, what, next)
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(err, fault.Unreachable, fmt.Sprintf("%s did not answer in time.", host), "Check the network and try again.")
	}
	return fault.Wrap(err, fault.Unreachable, fmt.Sprintf("%s does not answer.", host), "Check the network and the server's address, then try again.")
}
