package oauth

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseChallenges(t *testing.T) {
	type params = map[string]string
	tests := []struct {
		name    string
		headers []string
		want    []Challenge
	}{
		{"none", nil, nil},
		{"empty", []string{"", " , ,"}, nil},
		{"scheme alone", []string{"Bearer"}, []Challenge{{Scheme: "Bearer", Params: params{}}}},
		{
			"mcp",
			[]string{`Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource", scope="files:read files:write"`},
			[]Challenge{{
				Scheme: "Bearer", Scope: "files:read files:write", ResourceMetadata: "https://mcp.example.com/.well-known/oauth-protected-resource",
				Params: params{"resource_metadata": "https://mcp.example.com/.well-known/oauth-protected-resource", "scope": "files:read files:write"},
			}},
		},
		{
			"comma and escape in a string",
			[]string{`Bearer realm="a, Basic b=\"c\"", error=invalid_token , error_description="ended\\"`},
			[]Challenge{{
				Scheme: "Bearer", Realm: `a, Basic b="c"`, Error: "invalid_token", ErrorDescription: `ended\`,
				Params: params{"realm": `a, Basic b="c"`, "error": "invalid_token", "error_description": `ended\`},
			}},
		},
		{
			"several in one header",
			[]string{`Negotiate YII+/a==, Digest realm="d", nonce=n, Bearer, Basic realm="b"`},
			[]Challenge{
				{Scheme: "Negotiate", Params: params{}},
				{Scheme: "Digest", Realm: "d", Params: params{"realm": "d", "nonce": "n"}},
				{Scheme: "Bearer", Params: params{}},
				{Scheme: "Basic", Realm: "b", Params: params{"realm": "b"}},
			},
		},
		{
			"several headers",
			[]string{`Basic realm=x`, `bearer REALM = y`},
			[]Challenge{
				{Scheme: "Basic", Realm: "x", Params: params{"realm": "x"}},
				{Scheme: "bearer", Realm: "y", Params: params{"realm": "y"}},
			},
		},
		{
			"unquoted URL, spaces for commas",
			[]string{`Bearer resource_metadata=https://a.example/x?y=1 error="e"`},
			[]Challenge{{
				Scheme: "Bearer", ResourceMetadata: "https://a.example/x?y=1", Error: "e",
				Params: params{"resource_metadata": "https://a.example/x?y=1", "error": "e"},
			}},
		},
		{"the first of two", []string{`Bearer scope=a, scope=b`}, []Challenge{{Scheme: "Bearer", Scope: "a", Params: params{"scope": "a"}}}},
		{"no end of string", []string{`Bearer realm="abc`}, []Challenge{{Scheme: "Bearer", Realm: "abc", Params: params{"realm": "abc"}}}},
		{
			"stray parameter does not hide a scheme in a string",
			[]string{`x="1, Bearer realm=evil", Basic realm=good`},
			[]Challenge{{Scheme: "Basic", Realm: "good", Params: params{"realm": "good"}}},
		},
		{"rubbish in front", []string{`"=é, Bearer realm=r`}, []Challenge{{Scheme: "Bearer", Realm: "r", Params: params{"realm": "r"}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, ParseChallenges(tt.headers)); diff != "" {
				t.Errorf("ParseChallenges (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseChallengesIsBounded(t *testing.T) {
	many := ParseChallenges([]string{strings.Repeat("a b=c,", 10_000), strings.Repeat("Bearer,", 10_000)})
	if len(many) != maxChallenges {
		t.Errorf("%d challenges, want %d", len(many), maxChallenges)
	}
	if got := ParseChallenges([]string{`Bearer realm="` + strings.Repeat("x", 1<<20)}); len(got) != 1 || len(got[0].Realm) > maxHeader {
		t.Error("a long header is not cut")
	}
}

func TestBearerChallengePrefersTheOneWithMetadata(t *testing.T) {
	h := http.Header{"Www-Authenticate": {`Basic realm=x, Bearer realm=first`, `bearer resource_metadata="https://a.example/m"`}}
	if c, ok := BearerChallenge(h); !ok || c.ResourceMetadata != "https://a.example/m" {
		t.Errorf("BearerChallenge = %+v, %v", c, ok)
	}
	if c, ok := BearerChallenge(http.Header{"Www-Authenticate": {"Basic realm=x"}}); ok {
		t.Errorf("BearerChallenge of Basic = %+v", c)
	}
}

func FuzzParseChallenges(f *testing.F) {
	for _, seed := range []string{
		``, `Bearer`, `Bearer realm="x"`, `Bearer a=b, Basic c="d\"e"`, `Negotiate YII==`, `,,, ="`, `Bearer realm="\`, `a=b`, "Bearer\trealm = x", `Bearer =`, "\xff\xfe",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		all := ParseChallenges([]string{header})
		if len(all) > maxChallenges {
			t.Fatalf("%d challenges", len(all))
		}
		for _, c := range all {
			if c.Scheme == "" || strings.Trim(c.Scheme, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
				t.Fatalf("scheme %q", c.Scheme)
			}
			if len(c.Params) > maxParams {
				t.Fatalf("%d parameters", len(c.Params))
			}
			for name := range c.Params {
				if name == "" || name != strings.ToLower(name) {
					t.Fatalf("parameter name %q", name)
				}
			}
		}
		// What was understood reads the same when it is written down properly.
		for _, c := range all {
			var b strings.Builder
			b.WriteString(c.Scheme)
			sep := " "
			for name, value := range c.Params {
				b.WriteString(sep + name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`)
				sep = ", "
			}
			if b.Len() > maxHeader {
				continue
			}
			again := ParseChallenges([]string{b.String()})
			if len(again) != 1 || cmp.Diff(c, again[0]) != "" {
				t.Fatalf("%q reads as %+v, before %+v", b.String(), again, c)
			}
		}
	})
}
