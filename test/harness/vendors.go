package harness

import (
	"encoding/json"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"
)

// Vendors are the authorization servers that people meet, each played by an
// oidc-provider that is set up to behave so; see node/lib/vendors.mjs.
type Vendors struct {
	backdoor
	// All of them, in the order of the table.
	All []Vendor
	// Plain is none that people meet: it keeps to the specifications and knows more
	// grants.
	Plain Vendor
}

// Vendor is one of them.
type Vendor struct {
	Name, Issuer string
	// Hosts are the names that it is reached by, none of which leads anywhere.
	Hosts []string
	// Client and Secret are what its console shows for a client that was registered
	// by hand; "" where there is none.
	Client, Secret string
}

// VendorCounts is what happened at one.
type VendorCounts struct {
	SignIns       int `json:"signIns"`
	Registrations int `json:"registrations"`
	Refreshes     int `json:"refreshes"`
	Lost          int `json:"lost"`
	// Complaints are the requests that it refused, with its reasons.
	Complaints []string `json:"complaints"`
}

// Worth is what a vendor says of an access token: nothing of one that is no good.
type Worth struct {
	// Audience is a string or a list of them; null for an opaque token that is for nobody in particular.
	Audience json.RawMessage `json:"aud"`
	Scope    string          `json:"scope"`
	GrantID  string          `json:"grantId"`
}

// StartVendors starts them; the test ends them.
func StartVendors(t testing.TB) *Vendors {
	t.Helper()
	var facts struct {
		URL, Plain string
		Vendors    []Vendor
	}
	startNode(t, &facts, "vendors.mjs")
	last := len(facts.Vendors) - 1
	if facts.Vendors[last].Name != facts.Plain {
		t.Fatalf("the last one is %s", facts.Vendors[last].Name)
	}
	return &Vendors{backdoor: backdoor{t, facts.URL}, All: facts.Vendors[:last], Plain: facts.Vendors[last]}
}

// In is the same for another test, a part of the one that has started them.
func (v *Vendors) In(t testing.TB) *Vendors {
	return &Vendors{backdoor: backdoor{t, v.base}, All: v.All, Plain: v.Plain}
}

// Handler passes requests on to the vendor that their host names, as https.
func (v *Vendors) Handler() http.Handler {
	target, err := url.Parse(v.base)
	if err != nil {
		v.t.Fatal(err)
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.Out.Header.Set("X-Forwarded-Proto", "https")
			r.Out.Header.Set("X-Forwarded-Host", r.In.Host)
		},
		// An answer that is lost by order is lost here, too.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
}

// Counts asks what happened at a vendor.
func (v *Vendors) Counts(vendor string) VendorCounts {
	v.t.Helper()
	counts := map[string]VendorCounts{}
	v.ask(http.MethodGet, "/__counts", nil, &counts)
	return counts[vendor]
}

// Worth asks a vendor what an access token is worth.
func (v *Vendors) Worth(vendor, token string) (w Worth, err error) {
	return w, v.try(http.MethodPost, "/__token", map[string]string{"vendor": vendor, "token": token}, &w)
}
