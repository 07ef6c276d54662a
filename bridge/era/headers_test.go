package era

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeaderValues(t *testing.T) {
	for value, want := range map[string]string{
		"us-west1":            "us-west1",
		"":                    "",
		"us west 1":           "us west 1",
		"a\tb":                "a\tb",
		" us-west1":           "=?base64?IHVzLXdlc3Qx?=",
		"us-west1 ":           "=?base64?dXMtd2VzdDEg?=",
		"Hello, 世界":           "=?base64?SGVsbG8sIOS4lueVjA==?=",
		"line1\r\nline2":      "=?base64?bGluZTENCmxpbmUy?=",
		"\tindented":          "=?base64?CWluZGVudGVk?=",
		"=?base64?bm8=?=":     "=?base64?PT9iYXNlNjQ/Ym04PT89?=",
		"=?BASE64?bm8=?=":     "=?BASE64?bm8=?=",
		"\x7f":                "=?base64?fw==?=",
		"file:///a%20b?c=d#e": "file:///a%20b?c=d#e",
	} {
		if got := encodeHeader(value); got != want {
			t.Errorf("encodeHeader(%q) = %q, want %q", value, got, want)
		}
	}
}

func TestStandardHeaders(t *testing.T) {
	got := standardHeaders(Version, "tools/call", json.RawMessage(`{"name":"t\u00e9","arguments":{"name":"x"}}`))
	want := map[string]string{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "=?base64?dMOp?="}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = standardHeaders(Version, "resources/read", json.RawMessage(`{"uri":"file:///a","name":"x"}`))
	if got["Mcp-Name"] != "file:///a" {
		t.Errorf("Mcp-Name of resources/read = %q", got["Mcp-Name"])
	}
	if _, ok := standardHeaders(Version, "tools/list", json.RawMessage(`{"name":"x"}`))["Mcp-Name"]; ok {
		t.Error("tools/list has an Mcp-Name")
	}
}

func TestArgumentsAreMirrored(t *testing.T) {
	params, err := annotations(json.RawMessage(`{"type":"object","properties":{
		"region":{"type":"string","x-mcp-header":"Region"},
		"n":{"type":["integer","null"],"x-mcp-header":"N"},
		"yes":{"type":"boolean","x-mcp-header":"Yes"},
		"gone":{"type":"string","x-mcp-header":"Gone"},
		"deep":{"type":"object","properties":{"er":{"type":"integer","x-mcp-header":"Deep"}}},
		"plain":{"type":"string","default":{"x-mcp-header":7}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := paramHeaders(params, json.RawMessage(`{"region":" a","n":9007199254740993,"yes":false,"gone":null,"deep":{"er":4.2e1},"plain":"p"}`))
	want := map[string]string{"Mcp-Param-Region": "=?base64?IGE=?=", "Mcp-Param-N": "9007199254740993", "Mcp-Param-Yes": "false", "Mcp-Param-Deep": "42"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestInvalidAnnotations(t *testing.T) {
	one := func(property string) string { return `{"type":"object","properties":{"a":` + property + `}}` }
	for name, schema := range map[string]string{
		"empty":            one(`{"type":"string","x-mcp-header":""}`),
		"no string":        one(`{"type":"string","x-mcp-header":1}`),
		"space":            one(`{"type":"string","x-mcp-header":"a b"}`),
		"colon":            one(`{"type":"string","x-mcp-header":"a:b"}`),
		"line break":       one(`{"type":"string","x-mcp-header":"a\nb"}`),
		"not ASCII":        one(`{"type":"string","x-mcp-header":"é"}`),
		"number":           one(`{"type":"number","x-mcp-header":"A"}`),
		"object":           one(`{"type":"object","x-mcp-header":"A"}`),
		"null":             one(`{"type":"null","x-mcp-header":"A"}`),
		"untyped":          one(`{"x-mcp-header":"A"}`),
		"two kinds":        one(`{"type":["string","integer"],"x-mcp-header":"A"}`),
		"in items":         one(`{"type":"array","items":{"type":"string","x-mcp-header":"A"}}`),
		"in oneOf":         one(`{"oneOf":[{"type":"string","x-mcp-header":"A"}]}`),
		"below oneOf":      one(`{"oneOf":[{"properties":{"b":{"type":"string","x-mcp-header":"A"}}}]}`),
		"in a definition":  `{"type":"object","$defs":{"d":{"type":"string","x-mcp-header":"A"}}}`,
		"at the root":      `{"type":"string","x-mcp-header":"A"}`,
		"twice":            `{"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}`,
		"twice, at depths": `{"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"properties":{"c":{"type":"string","x-mcp-header":"A"}}}}}`,
	} {
		if _, err := annotations(json.RawMessage(schema)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, schema := range map[string]string{
		"a property of that name": `{"properties":{"x-mcp-header":{"type":"string"}}}`,
		"none":                    one(`{"type":"number"}`),
	} {
		if params, err := annotations(json.RawMessage(schema)); err != nil || len(params) > 0 {
			t.Errorf("%s: %v, %v", name, params, err)
		}
	}
}

func TestOnlyInvalidToolsAreLeftOut(t *testing.T) {
	var b toolbook
	good := `{"name":"good","inputSchema":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N","maximum":1e400}}}}`
	other := `{"name":"other","inputSchema":{"type":"object"}}`
	kept, barred := b.learn(json.RawMessage(`{"x":1.50,"tools":[` + good + `,{"name":"bad","inputSchema":{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}},` + other + `],"nextCursor":"c"}`))
	if want := `{"x":1.50,"nextCursor":"c","tools":[` + good + `,` + other + `]}`; string(kept) != want {
		t.Errorf("kept:\n%s\nwant:\n%s", kept, want)
	}
	if len(barred) != 1 || barred["bad"] == nil {
		t.Errorf("barred: %v", barred)
	}
	if _, _, err := b.lookup("bad"); err == nil {
		t.Error("the invalid tool may be called")
	}
	if _, known, err := b.lookup("other"); !known || err != nil {
		t.Errorf("other: known %v, %v", known, err)
	}
	same := json.RawMessage(`{"tools":[` + other + `],"n":1.0}`)
	if kept, _ := b.learn(same); string(kept) != string(same) {
		t.Errorf("changed without need: %s", kept)
	}
}
