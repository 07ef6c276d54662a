package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
)

// A client's process tells the agent who it is and what it calls, and both
// commands show it.
func TestSessionsAndActivity(t *testing.T) {
	url := openServer(t, func(w http.ResponseWriter, r *http.Request, _ string, id json.RawMessage) {
		if r.Method != http.MethodDelete {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"content":[]}}`, id)
		}
	})
	b := startBridge(t, url, nil)
	run := func(args ...string) (string, string, error) {
		cmd := exec.Command("drawbridge", args...)
		cmd.Env = b.cmd.Env
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		return out.String(), errs.String(), err
	}
	if _, errs, err := run("sessions"); err == nil || !strings.Contains(errs, "drawbridge agent") {
		t.Errorf("without an agent: %v, %q", err, errs)
	}
	agent := exec.Command("drawbridge", "agent", "--no-tray", "--vault", "memory")
	agent.Env = b.cmd.Env
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, _, err := run("agent", "stop"); err != nil {
			_ = agent.Process.Kill()
		}
		_ = agent.Wait()
	}()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, errs, err := run("sessions"); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("no agent: %s", errs)
		}
	}
	second := attach(t, b) // comes after the agent; the first one finds it by and by
	second.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"private"}}}`)
	second.line()
	var s control.Session
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		out, errs, _ := run("sessions", "--json")
		var all []control.Session
		_ = json.Unmarshal([]byte(out), &all)
		if i := slices.IndexFunc(all, func(s control.Session) bool { return s.PID == second.cmd.Process.Pid }); i >= 0 && all[i].Calls == 1 {
			s = all[i]
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("sessions: %s%s", out, errs)
		}
	}
	if s.Client != "c" || s.ClientVersion != "1" || s.Server != url || s.Era != "2025-06-18" {
		t.Errorf("session = %+v", s)
	}
	out, _, err := run("activity", "--json")
	var call control.Call
	if err != nil || json.Unmarshal([]byte(out), &call) != nil || call.Tool != "echo" || call.Status != control.CallOK || strings.Contains(out, "private") {
		t.Errorf("activity: %v %s", err, out)
	}
	if out, _, _ := run("activity"); !strings.Contains(out, "tools/call echo") || !strings.HasPrefix(out, "TIME") {
		t.Errorf("activity: %s", out)
	}
	captureOf(t, config.Paths{Config: b.env("DRAWBRIDGE_CONFIG_DIR"), State: b.env("DRAWBRIDGE_STATE_DIR")}, s.ID, func() {
		second.send(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"private","token":"t-1234"}}}`)
		second.line()
	})
	if out, _, _ := run("activity", "--json"); strings.Contains(out, "private") {
		t.Errorf("activity shows what was captured: %s", out)
	}
	_ = second.in.Close()
	second.end()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if out, _, _ := run("sessions", "--json"); !strings.Contains(out, fmt.Sprintf(`"pid": %d`, second.cmd.Process.Pid)) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the session does not end")
		}
	}
}

// env is a variable of the process.
func (b *bridge) env(name string) string {
	for _, line := range b.cmd.Env {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	return ""
}

// captureOf has the session captured and checks what is kept of a call.
func captureOf(t *testing.T, p config.Paths, session string, call func()) {
	t.Helper()
	agent := control.Dial(p)
	defer agent.Close()
	if err := agent.Capture(t.Context(), session, true); err != nil {
		t.Fatal(err)
	}
	// Its process hears of it in a moment: calls before that are not kept.
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		call()
		for change, err := range agent.Activity(t.Context(), 0, false) {
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(change.Calls, func(c control.Call) bool { return c.Captured })
			if i < 0 {
				continue
			}
			kept, err := agent.Captured(t.Context(), change.Calls[i].Seq)
			if err != nil || !strings.Contains(kept.Arguments, "private") || strings.Contains(kept.Arguments, "t-1234") || !strings.Contains(kept.Result, `"content": []`) {
				t.Errorf("kept is %+v, %v", kept, err)
			}
			if err := agent.Capture(t.Context(), session, false); err != nil {
				t.Error(err)
			}
			if _, err := agent.Captured(t.Context(), change.Calls[i].Seq); err == nil {
				t.Error("it is kept after the end of the capture")
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is captured")
		}
	}
}
