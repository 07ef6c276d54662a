package jsonrpc

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// valid is what Parse and Member hold for JSON.
func valid(raw []byte) bool {
	s := scanner{b: raw}
	end := s.value(s.space(0), 0)
	return end >= 0 && s.space(end) == len(raw)
}

var texts = []string{
	``, ` `, `null`, `nul`, `nullx`, `true`, `false`, `tru`, `0`, `-0`, `-`, `01`, `1.`, `.5`, `1.5`, `1e5`, `1E+5`, `1e-`, `1e400`, `12345678901234567890`,
	`""`, `"`, `"abc`, `"abcdefghijklmnopqrstuvwxyz"`, "\"abcdefg\n\"", "\"abcdefghijklm\x1f\"", "\"abcdefghijklm\x7f\x20\"", "\"\xff\xfe\"", `"\ud800"`, `"\u12"`, `"\u12G4"`, `"\x"`, `"\`, `"abcdefg\`,
	`"abcdefg\""`, `"abcdefg\\"`, `"\\\\\\\\\\\\\\\\"`, "\"\u2028é\"", `"a\/b\b\f\n\r\t"`,
	`[]`, `[`, `]`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `[1,[2,[3,{"a":[]}]]]`, `[}`, `{]`, `{}`, `{`, `}`, `{"a"}`, `{"a":}`, `{"a":1`, `{"a":1,}`, `{,}`, `{a:1}`, `{"a":1 "b":2}`, `{"a":1,"a":2}`,
	`{"a":{"b":[{"c":"}"}]},"d":"]"}`, ` { "a" : [ 1 , 2 ] } `, "{\r\n\t\"a\":\n1}", `{}{}`, `[]]`, `{"a":1}x`, "\x00", "1\x00", "\v1", "\u00a01", `[1]` + "\x00",
	strings.Repeat("[", 300) + strings.Repeat("]", 300), strings.Repeat(`{"a":`, 300) + "1" + strings.Repeat("}", 300), strings.Repeat(`[{"a":`, 200) + "1" + strings.Repeat("}]", 199) + "]}",
	strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth), strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
}

func TestScannerHoldsForJSONWhatTheStandardLibraryDoes(t *testing.T) {
	for _, text := range texts {
		for pad := range 9 { // eight bytes are looked at at once
			raw := []byte(strings.Repeat(" ", pad) + text)
			if got, want := valid(raw), json.Valid(raw); got != want {
				t.Errorf("valid(%.60q) = %v, encoding/json says %v", raw, got, want)
			}
		}
	}
	// Each byte at each place of a string.
	for c := range 256 {
		for at := range 20 {
			raw := []byte(`"aaaaaaaaaaaaaaaaaaaa"`)
			raw[at+1] = byte(c)
			if got, want := valid(raw), json.Valid(raw); got != want {
				t.Errorf("valid(%q) = %v, encoding/json says %v", raw, got, want)
			}
		}
	}
}

func TestScannerAllocatesNothing(t *testing.T) {
	raw := []byte(`{"jsonrpc":"2.0","id":1,"result":{"a":[1,2,{"b":"` + strings.Repeat("x", 1000) + `"}]}}`)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := Parse(raw); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Parse allocates %v times", n)
	}
}

// FuzzScanner compares with the standard library: what is JSON, and what the
// members of an object are.
func FuzzScanner(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got, want := valid(raw), json.Valid(raw); got != want {
			t.Fatalf("valid(%q) = %v, encoding/json says %v", raw, got, want)
		}
		raw = bytes.TrimSpace(raw)
		var want map[string]json.RawMessage
		if json.Unmarshal(raw, &want) != nil || want == nil {
			if got := Member(raw, "a"); got != nil {
				t.Fatalf("Member of %q, which is no object, is %s", raw, got)
			}
			return
		}
		for name, value := range want {
			if got := Member(raw, name); string(got) != string(value) {
				t.Fatalf("Member(%q, %q) = %s, want %s", raw, name, got, value)
			}
		}
	})
}

// BenchmarkParse measures the check of one message beside the standard
// library's, which does not look for members.
func BenchmarkParse(b *testing.B) {
	messages := map[string][]byte{
		"small":      []byte(`{"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"echo","arguments":{"text":"abcdefghijklmnop"}}}`),
		"1MiB-text":  []byte(`{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"` + strings.Repeat("abcdefghijklmnop", 1<<16) + `"}]}}`),
		"1MiB-lines": []byte(`{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"` + strings.Repeat(`if (a == \"b\") { return; }\n`, 1<<15) + `"}]}}`),
		"1MiB-data":  []byte(`{"jsonrpc":"2.0","id":1,"result":{"rows":[` + strings.Repeat(`{"id":12,"name":"abc","on":true},`, 1<<15) + `null]}}`),
	}
	for name, raw := range messages {
		b.Run(name+"/ours", func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/valid", func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if !json.Valid(raw) {
					b.Fatal()
				}
			}
		})
	}
}
