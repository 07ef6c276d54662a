//go:build linux && (desktop || dev)

package main

// Wails lets every page read the clipboard (its call ClipboardGetText), and has no
// option against it. Ours never does, and while a copied token is there it must
// not: a program's own functions go before those of its libraries, so that call
// finds this one instead of GTK's and gets no text. Nothing else here uses GTK's:
// what a person pastes, the web view reads by gtk_clipboard_request_text.

/*
#include <stddef.h>

char *gtk_clipboard_wait_for_text(void *clipboard) { (void)clipboard; return NULL; }
*/
import "C"
