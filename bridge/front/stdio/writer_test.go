package stdio_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/front/stdio"
)

// Messages that are sent at once, small and large, come out whole.
func TestMessagesAreNotMixed(t *testing.T) {
	var out bytes.Buffer
	err := stdio.Serve(context.Background(), strings.NewReader(""), &out, slog.New(slog.DiscardHandler), func(w *stdio.Writer) stdio.Session {
		var work sync.WaitGroup
		for i := range 8 {
			work.Go(func() {
				small, large := strings.Repeat(fmt.Sprint(i), 100), strings.Repeat(fmt.Sprint(i), 100_000)
				for range 50 {
					if w.Send([]byte(small)) != nil || w.Send([]byte(large)) != nil {
						t.Error("Send failed")
					}
				}
			})
		}
		work.Wait()
		return &echo{w: w}
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\n"), "\n") {
		n++
		if (len(line) != 100 && len(line) != 100_000) || strings.Trim(line, line[:1]) != "" {
			t.Fatalf("line %d of %d bytes is a mixture", n, len(line))
		}
	}
	if n != 800 {
		t.Errorf("%d lines", n)
	}
}

// A write that fails is told to who sends.
func TestSendTellsOfABrokenPipe(t *testing.T) {
	r, out := io.Pipe()
	_ = r.Close()
	_ = stdio.Serve(context.Background(), strings.NewReader(""), out, slog.New(slog.DiscardHandler), func(w *stdio.Writer) stdio.Session {
		for _, size := range []int{10, 100_000} {
			if err := w.Send(make([]byte, size)); err == nil {
				t.Errorf("%d bytes went into a closed pipe", size)
			}
		}
		return &echo{w: w}
	})
}

// Those that wait while one is written leave together: each write is a system call
// here and wakes the client there.
func TestMessagesThatAreReadyLeaveTogether(t *testing.T) {
	out := &gate{open: make(chan struct{})}
	_ = stdio.Serve(context.Background(), strings.NewReader(""), out, slog.New(slog.DiscardHandler), func(w *stdio.Writer) stdio.Session {
		var work sync.WaitGroup
		var left atomic.Int32
		for i := range 64 {
			work.Go(func() {
				if err := w.Send(fmt.Appendf(nil, "%02d", i)); err != nil {
					t.Error(err)
				}
				left.Add(1)
			})
		}
		// One writes; all others wait for the lock, or have left their line behind.
		for end := time.Now().Add(time.Minute); held()+int(left.Load()) < 63; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Error("not all have got as far as the lock")
				break
			}
		}
		close(out.open)
		work.Wait()
		return &echo{w: w}
	})
	lines := strings.Fields(out.got.String())
	slices.Sort(lines)
	if len(slices.Compact(lines)) != 64 {
		t.Errorf("%d different lines of 64", len(lines))
	}
	if out.writes > 16 {
		t.Errorf("%d writes for 64 lines", out.writes)
	}
}

// held counts those that wait in Send for the lock.
func held() (n int) {
	stacks := make([]byte, 1<<20)
	for one := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if head, rest, _ := strings.Cut(one, "\n"); strings.Contains(head, "Mutex.Lock") && strings.Contains(rest, "stdio.(*Writer).Send(") {
			n++
		}
	}
	return n
}

// gate is an output that takes nothing until it is open.
type gate struct {
	open   chan struct{}
	got    bytes.Buffer
	writes int
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.writes++
	return g.got.Write(p)
}
