package remote_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/bridge/remote"
)

func readAll(r io.Reader, limit int) ([]remote.Event, error) {
	return drain(remote.NewEventReader(r, limit))
}

func drain(reader *remote.EventReader) (events []remote.Event, err error) {
	for {
		e, err := reader.Next()
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
}

func TestEventReader(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []remote.Event
	}{
		{"one", "data: {\"a\":1}\n\n", []remote.Event{{Type: "message", Data: []byte(`{"a":1}`)}}},
		{"CRLF", "event: message\r\ndata: x\r\n\r\n", []remote.Event{{Type: "message", Data: []byte("x")}}},
		{"CR only", "data: x\r\rdata: y\r\r", []remote.Event{{Type: "message", Data: []byte("x")}, {Type: "message", Data: []byte("y")}}},
		{"byte order mark", "\ufeffdata: x\n\n", []remote.Event{{Type: "message", Data: []byte("x")}}},
		{"several data lines", "data: {\ndata:  1\ndata:}\n\n", []remote.Event{{Type: "message", Data: []byte("{\n 1\n}")}}},
		{"comment keeps alive", ": ping\n\ndata: x\n\n", []remote.Event{{Type: "message", Data: []byte("x")}}},
		{"priming event", "id: 7\nretry: 250\ndata:\n\n", []remote.Event{{Type: "message", ID: "7", Retry: 250 * time.Millisecond}}},
		{"other type", "event: endpoint\ndata: /m\n\n", []remote.Event{{Type: "endpoint", Data: []byte("/m")}}},
		{"type does not outlive its event", "event: a\n\ndata: x\n\n", []remote.Event{{Type: "message", Data: []byte("x")}}},
		{"id with NUL is ignored", "id: a\x00b\ndata: x\n\n", []remote.Event{{Type: "message", Data: []byte("x")}}},
		{"bad retry is ignored", "retry: -5\ndata: x\n\n", []remote.Event{{Type: "message", Data: []byte("x")}}},
		{"unfinished event is dropped", "data: x\n\ndata: y\n", []remote.Event{{Type: "message", Data: []byte("x")}}},
		{"colon in value, no space", "data:a:b\n\n", []remote.Event{{Type: "message", Data: []byte("a:b")}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for kind, r := range map[string]io.Reader{
				"at once": strings.NewReader(tt.in), "byte by byte": iotest.OneByteReader(strings.NewReader(tt.in)),
			} {
				got, err := readAll(r, 1<<20)
				if !errors.Is(err, io.EOF) {
					t.Fatalf("%s: %v", kind, err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", kind, diff)
				}
			}
			for kind, r := range map[string]io.Reader{
				"at once": strings.NewReader(tt.in), "byte by byte": iotest.OneByteReader(strings.NewReader(tt.in)),
			} {
				got, err := drain(remote.NewPatientReader(r, 1<<20))
				if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, io.EOF) {
					t.Errorf("patiently, %s: %v (-want +got):\n%s", kind, err, diff)
				}
			}
		})
	}
}

func TestEventReaderBounds(t *testing.T) {
	long := strings.Repeat("x", 5000)
	if _, err := readAll(strings.NewReader("data: "+long+"\n\n"), 4000); !errors.Is(err, remote.ErrTooLarge) {
		t.Errorf("one long line: %v", err)
	}
	if _, err := readAll(strings.NewReader(strings.Repeat("data: "+long[:100]+"\n", 50)+"\n"), 4000); !errors.Is(err, remote.ErrTooLarge) {
		t.Errorf("many lines: %v", err)
	}
	if got, err := readAll(strings.NewReader("data: "+long+"\n\n"), 5000); !errors.Is(err, io.EOF) || len(got) != 1 {
		t.Errorf("at the limit: %d events, %v", len(got), err)
	}
}

// The same bytes must give the same events however the network cuts them.
func FuzzEventReader(f *testing.F) {
	f.Add("data: x\n\n")
	f.Add("\ufeffid: 1\r\nretry: 5\r\rdata: a\ndata: b\r\n\r\n: c\n")
	f.Fuzz(func(t *testing.T, in string) {
		whole, err := readAll(strings.NewReader(in), 1<<16)
		cut, cutErr := readAll(iotest.OneByteReader(strings.NewReader(in)), 1<<16)
		if diff := cmp.Diff(whole, cut); diff != "" || !errors.Is(cutErr, err) {
			t.Fatalf("cut differently (%v, %v):\n%s", err, cutErr, diff)
		}
		patient, patientErr := drain(remote.NewPatientReader(iotest.HalfReader(strings.NewReader(in)), 1<<16))
		if diff := cmp.Diff(whole, patient); diff != "" || !errors.Is(patientErr, err) {
			t.Fatalf("read patiently it is something else (%v, %v):\n%s", err, patientErr, diff)
		}
	})
}
