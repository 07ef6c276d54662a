package demo

import (
	"crypto/subtle"
	"errors"
	"sync"
	"time"
)

const (
	// requestLifetime is how long a sign-in page stays answerable.
	requestLifetime = 10 * time.Minute
	maxRequests     = 1_000
)

// Why a decision is not taken.
var (
	errNoRequest = errors.New("the sign-in is not open any more")
	errForged    = errors.New("the form was not sent from the page of this browser")
)

// request is an authorization request that a person has yet to answer.
type request struct {
	client      *client
	redirectURI string
	state       string
	challenge   string
	resource    string
	scopes      []string
	nonce       string
	hint        string // login_hint: preselects a person

	csrf    string // in the form, one per request
	browser digest // of the cookie of the browser that got the page
	expires time.Time
}

// requests are the open authorization requests.
type requests struct {
	now func() time.Time

	mu   sync.Mutex
	byID map[string]*request
}

func newRequests(now func() time.Time) *requests {
	return &requests{now: now, byID: map[string]*request{}}
}

// open keeps req until it is answered or has expired. It is false when too many
// are open.
func (q *requests) open(req *request) (id string, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	for id, r := range q.byID {
		if !now.Before(r.expires) {
			delete(q.byID, id)
		}
	}
	if len(q.byID) >= maxRequests {
		return "", false
	}
	id = random()
	req.expires = now.Add(requestLifetime)
	q.byID[id] = req
	return id, true
}

// take ends an open request, once, for the browser that got its page. A form
// that proves nothing leaves the request open for the person.
func (q *requests) take(id, csrf, cookie string) (*request, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	req, ok := q.byID[id]
	if !ok || !q.now().Before(req.expires) {
		return nil, errNoRequest
	}
	browser := digestOf(cookie)
	if subtle.ConstantTimeCompare([]byte(csrf), []byte(req.csrf)) != 1 ||
		subtle.ConstantTimeCompare(browser[:], req.browser[:]) != 1 {
		return nil, errForged
	}
	delete(q.byID, id)
	return req, nil
}
