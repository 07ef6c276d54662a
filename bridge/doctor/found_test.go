package doctor_test

import (
	"testing"

	"drawbridge/bridge/doctor"
	"drawbridge/bridge/doctor/report"
)

func TestFoundSaysWhatAddingAServerMeans(t *testing.T) {
	r := newRig(t)
	found := doctor.Run(t.Context(), r.config).Found
	if found.Issuer == "" || found.Open || found.Registration != report.ByItself || found.RedirectURI != "" {
		t.Errorf("found %+v", found)
	}
	if len(found.Scopes) == 0 {
		t.Error("it does not say what a sign-in asks for")
	}

	r.config.Server.ClientID, r.config.Server.Scopes = "given", []string{"one"}
	found = doctor.Run(t.Context(), r.config).Found
	if found.Registration != report.AsGiven || len(found.Scopes) != 1 || found.Scopes[0] != "one" {
		t.Errorf("found %+v", found)
	}
}

func TestFoundOfAServerThatIsAway(t *testing.T) {
	r := newRig(t)
	_ = r.demo.Close()
	found := doctor.Run(t.Context(), r.config).Found
	if found.Issuer != "" || found.Registration != "" || found.Scopes == nil {
		t.Errorf("found %+v", found)
	}
}
