//go:build unix

package test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNoTokenInCrashesSocketOrClients looks where TestNoTokenAnywhere does not:
// in what a crashing process prints, in all that the agent says on its socket,
// which is all that the window can know, and in the settings of a client.
func TestNoTokenInCrashesSocketOrClients(t *testing.T) {
	t.Parallel()
	p := start(t, 2*time.Second)
	p.SignIn(name, p.gate.URL)
	p.MustRun("install", "claude-desktop", name)
	agent := p.Start("agent", "--no-tray", "--verbose")
	if !eventually(patience, func() bool { return p.Run("status").Status == 0 && onSocket(p, "/v1/snapshot") != "" }) {
		t.Fatal("the agent does not answer")
	}

	pipe := p.StartPipe(nil, "stdio", name, "--verbose")
	pipe.Initialize()
	if m := echo(pipe); m.Error != nil {
		t.Fatalf("echo: %s", m.Error)
	}
	traffic := onSocket(p, "/v1/snapshot")
	var snapshot struct{ Servers []struct{ Key string } }
	if err := json.Unmarshal([]byte(traffic), &snapshot); err != nil || len(snapshot.Servers) != 1 {
		t.Fatalf("snapshot: %v in %s", err, traffic)
	}
	report := onSocket(p, "/v1/servers/"+url.PathEscape(snapshot.Servers[0].Key)+"/token")
	if !strings.Contains(report, `"claims"`) {
		t.Errorf("the window gets no claims: %s", report)
	}
	time.Sleep(2200 * time.Millisecond) // the token ends: a change is told
	echo(pipe)
	traffic += report + heardOnSocket(p, "/v1/changes")
	// SIGQUIT makes a Go program print its whole state and die. The agent is
	// asked in the middle of work, stdio between two calls.
	crashed := 0
	for _, process := range p.Processes() {
		if strings.Contains(process.Command, " stdio ") || strings.Contains(process.Command, " agent ") {
			if err := syscall.Kill(process.PID, syscall.SIGQUIT); err != nil {
				t.Fatal(err)
			}
			crashed++
		}
	}
	if crashed != 2 {
		t.Fatalf("%d processes crashed, want stdio and agent", crashed)
	}
	dead, ended := agent.Ended(patience)
	if !ended || !strings.Contains(dead.Stderr, "goroutine ") {
		t.Fatalf("the agent did not crash: %v", dead)
	}
	if err := os.WriteFile(filepath.Join(p.Home, "heard"), []byte(traffic+dead.Stderr), 0o600); err != nil {
		t.Fatal(err)
	}
	if dump := pipe.Close().Stderr; !strings.Contains(dump, "goroutine ") {
		t.Errorf("no dump to look at: %q", dump)
	}
	check(t, p, "after a crash")
}

// onSocket asks the agent as the window does and returns its answer; "" when it
// does not answer.
func onSocket(p place, path string) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	said, _ := io.ReadAll(askOnSocket(ctx, p, path))
	return string(said)
}

// heardOnSocket is what a stream that has no end says within a second of its start.
func heardOnSocket(p place, path string) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream := askOnSocket(ctx, p, path)
	time.AfterFunc(time.Second, cancel)
	said, _ := io.ReadAll(stream)
	return string(said)
}

// askOnSocket returns the body of the answer, which is to be read to its end; it is
// empty when there is no answer.
func askOnSocket(ctx context.Context, p place, path string) io.Reader {
	socket := filepath.Join(p.State, "run", "agent.sock")
	client := http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true,
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://agent.drawbridge"+path, nil)
	if err != nil {
		return strings.NewReader("")
	}
	resp, err := client.Do(req) //nolint:bodyclose // its end, or that of ctx, closes it
	if err != nil {
		return strings.NewReader("")
	}
	return resp.Body
}
