package era

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
)

const (
	// maxRounds bounds how often a server may ask for input within one request.
	maxRounds = 10
	// roundPause is the pause before a request is repeated for which the server
	// wanted time and no input; it grows with each round.
	roundPause = 250 * time.Millisecond
	// maxPages bounds the pages of tools/list that are read for a call.
	maxPages = 64
)

var errNotModern = errors.New("the server does not speak " + Version)

// pass sends a modern client's request to a modern server as it is. The client
// may be one that knows nothing of headers: they are made here. number is of the
// verdict that the server is modern.
func (r *Remote) pass(ctx context.Context, m jsonrpc.Message, number int, deliver remote.Deliver) error {
	version := Version
	if v := text(metaOf(m.Params, metaVersion)); v != "" {
		version = v
	}
	answer, err := r.send(ctx, m.ID, m.Method, m.Params, version, m.Raw, func(raw []byte) { deliver(raw) })
	// A server that refuses what each modern one knows may have become another.
	unknown := m.Method == methodDiscover && (saysModern(err) || err == nil && answer.Error != nil)
	if unknown || saysModern(err) && !knownRefusal(err) {
		r.disprove(number)
	}
	if err != nil {
		return err
	}
	if m.Method == methodDiscover && answer.Result != nil && r.discovered != nil {
		r.discovered(m.Params, answer.Result)
	}
	if m.Method == methodToolsList && answer.Result != nil {
		if kept := r.learn(answer.Result); len(kept) != len(answer.Result) {
			deliver(jsonrpc.NewResult(m.ID, kept))
			return nil
		}
	}
	deliver(answer.Raw)
	return nil
}

// knownRefusal reports whether the server's refusal is a JSON-RPC error.
func knownRefusal(err error) bool {
	_, ok := refusalOf(err)
	return ok
}

func refusalOf(err error) (problem, bool) {
	var status *remote.StatusError
	if !errors.As(err, &status) {
		return problem{}, false
	}
	m, parseErr := jsonrpc.Parse(status.Body)
	if parseErr != nil || m.Error == nil {
		return problem{}, false
	}
	return readProblem(m.Error)
}

// send sends one modern request and returns the response to it; other gets what
// comes before. A tools/call whose headers the server finds wrong is sent again
// with those of the present list of tools.
func (r *Remote) send(ctx context.Context, id json.RawMessage, method string, params json.RawMessage, version string, raw []byte, other func(raw []byte)) (jsonrpc.Message, error) {
	headers := standardHeaders(version, method, params)
	if method == methodToolsCall {
		mirrored, err := r.mirror(ctx, params)
		if err != nil {
			return jsonrpc.Message{}, err
		}
		maps.Copy(headers, mirrored)
	}
	answer, err := r.exchange(ctx, id, raw, headers, other)
	if method != methodToolsCall || !mismatch(answer, err) {
		return answer, err
	}
	r.log.Info("the server finds the headers of a call wrong; reading its tools again")
	if listErr := r.readTools(ctx); listErr != nil {
		return answer, err
	}
	mirrored, mirrorErr := r.mirror(ctx, params)
	if mirrorErr != nil {
		return answer, err
	}
	headers = standardHeaders(version, method, params)
	maps.Copy(headers, mirrored)
	return r.exchange(ctx, id, raw, headers, other)
}

func mismatch(answer jsonrpc.Message, err error) bool {
	p, ok := refusalOf(err)
	if err == nil && answer.Error != nil {
		p, ok = readProblem(answer.Error)
	}
	return ok && p.Code == codeHeaderMismatch
}

