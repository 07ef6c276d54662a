package era

import (
	"bytes"
	"encoding/json"
	"slices"

	"drawbridge/bridge/jsonrpc"
)

// field is a member of an object and its value, as it is to be spelt.
type field struct {
	name  string
	value json.RawMessage
}

// splice writes a JSON object again with fields set and those named in drop
// left out. All else keeps its bytes and its place; what is no object becomes
// one. A field whose value is nil is not set.
func splice(object json.RawMessage, fields []field, drop ...string) json.RawMessage {
	size := len(object) + 2
	for _, f := range fields {
		size += len(f.name) + len(f.value) + 4
	}
	out := append(make([]byte, 0, size), '{')
	add := func(spelt, value []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, spelt...), ':'), value...)
	}
	jsonrpc.Members(object, func(name string, spelt, value []byte) {
		set := slices.ContainsFunc(fields, func(f field) bool { return f.name == name && f.value != nil })
		if !set && !slices.Contains(drop, name) {
			add(spelt, value)
		}
	})
	for _, f := range fields {
		if f.value != nil {
			add(quote(f.name), f.value)
		}
	}
	return append(out, '}')
}

// without is an object without the members named in drop, and object itself when
// nothing of that kind is in it.
func without(object json.RawMessage, drop ...string) json.RawMessage {
	for _, name := range drop {
		if bytes.Contains(object, []byte(name)) {
			return jsonrpc.Without(object, drop...)
		}
	}
	return object
}

// array spells the elements of an array.
func array(elements []json.RawMessage) json.RawMessage {
	return append(append([]byte{'['}, bytes.Join(asBytes(elements), []byte{','})...), ']')
}

func asBytes(elements []json.RawMessage) [][]byte {
	out := make([][]byte, len(elements))
	for i, e := range elements {
		out[i] = e
	}
	return out
}

// isObject reports whether raw is a JSON object.
func isObject(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) > 0 && raw[0] == '{'
}
