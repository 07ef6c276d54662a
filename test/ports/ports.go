// Package ports finds ports of loopback for tests that have to name one before
// anybody listens on it. It knows nothing of Drawbridge.
package ports

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// given are those that this process has got: two tests may ask before either listens.
var given sync.Map

// Free is a port of 127.0.0.1 that nobody listens on. It is below the range that
// systems hand out by themselves, so that it is still free a moment later, and
// when its server starts again.
func Free(t testing.TB) string {
	t.Helper()
	l := Listen(t)
	_ = l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// Listen listens on such a port, for who wants it to stay silent once it has been
// closed: no other program is handed it then.
func Listen(t testing.TB) net.Listener {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(11000 + rand.IntN(21000))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		if _, taken := given.LoadOrStore(port, true); !taken {
			return l
		}
		_ = l.Close()
	}
	t.Fatal("no port is free")
	return nil
}

// FreeAddress is 127.0.0.1 with a port that is Free.
func FreeAddress(t testing.TB) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", Free(t))
}
