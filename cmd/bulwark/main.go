// Command bulwark hardens and remediates Docker hosts.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/bulwark-project/bulwark/cmd/internal/cli"
)

// version is set by the linker.
var version = "dev"

func main() {
	if code, yes := cli.Inside(os.Args[1:], os.Stdout); yes {
		os.Exit(code)
	}
	if err := cli.Isolate(); err != nil {
		fmt.Fprintf(os.Stderr, "bulwark: cannot leave the caller's environment: %v\n", err)
		os.Exit(1)
	}
	// A run lasts a moment: collecting garbage as often as a server does costs
	// a quarter of plan's own time. The limit keeps a huge host in bounds.
	debug.SetGCPercent(200)
	debug.SetMemoryLimit(256 << 20)
	log.SetOutput(io.Discard) // net/http tells there what a daemon sends unasked
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, version, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
