// Package config knows where Drawbridge keeps its files and reads and writes
// the settings file. It must not know a secret, the network or the keychain.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"drawbridge/bridge/fault"
)

// Server is a remote MCP server that the user has added. Nothing in it is secret.
type Server struct {
	// Name is how the user calls it; see CheckName. Empty for an unnamed server
	// (`drawbridge stdio --url URL`).
	Name string `json:"name"`
	// URL is the MCP endpoint: https, or http to loopback.
	URL string `json:"url"`
	// ClientID is the OAuth client that the user registered; empty to register
	// one dynamically (RFC 7591).
	ClientID string `json:"clientId,omitempty"`
	// Scopes are asked for instead of those that the server names.
	Scopes []string `json:"scopes,omitempty"`
	// Headers go with each MCP request, never with an OAuth one.
	Headers map[string]string `json:"headers,omitempty"`
	// HeaderFiles are files with more headers, one 'NAME: VALUE' on a line, read
	// when they change. What is secret belongs there and not into Headers.
	HeaderFiles []string `json:"headerFiles,omitempty"`
	// IgnoreTools are patterns of tools that clients do not get to see; see Hides.
	IgnoreTools []string `json:"ignoreTools,omitempty"`
	// Timeout is how long a request may go unanswered without progress, such as
	// "90s"; empty: as long as the client waits. See CallTimeout.
	Timeout string `json:"timeout,omitempty"`
	// AllowHTTP permits http to a host that is not loopback: tokens then cross
	// the network in clear text.
	AllowHTTP bool `json:"allowHttp,omitempty"`
	// Transport is how the server is spoken to: TransportHTTP, TransportSSE, or ""
	// to find out (MCP 2025-11-25, backwards compatibility).
	Transport string `json:"transport,omitempty"`
	// Protocol is the half of MCP's history in which the server is spoken to:
	// ProtocolLegacy, ProtocolModern, or "" to find out (MCP 2026-07-28,
	// versioning).
	Protocol string `json:"protocol,omitempty"`
	// OAuth is for sign-ins that discovery cannot find out, TLS for connections.
	OAuth OAuth `json:"oauth,omitzero"`
	TLS   TLS   `json:"tls,omitzero"`
	// Account is the one that counts when nobody names another; empty is
	// DefaultAccount. See Settings.Choose.
	Account string `json:"account,omitempty"`
}

// Transports of a server.
const (
	// TransportHTTP is Streamable HTTP (MCP 2025-03-26 and later).
	TransportHTTP = "http"
	// TransportSSE is HTTP+SSE (MCP 2024-11-05).
	TransportSSE = "sse"
)

// CheckTransport refuses what is no transport; "" is one.
func CheckTransport(name string) error {
	switch name {
	case "", TransportHTTP, TransportSSE:
		return nil
	}
	return fault.New(fault.Usage, fmt.Sprintf("There is no transport %q.", name), "Use http (Streamable HTTP), sse (the older HTTP+SSE) or auto, which finds out.")
}

// Protocols of a server.
const (
	// ProtocolLegacy is MCP up to 2025-11-25, with initialize.
	ProtocolLegacy = "legacy"
	// ProtocolModern is MCP from 2026-07-28 on.
	ProtocolModern = "modern"
)

// CheckProtocol refuses what is no protocol; "" is one.
func CheckProtocol(name string) error {
	switch name {
	case "", ProtocolLegacy, ProtocolModern:
		return nil
	}
	return fault.New(fault.Usage, fmt.Sprintf("There is no protocol %q.", name), "Use legacy (MCP up to 2025-11-25), modern (2026-07-28) or auto, which finds out.")
}

// CheckName refuses names that could not stand in a file name, a command line
// and a URL path alike.
func CheckName(name string) error {
	if goodName(name) {
		return nil
	}
	return fault.New(fault.Usage,
		fmt.Sprintf("%q is not a good name for a server.", name),
		"Use up to 64 letters, digits, '.', '_' and '-', starting with a letter or a digit.")
}

func goodName(name string) bool {
	if name == "" || len(name) > 64 || strings.ContainsRune("._-", rune(name[0])) {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && !('0' <= r && r <= '9') && !strings.ContainsRune("._-", r)
	})
}

