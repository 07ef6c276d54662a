package test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drawbridge/test/ports"
)

// TestServeInTheAgent: the agent runs the local bridge with the options of the
// settings, and ends it when it ends.
func TestServeInTheAgent(t *testing.T) {
	t.Parallel()
	p, address, key := servingAgent(t)
	p.Start("agent", "--no-tray")
	if !eventually(patience, func() bool { return serves(address) }) {
		t.Fatal("the agent does not serve")
	}
	if got := nodeClient("http-client.mjs").run(t, "http://"+address+"/"+name+"/mcp", key); !got.isAll() {
		t.Errorf("%+v", got)
	}
	p.MustRun("agent", "stop")
	if !eventually(patience, func() bool { return !serves(address) }) {
		t.Error("the bridge outlives the agent")
	}
}

// TestServeEndsWithAKilledAgent: an agent that is killed cannot end its bridge,
// which ends all the same; the next agent has one again.
func TestServeEndsWithAKilledAgent(t *testing.T) {
	t.Parallel()
	p, address, _ := servingAgent(t)
	agent := p.Start("agent", "--no-tray")
	if !eventually(patience, func() bool { return serves(address) }) {
		t.Fatal("the agent does not serve")
	}
	kill(t, agent.PID())
	if !eventually(patience, func() bool { return !serves(address) && len(p.Processes()) == 0 }) {
		t.Fatalf("the bridge outlives the agent that was killed: %v", p.Processes())
	}
	p.Start("agent", "--no-tray")
	if !eventually(patience, func() bool { return serves(address) }) {
		t.Error("the next agent does not serve")
	}
	p.MustRun("agent", "stop")
}

// An address that somebody else has when the agent begins, as a bridge that is
// ending does, is the bridge's once it is free.
func TestAgentServesWhenItsAddressIsFree(t *testing.T) {
	t.Parallel()
	p, address, _ := servingAgent(t)
	somebody, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	agent := p.Start("agent", "--no-tray")
	said := func() string {
		so, _ := agent.Ended(0)
		return so.Stderr
	}
	if !eventually(patience, func() bool { return strings.Contains(said(), "it is started again") }) {
		t.Errorf("the agent does not say that its bridge has ended: %s", said())
	}
	_ = somebody.Close()
	if !eventually(patience, func() bool { return serves(address) }) {
		t.Error("it does not serve at the address that is free")
	}
	p.MustRun("agent", "stop")
}

// Other options in the settings are another bridge, at once; none are none.
func TestAgentServesAsTheSettingsSay(t *testing.T) {
	p, address, _ := servingAgent(t)
	p.Start("agent", "--no-tray")
	if !eventually(patience, func() bool { return serves(address) }) {
		t.Fatal("the agent does not serve")
	}
	file := filepath.Join(p.Config, "settings.json")
	change := func(from, to string) {
		t.Helper()
		raw, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(raw), from) {
			t.Fatalf("no %s in the settings: %v", from, err)
		}
		if err := os.WriteFile(file, []byte(strings.Replace(string(raw), from, to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	other := ports.FreeAddress(t)
	change(address, other)
	if !eventually(patience, func() bool { return serves(other) && !serves(address) }) {
		t.Errorf("at the other address: %v, at the one before: %v", serves(other), serves(address))
	}
	options := `["--listen", "` + other + `"]`
	change(options, "null")
	if !eventually(patience, func() bool { return !serves(other) }) {
		t.Error("it serves although the settings say nothing of it any more")
	}
	change("null", options)
	if !eventually(patience, func() bool { return serves(other) }) {
		t.Error("it does not serve again")
	}
	p.MustRun("agent", "stop")
	if !eventually(patience, func() bool { return !serves(other) && len(p.Processes()) == 0 }) {
		t.Errorf("what the agent started outlives it: %v", p.Processes())
	}
}

// servingAgent is the usual world, with settings by which an agent serves at the
// address to whom has the key. No agent runs.
func servingAgent(t *testing.T) (p place, address, key string) {
	t.Helper()
	p = signedIn(t, lasting)
	address = ports.FreeAddress(t)
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
	key = strings.TrimSpace(p.MustRun("key", "create", "sdk").Stdout)
	p.Run("agent", "stop") // one that the sign-in may have started
	return p, address, key
}

func serves(address string) bool {
	resp, err := http.Get("http://" + address + "/healthz")
	if err == nil {
		_ = resp.Body.Close()
	}
	return err == nil
}
