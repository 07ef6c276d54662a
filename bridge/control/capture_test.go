package control

import (
	"strings"
	"testing"

	"drawbridge/bridge/fault"
)

func TestACaptureKeepsWhatOneSessionsCallsAreAbout(t *testing.T) {
	b := &backend{}
	p := folders(t)
	client, _ := serve(t, p, b)
	one, other := Report(p, Session{Server: "notes", Client: "one"}), Report(p, Session{Server: "notes", Client: "other"})
	defer other.Close()
	ids := map[string]string{}
	eventually(t, "both sessions", func() bool {
		for _, s := range b.activity.Sessions() {
			ids[s.Client] = s.ID
		}
		return len(ids) == 2
	})
	last := uint64(0)
	call := func(r *Reporter, arguments string) uint64 {
		r.Call(Call{Method: "tools/call", Status: CallOK, Content: &Captured{Arguments: arguments, Result: strings.Repeat("x", 2*MaxPart)}})
		last++
		eventually(t, "the call", func() bool {
			_, seq, _, _ := b.activity.look(0, unseen, maxPage)
			return seq == last
		})
		return last
	}
	gone := func(seq uint64) {
		t.Helper()
		if c, err := client.Captured(t.Context(), seq); !fault.Is(err, fault.UnknownServer) {
			t.Errorf("of call %d it keeps %d bytes, %v", seq, len(c.Arguments), err)
		}
	}

	if one.Capturing() {
		t.Error("it captures without having been told to")
	}
	gone(call(one, "too early")) // and what is sent all the same is not kept
	if err := client.Capture(t.Context(), ids["one"], true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its process knows", one.Capturing)
	if other.Capturing() {
		t.Error("the other session captures, too")
	}
	kept := call(one, "kept")
	gone(call(other, "of another session"))
	c, err := client.Captured(t.Context(), kept)
	if err != nil || c.Arguments != "kept" || len(c.Result) > MaxPart+len("…") {
		t.Errorf("kept is %q and %d bytes, %v", c.Arguments, len(c.Result), err)
	}
	for change, err := range client.Activity(t.Context(), 0, false) {
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range change.Calls {
			if c.Captured != (c.Seq == kept) || c.Content != nil {
				t.Errorf("the stream says of call %d: captured %v, %v", c.Seq, c.Captured, c.Content)
			}
		}
		for _, s := range change.Sessions {
			if s.Capturing != (s.Client == "one") || !s.CanCapture {
				t.Errorf("the stream says of %s: %+v", s.Client, s)
			}
		}
	}

	if err := client.Capture(t.Context(), ids["one"], false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its process knows", func() bool { return !one.Capturing() })
	gone(kept)

	if err := client.Capture(t.Context(), ids["one"], true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its process knows", one.Capturing)
	kept = call(one, "again")
	one.Close()
	eventually(t, "the session's end", func() bool { return len(b.activity.Sessions()) == 1 })
	gone(kept)
	if err := client.Capture(t.Context(), ids["one"], true); err == nil {
		t.Error("a session that has ended is captured")
	}
}

func TestACaptureIsBounded(t *testing.T) {
	var a Activity
	s := a.open(Session{ID: "s"}, newOrders(nil, nil))
	a.capture = &capture{session: s, kept: map[uint64]Captured{}}
	for range 3 * maxCaptured {
		a.add(s, []Call{{Method: "ping", Content: &Captured{Arguments: "{}"}}}, 0)
	}
	if n := len(a.capture.kept); n != maxCaptured || len(a.capture.seqs) != maxCaptured {
		t.Errorf("%d are kept", n)
	}
	if _, err := a.Captured(3 * maxCaptured); err != nil {
		t.Error(err)
	}
}

// A process of an older version reads no orders.
func TestAnOlderProcessIsNotCaptured(t *testing.T) {
	var a Activity
	a.open(Session{ID: "s"}, nil)
	if err := a.Capture("s", true); !fault.Is(err, fault.Unsupported) {
		t.Errorf("it is: %v", err)
	}
}