// CheckURL refuses addresses that must not be given a token: anything but
// https, or http to loopback (allowHTTP lifts that one).
func CheckURL(raw string, allowHTTP bool) error {
	bad := func(why string) error {
		return fault.New(fault.BadURL, fmt.Sprintf("%q is not a usable server address: %s.", shown(raw), why),
			"Give the server's full MCP address, such as https://mcp.example.com/mcp.")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return bad("it is not a URL")
	case u.Scheme == "" || u.Host == "" && u.Opaque == "" && u.Scheme != "https" && u.Scheme != "http":
		return bad("it does not begin with https://")
	case u.User != nil:
		return bad("it holds a user name or a password")
	case u.Scheme != "https" && u.Scheme != "http":
		return bad("it does not begin with https://")
	case u.Hostname() == "":
		return bad("it names no host")
	case strings.Contains(raw, "#"):
		return bad("it has a part after #, which no server gets to see")
	case u.Scheme == "https":
		return nil
	case allowHTTP || IsLoopback(u.Hostname()):
		return nil
	}
	return fault.New(fault.BadURL, fmt.Sprintf("%q is http to another machine: the token would cross the network in clear text.", shown(raw)),
		"Use https, or add --allow-http if that network is really yours.")
}

// shown is an address as a message may show it: a password before an @ and a
// key in the query do not belong on a screen or into a log.
func shown(raw string) string {
	raw, _, hasQuery := strings.Cut(raw, "?")
	if i := strings.LastIndex(raw, "@"); i >= 0 && strings.Contains(raw[:i], ":") {
		scheme, _, _ := strings.Cut(raw[:i], "://")
		raw = scheme + "://…" + raw[i:]
	}
	if hasQuery {
		raw += "?…"
	}
	return raw
}

// IsLoopback reports whether host (without a port) names this machine: localhost
// or a loopback address literal. No name is looked up.
func IsLoopback(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Settings is the whole settings file.
type Settings struct {
	// Version is the form of the file; this program writes CurrentVersion.
	Version int `json:"version"`
	// Servers in the order in which they were added.
	Servers []Server `json:"servers"`
	// Folders say where another account than a server's default counts.
	Folders []FolderRule `json:"folders,omitempty"`
	// Vault says where secrets are kept; the zero value is the OS keychain.
	Vault Vault `json:"vault,omitzero"`
	// Desktop is how tray and window behave.
	Desktop Preferences `json:"desktop,omitzero"`
	// Bridge is what the local HTTP bridge goes by.
	Bridge *Bridge `json:"bridge,omitempty"`
}

// CurrentVersion is the form of the settings file that this program writes.
const CurrentVersion = 1

// Find returns the server with the name.
func (s *Settings) Find(name string) (Server, error) {
	if i := s.index(name); i >= 0 {
		return s.Servers[i], nil
	}
	next := "See `drawbridge list`, or add it: drawbridge add " + name + " URL"
	if CheckName(name) != nil {
		next = "See `drawbridge list`."
	}
	return Server{}, fault.New(fault.UnknownServer, fmt.Sprintf("There is no server named %q.", name), next)
}

// Add appends a server after checking it.
func (s *Settings) Add(server Server) error {
	if err := server.Check(); err != nil {
		return err
	}
	if i := s.index(server.Name); i >= 0 {
		there := s.Servers[i]
		return fault.New(fault.ServerExists, fmt.Sprintf("There is a server named %q already: %s", there.Name, there.URL),
			"Choose another name, or remove that one first: drawbridge remove "+there.Name)
	}
	s.Servers = append(s.Servers, server)
	return nil
}

// Replace puts other settings in the place of those of the server of that name.
func (s *Settings) Replace(server Server) error {
	if err := server.Check(); err != nil {
		return err
	}
	if _, err := s.Find(server.Name); err != nil {
		return err
	}
	s.Servers[s.index(server.Name)] = server
	return nil
}

// Remove takes the server with the name out, and its folder rules.
func (s *Settings) Remove(name string) error {
	if _, err := s.Find(name); err != nil {
		return err
	}
	i := s.index(name)
	s.Servers = slices.Delete(s.Servers, i, i+1)
	s.setBridgeFor(name, BridgeServer{}) // another server of that name must not get its callers' tokens
	s.Folders = slices.DeleteFunc(s.Folders, func(r FolderRule) bool { return strings.EqualFold(r.Server, name) })
	return nil
}

func (s *Settings) index(name string) int {
	// Not by ==: names become file names, and some file systems fold case.
	return slices.IndexFunc(s.Servers, func(server Server) bool { return strings.EqualFold(server.Name, name) })
}

// Check validates one server: its name, its URL, its transport, its protocol,
// its default account and the rest.
func (s Server) Check() error {
	err := errors.Join(
		CheckName(s.Name), CheckURL(s.URL, s.AllowHTTP), CheckTransport(s.Transport), CheckProtocol(s.Protocol),
		s.OAuth.Check(s.AllowHTTP), s.TLS.Check(), CheckTimeout(s.Timeout),
	)
	for _, pattern := range s.IgnoreTools {
		err = errors.Join(err, CheckToolPattern(pattern))
	}
	if s.Account != "" {
		err = errors.Join(err, CheckAccount(s.Account))
	}
	return err
}
