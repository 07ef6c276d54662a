package jsonrpc_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"drawbridge/bridge/jsonrpc"
)

func TestParseKeepsEveryByte(t *testing.T) {
	for _, tt := range []struct {
		name, raw          string
		id, method, params string
	}{
		{"request", `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"a":1}}`, `7`, "tools/call", `{"a":1}`},
		{"big integer id", `{"id":9007199254740993,"method":"x"}`, `9007199254740993`, "x", ``},
		{"fraction id", `{"id":1.5,"method":"x"}`, `1.5`, "x", ``},
		{"exponent id", `{"id":1e22,"method":"x"}`, `1e22`, "x", ``},
		{"string id with escape", `{"id":"\u0061\ud800","method":"x"}`, `"\u0061\ud800"`, "x", ``},
		{"escaped member name", `{"\u0069d":3,"method":"x"}`, `3`, "x", ``},
		{"notification", `{"method":"n","params":[1,{"b":"}"}]}`, ``, "n", `[1,{"b":"}"}]`},
		{"null id is none", `{"id":null,"method":"n"}`, ``, "n", ``},
		{"spaces between tokens", `{ "id" : 1 , "method" : "x" , "params" : { } }`, `1`, "x", `{ }`},
		{"braces and quotes in strings", `{"params":{"s":"\"}{\\"},"id":1,"method":"x"}`, `1`, "x", `{"s":"\"}{\\"}`},
		{"unknown members", `{"trace":{"id":9},"id":1,"method":"x"}`, `1`, "x", ``},
		{"line separator", "{\"id\":1,\"method\":\"x\",\"params\":\"\u2028\"}", `1`, "x", "\"\u2028\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := jsonrpc.Parse([]byte(tt.raw))
			if err != nil {
				t.Fatal(err)
			}
			if string(m.Raw) != tt.raw || string(m.ID) != tt.id || m.Method != tt.method || string(m.Params) != tt.params {
				t.Errorf("Parse = raw %s id %s method %s params %s", m.Raw, m.ID, m.Method, m.Params)
			}
		})
	}
}

