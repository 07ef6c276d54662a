package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
)

func TestPrintIntrospection(t *testing.T) {
	for name, c := range map[string]struct {
		in   oauth.Introspection
		err  error
		want string
	}{
		"active":  {oauth.Introspection{Active: true, Claims: map[string]json.RawMessage{"exp": json.RawMessage("17")}}, nil, `"exp": "17"`},
		"ended":   {oauth.Introspection{}, nil, "not active"},
		"refused": {oauth.Introspection{}, fault.New(fault.Refused, "It does not say.", ""), "It does not say."},
	} {
		var out strings.Builder
		if err := printIntrospection(&out, c.in, c.err); err != nil || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %v, %q", name, err, out.String())
		}
	}
}
