package serve

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"drawbridge/bridge/fault"
)

// hosts are the names that the Host header may hold beside those of loopback: those
// that were given, that of the public URL, and the address itself when it is one.
func (c Config) hosts() []string {
	all := append([]string(nil), c.Hosts...)
	if u, err := url.Parse(c.PublicURL); err == nil && u.Hostname() != "" {
		all = append(all, u.Hostname())
	}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && !isWildcard(host) {
		all = append(all, host)
	}
	return all
}

// isWildcard reports whether a host to listen on is all of the machine's addresses.
func isWildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// checkNames refuses a bridge that nobody could reach, or that would send clients to
// an address that is none.
func (c Config) checkNames(host string) error {
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
			return fault.New(fault.Usage, fmt.Sprintf("--public-url %s is no address that clients could use.", c.PublicURL), "Such as https://mcp.example.com; http is for this computer only.")
		}
	}
	if isWildcard(host) && c.PublicURL == "" && len(c.Hosts) == 0 {
		return fault.New(fault.Usage, "Nobody could reach the bridge: it has no name that it answers to.", "Give --public-url https://NAME, and --allow-host for each other name.")
	}
	return nil
}

// network is that of an address to listen on: who writes 0.0.0.0 does not mean IPv6.
func network(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "tcp"
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		return "tcp4"
	}
	return "tcp"
}

// Base is the URL of the bridge as clients know it, without a slash at its end.
func (c Config) Base() string {
	if c.PublicURL != "" {
		return strings.TrimRight(c.PublicURL, "/")
	}
	scheme, address := "http", c.Listen
	if c.Cert != "" {
		scheme = "https"
	}
	if host, port, err := net.SplitHostPort(address); err == nil && isWildcard(host) && len(c.Hosts) > 0 {
		address = net.JoinHostPort(hostOf(c.Hosts[0]), port)
	}
	return (&url.URL{Scheme: scheme, Host: address}).String()
}
