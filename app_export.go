package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
)

// Exported says where calls were written to.
type Exported struct {
	// Path is "" when the person changed their mind.
	Path string `json:"path"`
	// Calls is how many are in the file.
	Calls int `json:"calls"`
}

// ExportActivity asks the person for a file and writes the calls with these
// sequence numbers to it, as far as the agent still remembers them. format is
// "json" (an array) or "csv".
func (a *App) ExportActivity(format string, seqs []uint64) (done Exported, err error) {
	write := map[string]func(io.Writer, []control.Call) error{"json": writeJSON, "csv": writeCSV}[format]
	if write == nil {
		return done, fault.New(fault.Usage, "There is no such format.", "Choose JSON or CSV.")
	}
	wanted := make(map[uint64]bool, len(seqs))
	for _, seq := range seqs {
		wanted[seq] = true
	}
	calls := []control.Call{}
	err = a.call(func(ctx context.Context, agent Agent) error {
		for change, err := range agent.Activity(ctx, 0, false) {
			if err != nil {
				return err
			}
			for _, c := range change.Calls {
				if wanted[c.Seq] {
					calls = append(calls, c)
				}
			}
		}
		return nil
	})
	if err != nil {
		return done, err
	}
	// The person may take any time over this.
	path, err := a.config.SaveAs("drawbridge-activity." + format)
	if err != nil || path == "" {
		return done, err
	}
	if err := writeFile(path, func(w io.Writer) error { return write(w, calls) }); err != nil {
		return done, fault.Wrap(err, fault.Storage, "The file could not be written.", "Choose another folder, or make room.")
	}
	return Exported{Path: path, Calls: len(calls)}, nil
}

// writeFile makes a file that only its owner can read: who calls what is personal.
func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("create the export: %w", err)
	}
	defer func() {
		if closed := f.Close(); err == nil && closed != nil {
			err = fmt.Errorf("close the export: %w", closed)
		}
	}()
	w := bufio.NewWriter(f)
	if err := write(w); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return nil
}

func writeJSON(w io.Writer, calls []control.Call) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(calls)
}

func writeCSV(w io.Writer, calls []control.Call) error {
	out := csv.NewWriter(w)
	row := []string{"time", "client", "server", "account", "method", "tool", "milliseconds", "status", "reason"}
	for i := -1; i < len(calls); i++ {
		if i >= 0 {
			c := calls[i]
			row = []string{
				c.At.UTC().Format(time.RFC3339Nano), cell(c.Client), cell(c.Server), cell(c.Account), cell(c.Method), cell(c.Tool),
				strconv.FormatFloat(c.Took, 'f', -1, 64), cell(c.Status), cell(c.Reason),
			}
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// cell keeps a spreadsheet from running a name that a client or a server chose.
func cell(s string) string {
	if s != "" && strings.ContainsAny(s[:1], "=+-@\t\r") {
		return "'" + s
	}
	return s
}
