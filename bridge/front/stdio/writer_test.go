package stdio_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

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