// exchange is one request on the wire and its response.
func (r *Remote) exchange(ctx context.Context, id json.RawMessage, raw []byte, headers map[string]string, other func(raw []byte)) (jsonrpc.Message, error) {
	var answer jsonrpc.Message
	err := r.conn.Exchange(ctx, raw, headers, func(raw []byte) bool {
		m, err := jsonrpc.Parse(raw)
		switch {
		case err != nil:
			r.log.Warn("unreadable message of the server dropped", "error", err, "bytes", len(raw))
		case m.IsNotification():
			r.noteChange(m.Method)
			other(m.Raw)
		case m.IsRequest(): // there are none in this era
			r.log.Warn("request of the server dropped", "method", m.Method)
		case jsonrpc.SameID(m.ID, id) || m.ID == nil && m.Error != nil:
			answer = m
			if !bytes.Equal(m.ID, id) {
				answer, _ = jsonrpc.Parse(jsonrpc.Answer(id, m))
			}
			return true
		default:
			r.log.Warn("response to nobody dropped", "bytes", len(raw))
		}
		return false
	})
	return answer, err
}

// noteChange drops what is known of the tools when the server says so.
func (r *Remote) noteChange(method string) {
	if method == listChanged[0].method {
		r.tools.changed()
	}
}

// learn reads a tools/list result and returns it without tools that must not be
// used.
func (r *Remote) learn(result json.RawMessage) json.RawMessage {
	kept, barred := r.tools.learn(result)
	for name, why := range barred {
		r.log.Warn("tool left out: its header annotation is invalid", "tool", name, "error", why)
	}
	return kept
}

// mirror makes the Mcp-Param headers of a tools/call. When the tool has not been
// seen, the list is read first: a client may call without having asked for it.
func (r *Remote) mirror(ctx context.Context, params json.RawMessage) (map[string]string, error) {
	name := text(jsonrpc.Member(params, "name"))
	annotated, known, err := r.tools.lookup(name)
	if !known && err == nil {
		if listErr := r.readTools(ctx); listErr != nil {
			var challenge *remote.Challenge
			if errors.As(listErr, &challenge) || ctx.Err() != nil {
				return nil, listErr
			}
			r.log.Warn("tools not read; the call goes without headers of its arguments", "error", listErr)
		}
		annotated, _, err = r.tools.lookup(name)
	}
	if err != nil {
		return nil, &refused{codeInvalidParams, fmt.Sprintf("The tool %q must not be used: its header annotation is invalid (%v).", name, err)}
	}
	return paramHeaders(annotated, jsonrpc.Member(params, "arguments")), nil
}

// readTools reads all pages of the list.
func (r *Remote) readTools(ctx context.Context) error {
	var cursor json.RawMessage
	for range maxPages {
		id := r.newID()
		params := splice(nil, []field{{"cursor", cursor}, {"_meta", r.meta(nil)}})
		answer, err := r.exchange(ctx, id, jsonrpc.NewRequest(id, methodToolsList, params), standardHeaders(Version, methodToolsList, params), func([]byte) {})
		if err != nil {
			return err
		}
		if answer.Error != nil {
			return fmt.Errorf("tools/list: %s", answer.Error)
		}
		r.learn(answer.Result)
		if cursor = jsonrpc.Member(answer.Result, "nextCursor"); text(cursor) == "" {
			r.tools.seenAll()
			return nil
		}
	}
	return fmt.Errorf("tools/list: more than %d pages", maxPages)
}

// refused is a request that is answered here with an error.
type refused struct {
	code    int
	message string
}

// Error implements error.
func (e *refused) Error() string { return e.message }

// meta is the _meta of a request, with what a modern server has to be told
// beside what the client put there.
func (r *Remote) meta(given json.RawMessage) json.RawMessage {
	r.mu.Lock()
	info, capabilities, level := r.info, r.capabilities, r.level
	r.mu.Unlock()
	if !isObject(info) {
		info = r.self
	}
	if capabilities == nil {
		capabilities = json.RawMessage(`{}`)
	}
	return splice(given, []field{
		{metaVersion, quote(Version)}, {metaClientInfo, info}, {metaCapabilities, capabilities}, {metaLogLevel, level},
	})
}

