package test

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drawbridge/test/harness"
	"drawbridge/test/ports"
)

// TestServeReplicas: two bridges that share their state in a real redis-server. A
// key that is denied at one is refused at the other at once; without
// the store nobody gets in and neither ends; with it again, all goes on.
func TestServeReplicas(t *testing.T) {
	t.Parallel()
	harness.NeedReplica(t)
	p := signedIn(t, lasting)
	store := ports.FreeAddress(t)
	redis := startRedis(t, store)
	key := strings.TrimSpace(p.MustRun("key", "create", "sdk").Stdout)
	other := strings.TrimSpace(p.MustRun("key", "create", "other").Stdout)
	state := []string{"--state", "redis://" + store + "/0"}
	var running []*harness.Running
	var urls []string
	for range 2 {
		r := p.StartCommand(harness.Command{Args: append([]string{"serve", "--listen", "127.0.0.1:0"}, state...), Env: []string{"DRAWBRIDGE_STATE_PASSWORD=sesame"}})
		running = append(running, r)
		urls = append(urls, served(t, r)+"/"+name+"/mcp")
	}
	// A bridge that believed what it has seen before would do so for five minutes.
	both := func(bearer string, want int) {
		t.Helper()
		for _, url := range urls {
			got := 0
			if !eventually(patience, func() bool { got = status(t, url, bearer); return got == want }) {
				t.Errorf("%s: HTTP %d, want %d", url, got, want)
			}
		}
	}
	for _, url := range urls {
		if got := nodeClient("http-client.mjs").run(t, url, key); !got.isAll() {
			t.Errorf("%+v", got)
		}
	}
	const in = http.StatusBadRequest // let in, and then a session is wanted
	both(key, in)
	id := strings.Split(key, "_")[1]
	denied := p.RunCommand(harness.Command{Args: append([]string{"deny", "--jti", id}, state...), Env: []string{"DRAWBRIDGE_STATE_PASSWORD=sesame"}})
	if denied.Status != 0 {
		t.Fatal(denied)
	}
	both(key, http.StatusUnauthorized)
	both(other, in)
	redis.stop()
	both(other, http.StatusServiceUnavailable)
	redis.start()
	both(other, in)
	both(key, http.StatusUnauthorized)
	for _, r := range running {
		if got, ended := r.Ended(0); ended {
			t.Errorf("a bridge ended: %v", got)
		}
	}
}

// redisServer is a real redis-server at one address.
type redisServer struct {
	t            *testing.T
	dir, address string
	cmd          *exec.Cmd
}

func startRedis(t *testing.T, address string) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redis-server is missing; `make test` installs it")
	}
	s := &redisServer{t: t, dir: filepath.Join(t.TempDir(), "redis"), address: address}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *redisServer) start() {
	s.t.Helper()
	host, port, _ := net.SplitHostPort(s.address)
	s.cmd = exec.Command("redis-server", "--port", port, "--bind", host, "--save", "", "--appendonly", "yes", "--dir", s.dir, "--requirepass", "sesame")
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	if !eventually(patience, func() bool {
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
		defer cancel()
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}) {
		s.t.Fatal("redis-server does not answer")
	}
}

func (s *redisServer) stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(os.Interrupt)
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}
