package control

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func snapshotOf(names ...string) Snapshot {
	s := Snapshot{Version: "1", Servers: []Server{}}
	for _, name := range names {
		key, state, _ := strings.Cut(name, "=")
		s.Servers = append(s.Servers, Server{Key: key, Name: key, State: State(state)})
	}
	return s
}

func TestDifferenceIsSmallAndApplyUndoesIt(t *testing.T) {
	for _, tc := range []struct {
		name, from, to, want string
	}{
		{"one different", "a b c", "a b=signed_in c", "server b"},
		{"new at the end", "a b", "a b c", "server c"},
		{"the first", "", "a", "server a"},
		{"removed", "a b c", "a c", "removed b"},
		{"the last removed", "a", "", "removed a"},
		{"two different", "a b", "a=signed_in b=signed_in", "snapshot"},
		{"new in the middle", "a c", "a b c", "snapshot"},
		{"another order", "a b", "b a", "snapshot"},
		{"removed and different", "a b c", "a=signed_in c", "snapshot"},
		{"new and different", "a b", "a=signed_in b c", "snapshot"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			from, to := snapshotOf(strings.Fields(tc.from)...), snapshotOf(strings.Fields(tc.to)...)
			from.Seq, to.Seq = 4, 7
			c := difference(from, to)
			got := "snapshot"
			switch {
			case c.Server != nil:
				got = "server " + c.Server.Key
			case c.Removed != "":
				got = "removed " + c.Removed
			}
			if got != tc.want || c.Seq != 7 {
				t.Errorf("change is %q with seq %d, want %q with 7", got, c.Seq, tc.want)
			}
			if diff := cmp.Diff(to, from.Apply(c)); diff != "" {
				t.Errorf("applied (-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplyIgnoresAStaleChange(t *testing.T) {
	s := snapshotOf("a=signed_in")
	s.Seq = 5
	got := s.Apply(Change{Seq: 5, Removed: "a"})
	if len(got.Servers) != 1 || got.Seq != 5 {
		t.Errorf("a stale change was applied: %+v", got)
	}
}

func TestPublishOfTheSameIsNoChange(t *testing.T) {
	var f Feed
	f.Publish(snapshotOf("a"))
	first, changed := f.Look()
	f.Publish(snapshotOf("a"))
	select {
	case <-changed:
		t.Error("readers were woken for nothing")
	default:
	}
	if got := f.Snapshot().Seq; got != first.Seq {
		t.Errorf("seq went from %d to %d", first.Seq, got)
	}
}

func TestChangesStartWithASnapshot(t *testing.T) {
	b := &backend{}
	b.feed.Publish(snapshotOf("a"))
	c, _ := serve(t, folders(t), b)
	var got []string
	for change, err := range c.Changes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case change.Snapshot != nil:
			got = append(got, "snapshot")
			b.feed.Publish(snapshotOf("a=signed_in"))
		case change.Server != nil:
			got = append(got, "server "+string(change.Server.State))
			b.feed.Publish(snapshotOf())
		default:
			got = append(got, "removed "+change.Removed)
		}
		if change.Removed != "" {
			break
		}
	}
	if want := []string{"snapshot", "server signed_in", "removed a"}; !cmp.Equal(got, want) {
		t.Errorf("changes %q, want %q", got, want)
	}
}

func TestChangesEndWithTheAgent(t *testing.T) {
	b := &backend{}
	c, _ := serve(t, folders(t), b)
	var last error
	for _, err := range c.Changes(t.Context()) {
		if err == nil {
			b.stop()
		}
		last = err
	}
	if last == nil {
		t.Fatal("the stream ended without an error")
	}
}

func TestChangesSayThatThePersonQuits(t *testing.T) {
	b := &backend{}
	c, _ := serve(t, folders(t), b)
	quit := false
	for change, err := range c.Changes(t.Context()) {
		if err != nil {
			continue
		}
		quit = quit || change.Quit
		if change.Snapshot != nil {
			b.feed.Quit()
			b.stop()
		}
	}
	if !quit {
		t.Error("the reader was not told")
	}
}

func TestManyReadersSeeTheLastState(t *testing.T) {
	b := &backend{}
	b.feed.Publish(snapshotOf("a"))
	p := folders(t)
	serve(t, p, b)
	const readers, last = 20, 200
	var wg, ready sync.WaitGroup
	ready.Add(readers)
	for range readers {
		wg.Go(func() {
			c := Dial(p)
			defer c.Close()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var s Snapshot
			first := true
			for change, err := range c.Changes(ctx) {
				if first {
					ready.Done()
					first = false
				}
				if err != nil {
					t.Errorf("reader: %v", err)
					return
				}
				s = s.Apply(change)
				if string(s.Servers[0].State) == fmt.Sprint(last) {
					return
				}
			}
		})
	}
	ready.Wait()
	for i := range last + 1 {
		b.feed.Publish(snapshotOf(fmt.Sprintf("a=%d", i)))
	}
	wg.Wait()
}

// A reader that never reads must neither hold up the agent nor get a queue.
func TestSlowReaderGetsAFreshSnapshot(t *testing.T) {
	b := &backend{}
	b.feed.Publish(snapshotOf("a"))
	p := folders(t)
	serve(t, p, b)
	conn, err := net.Dial("unix", p.Socket())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "GET /v1/changes HTTP/1.1\r\nHost: %s\r\n\r\n", host); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 4096)
	began := time.Now()
	const last = 2000
	for i := range last + 1 {
		s := snapshotOf(fmt.Sprintf("a=%d", i), fmt.Sprintf("b=%d", i))
		s.Servers[0].Name = big
		b.feed.Publish(s)
	}
	if took := time.Since(began); took >= writeTimeout { // as long as who writes waits for who reads
		t.Errorf("publishing took %v with a reader that does not read", took)
	}
	// Now it reads: far fewer lines than changes, and the last one is the state.
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	read, buf := 0, make([]byte, 1<<16)
	var tail string
	for !strings.Contains(tail, fmt.Sprintf(`"state":"%d"`, last)) {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("after %d bytes: %v", read, err)
		}
		read += n
		tail += string(buf[:n])
		tail = tail[max(0, len(tail)-8192):]
	}
	if read > last*len(big)/2 {
		t.Errorf("the slow reader was sent %d bytes: every change was queued", read)
	}
}

func TestHeartbeatKeepsASilentStreamAlive(t *testing.T) {
	b := &backend{}
	p := folders(t)
	_, service := serve(t, p, b)
	service.heartbeat = 10 * time.Millisecond
	conn, err := net.Dial("unix", p.Socket())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "GET /v1/changes HTTP/1.1\r\nHost: %s\r\n\r\n", host); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	var all string
	buf := make([]byte, 4096)
	for strings.Count(all, "{\"seq\":0}\n") < 3 {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("%v after %q", err, all)
		}
		all += string(buf[:n])
	}
	_ = conn.Close()
	eventually(t, "the dead reader is noticed", func() bool { return service.Quiet() > 0 })
}
