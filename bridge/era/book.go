package era

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// ParamBook knows which arguments of a server's tools a client of MCP 2026-07-28
// mirrors in headers, and checks that it did (tools, x-mcp-header): whoever stands
// between goes by the headers. Its zero value is ready; it is safe for concurrent use.
type ParamBook struct{ book toolbook }

// Learn reads the result of a tools/list.
func (b *ParamBook) Learn(result json.RawMessage) { b.book.learn(result) }

// Check returns nil when the headers of a tools/call say what its arguments do, or
// when the tool has not been listed. Its error is for the client to read.
func (b *ParamBook) Check(tool string, arguments json.RawMessage, header http.Header) error {
	params, known, err := b.book.lookup(tool)
	if !known || err != nil {
		return nil
	}
	want := paramHeaders(params, arguments)
	for _, p := range params {
		name := "Mcp-Param-" + p.header
		said, mirrored := header.Values(name), want[name]
		_, has := want[name]
		switch {
		case !has && len(said) == 0:
		case !has:
			return fmt.Errorf("there is a header %s, but no such value among the arguments", name)
		case len(said) != 1:
			return fmt.Errorf("the header %s is missing", name)
		default:
			got, ok := decodeHeader(said[0])
			body, _ := decodeHeader(mirrored)
			if !ok || got != body && !sameNumber(got, body) {
				return fmt.Errorf("the header %s is not the value among the arguments", name)
			}
		}
	}
	return nil
}

// decodeHeader is the reverse of encodeHeader.
func decodeHeader(s string) (string, bool) {
	s = strings.Trim(s, " \t")
	inner, ok := strings.CutPrefix(s, base64Begin)
	if !ok {
		return s, true
	}
	if inner, ok = strings.CutSuffix(inner, base64End); !ok {
		return s, true
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(inner)
	return string(raw), err == nil
}

func sameNumber(x, y string) bool {
	a, errA := strconv.ParseFloat(x, 64)
	b, errB := strconv.ParseFloat(y, 64)
	return errA == nil && errB == nil && a == b
}