func TestParseKinds(t *testing.T) {
	for raw, want := range map[string]string{
		`{"id":1,"method":"x"}`: "request", `{"method":"x"}`: "notification",
		`{"id":1,"result":null}`: "response", `{"id":1,"error":{"code":1}}`: "response", `{"id":null,"error":{}}`: "response",
		`{"id":1,"result":{},"error":null}`: "response",
	} {
		m, err := jsonrpc.Parse([]byte(raw))
		if err != nil {
			t.Fatalf("Parse(%s): %v", raw, err)
		}
		got := map[bool]string{m.IsRequest(): "request", m.IsNotification(): "notification", m.IsResponse(): "response"}[true]
		if got != want {
			t.Errorf("Parse(%s) is a %s, want %s", raw, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for raw, want := range map[string]error{
		``: jsonrpc.ErrNotJSON, `{`: jsonrpc.ErrNotJSON, `{"id":1,}`: jsonrpc.ErrNotJSON, "{\"a\":\"\n\"}": jsonrpc.ErrNotJSON,
		`[]`: jsonrpc.ErrNotMessage, `7`: jsonrpc.ErrNotMessage, `"x"`: jsonrpc.ErrNotMessage, `{}`: jsonrpc.ErrNotMessage,
		`{"id":1}`: jsonrpc.ErrNotMessage, `{"id":1,"method":7}`: jsonrpc.ErrNotMessage, `{"method":""}`: jsonrpc.ErrNotMessage,
		`{"id":1,"method":"x","result":1}`: jsonrpc.ErrNotMessage, `{"result":1}`: jsonrpc.ErrNotMessage,
	} {
		if _, err := jsonrpc.Parse([]byte(raw)); !errors.Is(err, want) {
			t.Errorf("Parse(%q) = %v, want %v", raw, err, want)
		}
	}
}

// What two readers of JSON take for different messages is told: a name that is
// there twice, and one in capitals, which Go's own reader takes for the same.
func TestUnclear(t *testing.T) {
	for raw, want := range map[string]bool{
		`{"jsonrpc":"2.0","id":1,"method":"x","params":{}}`: false, `{"id":1,"result":{},"error":null}`: false,
		`{"id":1,"method":"x","methods":"y","x":1,"x":2}`: false,
		`{"id":1,"method":"x","method":"y"}`:              true, `{"id":1,"method":"x","Method":"y"}`: true,
		`{"id":1,"method":"x","m\u0065thod":"y"}`: true, `{"id":1,"method":"x","PARAMS":{}}`: true,
		`{"id":1,"ID":2,"method":"x"}`: true, `{"id":1,"method":"x","param\u017f":{}}`: true, // ſ folds to s
	} {
		m, err := jsonrpc.Parse([]byte(raw))
		if err != nil || m.Unclear != want {
			t.Errorf("Parse(%s): unclear %v, %v, want %v", raw, m.Unclear, err, want)
		}
	}
	for raw, want := range map[string]bool{
		`{"name":"a","arguments":{"name":"b","Name":"c"}}`: true, `{}`: true, `null`: true, ``: true, `{"other":1}`: true,
		`{"name":"a","name":"a"}`: false, `{"name":"a","Name":"b"}`: false, `{"NAME":"b"}`: false, `{"n\u0061me":"b","name":"a"}`: false,
	} {
		if _, clear := jsonrpc.Sole(json.RawMessage(raw), "name"); clear != want {
			t.Errorf("Sole(%s): clear %v, want %v", raw, clear, want)
		}
	}
	if got, _ := jsonrpc.Sole(json.RawMessage(`{"a":1,"name":"b"}`), "name"); string(got) != `"b"` {
		t.Errorf("Sole = %s", got)
	}
}

func TestParseTakesLineBreaksOut(t *testing.T) {
	m, err := jsonrpc.Parse([]byte("{\n  \"id\": 12345678901234567890,\r\n  \"result\": {\"s\": \"a\\nb\", \"n\": 1.0}\n}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"id":12345678901234567890,"result":{"s":"a\nb","n":1.0}}`; string(m.Raw) != want {
		t.Errorf("Raw = %s, want %s", m.Raw, want)
	}
}

func TestSplit(t *testing.T) {
	one, err := jsonrpc.Split([]byte(` {"id":1} `))
	if err != nil || len(one) != 1 {
		t.Fatalf("Split of one = %s, %v", one, err)
	}
	two, err := jsonrpc.Split([]byte(`[{"id":1.50}, {"id":2}]`))
	if err != nil || len(two) != 2 || string(two[0]) != `{"id":1.50}` {
		t.Fatalf("Split of two = %s, %v", two, err)
	}
	for _, bad := range []string{`[]`, `[1`} {
		if _, err := jsonrpc.Split([]byte(bad)); err == nil {
			t.Errorf("Split(%s) is accepted", bad)
		}
	}
}

func TestMadeMessagesParse(t *testing.T) {
	id := json.RawMessage(`"a\u0062"`)
	for _, raw := range [][]byte{
		jsonrpc.NewError(id, jsonrpc.CodeBridge, "not \"now\"\n", map[string]string{"next": "sign in"}),
		jsonrpc.NewError(nil, jsonrpc.CodeParse, "x", nil),
		jsonrpc.NewResult(id, json.RawMessage(`{"n":1e400}`)),
		jsonrpc.NewRequest(id, "ping", nil), jsonrpc.NewRequest(id, "x/y", json.RawMessage(`[1]`)),
		jsonrpc.NewNotification("notifications/initialized"),
	} {
		if _, err := jsonrpc.Parse(raw); err != nil || strings.ContainsAny(string(raw), "\r\n") {
			t.Errorf("Parse(%s): %v", raw, err)
		}
	}
	both, err := jsonrpc.Parse([]byte(`{"id":1,"result":{},"error":null}`)) // some servers
	if got := string(jsonrpc.Answer(json.RawMessage(`5`), both)); err != nil || got != `{"jsonrpc":"2.0","id":5,"result":{}}` {
		t.Errorf("Answer = %s, %v", got, err)
	}
	m, _ := jsonrpc.Parse([]byte(`{"id":null,"error":{"code":-1,"message":"m","more":[1.0]}}`))
	if got, want := string(jsonrpc.Answer(json.RawMessage(`5`), m)), `{"jsonrpc":"2.0","id":5,"error":{"code":-1,"message":"m","more":[1.0]}}`; got != want {
		t.Errorf("Answer = %s, want %s", got, want)
	}
}

func TestSameID(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{`1`, `1`, true},
		{`1`, `"1"`, false},
		{`"a"`, `"\u0061"`, true},
		{`1`, `2`, false},
		{``, `""`, false},
		{``, ``, false},
		{`1`, `1.0`, true},
		{`100`, `1e2`, true},
		{`9007199254740993`, `9007199254740992`, true},
		{`1e400`, `2e400`, false},
		{`null`, `0`, false},
	} {
		if got := jsonrpc.SameID(json.RawMessage(tt.a), json.RawMessage(tt.b)); got != tt.want {
			t.Errorf("SameID(%s, %s) = %v", tt.a, tt.b, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"id":1,"method":"x","params":{"a":[1,"\"}"]}}`))
	f.Add([]byte("{\n\"id\":\"\\ud800\",\"result\":{}}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := jsonrpc.Parse(raw)
		if err != nil {
			return
		}
		// What Parse accepts is an object whose members are found as the
		// standard library finds them.
		var want map[string]json.RawMessage
		if err := json.Unmarshal(m.Raw, &want); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %q", raw)
		}
		for name, got := range map[string]json.RawMessage{"params": m.Params, "result": m.Result, "error": m.Error} {
			w, ok := want[name]
			if name == "error" && string(w) == "null" {
				ok = false // counts as absent
			}
			if ok && string(w) != string(got) {
				t.Fatalf("%s = %s, want %s in %q", name, got, w, raw)
			}
		}
	})
}

func TestReplace(t *testing.T) {
	for _, tt := range []struct{ object, want string }{
		{`{ "b" : 1e5, "a" :[1, 2] ,"c":"\u0061"}`, `{ "b" : 1e5, "a" :null ,"c":"\u0061"}`},
		{`{"\u0061":1}`, `{"\u0061":null}`},
		{`{"a":1,"a":2}`, `{"a":1,"a":null}`},
		{`{"b":{"a":1}}`, `{"b":{"a":1}}`},
		{`[1]`, `[1]`},
		{`{"a":`, `{"a":`},
		{``, ``},
	} {
		if got := string(jsonrpc.Replace(json.RawMessage(tt.object), "a", json.RawMessage("null"))); got != tt.want {
			t.Errorf("Replace in %s = %s, want %s", tt.object, got, tt.want)
		}
	}
}
