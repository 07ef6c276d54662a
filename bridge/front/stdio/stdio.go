// Package stdio serves one MCP client on a pair of pipes: one JSON-RPC message
// on each line. The output carries nothing else.
//
// It must not know tokens, servers or the network.
package stdio

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
)

// MaxMessage bounds one line of the client, in bytes.
const MaxMessage = 128 << 20

// closeLimit bounds the goodbye to the server after the client has gone; the
// process ends within 100 ms of the end of its input.
const closeLimit = 60 * time.Millisecond

// Session is what the client is connected to; *session.Session is one.
type Session interface {
	Receive(m jsonrpc.Message)
	Close(limit time.Duration)
}

// Serve reads the client's messages from in and gives them to the session that
// open makes; the session answers through the writer that open gets. It returns
// nil at the end of the input, the input's error, or ctx's.
//
// A line that is no message is answered with an error (JSON-RPC 2.0 §5.1) and
// survived.
func Serve(ctx context.Context, in io.Reader, out io.Writer, log *slog.Logger, open func(w *Writer) Session) error {
	w := &Writer{out: out}
	s := open(w)
	defer s.Close(closeLimit)

	ended := make(chan error, 1) // the read cannot be stopped; the process ends after us
	go func() { ended <- receive(NewReader(in, MaxMessage), w, log, s) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func receive(r *Reader, w *Writer, log *slog.Logger, s Session) error {
	for {
		line, err := r.Next()
		switch {
		case errors.Is(err, ErrTooLong):
			log.Warn("line of the client is too long", "limit", MaxMessage)
			_ = w.Send(jsonrpc.NewError(nil, jsonrpc.CodeInvalidRequest, "The message is larger than 128 MiB.", nil))
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if line[0] == '[' {
			all, err := jsonrpc.Split(line)
			if err != nil {
				log.Warn("unreadable batch of the client", "error", err, "bytes", len(line))
				_ = w.Send(refusal(line, err))
				continue
			}
			receiveBatch(all, w, s)
			continue
		}
		m, err := jsonrpc.Parse(line)
		if err != nil {
			log.Warn("unreadable line of the client", "error", err, "bytes", len(line))
			_ = w.Send(refusal(line, err)) // a client that does not read ends its input, too
			continue
		}
		receiveOne(m, w, s)
	}
}

func receiveOne(m jsonrpc.Message, w *Writer, s Session) {
	if m.Method == mcp.NotificationCancelled {
		w.giveUp(jsonrpc.Member(m.Params, "requestId"))
	}
	s.Receive(m)
}

// refusal answers what Parse or Split refused with err. A request that can be
// told by its id gets it back; without a method an id may as well be that of a
// request of the server's.
func refusal(raw []byte, err error) []byte {
	if errors.Is(err, jsonrpc.ErrNotJSON) {
		return jsonrpc.NewError(nil, jsonrpc.CodeParse, "The message is not JSON.", nil)
	}
	id := jsonrpc.Member(raw, "id")
	if jsonrpc.Member(raw, "method") == nil {
		id = nil
	}
	return jsonrpc.NewError(id, jsonrpc.CodeInvalidRequest, "The message is not JSON-RPC 2.0.", nil)
}
