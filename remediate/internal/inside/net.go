package inside

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// netAttacks are those that go over the network.
func netAttacks() map[string]attack {
	return map[string]attack{
		"reach":        reach,
		"listen":       listen,
		"dns":          ask,
		"say":          say,
		"touch":        touch,
		"audit-escape": escape,
	}
}

// A Try is one connection that was tried.
type Try struct {
	Kind    string `json:"kind"`
	Address string `json:"address"`
	// What came of it: answered, connected (but not answered), refused, timed
	// out, no route, not permitted, or other words of the kernel's.
	What string `json:"what"`
}

// reach tries all of KIND/ADDRESS..., side by side.
func reach(args []string) (any, error) {
	if len(args) == 0 {
		return nil, errors.New("reach wants KIND/ADDRESS")
	}
	tries := make([]Try, len(args))
	var wg sync.WaitGroup
	for i, a := range args {
		kind, address, _ := strings.Cut(a, "/")
		wg.Go(func() { tries[i] = Try{kind, address, fromContainer(kind, address)} })
	}
	wg.Wait()
	return map[string]any{"tries": tries}, nil
}

// fromContainer is Reach as soon as the container's network can carry it.
func fromContainer(kind, address string) string {
	if err := settle(strings.Count(address, ":") > 1); err != nil {
		return err.Error()
	}
	return Reach(kind, address)
}

// listen answers on a TCP and UDP port for a time: PORT SECONDS. Once it does,
// and has asked itself, it prints a line.
func listen(args []string) (any, error) {
	if len(args) != 2 {
		return nil, errors.New("listen wants PORT SECONDS")
	}
	limit, err := strconv.Atoi(args[1])
	if err != nil {
		return nil, err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(limit)*time.Second)
	defer cancel()
	s, err := Serve(":" + args[0])
	if err != nil {
		return nil, err
	}
	defer s.Close()
	fmt.Printf("{\"listening\":%q,\"itself\":%q}\n", args[0], Reach("tcp", net.JoinHostPort("127.0.0.1", args[0])))
	<-ctx.Done()
	return map[string]string{"listened": args[0]}, nil
}

// ask looks NAME up, as programs in the container do.
func ask(args []string) (any, error) {
	if len(args) != 1 {
		return nil, errors.New("dns wants NAME")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	list, err := (&net.Resolver{PreferGo: true}).LookupHost(ctx, args[0])
	var d *net.DNSError
	what := "answered"
	switch {
	case errors.As(err, &d) && d.IsNotFound:
		what = "no such name"
	case err != nil:
		what = words(err)
	}
	return map[string]any{"what": what, "addresses": list}, nil
}

// say prints what it is told, for the log.
func say(args []string) (any, error) { return map[string]string{"said": strings.Join(args, " ")}, nil }

// touch makes a file that was not there, and removes it.
func touch(args []string) (any, error) {
	if len(args) != 1 {
		return nil, errors.New("touch wants FILE")
	}
	f, err := os.OpenFile(args[0], os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return map[string]string{"touched": args[0]}, errors.Join(f.Close(), os.Remove(args[0]))
}
