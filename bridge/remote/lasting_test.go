package remote

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// hands is a clock that is set by hand.
type hands struct {
	wall    time.Time
	running time.Duration
}

func (h *hands) pass(awake, asleep time.Duration) {
	h.wall, h.running = h.wall.Add(awake+asleep), h.running+awake
}

// Connections of before a sleep are not used after it, nor those that the server
// is about to end; all others are.
func TestConnectionsThatMayBeDeadAreNotUsed(t *testing.T) {
	for _, tt := range []struct {
		name          string
		keepAlive     string
		awake, asleep time.Duration
		conns         int
	}{
		{"soon", "", time.Second, 0, 1},
		{"after a while", "", time.Minute, 0, 1},
		{"the clock was set a little", "", time.Minute, 5 * time.Second, 1},
		{"the clock was set back", "", time.Minute, -time.Hour, 1},
		{"after a sleep", "", time.Second, time.Hour, 2},
		{"before the server ends it", "timeout=5", 3 * time.Second, 0, 1},
		{"as the server ends it", "timeout=5, max=1000", 4500 * time.Millisecond, 0, 2},
		{"a header of other words", "x, timeout=y", time.Minute, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			conns := map[string]bool{}
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				conns[r.RemoteAddr] = true
				if tt.keepAlive != "" {
					w.Header().Set("Keep-Alive", tt.keepAlive)
				}
			}))
			defer s.Close()
			client := NewHTTP()
			defer client.CloseIdleConnections()
			h := &hands{wall: time.Now()}
			l := client.Transport.(*lasting)
			l.clock = func() (time.Time, time.Duration) { return h.wall, h.running }
			l.wall, l.running = l.clock()
			ask := func() {
				t.Helper()
				resp, err := client.Get(s.URL)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			ask()
			h.pass(tt.awake, tt.asleep)
			ask()
			if len(conns) != tt.conns {
				t.Errorf("%d connections, want %d", len(conns), tt.conns)
			}
		})
	}
}
