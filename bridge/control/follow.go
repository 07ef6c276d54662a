package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"drawbridge/bridge/config"
	"drawbridge/bridge/fault"
)

const (
	// startWait bounds the wait for the socket of an agent that was just started.
	startWait = 10 * time.Second
	// pollEvery is how often something without a notification is looked at.
	pollEvery = 25 * time.Millisecond
)

var errSilent = errors.New("the agent fell silent")

// Changes yields the agent's changes, a snapshot first, until ctx ends, the
// caller stops, or the connection breaks; in the last case the last pair is an
// error. It does not connect again.
func (c *Client) Changes(ctx context.Context) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		err := c.stream(ctx, "/v1/changes", func(line []byte) (bool, error) {
			var change Change
			if err := json.Unmarshal(line, &change); err != nil {
				return false, fmt.Errorf("read the agent's changes: %w", err)
			}
			if change.Snapshot == nil && change.Server == nil && change.Removed == "" && !change.Quit {
				return true, nil // a heartbeat
			}
			return yield(change, nil), nil
		})
		if err != nil {
			yield(Change{}, err)
		}
	}
}

// errEnded means that the agent ended a stream.
var errEnded = fmt.Errorf("the stream ended: %w", io.ErrUnexpectedEOF)

// stream gives each line of an endless answer to each until that returns false,
// which is no error, or its own error.
func (c *Client) stream(ctx context.Context, path string, each func(line []byte) (more bool, err error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(silenceLimit, func() { cancel(errSilent) })
	defer silence.Stop()
	resp, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 0, 4096), maxAnswer)
	for lines.Scan() {
		silence.Reset(silenceLimit)
		if more, err := each(lines.Bytes()); err != nil || !more {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return away(ctx, err)
	}
	return away(ctx, errEnded)
}

// Ensure returns a client of a living agent. When none answers it runs start,
// which must not wait for the agent's end, and waits up to ten seconds for the
// agent's socket. Several callers may do so at once: the agents that they start
// settle who stays (see Listen).
func Ensure(ctx context.Context, p config.Paths, start func(context.Context) error) (*Client, error) {
	client := Dial(p)
	if _, err := client.Snapshot(ctx); !fault.Is(err, fault.AgentAway) {
		return orClose(client, err)
	}
	if err := start(ctx); err != nil {
		return orClose(client, fault.Wrap(err, fault.AgentAway, "Drawbridge's agent cannot be started.", "Start it by hand to see why: drawbridge agent"))
	}
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	for {
		_, err := client.Snapshot(ctx)
		if !fault.Is(err, fault.AgentAway) {
			return orClose(client, err)
		}
		if sleep(ctx, pollEvery) != nil {
			return orClose(client, fault.Wrap(err, fault.AgentAway, "Drawbridge's agent did not come up.", "Start it by hand to see why: drawbridge agent"))
		}
	}
}

func orClose(c *Client, err error) (*Client, error) {
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}
