package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"drawbridge/bridge/fault"
)

// listener is one, and what a person calls it.
type listener struct {
	net.Listener
	address   string
	redirects bool // to the one with TLS
}

func (c Config) listen(ctx context.Context) (all []listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range all {
				_ = l.Close()
			}
		}
	}()
	if c.Listen != "" {
		l, err := (&net.ListenConfig{}).Listen(ctx, network(c.Listen), c.Listen)
		if err != nil {
			return all, fault.Wrap(err, refusal(err), fmt.Sprintf("The local bridge cannot listen on %s.", c.Listen), "Is another program there? Choose another port with --listen.")
		}
		address := "http://" + l.Addr().String()
		if c.Cert != "" {
			keys := &certificate{cert: c.Cert, key: c.Key}
			if _, err := keys.get(nil); err != nil {
				_ = l.Close()
				return all, fault.Wrap(err, fault.Usage, "The certificate and its key cannot be used.", "Check the files of --tls-cert and --tls-key.")
			}
			l = tls.NewListener(l, &tls.Config{GetCertificate: keys.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
			address = "https://" + l.Addr().String()
		}
		all = append(all, listener{l, address, false})
	}
	if c.RedirectHTTP != "" {
		l, err := (&net.ListenConfig{}).Listen(ctx, network(c.RedirectHTTP), c.RedirectHTTP)
		if err != nil {
			return all, fault.Wrap(err, refusal(err), fmt.Sprintf("The local bridge cannot listen on %s to redirect from there.", c.RedirectHTTP),
				"Is another program there, or is the port for the system only? Choose another with --redirect-http.")
		}
		all = append(all, listener{l, "http://" + l.Addr().String(), true})
	}
	if c.Socket != "" {
		l, err := listenSocket(ctx, c.Socket)
		if err != nil {
			return all, err
		}
		all = append(all, listener{l, "unix://" + c.Socket, false})
	}
	return all, nil
}

// refusal tells an address that the system does not give now, which may pass, from
// one that is none.
func refusal(err error) fault.Code {
	var system *os.SyscallError
	if errors.As(err, &system) {
		return fault.CannotListen
	}
	return fault.Usage
}

// certificate is read again when its file changes.
type certificate struct {
	cert, key string

	mu     sync.Mutex
	looked time.Time
	stamp  time.Time
	have   *tls.Certificate
}

// get is a tls.Config's GetCertificate. While new files do not fit together the
// old certificate goes on.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.have != nil && time.Since(c.looked) < time.Second {
		return c.have, nil
	}
	c.looked = time.Now()
	info, err := os.Stat(c.cert)
	if err == nil && c.have != nil && info.ModTime().Equal(c.stamp) {
		return c.have, nil
	}
	fresh, loadErr := tls.LoadX509KeyPair(c.cert, c.key)
	if loadErr != nil {
		if c.have != nil {
			return c.have, nil
		}
		return nil, loadErr
	}
	c.have = &fresh
	if err == nil {
		c.stamp = info.ModTime()
	}
	return c.have, nil
}
