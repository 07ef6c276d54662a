package jsonrpc

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Members calls each with the members of a JSON object in their order: the
// name, decoded; the name as it was spelt, with its quotes; and the value as it
// was spelt. It reports whether object is one, and calls nobody when it is not.
func Members(object json.RawMessage, each func(name string, spelt, value []byte)) bool {
	s := scanner{b: bytes.TrimSpace(object)}
	if s.at(0) != '{' || s.object(0, func(_, _ []byte, _ int) {}) != len(s.b) {
		return false
	}
	s.object(0, func(spelt, value []byte, _ int) { each(string(plain(spelt)), spelt, value) })
	return true
}

// Without is an object without the members that have these names; all else keeps
// its bytes and its place.
func Without(object json.RawMessage, names ...string) json.RawMessage {
	out := append(make([]byte, 0, len(object)), '{')
	Members(object, func(name string, spelt, value []byte) {
		if slices.Contains(names, name) {
			return
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, spelt...), ':'), value...)
	})
	return append(out, '}')
}
