// Package town is the internet as a company's network shows it: one proxy on
// loopback, behind which every host answers https with a certificate of the
// company's own authority. What the hosts are, tests say; nothing leaves this
// computer.
package town

import (
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
	"sync"
	"testing"
	"time"
)

// Town is a proxy and what is behind it. It ends with the test.
type Town struct {
	// Proxy is the proxy's URL, CAFile the authority's certificate in PEM.
	Proxy, CAFile string

	t      testing.TB
	ca     *x509.Certificate
	key    *ecdsa.PrivateKey
	served *http.Server

	mu     sync.Mutex
	hosts  map[string]http.Handler
	mutual bool
	seen   map[string][]string // by host: whose client certificates came
}

// New builds a town without hosts.
func New(t testing.TB) *Town {
	t.Helper()
	w := &Town{t: t, hosts: map[string]http.Handler{}, seen: map[string][]string{}}
	w.authority()
	conns := &connListener{conns: make(chan net.Conn), done: make(chan struct{})}
	w.served = &http.Server{Handler: http.HandlerFunc(w.serve), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.served.Serve(conns)
	}()
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: w.certificate, NextProtos: []string{"http/1.1"}}
	plain := config.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		c := plain.Clone()
		if w.isMutual() {
			c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
			c.ClientCAs.AddCert(w.ca)
		}
		return c, nil
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(rw, "only https goes out", http.StatusForbidden)
			return
		}
		conn, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 Connected\r\n\r\n")
		select {
		case conns.conns <- tls.Server(conn, config):
		case <-conns.done:
			_ = conn.Close()
		}
	}))
	t.Cleanup(func() {
		_ = conns.Close()
		_ = w.served.Close()
		proxy.Close()
		<-done
	})
	w.Proxy = proxy.URL
	return w
}

// Is has a host answer so.
func (w *Town) Is(host string, h http.Handler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[host] = h
}

func (w *Town) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	h := w.hosts[r.Host]
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		w.seen[r.Host] = append(w.seen[r.Host], r.TLS.PeerCertificates[0].Subject.CommonName)
	}
	w.mu.Unlock()
	if h == nil {
		http.NotFound(rw, r)
		return
	}
	h.ServeHTTP(rw, r)
}

func (w *Town) authority() {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "The company's authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.ca, err = x509.ParseCertificate(raw); err != nil {
		w.t.Fatal(err)
	}
	w.key, w.CAFile = key, filepath.Join(w.t.TempDir(), "ca.pem")
	if err := os.WriteFile(w.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// certificate is one for whatever host is asked for.
func (w *Town) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: hello.ServerName}, DNSNames: []string{hello.ServerName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, w.ca, &w.key.PublicKey, w.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: w.key}, nil
}

// connListener hands connections on that somebody else has accepted.
type connListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *connListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *connListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *connListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
