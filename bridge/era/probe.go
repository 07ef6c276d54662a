package era

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/remote"
)

// probeLimit bounds the wait for an answer to server/discover: some servers of
// the other era hold a request of which they know nothing.
const probeLimit = 6 * time.Second

// finding is what server/discover has shown.
type finding struct {
	era Era
	// sure says that the answer itself shows the era, so that it may be
	// remembered.
	sure bool
	// silent says that there was no answer.
	silent bool
	// result is the DiscoverResult of a modern server.
	result json.RawMessage
}

// discover asks a server what it is. Its error is nil when there is a verdict:
// a modern server says so itself; who answers in any other way, but not with a
// wish for a sign-in and not with trouble of its own, is legacy (MCP 2026-07-28,
// versioning, backward compatibility).
func (r *Remote) discover(ctx context.Context) (finding, error) {
	for again := false; ; again = true {
		answer, err := r.askDiscover(ctx)
		f, retry, err := r.verdict(answer, err)
		if retry && !again {
			continue
		}
		if retry {
			return finding{}, fault.New(fault.NotMCP, "The server refuses the version of MCP that it asked for.", "Ask the server's owner, or try: --protocol legacy")
		}
		if ctx.Err() != nil {
			return finding{}, ctx.Err()
		}
		return f, err
	}
}

// askDiscover sends server/discover and returns the response.
func (r *Remote) askDiscover(ctx context.Context) (jsonrpc.Message, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, probeLimit, errProbeLimit)
	defer cancel()
	id := r.newID()
	params := splice(nil, []field{{"_meta", r.meta(nil)}})
	var answer jsonrpc.Message
	err := r.conn.Exchange(ctx, jsonrpc.NewRequest(id, methodDiscover, params), standardHeaders(Version, methodDiscover, params), func(raw []byte) bool {
		m, err := jsonrpc.Parse(raw)
		if err != nil || !m.IsResponse() {
			return false
		}
		answer = m
		return true
	})
	if err != nil && context.Cause(ctx) == errProbeLimit {
		err = errProbeLimit
	}
	var status *remote.StatusError
	if errors.As(err, &status) && status.Status < 500 {
		if m, parseErr := jsonrpc.Parse(status.Body); parseErr == nil && m.Error != nil {
			return m, nil // read the body before the status means anything
		}
	}
	return answer, err
}

var errProbeLimit = errors.New("no answer to server/discover")

// verdict reads the answer to server/discover. retry says that the server wants
// the version that we speak and should be asked again.
func (r *Remote) verdict(answer jsonrpc.Message, err error) (f finding, retry bool, _ error) {
	legacy := finding{era: Legacy, sure: true}
	guess := finding{era: Legacy}
	if err != nil {
		var status *remote.StatusError
		switch {
		case errors.Is(err, errProbeLimit):
			return finding{era: Legacy, silent: true}, false, nil
		case errors.As(err, &status):
			switch status.Status {
			case http.StatusInternalServerError, http.StatusNotImplemented: // of servers that break at what they do not know
				return guess, false, nil
			case http.StatusRequestTimeout, http.StatusTooManyRequests:
				return f, false, err
			}
			if status.Status < 500 && status.Status >= 400 {
				return legacy, false, nil
			}
		case errors.Is(err, remote.ErrContentType), err == remote.ErrNoAnswer: //nolint:errorlint // wrapped, it is a broken connection
			return guess, false, nil
		}
		return f, false, err
	}
	if answer.Result != nil {
		var supported []string
		_ = json.Unmarshal(jsonrpc.Member(answer.Result, "supportedVersions"), &supported)
		switch {
		case slices.Contains(supported, Version):
			return finding{era: Modern, sure: true, result: answer.Result}, false, nil
		case newerOnly(supported):
			return f, false, tooNew(supported)
		}
		return legacy, false, nil // some legacy servers answer what they do not know, or name only such versions
	}
	p, _ := readProblem(answer.Error)
	switch p.Code {
	case codeUnsupportedVersion:
		switch {
		case slices.Contains(p.Data.Supported, Version):
			return f, true, nil
		case newerOnly(p.Data.Supported):
			return f, false, tooNew(p.Data.Supported)
		}
		return legacy, false, nil
	case codeHeaderMismatch, codeMissingCapability:
		// Our request was whole: something on the way takes headers off. The
		// other era needs none.
		r.log.Warn("the server misses a part of server/discover; trying initialize", "code", p.Code, "message", p.Message)
		return guess, false, nil
	}
	return legacy, false, nil
}

// newerOnly reports whether all versions are later than the one we speak.
func newerOnly(versions []string) bool {
	return len(versions) > 0 && !slices.ContainsFunc(versions, func(v string) bool { return v <= Version })
}

func tooNew(versions []string) error {
	return fault.New(fault.NotMCP, fmt.Sprintf("The server speaks only versions of MCP that are newer than %s: %s.", Version, strings.Join(versions, ", ")),
		"Look for a newer Drawbridge.")
}
