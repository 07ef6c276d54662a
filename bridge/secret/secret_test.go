package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"drawbridge/bridge/secret"
)

const value = "rt-8f41c0ffee"

func TestNoWayOfPrintingShowsTheValue(t *testing.T) {
	s := secret.New(value)
	type holder struct {
		S  secret.String
		P  *secret.String
		M  map[string]secret.String
		In struct{ Deep secret.String }
		un secret.String // fmt calls no method on unexported fields
	}
	h := holder{un: s, S: s, P: &s, M: map[string]secret.String{"k": s}}
	h.In.Deep = s

	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s, "p", &s, "h", h)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "s", s, "h", h)
	js, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{log.String(), string(js), s.String(), fmt.Sprint(s), errors.New(fmt.Sprint("x: ", s)).Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%08v"} {
		out = append(out, fmt.Sprintf(verb, s), fmt.Sprintf(verb, h), fmt.Sprintf(verb, &h))
	}
	for _, o := range out {
		for _, form := range []string{value, fmt.Sprintf("%x", value), fmt.Sprintf("%X", value)} {
			if strings.Contains(o, form) {
				t.Errorf("printed the secret: %s", o)
			}
		}
	}
}

func TestEqualAndReveal(t *testing.T) {
	a := secret.New(value)
	if !a.Equal(secret.New(value)) || a.Equal(secret.New(value+"x")) || a.Equal(secret.String{}) {
		t.Error("Equal is wrong")
	}
	if a.Reveal() != value || a.IsZero() || !(secret.String{}).IsZero() {
		t.Error("Reveal or IsZero is wrong")
	}
	var back struct{ T secret.String }
	if err := json.Unmarshal([]byte(`{"T":"`+value+`"}`), &back); err != nil || back.T.Reveal() != value {
		t.Errorf("a secret cannot be read from JSON: %v", err)
	}
}
