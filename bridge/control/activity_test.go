package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

func TestAReportShowsASessionWhileItLasts(t *testing.T) {
	p := folders(t)
	// What tells a reporter that an agent is there.
	if err := errors.Join(config.MakePrivate(filepath.Dir(p.Socket())), os.WriteFile(p.Socket(), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { aReportShowsASession(t, p) })
}

// A session may be over before the agent has been looked for.
func TestAShortReportLosesNothing(t *testing.T) {
	p := folders(t)
	if err := errors.Join(config.MakePrivate(filepath.Dir(p.Socket())), os.WriteFile(p.Socket(), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		b := &backend{}
		reports := NewReports(p)
		reports.client, _ = inMemory(t, b)
		r := reports.Report(Session{Server: "notes"})
		r.Call(Call{Method: "tools/call", Tool: "echo", Status: CallOK})
		r.Close()
		synctest.Wait()
		change, _, _, _ := b.activity.look(0, versions{}, 9)
		if len(change.Calls) != 1 || change.Calls[0].Tool != "echo" {
			t.Errorf("the agent hears of %+v", change.Calls)
		}
	})
}

func aReportShowsASession(t *testing.T, p config.Paths) {
	b := &backend{}
	client, service := inMemory(t, b)
	reports := NewReports(p)
	reports.client = client
	r := reports.Report(Session{Key: "k", Server: "notes", Account: "work", Front: "stdio"})
	only := func() Session {
		t.Helper()
		synctest.Wait()
		all := b.activity.Sessions()
		if len(all) != 1 {
			t.Fatalf("%d sessions", len(all))
		}
		return all[0]
	}
	first := only()
	time.Sleep(2 * service.readTimeout)
	if only().ID != first.ID {
		t.Error("a report does not outlive the limit of other requests")
	}
	r.Update(func(s *Session) { s.Client, s.Era = "Cursor\u202e", "2025-06-18" })
	if got := only().Client; got != "Cursor\ufffd" {
		t.Errorf("the client's name is %q", got)
	}
	r.Call(Call{At: time.Unix(10, 0), Method: "tools/call", Tool: "echo", Took: 1.5, Status: CallOK})
	r.Call(Call{At: time.Unix(20, 0), Method: "tools/call", Tool: "fail", Status: CallFailed, Reason: "unreachable"})
	s := only()
	if s.Calls != 2 || s.Failures != 1 || s.LastFailure != "tools/call fail: unreachable" || !s.LastCall.Equal(time.Unix(20, 0)) || s.PID != os.Getpid() {
		t.Errorf("session = %+v", s)
	}
	var calls []Call
	for change, err := range client.Activity(t.Context(), 0, false) {
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, change.Calls...)
	}
	if len(calls) != 2 || calls[0].Tool != "echo" || calls[0].Took != 1.5 || calls[0].Account != "work" || calls[1].Seq != 2 || calls[1].Session != s.ID {
		t.Errorf("calls = %+v", calls)
	}
	time.Sleep(time.Second)
	if service.Quiet() != time.Second {
		t.Error("a report counts as a use of the agent: one that was started on demand would never end")
	}
	r.Call(Call{Method: "ping", Status: CallOK}) // the last words are heard, too
	r.Close()
	synctest.Wait()
	if n := len(b.activity.Sessions()); n != 0 {
		t.Errorf("%d sessions after the end of the report", n)
	}
	if change, last, _, _ := b.activity.look(0, unseen, 10); last != 3 || change.Calls[2].Client != "Cursor\ufffd" {
		t.Errorf("after the end: %+v", change.Calls)
	}
}

func TestAReportGoesOnWithTheNextAgent(t *testing.T) {
	p := folders(t)
	r := newReports(p, 20*time.Millisecond).Report(Session{Server: "notes"})
	defer r.Close()
	r.Call(Call{Method: "ping"}) // nobody is there: nobody waits
	b := &backend{}
	serve(t, p, b)
	eventually(t, "the session at the agent that started after it", func() bool { return len(b.activity.Sessions()) == 1 })
}

