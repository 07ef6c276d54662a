package oauth

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"drawbridge/bridge/fault"
)

// What is pasted is judged as a browser's request is: nothing but the answer
// that is awaited counts, and it still does after all the others.
func TestPaste(t *testing.T) {
	cb := listen(t)
	a := attemptOf(cb)
	result := wait(t.Context(), cb, a)
	awaitRegistered(t, cb)
	good := cb.RedirectURI() + "?code=c1&state=the-state&iss=" + url.QueryEscape(a.Issuer)
	for text, says := range map[string]string{
		"":        "Nothing was pasted",
		"hello":   "no address",
		"::::%zz": "no address",
		strings.Replace(good, "http://", "https://", 1):     "not the address",
		strings.Replace(good, "127.0.0.1", "10.0.0.1", 1):   "not the address",
		strings.Replace(good, "127.0.0.1:", "127.0.0.2", 1): "not the address",
		strings.Replace(good, "/callback", "/other", 1):     "not the address",
		a.Issuer + "/authorize?state=the-state":             "not the address",
		cb.RedirectURI():                                    "not all of the address",
		cb.RedirectURI() + "?code=c1":                       "not all of the address",
		good + "&state=other":                               "not all of the address",
		cb.RedirectURI() + "?code=c1&state=guess":           "another sign-in",
		cb.RedirectURI() + "?error=access_denied&state=x":   "another sign-in",
		good + strings.Repeat("x", maxPasted):               "too long",
	} {
		wantFault(t, cb.Paste(text), fault.Usage, says)
	}
	select {
	case got := <-result:
		t.Fatalf("the wait ended: %+v", got)
	default:
	}
	if err := cb.Paste("  <" + good + "#_=_>\n"); err != nil {
		t.Fatal(err)
	}
	got := receive(t, "Wait", result)
	if got.err != nil || got.answer.Code.Reveal() != "c1" {
		t.Fatalf("Wait = %+v", got)
	}
	wantFault(t, cb.Paste(good), fault.Usage, "has its answer already")
	got.answer.Finish(Page{OK: true, Title: "Signed in"})
}

// The issuer of a pasted answer is checked, and an error is one.
func TestPasteIsCheckedLikeARequest(t *testing.T) {
	for query, code := range map[string]fault.Code{
		"code=c1&state=the-state&iss=https%3A%2F%2Fevil.example": fault.Refused,
		"error=access_denied&state=the-state":                    fault.SignInRefused,
	} {
		cb := listen(t)
		result := wait(t.Context(), cb, attemptOf(cb))
		awaitRegistered(t, cb)
		if err := cb.Paste(cb.RedirectURI() + "?" + query); err != nil {
			t.Fatal(err)
		}
		wantFault(t, receive(t, "Wait", result).err, code)
	}
}

// Whoever pastes before Wait has begun is not told that it is another sign-in's.
func TestPasteBeforeTheWait(t *testing.T) {
	cb := listen(t)
	a := attemptOf(cb)
	cb.Expect(a)
	if err := cb.Paste(cb.RedirectURI() + "?error=access_denied&state=the-state"); err != nil {
		t.Fatal(err)
	}
	wantFault(t, receive(t, "Wait", wait(t.Context(), cb, a)).err, fault.SignInRefused)
}

// Without a browser here, the person is told where to go next.
func TestPasteThatIsSentOn(t *testing.T) {
	cb := listen(t)
	next := make(chan string, 1)
	cb.Onward = func(address string) { next <- address }
	r := goodRequest()
	r.RedirectURI, r.SelectAccount = cb.RedirectURI(), true
	a, err := NewAuthorization(r)
	if err != nil {
		t.Fatal(err)
	}
	result := wait(t.Context(), cb, a)
	awaitRegistered(t, cb)
	if err := cb.Paste(cb.RedirectURI() + "?error=invalid_request&state=" + a.State.Reveal()); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(receive(t, "the next address", next))
	if err != nil || u.Query().Get("prompt") != "login" {
		t.Fatalf("sent on to %v, %v", u, err)
	}
	if err := cb.Paste(cb.RedirectURI() + "?code=c2&state=" + u.Query().Get("state")); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, "Wait", result); got.err != nil || got.answer.Code.Reveal() != "c2" {
		t.Errorf("Wait = %+v", got)
	}
}

// The address that somebody is told of is awaited from then on, although Wait comes
// only after it was told.
func TestPasteAsSoonAsTheNextAddressIsKnown(t *testing.T) {
	cb := listen(t)
	var auths [2]*Authorization
	for i := range auths {
		r := goodRequest()
		r.RedirectURI = cb.RedirectURI()
		a, err := NewAuthorization(r)
		if err != nil {
			t.Fatal(err)
		}
		auths[i] = a
	}
	back := func(a *Authorization, code string) string {
		return cb.RedirectURI() + "?code=" + code + "&state=" + a.State.Reveal()
	}
	cb.Onward = func(string) {
		if err := cb.Paste(back(auths[1], "c2")); err != nil {
			t.Errorf("Paste: %v", err)
		}
	}
	cb.Expect(auths[0])
	if err := cb.Paste(back(auths[0], "c1")); err != nil {
		t.Fatal(err)
	}
	first, err := cb.Wait(t.Context(), auths[0])
	if err != nil {
		t.Fatal(err)
	}
	cb.SendOn(first, auths[1])
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if got, err := cb.Wait(ctx, auths[1]); err != nil || got.Code.Reveal() != "c2" {
		t.Errorf("Wait = %+v, %v", got, err)
	}
}
