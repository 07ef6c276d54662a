package soak

import (
	"testing"
	"time"

	"drawbridge/test/harness"
)

// TestLossesAreNotExcuses: only a kill at the right moment of the right process
// explains a second use of a refresh token.
func TestLossesAreNotExcuses(t *testing.T) {
	t.Parallel()
	begun := time.UnixMilli(1_000_000)
	ms := func(n int64) int64 { return begun.UnixMilli() + n }
	lost := harness.Refresh{N: 1, Token: "r0", Issued: "r1", Port: 7, Outcome: "ok", At: ms(0), Decided: ms(10), Over: ms(20)}
	again := harness.Refresh{N: 2, Token: "r0", Port: 9, Outcome: "invalid_grant", At: ms(4000), Decided: ms(4001), Over: ms(4002)}
	next := harness.Refresh{N: 3, Token: "r1", Port: 9, Outcome: "ok", At: ms(5000), Decided: ms(5001), Over: ms(5002)}
	at := func(n int64, port int) kill {
		return kill{time.UnixMilli(ms(n)), harness.Killed{Ports: []int{port}, Renewing: true}}
	}
	idle := func(n int64) kill { return kill{time.UnixMilli(ms(n)), harness.Killed{Ports: []int{7}}} }
	for name, test := range map[string]struct {
		log                 []harness.Refresh
		kill                kill
		losses, unexplained int
	}{
		"killed before the answer came":    {[]harness.Refresh{lost, again}, at(15, 7), 1, 0},
		"killed before the write was over": {[]harness.Refresh{lost, again}, at(60, 7), 1, 0},
		"another process was killed":       {[]harness.Refresh{lost, again}, at(60, 8), 0, 1},
		"killed before it was read":        {[]harness.Refresh{lost, again}, at(-5, 7), 1, 0},
		"killed long before":               {[]harness.Refresh{lost, again}, at(-60_000, 7), 0, 1},
		"killed after the write":           {[]harness.Refresh{lost, again}, idle(60), 0, 1},
		"killed before it renewed":         {[]harness.Refresh{lost, again}, idle(-5), 0, 1},
		"the new token was kept":           {[]harness.Refresh{lost, again, next}, at(15, 7), 0, 1},
		"nothing was used twice":           {[]harness.Refresh{lost}, at(15, 7), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			losses := lostRotations(test.log, []kill{test.kill})
			if strange := unexplained(test.log, losses); len(losses) != test.losses || len(strange) != test.unexplained {
				t.Errorf("%d losses, %d unexplained; want %d, %d", len(losses), len(strange), test.losses, test.unexplained)
			}
		})
	}
}
