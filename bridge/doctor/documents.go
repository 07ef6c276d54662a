package doctor

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// document is the answer to a request for metadata.
type document struct {
	of      exchange
	url     *url.URL
	members map[string]json.RawMessage
}

// documents are the answers to the requests of a step, redirects left out.
type documents []document

func (w *walk) documents() documents {
	var out documents
	for _, e := range w.Trace.since(w.from) {
		if e.method != http.MethodGet || e.status >= 300 && e.status < 400 {
			continue
		}
		d := document{of: e, url: e.url}
		if e.status >= 200 && e.status < 300 && json.Unmarshal(e.received, &d.members) != nil {
			d.members = nil
		}
		out = append(out, d)
	}
	return out
}

// about keeps the requests to addresses that have one of these parts.
func (ds documents) about(parts ...string) documents {
	return slices.DeleteFunc(slices.Clone(ds), func(d document) bool {
		return !slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(d.of.url.Path, p) })
	})
}

// judged is the document that counts: the one that the search ended with, or,
// when none of them could be used, the first, as they come in order of authority.
func (ds documents) judged(accepted bool) (document, bool) {
	found := slices.DeleteFunc(slices.Clone(ds), func(d document) bool { return !d.isJSON() })
	if len(found) == 0 {
		return document{}, false
	}
	if accepted {
		return found[len(found)-1], true
	}
	return found[0], true
}

func (ds documents) tries() int { return len(ds) }

func (ds documents) exchanges() []int {
	all := []int{}
	for _, d := range ds {
		all = append(all, d.of.n)
	}
	return all
}

// words says what came of each request.
func (ds documents) words() string {
	var all []string
	for _, d := range ds {
		what := fmt.Sprintf("HTTP %d", d.of.status)
		switch {
		case d.of.status == 0:
			what = "no answer"
		case d.of.status < 300 && d.members == nil:
			what += ", not JSON"
		}
		all = append(all, fmt.Sprintf("%s: %s", d.url, what))
	}
	if len(all) == 0 {
		return "nobody was asked"
	}
	return strings.Join(all, "; ")
}

func (d document) isJSON() bool    { return d.members != nil }
func (d document) exchange() []int { return []int{d.of.n} }
func (d document) contentType() string {
	kind, _, _ := mime.ParseMediaType(d.of.answer.Get("Content-Type"))
	return kind
}

// text is a member that is a string, "" when it is none.
func (d document) text(name string) string {
	var s string
	_ = json.Unmarshal(d.members[name], &s)
	return s
}

func (d document) flag(name string) bool {
	var b bool
	_ = json.Unmarshal(d.members[name], &b)
	return b
}

// list is a member that is a list of strings, nil when it is none.
func (d document) list(name string) []string {
	var l []string
	_ = json.Unmarshal(d.members[name], &l)
	return l
}

func contains(all []string, one string) bool { return slices.Contains(all, one) }
