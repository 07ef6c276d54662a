package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

// Era is which half of MCP's history a host speaks.
type Era string

// The eras: with the initialize handshake, or with _meta on each request.
const (
	Legacy Era = "legacy"
	Modern Era = "modern"
)

const (
	legacyVersion = "2025-11-25"
	modernVersion = "2026-07-28"
	metaPrefix    = "io.modelcontextprotocol/"
	// callDeadline bounds a request, closeDeadline the end of drawbridge.
	callDeadline  = time.Minute
	closeDeadline = 20 * time.Second
	maxRounds     = 8
)

// message is a JSON-RPC message.
type message struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *rpcError       `json:"error,omitempty"`
}

type rpcError struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// Error implements error.
func (e *rpcError) Error() string { return fmt.Sprintf("%s (%d)", e.Message, e.Code) }

// needsSignIn reports whether drawbridge says that a person has to sign in, or
// that it is not there yet.
func needsSignIn(err error) bool {
	var e *rpcError
	if !errors.As(err, &e) {
		return false
	}
	var data struct {
		Drawbridge struct{ Code string } `json:"drawbridge"`
	}
	_ = json.Unmarshal(e.Data, &data)
	return data.Drawbridge.Code == "sign_in_needed" || data.Drawbridge.Code == "unreachable"
}

// client is an MCP host's connection to a drawbridge that it started.
type client struct {
	era          Era
	version      string // of initialize; legacy only
	capabilities map[string]any
	// elicit answers the server's elicitation/create; nil: not asked for.
	elicit func(ctx context.Context, params json.RawMessage) (map[string]any, error)

	cmd *exec.Cmd
	in  io.WriteCloser

	mu     sync.Mutex
	nextID int
	wait   map[string]chan message
	over   chan struct{} // closed when the output has ended
}

func start(era Era, binary string, env, args []string) (*client, error) {
	c := &client{
		era: era, version: legacyVersion, capabilities: map[string]any{}, cmd: exec.Command(binary, args...),
		wait: map[string]chan message{}, over: make(chan struct{}),
	}
	c.cmd.Env, c.cmd.Stderr = env, os.Stderr
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go c.read(out)
	return c, nil
}

func (c *client) read(out io.Reader) {
	defer close(c.over)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			fmt.Fprintf(os.Stderr, "<- %s", line)
			var m message
			if json.Unmarshal(line, &m) == nil {
				c.take(m)
			}
		}
		if err != nil {
			return
		}
	}
}

func (c *client) take(m message) {
	switch {
	case m.Method != "" && m.ID != nil: // the server's request
		go c.answer(m)
	case m.Method != "":
	default:
		c.mu.Lock()
		answer, ok := c.wait[string(m.ID)]
		delete(c.wait, string(m.ID))
		c.mu.Unlock()
		if ok {
			answer <- m
		}
	}
}

// answer does what the server asks of a legacy host.
func (c *client) answer(m message) {
	ctx, cancel := context.WithTimeout(context.Background(), callDeadline)
	defer cancel()
	reply := message{JSONRPC: "2.0", ID: m.ID}
	result, err := c.fulfil(ctx, m.Method, m.Params)
	if err != nil {
		reply.Error = &rpcError{Code: -32601, Message: err.Error()}
	} else {
		reply.Result = result
	}
	_ = c.send(reply)
}

func (c *client) fulfil(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	var result any
	switch {
	case method == "ping":
		result = struct{}{}
	case method == "elicitation/create" && c.elicit != nil:
		answer, err := c.elicit(ctx, params)
		if err != nil {
			return nil, err
		}
		result = answer
	default:
		return nil, fmt.Errorf("no %s here", method)
	}
	return json.Marshal(result)
}

func (c *client) send(m message) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "-> %s\n", raw)
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err = c.in.Write(append(raw, '\n'))
	return err
}

// open begins: a legacy host with initialize, a modern one with server/discover.
func (c *client) open(ctx context.Context) error {
	if c.era == Modern {
		_, err := c.request(ctx, "server/discover", nil)
		return err
	}
	_, err := c.once(ctx, "initialize", map[string]any{
		"protocolVersion": c.version, "capabilities": c.capabilities,
		"clientInfo": map[string]any{"name": "conformance-host", "version": "1"},
	})
	if err != nil {
		return err
	}
	return c.send(message{JSONRPC: "2.0", Method: "notifications/initialized"})
}

// request asks once, and again as long as a modern server wants input for it
// (MCP 2026-07-28, multi round-trip requests).
func (c *client) request(ctx context.Context, method string, params map[string]any) (json.RawMessage, error) {
	for range maxRounds {
		result, err := c.once(ctx, method, params)
		if err != nil || c.era == Legacy {
			return result, err
		}
		var round struct {
			ResultType    string
			InputRequests map[string]struct {
				Method string
				Params json.RawMessage
			}
			RequestState *string
		}
		if err := json.Unmarshal(result, &round); err != nil || round.ResultType != "input_required" {
			return result, err
		}
		again := map[string]any{}
		for k, v := range params {
			again[k] = v
		}
		responses := map[string]json.RawMessage{}
		for key, ask := range round.InputRequests {
			if responses[key], err = c.fulfil(ctx, ask.Method, ask.Params); err != nil {
				return nil, err
			}
		}
		again["inputResponses"] = responses
		delete(again, "requestState")
		if round.RequestState != nil {
			again["requestState"] = *round.RequestState
		}
		params = again
	}
	return nil, fmt.Errorf("%s: still input_required after %d rounds", method, maxRounds)
}

// once sends one request and waits for the answer.
func (c *client) once(ctx context.Context, method string, params map[string]any) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	if c.era == Modern {
		all := map[string]any{}
		for k, v := range params {
			all[k] = v
		}
		all["_meta"] = map[string]any{
			metaPrefix + "protocolVersion": modernVersion, metaPrefix + "clientCapabilities": c.capabilities,
			metaPrefix + "clientInfo": map[string]any{"name": "conformance-host", "version": "1"},
		}
		params = all
	}
	m := message{JSONRPC: "2.0", Method: method}
	if params != nil {
		raw, err := json.Marshal(params)
		if err != nil {
			return nil, err
		}
		m.Params = raw
	}
	answer := make(chan message, 1)
	c.mu.Lock()
	c.nextID++
	m.ID = json.RawMessage(strconv.Itoa(c.nextID))
	c.wait[string(m.ID)] = answer
	c.mu.Unlock()
	if err := c.send(m); err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	select {
	case a := <-answer:
		if a.Error != nil {
			return nil, fmt.Errorf("%s: %w", method, a.Error)
		}
		return a.Result, nil
	case <-c.over:
		return nil, fmt.Errorf("%s: drawbridge has ended", method)
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

// close ends drawbridge as a host does, by the end of its input.
func (c *client) close() {
	_ = c.in.Close()
	t := time.AfterFunc(closeDeadline, func() { _ = c.cmd.Process.Kill() })
	defer t.Stop()
	<-c.over
	_ = c.cmd.Wait()
}
