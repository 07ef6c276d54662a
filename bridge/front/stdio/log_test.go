package stdio_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/bridge/front/stdio"
)

func TestLogPassesLinesOnInOrder(t *testing.T) {
	var out bytes.Buffer
	l := stdio.NewLog(&out)
	line := make([]byte, 0, 16)
	want := ""
	for i := range 100 {
		line = fmt.Appendf(line[:0], "line %d\n", i) // the caller's buffer is used again
		want += string(line)
		if n, err := l.Write(line); n != len(line) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	l.Close(time.Minute)
	l.Close(time.Minute)
	if out.String() != want {
		t.Errorf("got %q", out.String())
	}
	if n, err := l.Write([]byte("late")); n != 4 || err != nil {
		t.Errorf("Write after Close = %d, %v", n, err)
	}
}

func TestLogNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		l := stdio.NewLog(w)
		begun := time.Now()
		for i := range 10_000 {
			_, _ = fmt.Fprintf(l, "line %d\n", i)
		}
		l.Close(10 * time.Millisecond)
		if took := time.Since(begun); took != 10*time.Millisecond {
			t.Errorf("10,000 lines and Close took %v", took)
		}
		// Somebody reads after all.
		time.AfterFunc(200*time.Millisecond, func() { _ = r.Close() })
		got, _ := io.ReadAll(r)
		if s := string(got); !strings.HasPrefix(s, "line 0\n") || !strings.Contains(s, "lines of the log were not read in time") || strings.Count(s, "\n") > 300 {
			t.Errorf("got %d bytes: %.200s", len(s), s)
		}
	})
}
