package authproxy_test

import (
	"maps"
	"testing"
)

// Two apps that sign in at once in a browser without cookies: each page's answer
// counts, and each sign-in comes back, whichever cookie came last.
func TestTwoTabsAtOnce(t *testing.T) {
	r := newRig(t, nil)
	first, second := r.register("An editor", loop), r.register("Another", loop)
	b, other := r.browser(), r.browser()
	_, one := b.get(asks(first))
	_, two := other.get(asks(second)) // it went out before the cookie of the first had come
	maps.Copy(b.cookies, other.cookies)
	_, one = b.answer(one, "allow")
	before := maps.Clone(b.cookies)
	delete(before, "__Host-drawbridge-consent")
	late := &browser{r, before} // likewise
	_, two = late.answer(two, "allow")
	maps.Copy(b.cookies, late.cookies)
	for _, page := range []string{one, two} {
		resp, said := b.get(r.signsIn(leads(t, page)))
		if back, err := resp.Location(); err != nil || back.Query().Get("code") == "" {
			t.Errorf("HTTP %d, to %v: %v\n%s", resp.StatusCode, back, err, said)
		}
	}
	if _, page := b.get(asks(first, "redirect_uri", loop)); len(b.forms()) != 2 {
		t.Errorf("cookies pile up: %d of forms\n%s", len(b.forms()), page)
	}
}
