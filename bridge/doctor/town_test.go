package doctor_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/config"
)

// town is the internet as a company's network shows it: one proxy, behind which
// every host answers https with a certificate of the company's own authority.
// Nothing leaves this computer.
type town struct {
	t      *testing.T
	proxy  *httptest.Server
	caFile string
	ca     *x509.Certificate
	key    *ecdsa.PrivateKey
	served *http.Server

	mu    sync.Mutex
	hosts map[string]http.Handler
}

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{t: t, hosts: map[string]http.Handler{}}
	w.authority()
	conns := &connListener{conns: make(chan net.Conn), done: make(chan struct{})}
	w.served = &http.Server{Handler: http.HandlerFunc(w.serve), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.served.Serve(conns)
	}()
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: w.certificate, NextProtos: []string{"http/1.1"}}
	w.proxy = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
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
		w.proxy.Close()
		<-done
	})
	return w
}

// settings are those of a server in it.
func (w *town) settings() config.TLS { return config.TLS{CAFile: w.caFile, Proxy: w.proxy.URL} }

// is has a host answer so.
func (w *town) is(host string, h http.Handler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[host] = h
}

func (w *town) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	h := w.hosts[r.Host]
	w.mu.Unlock()
	if h == nil {
		http.NotFound(rw, r)
		return
	}
	h.ServeHTTP(rw, r)
}

func (w *town) authority() {
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
	w.key, w.caFile = key, filepath.Join(w.t.TempDir(), "ca.pem")
	if err := os.WriteFile(w.caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// certificate is one for whatever host is asked for.
func (w *town) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
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

// browse opens an address of the town, as a person's browser does, and follows
// it to the callback on this computer.
func (w *town) browse(ctx context.Context, address string) error {
	pool := x509.NewCertPool()
	pool.AddCert(w.ca)
	proxy, err := url.Parse(w.proxy.URL)
	if err != nil {
		return err
	}
	transport := &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Hostname() == "127.0.0.1" {
				return nil, nil
			}
			return proxy, nil
		},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return errors.Join(err, resp.Body.Close())
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
