package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// lockWait is how long, in seconds, a program waits for /run/xtables.lock.
// Always given: without it some versions wait for ever.
const lockWait = "10"

// Restore gives script to iptables-restore --noflush: one transaction, all or
// nothing. lock, which may be nil, is handed to the child: if we are killed, no
// other run of bulwark begins before it has ended.
func Restore(ctx context.Context, family, variant, script string, lock *os.File) error {
	t := table{family, variant}
	path := t.program("-restore")
	if path == "" {
		return fmt.Errorf("cannot change %s: %s-%s-restore is not installed", t, t.prefix(), variant)
	}
	return load(ctx, t, []string{path, "--noflush", "--wait", lockWait}, script, lock)
}

// LoadNFT gives script to nft: one transaction.
func LoadNFT(ctx context.Context, script string, lock *os.File) error {
	path := program("nft")
	if path == "" {
		return fmt.Errorf("cannot change %s: nft is not installed", ownTable)
	}
	return load(ctx, ownTable, []string{path, "-f", "-"}, script, lock)
}

func load(ctx context.Context, t table, argv []string, script string, lock *os.File) error {
	if _, err := startCommand(ctx, argv, []byte(script), lock).wait(); err != nil {
		return fmt.Errorf("cannot change %s: %w", t, err)
	}
	return nil
}

// Raced reports whether a load may have failed because the table was no longer
// as it was read: a rule to delete was gone, a chain to remove was used again.
// What was asked for wrongly may look the same; then the next try fails too.
func Raced(err error) bool {
	var p *ProgramError
	if !errors.As(err, &p) {
		return false
	}
	for _, words := range []string{"No such file or directory", "File exists", "Device or resource busy"} {
		if strings.Contains(p.Stderr, words) {
			return true
		}
	}
	return p.Code == 1 && strings.Contains(p.Stderr, "line ") // iptables: 2 is a fault in the text, 4 the kernel's refusal
}

// RemoveDockerUser removes the chain DOCKER-USER if it is empty and nothing
// jumps to it: the kernel refuses otherwise, and then it is somebody's.
func RemoveDockerUser(ctx context.Context, family, variant string, lock *os.File) error {
	err := Restore(ctx, family, variant, "*filter\n-X DOCKER-USER\nCOMMIT\n", lock)
	if Raced(err) {
		return nil
	}
	return err
}
