// Package jsonrpc reads the envelope of a JSON-RPC 2.0 message and leaves the
// payload alone: id, params, result and error stay the bytes that came.
//
// Decoding a payload into Go values and encoding it again would alter it (big
// integers, lone surrogates, the order and spelling of members), so nothing
// here does. It must not know MCP.
package jsonrpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
)

// Message is one JSON-RPC message. Raw is the message; the other fields point
// into it and must not be changed.
type Message struct {
	// Raw is one JSON object, on one line.
	Raw []byte
	// ID is the id as it was spelt; nil when there is none or it is null.
	ID json.RawMessage
	// Method is the decoded method; "" for a response.
	Method string
	// Params, Result and Error are the payloads as they were spelt; nil when absent.
	Params, Result, Error json.RawMessage
	// Unclear says that others may read the message in another way: one of the members
	// above is there twice, or is spelt in capitals, which some readers take for the
	// same (RFC 8259 §4; Go's encoding/json).
	Unclear bool
}

// blank is what may stand around a JSON text (RFC 8259 §2).
const blank = " \t\r\n"

// Errors of Parse.
var (
	// ErrNotJSON means that the bytes are not one JSON value.
	ErrNotJSON = errors.New("not JSON")
	// ErrNotMessage means that the JSON is no JSON-RPC message.
	ErrNotMessage = errors.New("not a JSON-RPC message")
)

// IsRequest reports whether the sender waits for an answer.
func (m Message) IsRequest() bool { return m.Method != "" && m.ID != nil }

// IsNotification reports whether nobody waits for an answer.
func (m Message) IsNotification() bool { return m.Method != "" && m.ID == nil }

// IsResponse reports whether the message answers a request.
func (m Message) IsResponse() bool { return m.Method == "" && (m.Result != nil || m.Error != nil) }

// Parse reads one message, which must be a JSON object; see Split for batches.
// It checks all of it in one pass. Line breaks between tokens are taken out,
// nothing else is changed. The message keeps raw.
func Parse(raw []byte) (Message, error) {
	raw = bytes.Trim(raw, blank)
	m, breaks, err := parse(raw)
	if err != nil || !breaks {
		return m, err
	}
	var line bytes.Buffer
	line.Grow(len(raw))
	if err := json.Compact(&line, raw); err != nil {
		return Message{}, ErrNotJSON
	}
	m, _, err = parse(line.Bytes())
	return m, err
}

// known are the members that Parse reads.
var known = [...][]byte{[]byte("id"), []byte("method"), []byte("params"), []byte("result"), []byte("error")}

func parse(raw []byte) (m Message, breaks bool, err error) {
	s := scanner{b: raw}
	if s.at(0) != '{' {
		if end := s.value(0, 0); end != len(raw) {
			return Message{}, false, ErrNotJSON
		}
		return Message{}, false, ErrNotMessage
	}
	m.Raw = raw
	var method []byte // its spelling
	isID := false
	seen := 0
	end := s.object(0, func(name, value []byte, _ int) {
		name = plain(name)
		for i, known := range known {
			if bytes.EqualFold(name, known) {
				m.Unclear = m.Unclear || seen>>i&1 == 1 || !bytes.Equal(name, known)
				seen |= 1 << i
			}
		}
		switch string(name) {
		case "id":
			isID = true
			if m.ID = value; string(value) == "null" {
				m.ID = nil
			}
		case "method":
			method = value
		case "params":
			m.Params = value
		case "result":
			m.Result = value
		case "error":
			if m.Error = value; string(value) == "null" { // some servers send it beside a result
				m.Error = nil
			}
		}
	})
	if end != len(raw) {
		return Message{}, false, ErrNotJSON
	}
	if method != nil {
		if method[0] != '"' {
			return m, false, ErrNotMessage
		}
		m.Method = string(plain(method))
	}
	isMethod := method != nil
	if isMethod == (m.Result != nil || m.Error != nil) || isMethod && m.Method == "" || !isMethod && !isID {
		return m, false, ErrNotMessage
	}
	return m, s.breaks, nil
}

// Split returns the elements of a batch (a JSON array, MCP 2025-03-26), or the
// one message that raw is.
func Split(raw []byte) ([]json.RawMessage, error) {
	raw = bytes.Trim(raw, blank)
	if len(raw) == 0 || raw[0] != '[' {
		return []json.RawMessage{raw}, nil
	}
	var batch []json.RawMessage
	if err := json.Unmarshal(raw, &batch); err != nil {
		return nil, ErrNotJSON
	}
	if len(batch) == 0 {
		return nil, ErrNotMessage
	}
	return batch, nil
}

