// Package network makes the connections of one server: whom they trust, which
// client certificate they show, and which proxy they go through. Requests to
// the MCP server and to its authorization server use the same.
//
// It must not know what goes over a connection, nor the settings file.
package network

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"drawbridge/bridge/fault"
)

// Settings of the connections to one server; the zero value is the system's
// trust store, no certificate, and the proxy that the environment names.
type Settings struct {
	// CAFile holds certificate authorities in PEM that are trusted beside the
	// system's.
	CAFile string
	// ClientCertFile and ClientKeyFile are a certificate in PEM that is shown to
	// servers that ask for one. Both or neither.
	ClientCertFile, ClientKeyFile string
	// Proxy is an http, https or socks5 URL, "" for what HTTPS_PROXY, HTTP_PROXY
	// and NO_PROXY say, or NoProxy for none.
	Proxy string
}

// NoProxy as Settings.Proxy goes straight, whatever the environment says.
const NoProxy = "none"

const (
	maxFile          = 4 << 20 // of PEM, in bytes
	dialTimeout      = 15 * time.Second
	handshakeTimeout = 15 * time.Second
	// unheard is how long what was sent may go without the other side's
	// acknowledgement before the connection counts as dead. Left to itself the
	// system tries for a quarter of an hour, in which a call hangs after the machine
	// has changed networks.
	unheard = 30 * time.Second
)

// alive asks a silent other side whether it is there: dead after 30 seconds.
var alive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// Transport makes the transport. The files are read now; later changes to them
// are not seen. Errors are fault.BadSettings and name the file.
func Transport(s Settings) (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: dialTimeout, KeepAliveConfig: alive, Control: giveUp}).DialContext
	t.TLSHandshakeTimeout = handshakeTimeout
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CAFile != "" {
		pool, err := authorities(s.CAFile)
		if err != nil {
			return nil, err
		}
		t.TLSClientConfig.RootCAs = pool
	}
	if s.ClientCertFile != "" {
		cert, err := tls.LoadX509KeyPair(s.ClientCertFile, s.ClientKeyFile)
		if err != nil {
			return nil, fault.Wrap(err, fault.BadSettings,
				fmt.Sprintf("The client certificate %q and its key %q cannot be used.", s.ClientCertFile, s.ClientKeyFile),
				"Both have to be PEM files that belong together, readable for you, and the key without a passphrase.")
		}
		// Not Certificates: that would send nothing when the server's list of
		// authorities does not name ours, and then nobody could tell why.
		t.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	}
	if s.Proxy != "" {
		if err := CheckProxy(s.Proxy); err != nil {
			return nil, err
		}
		t.Proxy = nil
		if s.Proxy != NoProxy {
			u, _ := url.Parse(s.Proxy)
			t.Proxy = throughUnlessLoopback(u)
		}
	}
	return t, nil
}

// throughUnlessLoopback sends all requests through a proxy but those to this
// machine, as http.ProxyFromEnvironment does.
func throughUnlessLoopback(proxy *url.URL) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		host := r.URL.Hostname()
		if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
			return nil, nil
		}
		return proxy, nil
	}
}

// CheckProxy refuses what is no proxy; "" and NoProxy are fine. Its errors are
// fault.Usage.
func CheckProxy(raw string) error {
	if raw == "" || raw == NoProxy {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" {
		return fault.New(fault.Usage, "The proxy is not a URL of the form http://HOST:PORT.", "Give it like http://proxy.example.com:3128, or \"none\".")
	}
	if u.User != nil {
		return fault.New(fault.Usage, "The proxy's URL has a user name or password in it, which would stand in the settings file.",
			"Use a local helper such as px or cntlm that signs in to the proxy, or set HTTPS_PROXY.")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return nil
	}
	return fault.New(fault.Usage, fmt.Sprintf("A proxy cannot be spoken to by %q.", u.Scheme), "Use http, https or socks5.")
}

// authorities are the system's and those of a file.
func authorities(file string) (*x509.CertPool, error) {
	bad := func(err error, why string) error {
		if err == nil {
			err = errors.New(why)
		}
		return fault.Wrap(err, fault.BadSettings, fmt.Sprintf("The certificate authorities in %q cannot be used: %s.", file, why),
			"Give a file with one or more CERTIFICATE blocks in PEM.")
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, bad(err, "the file cannot be read")
	}
	if info.Size() > maxFile {
		return nil, bad(nil, "it is too large")
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, bad(err, "the file cannot be read")
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(raw) {
		return nil, bad(nil, "there is no certificate in it")
	}
	return pool, nil
}

// Broken is a transport that fails each request with err: for a server whose
// settings cannot be used, so that the one who asks is told why.
func Broken(err error) http.RoundTripper { return broken{err} }

type broken struct{ err error }

// RoundTrip implements http.RoundTripper.
func (b broken) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	if err := context.Cause(r.Context()); err != nil {
		return nil, err
	}
	return nil, b.err
}
