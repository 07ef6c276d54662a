package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/oauth"
)

// printIntrospection prints what a server says of an opaque token (RFC 7662), or
// why it says nothing, which many do to clients: that is no failure.
func printIntrospection(out io.Writer, in oauth.Introspection, err error) error {
	if err != nil {
		_, err = fmt.Fprintln(out, "Asked what it is good for: "+fault.Public(err).What)
		return err
	}
	if !in.Active {
		_, err = fmt.Fprintln(out, "That server says that it is not active: it has ended, or was revoked.")
		return err
	}
	var b strings.Builder
	b.WriteString("That server says that it is active:\n")
	for _, name := range slices.Sorted(maps.Keys(in.Claims)) {
		value := string(in.Claims[name])
		_ = json.Unmarshal(in.Claims[name], &value) // a string without its JSON
		fmt.Fprintf(&b, "  %s: %s\n", strconv.QuoteToGraphic(name), strconv.QuoteToGraphic(value))
	}
	_, err = io.WriteString(out, b.String())
	return err
}
