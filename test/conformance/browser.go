package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// envBrowsed names the file to which the browser adds a line when it is done.
const envBrowsed = "CONFORMANCE_BROWSED"

const browseDeadline = time.Minute

// browse is a person who agrees to everything: it follows the redirects from
// the authorization endpoint to the client's callback.
func browse(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	ctx, cancel := context.WithTimeout(ctx, browseDeadline)
	defer cancel()
	status, err := follow(ctx, args[0])
	if file, openErr := os.OpenFile(os.Getenv(envBrowsed), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); openErr == nil {
		_, _ = fmt.Fprintln(file, status, err)
		_ = file.Close()
	}
	return err
}

func follow(ctx context.Context, address string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return resp.Status, err
}
