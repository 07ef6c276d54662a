package stdio_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"drawbridge/bridge/front/stdio"
	"drawbridge/bridge/jsonrpc"
)

// silent is a session that answers when the test says so.
type silent struct{}

func (silent) Receive(jsonrpc.Message) {}
func (silent) Close(time.Duration)     {}

// The answers to a batch wait for each other, in the order of the requests; a
// request that the client cancelled is not waited for.
func TestBatchIsAnsweredTogether(t *testing.T) {
	var out bytes.Buffer
	in, feed := io.Pipe()
	ready := make(chan *stdio.Writer, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- stdio.Serve(context.Background(), in, &out, slog.New(slog.DiscardHandler), func(w *stdio.Writer) stdio.Session {
			ready <- w
			return silent{}
		})
	}()
	w := <-ready
	say := func(line string) {
		_, _ = io.WriteString(feed, line+"\n")
		_, _ = io.WriteString(feed, "\n") // taken when the line before has been dealt with
	}
	say(`[{"id":1,"method":"a"},7,{"id":"\u0062","method":"b"},{"method":"n"},{"id":3,"method":"c"}]`)
	for _, m := range []string{`{"id":3,"result":3.0}`, `{"id":9,"result":0}`, `{"id":1,"method":"roots/list"}`, `{"id":1,"result":1.0}`} {
		_ = w.Send([]byte(m))
	}
	say(`{"method":"notifications/cancelled","params":{"requestId":"b"}}`)
	_ = w.Send([]byte(`{"id":"\u0062","result":"late"}`))
	_ = feed.Close()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	want := `{"id":9,"result":0}
{"id":1,"method":"roots/list"}
[{"id":1,"result":1.0},{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"The message is not JSON-RPC 2.0."}},{"id":3,"result":3.0}]
{"id":"\u0062","result":"late"}
`
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
