//go:build desktop || bindings || dev

package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"

	"github.com/wailsapp/wails/v2"
	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/options/assetserver"
	"github.com/wailsapp/wails/v2/pkg/options/linux"
	"github.com/wailsapp/wails/v2/pkg/options/mac"
	"github.com/wailsapp/wails/v2/pkg/options/windows"
	"github.com/wailsapp/wails/v2/pkg/runtime"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/doctor/report"
)

//go:embed all:frontend/dist
var page embed.FS

//go:embed build/windowicon.png
var icon []byte

// run opens the window and returns when it is closed.
func run() int {
	do := openWindow
	if slices.Contains(os.Args[1:], "--background") {
		do = wakeAgent
	}
	if err := do(); err != nil && !errors.Is(err, errOtherWindow) {
		p := control.ProblemOf(err)
		fmt.Fprintln(os.Stderr, p.What)
		if p.Next != "" {
			fmt.Fprintln(os.Stderr, p.Next)
		}
		return p.Code.ExitStatus()
	}
	return 0
}

// openWindow must do nothing that leaves a trace when generating: the binding
// generator executes this program.
func openWindow() error {
	var ready atomic.Pointer[context.Context] // set once Wails runs
	paths, err := config.Locate("", "")
	if err != nil {
		return err
	}
	app := NewApp(AppConfig{
		Connect: func(ctx context.Context) (Agent, error) { return connectAgent(ctx, paths) },
		Emit: func(event string, payload any) {
			if ctx := ready.Load(); ctx != nil {
				runtime.EventsEmit(*ctx, event, payload)
			}
		},
		Quit: func() {
			if ctx := ready.Load(); ctx != nil {
				runtime.Quit(*ctx)
			}
		},
		SaveAs: func(name string) (string, error) {
			ctx := ready.Load()
			if ctx == nil {
				return "", nil
			}
			return runtime.SaveFileDialog(*ctx, runtime.SaveDialogOptions{DefaultFilename: name})
		},
		OpenFile: func(title string) (string, error) {
			ctx := ready.Load()
			if ctx == nil {
				return "", nil
			}
			return runtime.OpenFileDialog(*ctx, runtime.OpenDialogOptions{Title: title})
		},
		Confirm: func(title, question string) (bool, error) {
			ctx := ready.Load()
			if ctx == nil {
				return false, nil
			}
			// Linux and Windows name the buttons themselves; the answer is the same.
			answer, err := runtime.MessageDialog(*ctx, runtime.MessageDialogOptions{
				Type: runtime.QuestionDialog, Title: title, Message: question,
				Buttons: []string{"Yes", "No"}, DefaultButton: "No", CancelButton: "No",
			})
			return answer == "Yes", err
		},
	})
	var over atomic.Bool // there is nothing to show any more
	leave := func() {}
	show := func(link string) bool {
		if over.Load() {
			return false
		}
		if link != "" {
			app.followLink(link)
		}
		if ctx := ready.Load(); ctx != nil {
			runtime.WindowUnminimise(*ctx)
			runtime.WindowShow(*ctx)
		}
		return !over.Load()
	}
	if !generating {
		link := linkAmong(os.Args[1:])
		one, err := takeWindow(context.Background(), paths, link, show)
		if err != nil {
			return err
		}
		defer one.close()
		leave = one.leave
		if link != "" {
			app.followLink(link)
		}
	}
	window := &options.App{
		Title:       "Drawbridge",
		Width:       1000,
		Height:      720,
		MinWidth:    420,
		MinHeight:   480,
		AssetServer: &assetserver.Options{Assets: page, Middleware: themed(page, paths)},
		OnStartup: func(ctx context.Context) {
			ready.Store(&ctx)
			app.start(ctx)
		},
		OnDomReady: func(ctx context.Context) { runtime.WindowShow(ctx) },
		OnShutdown: func(context.Context) {
			over.Store(true)
			leave()
			app.close()
		},
		Bind:           []any{app},
		EnumBind:       []any{control.AllStates, report.AllStatuses, control.AllFolders},
		ErrorFormatter: formatError,
		Linux: &linux.Options{
			Icon:             icon,
			ProgramName:      "drawbridge-desktop",
			WebviewGpuPolicy: linux.WebviewGpuPolicyNever,
		},
		Windows: &windows.Options{Theme: windows.SystemDefault},
		Mac:     &mac.Options{OnUrlOpen: func(link string) { show(link) }}, // elsewhere a link comes as an argument
	}
	firstLook(window, paths)
	return wails.Run(window)
}
