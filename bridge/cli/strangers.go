package cli

import (
	"fmt"
	"sync"
	"time"

	"drawbridge/bridge/audit"
	"drawbridge/bridge/guard"
)

// strangersMost is how many refusals of nobody in particular the record takes a
// minute, each by itself. The others are counted: whoever reaches the port could
// fill the disk with them otherwise, and push out of sight what matters.
const strangersMost = 120

// decisions puts a guard's decisions into the record.
type decisions struct {
	add func(audit.Entry)

	mu     sync.Mutex
	minute time.Time // the present one's beginning
	count  int       // refusals of strangers in it
}

// heard takes one decision.
func (d *decisions) heard(one guard.Decision) {
	if d.isOne(one) {
		d.add(entryOf(one))
	}
}

// isOne reports whether a decision is put into the record by itself.
func (d *decisions) isOne(one guard.Decision) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	// Of two that came at once the later may be told first: only the next minute is
	// another, or a clock that was put back.
	minute := one.At.Truncate(time.Minute)
	if passed := minute.Sub(d.minute); passed > 0 || passed < -time.Minute {
		d.total()
		d.minute = minute
	}
	if one.Who != nil || one.Refusal == nil {
		return true
	}
	d.count++
	return d.count <= strangersMost
}

// end notes what was only counted.
func (d *decisions) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.total()
}

// total notes what was only counted in the minute. The caller holds mu.
func (d *decisions) total() {
	if more := d.count - strangersMost; more > 0 {
		d.add(audit.Entry{Time: d.minute.Add(time.Minute - time.Nanosecond), Event: "denied", Reason: fmt.Sprintf("%d more of nobody who is known, within a minute", more)})
	}
	d.count = 0
}
