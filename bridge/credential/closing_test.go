package credential

import (
	"net"
	"net/http/httptrace"
	"testing"
	"testing/synctest"

	"drawbridge/bridge/config"
	"drawbridge/bridge/vault"
)

// What was given up for want of a connection is not sent when that comes in the
// same moment; what has one goes on.
func TestGivenUpIsNotSent(t *testing.T) {
	for name, first := range map[string]bool{"the connection comes first": true, "the end comes first": false} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				m := NewManager(Config{Paths: config.Paths{Config: dir, State: dir}, Vault: vault.NewMemory()})
				ctx, cancel := m.untilSent(t.Context())
				defer cancel()
				ours, theirs := net.Pipe()
				defer func() { _ = theirs.Close() }()
				defer func() { _ = ours.Close() }()
				connected := func() { httptrace.ContextClientTrace(ctx).GotConn(httptrace.GotConnInfo{Conn: ours}) }
				if first {
					connected()
				}
				m.Close(t.Context())
				synctest.Wait()
				if !first {
					connected()
				}
				go func() { _, _ = theirs.Read(make([]byte, 1)) }()
				if _, err := ours.Write([]byte("x")); (err == nil) != first || (ctx.Err() == nil) != first {
					t.Errorf("sending: %v; the context: %v", err, ctx.Err())
				}
			})
		})
	}
}
