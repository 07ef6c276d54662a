package cli_test

import (
	"fmt"
	"strings"
)

const (
	done    = `{"jsonrpc":"2.0","id":1,"result":{}}`
	call1   = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}`
	notJSON = `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"The message is not JSON."}}`
	notRPC  = `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"The message is not JSON-RPC 2.0."}}`
)

func fidelities() []fidelity {
	var all []fidelity
	for _, more := range [][]fidelity{fidelityIDs(), fidelityPayloads(), fidelityLines(), fidelityBatches(), fidelityAnswers(), fidelityStreams()} {
		all = append(all, more...)
	}
	return all
}

// asks is a request whose body must arrive as it is, and whose answer must come
// back with the id as it was spelt.
func asks(name, id, message string) fidelity {
	answer := `{"jsonrpc":"2.0","id":` + id + `,"result":{}}`
	return fidelity{name, []step{{
		in: message + "\n", posts: []string{message}, reply: []reply{jsonReply(answer)}, out: []string{answer},
	}}}
}

// notes is a message that nobody answers.
func notes(name, message string) fidelity {
	return fidelity{name, []step{{in: message + "\n", posts: []string{message}}}}
}

// answered is a request to which the server answers body; the client gets want.
func answered(name string, a reply, want ...string) fidelity {
	return fidelity{name, []step{{in: call1 + "\n", posts: []string{call1}, reply: []reply{a}, out: want}}}
}

// bad is a line that is answered with want and survived.
func bad(name, line, want string) fidelity {
	return fidelity{name, []step{{in: line, out: []string{want}}}}
}

func fidelityIDs() (all []fidelity) {
	for name, id := range map[string]string{
		"one": `1`, "minus one": `-1`, "minus zero": `-0`, "2^53+1": `9007199254740993`, "thirty digits": `123456789012345678901234567890`,
		"fraction": `1.5`, "1.0": `1.0`, "1e22": `1e22`, "1E+2": `1E+2`, "beyond a double": `1e400`,
		"string": `"a-b"`, "empty string": `""`, "digits in a string": `"1"`, "escapes": `"\u0061\n\"\\\/"`, "lone surrogate": `"\ud800"`,
		"not ASCII": `"é 日本 🙂"`, "line separator": "\"\u2028\"", "long": `"` + strings.Repeat("x", 10_000) + `"`,
		"true": `true`, "object": `{"a":[1.0]}`, "array": `[1,"x"]`,
	} {
		question, reaction := `{"jsonrpc":"2.0","id":`+id+`,"method":"roots/list"}`, `{"jsonrpc":"2.0","id":`+id+`,"result":{"roots":[]}}`
		ours := asks("id: "+name, id, `{"jsonrpc":"2.0","id":`+id+`,"method":"tools/call","params":{"name":"x"}}`)
		ours.steps = append(ours.steps, // the server's ids are its own
			step{push: "data: " + question + "\n\n", out: []string{question}},
			step{in: reaction + "\n", posts: []string{reaction}})
		all = append(all, ours)
	}
	return all
}

// payloads are values of which a program that decodes them loses something.
var payloads = map[string]string{
	"big integer": `{"n":12345678901234567890}`, "1.0": `{"n":1.0}`, "1E5": `{"n":1E5}`, "-0.0": `{"n":-0.0}`, "1e400": `{"n":1e400}`,
	"many digits": `{"n":0.1000000000000000055511151231257827}`,
	"markup":      `{"s":"<a href='x'>&amp;</a>"}`, "line separators": "{\"s\":\"\u2028\u2029\"}", "escaped line separators": `{"s":"\u2028\u2029"}`,
	"lone surrogates": `{"s":"\ud800 \udfff \udfff\ud800"}`, "pair as escapes": `{"s":"\ud83d\ude00"}`, "escaped solidus": `{"s":"\/"}`,
	"escapes of letters": `{"\u0061":"\u0062"}`, "NUL": `{"s":"\u0000"}`, "DEL and C1": "{\"s\":\"\u007f\u0085\u009f\"}",
	"not normalised": "{\"s\":\"e\u0301 \u00e9\"}", "byte order mark inside": "{\"s\":\"\ufeff\"}", "emoji": `{"s":"👩‍👩‍👧 🏳️‍🌈"}`,
	"no UTF-8": "{\"s\":\"\xff\xc0\x80\"}", "member twice": `{"a":1,"a":2}`, "order of members": `{"z":1,"a":2,"m":{"y":1,"b":2}}`,
	"empty name": `{"":{"":[]}}`, "__proto__": `{"__proto__":{"x":1},"constructor":null}`, "empty": `{}`, "nulls": `{"a":null,"b":[null]}`,
	"spaces and tabs": "{ \"a\"\t: [ 1 ,\t2 ] }", "brackets in a string": `{"s":"}]\"{["}`, "deep": `{"d":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`,
}

func fidelityPayloads() (all []fidelity) {
	for name, p := range payloads {
		var (
			params   = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + p + `}`
			result   = `{"jsonrpc":"2.0","id":1,"result":` + p + `}`
			failure  = `{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m","data":` + p + `}}`
			note     = `{"jsonrpc":"2.0","method":"x/y","params":` + p + `}`
			question = `{"jsonrpc":"2.0","id":"s","method":"sampling/createMessage","params":` + p + `}`
			reaction = `{"jsonrpc":"2.0","id":"s","result":` + p + `}`
		)
		all = append(all, fidelity{"payload: " + name, []step{
			{in: params + "\n", posts: []string{params}, reply: []reply{jsonReply(result)}, out: []string{result}},
			{in: params + "\n", posts: []string{params}, reply: []reply{sseReply("data: " + note + "\n\ndata: " + failure + "\n\n")}, out: []string{note, failure}},
			{in: note + "\n", posts: []string{note}},
			{push: "data: " + question + "\n\n", out: []string{question}},
			{in: reaction + "\n", posts: []string{reaction}},
		}})
	}
	for _, size := range []int{4095, 4096, 16383, 16384, 65535, 65536, 65537, 1 << 20} { // where buffers end
		frame := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":"` + `"}`
		text := strings.Repeat("é", (size-len(frame))/2) + strings.Repeat("x", (size-len(frame))%2)
		all = append(all, fidelity{fmt.Sprintf("%d bytes", size), []step{{
			in:    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":"` + text + `"}` + "\n",
			posts: []string{`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":"` + text + `"}`},
			reply: []reply{jsonReply(`{"jsonrpc":"2.0","id":1,"result":"` + text + `"}`)},
			out:   []string{`{"jsonrpc":"2.0","id":1,"result":"` + text + `"}`},
		}, {
			push: `data: {"method":"x","params":"` + text + `"}` + "\n\n",
			out:  []string{`{"method":"x","params":"` + text + `"}`},
		}}})
	}
	return append(all,
		asks("params: array", "1", `{"jsonrpc":"2.0","id":1,"method":"x/unknown","params":[1,2.50]}`),
		asks("params: none", "1", `{"jsonrpc":"2.0","id":1,"method":"x/unknown"}`),
		asks("params: null", "1", `{"jsonrpc":"2.0","id":1,"method":"x/unknown","params":null}`),
		asks("params before id", "1", `{"params":{},"method":"x","id":1,"jsonrpc":"2.0"}`),
		asks("unknown members", "1", `{"trace":{"id":9},"jsonrpc":"2.0","id":1,"method":"x","_extra":[1.0]}`),
		asks("names with escapes", "1", `{"jsonrpc":"2.0","\u0069d":1,"m\u0065thod":"x","p\u0061rams":{}}`),
		asks("method with escapes", "1", `{"jsonrpc":"2.0","id":1,"method":"tools\/c\u0061ll"}`),
		asks("method in another script", "1", `{"jsonrpc":"2.0","id":1,"method":"方法/🙂"}`),
		asks("no jsonrpc member", "1", `{"id":1,"method":"x"}`),
		asks("another jsonrpc member", "1", `{"jsonrpc":"3.0","id":1,"method":"x"}`),
		asks("ping", "1", `{"jsonrpc":"2.0","id":1,"method":"ping"}`),
		notes("unknown notification with unknown members", `{"jsonrpc":"2.0","method":"notifications/x.y","a":1,"params":{"_meta":{"progressToken":1.50}}}`),
		notes("id null", `{"jsonrpc":"2.0","id":null,"method":"notifications/x"}`),
		notes("the client's error", `{"jsonrpc":"2.0","id":5,"error":{"code":-1.0,"message":"no","data":{"n":1.0},"more":1}}`),
		notes("the client's result null", `{"jsonrpc":"2.0","id":5,"result":null}`),
	)
}