// A local bridge has thousands of sessions, and mostly no agent that wants to hear
// of all of them.
func TestAReportWithoutAnAgentIsNoGoroutine(t *testing.T) {
	reports := newReports(folders(t), time.Hour) // so that nobody looks again
	before := runtime.NumGoroutine()
	var all []*Reporter
	for range 200 {
		all = append(all, reports.Report(Session{Server: "notes"}))
	}
	eventually(t, "the end of the first looks", func() bool { return runtime.NumGoroutine() < before+20 })
	for _, r := range all {
		r.Close()
	}
}

// An agent that takes nothing: it costs no caller anything, and what is dropped
// is counted.
func TestASlowAgentHoldsNobodyUp(t *testing.T) {
	p := folders(t)
	if err := config.MakePrivate(filepath.Dir(p.Socket())); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", p.Socket()) // accepts in the kernel and never reads
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	r := Report(p, Session{Server: "notes"})
	long := strings.Repeat("x", 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20 * reportQueue {
			r.Call(Call{Method: "tools/call", Tool: long, Status: CallOK})
		}
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("Call waited for the agent")
	}
	// Who tells takes the count along with a line, so there may be none now: but
	// once the socket is full it stays.
	eventually(t, "calls that are counted as dropped", func() bool {
		for range 2 * reportQueue {
			r.Call(Call{Method: "tools/call", Tool: long, Status: CallOK})
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.dropped > 0
	})
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		r.Close()
	}()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Fatal("Close waited for the agent")
	}
}

func TestAReportThatCannotBeReadIsRefused(t *testing.T) {
	b := &backend{}
	client, _ := serve(t, folders(t), b)
	for _, line := range []any{reportLine{Calls: []Call{{Method: "ping"}}}, "text"} {
		_, err := client.send(t.Context(), "POST", reportPath, line)
		if !fault.Is(err, fault.Usage) {
			t.Errorf("%v: %v", line, err)
		}
	}
	if len(b.activity.Sessions()) != 0 {
		t.Error("a session is left behind")
	}
}

func TestActivityKeepsTheLastCalls(t *testing.T) {
	var a Activity
	entry := a.open(Session{Server: "notes"}, nil)
	page := make([]Call, 1000)
	const all = MaxCalls + 2500
	for n := 0; n < all; n += len(page) {
		page = page[:min(len(page), all-n)]
		for i := range page {
			page[i] = Call{At: time.Unix(int64(n+i+1), 0), Method: fmt.Sprintf("m%d", i), Status: CallOK}
		}
		a.add(entry, page, 0)
	}
	after, seen := uint64(0), 0
	for {
		change, last, _, _ := a.look(after, unseen, maxPage)
		for i, c := range change.Calls {
			if want := uint64(all - MaxCalls + seen + i + 1); c.Seq != want || c.At.Unix() != int64(want) {
				t.Fatalf("call %d: seq %d of %v, want %d", seen+i, c.Seq, c.At, want)
			}
		}
		if seen += len(change.Calls); len(change.Calls) == 0 {
			break
		}
		after = last
	}
	if seen != MaxCalls || len(a.words) > maxWords {
		t.Errorf("%d calls, %d words", seen, len(a.words))
	}
	if s := a.Sessions()[0]; s.Calls != all {
		t.Errorf("the session counts %d calls", s.Calls)
	}
}

func TestActivityIsFollowed(t *testing.T) {
	b := &backend{}
	client, _ := serve(t, folders(t), b)
	entry := b.activity.open(Session{Server: "notes"}, nil)
	b.activity.add(entry, []Call{{Method: "a", Status: CallOK}}, 0)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var methods []string
	for change, err := range client.Activity(ctx, 0, true) {
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range change.Calls {
			methods = append(methods, c.Method)
		}
		switch len(methods) {
		case 1:
			b.activity.add(entry, []Call{{Method: "b", Status: CallOK}, {Method: "c", Status: CallOK}}, 4)
			methods = append(methods, "|")
		case 4:
			if fmt.Sprint(methods) != "[a | b c]" || change.Dropped != 4 || len(change.Sessions) != 1 {
				t.Errorf("methods %v, change %+v", methods, change)
			}
			return
		}
	}
	t.Fatal("the stream ended")
}

func BenchmarkReportCall(b *testing.B) {
	var r Reporter
	c := Call{Method: "tools/call", Tool: "echo", Status: CallOK}
	for b.Loop() {
		r.Call(c)
	}
}
