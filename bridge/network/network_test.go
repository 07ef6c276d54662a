package network

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/fault"
)

// authority is a company's own certificate authority.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.key, a.cert = a.make(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Acme Root", Organization: []string{"Acme"}}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	})
	a.write("ca.pem", "CERTIFICATE", a.cert.Raw)
	return a
}

func (a *authority) make(template *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		a.t.Fatal(err)
	}
	return key, cert
}

func (a *authority) write(name, kind string, raw []byte) string {
	a.t.Helper()
	file := filepath.Join(a.dir, name)
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return file
}

func (a *authority) ca() string { return filepath.Join(a.dir, "ca.pem") }

// server is an https server on loopback; wantClient: it asks for a certificate
// of the authority.
func (a *authority) server(template *x509.Certificate, wantClient bool) *httptest.Server {
	a.t.Helper()
	if template.IPAddresses == nil && template.DNSNames == nil {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
		template.DNSNames = []string{"mcp.test"}
	}
	if template.Subject.CommonName == "" {
		template.Subject = pkix.Name{CommonName: "mcp.test", Organization: []string{"Acme"}}
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	key, cert := a.make(template)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := ""
		if len(r.TLS.PeerCertificates) > 0 {
			who = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		_, _ = fmt.Fprintf(w, "hello %s", who)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}}
	if wantClient {
		s.TLS.ClientAuth, s.TLS.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		s.TLS.ClientCAs.AddCert(a.cert)
	}
	s.StartTLS()
	a.t.Cleanup(s.Close)
	return s
}