func fidelityLines() []fidelity {
	two := []step{{
		in:    `{"method":"a"}` + "\n" + `{"method":"b"}` + "\n",
		posts: []string{`{"method":"a"}`, `{"method":"b"}`},
	}}
	return []fidelity{
		{"two lines at once", two},
		{"CRLF", []step{{in: "{\"method\":\"a\"}\r\n{\"method\":\"b\"}\r\n", posts: two[0].posts}}},
		{"empty lines", []step{{in: "\n\r\n  \n{\"method\":\"a\"}\n\n{\"method\":\"b\"}\n", posts: two[0].posts}}},
		{"spaces around", []step{{in: " \t{\"method\":\"a\"} \t\n  {\"method\":\"b\"}\n", posts: two[0].posts}}},
		{"no last line end", []step{{in: `{"method":"a"}` + "\n" + `{"method":"b"}`, posts: two[0].posts, end: true}}},
		{"request without a line end", []step{{in: call1, posts: []string{call1}, end: true}}},
		bad("nonsense", "nonsense\n", notJSON),
		bad("cut off", `{"jsonrpc":"2.0","id":1,"method":"x"`+"\n", notJSON),
		bad("two on one line", `{"method":"a"}{"method":"b"}`+"\n", notJSON),
		bad("something behind", `{"method":"a"} x`+"\n", notJSON),
		bad("control character in a string", "{\"method\":\"a\tb\"}\n", notJSON),
		bad("NUL bytes", "\x00\x00\x00\n", notJSON),
		bad("not UTF-8", "\xff\xfe{\x00}\x00\n", notJSON),
		bad("no-break space before", "\u00a0{\"method\":\"a\"}\n", notJSON),
		bad("byte order mark in the middle", "\ufeff{\"method\":\"a\"}\n", notJSON),
		bad("a number", "7\n", notRPC),
		bad("a string", "\"x\"\n", notRPC),
		bad("nothing in it", "{}\n", notRPC),
		bad("neither method nor result", `{"jsonrpc":"2.0","id":1}`+"\n", notRPC),
		bad("method and result", `{"jsonrpc":"2.0","method":"x","result":1}`+"\n", notRPC),
		bad("method is no string", `{"jsonrpc":"2.0","id":"q\u0061","method":7}`+"\n",
			`{"jsonrpc":"2.0","id":"q\u0061","error":{"code":-32600,"message":"The message is not JSON-RPC 2.0."}}`),
		bad("too deep", `{"method":"x","params":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+"}\n", notJSON),
	}
}

func fidelityBatches() []fidelity {
	const (
		a, b       = `{"jsonrpc":"2.0","id":1.0,"method":"a","params":{"n":1e400}}`, `{"jsonrpc":"2.0","id":"b","method":"b"}`
		gotA, gotB = `{"jsonrpc":"2.0","id":1.0,"result":{"n":1.0}}`, `{"jsonrpc":"2.0","id":"b","error":{"code":1,"message":"m","data":1.50}}`
		note       = `{"jsonrpc":"2.0","method":"n","x":1}`
	)
	return []fidelity{
		{"batch of one request", []step{{in: "[" + a + "]\n", posts: []string{a}, reply: []reply{jsonReply(gotA)}, out: []string{"[" + gotA + "]"}}}},
		{"batch of a request and a notification", []step{{in: "[" + a + " , " + note + "]\n", posts: []string{a, note}, beside: true, reply: []reply{jsonReply(gotA)}, out: []string{"[" + gotA + "]"}}}},
		{"batch of two requests", []step{{
			in: "[" + a + "," + b + "]\n", posts: []string{a, b}, beside: true, reply: []reply{jsonReply(gotA), jsonReply(gotB)}, out: []string{"[" + gotA + "," + gotB + "]"},
		}}},
		{"batch of notifications", []step{{in: "[" + note + ",\t" + `{"method":"m"}` + "]\n", posts: []string{note, `{"method":"m"}`}}}},
		{"batch of answers", []step{{in: `[{"id":1,"result":{}},{"id":2,"error":{"code":1}}]` + "\n", posts: []string{`{"id":1,"result":{}}`, `{"id":2,"error":{"code":1}}`}}}},
		bad("empty batch", "[]\n", notRPC),
		bad("batch cut off", "["+a+"\n", notJSON),
		bad("batch of numbers", "[1,2]\n", "["+notRPC+","+notRPC+"]"),
		{"batch with one that is none", []step{{in: "[1," + b + "]\n", posts: []string{b}, reply: []reply{jsonReply(gotB)}, out: []string{"[" + notRPC + "," + gotB + "]"}}}},
		bad("initialize in a batch", `[{"jsonrpc":"2.0","id":7,"method":"initialize","params":{}}]`+"\n",
			`[{"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"initialize must not be in a batch."}}]`),
		{"progress while a batch is under way", []step{{
			in: "[" + a + "]\n", posts: []string{a},
			reply: []reply{sseReply("data: " + note + "\n\ndata: " + gotA + "\n\n")}, out: []string{note, "[" + gotA + "]"},
		}}},
		answered("the server's batch", jsonReply("[ "+note+" , "+done+" ]"), note, done),
		answered("the server's batch, streamed", sseReply("data: ["+note+",\ndata: "+done+"]\n\n"), note, done),
		{"the server's batch on its own stream", []step{{push: "data: [" + note + "," + `{"id":5,"method":"roots/list"}` + "]\n\n", out: []string{note, `{"id":5,"method":"roots/list"}`}}}},
	}
}

func fidelityAnswers() []fidelity {
	gone := `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"`
	return []fidelity{
		answered("result before id", jsonReply(`{"result":{"a":1.0},"id":1,"jsonrpc":"2.0"}`), `{"result":{"a":1.0},"id":1,"jsonrpc":"2.0"}`),
		answered("unknown members of an answer", jsonReply(`{"jsonrpc":"2.0","id":1,"result":{},"x":{"id":2}}`), `{"jsonrpc":"2.0","id":1,"result":{},"x":{"id":2}}`),
		answered("unknown members of an error", jsonReply(`{"jsonrpc":"2.0","id":1,"error":{"code":-1.50,"message":"m","more":[1.0]}}`), `{"jsonrpc":"2.0","id":1,"error":{"code":-1.50,"message":"m","more":[1.0]}}`),
		answered("result null", jsonReply(`{"jsonrpc":"2.0","id":1,"result":null}`), `{"jsonrpc":"2.0","id":1,"result":null}`),
		answered("result a number", jsonReply(`{"jsonrpc":"2.0","id":1,"result":1.0}`), `{"jsonrpc":"2.0","id":1,"result":1.0}`),
		answered("result and error null", jsonReply(`{"jsonrpc":"2.0","id":1,"result":{},"error":null}`), `{"jsonrpc":"2.0","id":1,"result":{},"error":null}`),
		answered("id in another spelling", jsonReply(`{"jsonrpc":"2.0","id":1.0,"result":{"n":1.0}}`), `{"jsonrpc":"2.0","id":1,"result":{"n":1.0}}`),
		answered("error that says not whose it is", jsonReply(`{"jsonrpc":"2.0","id":null,"error":{"code":5,"message":"m","data":1.0}}`), `{"jsonrpc":"2.0","id":1,"error":{"code":5,"message":"m","data":1.0}}`),
		answered("error beside HTTP 400", reply{status: 400, kind: "application/json", body: `{"jsonrpc":"2.0","id":1,"error":{"code":5,"message":"m","data":1.0}}`}, `{"jsonrpc":"2.0","id":1,"error":{"code":5,"message":"m","data":1.0}}`),
		answered("pretty printed", jsonReply("{\r\n  \"jsonrpc\": \"2.0\",\n\t\"id\": 1,\n  \"result\": {\"s\": \"a \u2028b\",\n \"n\": 1.0}\n}\n"), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"s\":\"a \u2028b\",\"n\":1.0}}"),
		answered("byte order mark", jsonReply("\ufeff"+done), done),
		answered("in many pieces", reply{kind: "application/json", body: `{"jsonrpc":"2.0","id":1,"result":{"s":"日本 🙂"}}`, pieces: 60}, `{"jsonrpc":"2.0","id":1,"result":{"s":"日本 🙂"}}`),
		answered("content type with a charset", reply{kind: `Application/JSON; charset="utf-8"`, body: done}, done),
		answered("content type with a broken parameter", reply{kind: `application/json; charset`, body: done}, done),
		answered("201", reply{status: 201, kind: "application/json", body: done}, done),
		answered("no message", jsonReply(`{"hello":1}`), gone+`The connection to `+anything),
		answered("a page", reply{kind: "text/html", body: "<p>"}, gone+anything),
	}
}

func fidelityStreams() []fidelity {
	var in strings.Builder
	var many []string
	for i := range 200 {
		m := fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":%d.0}}`, i)
		many = append(many, m)
		fmt.Fprintf(&in, "event: message\nid: %d\ndata: %s\n\n", i, m)
	}
	many = append(many, done)
	in.WriteString("data: " + done + "\n\n")
	note := `{"method":"n","params":{"a":1.0}}`
	event := "data: " + note + "\n\n"
	last := "data: " + done + "\n\n"
	var lines, order []string
	for i := range 100 {
		m := fmt.Sprintf(`{"method":"notifications/n","params":%d.0}`, i)
		lines = append(lines, m+"\n")
		order = append(order, m)
	}
	return []fidelity{
		answered("stream", sseReply(event+last), note, done),
		answered("stream: 200 messages in order", sseReply(in.String()), many...),
		answered("stream in pieces", reply{kind: "text/event-stream", body: "data: {\"method\":\"日本 🙂\"}\n\n" + last, pieces: 70}, `{"method":"日本 🙂"}`, done),
		answered("stream: CRLF", sseReply(strings.ReplaceAll(event+last, "\n", "\r\n")), note, done),
		answered("stream: CR", sseReply(strings.ReplaceAll(event+last, "\n", "\r")), note, done),
		answered("stream: byte order mark", sseReply("\ufeff"+event+last), note, done),
		answered("stream: comments and other fields", sseReply(": hello\n\n:\nfoo: bar\nretry\n"+event+": x\n\n"+last), note, done),
		answered("stream: no space behind the colon", sseReply("data:"+note+"\n\n"+last), note, done),
		answered("stream: data in lines", sseReply("data: {\ndata: \"method\":\ndata:\"n\",\ndata:   \"params\": {\"a\":1.0}\ndata: }\n\n"+last), `{"method":"n","params":{"a":1.0}}`, done),
		answered("stream: priming event", sseReply("id: 1\ndata:\n\n"+event+last), note, done),
		answered("stream: other events are no messages", sseReply("event: endpoint\ndata: /x\n\nevent: ping\ndata: {}\n\n"+last), done),
		answered("stream: unreadable message", sseReply("data: nonsense\n\n"+event+last), note, done),
		answered("stream: somebody else's answer", sseReply(`data: {"id":2,"result":{}}`+"\n\n"+last), done),
		answered("stream that stays open", reply{kind: "text/event-stream", body: event + last, hold: true}, note, done),
		answered("stream: the server asks", sseReply(`data: {"id":1,"method":"elicitation/create","params":{"m":1.0}}`+"\n\n"+last), `{"id":1,"method":"elicitation/create","params":{"m":1.0}}`, done),
		{"own stream: 200 messages in order", []step{{push: strings.TrimSuffix(in.String(), last), out: many[:200]}}},
		{"own stream: an answer to nobody", []step{{push: last + event, out: []string{note}}}},
		{"100 notifications in order", []step{{in: strings.Join(lines, ""), posts: order}}},
	}
}
