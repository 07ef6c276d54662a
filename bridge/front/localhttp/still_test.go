package localhttp_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/bridge/front/localhttp"
)

// A stream outlives the request that opened it, but not the credential: once that
// has ended nothing more goes down, and the stream ends as it should. A newer
// credential of the same caller, shown with any request, keeps it.
func TestAStreamEndsWithTheCredential(t *testing.T) {
	said := []byte(`{"jsonrpc":"2.0","method":"said"}`)
	old := header{"Authorization": "Bearer ada old"}
	for _, tt := range []struct {
		name string
		// open opens the stream and returns how something is sent down it.
		open func(r *rig) (*http.Response, string, func() error)
	}{
		{"standalone", func(r *rig) (*http.Response, string, func() error) {
			session := r.open()
			resp := r.do("GET", "/notes/mcp", "", header{"Authorization": "Bearer ada old", "Mcp-Session-Id": session})
			return resp, "/notes/mcp", func() error { return r.up(0).send(nil, said) }
		}},
		{"of 2024", func(r *rig) (*http.Response, string, func() error) {
			resp := r.do("GET", "/notes/sse", "", old)
			address, _ := events(r.t, resp.Body, 1)
			return resp, address[0], func() error { return r.up(0).send(nil, said) }
		}},
		{"subscription", func(r *rig) (*http.Response, string, func() error) {
			resp := r.do("POST", "/notes/mcp", modern("1", "subscriptions/listen", ""), header{
				"Authorization": "Bearer ada old", "Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen",
			})
			return resp, "", func() error {
				return r.up(0).send(r.up(0).holds(), said)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			gone := &atomic.Bool{}
			var passed atomic.Int64
			pause := func() { passed.Add(int64(600 * time.Millisecond)) } // more than a look lasts
			r := newRig(t, func(c *localhttp.Config) {
				c.Guard = door{gone: gone}
				c.Now = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
			})
			stream, address, say := tt.open(r)
			pause()
			if err := say(); err != nil {
				t.Fatal(err)
			}
			if got, _ := events(t, stream.Body, 1); !strings.Contains(got[0], "said") {
				t.Fatalf("while it is good: %v", got)
			}
			if address != "" { // a newer one was shown
				h := header{}
				if address == "/notes/mcp" {
					h["Mcp-Session-Id"] = stream.Request.Header.Get("Mcp-Session-Id")
				}
				if resp := r.do("POST", address, `{"jsonrpc":"2.0","method":"n"}`, h); resp.StatusCode != 202 {
					t.Fatalf("with the newer one: HTTP %d", resp.StatusCode)
				}
				gone.Store(true)
				pause()
				if err := say(); err != nil {
					t.Fatal(err)
				}
				if got, _ := events(t, stream.Body, 1); !strings.Contains(got[0], "said") {
					t.Fatalf("with a newer credential: %v", got)
				}
				h["Authorization"] = "Bearer ada old"
				_ = r.do("POST", address, `{"jsonrpc":"2.0","method":"n"}`, h)
			}
			gone.Store(true)
			pause()
			_ = say()
			rest, err := io.ReadAll(stream.Body)
			if err != nil || strings.Contains(string(rest), "said") {
				t.Errorf("afterwards: %q, %v", rest, err)
			}
		})
	}
}

// One caller cannot take all sessions, whatever they leave behind.
func TestOneCallerDoesNotTakeAllSessions(t *testing.T) {
	r := newRig(t, func(c *localhttp.Config) { c.MaxSessions = 8 })
	var ids []string
	for range 6 {
		ids = append(ids, r.open())
	}
	if resp := r.do("POST", "/notes/mcp", initialize, nil); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the seventh of a caller: HTTP %d", resp.StatusCode)
	}
	if resp := r.do("POST", "/notes/mcp", initialize, header{"Authorization": "Bearer grace"}); resp.StatusCode != 200 {
		t.Errorf("another caller: HTTP %d", resp.StatusCode)
	}
	_ = r.do("DELETE", "/notes/mcp", "", header{"Mcp-Session-Id": ids[0]})
	if resp := r.do("POST", "/notes/mcp", initialize, nil); resp.StatusCode != 200 {
		t.Errorf("after one has ended: HTTP %d", resp.StatusCode)
	}
}
