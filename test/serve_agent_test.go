package test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestServeInTheAgent: the agent runs the local bridge with the options of the
// settings, and ends it when it ends.
func TestServeInTheAgent(t *testing.T) {
	t.Parallel()
	p := signedIn(t, time.Minute)
	address := freePort(t)
	file := filepath.Join(p.Config, "settings.json")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	end := strings.LastIndexByte(string(raw), '}')
	changed := strings.TrimRight(string(raw[:end]), " \t\n,") + `, "bridge": {"serve": ["--listen", "` + address + `"]} }`
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	key := strings.TrimSpace(p.MustRun("key", "create", "sdk").Stdout)
	p.Run("agent", "stop") // one that the sign-in may have started
	p.Start("agent", "--no-tray")
	up := func() bool {
		resp, err := http.Get("http://" + address + "/healthz")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil
	}
	if !eventually(20*time.Second, up) {
		t.Fatal("the agent does not serve")
	}
	if got := nodeClient("http-client.mjs").run(t, "http://"+address+"/"+name+"/mcp", key); !got.isAll() {
		t.Errorf("%+v", got)
	}
	p.MustRun("agent", "stop")
	if !eventually(15*time.Second, func() bool { return !up() }) {
		t.Error("the bridge outlives the agent")
	}
}