// translate answers a legacy client's request: here, where a modern server knows
// no such thing, else from the server.
func (r *Remote) translate(ctx context.Context, m jsonrpc.Message, deliver remote.Deliver) error {
	err := r.serve(ctx, m, deliver)
	var no *refused
	if errors.As(err, &no) {
		deliver(jsonrpc.NewError(m.ID, no.code, no.message, nil))
		return nil
	}
	if p, ok := refusalOf(err); ok && p.Code == codeMissingCapability {
		deliver(missingCapability(m.ID, p))
		return nil
	}
	return err
}

func (r *Remote) serve(ctx context.Context, m jsonrpc.Message, deliver remote.Deliver) error {
	empty := json.RawMessage(`{}`)
	switch {
	case m.Method == methodPing:
		deliver(jsonrpc.NewResult(m.ID, empty))
		return nil
	case m.Method == methodSetLevel:
		level := jsonrpc.Member(m.Params, "level")
		if !slices.Contains(levels, text(level)) {
			return &refused{codeInvalidParams, fmt.Sprintf("There is no log level %s.", level)}
		}
		r.mu.Lock()
		r.level = bytes.Clone(level)
		r.mu.Unlock()
		deliver(jsonrpc.NewResult(m.ID, empty))
		return nil
	case m.Method == methodSubscribe, m.Method == methodUnsubscribe:
		if err := r.subscribe(ctx, m.Method == methodSubscribe, text(jsonrpc.Member(m.Params, "uri"))); err != nil {
			return err
		}
		deliver(jsonrpc.NewResult(m.ID, empty))
		return nil
	case strings.HasPrefix(m.Method, "tasks/"):
		return &refused{codeUnknownMethod, "The server has no tasks of this version of MCP."}
	}
	return r.rounds(ctx, m, deliver)
}

// levels are those of logging/setLevel (RFC 5424 §6.2.1).
var levels = []string{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}

// rounds sends a request, and again with the client's input as long as the
// server wants some (MCP 2026-07-28, multi round-trip requests).
func (r *Remote) rounds(ctx context.Context, m jsonrpc.Message, deliver remote.Deliver) error {
	var responses, state json.RawMessage
	growing := growingProgress{}
	for round := range maxRounds {
		id := r.newID()
		params := splice(m.Params, []field{
			{"inputResponses", responses}, {"requestState", state}, {"_meta", r.meta(jsonrpc.Member(m.Params, "_meta"))},
		}, "task", "inputResponses", "requestState")
		answer, err := r.send(ctx, id, m.Method, params, Version, jsonrpc.NewRequest(id, m.Method, params), func(raw []byte) {
			if growing.allows(raw) {
				deliver(raw)
			}
		})
		if err != nil {
			return err
		}
		if answer.Error != nil {
			if p, ok := readProblem(answer.Error); ok && p.Code == codeMissingCapability {
				deliver(missingCapability(m.ID, p))
				return nil
			}
			deliver(jsonrpc.Answer(m.ID, answer))
			return nil
		}
		switch kind := resultType(answer.Result); {
		case kind == "complete":
			deliver(jsonrpc.NewResult(m.ID, r.plainResult(m.Method, answer.Result)))
			return nil
		case kind != "input_required" || !takesInput[m.Method]:
			return &refused{jsonrpc.CodeBridge, fmt.Sprintf("The server's result is of a kind that has no place here (%q).", kind)}
		}
		asks := inputRequests(answer.Result)
		responses, err = r.ask(ctx, asks, deliver)
		var declined *declined
		if errors.As(err, &declined) {
			deliver(declined.answer(m))
			return nil
		}
		if err != nil {
			return err
		}
		if len(asks) == 0 {
			responses = nil
			if err := pause(ctx, roundPause<<min(round, 6)); err != nil {
				return err
			}
		}
		state = jsonrpc.Member(answer.Result, "requestState")
	}
	return &refused{jsonrpc.CodeBridge, fmt.Sprintf("The server asked for input more than %d times.", maxRounds)}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
