package jsonrpc

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
)

// maxDepth is how deep arrays and objects may lie in each other, as for
// encoding/json.
const maxDepth = 10_000

// scanner checks JSON text against RFC 8259 as encoding/json does, and finds
// where values end, in one pass without allocations.
type scanner struct {
	b []byte
	// breaks notes a line break between two tokens.
	breaks bool
}

// member is called for a member of an object: its quoted name, its value, and
// the index at which that begins.
type member func(name, value []byte, at int)

// object checks the object that opens at i and calls each with its members, in
// their order, repeated ones too. It returns the index after the object, or -1.
func (s *scanner) object(i int, each member) int {
	if i = s.space(i + 1); s.at(i) == '}' {
		return i + 1
	}
	for {
		name := i
		end := s.text(i)
		if end < 0 {
			return -1
		}
		if i = s.space(end); s.at(i) != ':' {
			return -1
		}
		start := s.space(i + 1)
		if i = s.value(start, 1); i < 0 {
			return -1
		}
		each(s.b[name:end], s.b[start:i:i], start)
		switch i = s.space(i); s.at(i) {
		case ',':
			i = s.space(i + 1)
		case '}':
			return i + 1
		default:
			return -1
		}
	}
}

// nesting is one bit for each level: set for an object.
type nesting struct {
	bits  [4]uint64
	more  []uint64 // beyond 256 levels
	depth int
}

func (n *nesting) word() *uint64 {
	w := (n.depth - 1) / 64
	if w < len(n.bits) {
		return &n.bits[w]
	}
	for w -= len(n.bits); w >= len(n.more); {
		n.more = append(n.more, 0)
	}
	return &n.more[w]
}

func (n *nesting) push(object bool) {
	n.depth++
	bit := uint64(1) << ((n.depth - 1) % 64)
	if w := n.word(); object {
		*w |= bit
	} else {
		*w &^= bit
	}
}

func (n *nesting) inObject() bool { return *n.word()>>((n.depth-1)%64)&1 == 1 }

// value checks the value that begins at i, below so many levels, and returns
// the index after it, or -1.
func (s *scanner) value(i, above int) int {
	var n nesting
	for {
		// A value begins at i.
		switch c := s.at(i); {
		case c == '"':
			i = s.text(i)
		case c == '{' || c == '[':
			if n.push(c == '{'); n.depth+above > maxDepth {
				return -1
			}
			i = s.space(i + 1)
			if s.at(i) != c+2 { // '{'+2 is '}', '['+2 is ']'
				if c == '{' {
					i = s.name(i)
				}
				if i < 0 {
					return -1
				}
				continue
			}
			i++
			n.depth--
		case c == '-' || '0' <= c && c <= '9':
			i = s.number(i)
		case c == 't':
			i = s.word(i, "true")
		case c == 'f':
			i = s.word(i, "false")
		case c == 'n':
			i = s.word(i, "null")
		default:
			return -1
		}
		if i < 0 {
			return -1
		}
		// A value has ended before i.
		for {
			if n.depth == 0 {
				return i
			}
			i = s.space(i)
			c, object := s.at(i), n.inObject()
			i++
			if c == ',' {
				if i = s.space(i); object {
					i = s.name(i)
				}
				if i < 0 {
					return -1
				}
				break
			}
			if object && c != '}' || !object && c != ']' {
				return -1
			}
			n.depth--
		}
	}
}

// at is the byte at i, or 0, which stands nowhere in JSON, after the end.
func (s *scanner) at(i int) byte {
	if i < len(s.b) {
		return s.b[i]
	}
	return 0
}

// space returns the index of what follows the white space at i.
func (s *scanner) space(i int) int {
	for ; i < len(s.b); i++ {
		switch s.b[i] {
		case ' ', '\t':
		case '\n', '\r':
			s.breaks = true
		default:
			return i
		}
	}
	return i
}

// name checks the member name at i and its colon and returns the index of the
// member's value, or -1.
func (s *scanner) name(i int) int {
	if i = s.text(i); i < 0 {
		return -1
	}
	if i = s.space(i); s.at(i) != ':' {
		return -1
	}
	return s.space(i + 1)
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// text checks the string at i and returns the index after it, or -1.
func (s *scanner) text(i int) int {
	if s.at(i) != '"' {
		return -1
	}
	b := s.b
	for i++; i < len(b); i++ {
		// Eight bytes at a time while all of them stand for themselves. A carry
		// can only make a byte above the first special one look special, too.
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, slash := w^'"'*ones, w^'\\'*ones
			special := ((w-0x20*ones)&^w | (quote-ones)&^quote | (slash-ones)&^slash) & highs
			if special != 0 {
				i += bits.TrailingZeros64(special) / 8
				break
			}
			i += 8
		}
		if i == len(b) {
			break
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c < 0x20:
			return -1
		case c == '\\':
			if i = s.escape(i); i < 0 {
				return -1
			}
		}
	}
	return -1
}

// escape checks the escape at i and returns the index of its last byte, or -1.
func (s *scanner) escape(i int) int {
	switch s.at(i + 1) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for j := i + 2; j < i+6; j++ {
			if c := s.at(j); ('0' > c || c > '9') && ('a' > c || c > 'f') && ('A' > c || c > 'F') {
				return -1
			}
		}
		return i + 5
	}
	return -1
}

// number checks the number at i and returns the index after it, or -1.
func (s *scanner) number(i int) int {
	if s.at(i) == '-' {
		i++
	}
	if s.at(i) == '0' {
		i++
	} else if i = s.digits(i); i < 0 {
		return -1
	}
	if s.at(i) == '.' {
		if i = s.digits(i + 1); i < 0 {
			return -1
		}
	}
	if c := s.at(i); c == 'e' || c == 'E' {
		if i++; s.at(i) == '+' || s.at(i) == '-' {
			i++
		}
		return s.digits(i)
	}
	return i
}

// digits returns the index after one digit or more at i, or -1.
func (s *scanner) digits(i int) int {
	start := i
	for i < len(s.b) && '0' <= s.b[i] && s.b[i] <= '9' {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

func (s *scanner) word(i int, word string) int {
	if end := i + len(word); end <= len(s.b) && string(s.b[i:end]) == word {
		return end
	}
	return -1
}

// plain is what a checked string says. Only one with an escape, or bytes that
// may be no UTF-8, is copied.
func plain(quoted []byte) []byte {
	for _, c := range quoted {
		if c == '\\' || c >= 0x80 { // invalid UTF-8 is put right as encoding/json does
			var s string
			_ = json.Unmarshal(quoted, &s) // known to be valid
			return []byte(s)
		}
	}
	return quoted[1 : len(quoted)-1]
}
