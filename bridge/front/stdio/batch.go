package stdio

import (
	"bytes"
	"encoding/json"

	"drawbridge/bridge/jsonrpc"
	"drawbridge/bridge/mcp"
)

// batch is a client's batch (MCP 2025-03-26) until all of its requests are
// answered: the answers go back as one array, in the order of the requests
// (JSON-RPC 2.0 §6). What else the server says meanwhile is not held up.
type batch struct {
	slots   []slot
	waiting int // slots without an answer that may still get one
}

// slot is one message of the batch that has an answer.
type slot struct {
	id     json.RawMessage // of the request that waits; nil: it does not
	answer []byte          // nil: none yet, or none at all
}

// wait is the slot of the request with the id that waits, or nil.
func (b *batch) wait(is func(id json.RawMessage) bool) *slot {
	for i := range b.slots {
		if s := &b.slots[i]; s.id != nil && is(s.id) {
			return s
		}
	}
	return nil
}

// end ends the wait of a slot of the batch, with an answer or without.
func (b *batch) end(s *slot, answer []byte) {
	s.id, s.answer = nil, answer
	b.waiting--
}

// line is the array of the answers, nil when there are none.
func (b *batch) line() []byte {
	var answers [][]byte
	for _, s := range b.slots {
		if s.answer != nil {
			answers = append(answers, s.answer)
		}
	}
	if answers == nil {
		return nil
	}
	return append(append([]byte{'['}, bytes.Join(answers, []byte{','})...), ']')
}

// receiveBatch gives the messages of a batch to the session. Those that are
// none are answered here, and so is initialize, which must not be in one.
func receiveBatch(all []json.RawMessage, w *Writer, s Session) {
	b := &batch{}
	var messages []jsonrpc.Message
	for _, raw := range all {
		m, err := jsonrpc.Parse(raw)
		switch {
		case err != nil:
			b.slots = append(b.slots, slot{answer: refusal(raw, err)})
			continue
		case m.Method == mcp.MethodInitialize:
			b.slots = append(b.slots, slot{answer: jsonrpc.NewError(m.ID, jsonrpc.CodeInvalidRequest, "initialize must not be in a batch.", nil)})
			continue
		case m.IsRequest():
			b.slots = append(b.slots, slot{id: m.ID})
			b.waiting++
		}
		messages = append(messages, m)
	}
	w.begin(b)
	for _, m := range messages {
		receiveOne(m, w, s)
	}
}

// begin expects answers to the batch.
func (w *Writer) begin(b *batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.batches = append(w.batches, b)
	_ = w.flush() // a client that does not read ends its input, too
}

// giveUp no longer waits for the answer to a request that the client cancelled:
// there need not be one. If it comes, it goes out alone.
func (w *Writer) giveUp(id json.RawMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.batches {
		if s := b.wait(func(waits json.RawMessage) bool { return jsonrpc.SameID(waits, id) }); s != nil {
			b.end(s, nil)
			_ = w.flush()
			return
		}
	}
}

// collect keeps a message that belongs to a batch under way. The lock is held.
func (w *Writer) collect(message []byte) (kept bool) {
	m, err := jsonrpc.Parse(message)
	if err != nil || !m.IsResponse() || m.ID == nil {
		return false
	}
	for _, b := range w.batches {
		if s := b.wait(func(waits json.RawMessage) bool { return bytes.Equal(waits, m.ID) }); s != nil {
			b.end(s, bytes.Clone(message))
			return true
		}
	}
	return false
}

// flush writes the batches that are complete. The lock is held.
func (w *Writer) flush() error {
	open := w.batches[:0]
	for _, b := range w.batches {
		if b.waiting > 0 {
			open = append(open, b)
			continue
		}
		line := b.line()
		if line == nil {
			continue // nothing is to be said to notifications
		}
		_ = w.line(line) // write says it, too
	}
	w.batches = open
	return w.write()
}
