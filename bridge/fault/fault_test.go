package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"drawbridge/bridge/fault"
)

func TestPublicHidesTheCause(t *testing.T) {
	cause := errors.New("dial tcp 10.0.0.1:443: refused")
	err := fmt.Errorf("call: %w", fault.Wrap(cause, fault.Unreachable, "The server does not answer.", "Check the network."))
	p := fault.Public(err)
	if p.What != "The server does not answer." || p.Next != "Check the network." || p.Code != fault.Unreachable {
		t.Errorf("Public = %+v", p)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if got := fault.Public(errors.New("one\ntwo")); got.Code != fault.Internal || got.What != "one" {
		t.Errorf("Public of a plain error = %+v", got)
	}
	if fault.Public(nil) != nil || fault.Wrap(nil, fault.Internal, "x", "") != nil || fault.CodeOf(nil) != "" {
		t.Error("nil is not nil")
	}
}

func TestExitStatus(t *testing.T) {
	for code, want := range map[fault.Code]int{
		fault.Internal: 1, fault.Usage: 2, fault.UnknownServer: 2, fault.SignInNeeded: 10,
		fault.NotSignedIn: 10, fault.Unreachable: 11, fault.NoKeychain: 12, fault.KeychainLocked: 12,
	} {
		if got := code.ExitStatus(); got != want {
			t.Errorf("%s.ExitStatus() = %d, want %d", code, got, want)
		}
	}
}
