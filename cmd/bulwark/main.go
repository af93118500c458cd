// Command bulwark hardens and remediates Docker hosts.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/bulwark-project/bulwark/cmd/internal/cli"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, version, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
