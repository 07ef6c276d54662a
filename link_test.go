package main

import (
	"net/url"
	"strings"
	"testing"

	"drawbridge/bridge/fault"
)

func TestALinkSaysWhichServerToAddAndNoMore(t *testing.T) {
	long := strings.Repeat("a", maxLinkURL)
	for _, tc := range []struct {
		raw  string
		want Link   // when it is taken
		why  string // part of why it is refused
	}{
		{"drawbridge://add?url=https%3A%2F%2Fmcp.example%2Fmcp&name=demo", Link{URL: "https://mcp.example/mcp", Name: "demo"}, ""},
		{"drawbridge://add/?url=https://mcp.example/mcp%3Fa%3Db", Link{URL: "https://mcp.example/mcp?a=b"}, ""},
		{"DRAWBRIDGE://add?url=https://mcp.example/", Link{URL: "https://mcp.example/"}, ""},

		{"drawbridge://add", Link{}, "names no server"},
		{"drawbridge://add?name=demo", Link{}, "names no server"},
		{"drawbridge://remove?url=https://mcp.example/", Link{}, "cannot do"},
		{"drawbridge://add/more?url=https://mcp.example/", Link{}, "cannot do"},
		{"drawbridge://ada@add?url=https://mcp.example/", Link{}, "cannot do"},
		{"drawbridge://add:1?url=https://mcp.example/", Link{}, "cannot do"},
		{"drawbridge:add?url=https://mcp.example/", Link{}, "cannot do"},
		{"drawbridge:///add?url=https://mcp.example/", Link{}, "cannot do"},
		{"drawbridge://add?url=http://127.0.0.1/mcp", Link{}, "https://"},
		{"drawbridge://add?url=http://mcp.example/mcp", Link{}, "https://"},
		{"drawbridge://add?url=javascript:alert(1)", Link{}, "https://"},
		{"drawbridge://add?url=https:mcp.example", Link{}, "not usable"},
		{"drawbridge://add?url=https://ada:pw@mcp.example/", Link{}, "not usable"},
		{"drawbridge://add?url=https://mcp.example/%23x", Link{}, "not usable"},
		{"drawbridge://add?url=https://mcp.example/#x", Link{}, "after #"},
		{"drawbridge://add?url=https://mcp.example/&url=https://other.example/", Link{}, "more than once"},
		{"drawbridge://add?url=https://mcp.example/&allowHttp=true", Link{}, `"allowHttp"`},
		{"drawbridge://add?url=https://mcp.example/&clientId=x", Link{}, `"clientId"`},
		{"drawbridge://add?url=https://mcp.example/&name=../x", Link{}, "no name"},
		{"drawbridge://add?url=https://mcp.example/&name=", Link{}, "no name"},
		{"drawbridge://add?url=https://mcp.example/%E2%80%AE", Link{}, "characters"},
		{"drawbridge://add?url=https://mcp.example/%0d%0a", Link{}, "characters"},
		{"drawbridge://add?url=https://mcp.example/ x", Link{}, "characters"},
		{"drawbridge://add?url=https://mcp.example/;x=1", Link{}, "cannot be read"},
		{"drawbridge://add?url=%zz", Link{}, "cannot be read"},
		{"drawbridge://add?url=https://mcp.example/" + long, Link{}, "too long"},
		{"drawbridge://add?url=" + strings.Repeat(long, 5), Link{}, "too long"},
	} {
		link, err := parseLink(tc.raw)
		switch {
		case tc.why == "" && (err != nil || link != tc.want):
			t.Errorf("%.80s: %+v, %v; want %+v", tc.raw, link, err, tc.want)
		case tc.why != "" && (link != Link{} || !fault.Is(err, fault.BadURL) || !strings.Contains(err.Error(), tc.why)):
			t.Errorf("%.80s: %+v, %v; want a refusal that says %q", tc.raw, link, err, tc.why)
		}
	}
}

func TestTheLinkAmongArguments(t *testing.T) {
	for want, args := range map[string][]string{
		"":                           {"--flag", "https://mcp.example/", "drawbridge", "drawbridgex://add"},
		"drawbridge://add?url=x":     {"--flag", "drawbridge://add?url=x"},
		"DrawBridge:anything at all": {"DrawBridge:anything at all"},
	} {
		if got := linkAmong(args); got != want {
			t.Errorf("%q: %q", args, got)
		}
	}
}

// Whatever is taken is https, short, and needs no more than what is shown.
func FuzzLink(f *testing.F) {
	f.Add("drawbridge://add?url=https://mcp.example/mcp&name=demo")
	f.Add("drawbridge://add?url=https%3A%2F%2Fa%2F&url=b")
	f.Fuzz(func(t *testing.T, raw string) {
		link, err := parseLink(raw)
		if err != nil {
			return
		}
		u, err := url.Parse(link.URL)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(link.URL) > maxLinkURL || len(link.Name) > 64 {
			t.Errorf("%q is taken as %+v", raw, link)
		}
	})
}