// Member returns a top-level member of a JSON object as it was spelt, or nil.
func Member(object json.RawMessage, name string) json.RawMessage {
	s := scanner{b: bytes.Trim(object, blank)}
	if s.at(0) != '{' {
		return nil
	}
	var found json.RawMessage
	end := s.object(0, func(n, value []byte, _ int) {
		if string(plain(n)) == name {
			found = value
		}
	})
	if end != len(s.b) {
		return nil
	}
	return found
}

// Sole is Member, for who decides by its value: clear is false when others may read
// another value, because the name is there twice or is spelt in capitals.
func Sole(object json.RawMessage, name string) (value json.RawMessage, clear bool) {
	clear = true
	seen := false
	s := scanner{b: bytes.Trim(object, blank)}
	if s.at(0) != '{' {
		return nil, true
	}
	end := s.object(0, func(n, v []byte, _ int) {
		n = plain(n)
		switch {
		case string(n) == name:
			clear = clear && !seen
			seen, value = true, v
		case bytes.EqualFold(n, []byte(name)):
			clear = false
		}
	})
	if end != len(s.b) {
		return nil, true
	}
	return value, clear
}

// Replace returns a JSON object with the value of a top-level member replaced and
// everything else as it was spelt; object itself when there is none of the name.
func Replace(object json.RawMessage, name string, value json.RawMessage) json.RawMessage {
	object = bytes.TrimSpace(object)
	s := scanner{b: object}
	if s.at(0) != '{' {
		return object
	}
	start, stop := -1, -1
	end := s.object(0, func(n, old []byte, at int) {
		if string(plain(n)) == name {
			start, stop = at, at+len(old)
		}
	})
	if end != len(s.b) || start < 0 {
		return object
	}
	out := make([]byte, 0, len(object)-(stop-start)+len(value))
	return append(append(append(out, object[:start]...), value...), object[stop:]...)
}

// SameID reports whether two ids are the same value: 1 and 1.0, "a" and
// "\u0061". Numbers that are the same to JavaScript count as the same: its
// servers give back a long one rounded.
func SameID(a, b json.RawMessage) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	if bytes.Equal(a, b) {
		return true
	}
	if a[0] == '"' || b[0] == '"' {
		var s, t string
		return json.Unmarshal(a, &s) == nil && json.Unmarshal(b, &t) == nil && s == t
	}
	x, errX := strconv.ParseFloat(string(a), 64)
	y, errY := strconv.ParseFloat(string(b), 64)
	return errX == nil && errY == nil && x == y
}

// Codes of errors (JSON-RPC 2.0 §5.1).
const (
	CodeParse          = -32700
	CodeInvalidRequest = -32600
	// CodeBridge is the code of errors of our own making; the space
	// -32000 to -32019 carries no meaning that a client may assume (MCP).
	CodeBridge = -32000
)

// NewError makes an error response. A nil id becomes null; data may be nil and
// must otherwise be encodable as JSON.
func NewError(id json.RawMessage, code int, message string, data any) []byte {
	type body struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}
	raw, err := json.Marshal(body{code, message, data})
	if err != nil {
		raw, _ = json.Marshal(body{code, message, nil})
	}
	return respond(id, "error", raw)
}

// NewResult makes a response with result as it is.
func NewResult(id json.RawMessage, result json.RawMessage) []byte {
	return respond(id, "result", result)
}

// Answer makes a response to id out of another response's payload.
func Answer(id json.RawMessage, m Message) []byte {
	if m.Error != nil {
		return respond(id, "error", m.Error)
	}
	return respond(id, "result", m.Result)
}

func respond(id json.RawMessage, name string, payload json.RawMessage) []byte {
	if id == nil {
		id = json.RawMessage("null")
	}
	out := make([]byte, 0, len(id)+len(payload)+40)
	out = append(out, `{"jsonrpc":"2.0","id":`...)
	out = append(out, id...)
	out = append(out, ',')
	out = strconv.AppendQuote(out, name)
	out = append(out, ':')
	out = append(out, payload...)
	return append(out, '}')
}

// NewNotification makes a notification without params.
func NewNotification(method string) []byte {
	out := append([]byte(`{"jsonrpc":"2.0","method":`), strconv.Quote(method)...)
	return append(out, '}')
}

// NewNotificationWith is NewNotification with params, an object.
func NewNotificationWith(method string, params json.RawMessage) []byte {
	raw := NewNotification(method)
	return append(append(append(raw[:len(raw)-1], `,"params":`...), params...), '}')
}

// NewRequest makes a request; params may be nil.
func NewRequest(id json.RawMessage, method string, params json.RawMessage) []byte {
	out := append([]byte(`{"jsonrpc":"2.0","id":`), id...)
	out = append(out, `,"method":`...)
	out = strconv.AppendQuote(out, method)
	if params != nil {
		out = append(out, `,"params":`...)
		out = append(out, params...)
	}
	return append(out, '}')
}