// client is a certificate for a person, as files.
func (a *authority) client(name string) (cert, key string) {
	a.t.Helper()
	k, c := a.make(&x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write(name+".pem", "CERTIFICATE", c.Raw), a.write(name+".key", "PRIVATE KEY", raw)
}

func get(t *testing.T, s Settings, address string) (string, error) {
	t.Helper()
	transport, err := Transport(s)
	if err != nil {
		return "", err
	}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestCompanyAuthority(t *testing.T) {
	a := newAuthority(t)
	s := a.server(&x509.Certificate{}, false)
	if body, err := get(t, Settings{CAFile: a.ca()}, s.URL); err != nil || body != "hello " {
		t.Errorf("with its authority: %q, %v", body, err)
	}
	_, err := get(t, Settings{}, s.URL)
	what, next, ok := Explain(err, "mcp.test")
	for _, want := range []string{`"mcp.test"`, "CN=mcp.test,O=Acme", "CN=Acme Root,O=Acme", "not trusted"} {
		if !ok || !strings.Contains(what, want) {
			t.Errorf("%q lacks %q (%v)", what, want, err)
		}
	}
	if !strings.Contains(next, "--ca-file") {
		t.Errorf("the remedy is not named: %q", next)
	}
}

func TestCertificatesThatAreWrong(t *testing.T) {
	a := newAuthority(t)
	old := a.server(&x509.Certificate{NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}, false)
	other := a.server(&x509.Certificate{DNSNames: []string{"elsewhere.test"}}, false)
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for name, c := range map[string]struct{ address, want, next string }{
		"over":       {old.URL, "not valid today", "clock"},
		"other host": {other.URL, "another host", "address"},
		"no TLS":     {strings.Replace(plain.URL, "http:", "https:", 1), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := get(t, Settings{CAFile: a.ca()}, c.address)
			if err == nil {
				t.Fatal("it was taken")
			}
			what, next, ok := Explain(err, "h")
			if c.want != "" && (!ok || !strings.Contains(what, c.want) || !strings.Contains(next, c.next)) {
				t.Errorf("%q / %q (%v)", what, next, err)
			}
		})
	}
}

func TestClientCertificate(t *testing.T) {
	a := newAuthority(t)
	s := a.server(&x509.Certificate{}, true)
	cert, key := a.client("ada")
	if body, err := get(t, Settings{CAFile: a.ca(), ClientCertFile: cert, ClientKeyFile: key}, s.URL); err != nil || body != "hello ada" {
		t.Errorf("%q, %v", body, err)
	}
	_, err := get(t, Settings{CAFile: a.ca()}, s.URL)
	if what, next, ok := Explain(err, "h"); !ok || !strings.Contains(what, "client certificate") || !strings.Contains(next, "--client-cert") {
		t.Errorf("without one: %q / %q (%v)", what, next, err)
	}
	_, other := a.client("grace")
	if _, err := Transport(Settings{ClientCertFile: cert, ClientKeyFile: other}); !fault.Is(err, fault.BadSettings) {
		t.Errorf("a key that belongs to another certificate: %v", err)
	}
}

func TestAuthorityFilesThatAreNone(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, empty + ".gone", t.TempDir()} {
		if _, err := Transport(Settings{CAFile: file}); !fault.Is(err, fault.BadSettings) || !strings.Contains(fault.Public(err).What, file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// proxy is a real CONNECT proxy on loopback: it dials where it is told, but
// knows mcp.test as target.
func proxy(t *testing.T, target string, status int) (address string, tunnels *atomic.Int32) {
	t.Helper()
	tunnels = &atomic.Int32{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				reader := bufio.NewReader(conn)
				req, err := http.ReadRequest(reader)
				if err != nil || req.Method != http.MethodConnect || req.Host != "mcp.test:443" {
					return
				}
				if status != http.StatusOK {
					_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\n\r\n", status, http.StatusText(status))
					return
				}
				up, err := net.Dial("tcp", target)
				if err != nil {
					return
				}
				defer func() { _ = up.Close() }()
				tunnels.Add(1)
				_, _ = fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n\r\n")
				go func() { _, _ = io.Copy(up, reader); _ = up.Close() }()
				_, _ = io.Copy(conn, up)
			}()
		}
	}()
	return "http://" + l.Addr().String(), tunnels
}

func TestProxyOfTheSettings(t *testing.T) {
	a := newAuthority(t)
	s := a.server(&x509.Certificate{}, false)
	u, _ := url.Parse(s.URL)
	address, tunnels := proxy(t, u.Host, http.StatusOK)
	if body, err := get(t, Settings{CAFile: a.ca(), Proxy: address}, "https://mcp.test/mcp"); err != nil || body != "hello " || tunnels.Load() != 1 {
		t.Errorf("%q, %v, %d tunnels", body, err, tunnels.Load())
	}
	// This machine is not reached by way of a proxy.
	if body, err := get(t, Settings{CAFile: a.ca(), Proxy: address}, s.URL); err != nil || body != "hello " || tunnels.Load() != 1 {
		t.Errorf("loopback: %q, %v, %d tunnels", body, err, tunnels.Load())
	}
}

func TestProxyThatRefusesOrIsAway(t *testing.T) {
	refusing, _ := proxy(t, "", http.StatusProxyAuthRequired)
	// Not one that was closed just now: it may be another test's a moment later.
	const away = "http://127.0.0.1:1"
	for _, address := range []string{refusing, away} {
		_, err := get(t, Settings{Proxy: address}, "https://mcp.test/mcp")
		if what, next, ok := Explain(err, "mcp.test"); !ok || !strings.Contains(what, "proxy") || !strings.Contains(next, "--proxy") {
			t.Errorf("%q / %q (%v)", what, next, err)
		}
	}
}

func TestCheckProxy(t *testing.T) {
	for raw, ok := range map[string]bool{
		"": true, "none": true, "http://proxy:3128": true, "https://proxy": true, "socks5://127.0.0.1:1080": true,
		"proxy:3128": false, "ftp://proxy": false, "http://ada:secret@proxy:3128": false, "http://": false, "http://proxy/path": false,
	} {
		err := CheckProxy(raw)
		if (err == nil) != ok {
			t.Errorf("%q: %v", raw, err)
		}
		if err != nil && strings.Contains(fault.Public(err).What, "secret") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
}
