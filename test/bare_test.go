package test

import (
	"testing"
	"time"

	"drawbridge/test/harness"
)

// TestBareEnvironment: a client launches `drawbridge stdio` with HOME, LOGNAME,
// PATH, SHELL, TERM and USER and nothing else, in a session whose bus is where
// a desktop has it. Settings, state and keychain are found, tokens are renewed
// and written back, and no bus of drawbridge's own is started.
//
// It runs itself again inside sessions/bare-session.sh.
func TestBareEnvironment(t *testing.T) {
	t.Parallel()
	if !harness.Inside(t, "bare-session.sh") {
		return
	}
	rig := harness.Here(t)
	provider := rig.StartProvider(harness.ProviderOptions{AccessTTL: 3 * time.Second})
	gate := rig.StartGate(provider, harness.GateOptions{})
	rig.SignIn(name, gate.URL)
	signedIn := provider.Counts()

	for range 2 {
		result, err := rig.RunClient(harness.Client{
			Command: []string{rig.Binary(), "stdio", name},
			List:    true,
			Repeat:  `echo={"message":"bare"}`,
			Every:   500 * time.Millisecond,
			For:     5 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		if failures := result.Failures(); len(failures) > 0 || len(result.Calls()) != 10 {
			t.Fatalf("%d calls, failures %+v\n%v", len(result.Calls()), failures, result)
		}
	}
	counts := provider.Counts()
	if counts.Refreshes <= signedIn.Refreshes {
		t.Error("no refresh in 10 s with 3-second tokens")
	}
	if counts.Reuses != 0 || counts.SignIns != 1 || len(rig.Opened()) != 1 {
		t.Errorf("%d reuses, %d sign-ins, %d browsers; want 0, 1, 1", counts.Reuses, counts.SignIns, len(rig.Opened()))
	}
	if buses := rig.Buses(); buses != 1 {
		t.Errorf("%d D-Bus daemons run in this session; want its own and no other", buses)
	}
}
