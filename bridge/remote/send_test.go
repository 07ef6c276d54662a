package remote_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"drawbridge/bridge/remote"
)

// written counts the writes to a connection.
type written struct {
	net.Conn
	n *atomic.Int32
}

func (w written) Write(p []byte) (int, error) {
	w.n.Add(1)
	return w.Conn.Write(p)
}

// Two pieces wake the server twice, which is most of what a short call costs.
func TestAMessageLeavesInOnePiece(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	client := remote.NewHTTP()
	defer client.CloseIdleConnections()
	var n atomic.Int32
	transport := remote.TransportOf(client)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return written{conn, &n}, err
	}
	c := remote.NewConn(remote.Config{URL: s.URL, Bearer: token{}, HTTP: client})
	const messages = 3
	for range messages {
		if _, err := post(c); err != nil {
			t.Fatal(err)
		}
	}
	if got := n.Load(); got != messages {
		t.Errorf("%d messages left in %d pieces", messages, got)
	}
}
