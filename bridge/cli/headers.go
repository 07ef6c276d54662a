package cli

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"drawbridge/bridge/fault"
)

// ownHeaders are set by the bridge; a fixed value would break the connection or
// take the place of the token.
var ownHeaders = []string{
	"Authorization", "Accept", "Content-Type", "Content-Length", "Host", "Connection", "Transfer-Encoding",
	"Mcp-Session-Id", "Mcp-Protocol-Version", "Last-Event-Id",
}

func parseHeaders(lines []string) (map[string]string, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	headers := make(map[string]string, len(lines))
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fault.New(fault.Usage, "A --header is not of the form 'NAME: VALUE'.", "Example: --header 'X-Team: tools'")
		}
		if own(name) {
			return nil, fault.New(fault.Usage, fmt.Sprintf("The header %s is set by Drawbridge itself.", http.CanonicalHeaderKey(name)), "Leave it out.")
		}
		headers[name] = value
	}
	return headers, nil
}

// own reports whether the bridge sets the header.
func own(name string) bool {
	return slices.ContainsFunc(ownHeaders, func(own string) bool { return strings.EqualFold(name, own) })
}
