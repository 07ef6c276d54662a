package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
)

// reports tells the agent of a session and of calls to these tools.
func reports(t *testing.T, p config.Paths, client string, tools ...string) *control.Reporter {
	t.Helper()
	r := control.Report(p, control.Session{Server: "notes", Account: "default", Client: client, Front: "stdio", Since: time.Now()})
	for _, tool := range tools {
		r.Call(control.Call{At: time.Now(), Method: "tools/call", Tool: tool, Took: 1.5, Status: control.CallOK})
	}
	return r
}

// activityUntil takes events until want is true of what they add up to, and
// checks that each belongs to the feed.
func activityUntil(t *testing.T, events <-chan event, feed uint64, want func(sessions []control.Session, tools []string, resets int) bool) {
	t.Helper()
	var sessions []control.Session
	var tools []string
	resets := 0
	deadline := time.After(30 * time.Second)
	for {
		select {
		case e := <-events:
			change, ok := e.payload.(ActivityEvent)
			if !ok {
				continue
			}
			if change.Feed != feed {
				t.Errorf("an event of feed %d, want %d", change.Feed, feed)
			}
			if change.Reset {
				resets++
				sessions, tools = nil, nil
			}
			if change.Sessions != nil {
				sessions = change.Sessions
			}
			for _, c := range change.Calls {
				tools = append(tools, c.Tool)
			}
			if want(sessions, tools, resets) {
				return
			}
		case <-deadline:
			t.Fatalf("sessions %v, tools %v, %d resets", sessions, tools, resets)
		}
	}
}

func TestActivityReachesThePageAndGoesOnWithAnotherAgent(t *testing.T) {
	p := testPaths(t)
	stop := startAgent(t, p)
	app, events := startApp(t, p)
	client := reports(t, p, "early", "one")
	feed := app.FollowActivity()
	activityUntil(t, events, feed, func(sessions []control.Session, tools []string, resets int) bool {
		return resets == 1 && len(sessions) == 1 && sessions[0].Client == "early" && slices.Equal(tools, []string{"one"})
	})
	client.Call(control.Call{At: time.Now(), Method: "tools/call", Tool: "two", Status: control.CallOK})
	activityUntil(t, events, feed, func(_ []control.Session, tools []string, _ int) bool { return slices.Contains(tools, "two") })
	client.Close()
	activityUntil(t, events, feed, func(sessions []control.Session, _ []string, _ int) bool { return sessions != nil && len(sessions) == 0 })

	stop()
	startAgent(t, p)
	late := reports(t, p, "late", "three")
	defer late.Close()
	activityUntil(t, events, feed, func(sessions []control.Session, tools []string, resets int) bool {
		return resets == 1 && len(sessions) == 1 && sessions[0].Client == "late" && slices.Equal(tools, []string{"three"})
	})
}

func TestExportWritesTheCallsThatWereAskedFor(t *testing.T) {
	p := testPaths(t)
	startAgent(t, p)
	path := filepath.Join(t.TempDir(), "out")
	app := NewApp(AppConfig{
		Connect: func(context.Context) (Agent, error) { return control.Dial(p), nil },
		Emit:    func(string, any) {}, Quit: func() {},
		SaveAs: func(name string) (string, error) { return path + filepath.Ext(name), nil },
	})
	app.start(t.Context())
	t.Cleanup(app.close)
	client := reports(t, p, "=cmd()", "one", "two", "three")
	defer client.Close()
	for calls := 0; calls < 3; {
		calls = 0
		for change, err := range control.Dial(p).Activity(t.Context(), 0, false) {
			if err != nil {
				t.Fatal(err)
			}
			calls += len(change.Calls)
		}
		time.Sleep(10 * time.Millisecond)
	}

	done, err := app.ExportActivity("csv", []uint64{1, 3, 99})
	if err != nil || done.Calls != 2 || done.Path != path+".csv" {
		t.Fatalf("done %+v, %v", done, err)
	}
	f, err := os.Open(done.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, _ := f.Stat(); info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others can read it: %v", info.Mode())
	}
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != 3 || rows[1][5] != "one" || rows[2][5] != "three" {
		t.Fatalf("rows %v, %v", rows, err)
	}
	if rows[1][1] != "'=cmd()" {
		t.Errorf("a spreadsheet would run %q", rows[1][1])
	}

	if done, err = app.ExportActivity("json", []uint64{2}); err != nil || done.Calls != 1 {
		t.Fatalf("done %+v, %v", done, err)
	}
	raw, err := os.ReadFile(done.Path)
	if err != nil {
		t.Fatal(err)
	}
	var calls []control.Call
	if err := json.Unmarshal(raw, &calls); err != nil || len(calls) != 1 || calls[0].Tool != "two" {
		t.Fatalf("calls %v, %v", calls, err)
	}

	path = ""
	app.config.SaveAs = func(string) (string, error) { return "", nil }
	if done, err = app.ExportActivity("json", []uint64{2}); err != nil || done.Path != "" {
		t.Errorf("a change of mind gives %+v, %v", done, err)
	}
	if _, err := app.ExportActivity("exe", nil); !fault.Is(err, fault.Usage) {
		t.Errorf("another format gives %v", err)
	}
}
