package serve

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// resourceMetadata answers with what RFC 9728 §2 says of a protected resource.
func (c Config) resourceMetadata(w http.ResponseWriter, r *http.Request) {
	name, endpoint := r.PathValue("server"), r.PathValue("endpoint")
	server, _, _ := strings.Cut(name, "@")
	if (endpoint != "mcp" && endpoint != "sse") || !c.Knows(server) {
		http.NotFound(w, r)
		return
	}
	issuers := c.Issuers
	if c.SignIn != nil {
		issuers = []string{c.Base()}
	}
	// In the order of the specification; the members of the settings come after.
	own, err := json.Marshal(struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported,omitempty"`
		Methods  []string `json:"bearer_methods_supported"`
	}{c.Base() + "/" + name + "/" + endpoint, issuers, c.Scopes, []string{"header"}})
	if err != nil {
		http.Error(w, "No metadata.", http.StatusInternalServerError)
		return
	}
	more := map[string]json.RawMessage{"resource_name": json.RawMessage(`"{server} through Drawbridge"`)}
	if c.Described != nil {
		maps.Copy(more, c.Described())
	}
	out := own[:len(own)-1]
	text, _ := json.Marshal(server) // always encodable
	for _, name := range slices.Sorted(maps.Keys(more)) {
		quoted, _ := json.Marshal(name)
		out = append(append(append(append(out, ','), quoted...), ':'),
			strings.ReplaceAll(string(more[name]), "{server}", string(text[1:len(text)-1]))...)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(out, '}', '\n'))
}
