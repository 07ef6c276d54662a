package era_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"drawbridge/bridge/era"
)

func TestParamBook(t *testing.T) {
	var b era.ParamBook
	b.Learn(json.RawMessage(`{"tools":[
		{"name":"plain","inputSchema":{"type":"object","properties":{"region":{"type":"string"}}}},
		{"name":"mirrored","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"n":{"type":"integer","x-mcp-header":"Count"}}}}]}`))
	for _, tt := range []struct {
		name, tool, arguments string
		header                map[string]string
		ok                    bool
	}{
		{"not listed", "other", `{"region":"eu"}`, nil, true},
		{"without annotations", "plain", `{"region":"eu"}`, nil, true},
		{"right", "mirrored", `{"region":"eu","n":7}`, map[string]string{"Mcp-Param-Region": "eu", "Mcp-Param-Count": "7"}, true},
		{"right in Base64", "mirrored", `{"region":"Hello"}`, map[string]string{"Mcp-Param-Region": "=?base64?SGVsbG8=?="}, true},
		{"half a wrapper is a literal", "mirrored", `{"region":"=?base64?SGVsbG8="}`, map[string]string{"Mcp-Param-Region": "=?base64?SGVsbG8="}, true},
		{"absent and null", "mirrored", `{"region":null}`, nil, true},
		{"missing", "mirrored", `{"region":"eu"}`, nil, false},
		{"another value", "mirrored", `{"region":"eu"}`, map[string]string{"Mcp-Param-Region": "us"}, false},
		{"another number", "mirrored", `{"n":7}`, map[string]string{"Mcp-Param-Count": "8"}, false},
		{"nothing among the arguments", "mirrored", `{}`, map[string]string{"Mcp-Param-Region": "eu"}, false},
		{"bad padding", "mirrored", `{"region":"Hello"}`, map[string]string{"Mcp-Param-Region": "=?base64?SGVsbG8?="}, false},
		{"bad characters", "mirrored", `{"region":"Hello"}`, map[string]string{"Mcp-Param-Region": "=?base64?SGVs!!!bG8=?="}, false},
	} {
		h := http.Header{}
		for name, value := range tt.header {
			h.Set(name, value)
		}
		if err := b.Check(tt.tool, json.RawMessage(tt.arguments), h); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
