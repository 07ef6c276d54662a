package stdio_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/front/stdio"
	"drawbridge/bridge/jsonrpc"
)

// echo is a session that sends back what it gets.
type echo struct {
	w      *stdio.Writer
	closed bool
}

func (e *echo) Receive(m jsonrpc.Message) { _ = e.w.Send(m.Raw) }
func (e *echo) Close(time.Duration)       { e.closed = true }

func serve(t *testing.T, in io.Reader) string {
	t.Helper()
	var out bytes.Buffer
	e := &echo{}
	err := stdio.Serve(context.Background(), in, &out, slog.New(slog.DiscardHandler), func(w *stdio.Writer) stdio.Session {
		e.w = w
		return e
	})
	if err != nil || !e.closed {
		t.Fatalf("Serve = %v, session closed: %v", err, e.closed)
	}
	return out.String()
}

func TestServePassesLinesOn(t *testing.T) {
	big := `{"id":1,"method":"x","params":"` + strings.Repeat("a", 3<<20) + `"}`
	for _, tt := range []struct{ name, in, want string }{
		{"one", "{\"id\":1,\"method\":\"x\"}\n", "{\"id\":1,\"method\":\"x\"}\n"},
		{"CRLF and empty lines", "\r\n{\"id\":1,\"method\":\"x\"}\r\n\n", "{\"id\":1,\"method\":\"x\"}\n"},
		{"no last line end", "{\"method\":\"a\"}\n{\"method\":\"b\"}", "{\"method\":\"a\"}\n{\"method\":\"b\"}\n"},
		{"batch", "[{\"id\":1.0,\"method\":\"x\"},{\"method\":\"y\"}]\n", "{\"id\":1.0,\"method\":\"x\"}\n{\"method\":\"y\"}\n"},
		{"byte order mark", "\ufeff{\"method\":\"y\"}\n", "{\"method\":\"y\"}\n"},
		{"line separator stays", "{\"method\":\"\u2028\"}\n", "{\"method\":\"\u2028\"}\n"},
		{"three MiB", big + "\n", big + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, serve(t, strings.NewReader(tt.in))); diff != "" {
				t.Errorf("(-want +got):\n%.2000s", diff)
			}
		})
	}
}

func TestServeAnswersBadLinesAndGoesOn(t *testing.T) {
	got := serve(t, strings.NewReader("nonsense\n\u00a0{}\n{\"id\":1}\n{\"id\":1.0,\"method\":7}\n[]\n{\"id\":2,\"method\":\"x\"}\n"))
	want := []string{`"code":-32700`, `"code":-32700`, `"id":null,"error":{"code":-32600`, `"id":1.0,"error":{"code":-32600`, `"code":-32600`, `{"id":2,"method":"x"}`}
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) != len(want) {
		t.Fatalf("got %d lines, want %d:\n%s", len(lines), len(want), got)
	}
	for i, w := range want {
		if !strings.Contains(lines[i], w) {
			t.Errorf("line %d = %s, want it to hold %s", i, lines[i], w)
		}
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	defer func() { _ = w.Close() }()
	cancel()
	err := stdio.Serve(ctx, r, io.Discard, slog.New(slog.DiscardHandler), func(w *stdio.Writer) stdio.Session { return &echo{w: w} })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Serve = %v", err)
	}
}

func TestReaderSkipsWhatIsTooLong(t *testing.T) {
	r := stdio.NewReader(strings.NewReader(strings.Repeat("x", 200_000)+"\nok\n"+strings.Repeat("y", 200_000)), 100_000)
	if _, err := r.Next(); !errors.Is(err, stdio.ErrTooLong) {
		t.Fatalf("first line: %v", err)
	}
	if line, err := r.Next(); err != nil || string(line) != "ok" {
		t.Fatalf("second line: %q, %v", line, err)
	}
	if _, err := r.Next(); !errors.Is(err, stdio.ErrTooLong) {
		t.Fatalf("third line: %v", err)
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("end: %v", err)
	}
}

// Whatever comes, and however it is cut, the lines are those that splitting the
// whole input gives.
func FuzzReader(f *testing.F) {
	f.Add("a\nb\r\n\n c")
	f.Add("\r\r\n\x00\n")
	f.Add("\ufeff\n\ufeffa\u00a0\n")
	f.Fuzz(func(t *testing.T, in string) {
		var want []string
		for line := range strings.SplitSeq(strings.TrimPrefix(in, "\ufeff"), "\n") {
			if line = strings.Trim(line, " \t\r"); line != "" {
				want = append(want, line)
			}
		}
		for _, src := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
			r := stdio.NewReader(src, 1<<20)
			var got []string
			for {
				line, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(line))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}
